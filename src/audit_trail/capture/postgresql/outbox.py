"""The outbox of a PostgreSQL database: what its triggers wrote, read whole; it decides nothing."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import starmap, takewhile
from typing import Any, Final, NamedTuple, cast

import psycopg
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from audit_trail.capture.context import encoded
from audit_trail.capture.outbox import BATCH_ROWS, HUGE_ROWS, Backlog, Batch, Event, Row
from audit_trail.errors import OutboxFailed, SequencerRunning

LARGEST: Final = 2**63 - 1
WIPE_ATTEMPTS: Final = 20
WIPE_PAUSE_SECONDS: Final = 0.2
_NOT_NOW: Final = "55P03"
# An advisory lock is the database's own: whoever holds it sequences that database's outbox.
LOCK: Final = 0x6175646974  # "audit"

_BYTES: Final = ", ".join(
    f"convert_to({text}, 'UTF8')"
    for text in ("record_key", "record_id", "changes", "labels", "context")
)
# A row is its place and its moment: a database that was set back in time gives its numbers again,
# but at other moments. To draw random bits would cost every write a tenth of what capture does.
_NONCE: Final = """coalesce(
  substr(uuid_send(nonce), 1, 6) || substr(uuid_send(nonce), 10, 4),
  substr(sha256(int8send(cluster) || xid8send(transaction) || int8send(id)
    || timestamptz_send(occurred_at)), 1, 10))"""
# Exactly what a row is made of.
_COLUMNS: Final = f"""
id, convert_to(cluster || '/' || transaction, 'UTF8'), {_NONCE},
(extract(epoch FROM occurred_at) * 1000000)::bigint, table_name, operation, account, {_BYTES}
"""
# The transactions whose rows all lie among the oldest rows. LIMIT keeps the look beyond them to
# one step in the index for each, whatever the planner believes of the table's size.
_WHOLE: Final = """
WITH oldest AS MATERIALIZED (
  SELECT id, cluster, transaction FROM audit_trail.outbox ORDER BY id LIMIT %s
),
edge AS MATERIALIZED (SELECT max(id) AS id FROM oldest),
chosen AS (
  SELECT cluster, transaction, max(id) AS last, count(*) AS size FROM oldest GROUP BY 1, 2
)
SELECT c.cluster, c.transaction::text, c.last, c.size, beyond.found IS NULL
FROM chosen AS c LEFT JOIN LATERAL (
  SELECT true AS found FROM audit_trail.outbox AS o
  WHERE o.transaction = c.transaction AND o.cluster = c.cluster
    AND o.id > (SELECT id FROM edge)
  LIMIT 1
) AS beyond ON true
ORDER BY c.last
"""
# A file that is cut is a new one: deleted rows would keep their bytes in the pages of the old one.
_TRUNCATE: Final = """
DO $$
BEGIN
  SET LOCAL lock_timeout = '1s';
  LOCK TABLE audit_trail.outbox IN ACCESS EXCLUSIVE MODE;
  IF EXISTS (SELECT FROM audit_trail.outbox) THEN
    RAISE lock_not_available;
  END IF;
  TRUNCATE audit_trail.outbox;
END $$
"""
_BATCH: Final = f"""
SELECT {_COLUMNS} FROM audit_trail.outbox WHERE id <= %s ORDER BY id
"""
_PART: Final = f"""
SELECT {_COLUMNS} FROM (
  SELECT *, min(id) OVER record AS born,
    min(CASE operation WHEN 'delete' THEN array_position(CAST(%s AS text[]), table_name) END)
      OVER record AS rank
  FROM audit_trail.outbox WHERE transaction = CAST(%s AS xid8) AND cluster = %s
  WINDOW record AS (PARTITION BY table_name, record_key)
) AS o
ORDER BY rank NULLS LAST, born, id LIMIT %s
"""
_RECORD: Final = f"""
SELECT {_COLUMNS} FROM audit_trail.outbox
WHERE transaction = CAST(%s AS xid8) AND cluster = %s
  AND table_name IS NOT DISTINCT FROM %s AND record_key IS NOT DISTINCT FROM %s
ORDER BY id
"""


def note(connection: Connection, event: Event) -> None:
    """Put an event into the outbox, in the connection's transaction and under its context."""
    connection.exec_driver_sql("SELECT audit_trail.note(%s, %s)", (event.account, encoded(event)))


class Chosen(NamedTuple):
    """A transaction: its number and cluster, the id of its last row, and how many rows it has."""

    cluster: int
    transaction: str
    last: int
    size: int

    @property
    def token(self) -> bytes:
        """The token of its rows."""
        return f"{self.cluster}/{self.transaction}".encode()


