"""The text of one table's PostgreSQL trigger functions, generated from the table; it runs nothing.

Row level, since a statement trigger's plan can be a hundred times slower. No value may make a
trigger refuse the user's write: whatever JSON can't hold is tagged (see `record.value`).
"""

from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Final, NamedTuple

import msgspec

from audit_trail.capture.postgresql.columns import Column, literal
from audit_trail.capture.watch import Membership, Reference, Table
from audit_trail.capture.ways import accounts_by, owns, quoted
from audit_trail.record.entry import INSTALLATION

LONGEST_NAME: Final = 63
EMPTY: Final = "''"
TOGETHER: Final = 8
"""How many columns are gathered by one statement."""

FIRST: Final = "00_audit"
"""How our triggers' names begin: triggers of one event fire in the order of their names."""

_INSERT: Final = (
    "INSERT INTO audit_trail.outbox\n"
    "    (table_name, operation, account, record_key, record_id, changes, labels, context)"
)
_CONTEXT: Final = "nullif(current_setting('audit.context', true), '')"
# A column of a label's table may bear a variable's name.
_DECLARED: Final = "\n#variable_conflict use_variable\nDECLARE\n  audit_changes text := '';\n"


class Trigger(NamedTuple):
    """A trigger as it must be: its name, its event, its function's name, body and settings."""

    name: str
    event: str
    function: str
    body: str
    settings: tuple[str, ...]


