"""Where an installation's databases lie, in its data directory or where a URL says; opens them."""

import os
from pathlib import Path
from typing import Final

import msgspec
from sqlalchemy import Engine

from audit_trail.capture.outbox import Outbox
from audit_trail.capture.sqlalchemy import outbox
from audit_trail.capture.url import driver_url, is_postgresql, read_url
from audit_trail.errors import StoreFailed
from audit_trail.store.port import Store
from live_agent.database import Database
from live_agent.engines import open_engine
from live_agent.watching import WATCH

OUTBOX_CONNECTIONS: Final = 8
"""One leads, one works, and requests look whether what they wait for is sequenced."""


class Places(msgspec.Struct, frozen=True, kw_only=True):
    """The data directory, and the URLs of what lies elsewhere; an empty one is a file in it.

    `capture_url` is that of the role which reads the outbox; by default the database's own.
    """

    data: Path
    database_url: str = ""
    capture_url: str = ""
    trail_url: str = ""

    def __repr__(self) -> str:
        """Show no URL: it may hold a password."""
        return f"Places({self.data})"

    def database(self) -> Database:
        """Return the application's database; prepare it before serving. Raises `UrlRefused`."""
        return Database(self.database_url or self._directory() / "live-agent.db")

    def reader(self, database: Database) -> Engine:
        """Return the engine that reads the outbox: on PostgreSQL, as the capture role."""
        if not database.is_postgresql:
            return database.engine
        return open_engine(read_url(self.capture_url or self.database_url), OUTBOX_CONNECTIONS)

    def outbox(self, reader: Engine) -> Outbox:
        """Return the outbox as the reader sees it."""
        lock = None if self.database_url else self._directory() / "sequencer.lock"
        return outbox(reader, parents=WATCH.parents(), lock=lock)

    def trail(self, *, is_there: bool = False, is_read_only: bool = False) -> Store:
        """Open the trail. Raises `StoreFailed` or `UrlRefused`.

        What `is_there` isn't created. An SQLite file may be opened for reading only.
        """
        if self.trail_url and is_postgresql(url := read_url(self.trail_url)):
            from audit_trail.store.postgresql.store import PostgresqlStore

            return PostgresqlStore(driver_url(url))
        from audit_trail.store.sqlite import SqliteStore

        folder = self.data if is_there else self._directory()
        path = Path(str(url.database)) if self.trail_url else folder / "trail.db"
        if is_there and not path.is_file():
            raise StoreFailed(f"There is no trail {path}.")
        if not is_read_only:
            os.close(os.open(path, os.O_CREAT | os.O_RDONLY, 0o600))
        return SqliteStore(path, is_read_only=is_read_only)

    def _directory(self) -> Path:
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self.data
