"""Where the benches' databases lie: on SQLite in a folder, on PostgreSQL in a cluster of their own."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from sqlalchemy import Engine, create_engine, event

from audit_trail.store.port import Store
from audit_trail.store.postgresql.store import PostgresqlStore
from audit_trail.store.sqlite import SqliteStore
from tests.postgresql import Cluster, cluster

Kind = Literal["SQLite", "PostgreSQL"]
KINDS: tuple[Kind, ...] = ("SQLite", "PostgreSQL")


class Place:
    """Makes databases of one kind, each as durable as the others: a commit reaches the disk."""

    def __init__(self, kind: Kind, folder: Path, server: Cluster | None) -> None:
        self.kind = kind
        self.folder = folder
        self.server = server

    def engine(self) -> Engine:
        """Return an engine on a new database, as an application without capture has it."""
        if self.server:
            url = self.server.url(self.server.database())
            return create_engine(url.replace("postgresql:", "postgresql+psycopg:"), pool_size=20)
        engine = create_engine(f"sqlite:///{self.new_file()}", pool_size=20)
        event.listen(engine, "connect", _make_durable)
        return engine

    def store(self) -> Store:
        """Return an empty trail."""
        if self.server:
            return PostgresqlStore(self.server.url(self.server.database()))
        return SqliteStore(self.new_file())

    def new_file(self) -> Path:
        """Return the path of a file that isn't there yet."""
        return Path(tempfile.mkdtemp(dir=self.folder)) / "bench.db"


def _make_durable(connection, _record) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA busy_timeout = 10000")


@contextmanager
def place(kind: Kind) -> Iterator[Place]:
    """Give a place for databases; they are gone at the end."""
    with tempfile.TemporaryDirectory() as folder:
        if kind == "SQLite":
            yield Place(kind, Path(folder), None)
            return
        with cluster(fsync="on", shared_buffers="512MB", max_wal_size="4GB") as server:
            yield Place(kind, Path(folder), server)
