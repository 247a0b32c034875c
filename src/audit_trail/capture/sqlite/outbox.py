"""The outbox of a SQLite database: what its triggers wrote, read as bytes; it decides nothing."""

import sqlite3
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Final, cast

import msgspec
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from audit_trail.capture.context import encoded
from audit_trail.capture.outbox import BATCH_ROWS, HUGE_ROWS, Backlog, Batch, Event, Row
from audit_trail.capture.sqlite.connection import BUSY_TIMEOUT_MS
from audit_trail.capture.sqlite.lock import locked
from audit_trail.errors import OutboxFailed

WIPE_ATTEMPTS: Final = 20
WIPE_PATIENCE_MS: Final = 200
"""How long one attempt keeps writers waiting, while it waits for readers."""

# What isn't a blob was not drawn by us, and ties no rows together.
_DRAWN_BY_US: Final = "CASE typeof(token) WHEN 'blob' THEN token END"
# A time that is no whole number is left as it is, and the row is said to be unreadable.
_MICROSECONDS: Final = (
    "CASE typeof(occurred_ms) WHEN 'integer' THEN occurred_ms * 1000 ELSE occurred_ms END"
)
_COLUMNS: Final = (
    f"id, {_DRAWN_BY_US}, nonce, {_MICROSECONDS}, table_name, operation, account, "
    "CAST(record_key AS BLOB), CAST(record_id AS BLOB), CAST(changes AS BLOB), "
    "CAST(labels AS BLOB), CAST(context AS BLOB)"
)


def note(connection: Connection, event: Event) -> None:
    """Put an event into the outbox, in the connection's transaction and under its context."""
    connection.exec_driver_sql(
        "INSERT INTO audit_outbox (token, operation, account, changes, context) "
        "SELECT c.token, 'note', ?, ?, c.context "
        "FROM (SELECT 1) LEFT JOIN audit_context AS c ON c.one = 1",
        (event.account, encoded(event)),
    )


