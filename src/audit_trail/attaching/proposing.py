"""What to record of a database, proposed by what its tables look like; people decide."""

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from audit_trail.attaching.config import Members, Named, PartOf, Recorded
from audit_trail.attaching.introspection import Described, Tables
from audit_trail.attaching.names import (
    ACCOUNTS,
    LABELS,
    TIMES,
    class_of,
    is_class_of,
    is_secret,
    pairs_of,
    singular,
    spelled,
    why_ignored,
)

REVIEW: Final = "REVIEW:"
LONGEST_PATH: Final = 5
_INTEGERS: Final = frozenset({"INTEGER", "BIGINT", "SMALLINT"})


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """What is proposed of one table, with remarks for who reads it."""

    recorded: Recorded
    remarks: tuple[str, ...] = ()


class Proposals(msgspec.Struct, frozen=True, kw_only=True):
    """What is proposed of a database."""

    accounts: str | int
    tables: Mapping[str, Proposal]
    ignored: Mapping[str, str]


Kinds = Mapping[tuple[str, str], list[str]]
"""The values that a column of a table has, of those that tell of which kind something is."""


def kinds_wanted(tables: Tables) -> list[tuple[str, str]]:
    """Name the columns whose values tell whose part a record is."""
    proposer = _Proposer(tables, {})
    return sorted({(owner, f"{head}_type") for owner, head in proposer.owners.values()})


def propose(tables: Tables, kinds: Kinds) -> Proposals:
    """Propose what to record."""
    return _Proposer(tables, kinds).proposals()


