"""Live Agent's database: one transaction a request, with capture attached; it knows no resource.

Writers take turns, so that what a request has read stays true until it has written: on SQLite all of
them, since BEGIN IMMEDIATE locks the file; on PostgreSQL those of one account.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, inspect
from sqlalchemy.orm import Session

from audit_trail.capture import sqlalchemy as capture
from audit_trail.capture.url import is_postgresql, name_of, read_url
from audit_trail.coverage.looking import looking_around
from live_agent.engines import FAILURES, open_engine, translated
from live_agent.errors import DatabaseOutdated
from live_agent.schema import SCHEMA_VERSION
from live_agent.watching import WATCH

SYNC_COMMAND: Final = "live-agent database sync"
TURN_SECONDS: Final = 10
IDLE_SECONDS: Final = 60
"""A writer who says nothing for so long is ended by the server: others wait for it."""

# Advisory locks, which nothing but Live Agent knows: the installation's, and one for each account.
_INSTALLATION: Final = 0x6C697665  # "live"
_MIGRATION: Final = _INSTALLATION + 1
_LIMITS: Final = (
    f"set_config('lock_timeout', '{TURN_SECONDS}s', true), "
    f"set_config('idle_in_transaction_session_timeout', '{IDLE_SECONDS}s', true)"
)
_TURN_OF_ALL: Final = f"SELECT {_LIMITS}, pg_advisory_xact_lock({_INSTALLATION})"
_TURN_OF_ONE: Final = (
    f"SELECT {_LIMITS}, pg_advisory_xact_lock_shared({_INSTALLATION}), "
    "pg_advisory_xact_lock(hashtextextended('live-agent account ' || %s, 0))"
)
_ONE_SNAPSHOT: Final[dict[str, Any]] = {
    "isolation_level": "REPEATABLE READ",
    "postgresql_readonly": True,
}


class Database:
    """The database that a URL or a file's path names."""

    def __init__(self, place: str | Path) -> None:
        """Name the database; nothing is opened yet. Raises `UrlRefused`."""
        url = (
            URL.create("sqlite", database=str(place))
            if isinstance(place, Path)
            else read_url(place)
        )
        self.name = name_of(url)
        self.after_commit: Callable[[], None] = lambda: None
        """What follows each recorded change, such as waking the sequencer."""
        self.engine = open_engine(url)
        self.is_postgresql = is_postgresql(url)
        capture.attach(self.engine, after_commit=lambda: self.after_commit())

    @property
    def path(self) -> Path:
        """The file, where the database is one."""
        return Path(self.name)

    @contextmanager
    def transaction(self, account_id: int | None = None) -> Iterator[Session]:
        """Write inside the block: committed at its end, rolled back when it raises.

        Writers of the same account take turns, and who names none takes turns with all: do so
        where people or several accounts are touched. Others wait meanwhile, so hash no password
        inside. Raises `DatabaseFailed`.
        """
        with (
            self._translating(),
            Session(self.engine, expire_on_commit=False) as session,
            session.begin(),
        ):
            # On SQLite BEGIN IMMEDIATE is the turn.
            self._take_turn(session.connection(), account_id)
            yield session

    @contextmanager
    def rehearsal(self) -> Iterator[Session]:
        """Write inside the block as anybody would, and keep nothing of it. Raises `DatabaseFailed`."""
        with self.transaction() as session:
            yield session
            session.rollback()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Read inside the block, on one snapshot; nothing is kept. Raises `DatabaseFailed`."""
        options = {"audit_read_only": True} | (_ONE_SNAPSHOT if self.is_postgresql else {})
        with (
            self._translating(),
            self.engine.connect().execution_options(**options) as connection,
            Session(connection, autoflush=False, expire_on_commit=False) as session,
        ):
            yield session

    def prepare(self) -> None:
        """Create the tables in an empty database, or check that all is as it must be.

        Raises `DatabaseOutdated` or `CaptureOutdated`, naming the command to run.
        """
        with self._translating():
            if not self.is_postgresql:
                self.path.touch(mode=0o600)
            with self._alone(), self.engine.begin() as connection:
                found = _version(connection)
                if found is None:
                    self._require_may_create(connection)
                    _migrate(connection)
                    capture.sync(connection, WATCH)
                    return
                if found != SCHEMA_VERSION:
                    raise self._outdated(found)
                capture.require_current(connection, WATCH, SYNC_COMMAND)

    def sync(self) -> None:
        """Bring the schema up to date and make the triggers as generated.

        On PostgreSQL as the tables' owner. Raises `DatabaseOutdated` for a later version's.
        """
        with (
            self._translating(),
            self._alone(),
            looking_around(self.engine),
            capture.migrating(self.engine, WATCH) as connection,
        ):
            found = _version(connection)
            if found is not None and not _is_earlier(found) and found != SCHEMA_VERSION:
                raise self._outdated(found)
            _migrate(connection)

    def close(self) -> None:
        """Close every connection that is not in use."""
        self.engine.dispose()

    def _take_turn(self, connection: Connection, account_id: int | None) -> None:
        if not self.is_postgresql:
            return
        if account_id is None:
            connection.exec_driver_sql(_TURN_OF_ALL)
        else:
            connection.exec_driver_sql(_TURN_OF_ONE, (str(account_id),))

    def _alone(self) -> AbstractContextManager[None]:
        """Let nobody else create or migrate meanwhile. On SQLite the transaction itself does."""
        return self._locked() if self.is_postgresql else nullcontext()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        # In a transaction of its own, since a migration's locks what it must not wait behind.
        with self.engine.begin() as connection:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATION})")
            yield

    def _require_may_create(self, connection: Connection) -> None:
        if not self.is_postgresql:
            return
        may = connection.exec_driver_sql(
            "SELECT has_database_privilege(current_database(), 'CREATE') "
            "AND coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)"
        ).scalar_one()
        if not may:
            raise DatabaseOutdated(
                f"The database {self.name} has no tables, and this role may not create them. "
                f"Run as their owner: {SYNC_COMMAND}"
            )

    def _outdated(self, found: str) -> DatabaseOutdated:
        if not found:
            return DatabaseOutdated(f"The database {self.name} is not one of Live Agent.")
        advice = (
            f"Run: {SYNC_COMMAND}"
            if _is_earlier(found)
            else "Use the version of Live Agent that wrote it."
        )
        return DatabaseOutdated(
            f"The database {self.name} has schema {found}, and this version needs "
            f"{SCHEMA_VERSION}. {advice}"
        )

    @contextmanager
    def _translating(self) -> Iterator[None]:
        try:
            yield
        except FAILURES as error:
            raise translated(error, self.name) from error


def _migrate(connection: Connection) -> None:
    """Import what migrates only here: most starts find the schema up to date."""
    from live_agent.migrations import history

    history.migrate(connection)


def _version(connection: Connection) -> str | None:
    """Return the schema's version: None in an empty database, nothing in another program's."""
    tables = inspect(connection).get_table_names()
    if not tables:
        return None
    if "alembic_version" not in tables:
        if not _is_of_the_first_release(connection):
            return ""
        from live_agent.migrations import history

        history.adopt(connection)
    statement = "SELECT version_num FROM alembic_version"
    return str(connection.exec_driver_sql(statement).scalar() or "")


def _is_of_the_first_release(connection: Connection) -> bool:
    """It kept the version in the file's header."""
    if connection.dialect.name != "sqlite":
        return False
    return bool(connection.exec_driver_sql("PRAGMA user_version").scalar_one() == 1)


def _is_earlier(found: str) -> bool:
    return found.isdigit() and int(found) < int(SCHEMA_VERSION)
