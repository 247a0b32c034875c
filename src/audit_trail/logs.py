"""How the log reads: a JSON object a line, or a person's line on a terminal; nobody's data in it."""

import logging
import sqlite3
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal, TextIO

import msgspec
import structlog
from structlog.typing import EventDict, Processor

from audit_trail.errors import AuditError

Form = Literal["auto", "json", "console"]

FIELDS: Final = (
    *("method", "route", "account", "status", "duration_ms", "request"),
    *("database", "trail", "tables", "entries", "behind", "oldest_seconds", "errors"),
)
"""What a line may say beside its message; what else is handed to the log is left out."""

ENGINE: Final = "audit_trail"
WRITTEN_BY_US: Final[tuple[type[BaseException], ...]] = (AuditError, OSError, sqlite3.Error)
"""Errors whose texts hold no value. Any other may repeat what somebody typed, such as a password
among a statement's parameters, so of it the log has the kind and the place alone."""

LONGEST_CHAIN: Final = 10


def configure_logs(
    form: Form,
    stream: TextIO,
    application: Mapping[str, type[BaseException]] | None = None,
) -> None:
    """Route the logs of this process, libraries' and warnings included, to the stream.

    `auto` is for people on a terminal and JSON elsewhere. `application` names the packages that log
    beside the engine, and the errors whose texts they write. Call it once, where a command begins.
    """
    application = application or {}
    for_people = form == "console" or (form == "auto" and stream.isatty())
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_formatter(for_people, (*WRITTEN_BY_US, *application.values())))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    for name in (ENGINE, *application):
        logging.getLogger(name).setLevel(logging.INFO)
    logging.captureWarnings(True)
    sys.excepthook = _log_uncaught
    threading.excepthook = lambda died: _log_uncaught(
        died.exc_type, died.exc_value or died.exc_type(), died.exc_traceback
    )


def _formatter(
    for_people: bool, ours: tuple[type[BaseException], ...]
) -> structlog.stdlib.ProcessorFormatter:
    def tell_exception(_logger: object, _method: str, line: EventDict) -> EventDict:
        given = line.pop("exc_info", None)
        error = given[1] if isinstance(given, tuple) else given
        if isinstance(error, BaseException):
            line["exception"] = "\n".join(_told(error, ours))
        return line

    renderer: Processor = (
        structlog.dev.ConsoleRenderer() if for_people else structlog.processors.JSONRenderer(_json)
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.ExtraAdder(FIELDS),
            structlog.processors.TimeStamper(fmt="iso", utc=True),
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            tell_exception,
            _leave_out_absent,
            renderer,
        ],
    )


def _json(line: EventDict, **_: Any) -> str:
    return msgspec.json.encode(line, enc_hook=repr).decode()


def _log_uncaught(_kind: object, error: BaseException, _traceback: object) -> None:
    logging.getLogger(__name__).critical("an error that nobody expected", exc_info=error)


def _leave_out_absent(_logger: object, _method: str, line: EventDict) -> EventDict:
    return {name: value for name, value in line.items() if value is not None}


def _told(error: BaseException | None, ours: tuple[type[BaseException], ...]) -> Iterator[str]:
    """Tell an error and what it came from: the kind, the places, and the text if it is ours."""
    for _ in range(LONGEST_CHAIN):
        if error is None:
            return
        kind = f"{type(error).__module__}.{type(error).__qualname__}"
        yield f"{kind}: {error}" if isinstance(error, ours) else kind
        yield from _places(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _places(error: BaseException) -> Iterator[str]:
    step = error.__traceback__
    while step is not None:
        code = step.tb_frame.f_code
        yield f"  {Path(code.co_filename).name}:{step.tb_lineno} in {code.co_qualname}"
        step = step.tb_next
