"""The file that says what is recorded of a database, read into a form; it knows no database.

Every mistake is told with its place and, where there is one, the nearest name.
"""

import re
import tomllib
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from audit_trail.errors import ConfigRefused

T = TypeVar("T", bound=msgspec.Struct)
Operation = Literal["create", "update", "delete"]
Failing = Literal["refuse", "go_on"]


class Members(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The accounts of who belongs to several: `account` in `members`, whose `record` is its key.

    Or the value of its column `by`; and where its column `alone` isn't null, that account only.
    """

    members: str
    record: str
    account: str
    by: str | None = None
    alone: str | None = None


class Named(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table that a column points to, by which key, and the column that names its records."""

    table: str
    key: str | None = None
    label: str | None = None


class PartOf(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose part the table's records are; see `watch.Part`."""

    table: str
    prefix: str
    column: str | None = None
    owner_column: str | None = None
    where: Mapping[str, str | int] = {}


class Recorded(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is said of one table; None is what the database or the file's head says."""

    entity: str | None = None
    key: str | tuple[str, ...] | None = None
    identity: str | None = None
    account: str | int | tuple[str, ...] | Members | None = None
    label: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    unwatched: tuple[str, ...] | None = None
    operations: tuple[Operation, ...] = ("create", "update", "delete")
    when_outbox_fails: Failing | None = None
    references: Mapping[str, str | Named] = {}
    part_of: PartOf | None = None


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file: who the accounts are, each recorded table, and why others are ignored.

    `accounts` is the table whose records are the accounts, or the number of the only one.
    """

    accounts: str | int | None = None
    when_outbox_fails: Failing = "refuse"
    tables: Mapping[str, Recorded] = {}
    ignored: Mapping[str, str] = {}


def read_config(path: Path) -> Config:
    """Read the file. Raises `ConfigRefused`, which says where and what is meant."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigRefused(
            f"There is no file {path}. `audit-trail attach --draft {path}` writes one to begin with."
        ) from None
    except UnicodeDecodeError:
        raise ConfigRefused(f"{path} isn't UTF-8.") from None
    except OSError as error:
        raise ConfigRefused(f"{path} can't be read: {error.strerror}.") from None
    try:
        return understand(text)
    except ConfigRefused as error:
        raise ConfigRefused(f"{path}: {error}") from None


def understand(text: str) -> Config:
    """Read the text of such a file. Raises `ConfigRefused`."""
    try:
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigRefused(f"it is no TOML: {error}.") from None
    tables, ignored = given.pop("tables", {}), given.pop("ignored", {})
    head = _convert(given, Config, "at the top")
    if not isinstance(tables, dict) or not isinstance(ignored, dict):
        raise ConfigRefused("tables and ignored must be sections, as [tables.teams] and [ignored].")
    for name, reason in ignored.items():
        if not isinstance(reason, str) or not reason.strip():
            raise ConfigRefused(f'in [ignored]: say why {name} isn\'t recorded, as "why".')
    if both := sorted(tables.keys() & ignored.keys()):
        raise ConfigRefused(f"in [ignored]: {both[0]} is also in [tables.{both[0]}].")
    recorded = {name: _recorded(name, table) for name, table in tables.items()}
    return msgspec.structs.replace(head, tables=recorded, ignored=ignored)


def nearest(name: str, known: Collection[str]) -> str:
    """Return a question that names what may be meant; nothing where nothing is near."""
    lowered = {each.lower(): each for each in known}
    found = get_close_matches(name.lower(), lowered, n=1, cutoff=0.6)
    return f" Did you mean {lowered[found[0]]}?" if found else ""


def _recorded(name: str, given: Any) -> Recorded:
    place = f"in [tables.{name}]"
    found = _convert(given, Recorded, place)
    if isinstance(found.account, int) and found.account < 0:
        raise ConfigRefused(f"{place}: account = {found.account} is no account's number.")
    if () in (found.account, found.key):
        raise ConfigRefused(f"{place}: an empty list names no column.")
    if (part := found.part_of) and (part.column is None) == (part.owner_column is None):
        raise ConfigRefused(
            f"{place}: part_of needs either column (of {name}) or owner_column (of {part.table})."
        )
    return found


def _convert(given: Any, kind: type[T], place: str) -> T:
    """Convert a section; a key that isn't known is told before any value."""
    if isinstance(given, dict):
        known = {field.name for field in msgspec.structs.fields(kind)}
        for key in given:
            if key not in known:
                raise ConfigRefused(f"{place}: there is no key {key}.{nearest(key, known)}")
    try:
        return msgspec.convert(given, kind)
    except msgspec.ValidationError as error:
        raise ConfigRefused(f"{place}: {_worded(str(error))}") from None


def _worded(said: str) -> str:
    """Tell the place as the file spells it, and what an unknown key may have meant."""
    said = said.replace(" - at `$.", ", at `")
    unknown = re.search(r"unknown field `(.+?)`", said)
    kinds = (Members, Named, PartOf)
    known = {field.name for kind in kinds for field in msgspec.structs.fields(kind)}
    return f"{said}.{nearest(unknown[1], known) if unknown else ''}"
