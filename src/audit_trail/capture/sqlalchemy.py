"""The front door of capture for a SQLAlchemy engine: it finds the adapter, and does nothing itself."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from sqlalchemy import Connection, Engine
from sqlalchemy.ext.asyncio import AsyncEngine

from audit_trail.capture.look import Look
from audit_trail.capture.outbox import Event, Outbox
from audit_trail.capture.postgresql import connection as postgresql_connection
from audit_trail.capture.postgresql import foundation as postgresql_foundation
from audit_trail.capture.postgresql import looking as postgresql_looking
from audit_trail.capture.postgresql import outbox as postgresql_outbox
from audit_trail.capture.postgresql import records as postgresql_records
from audit_trail.capture.postgresql import schema as postgresql_schema
from audit_trail.capture.records import Records
from audit_trail.capture.sqlite import connection as sqlite_connection
from audit_trail.capture.sqlite import looking as sqlite_looking
from audit_trail.capture.sqlite import outbox as sqlite_outbox
from audit_trail.capture.sqlite import records as sqlite_records
from audit_trail.capture.sqlite import schema as sqlite_schema
from audit_trail.capture.watch import WatchList
from audit_trail.errors import ContextRefused, CoverageRefused


def attach(
    engine: Engine | AsyncEngine,
    *,
    after_commit: Callable[[], None] = lambda: None,
    as_guest: bool = False,
) -> None:
    """Make every transaction of the engine carry the context in force; call it once, at start.

    `after_commit` is called after each transaction that carried a context. A guest, in the database
    of an application that knows nothing of us, leaves its settings as they are. Raises
    `ContextRefused` for a database or driver that can't be captured.
    """
    sync_engine = engine.sync_engine if isinstance(engine, AsyncEngine) else engine
    if _is_postgresql(sync_engine):
        postgresql_connection.attach(sync_engine, after_commit=after_commit)
    else:
        sqlite_connection.attach(sync_engine, after_commit=after_commit, as_guest=as_guest)


def outbox(engine: Engine, *, parents: Sequence[str] = (), lock: Path | None = None) -> Outbox:
    """Return the outbox of the engine's database. `parents` are tables others point to.

    `lock` is the file whose holder sequences an outbox on SQLite, by default one beside the
    database; on PostgreSQL it is an advisory lock, and the engine connects as the capture role.
    """
    if _is_postgresql(engine):
        return postgresql_outbox.PostgresqlOutbox(engine, parents=parents)
    return sqlite_outbox.SqliteOutbox(engine, parents=parents, lock=lock)


def records(engine: Engine) -> Records:
    """Return the watched tables of the engine's database; on PostgreSQL as the capture role.

    The engine is an attached one.
    """
    if _is_postgresql(engine):
        return postgresql_records.PostgresqlRecords(engine)
    return sqlite_records.SqliteRecords(engine)


def carry(connection: Connection) -> None:
    """Put the context in force into the connection's transaction.

    Call it before statements that SQLAlchemy doesn't see, such as the driver's COPY.
    """
    (postgresql_connection if _is_postgresql(connection) else sqlite_connection).carry(connection)


def note(connection: Connection, event: Event) -> None:
    """Put an event into the outbox, in the connection's transaction and under its context."""
    (postgresql_outbox if _is_postgresql(connection) else sqlite_outbox).note(connection, event)


def tables(connection: Connection) -> list[str]:
    """Name every table that must be watched or ignored."""
    if _is_postgresql(connection):
        return postgresql_schema.tables_of(connection)
    return sqlite_schema.tables_of(connection)


def sync(connection: Connection, watch: WatchList) -> list[str]:
    """Create the outbox, make every trigger as generated, and keep the watch list.

    Return the triggers that were missing, outdated, or of nothing that is watched. Run it in one
    transaction. Raises `WatchRefused` when a table is neither watched nor ignored,
    or can't be watched.
    """
    if _is_postgresql(connection):
        return postgresql_schema.sync(connection, watch)
    return sqlite_schema.sync(connection, watch)


def remove(connection: Connection) -> int | None:
    """Remove all of capture, and return how many rows of the outbox went with it.

    None where there was none. Run it in one transaction, and roll that back where the rows must not be lost.
    """
    if _is_postgresql(connection):
        return postgresql_schema.remove(connection)
    return sqlite_schema.remove(connection)


def kept_watch_list(connection: Connection) -> WatchList:
    """Return the watch list that was kept beside the outbox. Raises `WatchRefused`."""
    if _is_postgresql(connection):
        return postgresql_schema.kept_watch_list(connection)
    return sqlite_schema.kept_watch_list(connection)


def require_current(connection: Connection, watch: WatchList, command: str) -> None:
    """Raise `CaptureOutdated`, naming the command to run, unless all triggers are as generated."""
    schema = postgresql_schema if _is_postgresql(connection) else sqlite_schema
    schema.require_current(connection, watch, command)


def look(connection: Connection, known: Mapping[str, str]) -> Look:
    """Return what is recorded of the database as it stands; see `Look.prints` for `known`.

    Raises `WatchRefused`, and `CoverageRefused` for a role that may not look.
    """
    if _is_postgresql(connection):
        return postgresql_looking.look(connection, known)
    return sqlite_looking.look(connection, known)


def kept_state(connection: Connection) -> str | None:
    """Return what the last look kept beside the outbox, if there was one."""
    if _is_postgresql(connection):
        return postgresql_looking.kept(connection)
    return sqlite_looking.kept(connection)


def lacking(connection: Connection) -> list[str]:
    """Name what is missing of the tables that capture keeps in the database."""
    if _is_postgresql(connection):
        return postgresql_foundation.lacking(connection)
    return sqlite_schema.lacking(connection)


def require_keeping(connection: Connection) -> None:
    """Raise `CoverageRefused` where nothing could be kept, since an earlier release has synced."""
    if {"coverage", "audit_coverage", "altered"} & {*lacking(connection)}:
        raise CoverageRefused(
            "An earlier release has synced capture here, which kept nothing of looks. Sync it again."
        )


def keep_state(connection: Connection, state: str) -> None:
    """Keep this beside the outbox for the next look."""
    looking = postgresql_looking if _is_postgresql(connection) else sqlite_looking
    looking.keep(connection, state)


def take_altered(connection: Connection) -> dict[str, int]:
    """Return when the schema of which tables was first altered since this was last asked, µs UTC.

    Only PostgreSQL notes that, where a superuser has synced.
    """
    return postgresql_looking.take_altered(connection) if _is_postgresql(connection) else {}


def take_turn(connection: Connection) -> None:
    """Let nobody else look or sync until the transaction ends."""
    (postgresql_schema if _is_postgresql(connection) else sqlite_looking).take_turn(connection)


def migrating(engine: Engine, watch: WatchList) -> AbstractContextManager[Connection]:
    """Migrate the schema inside the block, in one transaction, without a row of it in the outbox."""
    if _is_postgresql(engine):
        return postgresql_schema.migrating(engine, watch)
    return sqlite_schema.migrating(engine, watch)


def _is_postgresql(bound: Engine | Connection) -> bool:
    name = bound.dialect.name
    if name not in ("postgresql", "sqlite"):
        raise ContextRefused(f"Capture knows SQLite and PostgreSQL, not {name}.")
    return name == "postgresql"
