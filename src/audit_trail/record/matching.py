"""Whether an entry is what a condition asks for: by the entry itself, without any index."""

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import assert_never
from zoneinfo import ZoneInfo

from audit_trail.record.entry import ActorId, Entry
from audit_trail.record.facts import Facts, Moved
from audit_trail.record.query import (
    All,
    Any,
    At,
    By,
    Changed,
    Condition,
    During,
    Holds,
    Is,
    Named,
    Not,
    Value,
    Words,
)
from audit_trail.record.terms import known_as
from audit_trail.record.words import Phrase, folded, phrase, stands_in, words


def matches(condition: Condition | None, entry: Entry) -> bool:
    """Tell whether the condition holds of this entry; None always does."""
    return condition is None or holds(condition, Facts(entry))


def holds(condition: Condition, facts: Facts) -> bool:
    """Tell whether the condition holds of these facts."""
    match condition:
        case All(of):
            return all(holds(each, facts) for each in of)
        case Any(of):
            return any(holds(each, facts) for each in of)
        case Not(what):
            return not holds(what, facts)
        case Words(text, goes_on):
            return _among(phrase(text, goes_on), facts.texts())
        case Is():
            return _is(condition, facts)
        case By():
            found = facts.principals() if condition.on_behalf else facts.actors()
            return any(_is_by(condition, actor, names) for actor, names in found)
        case Named(part):
            return part.casefold() in facts.who.person
        case Holds(side, text, goes_on):
            items = (item for move in facts.moves() for item in getattr(move, side) or ())
            return _among(phrase(text, goes_on), items)
        case Changed():
            return any(_is_changed(condition, move) for move in facts.moves())
        case During(since_us, until_us):
            at = facts.public.occurred_at
            return (since_us is None or since_us <= at) and (until_us is None or at < until_us)
        case At():
            return _is_at(condition, facts.public.occurred_at)


def is_value(asked: Value, item: str) -> bool:
    """Tell whether an item is the value that is asked for."""
    sought, found = folded(asked.text), folded(item)
    return found.startswith(sought) if asked.goes_on else found == sought


def is_in(network: str, address: str) -> bool:
    """Tell whether the address is this one, or in this network."""
    try:
        return ip_address(address) in _network(network)
    except ValueError:
        return False


def _among(sought: Phrase, texts: Iterable[str]) -> bool:
    return any(stands_in(sought, words(text)) for text in texts)


def _is(asked: Is, facts: Facts) -> bool:
    public = facts.public
    match asked.what:
        case "action":
            found: Iterable[str | None] = (public.action,)
        case "entity" if not asked.goes_on:
            return public.entity.type == asked.text
        case "entity":
            found = (public.entity.type,)
        case "id":
            found = (public.entity.id,)
        case "outcome":
            found = (public.outcome,)
        case "via":
            found = (public.via,)
        case "request":
            found = facts.requests()
        case "undoes":
            found = (facts.undone(),)
        case "ip" if not asked.goes_on:
            return any(is_in(asked.text, address) for address in facts.addresses())
        case "ip":
            found = facts.addresses()
        case _:
            assert_never(asked.what)
    whole = Value(asked.text, asked.goes_on)
    return any(is_value(whole, each) for each in found if each is not None)


def _is_at(asked: At, occurred_us: int) -> bool:
    """By the clocks of the zone as they went that day, so summer time is kept."""
    # Whole seconds: a float can't hold the microseconds of a late year.
    local = datetime.fromtimestamp(occurred_us // 1_000_000, ZoneInfo(asked.zone))
    if asked.weekdays and local.weekday() not in asked.weekdays:
        return False
    minute = local.hour * 60 + local.minute
    if asked.since_minute < asked.until_minute:
        return asked.since_minute <= minute < asked.until_minute
    return minute >= asked.since_minute or minute < asked.until_minute


def _is_by(asked: By, actor: ActorId | None, names: tuple[str, ...]) -> bool:
    whole = Value(asked.text, asked.goes_on)
    known = known_as(actor) if actor else ()
    if any(is_value(whole, each) for each in known):
        return True
    return _among(phrase(asked.text, asked.goes_on), names)


def _is_changed(asked: Changed, move: Moved) -> bool:
    if asked.field is not None and folded(asked.field) != folded(move.field):
        return False
    sides = ((asked.before, move.before), (asked.after, move.after))
    return all(
        value is None or (items is not None and any(is_value(value, item) for item in items))
        for value, items in sides
    )


@lru_cache(maxsize=64)
def _network(text: str):  # type: ignore[no-untyped-def]  # IPv4 or IPv6
    return ip_network(text, strict=False)
