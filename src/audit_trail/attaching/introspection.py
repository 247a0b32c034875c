"""What tables a database has, and what their columns point to; it reads the catalog alone."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, inspect
from sqlalchemy.engine.interfaces import ReflectedColumn
from sqlalchemy.engine.reflection import Inspector, ObjectKind, ObjectScope
from sqlalchemy.exc import SAWarning

from audit_trail.capture import sqlalchemy as capture


class Described(msgspec.Struct, frozen=True, kw_only=True):
    """A table as it is. `points` says to which table and key a column points, by foreign keys.

    `uniques` are the columns of the unique indexes; `types` are written as the database does.
    """

    name: str
    types: Mapping[str, str]
    primary: tuple[str, ...] = ()
    nullable: frozenset[str] = frozenset()
    uniques: tuple[tuple[str, ...], ...] = ()
    points: Mapping[str, tuple[str, str]] = {}
    is_virtual: bool = False

    @property
    def key(self) -> tuple[str, ...]:
        """The columns that tell a record from all others; none where nothing says so."""
        whole = (each for each in self.uniques if self.nullable.isdisjoint(each))
        return self.primary or min(whole, key=len, default=())

    def has_alone(self, column: str) -> bool:
        """Tell whether at most one record has a certain value of the column."""
        return self.primary == (column,) or (column,) in self.uniques


Tables = Mapping[str, Described]


def describe(connection: Connection) -> Tables:
    """Describe every table that must be watched or ignored, by name."""
    names = sorted(capture.tables(connection))
    inspector = inspect(connection)
    virtual = _virtual(connection)
    with warnings.catch_warnings():
        # Of types and indexes that it doesn't know; names are all that we take of them.
        warnings.simplefilter("ignore", SAWarning)
        read = _Read(inspector, [name for name in names if name not in virtual])
        return {
            name: Described(name=name, types={}, is_virtual=True)
            if name in virtual
            else read.table(name, {each.lower(): each for each in names})
            for name in names
        }


class _Read:
    """The catalog, read at once for all tables."""

    def __init__(self, inspector: Inspector, names: Sequence[str]) -> None:
        given: Any = {
            "filter_names": names or None,
            "kind": ObjectKind.TABLE,
            "scope": ObjectScope.DEFAULT,
        }
        self._columns = _by_name(inspector.get_multi_columns(**given))
        self._primary = _by_name(inspector.get_multi_pk_constraint(**given))
        self._foreign = _by_name(inspector.get_multi_foreign_keys(**given))
        self._indexes = _by_name(inspector.get_multi_indexes(**given))
        self._uniques = _by_name(inspector.get_multi_unique_constraints(**given))

    def table(self, name: str, names: Mapping[str, str]) -> Described:
        columns: Sequence[ReflectedColumn] = self._columns[name]
        nullable = {column["name"] for column in columns if column["nullable"]}
        indexes = [
            index["column_names"]
            for index in self._indexes[name]
            if index["unique"] and not _is_partial(index)
        ]
        uniques = [*indexes, *(each["column_names"] for each in self._uniques[name])]
        return Described(
            name=name,
            types={column["name"]: str(column["type"]).upper() for column in columns},
            primary=tuple(self._primary[name]["constrained_columns"]),
            nullable=frozenset(nullable),
            uniques=tuple(sorted({tuple(each) for each in uniques} - {()})),
            points={
                foreign["constrained_columns"][0]: (
                    names[foreign["referred_table"].lower()],
                    foreign["referred_columns"][0],
                )
                for foreign in self._foreign[name]
                if len(foreign["constrained_columns"]) == 1
                and foreign["referred_columns"]
                and foreign["referred_table"].lower() in names
                and foreign.get("referred_schema") is None
            },
        )


def _is_partial(index: Any) -> bool:
    """Tell whether the index tells apart only some rows, or by more than columns."""
    options = index.get("dialect_options", {})
    return any(name.endswith("_where") for name in options) or None in index["column_names"]


def _by_name(found: Mapping[Any, Any]) -> dict[str, Any]:
    return {name: value for (_, name), value in found.items()}


def _virtual(connection: Connection) -> set[str]:
    """Name SQLite's virtual tables and what they keep themselves in: none takes a trigger."""
    if connection.dialect.name != "sqlite":
        return set()
    rows = connection.exec_driver_sql(
        "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type IN ('virtual', 'shadow')"
    )
    return set(rows.scalars())
