"""The catalogue of what is recorded, put together from watch list, catalog and schema; no other list."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from audit_trail.capture.watch import Membership, Table
from audit_trail.record.language import told
from audit_trail.record.sentence import EVENTS, action_called
from live_agent.auditing.events import ABOUT, EACH_ACCOUNT, INSTALLATION, ITS_ACCOUNT, About
from live_agent.catalog import CATALOG, class_name
from live_agent.schema import Record
from live_agent.watching import WATCH

OPERATIONS: Final = ("create", "update", "delete")
_UNKNOWN: Final = About("", "", ITS_ACCOUNT)


class FieldOf(msgspec.Struct, frozen=True, kw_only=True):
    """A field, and how it is called. A secret one is compared and never copied."""

    name: str
    label: str
    is_secret: bool


class EntityOf(msgspec.Struct, frozen=True, kw_only=True):
    """An entity: its name, its type in the contract, and what of it is recorded.

    `left_out` says why the other actions aren't, and `unwatched` which columns are not.
    """

    type: str
    name: str
    contract: str
    actions: tuple[str, ...]
    fields: tuple[FieldOf, ...]
    trail: str
    left_out: str
    unwatched: tuple[str, ...]


class EventOf(msgspec.Struct, frozen=True, kw_only=True):
    """An event that changes no record: its sentence, meaning, the role it takes, and its trail."""

    action: str
    sentence: str
    description: str
    role: str
    trail: str


class IgnoredOf(msgspec.Struct, frozen=True, kw_only=True):
    """A table that isn't recorded, and why."""

    table: str
    reason: str


class Catalogue(msgspec.Struct, frozen=True, kw_only=True):
    """All that is recorded, and all that isn't."""

    entities: tuple[EntityOf, ...]
    events: tuple[EventOf, ...]
    ignored: tuple[IgnoredOf, ...]


def catalogue() -> Catalogue:
    """Return what Live Agent records."""
    return Catalogue(
        entities=tuple(sorted(map(_entity, WATCH.tables), key=lambda each: each.name)),
        events=tuple(_events()),
        ignored=tuple(
            IgnoredOf(table=name, reason=reason) for name, reason in sorted(WATCH.ignored.items())
        ),
    )


def _entity(table: Table) -> EntityOf:
    columns = [column.name for column in Record.metadata.tables[table.name].columns]
    kind = CATALOG.kinds.get(table.entity)
    names = [CATALOG.name(table.entity)]
    if kind and kind.with_reference:
        names.append(kind.with_reference[1])
    return EntityOf(
        type=table.entity,
        name=" or ".join(told(name) for name in names),
        contract=class_name(table.entity),
        actions=tuple(each for each in OPERATIONS if each in table.operations),
        fields=tuple(
            FieldOf(
                name=name,
                label=told(CATALOG.field(table.entity, name).label or name),
                is_secret=name in table.secrets,
            )
            for name in columns
            if name not in table.unwatched and name not in {*table.keys, table.account}
        ),
        trail=_trail(table),
        left_out=table.left_out,
        unwatched=tuple(name for name in columns if name in table.unwatched),
    )


def _trail(table: Table) -> str:
    match table.account:
        case None:
            return f"{INSTALLATION}; of an update, {ITS_ACCOUNT}"
        case Membership(alone=None):
            return EACH_ACCOUNT
        case Membership():
            return f"{ITS_ACCOUNT}, or {EACH_ACCOUNT}"
        case _:
            return ITS_ACCOUNT


def _events() -> Iterator[EventOf]:
    for action in dict.fromkeys((*EVENTS, *CATALOG.events, *ABOUT)):
        about = ABOUT.get(action, _UNKNOWN)
        yield EventOf(
            action=action,
            sentence=action_called(action, CATALOG),
            description=about.description,
            role=about.role,
            trail=about.trail,
        )


def json_of(found: Catalogue) -> str:
    """Write the catalogue as JSON."""
    return msgspec.json.format(msgspec.json.encode(found), indent=2).decode()


def markdown_of(found: Catalogue) -> str:
    """Write the catalogue as the page `docs/catalogue.md`."""
    entities = [
        (
            f"**{each.name}**",
            f"`{each.type}`",
            f"`{each.contract}`",
            ", ".join(each.actions),
            _fields(each),
            each.trail,
        )
        for each in found.entities
    ]
    events = [
        (f"`{each.action}`", each.sentence, each.description, each.role, each.trail)
        for each in found.events
    ]
    return _PAGE.format(
        entities=_rows(_ENTITIES, entities),
        events=_rows(_EVENTS, events),
        left_out=_rows(_LEFT_OUT, list(unrecorded_of(found))),
    )


def unrecorded_of(found: Catalogue) -> Iterator[tuple[str, str]]:
    """Yield what isn't recorded, and why: operations of a table, and tables."""
    for entity in found.entities:
        others = [each for each in OPERATIONS if each not in entity.actions]
        if others:
            yield f"{entity.name}: {', '.join(others)}", entity.left_out
    for table in found.ignored:
        yield f"table {table.table}", table.reason


def _fields(entity: EntityOf) -> str:
    return ", ".join(
        f"{field.label} (`{field.name}`{', secret' if field.is_secret else ''})"
        for field in entity.fields
    )


def _rows(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


_ENTITIES: Final = ("Entity", "Type", "In the contract", "Actions", "Fields", "Trail")
_EVENTS: Final = ("Action", "Sentence", "Meaning", "Role that it takes", "Trail")
_LEFT_OUT: Final = ("What", "Why")
_PAGE: Final = """# What is recorded

Every action below is an entry of a trail, which administrators of the account read; the installation's
trail is read by operators on the command line. `live-agent audit catalog` prints the same, with `--json`
for programs. This page is generated from the watch list, the catalog and the schema: after a change of
them run `python -m tests.docs.catalogue`.

## Records

Of a record created or deleted an entry holds each field that has a value, of one updated each field that
changed, before and after. A secret field is compared and never copied: an entry says that it changed, not
to what. A type, field or action that isn't in the catalog reads by its own name.

{entities}

## Events

{events}

## What isn't recorded, and why

The columns `created_at` and `updated_at` of any table, since every entry has its own time; and a read of
the database by other ways than Live Agent.

{left_out}
"""
