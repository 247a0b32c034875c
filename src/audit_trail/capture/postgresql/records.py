"""The watched tables of a PostgreSQL database, read as their triggers tell them; it decides nothing."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, cast

import psycopg
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from audit_trail.capture.outbox import Row
from audit_trail.capture.postgresql.columns import columns_of
from audit_trail.capture.postgresql.foundation import as_capture
from audit_trail.capture.postgresql.outbox import rows_from
from audit_trail.capture.postgresql.triggers import Triggers
from audit_trail.capture.records import MOST_PENDING, ROWS_TOGETHER, row_of
from audit_trail.capture.watch import Table, WatchList
from audit_trail.capture.ways import quoted
from audit_trail.errors import OutboxFailed

_THERE: Final = "SELECT to_regclass('audit_trail.columns') IS NOT NULL"
_NOW_US: Final = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
_BYTES: Final = (
    "SELECT account, convert_to(record_key, 'UTF8'), convert_to(record_id, 'UTF8'), "
    "convert_to(changes, 'UTF8')"
)


def take_baseline(connection: Connection, watch: WatchList, schema: str) -> None:
    """Keep which records each table has that begins to be watched, and since when each column is.

    As the capture role, which may read them. See the adapter of SQLite.
    """
    told = connection.exec_driver_sql("SELECT DISTINCT table_name FROM audit_trail.columns")
    known = set(told.scalars())
    watched = [table.name for table in watch.tables]
    for kept in ("baseline", "columns"):
        connection.exec_driver_sql(
            f"DELETE FROM audit_trail.{kept} WHERE table_name <> ALL(%s)", (watched,)
        )
    for table in watch.tables:
        if table.part_of:
            continue
        triggers = _triggers(connection, table, schema)
        if table.name not in known:
            reading = triggers.reading.replace("%", "%%")
            connection.exec_driver_sql(
                "INSERT INTO audit_trail.baseline (table_name, account, record_id) "
                f"SELECT %s, account, record_id FROM ({reading}) AS here",
                (table.name,),
            )
        since = _NOW_US if table.name in known else "0"
        connection.exec_driver_sql(
            "DELETE FROM audit_trail.columns WHERE table_name = %s AND column_name <> ALL(%s)",
            (table.name, triggers.columns),
        )
        connection.exec_driver_sql(
            "INSERT INTO audit_trail.columns (table_name, column_name, since_us) "
            f"SELECT %s, name, {since} FROM unnest(CAST(%s AS text[])) AS name "
            "ON CONFLICT DO NOTHING",
            (table.name, triggers.columns),
        )


class PostgresqlRecords:
    """Reads the watched tables of one database, as the capture role."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def name(self) -> str:
        url = self._engine.url
        return f"postgresql://{url.host or 'local'}:{url.port or 5432}/{url.database}"

    def columns(self, table: Table) -> Mapping[str, int]:
        with self._reading() as (connection, _):
            if not connection.exec_driver_sql(_THERE).scalar_one():
                return {}
            found = connection.exec_driver_sql(
                "SELECT column_name, since_us FROM audit_trail.columns WHERE table_name = %s",
                (table.name,),
            )
            return {str(name): int(since) for name, since in found}

    def baseline(self, table: Table) -> Iterator[Sequence[Row]]:
        with self._reading() as (connection, _):
            if connection.exec_driver_sql(_THERE).scalar_one():
                source = (
                    "SELECT account, record_id AS record_key, record_id, '{}' AS changes "
                    "FROM audit_trail.baseline WHERE table_name = %s"
                )
                yield from _batches(connection, table, source, (table.name,))

    def rows(self, table: Table) -> Iterator[Sequence[Row]]:
        with self._reading() as (connection, schema):
            yield from _batches(connection, table, _prepared(connection, table, schema))

    @contextmanager
    def snapshot(self) -> Iterator["PostgresqlSnapshot"]:
        with self._reading() as (connection, schema):
            yield PostgresqlSnapshot(connection, schema)

    @contextmanager
    def _reading(self) -> Iterator[tuple[Connection, str]]:
        """Read in one transaction, whose first statement chooses the moment, as the capture role."""
        try:
            with self._engine.connect() as connection:
                reading = connection.execution_options(isolation_level="REPEATABLE READ")
                with reading.begin():
                    schema = reading.exec_driver_sql("SELECT current_schema()").scalar_one()
                    with as_capture(reading):
                        yield reading, str(schema)
        except (DBAPIError, PoolTimeout, psycopg.Error) as error:
            cause = error.orig if isinstance(error, DBAPIError) else error
            said = str(cause).partition("\n")[0]
            raise OutboxFailed(f"The database {self.name} failed: {said}") from error


class PostgresqlSnapshot:
    """One transaction of repeatable reads."""

    def __init__(self, connection: Connection, schema: str) -> None:
        self._connection = connection
        self._schema = schema
        self._statements: dict[str, bytes] = {}

    def pending(self) -> Sequence[Row] | None:
        rows = rows_from(
            self._connection, "FROM audit_trail.outbox ORDER BY id LIMIT %s", (MOST_PENDING + 1,)
        )
        return rows if len(rows) <= MOST_PENDING else None

    def rows_of(self, table: Table, parts: Sequence[str]) -> Sequence[Row]:
        if table.name not in self._statements:
            reading = _prepared(self._connection, table, self._schema).replace("%", "%%")
            # Text of no type, which the server reads as that of the column.
            condition = " AND ".join(f"here.{quoted(name)} = %s" for name in table.identities)
            statement = f"{_BYTES} FROM ({reading} WHERE {condition}) AS r"
            self._statements[table.name] = statement.encode()
        found = _driver(self._connection).execute(
            self._statements[table.name], tuple(parts), binary=True
        )
        return [row_of(table, *each) for each in found]


def _triggers(connection: Connection, table: Table, schema: str) -> Triggers:
    name = f"{quoted(schema)}.{quoted(table.name)}"
    return Triggers(table, columns_of(connection, name), schema=schema, owner=None)


def _prepared(connection: Connection, table: Table, schema: str) -> str:
    """Set what the trigger sets, so that values read the same, and return the statement."""
    triggers = _triggers(connection, table, schema)
    for setting in ("search_path = pg_catalog, pg_temp", *triggers.settings):
        connection.exec_driver_sql(f"SET LOCAL {setting}")
    return triggers.reading


def _batches(
    connection: Connection, table: Table, source: str, values: tuple[Any, ...] | None = None
) -> Iterator[Sequence[Row]]:
    """Read by a cursor of the server, so that neither side holds all rows."""
    with _driver(connection).cursor("audit_trail_records", binary=True) as cursor:
        statement = f"{_BYTES} FROM ({source}) AS r"
        cursor.execute(statement.encode(), values)
        while found := cursor.fetchmany(ROWS_TOGETHER):
            yield [row_of(table, *each) for each in found]


def _driver(connection: Connection) -> psycopg.Connection[Any]:
    return cast("psycopg.Connection[Any]", connection.connection.driver_connection)
