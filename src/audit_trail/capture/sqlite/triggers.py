"""The text of one table's SQLite triggers, generated from the table; it runs nothing but PRAGMAs.

No value may make a trigger refuse the user's write: every column goes through its storage class,
comparisons are binary, and what JSON can't hold is tagged (see `record.value`).
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

import msgspec
from sqlalchemy import Connection

from audit_trail.capture.watch import Membership, Reference, Table
from audit_trail.errors import WatchRefused
from audit_trail.record.entry import INSTALLATION
from audit_trail.record.value import LIMIT_BYTES

_OUTBOX_COLUMNS: Final = (
    "token, table_name, operation, account, record_key, record_id, changes, labels, context"
)


class Column(NamedTuple):
    """A watched column: its name, and how its values are read."""

    name: str
    declared: str
    secret: bool


class Triggers:
    """Writes the triggers of one table."""

    def __init__(self, connection: Connection, table: Table) -> None:
        self._table = table
        self._columns = _columns(connection, table)
        self._keys = [[(name, "") for name in table.keys], *_unique_keys(connection, table)]

    def texts(self) -> Iterator[tuple[str, str]]:
        operations = self._table.operations
        if "create" in operations:
            flush = self._flush("TRUE") if "delete" in operations else ""
            body = flush + self._written(
                "create", "new", self._whole("new", lambda value: f"[null,' || {value} || ']")
            )
            yield self._trigger("create", "AFTER INSERT", body)
        if "update" in operations:
            changed = " OR ".join(_differs(column) for column in self._columns)
            yield self._trigger(
                "update", "AFTER UPDATE", self._written("update", "new", self._changed()), changed
            )
        if "delete" in operations:
            yield self._trigger(
                "delete",
                "AFTER DELETE",
                self._written("delete", "old", self._gone("old")) + self._forget(),
            )
            yield from self._displacing()

    @property
    def columns(self) -> list[str]:
        """The names of the columns that are watched."""
        return [column.name for column in self._columns]

    @property
    def reading(self) -> str:
        """Select every row as a creation tells it: account, key, id and changes."""
        row = "here"
        changes = self._whole(row, lambda value: f"[null,' || {value} || ']")
        account = self._table.account
        told = f"{row}.{quoted(account)}" if isinstance(account, str) else "NULL"
        return (
            f"SELECT {told} AS account, CAST({self._key(row)} AS BLOB) AS record_key, "
            f"CAST({self._identity(row)} AS BLOB) AS record_id, CAST({changes} AS BLOB) AS changes "
            f"FROM {quoted(self._table.name)} AS {row}"
        )

    def _displacing(self) -> Iterator[tuple[str, str]]:
        """Catch REPLACE, which deletes rows without firing their delete triggers.

        Before the write, the rows whose keys it takes are noted; after it, those that are gone
        are recorded. A note left by a write that replaced nothing (an upsert, OR IGNORE) is
        cleared by the next.
        """
        noted = f"EXISTS (SELECT 1 FROM audit_displaced WHERE table_name = {self._name})"
        columns = ", ".join(
            quoted(name) for name in dict.fromkeys(name for key in self._keys for name, _ in key)
        )
        moved = " OR ".join(
            f"old.{quoted(name)} IS NOT new.{quoted(name)}" for key in self._keys for name, _ in key
        )
        other = f"{self._primary('taken')} IS NOT {self._primary('old')}"
        yield self._trigger(
            "replace",
            "BEFORE INSERT",
            self._note("TRUE"),
            f"EXISTS ({self._taken('TRUE')}) OR {noted}",
        )
        yield self._trigger(
            "move",
            f"BEFORE UPDATE OF {columns}",
            self._note(other),
            f"({moved}) AND (EXISTS ({self._taken(other)}) OR {noted})",
        )
        yield self._trigger(
            "moved",
            f"AFTER UPDATE OF {columns}",
            self._flush(f"{self._primary('new')} IS NOT {self._primary('old')}"),
            noted,
        )

    @property
    def _name(self) -> str:
        return _text(self._table.name)

    def _trigger(
        self, suffix: str, event: str, body: str, condition: str | None = None
    ) -> tuple[str, str]:
        name = f"audit_{self._table.name}_{suffix}"
        when = f"\nWHEN {condition}" if condition else ""
        table = quoted(self._table.name)
        return name, f"CREATE TRIGGER {quoted(name)} {event} ON {table}{when}\nBEGIN\n{body}\nEND"

    def _flush(self, took_key: str) -> str:
        """Record the noted rows that the write has displaced: their key is taken, or nobody's."""
        still = (
            f"SELECT 1 FROM {quoted(self._table.name)} AS kept "
            f"WHERE {self._primary('kept')} = d.primary_key"
        )
        return (
            f"  INSERT INTO audit_outbox ({_OUTBOX_COLUMNS})\n"
            "  SELECT c.token, d.table_name, 'delete', d.account, d.record_key, d.record_id,\n"
            "    d.changes, d.labels, c.context\n"
            "  FROM audit_displaced AS d LEFT JOIN audit_context AS c ON c.one = 1\n"
            f"  WHERE d.table_name = {self._name}\n"
            f"    AND ((d.primary_key IS {self._primary('new')} AND {took_key})\n"
            f"      OR NOT EXISTS ({still}));\n"
            f"  {self._cleared()}\n"
        )

    def _forget(self) -> str:
        """Drop the note of a row that a delete trigger has recorded."""
        return "\n  " + self._cleared(f" AND primary_key IS {self._primary('old')}")

    def _cleared(self, condition: str = "") -> str:
        return f"DELETE FROM audit_displaced WHERE table_name = {self._name}{condition};"

    def _note(self, condition: str) -> str:
        row = "taken"
        return (
            f"  {self._cleared()}\n"
            "  INSERT INTO audit_displaced\n"
            "    (table_name, primary_key, account, record_key, record_id, changes, labels)\n"
            f"  SELECT {self._name}, {self._primary(row)},\n"
            f"    {self._account(row, 'delete')}, {self._key(row)}, {self._identity(row)},\n"
            f"    {self._gone(row)},\n    {self._labels('delete', row)}\n"
            f"  FROM {self._matching(condition)};"
        )

    def _taken(self, condition: str) -> str:
        return f"SELECT 1 FROM {self._matching(condition)}"

    def _matching(self, condition: str) -> str:
        """The rows that hold a key which the new row is about to take."""
        matches = " OR ".join(
            "("
            + " AND ".join(
                f"taken.{quoted(name)} = new.{quoted(name)}{collation}" for name, collation in key
            )
            + ")"
            for key in self._keys
        )
        return f"{quoted(self._table.name)} AS taken WHERE ({matches}) AND {condition}"

    def _gone(self, row: str) -> str:
        return self._whole(row, lambda value: f"[' || {value} || ',null]")

    def _written(self, operation: str, row: str, changes: str) -> str:
        return (
            f"  INSERT INTO audit_outbox ({_OUTBOX_COLUMNS})\n"
            f"  SELECT c.token, {self._name}, '{operation}', a.account,\n"
            f"    {self._key(row)}, {self._identity(row)},\n"
            f"    {changes},\n    {self._labels(operation, 'old')},\n    c.context\n"
            f"  FROM ({self._accounts(row, operation)}) AS a\n"
            "    LEFT JOIN audit_context AS c ON c.one = 1;"
        )

    def _accounts(self, row: str, operation: str) -> str:
        """Select the accounts in whose trails the write belongs; a NULL where none is known."""
        member = self._table.account
        if isinstance(member, Membership):
            table, record, account = (
                quoted(member.table),
                quoted(member.record),
                quoted(member.account),
            )
            found = f"FROM {table} WHERE {record} = {row}.{quoted(self._table.keys[0])}"
            unknown = f"SELECT NULL WHERE NOT EXISTS (SELECT 1 {found})"
            return f"SELECT {account} AS account {found} UNION ALL {unknown}"
        return f"SELECT {self._account(row, operation)} AS account"

    def _account(self, row: str, operation: str) -> str:
        """Where the record is itself an account, its birth and death belong to the installation."""
        column = self._table.account
        if isinstance(column, str):
            return f"{row}.{quoted(column)}"
        key = f"{row}.{quoted(self._table.keys[0])}"
        return key if operation == "update" else _text(INSTALLATION)

    def _primary(self, row: str) -> str:
        """What tells the row from all others: its key's value, or the JSON of all its parts."""
        keys = self._table.keys
        return f"{row}.{quoted(keys[0])}" if len(keys) == 1 else self._key(row)

    def _key(self, row: str) -> str:
        return _json_of(row, self._table.keys)

    def _identity(self, row: str) -> str:
        return _json_of(row, self._table.identities)

    def _changed(self) -> str:
        """{"column": [old, new]} of the columns that differ."""
        parts = []
        for column in self._columns:
            pair = f"'[' || {_value(column, 'old')} || ',' || {_value(column, 'new')} || ']'"
            member = f"{_text(',' + _json_name(column.name) + ':')} || {pair}"
            parts.append(f"CASE WHEN {_differs(column)} THEN {member} ELSE '' END")
        return _object(parts)

    def _whole(self, row: str, pair: Callable[[str], str]) -> str:
        """{"column": pair} of the columns that aren't null."""
        parts = []
        for column in self._columns:
            member = f"'{_doubled(',' + _json_name(column.name) + ':')}{pair(_value(column, row))}'"
            parts.append(
                f"CASE WHEN {row}.{quoted(column.name)} IS NOT NULL THEN {member} ELSE '' END"
            )
        return _object(parts)

    def _labels(self, operation: str, gone: str) -> str:
        """{"column": [old name, new name]} of the references and of what names the record."""
        parts = []
        for name in dict.fromkeys(
            [*self._table.label, *(each.columns[0] for each in self._table.references)]
        ):
            reference = self._table.reference_of(name)
            old = "'null'" if operation == "create" else _name_of(reference, name, gone)
            new = "'null'" if operation == "delete" else _name_of(reference, name, "new")
            if operation == "update":
                old = (
                    f"CASE WHEN old.{quoted(name)} IS new.{quoted(name)} THEN 'null' ELSE {old} END"
                )
            parts.append(f"{_text(',' + _json_name(name) + ':[')} || {old} || ',' || {new} || ']'")
        return _object(parts)


