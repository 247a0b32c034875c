"""What the trail's entries about its own retention say; any of their details may be missing."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from audit_trail.record.catalog import Catalog
from audit_trail.record.entry import Public, Ranges
from audit_trail.record.language import grouped, marked, say, say_many, series, told

RETAINED: Final[Mapping[str, str]] = {
    "change_retention": marked("Changed retention"),
    "place_hold": marked("Placed a legal hold"),
    "lift_hold": marked("Lifted a legal hold"),
    "drop": marked("Dropped expired entries"),
}
"""Their sentences by action."""

SHOWN_RANGES: Final = 10


def summary(action: str, details: Mapping[str, Any], catalog: Catalog) -> str:
    """Return the quieter line under the sentence."""
    match action:
        case "change_retention":
            days = _members(details.get("days"))
            return (
                say("%(before)s to %(after)s days", before=days["before"], after=days["after"])
                if {"before", "after"} <= {*days}
                else ""
            )
        case "place_hold" | "lift_hold":
            return said_hold(_members(details.get("hold")), catalog)
        case "drop":
            return _counted(details.get("dropped"))
        case _:
            return ""


def facts(
    public: Public, details: Mapping[str, Any], catalog: Catalog
) -> Iterator[tuple[str, str]]:
    """Return what the entry's window lists, as label and value."""
    match public.action:
        case "change_retention":
            days = _members(details.get("days"))
            yield say("Days before"), str(days.get("before", ""))
            yield say("Days after"), str(days.get("after", ""))
            yield say("In force from"), said_time(details.get("from_us"))
        case "place_hold" | "lift_hold":
            yield say("Held"), said_hold(_members(details.get("hold")), catalog)
        case "drop":
            yield say("Retention"), say("%(days)s days", days=details.get("days", ""))
            yield say("Older than"), said_time(details.get("older_than_us"))
            yield say("Dropped"), _counted(details.get("dropped"))
            kept = _counted(details.get("kept"))
            yield say("Kept of these"), say("%(entries)s: legal holds, erasures", entries=kept)
            if details.get("altered"):
                yield say("Kept as altered"), _counted(details.get("altered"))
            yield say("Dropped so far"), said_ranges(public.removed.entry if public.removed else ())


def said_hold(hold: Mapping[str, Any], catalog: Catalog) -> str:
    """Say what a hold keeps: "inbox #12; user #7; from 2026-01-01 00:00:00 UTC"."""
    entity, actor = _members(hold.get("entity")), _members(hold.get("actor"))
    record = told(catalog.name(str(entity.get("type", ""))))
    parts = [
        f"{record} #{entity['id']}"
        if "id" in entity
        else say("any %(name)s", name=record)
        if entity
        else "",
        _said_actor(actor) if actor else "",
        say("from %(time)s", time=said_time(hold["start"])) if "start" in hold else "",
        say("until %(time)s", time=said_time(hold["end"])) if "end" in hold else "",
    ]
    return series(part for part in parts if part)


def said_time(time_us: Any) -> str:
    """Say a time (µs UTC) as the window says the other ones in UTC."""
    try:
        at = datetime.fromtimestamp(time_us // 1_000_000, UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return ""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def said_ranges(ranges: Ranges) -> str:
    """Say which entries these indexes are, by their numbers from 1."""
    said = [
        grouped(first + 1) if first == last else f"{grouped(first + 1)}–{grouped(last + 1)}"
        for first, last in ranges[:SHOWN_RANGES]
    ]
    more = len(ranges) - len(said)
    if more <= 0:
        return series(said)
    return say("%(first)s and %(more)s more stretches", first=series(said), more=grouped(more))


def _said_actor(actor: Mapping[str, Any]) -> str:
    kind = str(actor.get("kind", "")).replace("_", " ")
    if "id" in actor:
        return say("by %(kind)s #%(number)s", kind=told(kind), number=actor["id"])
    return say("by any %(kind)s", kind=told(kind))


def _members(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _counted(count: Any) -> str:
    if not isinstance(count, int):
        return ""
    return say_many("%(count)s entry", "%(count)s entries", count)
