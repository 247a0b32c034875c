"""The text of one table's SQLite triggers, generated from the table; it runs nothing but PRAGMAs.

No value may make a trigger refuse the user's write: every column goes through its storage class,
comparisons are binary, and what JSON can't hold is tagged (see `record.value`).
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec
from sqlalchemy import Connection

from audit_trail.capture.sqlite.columns import (
    as_json,
    columns_of,
    differs,
    is_unique,
    unique_keys,
    value_of,
)
from audit_trail.capture.watch import Membership, Reference, Table
from audit_trail.capture.ways import accounts_by, at_the_end, owns, quoted
from audit_trail.record.entry import INSTALLATION

_OUTBOX_COLUMNS: Final = (
    "token, table_name, operation, account, record_key, record_id, changes, labels, context"
)


MOST_JOINED: Final = 200


class Triggers:
    """Writes the triggers of one table."""

    def __init__(self, connection: Connection, table: Table, owner: Table | None = None) -> None:
        """Read the table as it is. `owner` is the one whose part it is."""
        self._table = self.table = table
        self._columns = columns_of(connection, table)
        self._owner = Triggers(connection, owner) if owner else None
        self._prefix = f"{table.part_of.prefix}." if table.part_of else ""
        self._keys = list(unique_keys(connection, table))
        if is_unique(connection, table):
            self._keys.insert(0, [(name, "") for name in table.keys])

    def texts(self) -> Iterator[tuple[str, str]]:
        operations = self._table.operations
        if "create" in operations:
            flush = self._flush("TRUE") if "delete" in operations and self._keys else ""
            body = flush + self._written(
                "create", "new", self._whole("new", lambda value: f"[null,' || {value} || ']")
            )
            yield self._trigger("create", "AFTER INSERT", body)
        if "update" in operations:
            changed = _joined(" OR ", [differs(column) for column in self._columns])
            yield self._trigger(
                "update", "AFTER UPDATE", self._written("update", "new", self._changed()), changed
            )
        if "delete" in operations:
            yield self._trigger(
                "delete",
                "AFTER DELETE",
                self._written("delete", "old", self._gone("old"))
                + (self._forget() if self._keys else ""),
            )
            if self._keys:
                yield from self._displacing()

    @property
    def columns(self) -> list[str]:
        """The names of the columns that are watched."""
        return [column.name for column in self._columns]

    @property
    def reading(self) -> str:
        """Select every row as a creation tells it: account (if it always has the one), key, id, changes."""
        row = "here"
        changes = self._whole(row, lambda value: f"[null,' || {value} || ']")
        is_one = isinstance(self._table.account, str | int)
        account = self._account(row, "create") if is_one else "NULL"
        return (
            f"SELECT {account} AS account, CAST({self._key(row)} AS BLOB) AS record_key, "
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
        source = f"{quoted(self._table.name)} AS taken{self._members('taken')}"
        return f"{source} WHERE ({matches}) AND {condition}"

    def _gone(self, row: str) -> str:
        return self._whole(row, lambda value: f"[' || {value} || ',null]")

    def _written(self, operation: str, row: str, changes: str) -> str:
        part, owner = self._table.part_of, self._owner
        if part is None or owner is None:
            return self._own(operation, row, changes)
        found = owner.found(owns(part, self._table, owner.table, row, operation, _text))
        none = f"\n  WHERE NOT EXISTS (SELECT 1{found})"
        return owner.of_part(found, changes) + "\n" + self._own(operation, row, changes, none)

    def _own(self, operation: str, row: str, changes: str, condition: str = "") -> str:
        return (
            f"  INSERT INTO audit_outbox ({_OUTBOX_COLUMNS})\n"
            f"  SELECT c.token, {self._name}, '{operation}', a.account,\n"
            f"    {self._key(row)}, {self._identity(row)},\n"
            f"    {changes},\n    {self._labels(operation, 'old')},\n    c.context\n"
            f"  FROM ({self._accounts(row, operation)}) AS a\n"
            f"    LEFT JOIN audit_context AS c ON c.one = 1{condition};"
        )

    def found(self, condition: str) -> str:
        """Find the owners of a part, each with the accounts in whose trails they belong."""
        found = f"\n  FROM {quoted(self._table.name)} AS owner{self._members('owner')}"
        return f"{found}\n    LEFT JOIN audit_context AS c ON c.one = 1\n  WHERE {condition}"

    def of_part(self, found: str, changes: str) -> str:
        """Write a part's change as an update of its owner."""
        return (
            f"  INSERT INTO audit_outbox ({_OUTBOX_COLUMNS})\n"
            f"  SELECT c.token, {self._name}, 'update', {self._account('owner', 'update')},\n"
            f"    {self._key('owner')}, {self._identity('owner')},\n"
            f"    {changes},\n    {self._labels('part', 'owner')},\n    c.context{found};"
        )

    def _accounts(self, row: str, operation: str) -> str:
        """Select the accounts in whose trails the write belongs; a NULL where none is known."""
        if isinstance(self._table.account, tuple):
            return accounts_by(self._table.account, row, operation)
        members = self._members(row)
        source = f" FROM (SELECT 1){members}" if members else ""
        return f"SELECT {self._account(row, operation)} AS account{source}"

    def _account(self, row: str, operation: str) -> str:
        """Where the record is itself an account, its birth and death belong to the installation."""
        account = self._table.account
        if isinstance(account, str):
            return f"{row}.{quoted(account)}"
        if isinstance(account, int):
            return _text(str(account))
        if isinstance(account, tuple):
            return at_the_end(account, row)
        if isinstance(account, Membership):
            of_member = f"m.{quoted(account.account)}"
            alone = account.alone
            return f"ifnull({row}.{quoted(alone)}, {of_member})" if alone else of_member
        key = f"{row}.{quoted(self._table.keys[0])}"
        return key if operation == "update" else _text(INSTALLATION)

    def _members(self, row: str) -> str:
        """Join the memberships of a record that belongs to several accounts, or one NULL."""
        owner = self._table.account
        if not isinstance(owner, Membership):
            return ""
        several = f" AND {row}.{quoted(owner.alone)} IS NULL" if owner.alone else ""
        return (
            f" LEFT JOIN {quoted(owner.table)} AS m"
            f" ON m.{quoted(owner.record)} = {row}.{quoted(owner.by or self._table.keys[0])}{several}"
        )

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
            pair = f"'[' || {value_of(column, 'old')} || ',' || {value_of(column, 'new')} || ']'"
            member = f"{_text(self._member(column.name))} || {pair}"
            parts.append(f"CASE WHEN {differs(column)} THEN {member} ELSE '' END")
        return _object(parts)

    def _whole(self, row: str, pair: Callable[[str], str]) -> str:
        """{"column": pair} of the columns that aren't null."""
        parts = []
        for column in self._columns:
            member = f"'{_doubled(self._member(column.name))}{pair(value_of(column, row))}'"
            parts.append(
                f"CASE WHEN {row}.{quoted(column.name)} IS NOT NULL THEN {member} ELSE '' END"
            )
        return _object(parts)

    def _member(self, column: str) -> str:
        """A field's name with the comma before it, as JSON."""
        return "," + _json_name(self._prefix + column) + ":"

    def _labels(self, operation: str, gone: str) -> str:
        """{"column": [old name, new name]} of the references and of what names the record.

        A part changes no name of its owner, who has them all as the row says now.
        """
        parts = []
        for name in dict.fromkeys(
            [*self._table.label, *(each.columns[0] for each in self._table.references)]
        ):
            reference = self._table.reference_of(name)
            unnamed = operation in ("create", "part")
            old = "'null'" if unnamed else _name_of(reference, name, gone)
            now = "owner" if operation == "part" else "new"
            new = "'null'" if operation == "delete" else _name_of(reference, name, now)
            if operation == "update":
                old = (
                    f"CASE WHEN old.{quoted(name)} IS new.{quoted(name)} THEN 'null' ELSE {old} END"
                )
            parts.append(f"{_text(',' + _json_name(name) + ':[')} || {old} || ',' || {new} || ']'")
        return _object(parts)