class _Proposer:
    def __init__(self, tables: Tables, kinds: Kinds) -> None:
        self._kinds = kinds
        self._ignored = {
            name: why for name, table in tables.items() if (why := _why_ignored(table))
        }
        self._tables = {name: tables[name] for name in tables if name not in self._ignored}
        self._by_singular = {singular(name): name for name in self._tables}
        self._entities = {name: self._entity(name) for name in self._tables}
        self._points = {name: dict(self._pointed(table)) for name, table in self._tables.items()}
        self._accounts = next(filter(self._is_accounts, ACCOUNTS), None)
        self.owners = dict(self._owners())

    def proposals(self) -> Proposals:
        return Proposals(
            accounts=self._accounts or 1,
            tables={name: self._proposal(table) for name, table in self._tables.items()},
            ignored=self._ignored,
        )

    def _entity(self, name: str) -> str:
        """Call a table's record by its singular, unless another table is called so."""
        one = singular(name)
        alone = self._by_singular[one] == name and one not in self._tables.keys() - {name}
        return one if alone else name

    def _pointed(self, table: Described) -> Iterator[tuple[str, tuple[str, str]]]:
        """Find what columns point to: by foreign keys, else by their names, if the types allow."""
        for column, declared in table.types.items():
            if column in table.points:
                if table.points[column][0] in self._tables:
                    yield column, table.points[column]
                continue
            head = column.removesuffix("_id")
            other = self._tables.get(self._by_singular.get(head, ""))
            if head == column or other is None or f"{head}_type" in table.types:
                continue
            if len(other.key) == 1 and _alike(declared, other.types[other.key[0]]):
                yield column, (other.name, other.key[0])

    def _is_accounts(self, name: str) -> bool:
        pointed = (
            target
            for name_, points in self._points.items()
            if name_ != name
            for target, _ in points.values()
        )
        return name in self._tables and len(self._tables[name].key) == 1 and name in pointed

    def _proposal(self, table: Described) -> Proposal:
        account, remarks = self._account(table)
        key = table.key or tuple(table.types)
        columns = self._account_columns(table)
        points = {
            column: self._named(*target)
            for column, target in self._points[table.name].items()
            if column not in columns
        }
        # What a token's id points to may be named; the id itself is no secret.
        shown = {*key, *columns, *points}
        secrets = [
            column
            for column, declared in table.types.items()
            if is_secret(column, declared) and column not in shown
        ]
        remarks += [
            f"{head}_type and {head}_id point to records of several tables."
            for head in pairs_of(table.types)
        ]
        documents = [
            column
            for column, declared in table.types.items()
            if "JSON" in declared and column not in secrets
        ]
        if documents:
            remarks.append(f"Look for secrets in the JSON of: {', '.join(documents)}.")
        unwatched = _times(table)
        return Proposal(
            recorded=Recorded(
                entity=self._entities[table.name],
                key=None if table.primary else key[0] if len(key) == 1 else key,
                account=account,
                label=self._label(table, [*secrets, *key], points),
                secrets=tuple(secrets),
                unwatched=tuple(unwatched)
                if set(unwatched) - {"created_at", "updated_at"}
                else None,
                references=points,
                part_of=self._part(table),
            ),
            remarks=tuple(remarks),
        )

    def _named(self, target: str, key: str) -> str | Named:
        """Name what is pointed to, and the key where it isn't the table's own."""
        return target if self._tables[target].key == (key,) else Named(table=target, key=key)

    def _account_columns(self, table: Described) -> list[str]:
        """Name the columns that hold an account."""
        points = self._points[table.name]
        return [column for column in points if points[column][0] == self._accounts]

    def _account(
        self, table: Described
    ) -> tuple[str | int | tuple[str, ...] | Members | None, list[str]]:
        if table.name == self._accounts or self._accounts is None:
            return None, []
        if columns := self._account_columns(table):
            return columns[0], []
        if members := self._members(table):
            return members, []
        if path := self._path(table):
            return path, []
        for column, (owner, _) in self._points[table.name].items():
            if members := self._members(self._tables[owner]):
                return msgspec.structs.replace(members, by=column), []
        if table.name in self.owners:
            return None, []
        return 0, [f"{REVIEW} nothing leads to an account, so its entries are the installation's."]

    def _members(self, table: Described) -> Members | None:
        """Find the table that tells in which accounts somebody is."""
        for name, points in self._points.items():
            accounts = self._account_columns(self._tables[name]) if name != table.name else []
            records = [column for column in points if points[column][0] == table.name]
            if not accounts or not records:
                continue
            once = {accounts[0], records[0]}
            if any(set(unique) == once for unique in self._tables[name].uniques) or (
                self._tables[name].primary and set(self._tables[name].primary) == once
            ):
                return Members(members=name, record=records[0], account=accounts[0])
        return None

    def _path(self, table: Described) -> tuple[str, ...] | None:
        """Find the shortest way over references to a column with the account."""
        ways: list[tuple[str, tuple[str, ...]]] = [(table.name, ())]
        passed = {table.name}
        for name, way in ways:
            if way and (columns := self._account_columns(self._tables[name])):
                return (*way, columns[0])
            if len(way) == LONGEST_PATH:
                continue
            for column, (target, _) in self._points[name].items():
                if target not in passed and target != self._accounts:
                    passed.add(target)
                    ways.append((target, (*way, column)))
        return None

    def _label(
        self, table: Described, unfit: list[str], points: Mapping[str, str | Named]
    ) -> tuple[str, ...]:
        """Choose what names a record; one that only joins others is named by these."""
        fit = {spelled(column): column for column in table.types if column not in unfit}
        if found := next((name for name in LABELS if name in fit), None):
            return (fit[found],)
        if found := next((name for name in fit if name.endswith("_name")), None):
            return (fit[found],)
        said = {*table.key, *points, *_times(table), *self._account_columns(table)}
        joins = len(table.types.keys() - said) <= 2
        return tuple(points)[:2] if joins else ()

    def _owners(self) -> Iterator[tuple[str, tuple[str, str]]]:
        """Find which tables hold the parts of which: an inbox's channel is in channel_api."""
        heads = [(name, head) for name, t in self._tables.items() for head in pairs_of(t.types)]
        for name in self._tables:
            owners = [(owner, head) for owner, head in heads if name.startswith(f"{head}_")]
            if len(owners) == 1 and owners[0][0] != name and self._tables[name].primary == ("id",):
                yield name, owners[0]

    def _part(self, table: Described) -> PartOf | None:
        if table.name in self.owners:
            owner, head = self.owners[table.name]
            values = self._kinds.get((owner, f"{head}_type"), [])
            kind = next((each for each in values if is_class_of(each, table.name)), None)
            return PartOf(
                table=owner,
                prefix=head,
                owner_column=f"{head}_id",
                where={f"{head}_type": kind or class_of(table.name, head)},
            )
        if any(owner == table.name for owner, _ in self.owners.values()):
            return None
        for column, (owner, _) in self._points[table.name].items():
            begins = f"{singular(owner)}_"
            alone = table.has_alone(column) and len(self._tables[owner].key) == 1
            # An owner's name is shorter than its part's, so this comes to an end.
            if table.name.startswith(begins) and alone and self._part(self._tables[owner]) is None:
                return PartOf(table=owner, prefix=table.name.removeprefix(begins), column=column)
        return None


def _why_ignored(table: Described) -> str | None:
    if table.is_virtual:
        return "a virtual table, on which SQLite has no triggers"
    if why := why_ignored(table.name):
        return why
    joins = bool(table.types) and all(column.endswith("_id") for column in table.types)
    if not table.key and not joins:
        return f"{REVIEW} it has no key; name columns that tell its records apart to record it"
    return None


def _times(table: Described) -> list[str]:
    """Name the columns that tell when a record was made and last touched."""
    return sorted(column for column in table.types if spelled(column) in TIMES)


def _alike(one: str, other: str) -> bool:
    return one == other or {one, other} <= _INTEGERS
