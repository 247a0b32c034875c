"""Looks at a database, notes in its outbox what has changed since the last look, and keeps it.

Look, notes and what is kept are one transaction of the database that is looked at: neither a crash
nor a second server can tell of anything twice, or lose it.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from audit_trail.capture import sqlalchemy as capture
from audit_trail.capture.look import Look
from audit_trail.capture.outbox import Event
from audit_trail.coverage.gaps import Kept, Telling, noticed
from audit_trail.errors import OutboxFailed
from audit_trail.record.entry import INSTALLATION
from audit_trail.trail import utc_now_us

ENTITY: Final = "capture"
"""The type of what entries about capture are about."""

_READING: Final[dict[str, dict[str, Any]]] = {
    "postgresql": {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True},
    "sqlite": {"isolation_level": "AUTOCOMMIT"},
}


def look_and_note(
    engine: Engine,
    *,
    clock: Callable[[], int] = utc_now_us,
    accounts: Sequence[str] | None = None,
) -> Look:
    """Look, and note what is new in the installation's trail and those of `accounts`.

    Without accounts theirs is kept until somebody looks who knows them. The engine has capture
    attached, or connects as the capture role. `clock` gives µs UTC. Raises `WatchRefused`,
    `CoverageRefused` and `OutboxFailed`.
    """
    with translating(engine), engine.begin() as connection:
        capture.take_turn(connection)
        capture.require_keeping(connection)
        before = kept_in(connection)
        altered_us = capture.take_altered(connection)
        began_us = clock()
        look = capture.look(connection, before.prints if before else {})
        kept, tellings = noticed(before, look, began_us, clock(), altered_us)
        _note(connection, tellings, [INSTALLATION])
        untold = (*kept.untold, *(each for each in tellings if each.of_accounts))
        if accounts is not None:
            _note(connection, untold, accounts)
            untold = ()
        kept = msgspec.structs.replace(kept, untold=untold)
        capture.keep_state(connection, msgspec.json.encode(kept, order="sorted").decode())
    return look


def look_only(engine: Engine) -> tuple[Look, Kept | None]:
    """Look, and return that with what the last look kept; nothing is written."""
    options = _READING[engine.dialect.name]
    with translating(engine), engine.connect().execution_options(**options) as connection:
        if engine.dialect.name == "sqlite":
            # All of it on one snapshot. The driver itself would begin with the first write alone.
            connection.exec_driver_sql("BEGIN")
        before = kept_in(connection)
        return capture.look(connection, before.prints if before else {}), before


@contextmanager
def looking_around(engine: Engine, *, clock: Callable[[], int] = utc_now_us) -> Iterator[None]:
    """Look before and after what mends capture inside the block, so that a gap that it ends is told.

    A database in which nothing was kept yet has nothing to look at before.
    """
    if has_begun(engine):
        look_and_note(engine, clock=clock)
    yield
    if has_begun(engine):
        look_and_note(engine, clock=clock)


def has_begun(engine: Engine) -> bool:
    """Tell whether somebody has looked at this database already."""
    return kept_of(engine) is not None


def kept_of(engine: Engine) -> Kept | None:
    """Return what the last look kept. Raises `CoverageRefused` and `OutboxFailed`."""
    options = {"audit_read_only": True}
    with translating(engine), engine.connect().execution_options(**options) as connection:
        return kept_in(connection)


def kept_in(connection: Connection) -> Kept | None:
    """Return what the last look kept; what can't be read counts as none."""
    text = capture.kept_state(connection)
    try:
        return None if text is None else msgspec.json.decode(text, type=Kept)
    except msgspec.DecodeError:
        return None


def _note(connection: Connection, tellings: Sequence[Telling], accounts: Sequence[str]) -> None:
    for telling in tellings:
        for account in accounts:
            details = telling.details_for(is_installation=account == INSTALLATION)
            if details is not None:
                event = Event(
                    action=telling.action, account=account, entity_type=ENTITY, details=details
                )
                capture.note(connection, event)


@contextmanager
def translating(engine: Engine) -> Iterator[None]:
    """Raise a driver's error as ours."""
    try:
        yield
    except (DBAPIError, PoolTimeout) as error:
        cause = str(error.orig if isinstance(error, DBAPIError) else error).partition("\n")[0]
        name = engine.url.render_as_string(hide_password=True)
        raise OutboxFailed(f"The database {name} failed: {cause}") from error
