"""The outbox of a SQLite database: what its triggers wrote, read as bytes; it decides nothing."""

import sqlite3
import time
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from itertools import starmap
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


def lock_of(engine: Engine) -> Path:
    """Return the lock file beside the database, whose holder sequences its outbox."""
    return Path(f"{engine.url.database}.sequencer")


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
        self._lock = lock or lock_of(engine)

    @property
    def name(self) -> str:
        return self._engine.url.render_as_string(hide_password=True)

    def high_water(self) -> int:
        with self._reading() as driver:
            return int(driver.execute("SELECT ifnull(max(id), 0) FROM audit_outbox").fetchone()[0])

    def backlog(self, until: int | None = None) -> Backlog:
        bound = 2**62 if until is None else until
        with self._reading() as driver:
            rows, oldest_ms = driver.execute(
                "SELECT count(*), min(occurred_ms) FROM audit_outbox WHERE id <= ?", (bound,)
            ).fetchone()
        return Backlog(rows, oldest_ms * 1_000 if isinstance(oldest_ms, int) else None)

    def take(self) -> Batch:
        with self._reading() as driver:
            rows = rows_from(driver, "FROM audit_outbox ORDER BY id LIMIT ?", (BATCH_ROWS,))
            sizes = Counter(row.token for row in rows if row.token is not None)
            beyond = _beyond(driver, rows[-1].id, sizes) if len(rows) == BATCH_ROWS else {}
            huge = {token for token in sizes if sizes[token] + beyond.get(token, 0) > HUGE_ROWS}
            if rows and (first := rows[0].token) in huge:
                return Batch(self._part(driver, first), whole=False)
            # A huge one that comes later is left for its turn.
            whole = [row for row in rows if row.token not in huge] if huge else rows
            if rest := beyond.keys() - huge:
                after = f"FROM audit_outbox WHERE id > ? AND token IN ({_marks(rest)}) ORDER BY id"
                whole += rows_from(driver, after, (rows[-1].id, *rest))
            return Batch(whole)

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

    def _part(self, driver: sqlite3.Connection, token: bytes | None) -> list[Row]:
        """Read a part of a huge transaction, each record with every row of it.

        Deleted parents come first, so that what went with them finds its cause.
        """
        ranks = " ".join(f"WHEN ? THEN {place}" for place, _ in enumerate(self._parents))
        rank = (
            f"CASE operation WHEN 'delete' THEN CASE table_name {ranks} END END"
            if ranks
            else "NULL"
        )
        rows = rows_from(
            driver,
            f"FROM (SELECT *, min(id) OVER record AS born, min({rank}) OVER record AS rank "
            "FROM audit_outbox WHERE token IS ? "
            "WINDOW record AS (PARTITION BY table_name, record_key)) "
            "ORDER BY rank IS NULL, rank, born, id LIMIT ?",
            (*self._parents, token, HUGE_ROWS),
        )
        if len(rows) < HUGE_ROWS:
            return rows
        last = (rows[-1].table, rows[-1].record_key)
        return [row for row in rows if (row.table, row.record_key) != last] or rows_from(
            driver,
            "FROM audit_outbox WHERE token IS ? AND CAST(record_key AS BLOB) IS ? "
            "AND CAST(table_name AS BLOB) IS CAST(? AS BLOB) ORDER BY id",
            (token, last[1], last[0]),
        )

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._translating(), closing(self._engine.raw_connection()) as connection:
            driver = cast("sqlite3.Connection", connection.driver_connection)
            usual, driver.text_factory = driver.text_factory, as_bytes
            try:
                yield driver
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


def rows_from(driver: sqlite3.Connection, source: str, values: Sequence[Any]) -> list[Row]:
    """Return rows of the outbox; `source` is what follows the columns."""
    return list(starmap(Row, driver.execute(f"SELECT {_COLUMNS} {source}", values)))


def _beyond(driver: sqlite3.Connection, last: int, tokens: Collection[bytes]) -> dict[bytes, int]:
    """Tell how many rows of these transactions come after the id `last`, where there are any."""
    rows = driver.execute(
        f"SELECT token, count(*) FROM audit_outbox WHERE id > ? AND token IN ({_marks(tokens)}) "
        "GROUP BY token",
        (last, *tokens),
    )
    return dict(rows)


def _marks(values: Collection[Any]) -> str:
    return ", ".join("?" * len(values))


def as_bytes(stored: bytes) -> str | bytes:
    """Leave text that isn't UTF-8 as its bytes, where the driver would fail at every reading."""
    try:
        return stored.decode()
    except UnicodeDecodeError:
        return stored
