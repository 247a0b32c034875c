"""Opens the engine of a database that a URL names, and reads its errors; it knows no table."""

import json
import sqlite3
from typing import Any, Final

from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm.exc import StaleDataError

from audit_trail.capture.url import is_postgresql
from live_agent.errors import DatabaseBusy, DatabaseFailed, Invalid, LiveAgentError

FILE_CONNECTIONS: Final = 40
SERVER_CONNECTIONS: Final = 20
"""By default, in each process; a server gives some hundred to all of them together."""

FREE_CONNECTION_SECONDS: Final = 10
CONNECT_SECONDS: Final = 5

FAILURES: Final = (
    DBAPIError,
    sqlite3.Error,
    PoolTimeout,
    StaleDataError,
    OverflowError,
    UnicodeEncodeError,
    OSError,
)
"""What may come out of an engine in use; `translated` tells what it means."""

_LOCKED: Final = ("database is locked", "database table is locked")
_BUSY_STATES: Final = {
    "25P03",  # the transaction was idle for too long
    "40001",  # serialization failure
    "40P01",  # deadlock
    "53300",  # too many connections
    "55P03",  # a lock was waited for in vain
    "57014",  # the statement took too long
    "57P03",  # the server starts or stops
}


def open_engine(url: URL, connections: int = SERVER_CONNECTIONS) -> Engine:
    """Return an engine for the database; nothing is connected yet.

    On a server it opens no more `connections`; to a file there are enough for every thread.
    """
    if is_postgresql(url):
        return create_engine(
            url,
            pool_size=connections,
            max_overflow=0,
            pool_timeout=FREE_CONNECTION_SECONDS,
            pool_pre_ping=True,  # After a restart of the server the old connections are dead.
            # Writers wait for their turn before they read, so each statement must see what is there.
            isolation_level="READ COMMITTED",
            json_deserializer=_read_json,
            hide_parameters=True,
            connect_args={
                "connect_timeout": CONNECT_SECONDS,
                "application_name": "live-agent",
                # A pooler may give each transaction another connection.
                "prepare_threshold": None,
            },
        )
    engine = create_engine(
        url,
        pool_size=FILE_CONNECTIONS,
        max_overflow=0,
        json_deserializer=_read_json,
        hide_parameters=True,
    )
    event.listen(engine, "connect", _read_any_text)
    return engine


def translated(error: BaseException, name: str) -> LiveAgentError:
    """Return the error of ours that one of `FAILURES` means. `name` names the database."""
    match error:
        case IntegrityError():
            return Invalid(message=f"This conflicts with another record ({_cause(error)}).")
        case OverflowError():
            return Invalid(message="A number is out of range.")
        case DataError() | UnicodeEncodeError():
            return Invalid(message="A value can't be stored: it is too large, or no text.")
        case StaleDataError():
            return DatabaseBusy(f"The database {name} was changed by another writer meanwhile.")
    failed = DatabaseBusy if _is_busy(error) else DatabaseFailed
    return failed(f"The database {name} failed: {_cause(error)}")


def _is_busy(error: BaseException) -> bool:
    if isinstance(error, DBAPIError):
        return getattr(error.orig, "sqlstate", None) in _BUSY_STATES or str(error.orig) in _LOCKED
    return isinstance(error, PoolTimeout) or str(error) in _LOCKED


def _cause(error: BaseException) -> str:
    """The driver's own words, without the values that PostgreSQL shows in its further lines."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    said = getattr(getattr(cause, "diag", None), "message_primary", None)
    return said or str(cause).partition("\n")[0]


def _read_json(stored: object) -> Any:
    """A shell can write anything; what isn't JSON reads as nothing, and its entry says what it was."""
    try:
        value = json.loads(stored) if isinstance(stored, str | bytes) else None
        json.dumps(value, ensure_ascii=False).encode()  # No answer can hold a lone surrogate.
    except (ValueError, RecursionError):
        return None
    return value


def _read_any_text(connection: sqlite3.Connection, _record: object) -> None:
    """Text that isn't UTF-8 is shown as far as it can be, where the driver would fail."""
    connection.text_factory = lambda stored: stored.decode(errors="replace")
