"""One SQLite file in WAL mode: a connection for each thread that reads, one writer at a time."""

import fcntl
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock, local
from typing import Any, Final

from audit_trail.errors import StoreFailed
from audit_trail.record.canonical import is_unicode

BUSY_TIMEOUT_SECONDS: Final = 10.0
LARGEST: Final = 2**63 - 1
WRITER_CACHE_KIB: Final = 16_000
"""An append touches pages all over the index of records; those who write keep them at hand."""


class SqliteFile:
    """A file and its connections; the driver's errors end here, as `StoreFailed` with its name."""

    def __init__(self, path: Path, is_read_only: bool) -> None:
        """Open nothing yet. What is opened for reading only is left exactly as it is."""
        self._path = path
        self.is_read_only = is_read_only
        self._local = local()
        self._opened: list[sqlite3.Connection] = []
        self._writing = Lock()

    def connection(self) -> sqlite3.Connection:
        """Return this thread's connection."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            mode = "ro" if self.is_read_only else "rwc"
            connection = sqlite3.connect(
                f"{self._path.absolute().as_uri()}?mode={mode}",
                uri=True,
                timeout=BUSY_TIMEOUT_SECONDS,
                isolation_level=None,
                check_same_thread=False,
            )
            self._local.connection = connection
            self._opened.append(connection)
            if self.is_read_only:
                return connection
            connection.execute("PRAGMA page_size = 8192")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA secure_delete = ON")
        return connection

    @contextmanager
    def alone(self) -> Iterator[sqlite3.Connection]:
        """Keep this process's other writers out."""
        with self._writing, self.translating():
            yield self.connection()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Write in one transaction, alone."""
        with self.alone(), self.transaction() as connection:
            yield connection

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Begin one that writes; commit it, or roll it back after an error."""
        connection = self.connection()
        connection.execute(f"PRAGMA cache_size = -{WRITER_CACHE_KIB}")
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise

    @contextmanager
    def locked(self, purpose: str) -> Iterator[bool]:
        """Hold a lock among all processes, in a file of its own; give False where another has it."""
        # Closing the database's own file anywhere would take SQLite's locks from this process.
        path = self._path.with_name(f"{self._path.name}-{purpose}")
        try:
            # Who may read the file may lock it, whoever made it.
            descriptor = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise StoreFailed(f"The lock file {path} can't be opened: {error.strerror}.") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            is_held = False
        else:
            is_held = True
        try:
            yield is_held
        finally:
            # The system lets go of it then, or when the process ends, however it ends.
            os.close(descriptor)

    def one(self, statement: str, values: Sequence[Any]) -> Any:
        """Return the first row, or None."""
        with self.translating():
            return self.connection().execute(statement, bound(values)).fetchone()

    def all(self, statement: str, values: Sequence[Any]) -> list[Any]:
        """Return all rows."""
        with self.translating():
            return self.connection().execute(statement, bound(values)).fetchall()

    @contextmanager
    def translating(self) -> Iterator[None]:
        """Let the driver's errors out as `StoreFailed`."""
        try:
            yield
        except sqlite3.Error as error:
            raise StoreFailed(f"The trail's database {self._path} failed: {error}") from error

    def close(self) -> None:
        """Close every thread's connection."""
        while self._opened:
            self._opened.pop().close()


def bound(values: Sequence[Any]) -> list[Any]:
    """Make what readers ask for fit the driver; what no row can hold must match none, not fail."""
    return [
        max(-LARGEST, min(value, LARGEST))
        if isinstance(value, int)
        else value.encode(errors="surrogatepass")
        if isinstance(value, str) and not is_unicode(value)
        else value
        for value in values
    ]