def _json_of(row: str, columns: Sequence[str]) -> str:
    """One value as it is, several as a list."""
    values = [as_json(f"{row}.{quoted(column)}") for column in columns]
    joined = " || ',' || ".join(values)
    return joined if len(values) == 1 else f"'[' || {joined} || ']'"


def _name_of(reference: Reference | None, column: str, row: str) -> str:
    if reference is None:
        return as_json(f"{row}.{quoted(column)}")
    table, key = quoted(reference.label_table or reference.table), quoted(reference.label_key)
    found = f"SELECT {as_json('named.' + quoted(reference.label))} FROM {table} AS named"
    return f"ifnull(({found} WHERE named.{key} = {row}.{quoted(column)}), 'null')"


def _object(parts: Sequence[str]) -> str:
    """Join members, each with its leading comma, into an object."""
    return "'{' || substr(" + _joined(" || ", ["''", *parts]) + ", 2) || '}'"


def _joined(operator: str, parts: Sequence[str]) -> str:
    """Join the parts, many of them in groups: SQLite refuses what nests deeper than 1,000."""
    while len(parts) > MOST_JOINED:
        parts = [
            f"({operator.join(parts[start : start + MOST_JOINED])})"
            for start in range(0, len(parts), MOST_JOINED)
        ]
    return operator.join(parts)


def _json_name(name: str) -> str:
    return msgspec.json.encode(name).decode()


def _doubled(text: str) -> str:
    return text.replace("'", "''")


def _text(text: str) -> str:
    return "'" + _doubled(text) + "'"
