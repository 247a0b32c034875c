"""The watched tables of a SQLite database, read as their triggers tell them; it decides nothing."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, cast

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from audit_trail.capture.outbox import Row
from audit_trail.capture.records import MOST_PENDING, ROWS_TOGETHER, row_of
from audit_trail.capture.sqlite.outbox import as_bytes, rows_from
from audit_trail.capture.sqlite.triggers import Triggers
from audit_trail.capture.watch import Table, WatchList
from audit_trail.capture.ways import quoted
from audit_trail.errors import OutboxFailed

_NOW_US: Final = "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) * 1000"
_THERE: Final = "SELECT count(*) FROM sqlite_master WHERE name = 'audit_columns'"


def take_baseline(connection: Connection, watch: WatchList) -> None:
    """Keep which records each table has that begins to be watched, and since when each column is.

    What has no entry, but was there before the first trigger, is told by it from what was written
    behind the triggers' back.
    """
    known = {name for (name,) in connection.exec_driver_sql("SELECT table_name FROM audit_columns")}
    for gone in known - {table.name for table in watch.tables}:
        for kept in ("audit_baseline", "audit_columns"):
            connection.exec_driver_sql(f"DELETE FROM {kept} WHERE table_name = ?", (gone,))
    for table in watch.tables:
        if table.part_of:
            continue
        triggers = Triggers(connection, table)
        if table.name not in known:
            connection.exec_driver_sql(
                f"INSERT INTO audit_baseline SELECT ?, account, record_id FROM ({triggers.reading})",
                (table.name,),
            )
        since = _NOW_US if table.name in known else "0"
        columns = triggers.columns
        marks = ", ".join("?" * len(columns)) or "NULL"
        connection.exec_driver_sql(
            f"DELETE FROM audit_columns WHERE table_name = ? AND column_name NOT IN ({marks})",
            (table.name, *columns),
        )
        for column in columns:
            connection.exec_driver_sql(
                f"INSERT OR IGNORE INTO audit_columns VALUES (?, ?, {since})", (table.name, column)
            )


class SqliteRecords:
    """Reads the watched tables in one SQLite file."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def name(self) -> str:
        return self._engine.url.render_as_string(hide_password=True)

    def columns(self, table: Table) -> Mapping[str, int]:
        with self._reading() as (_, driver):
            if not driver.execute(_THERE).fetchone()[0]:
                return {}
            return dict(
                driver.execute(
                    "SELECT column_name, since_us FROM audit_columns WHERE table_name = ?",
                    (table.name,),
                )
            )

    def baseline(self, table: Table) -> Iterator[Sequence[Row]]:
        with self._reading() as (_, driver):
            if driver.execute(_THERE).fetchone()[0]:
                yield from _batches(
                    table,
                    driver.execute(
                        "SELECT account, CAST(record_id AS BLOB), CAST(record_id AS BLOB), x'7b7d' "
                        "FROM audit_baseline WHERE table_name = ?",
                        (table.name,),
                    ),
                )

    def rows(self, table: Table) -> Iterator[Sequence[Row]]:
        with self._reading() as (connection, driver):
            yield from _batches(table, driver.execute(_reading(connection, table)))

    @contextmanager
    def snapshot(self) -> Iterator["SqliteSnapshot"]:
        with self._reading() as (connection, driver):
            yield SqliteSnapshot(connection, driver)

    @contextmanager
    def _reading(self) -> Iterator[tuple[Connection, sqlite3.Connection]]:
        """Read in one transaction, whose first statement chooses the moment."""
        try:
            with self._engine.connect() as connection:
                reading = connection.execution_options(audit_read_only=True)
                with reading.begin():
                    driver = cast("sqlite3.Connection", reading.connection.driver_connection)
                    usual, driver.text_factory = driver.text_factory, as_bytes
                    try:
                        yield reading, driver
                    finally:
                        driver.text_factory = usual
        except (DBAPIError, sqlite3.Error) as error:
            cause = error.orig if isinstance(error, DBAPIError) else error
            raise OutboxFailed(f"The database {self.name} failed: {cause}") from error


class SqliteSnapshot:
    """One read transaction."""

    def __init__(self, connection: Connection, driver: sqlite3.Connection) -> None:
        self._connection = connection
        self._driver = driver
        self._statements: dict[str, str] = {}

    def pending(self) -> Sequence[Row] | None:
        rows = rows_from(self._driver, "FROM audit_outbox ORDER BY id LIMIT ?", (MOST_PENDING + 1,))
        return rows if len(rows) <= MOST_PENDING else None

    def rows_of(self, table: Table, parts: Sequence[str]) -> Sequence[Row]:
        if table.name not in self._statements:
            # A number as text equals the number in a column of numbers, by the column's affinity.
            condition = " AND ".join(f"here.{quoted(name)} = ?" for name in table.identities)
            statement = f"{_reading(self._connection, table)} WHERE {condition}"
            self._statements[table.name] = statement
        found = self._driver.execute(self._statements[table.name], tuple(parts))
        return [row_of(table, *each) for each in found]


def _reading(connection: Connection, table: Table) -> str:
    return Triggers(connection, table).reading


def _batches(table: Table, cursor: Any) -> Iterator[Sequence[Row]]:
    while found := cursor.fetchmany(ROWS_TOGETHER):
        yield [row_of(table, *each) for each in found]
