"""The watch list: which tables are recorded, how their records are named, what is secret."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Literal, Self

import msgspec

from audit_trail.errors import WatchRefused
from audit_trail.record.state import Identity


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """Columns that point to a record of another table, and how to name that record.

    `columns` equal `target` in `table`. The name is `label` in `label_table` (by default the
    table itself), found by `label_key` = the first of `columns`.
    """

    table: str
    columns: tuple[str, ...]
    target: tuple[str, ...] = ("id",)
    label: str
    label_table: str | None = None
    label_key: str = "id"


class Membership(msgspec.Struct, frozen=True, kw_only=True):
    """How a record that belongs to several accounts finds them: in `table`, `record` is its key.

    Or its column `by`. Where its column `alone` isn't null, that is the only account.
    """

    table: str
    record: str
    account: str
    by: str | None = None
    alone: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the record that this reads, beside its key."""
        return tuple(each for each in (self.by, self.alone) if each)


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step towards an account: `column` holds the `key` of `table`.

    In the last step there is no table: the column holds the account itself.
    """

    column: str
    table: str | None = None
    key: str = "id"


Path = tuple[Step, ...]
"""The way from a record over those it points to, to its account; empty where none is known."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Whose part a record is: a write to it reads as an update of that owner, in `table`.

    Either `column` of the part holds the owner's key, or `owner_column` of the owner holds the
    part's, in those owners whose columns have the values of `where`. The part's fields are the
    owner's under `prefix`: "channel.webhook_url".
    """

    table: str
    prefix: str
    column: str | None = None
    owner_column: str | None = None
    where: Mapping[str, str] = {}


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """One watched table.

    `account` names the column with the account; or it is a `Path` there, a `Membership`, the
    number of the one account that has every record (0 is the installation), or None for the record
    itself being an account. `label` names columns whose values, or the names of what they
    reference, name the record. `key` is the column, or are the columns, that tell a record from all others
    and stay the same when it moves between partitions. `identity` is the column whose value is
    the entity's id; by default that is the key. A write that can't be recorded is refused; where
    the application must go on (PostgreSQL only), it is counted and becomes an entry of its own.
    `left_out` says why the other operations aren't recorded.
    """

    name: str
    entity: str
    key: str | tuple[str, ...] = "id"
    identity: str | None = None
    account: str | int | Membership | Path | None = "account_id"
    label: tuple[str, ...] = ()
    references: tuple[Reference, ...] = ()
    secrets: frozenset[str] = frozenset()
    unwatched: frozenset[str] = frozenset({"created_at", "updated_at"})
    operations: frozenset[str] = frozenset({"create", "update", "delete"})
    left_out: str = ""
    when_outbox_fails: Literal["refuse", "go_on"] = "refuse"
    part_of: Part | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns of the key."""
        return (self.key,) if isinstance(self.key, str) else self.key

    @property
    def owners(self) -> tuple[str, ...]:
        """The columns that say whose the record is."""
        if isinstance(self.account, Membership):
            return self.account.columns
        if self.path:
            return (self.path[0].column,)
        return (self.account,) if isinstance(self.account, str) else ()

    @property
    def identities(self) -> tuple[str, ...]:
        """The columns whose values are the entity's id."""
        return (self.identity,) if self.identity else self.keys

    @property
    def path(self) -> Path:
        """The way to the account; empty where it is found otherwise, or not at all."""
        return self.account if isinstance(self.account, tuple) else ()

    @property
    def pointed(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Which records must be known to find this one's names and account: tables and columns."""
        yield from ((reference.table, reference.target) for reference in self.references)
        if self.path and self.path[0].table:
            yield self.path[0].table, (self.path[0].key,)

    def require_columns(self, names: Collection[str]) -> None:
        """Raise `WatchRefused` where the list names a column that isn't there, or shows a secret."""
        named = {*self.keys, *self.identities, *self.secrets, *self.label}
        named |= {column for reference in self.references for column in reference.columns}
        named |= {*self.owners}
        if self.part_of and self.part_of.column:
            named.add(self.part_of.column)
        if missing := sorted(named - {*names}):
            raise WatchRefused(f"The watched table {self.name} has no column {', '.join(missing)}.")
        if copied := sorted(
            self.secrets & {*self.keys, *self.identities, *self.owners, *self.label}
        ):
            raise WatchRefused(
                f"A secret of {self.name} can't name its records: {', '.join(copied)}."
            )

    @property
    def moving(self) -> Identity:
        """The fields by whose change an entity gets another id, or goes to another account."""
        account = self.account if isinstance(self.account, str) else None
        return Identity(fields=self.identities, account=account)

    def reference_of(self, column: str) -> Reference | None:
        """Return the reference whose first column this is."""
        return next((each for each in self.references if each.columns[0] == column), None)


class WatchList(msgspec.Struct, frozen=True, kw_only=True):
    """Every watched table, and every other table with the reason why it isn't watched."""

    tables: tuple[Table, ...]
    ignored: Mapping[str, str] = {}

    @classmethod
    def read(cls, definition: str | None) -> Self:
        """Read what `text` wrote. Raises `WatchRefused`, also where nothing was written yet."""
        if definition is None:
            raise WatchRefused(
                "The database keeps no watch list yet. Attach it by `audit-trail attach`, or "
                "have its application sync capture."
            )
        try:
            return msgspec.json.decode(definition, type=cls)
        except msgspec.DecodeError as error:
            raise WatchRefused(f"The kept watch list can't be read: {error}.") from error

    def text(self) -> str:
        """Write the list as it is kept beside the outbox."""
        return msgspec.json.encode(self, order="sorted").decode()

    def table(self, name: str) -> Table | None:
        """Return the watched table of this name."""
        return next((each for each in self.tables if each.name == name), None)

    def owner_of(self, table: Table) -> Table | None:
        """Return the table whose part the table is. Raises `WatchRefused` where it can't be one."""
        if table.part_of is None:
            return None
        owner = self.table(table.part_of.table)
        if owner is None or owner.part_of:
            raise WatchRefused(
                f"{table.name} can't be a part of {table.part_of.table}: that is not watched, "
                "or is itself a part."
            )
        return owner

    def parents(self) -> tuple[str, ...]:
        """Return the tables that others point to, each before those that point to it in turn."""
        pointed = {name for table in self.tables for name, _ in table.pointed}
        found: dict[str, None] = {}

        def visit(name: str, path: frozenset[str]) -> None:
            table = self.table(name)
            for target, _ in table.pointed if table else ():
                if target not in path:
                    visit(target, path | {target})
            found.setdefault(name)

        for name in sorted(pointed):
            visit(name, frozenset({name}))
        return tuple(found)

    def require_complete(self, names: Sequence[str]) -> None:
        """Raise `WatchRefused` when a table of the database is neither watched nor ignored.

        And when a secret would be copied as the name of a record.
        """
        known = {table.name for table in self.tables} | set(self.ignored)
        if unknown := sorted(set(names) - known):
            raise WatchRefused(f"Neither watched nor ignored with a reason: {', '.join(unknown)}.")
        for table in self.tables:
            for reference in table.references:
                named = self.table(reference.label_table or reference.table)
                if named and reference.label in named.secrets:
                    raise WatchRefused(
                        f"A secret of {named.name} can't name what {table.name} refers to: "
                        f"{reference.label}."
                    )
