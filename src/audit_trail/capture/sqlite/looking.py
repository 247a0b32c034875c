"""Looks what capture records of a SQLite database; it changes nothing but what looks keep."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from sqlalchemy import Connection

from audit_trail.capture.look import (
    GONE,
    Fact,
    Look,
    Trigger,
    columns_print,
    compared,
    fingerprint,
    left_over,
    others,
    sound,
    watched,
    width_of,
)
from audit_trail.capture.sqlite.carrying import SMALLEST_SQLITE
from audit_trail.capture.sqlite.schema import (
    installed,
    kept_watch_list,
    lacking,
    tables_of,
)
from audit_trail.capture.sqlite.triggers import Triggers
from audit_trail.capture.watch import Table, WatchList
from audit_trail.capture.ways import quoted
from audit_trail.errors import WatchRefused


def look(connection: Connection, known: Mapping[str, str]) -> Look:
    """Return what is recorded. `known` are fingerprints of an earlier look. Raises `WatchRefused`."""
    if sqlite3.sqlite_version_info < SMALLEST_SQLITE:
        raise WatchRefused(f"SQLite {sqlite3.sqlite_version} is too old; 3.40 or later is needed.")
    watch, names = kept_watch_list(connection), tables_of(connection)
    found = {name: fingerprint(text) for name, text in installed(connection).items()}
    tables, wanted, prints = [], dict[str, str](), dict[str, str]()
    for table in watch.tables:
        of_table = _wanted(connection, watch, table, names)
        columns = _columns(connection, table)
        print_ = columns_print(table.name, columns)
        width = width_of(table.name, columns, known)
        triggers = compared(of_table, found, known, width=width)
        tables.append(watched(table, [name for name, *_ in columns], triggers))
        wanted |= of_table
        prints |= sound(triggers, found, print_)
    parts = [Trigger(name=f"the table {name}", state="missing") for name in lacking(connection)]
    return Look(
        engine=f"SQLite {sqlite3.sqlite_version}",
        watch=watch,
        tables=(*tables, *others(watch, names)),
        parts=tuple(parts),
        harmless=left_over(found, wanted),
        facts=tuple(_facts(connection, [each for each in watch.tables if each.name in names])),
        prints=prints,
    )


def kept(connection: Connection) -> str | None:
    """Return what the last look kept, if there was one."""
    if "audit_coverage" in lacking(connection):
        return None
    found = connection.exec_driver_sql("SELECT state FROM audit_coverage").scalar()
    return None if found is None else str(found)


def keep(connection: Connection, state: str) -> None:
    """Keep this for the next look."""
    connection.exec_driver_sql(
        "INSERT OR REPLACE INTO audit_coverage (one, state) VALUES (1, ?)", (state,)
    )


def take_turn(connection: Connection) -> None:
    """Be the one that writes, also on an engine whose transactions begin with their first write."""
    driver = cast("sqlite3.Connection", connection.connection.driver_connection)
    if not driver.in_transaction:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _wanted(
    connection: Connection, watch: WatchList, table: Table, names: Sequence[str]
) -> dict[str, str]:
    """Return the fingerprints of the table's triggers; where it can't have them, what it lacks."""
    if table.name not in names:
        return {f"the table {table.name}": GONE}
    try:
        triggers = Triggers(connection, table, watch.owner_of(table))
        return {name: fingerprint(text) for name, text in triggers.texts()}
    except WatchRefused as error:
        return {str(error): ""}


def _columns(connection: Connection, table: Table) -> list[tuple[str, str]]:
    """Return each column with its declared type."""
    rows = connection.exec_driver_sql(f"PRAGMA table_xinfo({quoted(table.name)})").fetchall()
    return [(str(row[1]), str(row[2])) for row in rows]


def _facts(connection: Connection, tables: Sequence[Table]) -> Iterator[Fact]:
    yield Fact(
        is_seen=True,
        says="Every insert, update and delete of a watched table, by any statement of any "
        "connection: bulk statements, cascades and REPLACE among them.",
    )
    if by_rowid := [each.name for each in tables if _has_rowid(connection, each)]:
        yield Fact(
            is_seen=False,
            says="The deletion of a row that UPDATE OR REPLACE displaces by writing to rowid, in "
            f"{', '.join(by_rowid)}.",
        )
    if by_index := [each.name for each in tables if _has_expression(connection, each)]:
        yield Fact(
            is_seen=False,
            says="The deletion of a row that REPLACE displaces by a unique index on an "
            f"expression, in {', '.join(by_index)}.",
        )
    yield Fact(
        is_seen=False,
        says="Changes to the schema. A table that is rebuilt loses its triggers until a sync.",
    )
    yield Fact(
        is_seen=False,
        says="What is written while a trigger is gone, or under PRAGMA writable_schema, or into the "
        "bytes of the file. Whoever may write to the file can do so, and put the triggers back "
        "before the next look.",
    )


def _has_rowid(connection: Connection, table: Table) -> bool:
    """Tell whether the key is another name of the row's own number."""
    rows = connection.exec_driver_sql(
        "SELECT wr FROM pragma_table_list WHERE name = ?", (table.name,)
    ).scalars()
    keys = connection.exec_driver_sql(
        "SELECT upper(type) FROM pragma_table_info(?) WHERE pk > 0", (table.name,)
    ).scalars()
    return not any(rows) and list(keys) == ["INTEGER"]


def _has_expression(connection: Connection, table: Table) -> bool:
    found = connection.exec_driver_sql(
        "SELECT count(*) FROM pragma_index_list(?) AS i, pragma_index_info(i.name) AS c "
        'WHERE i."unique" AND c.cid = -2',
        (table.name,),
    )
    return bool(found.scalar_one())
