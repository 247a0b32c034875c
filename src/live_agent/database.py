"""Live Agent's database: one transaction a request, with capture attached; it knows no resource."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, create_engine, event
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from audit_trail.capture import sqlalchemy as capture
from live_agent.errors import DatabaseBusy, DatabaseFailed, DatabaseOutdated, Invalid
from live_agent.schema import SCHEMA_VERSION, Record
from live_agent.watching import WATCH

SYNC_COMMAND: Final = "live-agent database sync"
CONNECTIONS: Final = 40
_BUSY: Final = ("database is locked", "database table is locked")


class Database:
    """The database in one file."""

    def __init__(self, path: Path) -> None:
        """Name the file; nothing is opened yet."""
        self.path = path
        self.after_commit: Callable[[], None] = lambda: None
        """What follows each recorded change, such as waking the sequencer."""
        self.engine = create_engine(
            URL.create("sqlite", database=str(path)),
            pool_size=CONNECTIONS,
            max_overflow=0,
            json_deserializer=_read_json,
        )
        event.listen(self.engine, "connect", _read_any_text)
        capture.attach(self.engine, after_commit=lambda: self.after_commit())

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Write inside the block: committed at its end, rolled back when it raises.

        Other writers wait meanwhile, so hash no password inside. Raises `DatabaseFailed`.
        """
        with (
            self._translating(),
            Session(self.engine, expire_on_commit=False) as session,
            session.begin(),
        ):
            session.connection()  # BEGIN IMMEDIATE now, so that what is read stays true.
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Read inside the block, on one snapshot; nothing is kept. Raises `DatabaseFailed`."""
        with (
            self._translating(),
            self.engine.connect().execution_options(audit_read_only=True) as connection,
            Session(connection, autoflush=False, expire_on_commit=False) as session,
        ):
            yield session

    def prepare(self) -> None:
        """Create the tables in an empty file, or check that an existing one is as it must be.

        Raises `DatabaseOutdated` or `CaptureOutdated`, naming the command to run.
        """
        with self._translating():
            self.path.touch(mode=0o600)
            with self.engine.begin() as connection:
                if _is_empty(connection):
                    Record.metadata.create_all(connection)
                    capture.sync(connection, WATCH)
                    _set_version(connection)
                    return
                if _version(connection) != SCHEMA_VERSION:
                    raise DatabaseOutdated(self._outdated(_version(connection)))
                capture.require_current(connection, WATCH, SYNC_COMMAND)

    def sync(self) -> None:
        """Bring the schema up to date and create the triggers anew."""
        with self._translating(), capture.migrating(self.engine, WATCH) as connection:
            if not _is_empty(connection) and _version(connection) != SCHEMA_VERSION:
                raise DatabaseOutdated(self._outdated(_version(connection)))
            Record.metadata.create_all(connection)
            _set_version(connection)

    def close(self) -> None:
        """Close every connection that is not in use."""
        self.engine.dispose()

    def _outdated(self, version: int) -> str:
        if version == 0:
            return f"The database {self.path} is not one of Live Agent."
        return (
            f"The database {self.path} has schema {version}, and this version needs "
            f"{SCHEMA_VERSION}. Use the version of Live Agent that wrote it."
        )

    @contextmanager
    def _translating(self) -> Iterator[None]:
        try:
            yield
        except IntegrityError as error:
            raise Invalid(message=f"This conflicts with another record ({error.orig}).") from error
        except OverflowError as error:
            raise Invalid(message="A number is out of range.") from error
        except (DBAPIError, sqlite3.Error, PoolTimeout, OSError) as error:
            cause = str(error.orig) if isinstance(error, DBAPIError) else str(error)
            busy = isinstance(error, PoolTimeout) or cause in _BUSY
            failed = DatabaseBusy if busy else DatabaseFailed
            raise failed(f"The database {self.path} failed: {cause}") from error


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


def _is_empty(connection: Connection) -> bool:
    return not connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar_one()


def _version(connection: Connection) -> int:
    return int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())


def _set_version(connection: Connection) -> None:
    connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA_VERSION}")
