"""An application's database that knows nothing of us, written to as its own program would."""

import sqlite3
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import create_engine

from audit_trail.attaching.attaching import attach
from audit_trail.attaching.detaching import detach
from audit_trail.attaching.drafting import write_draft
from audit_trail.capture import sqlalchemy as capture
from audit_trail.capture.url import read_url
from audit_trail.capture.watch import WatchList
from audit_trail.record.entry import Entry
from audit_trail.sequencer.loop import Sequencer
from audit_trail.store.memory import MemoryStore
from audit_trail.trail import Trail
from tests.capture.host import NOW_US, Told, told
from tests.postgresql import Cluster, programs

# What an application of any language sends to say who acts; see docs/actors.md.
ADA = '{"actor":{"kind":"user","id":"7","email":"ada@example.com"},"origin":{"via":"ui"}}'


class Installation:
    """The database on one engine, and what attaching makes of it."""

    postgresql: bool
    outbox_table: str

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder
        self.store = MemoryStore()
        self._sequencer: Sequencer | None = None

    def connection(self) -> AbstractContextManager[Any]:
        """A connection of the application's own driver, in one transaction."""
        raise NotImplementedError

    def write(self, *statements: str) -> None:
        """Run the statements in one transaction, in which nobody says who acts."""
        with self.connection() as connection:
            for statement in statements:
                connection.execute(statement)

    def act(self, *statements: str) -> None:
        """Run the statements in one transaction, in which the application says who acts."""
        raise NotImplementedError

    def rows(self, statement: str) -> list[Any]:
        with self.connection() as connection:
            found: list[Any] = connection.execute(statement).fetchall()
            return found

    def dump(self) -> str:
        """The whole schema as text."""
        raise NotImplementedError

    def draft(self) -> Path:
        path = self.folder / "capture.toml"
        write_draft(self.url, path)
        return path

    def draft_text(self) -> str:
        """The draft, as it was written or now."""
        path = self.folder / "capture.toml"
        return (path if path.exists() else self.draft()).read_text(encoding="utf-8")

    def attach(self, config: str | Path) -> None:
        """Attach by a file, or by its text."""
        path = config if isinstance(config, Path) else self.folder / "given.toml"
        if isinstance(config, str):
            path.write_text(config)
        attach(self.url, path)
        self._sequencer = None

    def detach(self, *, discard: bool = False) -> int:
        return detach(self.url, discard=discard)

    def watch(self) -> WatchList:
        engine = create_engine(read_url(self.url))
        with engine.connect() as connection:
            watch = capture.kept_watch_list(connection)
        engine.dispose()
        return watch

    def drain(self) -> None:
        """Work off the outbox, knowing only what the database keeps."""
        watch = self.watch()
        engine = create_engine(read_url(self.url))
        ticks = count(NOW_US, 1_000)
        outbox = capture.outbox(engine, parents=watch.parents())
        trail = Trail(self.store, clock=lambda: next(ticks))
        Sequencer(outbox, trail, watch, clock=lambda: NOW_US).drain()
        engine.dispose()

    def entries(self, account: str = "1") -> list[Entry]:
        self.drain()
        return self.store.slice(account, 0, 1_000_000)

    def told(self, account: str = "1") -> list[Told]:
        return [told(entry) for entry in self.entries(account)]

    def said(self, account: str = "1") -> list[tuple[str, str, Mapping[str, Any]]]:
        """Action, record and changes of each entry."""
        return [(t.action, f"{t.entity} {t.id}", t.changes) for t in self.told(account)]

    def forget(self) -> None:
        """Leave out what led up to the test."""
        self.drain()
        self.store = MemoryStore()


class SqliteInstallation(Installation):
    postgresql = False
    outbox_table = "audit_outbox"

    def __init__(self, folder: Path) -> None:
        self.path = folder / "app.db"
        super().__init__(f"sqlite:///{self.path}", folder)
        sqlite3.connect(self.path).close()

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.path)) as connection:
            connection.execute("PRAGMA foreign_keys = ON")
            with connection:
                yield connection

    def act(self, *statements: str) -> None:
        with self.connection() as connection:
            connection.execute(
                "UPDATE audit_context SET token = randomblob(16), context = ?, guard = 1", (ADA,)
            )
            for statement in statements:
                connection.execute(statement)
            connection.execute(
                "UPDATE audit_context SET token = NULL, context = NULL, guard = NULL"
            )

    def dump(self) -> str:
        rows = self.rows("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name")
        return "\n".join(map(str, rows))


class PostgresqlInstallation(Installation):
    postgresql = True
    outbox_table = "audit_trail.outbox"

    def __init__(
        self, cluster: Cluster, folder: Path, *, database: str | None = None, user: str = "postgres"
    ) -> None:
        self.cluster = cluster
        self.database = database or cluster.database()
        super().__init__(cluster.url(self.database, user), folder)

    @contextmanager
    def connection(self) -> Iterator[psycopg.Connection]:
        with psycopg.connect(self.url) as connection:
            yield connection

    def act(self, *statements: str) -> None:
        with self.connection() as connection:
            connection.execute("SELECT set_config('audit.context', %s, true)", (ADA,))
            for statement in statements:
                connection.execute(statement.encode())

    def dump(self) -> str:
        command = [str(programs() / "pg_dump"), "--schema-only", self.url]
        said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        # A key that is drawn for each dump.
        return "\n".join(line for line in said.stdout.splitlines() if "restrict" not in line)