class Triggers:
    """Writes the triggers of one table. `columns` are all that the table has.

    `owner` writes those of the table whose part this one is.
    """

    def __init__(
        self, table: Table, columns: Sequence[Column], *, schema: str, owner: "Triggers | None"
    ) -> None:
        table.require_columns([column.name for column in columns])
        self._table = self.table = table
        self._owner = owner
        self._prefix = f"{table.part_of.prefix}." if table.part_of else ""
        self._schema = schema
        self._all = {column.name: column for column in columns}
        self._columns = [
            column._replace(secret=column.name in table.secrets)
            for column in columns
            if column.name not in table.unwatched
        ]
        used = {*table.keys, *table.identities, *table.label, *(c.name for c in self._columns)}
        needed = [self._all[name].settings() for name in used]
        of_owner = owner.settings if owner else ()
        self.settings: tuple[str, ...] = tuple(sorted(set(of_owner).union(*needed)))
        """What must be set for values to read the same in every session."""

    def texts(self) -> Iterator[Trigger]:
        operations = self._table.operations
        if "create" in operations:
            body = self._whole("new", "[null,", "]") + self._written("create", "new")
            yield self._trigger("create", "AFTER INSERT", body)
        if "update" in operations and self._columns:
            unless_same = "  IF audit_changes = '' THEN RETURN NULL; END IF;\n"
            body = self._changed() + unless_same + self._written("update", "new")
            yield self._trigger("update", "AFTER UPDATE", body)
        if "delete" in operations:
            body = self._whole("old", "[", ",null]") + self._written("delete", "old")
            yield self._trigger("delete", "AFTER DELETE", body)
            yield self._trigger("truncate", "BEFORE TRUNCATE", _each_row(body), "  old record;\n")

    @property
    def columns(self) -> list[str]:
        """The names of the columns that are watched."""
        return [column.name for column in self._columns]

    @property
    def reading(self) -> str:
        """Select every row as a creation tells it: account (if it always has the one), key, id, changes."""
        row = "here"
        is_one = isinstance(self._table.account, str | int)
        account = f"({self._accounts(row, 'create')})" if is_one else "NULL::text"
        members = (
            f"CASE WHEN {column.is_there(row)} THEN {literal(_member(column.name) + '[null,')} || "
            f"{column.value(row)} || ']' ELSE '' END"
            for column in self._columns
        )
        return (
            f"SELECT {account} AS account, {self._json_of(row, self._table.keys)} AS record_key, "
            f"{self._json_of(row, self._table.identities)} AS record_id, "
            f"'{{' || substr({' || '.join([EMPTY, *members])}, 2) || '}}' AS changes "
            f"FROM {self._named(self._table.name)} AS {row}"
        )

    def _trigger(self, operation: str, event: str, body: str, declared: str = "") -> Trigger:
        if self._table.when_outbox_fails == "go_on":
            body = (
                f"  BEGIN\n{body}  EXCEPTION WHEN OTHERS THEN\n"
                f"    PERFORM nextval({literal('audit_trail.' + quoted(lost_of(self._table)))});\n"
                "  END;\n"
            )
        return Trigger(
            f"{FIRST}_{operation}",
            event,
            short(f"{self._table.name} {operation}"),
            f"{_DECLARED}{declared}BEGIN\n{body}  RETURN NULL;\nEND\n",
            self.settings,
        )

    def _written(self, operation: str, row: str) -> str:
        part, owner = self._table.part_of, self._owner
        if part is None or owner is None:
            return self._own(operation, row)
        condition = owns(part, self._table, owner.table, row, operation, literal)
        own = self._own(operation, row)
        return f"{owner.of_part(condition)}  IF NOT FOUND THEN\n{own}  END IF;\n"

    def of_part(self, condition: str) -> str:
        """Write a part's change as an update of its owner."""
        member, account = self._table.account, f"({self._accounts('owner', 'update')})"
        found = f"{self._named(self._table.name)} AS owner"
        if isinstance(member, Membership):
            account = self._of_member(member, "owner")
            found += self._members(member, "owner")
        values = self._values("update", "owner", self._labels("part", "owner"), account)
        return f"  {_INSERT}\n  SELECT {values}\n  FROM {found}\n  WHERE {condition};\n"

    def _own(self, operation: str, row: str) -> str:
        labels = self._labels(operation, row if operation == "delete" else "old")
        values = self._values(operation, row, labels)
        return f"  {_INSERT}\n  SELECT {values}\n  FROM ({self._accounts(row, operation)}) AS a;\n"

    def _values(self, operation: str, row: str, labels: str, account: str = "a.account") -> str:
        return (
            f"{literal(self._table.name)}, '{operation}', {account},\n"
            f"    {self._json_of(row, self._table.keys)},\n"
            f"    {self._json_of(row, self._table.identities)},\n"
            f"    '{{' || substr(audit_changes, 2) || '}}',\n    {labels},\n    {_CONTEXT}"
        )

    def _accounts(self, row: str, operation: str) -> str:
        """Select the accounts in whose trails the write belongs; a NULL where none is known."""
        owner, key = self._table.account, f"{row}.{quoted(self._table.keys[0])}"
        if isinstance(owner, str):
            return f"SELECT {row}.{quoted(owner)}::text AS account"
        if isinstance(owner, int):
            return f"SELECT {literal(str(owner))} AS account"
        if isinstance(owner, tuple):
            return accounts_by(owner, row, operation, self._named, "::text")
        if owner is None:
            account = f"{key}::text" if operation == "update" else literal(INSTALLATION)
            return f"SELECT {account} AS account"
        of_member, members = self._of_member(owner, row), self._members(owner, row)
        return f"SELECT {of_member} AS account FROM (SELECT) AS one{members}"

    def _of_member(self, member: Membership, row: str) -> str:
        account = f"m.{quoted(member.account)}::text"
        return (
            f"coalesce({row}.{quoted(member.alone)}::text, {account})" if member.alone else account
        )

    def _members(self, member: Membership, row: str) -> str:
        """Join the memberships of a record that belongs to several accounts, or one NULL."""
        several = f" AND {row}.{quoted(member.alone)} IS NULL" if member.alone else ""
        return (
            f" LEFT JOIN {self._named(member.table)} AS m ON m.{quoted(member.record)} = "
            f"{row}.{quoted(member.by or self._table.keys[0])}{several}"
        )

    def _json_of(self, row: str, columns: Sequence[str]) -> str:
        """One value as it is, several as a list."""
        joined = " || ',' || ".join(self._all[name].value(row) for name in columns)
        return joined if len(columns) == 1 else f"'[' || {joined} || ']'"

    def _changed(self) -> str:
        """Gather ,"column":[old,new] of the columns that differ.

        A statement for each column: PL/pgSQL keeps small expressions ready, where one that holds
        them all would be made ready anew for every row.
        """
        return "".join(
            f"  IF {column.differs()} THEN audit_changes := audit_changes || "
            f"{literal(self._member(column.name) + '[')} || {column.value('old')} || ',' || "
            f"{column.value('new')} || ']'; END IF;\n"
            for column in self._columns
        )

    def _whole(self, row: str, before: str, after: str) -> str:
        """Gather the pairs of the columns that aren't null.

        Several in a statement, which saves a tenth of the trigger's time; not all, for there may be 1,600,
        and the stack that reads one expression has an end.
        """
        members = [
            f"CASE WHEN {column.is_there(row)} THEN {literal(self._member(column.name) + before)} "
            f"|| {column.value(row)} || {literal(after)} ELSE '' END"
            for column in self._columns
        ]
        return "".join(
            f"  audit_changes := audit_changes\n    || {joined};\n"
            for start in range(0, len(members), TOGETHER)
            for joined in ["\n    || ".join(members[start : start + TOGETHER])]
        )

    def _labels(self, operation: str, gone: str) -> str:
        """{"column": [old name, new name]} of the references and of what names the record."""
        names = [*self._table.label, *(each.columns[0] for each in self._table.references)]
        text, between = "", "{"
        for name in dict.fromkeys(names):
            text += f"{literal(between + _json_name(name) + '[')} || {self._label(name, operation, gone)} || "
            between = "],"
        return f"{text}']}}'" if text else "'{}'"

    def _label(self, name: str, operation: str, gone: str) -> str:
        """The old name and the new one. A part changes no name of its owner, who has them all as
        the row says now."""
        reference = self._table.reference_of(name)
        unnamed = operation in ("create", "part")
        old = "'null'" if unnamed else self._name_of(reference, name, gone)
        now = "owner" if operation == "part" else "new"
        new = "'null'" if operation == "delete" else self._name_of(reference, name, now)
        if operation == "update":
            old = f"CASE WHEN {self._all[name].differs()} THEN {old} ELSE 'null' END"
        return f"{old} || ',' || {new}"

    def _name_of(self, reference: Reference | None, column: str, row: str) -> str:
        if reference is None:
            return self._all[column].value(row)
        table = self._named(reference.label_table or reference.table)
        return (
            f"coalesce((SELECT to_json(left(named.{quoted(reference.label)}::text, 2000))::text "
            f"FROM {table} AS named "
            f"WHERE named.{quoted(reference.label_key)} = {row}.{quoted(column)}), 'null')"
        )

    def _member(self, column: str) -> str:
        return _member(self._prefix + column)

    def _named(self, table: str) -> str:
        return f"{quoted(self._schema)}.{quoted(table)}"


def lost_of(table: Table) -> str:
    """The name of the sequence that counts writes which could not be recorded."""
    return short(f"{table.name} lost")


def short(name: str) -> str:
    """A name that PostgreSQL doesn't cut: two long ones could else become one."""
    if len(name.encode()) <= LONGEST_NAME:
        return name
    kept = name.encode()[: LONGEST_NAME - 17].decode(errors="ignore")
    return f"{kept} {sha256(name.encode()).hexdigest()[:16]}"


def _each_row(body: str) -> str:
    """Do for each row of the table what a delete does. Of a partition, for its own rows alone."""
    return (
        "  FOR old IN EXECUTE 'SELECT * FROM ONLY ' || TG_RELID::regclass LOOP\n"
        f"  audit_changes := '';\n{body}  END LOOP;\n"
    )


def _member(name: str) -> str:
    """A member's name with the comma before it, as JSON."""
    return f",{_json_name(name)}"


def _json_name(name: str) -> str:
    """A member's name as JSON."""
    return msgspec.json.encode(name).decode() + ":"