def _columns(connection: Connection, table: Table) -> list[Column]:
    """Read the table's columns that are watched, in their order."""
    rows = connection.exec_driver_sql(f"PRAGMA table_xinfo({quoted(table.name)})").fetchall()
    names = {row[1] for row in rows}
    named = {*table.keys, *table.identities, *table.secrets, *table.label}
    named |= {column for reference in table.references for column in reference.columns}
    if isinstance(table.account, str):
        named.add(table.account)
    if missing := sorted(named - names):
        raise WatchRefused(f"The watched table {table.name} has no column {', '.join(missing)}.")
    if table.when_outbox_fails == "go_on":
        raise WatchRefused(
            f"The table {table.name} can't go on without its record: SQLite has no sequence that "
            "a rollback leaves alone."
        )
    shown = {*table.keys, *table.identities, table.account, *table.label}
    if copied := sorted(table.secrets & shown):
        raise WatchRefused(f"A secret of {table.name} can't name its records: {', '.join(copied)}.")
    return [
        Column(row[1], row[2].upper(), row[1] in table.secrets)
        for row in rows
        if row[1] not in table.unwatched and row[6] != 1
    ]


def _unique_keys(connection: Connection, table: Table) -> Iterator[list[tuple[str, str]]]:
    """Yield the unique keys beside the primary one as columns with their collations."""
    indexes = connection.exec_driver_sql(f"PRAGMA index_list({quoted(table.name)})").fetchall()
    for _, name, unique, _, _ in sorted(indexes, key=lambda row: str(row[1])):
        columns = connection.exec_driver_sql(f"PRAGMA index_xinfo({quoted(name)})").fetchall()
        key = [(row[2], f" COLLATE {row[4]}") for row in columns if row[5]]
        if unique and all(column for column, _ in key):
            yield key


