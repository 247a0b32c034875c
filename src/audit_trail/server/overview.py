"""What stands over the list of a query: how many match, when they were, and what they have."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

import msgspec

from audit_trail.record.catalog import Catalog
from audit_trail.record.entry import Entry, read_who
from audit_trail.record.language import grouped, marked, say, say_many, series, told
from audit_trail.record.question import and_also
from audit_trail.search.found import FACETS, FacetName, Timeline
from audit_trail.server.asked import Asked
from audit_trail.server.filters import FACETS as TITLES
from audit_trail.server.filters import Filter, Filters
from audit_trail.server.zone import Zone, local_time, short_time
from audit_trail.trail import Trail

MOST_CHOICES: Final = 12
NAMED_FROM: Final = 200
"""How many of the newest hits are read for the names of users."""

HEIGHT: Final = 96
MOST_BARS: Final = 48
MOST_TICKS: Final = 7
STEPS: Final = tuple(
    timedelta(minutes=minutes) for minutes in (1, 5, 15, 30, 60, 180, 360, 720, 1_440, 10_080)
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ORDER: Final = ("create", "update", "delete", "other")
_DONE: Final = {
    "create": marked("%(count)s created"),
    "update": marked("%(count)s updated"),
    "delete": marked("%(count)s deleted"),
    "other": marked("%(count)s other"),
}


class Choice(NamedTuple):
    """A value of a facet, with how many have it."""

    filter: Filter
    hits: int


class Part(NamedTuple):
    """One action's part of a bar, in the SVG's units."""

    action: str
    y: float
    height: float


class Bar(NamedTuple):
    """A bar: the address that shows its time alone, what it says, and its parts."""

    address: str
    says: str
    x: float
    parts: tuple[Part, ...]


class Tick(NamedTuple):
    """When a bar begins, in the middle under it, in per cent of the width."""

    x: float
    says: str


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """What is drawn. `counted` tells how many of the newest hits it stands for; None for all."""

    total: str
    facets: Sequence[tuple[str, Sequence[Choice]]]
    bars: Sequence[Bar]
    step: float
    ticks: Sequence[Tick]
    most: int
    counted: int | None


def overview_of(trail: Trail, asked: Asked, zone: Zone, catalog: Catalog, now_us: int) -> Overview:
    """Return the overview of what is asked."""
    count, facets = trail.count(asked.query), trail.facets(asked.query)
    edges = edges_of(trail, asked, zone, now_us)
    timeline = trail.timeline(asked.query, [us_of(edge) for edge in edges])
    most = max((sum(bar.values()) for bar in timeline.bars), default=0)
    filters = Filters(asked, catalog)
    names = _names(trail.page(asked.query, limit=NAMED_FROM).entries)
    total = say_many("%(count)s entry", "%(count)s entries", count.number)
    if not count.is_exact:
        total = say("%(count)s+ entries", count=grouped(count.number))
    return Overview(
        total=total,
        facets=[
            (told(TITLES[name]), list(_choices(filters, names, name, facets.of[name])))
            for name in FACETS
        ],
        bars=list(_bars(asked, edges, timeline, most)),
        step=100 / max(len(timeline.bars), 1),
        ticks=list(_ticks(edges)),
        most=most,
        counted=facets.counted,
    )


def _choices(
    filters: Filters,
    names: dict[str, str],
    facet: FacetName,
    found: Sequence[tuple[str, int]],
) -> Iterator[Choice]:
    for value, count in found[:MOST_CHOICES]:
        told = names.get(value, value) if facet == "actor" else value
        if made := filters.facet(facet, told):
            yield Choice(made, count)


def _names(entries: Sequence[Entry]) -> dict[str, str]:
    """Return the e-mails of actors who have one, by the value that the facet has for them."""
    return {
        f"{public.actor.kind}/{public.actor.id}": who.email
        for entry in reversed(entries)
        for public, who in [(entry.public, read_who(entry.who))]
        if public.actor.id is not None and who.email
    }


def edges_of(trail: Trail, asked: Asked, zone: Zone, now_us: int) -> list[datetime]:
    """Return where bars begin and end: steps by the clocks of the zone, 48 at most."""
    during = asked.during
    since_us = during.since_us if during else None
    until_us = during.until_us if during else None
    if since_us is None:
        earliest = trail.earliest(asked.query.account)
        since_us = now_us if earliest is None else min(earliest, now_us)
    last = (_EPOCH + timedelta(microseconds=min(until_us or now_us, now_us))).astimezone(zone.info)
    first = (_EPOCH + timedelta(microseconds=since_us)).astimezone(zone.info)
    step = next((each for each in STEPS if (last - first) / each < MOST_BARS - 1), None)
    step = step or (last - first) / (MOST_BARS - 2)
    midnight = first.replace(hour=0, minute=0, second=0, microsecond=0)
    edges = [midnight + (first - midnight) // step * step]
    while edges[-1] <= last and len(edges) <= MOST_BARS:
        edges.append(edges[-1] + step)
    return edges


def _bars(asked: Asked, edges: Sequence[datetime], timeline: Timeline, most: int) -> Iterator[Bar]:
    for place, (bar, since, until) in enumerate(zip(timeline.bars, edges, edges[1:], strict=False)):
        part = f"date:{since:%Y-%m-%dT%H:%M}..{until:%Y-%m-%dT%H:%M}"
        address = asked.instead(q=and_also(asked.given.get("q", ""), part))
        said = series(
            say(_DONE[each], count=grouped(bar[each])) for each in _ORDER if bar.get(each)
        )
        when = local_time(since)
        yield Bar(
            address,
            f"{when}: {said or say('nothing')}",
            place * 100 / len(timeline.bars),
            tuple(_parts(bar, most)),
        )


def _ticks(edges: Sequence[datetime]) -> Iterator[Tick]:
    """Yield some of the edges, so few that they have room."""
    bars = len(edges) - 1
    is_day = all(edge.hour == edge.minute == 0 for edge in edges)
    for place in range(0, bars, max(-(-bars // MOST_TICKS), 1)):
        yield Tick((place + 0.5) * 100 / bars, short_time(edges[place], is_day=is_day))


def _parts(bar: Mapping[str, int], most: int) -> Iterator[Part]:
    y = float(HEIGHT)
    for action in _ORDER:
        if count := bar.get(action, 0):
            height = round(count * (HEIGHT - 2) / most, 1)
            y = round(y - height, 1)
            yield Part(action, y, height)


def us_of(moment: datetime) -> int:
    """Return a moment as µs UTC."""
    return (moment - _EPOCH) // timedelta(microseconds=1)
