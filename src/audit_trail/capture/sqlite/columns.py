"""The columns of an SQLite table, and how their values are written as JSON; it writes nothing."""

from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import Connection

from audit_trail.capture.watch import Table
from audit_trail.capture.ways import quoted
from audit_trail.errors import WatchRefused
from audit_trail.record.value import LIMIT_BYTES


class Column(NamedTuple):
    """A watched column: its name, and how its values are read."""

    name: str
    declared: str
    secret: bool


def columns_of(connection: Connection, table: Table) -> list[Column]:
    """Read the table's columns that are watched, in their order."""
    rows = connection.exec_driver_sql(f"PRAGMA table_xinfo({quoted(table.name)})").fetchall()
    table.require_columns([row[1] for row in rows])
    if table.when_outbox_fails == "go_on":
        raise WatchRefused(
            f"The table {table.name} can't go on without its record: SQLite has no sequence that "
            "a rollback leaves alone."
        )
    return [
        Column(row[1], row[2].upper(), row[1] in table.secrets)
        for row in rows
        if row[1] not in table.unwatched and row[6] != 1
    ]


def unique_keys(connection: Connection, table: Table) -> Iterator[list[tuple[str, str]]]:
    """Yield the unique keys beside the primary one as columns with their collations."""
    indexes = connection.exec_driver_sql(f"PRAGMA index_list({quoted(table.name)})").fetchall()
    for _, name, unique, _, _ in sorted(indexes, key=lambda row: str(row[1])):
        columns = connection.exec_driver_sql(f"PRAGMA index_xinfo({quoted(name)})").fetchall()
        key = [(row[2], f" COLLATE {row[4]}") for row in columns if row[5]]
        if unique and all(column for column, _ in key):
            yield key


def is_unique(connection: Connection, table: Table) -> bool:
    """Tell whether no two rows can have the same key: else an insert displaces nothing by it."""
    rows = connection.exec_driver_sql(f"PRAGMA table_xinfo({quoted(table.name)})").fetchall()
    primary = [row[1] for row in rows if row[5]]
    others = ([name for name, _ in key] for key in unique_keys(connection, table))
    return any(key and {*table.keys}.issuperset(key) for key in (primary, *others))


def differs(column: Column) -> str:
    """Compare bytes, whatever the column's collation; where numbers keep their type, that too."""
    name = quoted(column.name)
    differs = f"old.{name} IS NOT new.{name} COLLATE BINARY"
    typeless = column.declared in ("", "ANY") or "BLOB" in column.declared
    return f"({differs} OR typeof(old.{name}) <> typeof(new.{name}))" if typeless else differs


def value_of(column: Column, row: str) -> str:
    """Write the column's value as JSON text, tagged where JSON has no such type."""
    value = f"{row}.{quoted(column.name)}"
    if column.secret:
        return f"CASE WHEN {value} IS NULL THEN 'null' ELSE '{{\"$\":\"secret\"}}' END"
    if "BOOL" in column.declared:
        return f"CASE {value} WHEN 0 THEN 'false' WHEN 1 THEN 'true' ELSE {as_json(value)} END"
    if "JSON" in column.declared:
        return as_json(value, _json_document(value))
    return as_json(value)


def as_json(value: str, text: str | None = None) -> str:
    size = f"length(CAST({value} AS BLOB))"
    kept = f"substr(CAST({value} AS BLOB), 1, {LIMIT_BYTES})"
    cut = (
        f'\'{{"$":"cut","size":\' || {size} || '
        f"',\"text\":' || json_quote(CAST({kept} AS TEXT)) || '}}'"
    )
    return (
        f"CASE typeof({value}) WHEN 'text' THEN "
        f"CASE WHEN {size} <= {LIMIT_BYTES} THEN {text or f'json_quote({value})'} ELSE {cut} END "
        f"WHEN 'integer' THEN CAST({value} AS TEXT) WHEN 'null' THEN 'null' "
        f"WHEN 'real' THEN '{{\"$\":\"real\",\"text\":\"' || printf('%!.17g', {value}) || '\"}}' "
        f'ELSE \'{{"$":"hex","size":\' || {size} || \',"hex":"\' || hex({kept}) || \'"}}\' END'
    )


def _json_document(value: str) -> str:
    invalid = f'\'{{"$":"invalid","why":"not JSON","text":\' || json_quote({value}) || \'}}\''
    valid = f'\'{{"$":"json","value":\' || json({value}) || \'}}\''
    return f"CASE WHEN json_valid({value}) THEN {valid} ELSE {invalid} END"
