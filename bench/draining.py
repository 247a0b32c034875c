"""Outbox to trail against a raw bulk insert of the same rows under the same indexes, in turn."""

import sqlite3
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from sqlalchemy import Engine

from audit_trail.capture import sqlalchemy as capture
from audit_trail.capture.context import acting_as
from audit_trail.sequencer.loop import Sequencer
from audit_trail.store.postgresql.schema import create
from audit_trail.store.postgresql.store import PostgresqlStore
from audit_trail.store.sqlite import SqliteStore
from audit_trail.trail import Trail
from bench.engines import Place
from bench.paired import Ratio, median_with_interval
from bench.saves import ACTOR, ORIGIN, WATCH, new_engine
from bench.sealing import signed_trail

ROWS_A_TRANSACTION = 5
BATCH = 1_000
GREETING = "Hello there, how can we help you today?"


class Drain(NamedTuple):
    """Entries a second by the sequencer, and by a raw insert; their ratio; bytes an entry."""

    entries_per_second: float
    raw_per_second: float
    ratio: Ratio
    bytes_per_entry: float


def draining(place: Place, rows: int, rounds: int, *, signed: bool = False) -> Drain:
    """Drain so many outbox rows a round, reading and deleting them included."""
    bench = (PostgresqlDrain if place.server else SqliteDrain)(place, rows, signed)
    try:
        times = [(bench.drain(), bench.insert_raw()) for _ in range(rounds + 1)][1:]
        return Drain(
            rows / statistics.median(drained for drained, _ in times),
            rows / statistics.median(raw for _, raw in times),
            median_with_interval([raw / drained for drained, raw in times]),
            bench.bytes_per_entry(),
        )
    finally:
        bench.close()


class SqliteDrain:
    """The outbox is filled anew from a copy for each round, with times that go on, as in life.

    The raw rows go to a file like the trail's, which grows with it from round to round.
    """

    def __init__(
        self, place: Place, rows: int, signed: bool, greetings: Sequence[str] = ()
    ) -> None:
        """Save so many rows, or so many for each round where there are greetings for all of them."""
        self._rows = rows
        self._round = 0
        self._engine, self._rounds = _filled(place, rows, "audit_outbox", greetings)
        self._file = place.new_file()
        self._store = SqliteStore(self._file)
        self._raw = self._like_the_trail(place.new_file())
        self._trail = signed_trail(place, self._store) if signed else Trail(self._store)
        self._sequencer = Sequencer(capture.outbox(self._engine), self._trail, WATCH)

    @property
    def trail(self) -> Trail:
        """The trail that is appended to."""
        return self._trail

    def drain(self) -> float:
        with self._engine.begin() as connection:
            connection.exec_driver_sql(
                "INSERT INTO audit_outbox SELECT NULL, token, randomblob(10), "
                "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) "
                "- max(occurred_ms) OVER () + occurred_ms, "
                "table_name, operation, account, record_key, record_id, changes, labels, context "
                f"FROM saved WHERE round = {self._next_round()} ORDER BY id"
            )
        return _timed(self._sequencer)

    def _next_round(self) -> int:
        self._round += 1
        return self._round % self._rounds

    def insert_raw(self, texts: Sequence[tuple[str]] = ()) -> float:
        """Insert the newest rows, and beside them the texts that are looked for, if there are any."""
        newest = "SELECT * FROM entries ORDER BY rowid DESC LIMIT ?"
        with closing(sqlite3.connect(self._file)) as trail:
            rows = trail.execute(newest, (self._rows,)).fetchall()[::-1]
        insert = f"INSERT INTO entries VALUES ({', '.join('?' * len(rows[0]))})"
        started = time.perf_counter()
        for batch, beside in zip_longest(batched(rows), batched(texts)):
            self._raw.execute("BEGIN IMMEDIATE")
            self._raw.executemany(insert, batch)
            if beside:
                self._raw.executemany("INSERT INTO texts VALUES (?)", beside)
            self._raw.execute("COMMIT")
        return time.perf_counter() - started

    def create_raw(self, *statements: str) -> None:
        """Run statements in the raw rows' file."""
        for statement in statements:
            self._raw.execute(statement)

    def _like_the_trail(self, file: Path) -> sqlite3.Connection:
        """Open a file with the table of entries and its indexes, without triggers."""
        raw = sqlite3.connect(file, isolation_level=None)
        for pragma in ("page_size = 8192", "journal_mode = WAL", "synchronous = FULL"):
            raw.execute(f"PRAGMA {pragma}")
        with closing(sqlite3.connect(self._file)) as trail:
            for (statement,) in trail.execute(
                "SELECT sql FROM sqlite_master WHERE tbl_name = 'entries' AND type <> 'trigger' "
                "AND sql IS NOT NULL ORDER BY type DESC"
            ):
                raw.execute(statement)
        return raw

    def bytes_per_entry(self) -> float:
        with closing(sqlite3.connect(self._file)) as trail:
            trail.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            pages, size, entries = (
                trail.execute(query).fetchone()[0]
                for query in (
                    "PRAGMA page_count",
                    "PRAGMA page_size",
                    "SELECT count(*) FROM entries",
                )
            )
        return pages * size / entries

    def close(self) -> None:
        self._raw.close()
        self._store.close()
        self._engine.dispose()