class PostgresqlOutbox:
    """Reads and empties the outbox of one database, as the capture role."""

    def __init__(self, engine: Engine, *, parents: Sequence[str] = ()) -> None:
        """Read the outbox in the engine's database. `parents` are tables others point to."""
        self._engine = engine
        self._parents = list(parents)
        self._begun: Chosen | None = None

    @property
    def name(self) -> str:
        url = self._engine.url
        return f"postgresql://{url.host or 'local'}:{url.port or 5432}/{url.database}"

    def high_water(self) -> int:
        with self._transaction() as connection:
            statement = "SELECT coalesce(max(id), 0) FROM audit_trail.outbox"
            return int(connection.exec_driver_sql(statement).scalar_one())

    def backlog(self, until: int | None = None) -> Backlog:
        with self._transaction() as connection:
            rows, oldest_us = connection.exec_driver_sql(
                "SELECT count(*), (extract(epoch FROM min(occurred_at)) * 1000000)::bigint "
                "FROM audit_trail.outbox WHERE id <= %s",
                (LARGEST if until is None else until,),
            ).one()
        return Backlog(rows, oldest_us)

    def take(self) -> Batch:
        """Return transactions whose rows all lie in a window of the oldest rows.

        Transactions run side by side here. One that waited for another has its last row after all
        of the other's; so they are worked off in the order of their last rows, and a window that
        holds a transaction whole holds all that it waited for. (`id > last` would skip rows, since
        ids become visible out of the order of commits.)

        A huge one that was begun comes first until it is through: one that commits meanwhile is
        none that it waited for, and would make those who read forget its deleted parents.
        """
        with self._transaction() as connection:
            if self._begun and (rows := self._part(connection, self._begun)):
                return Batch(rows, whole=False)
            self._begun = None
            size = BATCH_ROWS
            while True:
                found = connection.exec_driver_sql(_WHOLE, (size,)).fetchall()
                whole = [Chosen(*each[:4]) for each in found if each[4]]
                if whole:
                    return self._batch(connection, whole)
                if sum(each[3] for each in found) < size:
                    connection.exec_driver_sql("SELECT audit_trail.tell_lost()")
                    return Batch(())
                size *= 8

    def _batch(self, connection: Connection, whole: Sequence[Chosen]) -> Batch:
        """Read the transactions, up to a huge one; a huge one that comes first, in parts."""
        first = whole[0]
        if first.size > HUGE_ROWS:
            self._begun = first
            return Batch(self._part(connection, first), whole=False)
        small = list(takewhile(lambda each: each.size <= HUGE_ROWS, whole))
        tokens = {each.token for each in small}
        rows = _rows(connection, _BATCH, (small[-1].last,))
        return Batch([row for row in rows if row.token in tokens])

    def _part(self, connection: Connection, huge: Chosen) -> list[Row]:
        """Read a part of a huge transaction, each record with every row of it.

        Deleted parents come first, so that what went with them finds its cause.
        """
        of = (huge.transaction, huge.cluster)
        rows = _rows(connection, _PART, (self._parents, *of, HUGE_ROWS))
        if len(rows) < HUGE_ROWS:
            return rows
        last = (rows[-1].table, rows[-1].record_key)
        key = last[1].decode() if last[1] is not None else None
        return [row for row in rows if (row.table, row.record_key) != last] or _rows(
            connection, _RECORD, (*of, last[0], key)
        )

    def delete(self, rows: Sequence[Row]) -> None:
        with self._transaction() as connection:
            connection.exec_driver_sql(
                "DELETE FROM audit_trail.outbox WHERE id = ANY(%s)", ([row.id for row in rows],)
            )

    def wipe(self) -> bool:
        """Give the outbox a new file at a moment at which no row is in it; as its owner."""
        for _ in range(WIPE_ATTEMPTS):
            with self._translating():
                try:
                    with self._engine.begin() as connection:
                        connection.exec_driver_sql(_TRUNCATE)
                except DBAPIError as error:
                    if getattr(error.orig, "sqlstate", None) != _NOT_NOW:
                        raise
                else:
                    return True
            time.sleep(WIPE_PAUSE_SECONDS)
        return False

    @contextmanager
    def leading(self) -> Iterator[None]:
        """Hold the database's advisory lock on a connection of its own, which must be a direct one.

        The server releases it when the connection ends, however it ends; the term fences a leader
        that hasn't noticed.
        """
        with self._translating(), self._engine.connect() as connection:
            alone = connection.execution_options(isolation_level="AUTOCOMMIT")
            if not alone.exec_driver_sql(f"SELECT pg_try_advisory_lock({LOCK})").scalar_one():
                raise SequencerRunning(f"Another process sequences the outbox in {self.name}.")
            try:
                yield
            finally:
                # On a connection that broke, the server has released it.
                with suppress(DBAPIError):
                    alone.exec_driver_sql(f"SELECT pg_advisory_unlock({LOCK})")

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with self._translating(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _translating(self) -> Iterator[None]:
        try:
            yield
        except (DBAPIError, PoolTimeout, psycopg.Error) as error:
            cause = error.orig if isinstance(error, DBAPIError) else error
            raise OutboxFailed(f"The outbox in {self.name} failed: {cause}") from error


def rows_from(connection: Connection, source: str, values: tuple[Any, ...]) -> list[Row]:
    """Read rows of the outbox; `source` is what follows the columns."""
    return _rows(connection, f"SELECT {_COLUMNS} {source}", values)


def _rows(connection: Connection, statement: str, values: tuple[Any, ...]) -> list[Row]:
    """Read rows by the driver, which hands out as bytes what the server sends as bytes."""
    driver = cast("psycopg.Connection", connection.connection.driver_connection)
    return list(starmap(Row, driver.execute(statement.encode(), values, binary=True)))