class SqliteOutbox:
    """Reads and empties the outbox in one SQLite file."""

    def __init__(
        self, engine: Engine, *, parents: Sequence[str] = (), lock: Path | None = None
    ) -> None:
        """Read the outbox in the engine's database. `parents` are tables others point to.

        `lock` is the file whose holder sequences; by default it lies beside the database.
        """
        self._engine = engine
        self._parents = tuple(parents)
        self._lock = lock or Path(f"{engine.url.database}.sequencer")

    @property
    def name(self) -> str:
        return self._engine.url.render_as_string(hide_password=True)

    def high_water(self) -> int:
        with self._reading() as connection:
            return int(
                connection.exec_driver_sql(
                    "SELECT ifnull(max(id), 0) FROM audit_outbox"
                ).scalar_one()
            )

    def backlog(self, until: int | None = None) -> Backlog:
        bound = 2**62 if until is None else until
        with self._reading() as connection:
            rows, oldest_ms = connection.exec_driver_sql(
                "SELECT count(*), min(occurred_ms) FROM audit_outbox WHERE id <= ?", (bound,)
            ).one()
        return Backlog(rows, oldest_ms * 1_000 if isinstance(oldest_ms, int) else None)

    def take(self) -> Batch:
        with self._reading() as connection:
            chosen = connection.exec_driver_sql(
                f"SELECT id, {_DRAWN_BY_US} FROM audit_outbox ORDER BY id LIMIT ?", (BATCH_ROWS,)
            ).fetchall()
            if not chosen:
                return Batch(())
            huge = self._huge(connection, {row[1] for row in chosen} - {None})
            first = chosen[0][1]
            if first in huge:
                return Batch(self._part(connection, first), whole=False)
            return Batch(self._whole(connection, chosen, huge))

    def delete(self, rows: Sequence[Row]) -> None:
        ids = msgspec.json.encode([row.id for row in rows]).decode()
        with self._writing() as connection:
            connection.exec_driver_sql(
                "DELETE FROM audit_outbox WHERE id IN (SELECT value FROM json_each(?))", (ids,)
            )

    def wipe(self) -> bool:
        """Empty the write-ahead log; in the file itself `secure_delete` overwrites what goes."""
        for _ in range(WIPE_ATTEMPTS):
            if self._empty_log():
                return True
            time.sleep(WIPE_PATIENCE_MS / 1_000)
        return False

    def _empty_log(self) -> bool:
        with self._translating(), self._engine.connect() as connection:
            alone = connection.execution_options(isolation_level="AUTOCOMMIT")
            alone.exec_driver_sql(f"PRAGMA busy_timeout = {WIPE_PATIENCE_MS}")
            try:
                busy, *_ = alone.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
            finally:
                alone.exec_driver_sql(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
            return not busy

    def leading(self) -> AbstractContextManager[None]:
        return locked(self._lock)

    def _huge(self, connection: Connection, tokens: set[bytes]) -> set[bytes]:
        """Tell which transactions are huge; one look at the outbox serves them all."""
        rows = connection.exec_driver_sql(
            f"SELECT token FROM audit_outbox WHERE token IN ({_marks(tokens)}) "
            "GROUP BY token HAVING count(*) > ?",
            (*tokens, HUGE_ROWS),
        )
        return set(rows.scalars())

    def _whole(self, connection: Connection, chosen: Sequence[Any], huge: set[bytes]) -> list[Row]:
        """Read the chosen transactions whole, leaving a huge one that comes later for its turn."""
        small = {row[1] for row in chosen} - {None} - huge
        rows = connection.exec_driver_sql(
            f"SELECT {_COLUMNS} FROM audit_outbox "
            f"WHERE ({_DRAWN_BY_US} IS NULL AND id <= ?) OR token IN ({_marks(small)}) ORDER BY id",
            (chosen[-1][0], *small),
        )
        return [Row(*row) for row in rows]

    def _part(self, connection: Connection, token: bytes) -> list[Row]:
        """Read a part of a huge transaction, each record with every row of it.

        Deleted parents come first, so that what went with them finds its cause.
        """
        ranks = " ".join(f"WHEN ? THEN {place}" for place, _ in enumerate(self._parents))
        rank = (
            f"CASE operation WHEN 'delete' THEN CASE table_name {ranks} END END"
            if ranks
            else "NULL"
        )
        rows = self._rows(
            connection,
            f"SELECT *, min(id) OVER record AS born, min({rank}) OVER record AS rank "
            "FROM audit_outbox WHERE token IS ? "
            "WINDOW record AS (PARTITION BY table_name, record_key)",
            "ORDER BY rank IS NULL, rank, born, id LIMIT ?",
            (*self._parents, token, HUGE_ROWS),
        )
        if len(rows) < HUGE_ROWS:
            return rows
        last = (rows[-1].table, rows[-1].record_key)
        return [row for row in rows if (row.table, row.record_key) != last] or self._rows(
            connection,
            "SELECT * FROM audit_outbox "
            "WHERE token IS ? AND CAST(table_name AS BLOB) IS CAST(? AS BLOB) "
            "AND CAST(record_key AS BLOB) IS ?",
            "ORDER BY id",
            (token, *last),
        )

    def _rows(
        self, connection: Connection, source: str, order: str, values: Sequence[Any]
    ) -> list[Row]:
        statement = f"SELECT {_COLUMNS} FROM ({source}) {order}"
        return [Row(*row) for row in connection.exec_driver_sql(statement, tuple(values))]

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with (
            self._translating(),
            self._engine.connect().execution_options(audit_read_only=True) as connection,
        ):
            driver = cast("sqlite3.Connection", connection.connection.driver_connection)
            usual, driver.text_factory = driver.text_factory, _text
            try:
                yield connection
            finally:
                driver.text_factory = usual

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self._translating(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _translating(self) -> Iterator[None]:
        try:
            yield
        except (DBAPIError, sqlite3.Error) as error:
            cause = error.orig if isinstance(error, DBAPIError) else error
            raise OutboxFailed(f"The outbox in {self.name} failed: {cause}") from error


def _marks(values: Collection[Any]) -> str:
    return ", ".join("?" * len(values))


def _text(stored: bytes) -> str | bytes:
    """Leave text that isn't UTF-8 as its bytes, where the driver would fail at every reading."""
    try:
        return stored.decode()
    except UnicodeDecodeError:
        return stored