def _differs(column: Column) -> str:
    """Compare bytes, whatever the column's collation; where numbers keep their type, that too."""
    name = quoted(column.name)
    differs = f"old.{name} IS NOT new.{name} COLLATE BINARY"
    typeless = column.declared in ("", "ANY") or "BLOB" in column.declared
    return f"({differs} OR typeof(old.{name}) <> typeof(new.{name}))" if typeless else differs


def _value(column: Column, row: str) -> str:
    """Write the column's value as JSON text, tagged where JSON has no such type."""
    value = f"{row}.{quoted(column.name)}"
    if column.secret:
        return f"CASE WHEN {value} IS NULL THEN 'null' ELSE '{{\"$\":\"secret\"}}' END"
    if "BOOL" in column.declared:
        return f"CASE {value} WHEN 0 THEN 'false' WHEN 1 THEN 'true' ELSE {_json(value)} END"
    if "JSON" in column.declared:
        return _json(value, _json_document(value))
    return _json(value)


def _json_of(row: str, columns: Sequence[str]) -> str:
    """One value as it is, several as a list."""
    values = [_json(f"{row}.{quoted(column)}") for column in columns]
    joined = " || ',' || ".join(values)
    return joined if len(values) == 1 else f"'[' || {joined} || ']'"


def _json(value: str, text: str | None = None) -> str:
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


def _name_of(reference: Reference | None, column: str, row: str) -> str:
    if reference is None:
        return _json(f"{row}.{quoted(column)}")
    table, key = quoted(reference.label_table or reference.table), quoted(reference.label_key)
    found = f"SELECT {_json('named.' + quoted(reference.label))} FROM {table} AS named"
    return f"ifnull(({found} WHERE named.{key} = {row}.{quoted(column)}), 'null')"


def _object(parts: Sequence[str]) -> str:
    """Join members, each with its leading comma, into an object."""
    return "'{' || substr(" + " || ".join(["''", *parts]) + ", 2) || '}'"


def _json_name(name: str) -> str:
    return msgspec.json.encode(name).decode()


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _doubled(text: str) -> str:
    return text.replace("'", "''")


def _text(text: str) -> str:
    return "'" + _doubled(text) + "'"