class PostgresqlDrain:
    """The same on PostgreSQL, where the raw insert is COPY."""

    def __init__(
        self, place: Place, rows: int, signed: bool, greetings: Sequence[str] = ()
    ) -> None:
        assert place.server
        self._rows = rows
        self._round = 0
        self._engine, self._rounds = _filled(place, rows, "audit_trail.outbox", greetings)
        self._url, self._raw_url = (place.server.url(place.server.database()) for _ in range(2))
        self._store = PostgresqlStore(self._url)
        self._trail = signed_trail(place, self._store) if signed else Trail(self._store)
        self._sequencer = Sequencer(capture.outbox(self._engine), self._trail, WATCH)
        create(self._raw_url)
        with psycopg.connect(self._raw_url, autocommit=True) as raw:
            raw.execute("ALTER TABLE audit_trail.entries DISABLE TRIGGER ALL")
            partitions = raw.execute(
                "SELECT relid::regclass::text FROM pg_partition_tree('audit_trail.entries') "
                "WHERE isleaf"
            ).fetchall()
            for (partition,) in partitions:
                raw.execute(f"ALTER TABLE {partition} DISABLE TRIGGER ALL".encode())

    @property
    def trail(self) -> Trail:
        """The trail that is appended to."""
        return self._trail

    def create_raw(self, *statements: str) -> None:
        """Run statements in the raw rows' database."""
        with psycopg.connect(self._raw_url, autocommit=True) as raw:
            for statement in statements:
                raw.execute(statement.encode())

    def drain(self) -> float:
        with self._engine.begin() as connection:
            connection.exec_driver_sql(
                "INSERT INTO audit_trail.outbox (cluster, transaction, occurred_at, table_name, "
                "operation, account, record_key, record_id, changes, labels, context) "
                "SELECT cluster, transaction, "
                "clock_timestamp() - max(occurred_at) OVER () + occurred_at, table_name, operation, account, "
                "record_key, record_id, changes, labels, context "
                f"FROM saved WHERE round = {self._next_round()} ORDER BY id"
            )
        return _timed(self._sequencer)

    def _next_round(self) -> int:
        self._round += 1
        return self._round % self._rounds

    def insert_raw(self, texts: Sequence[tuple[str]] = ()) -> float:
        """Insert the newest rows, and beside them the texts that are looked for, if there are any."""
        copy = b"COPY (SELECT * FROM audit_trail.entries ORDER BY idx DESC LIMIT %d) TO STDOUT"
        with psycopg.connect(self._url) as trail, trail.cursor().copy(copy % self._rows) as rows:
            lines = [bytes(line) for line in rows]
        with psycopg.connect(self._raw_url, autocommit=True) as raw:
            started = time.perf_counter()
            for batch, beside in zip_longest(batched(lines), batched(texts)):
                with raw.transaction():
                    with raw.cursor().copy(b"COPY audit_trail.entries FROM STDIN") as into:
                        into.write(b"".join(batch))
                    if beside:
                        with raw.cursor().copy(b"COPY texts (words) FROM STDIN") as into:
                            for text in beside:
                                into.write_row(text)
            return time.perf_counter() - started

    def bytes_per_entry(self) -> float:
        with psycopg.connect(self._url) as trail:
            row = trail.execute(
                "SELECT (SELECT sum(pg_total_relation_size(relid)) "
                "FROM pg_partition_tree('audit_trail.entries'))::float "
                "/ (SELECT count(*) FROM audit_trail.entries)"
            ).fetchone()
            assert row
            return float(row[0])

    def close(self) -> None:
        self._store.close()
        self._engine.dispose()


def _timed(sequencer: Sequencer) -> float:
    started = time.perf_counter()
    sequencer.drain()
    return time.perf_counter() - started


def _filled(place: Place, rows: int, outbox: str, greetings: Sequence[str]) -> tuple[Engine, int]:
    """Return an engine whose outbox rows, of transactions of a few rows, are kept in `saved`.

    There are rows for so many rounds: one, or as many as there are greetings for.
    """
    engine = new_engine(place, captured=True)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"DELETE FROM {outbox}")
    usual = f"CASE WHEN greeting IS NULL THEN '{GREETING}' END"
    transactions = rows // ROWS_A_TRANSACTION
    rounds = max(len(greetings) // transactions, 1)
    for number in range(transactions * rounds):
        first = number * ROWS_A_TRANSACTION % 1_000 + 1
        greeting = f"'{greetings[number]}'" if greetings else usual
        with acting_as(ACTOR, ORIGIN), engine.begin() as connection:
            connection.exec_driver_sql(
                f"UPDATE inboxes SET name = substr(name, 1, 40) || 'x', position = position + 1, "
                f"greeting = {greeting} "
                f"WHERE id BETWEEN {first} AND {first + ROWS_A_TRANSACTION - 1}"
            )
    with engine.connect() as connection, connection.begin():
        connection.exec_driver_sql(
            f"CREATE TABLE saved AS SELECT *, (row_number() OVER (ORDER BY id) - 1) / {rows} AS round "
            f"FROM {outbox}"
        )
        connection.exec_driver_sql(f"DELETE FROM {outbox}")
    return engine, rounds


def batched(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (rows[at : at + BATCH] for at in range(0, len(rows), BATCH))
