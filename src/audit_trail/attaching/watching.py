"""The watch list that a file asks for, held against the tables as they are; it changes nothing."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from audit_trail.attaching.config import Config, Members, Named, Recorded, nearest
from audit_trail.attaching.introspection import Described, Tables
from audit_trail.capture.watch import Membership, Part, Path, Reference, Step, Table, WatchList
from audit_trail.errors import ConfigRefused

LONGEST_NAME: Final = 200
UNWATCHED: Final = frozenset({"created_at", "updated_at"})


def watch_list(config: Config, tables: Tables) -> WatchList:
    """Return the watch list. Raises `ConfigRefused`, which names table, key and what is near."""
    _require_tables(config, tables)
    read = _Reader(config, tables)
    watched = tuple(read.table(name) for name in config.tables)
    _require_told_apart(watched)
    return WatchList(tables=watched, ignored=dict(config.ignored))


def _require_told_apart(watched: Sequence[Table]) -> None:
    """Two tables of one entity would mix up the histories of their records."""
    names: dict[str, str] = {}
    for table in watched:
        if (other := names.setdefault(table.entity, table.name)) != table.name:
            raise _refused(table.name, "entity", f"[tables.{other}] has {table.entity} already.")
        if len(max(table.entity, table.name, key=len)) > LONGEST_NAME:
            raise _refused(table.name, "entity", f"a name has at most {LONGEST_NAME} letters.")


def _require_tables(config: Config, tables: Tables) -> None:
    for section in (config.tables, config.ignored):
        for name in section:
            if name not in tables:
                raise ConfigRefused(f"there is no table {name}.{nearest(name, tables.keys())}")
    for name in config.tables:
        if tables[name].is_virtual:
            raise ConfigRefused(
                f"in [tables.{name}]: it is a virtual table, on which SQLite has no triggers. "
                "Put it under [ignored], and record the table behind it."
            )
    if unnamed := sorted(tables.keys() - config.tables.keys() - config.ignored.keys()):
        raise ConfigRefused(
            f"the database has tables that the file doesn't name: {', '.join(unnamed)}. To record "
            f"one, add [tables.{unnamed[0]}]; else say why not, under [ignored]: "
            f'{unnamed[0]} = "why". `audit-trail attach --draft` proposes either.'
        )
    if isinstance(config.accounts, str) and config.accounts not in config.tables:
        raise ConfigRefused(
            f"at the top: accounts = {config.accounts!r} is no recorded table."
            + nearest(config.accounts, config.tables.keys())
        )


class _Reader:
    """Reads each table's section with all others in view."""

    def __init__(self, config: Config, tables: Tables) -> None:
        self._config = config
        self._tables = tables

    def table(self, name: str) -> Table:
        given, described = self._config.tables[name], self._tables[name]
        unwatched = UNWATCHED if given.unwatched is None else frozenset(given.unwatched)
        self._require_columns(described, "label", given.label)
        self._require_columns(described, "secrets", given.secrets)
        self._require_columns(described, "unwatched", given.unwatched or ())
        self._require_columns(described, "references", given.references)
        key = self._key(given, described)
        shown = (*key, given.identity, given.account, *given.label)
        for secret in given.secrets:
            if secret in shown:
                raise _refused(name, "secrets", f"{secret} is the key, the account or a label.")
        return Table(
            name=name,
            entity=given.entity or name,
            key=key[0] if len(key) == 1 else key,
            identity=self._identity(given, described),
            account=self._account(given, described),
            label=given.label,
            references=tuple(self._references(given, described)),
            secrets=frozenset(given.secrets),
            unwatched=unwatched,
            operations=frozenset(given.operations),
            when_outbox_fails=given.when_outbox_fails or self._config.when_outbox_fails,
            part_of=self._part(given, described),
        )

    def _key(self, given: Recorded, described: Described) -> tuple[str, ...]:
        if given.key is None:
            if not described.primary:
                raise _refused(
                    described.name,
                    "key",
                    "the table has no primary key. Name the columns that tell its records apart, "
                    "or put the table under [ignored].",
                )
            return described.primary
        key = (given.key,) if isinstance(given.key, str) else given.key
        self._require_columns(described, "key", key)
        return key

    def _identity(self, given: Recorded, described: Described) -> str | None:
        if given.identity:
            self._require_columns(described, "identity", (given.identity,))
        return given.identity

    def _account(
        self, given: Recorded, described: Described
    ) -> str | int | Membership | Path | None:
        name, account = described.name, given.account
        if account is None:
            if name == self._config.accounts:
                return None
            if isinstance(self._config.accounts, int):
                return self._config.accounts
            if given.part_of:
                return ()
            raise _refused(
                name,
                "account",
                "say whose the records are: a column, a list of columns that leads to one over "
                "references, or 0 for the installation.",
            )
        if isinstance(account, Members):
            member = self._described(name, "account", account.members)
            self._require_columns(member, "account", (account.record, account.account), name)
            own = [each for each in (account.by, account.alone) if each]
            self._require_columns(described, "account", own)
            return Membership(
                table=member.name,
                record=account.record,
                account=account.account,
                by=account.by,
                alone=account.alone,
            )
        if isinstance(account, tuple):
            return tuple(self._steps(described, account))
        if isinstance(account, str):
            self._require_columns(described, "account", (account,))
        return account

    def _steps(self, described: Described, columns: tuple[str, ...]) -> Iterator[Step]:
        start = described.name
        for column in columns[:-1]:
            self._require_columns(described, "account", (column,), start)
            table, key = self._target(start, described, column)
            yield Step(column=column, table=table, key=key)
            described = self._tables[table]
        self._require_columns(described, "account", columns[-1:], start)
        yield Step(column=columns[-1])

    def _target(self, start: str, described: Described, column: str) -> tuple[str, str]:
        """Return the table and key to which a step leads."""
        recorded = self._config.tables.get(described.name)
        if recorded and column in recorded.references:
            named = self._named(described.name, column, recorded.references[column])
            return named.table, named.key or ""
        if column in described.points:
            return described.points[column]
        raise _refused(
            start,
            "account",
            f"{column} of {described.name} leads nowhere. Add to [tables.{described.name}]: "
            f'references = {{ {column} = "…" }}.',
        )

    def _references(self, given: Recorded, described: Described) -> Iterator[Reference]:
        for column, pointed in given.references.items():
            named = self._named(described.name, column, pointed)
            key = named.key or ""
            yield Reference(
                table=named.table,
                columns=(column,),
                target=(key,),
                label=named.label or key,
                label_key=key,
            )

    def _named(self, name: str, column: str, pointed: str | Named) -> Named:
        """Complete a reference: by the key and the label that its table has."""
        given = Named(table=pointed) if isinstance(pointed, str) else pointed
        place = f"references.{column}"
        described = self._described(name, place, given.table)
        recorded = self._config.tables.get(given.table, Recorded())
        if given.key is None and len(described.key) != 1:
            raise _refused(name, place, f"{given.table} has no key of one column; name the key.")
        key = given.key or described.key[0]
        own = (each for each in recorded.label if each not in recorded.references)
        label = given.label or next(own, key)
        self._require_columns(described, place, (key, label), name)
        if label in recorded.secrets:
            raise _refused(name, place, f"{label} is a secret of {given.table}.")
        return Named(table=given.table, key=key, label=label)

    def _part(self, given: Recorded, described: Described) -> Part | None:
        if (part := given.part_of) is None:
            return None
        name = described.name
        owner = self._described(name, "part_of", part.table)
        recorded = self._config.tables.get(part.table)
        if recorded is None or recorded.part_of:
            raise _refused(name, "part_of", f"{part.table} isn't recorded, or is itself a part.")
        if not part.prefix:
            raise _refused(name, "part_of", "the prefix is empty.")
        self._require_columns(described, "part_of", [part.column] if part.column else [])
        in_owner = [part.owner_column] if part.owner_column else []
        self._require_columns(owner, "part_of", [*in_owner, *part.where], name)
        return Part(
            table=part.table,
            prefix=part.prefix,
            column=part.column,
            owner_column=part.owner_column,
            where={name: str(value) for name, value in part.where.items()},
        )

    def _described(self, name: str, key: str, table: str) -> Described:
        if table not in self._tables:
            raise _refused(
                name, key, f"there is no table {table}.{nearest(table, self._tables.keys())}"
            )
        return self._tables[table]

    def _require_columns(
        self, described: Described, key: str, columns: Iterable[str], name: str | None = None
    ) -> None:
        for column in columns:
            if column not in described.types:
                near = nearest(column, described.types.keys())
                raise _refused(
                    name or described.name, key, f"{described.name} has no column {column}.{near}"
                )


def _refused(table: str, key: str, why: str) -> ConfigRefused:
    return ConfigRefused(f"in [tables.{table}], {key}: {why}")
