"""Connections to the trail's database, lent one at a time; the driver's errors end here."""

import select
from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore
from typing import Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict

from audit_trail.errors import AuditError, StoreFailed

LEND_TIMEOUT_SECONDS: Final = 10.0
# A server that is gone without a word is given up within seconds; a URL may say otherwise.
PATIENCE: Final[dict[str, Any]] = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": 20_000,
    "application_name": "audit-trail",
}


class Connections:
    """At most `size` connections, opened when needed and kept for the next one.

    Whoever finds none idle connects for itself, so that a server that is down is said at once and
    with its cause, and one that is back serves the next caller.
    """

    def __init__(self, url: str, size: int) -> None:
        """Read the URL; nothing is connected yet. Raises `StoreFailed`."""
        self._given = PATIENCE | _read(url)
        self.name = _name(self._given)
        """The database without user and password."""
        self._size = size
        self._free = BoundedSemaphore(size)
        self._idle: list[psycopg.Connection] = []
        self._closed = False

    @contextmanager
    def lend(self) -> Iterator[psycopg.Connection]:
        """Lend a connection in autocommit; a transaction left open by an error is rolled back."""
        if not self._free.acquire(timeout=LEND_TIMEOUT_SECONDS):
            raise self.failed(f"all {self._size} connections are in use")
        try:
            with self._translating():
                connection = self._healthy() or self._connect()
                with self._returning(connection):
                    yield connection
        finally:
            self._free.release()

    @contextmanager
    def aside(self) -> Iterator[psycopg.Connection]:
        """Connect beside the others, for what is held while these are lent."""
        with self._translating(), self._connect() as connection:
            yield connection

    def failed(self, cause: str) -> StoreFailed:
        """Name the database and the cause."""
        return StoreFailed(f"The trail's database {self.name} failed: {cause}")

    def close(self) -> None:
        """Close what is idle now, and what is lent when it comes back."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(**self._given, autocommit=True)

    def _healthy(self) -> psycopg.Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if _is_alive(connection):
                return connection
            connection.close()
        return None

    @contextmanager
    def _returning(self, connection: psycopg.Connection) -> Iterator[None]:
        try:
            yield
        except AuditError:
            connection.rollback()
            raise
        except BaseException:
            # What the server still does with it is unknown, so nobody else gets it.
            connection.close()
            raise
        finally:
            if self._closed:
                connection.close()
            elif not connection.closed:
                self._idle.append(connection)

    @contextmanager
    def _translating(self) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            # Only the first part of a message: its detail and context may hold a row's values.
            cause = error.diag.message_primary or str(error).partition("\n")[0]
            raise self.failed(cause) from error


def _read(url: str) -> dict[str, Any]:
    try:
        return dict(conninfo_to_dict(url))
    except psycopg.Error:
        # The driver's own message repeats the URL, and with it the password.
        raise StoreFailed(
            "The trail's URL can't be read; it looks like postgresql://user@host:5432/database."
        ) from None


def _name(given: dict[str, Any]) -> str:
    place = given.get("host") or given.get("hostaddr") or "localhost"
    return f"postgresql://{place}:{given.get('port', 5432)}/{given.get('dbname', '')}"


def _is_alive(connection: psycopg.Connection) -> bool:
    """Tell without a round trip, as long as the server has said nothing since."""
    waiting = select.poll()
    waiting.register(connection.fileno(), select.POLLIN)
    if not waiting.poll(0):
        return True
    try:
        connection.execute("")
    except psycopg.Error:
        return False
    return True
