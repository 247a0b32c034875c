"""Writes a file to begin with: what is proposed of each table, as people would write it."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import ColumnClause, Connection, column, select, table

from audit_trail.attaching.config import Members, Named, PartOf
from audit_trail.attaching.connecting import in_transaction
from audit_trail.attaching.introspection import describe
from audit_trail.attaching.proposing import (
    REVIEW,
    Proposal,
    Proposals,
    kinds_wanted,
    propose,
)
from audit_trail.errors import ConfigRefused

MOST_KINDS: Final = 200
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_HEAD: Final = """\
# What audit-trail records of this database. It was proposed by what the tables look like: look it
# through, and attach it with
#
#   audit-trail attach --config {path}
#
# Every table stands here, under [tables.NAME] or, with the reason why not, under [ignored]. Each key
# is explained in docs/attaching.md. Secrets are compared and never copied.
"""
_GO_ON: Final = """
# What becomes of a write that can't be recorded, as after a column was dropped: "go_on" lets it
# pass and counts it as lost; "refuse" refuses it until the file is attached again.
when_outbox_fails = "go_on"
"""


class Drafted(NamedTuple):
    """How many tables are proposed to be recorded and ignored, and how many places to look at."""

    tables: int
    ignored: int
    reviews: int


def write_draft(database_url: str, path: Path) -> Drafted:
    """Write the file, which must be a new one. Raises `ConfigRefused` and `AttachRefused`."""
    if path.exists():
        raise ConfigRefused(f"{path} is there already, and would be overwritten. Name a new file.")

    def work(connection: Connection) -> tuple[Proposals, bool]:
        tables = describe(connection)
        kinds = {place: _values(connection, *place) for place in kinds_wanted(tables)}
        return propose(tables, kinds), connection.dialect.name == "postgresql"

    # Who only looks keeps no writer waiting.
    proposals, goes_on = in_transaction(database_url, work, begin="BEGIN")
    text = drafted(proposals, path=str(path), goes_on=goes_on)
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644), "w") as file:
            file.write(text)
    except OSError as error:
        raise ConfigRefused(f"{path} can't be written: {error.strerror}.") from None
    return Drafted(len(proposals.tables), len(proposals.ignored), text.count(REVIEW))


def drafted(proposals: Proposals, *, path: str, goes_on: bool) -> str:
    """Return the text of the file, the tables in the order of their names."""
    parts = [_HEAD.format(path=path), *_accounts(proposals.accounts)]
    if goes_on:
        parts.append(_GO_ON)
    for name in sorted(proposals.tables):
        parts += ["\n", *_section(name, proposals.tables[name])]
    if proposals.ignored:
        parts.append("\n[ignored]\n")
        for name in sorted(proposals.ignored):
            parts.append(f"{_key(name)} = {_value(proposals.ignored[name])}\n")
    return "".join(parts)


def _accounts(accounts: str | int) -> Iterator[str]:
    if isinstance(accounts, str):
        yield f"\n# The table whose records are the accounts; each has a trail of its own.\naccounts = {_value(accounts)}\n"
    else:
        yield f"\n# No table of accounts was found, so all entries are in the trail of one.\naccounts = {accounts}\n"


def _section(name: str, proposal: Proposal) -> Iterator[str]:
    given, head = proposal.recorded, f"tables.{_key(name)}"
    yield f"[{head}]\n"
    yield from (f"# {remark}\n" for remark in proposal.remarks)
    values = (
        ("entity", given.entity),
        ("key", given.key),
        ("account", given.account),
        ("label", given.label or None),
        ("secrets", given.secrets or None),
        ("unwatched", given.unwatched),
        ("part_of", given.part_of),
    )
    yield from (f"{key} = {_value(value)}\n" for key, value in values if value is not None)
    if given.references:
        yield f"[{head}.references]\n"
        for column_name, pointed in given.references.items():
            yield f"{_key(column_name)} = {_value(pointed)}\n"


def _value(value: Any) -> str:
    """Write a value on one line; what is left out says nothing."""
    match value:
        case Members() | Named() | PartOf():
            return _value({k: v for k, v in msgspec.structs.asdict(value).items() if v})
        case Mapping():
            members = (f"{_key(name)} = {_value(each)}" for name, each in value.items())
            return "{ " + ", ".join(members) + " }"
        case str():
            # JSON escapes as TOML does, but for this one character.
            return msgspec.json.encode(value).decode().replace("\x7f", "\\u007f")
        case Sequence():
            return "[" + ", ".join(map(_value, value)) + "]"
        case _:
            return str(value)


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _value(name)


def _values(connection: Connection, name: str, column_name: str) -> list[str]:
    wanted: ColumnClause[Any] = column(column_name)
    found = connection.execute(select(wanted).select_from(table(name)).distinct().limit(MOST_KINDS))
    return [str(value) for value in found.scalars() if value is not None]
