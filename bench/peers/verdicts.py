"""What a library's log should say of a write, and the verdict on what it does say."""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple

ADA: Final = "ada@example.com"

Values = Mapping[str, Any]
NONE: Values = MappingProxyType({})


class Fact(NamedTuple):
    """One record's way through a transaction, as it was: by whom, and the fields that matter."""

    operation: str
    table: str
    key: Any
    before: Values = NONE
    after: Values = NONE
    actor: str | None = ADA


class Event(NamedTuple):
    """The same as a library's log tells it; fields it says nothing of are absent."""

    operation: str
    table: str
    key: Any
    before: Values
    after: Values
    actor: str | None


class Snapshot(NamedTuple):
    """A record as a library keeps it after each write; what was before is in the one before."""

    operation: str
    table: str
    key: Any
    values: Values
    actor: str | None


def told_by(snapshots: Iterable[Snapshot]) -> list[Event]:
    """Tell what changed from snapshot to snapshot, as the reader of such a log must."""
    last: dict[tuple[str, str], Values] = {}
    found = []
    for each in snapshots:
        place = each.table, str(each.key)
        before = {} if each.operation == "create" else last.get(place, {})
        if each.operation == "delete":
            before = each.values
        after = {} if each.operation == "delete" else each.values
        found.append(Event(each.operation, each.table, each.key, before, after, each.actor))
        last[place] = each.values
    return found


def judge(facts: Sequence[Fact], events: Sequence[Event]) -> str:
    """Say `recorded` (or `none`, where nothing happened and nothing is told), or what is amiss.

    `missed`: something happened and isn't told. `wrong`: it is told otherwise than it was. `ghost`:
    something is told that didn't happen. `no actor`: all is told but who did it.
    """
    left = list(events)
    amiss = dict[str, None]()
    for fact in facts:
        same = [each for each in left if _is_of(each, fact)]
        if not same:
            amiss["missed"] = None
            continue
        found = next((each for each in same if _says(each, fact)), same[0])
        left.remove(found)
        if not _says(found, fact):
            amiss["wrong"] = None
        elif fact.actor is not None and found.actor is None:
            amiss["no actor"] = None
        elif fact.actor is not None and found.actor != fact.actor:
            amiss["wrong actor"] = None
    if left:
        amiss["ghost"] = None
    return " and ".join(amiss) or ("recorded" if facts else "none")


def _is_of(event: Event, fact: Fact) -> bool:
    return (event.operation, event.table, str(event.key)) == (
        fact.operation,
        fact.table,
        str(fact.key),
    )


def _says(event: Event, fact: Fact) -> bool:
    pairs = ((event.before, fact.before), (event.after, fact.after))
    return all(
        name in told and str(told[name]) == str(value)
        for told, was in pairs
        for name, value in was.items()
    )
