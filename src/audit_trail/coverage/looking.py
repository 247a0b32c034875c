"""Looks at a database, notes in its outbox what has changed since the last look, and keeps it.

Look, notes and what is kept are one transaction of the database that is looked at: neither a crash
nor a second server can tell of anything twice, or lose it.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from audit_trail.capture import sqlalchemy as capture
from audit_trail.capture.look import Look
from audit_trail.capture.outbox import Event
from audit_trail.capture.url import name_of
from audit_trail.coverage.gaps import Kept, Telling, begun_again, noticed
from audit_trail.errors import AuditError, CoverageRefused, OutboxFailed, WatchRefused
from audit_trail.record.captured import ENTITY
from audit_trail.record.entry import INSTALLATION
from audit_trail.trail import utc_now_us

_log = logging.getLogger(__name__)

_READING: Final[dict[str, dict[str, Any]]] = {
    "postgresql": {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True},
    "sqlite": {"isolation_level": "AUTOCOMMIT"},
}


_NEEDED: Final = {"outbox": "the outbox", "coverage": "what looks keep"}

Begun = Callable[[int], int | None]
"""Given when a first look was, tells the latest moment by which another one had been before it."""


class Seen(NamedTuple):
    """A look, and the moments that it lay between (µs UTC)."""

    look: Look
    began_us: int
    ended_us: int


def look_and_note(
    engine: Engine,
    *,
    clock: Callable[[], int] = utc_now_us,
    accounts: Sequence[str] | None = None,
    earlier: Seen | None = None,
    begun: Begun = lambda _: None,
) -> Look:
    """Look, and note what is new in the installation's trail and those of `accounts`.

    Without accounts theirs is kept until somebody looks who knows them. On PostgreSQL the engine
    connects as the capture role or a member of it. `clock` gives µs UTC. `earlier` is a look that
    could not be noted; `begun` tells those who know accounts whether a first look was the first.
    Raises `WatchRefused`, `CoverageRefused` and `OutboxFailed`.
    """
    ahead = _looked_ahead(engine, clock) if engine.dialect.name == "sqlite" else None
    with translating(engine), engine.begin() as connection:
        capture.take_turn(connection)
        capture.require_keeping(connection)
        kept = kept_in(connection)
        altered_us = capture.take_altered(connection)
        # Who looked or synced meanwhile has left another state.
        newest = ahead[0] if ahead and ahead[1] == kept else _looked(connection, kept, clock)
        for seen in (earlier, newest):
            if seen:
                kept, tellings = noticed(kept, *seen, altered_us, database=name_of(engine.url))
                kept = _told(connection, kept, tellings, accounts, begun)
        capture.keep_state(connection, msgspec.json.encode(kept, order="sorted").decode())
    return newest.look


def _looked(connection: Connection, kept: Kept | None, clock: Callable[[], int]) -> Seen:
    began_us = clock()
    return Seen(capture.look(connection, kept.prints if kept else {}), began_us, clock())


def _looked_ahead(engine: Engine, clock: Callable[[], int]) -> tuple[Seen, Kept | None]:
    """Look without the right to write, for which all writers of a file would wait."""
    with _snapshot(engine) as connection:
        kept = kept_in(connection)
        return _looked(connection, kept, clock), kept


def _told(
    connection: Connection,
    kept: Kept,
    tellings: Sequence[Telling],
    accounts: Sequence[str] | None,
    begun: Begun,
) -> Kept:
    """Note what is told to whom, and return what is left to be told."""
    _note(connection, tellings, [INSTALLATION])
    untold = (*kept.untold, *tellings)
    if accounts is not None:
        _note(connection, untold, accounts)
        for each in untold:
            if each.begins_us and (earlier_us := begun(each.begins_us)):
                _note(connection, [begun_again(each, earlier_us)], [INSTALLATION, *accounts])
        untold = ()
    return msgspec.structs.replace(kept, untold=untold)


def look_only(engine: Engine) -> tuple[Look, Kept | None]:
    """Look, and return that with what the last look kept; nothing is written."""
    with _snapshot(engine) as connection:
        before = kept_in(connection)
        return capture.look(connection, before.prints if before else {}), before


@contextmanager
def _snapshot(engine: Engine) -> Iterator[Connection]:
    """Read inside the block, all on one snapshot."""
    options = _READING[engine.dialect.name]
    with (
        translating(engine),
        engine.connect().execution_options(**options) as connection,
        connection.begin(),
    ):
        driver: Any = connection.connection.driver_connection
        # SQLite's driver itself would begin with the first write alone.
        if engine.dialect.name == "sqlite" and not driver.in_transaction:
            connection.exec_driver_sql("BEGIN")
        yield connection


@contextmanager
def looking_around(engine: Engine, *, clock: Callable[[], int] = utc_now_us) -> Iterator[None]:
    """Look before and after what mends capture inside the block, so that a gap that it ends is told.

    A database that isn't captured yet has nothing to look at before. What is to be mended may be
    what a look needs: then what it saw is noted after.
    """
    earlier = _look_before(engine, clock) if _is_captured(engine) else None
    yield
    look_and_note(engine, clock=clock, earlier=earlier)


def _look_before(engine: Engine, clock: Callable[[], int]) -> Seen | None:
    """Note what there is; where that can't be, return it, or nothing where it can't be seen."""
    try:
        look_and_note(engine, clock=clock)
    except AuditError:
        began_us = clock()
        try:
            return Seen(look_only(engine)[0], began_us, clock())
        except AuditError:
            _log.warning("what was recorded until now can't be looked at", exc_info=True)
    return None


def _is_captured(engine: Engine) -> bool:
    """Tell whether there is anything to look at, and room to keep what was seen."""
    options = {"audit_read_only": True}
    with translating(engine), engine.connect().execution_options(**options) as connection:
        try:
            capture.require_keeping(connection)
            capture.kept_watch_list(connection)
        except (CoverageRefused, WatchRefused):
            return False
        return True


def missing_from(engine: Engine) -> str | None:
    """Name what is missing without which nothing can be noted, or None. Raises `OutboxFailed`."""
    options = {"audit_read_only": True}
    with translating(engine), engine.connect().execution_options(**options) as connection:
        missing = {name.removeprefix("audit_") for name in capture.lacking(connection)}
    return next((said for name, said in _NEEDED.items() if name in missing), None)


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
        raise OutboxFailed(f"The database {name_of(engine.url)} failed: {cause}") from error
