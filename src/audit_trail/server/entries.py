"""The entries of a trail as programs read them: pages by cursor, facets, timeline, tail, one entry.

Every answer is of the one query that the page would show for the same parameters.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from audit_trail.errors import EntryNotFound, QueryRefused
from audit_trail.record.catalog import Catalog
from audit_trail.record.opened import details
from audit_trail.record.query import Query
from audit_trail.search.found import FACETS, Page
from audit_trail.server.asked import Asked, asked_of
from audit_trail.server.cursor import Cursors, Position
from audit_trail.server.entry_json import EntryItem, entry_item
from audit_trail.server.overview import edges_of, us_of
from audit_trail.server.tail import Event, Heard, Look
from audit_trail.server.viewer import Reader
from audit_trail.server.zone import UTC_ZONE, Zone, zone_named
from audit_trail.trail import Trail

LIMIT: Final = 50
LARGEST_LIMIT: Final = 200
MOST_VALUES: Final = 100
LARGEST_INDEX: Final = 2**53 - 1

Text = str | None
Given = Mapping[str, str]
"""The parameters that say what is asked for, each there, empty where it wasn't given."""


class Total(msgspec.Struct, frozen=True, kw_only=True):
    """How many entries match; where it isn't exact, at least so many."""

    number: int
    is_exact: bool


class EntryPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of entries, in the order that was asked for.

    With `has_more`, `next` is the cursor of the next page. In ascending order there is always one, so
    that what is recorded later can be asked for from here. `reached` is set where the search ended
    before the page was full: no entry up to this index is missing, and `next` goes on behind it.
    `total` is told with the first page alone.
    """

    entries: list[EntryItem]
    total: Total | None
    has_more: bool
    next: str | None
    reached: int | None


class FacetValue(msgspec.Struct, frozen=True, kw_only=True):
    """A value, and how many entries have it."""

    value: str
    count: int


class FacetsFound(msgspec.Struct, frozen=True, kw_only=True):
    """Of actor, action, entity, via and outcome the values, most frequent first, at most 100 each.

    `counted` is null where all that match are counted, else only that many of the newest are.
    """

    total: Total
    facets: dict[str, list[FacetValue]]
    counted: int | None


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """How many entries of each action happened from `since` on, before `until`."""

    since: datetime
    until: datetime
    create: int
    update: int
    delete: int
    other: int


class TimelineFound(msgspec.Struct, frozen=True, kw_only=True):
    """The bars, 48 at most, oldest first, each as long as the others. `counted` is as of facets."""

    total: Total
    bars: list[Bar]
    counted: int | None


class Entries:
    """Answers readers of one trail."""

    def __init__(
        self, trail: Trail, catalog: Catalog, cursors: Cursors, clock: Callable[[], int]
    ) -> None:
        self._trail = trail
        self._catalog = catalog
        self._cursors = cursors
        self._clock = clock

    def page(
        self, reader: Reader, given: Given, sort: Text, limit: Text, cursor: Text
    ) -> EntryPage:
        """Return the page that begins at the cursor, or the first one."""
        newest_first, most = _order(sort) == "desc", _limit(limit)
        bound = _bound(reader, given, sort)
        begin = self._cursors.read(reader.account, bound, cursor) if cursor else None
        now_us = begin.now_us if begin else self._clock()
        asked = self._asked(reader, given, now_us)
        # It is read first: what is appended while we search is left to the next page.
        size = self._trail.head(reader.account).size
        page = self._found(
            asked.query, begin.index if begin else None, most, newest_first=newest_first
        )
        last = _last_of(page)
        if not page.has_older:
            # All of it was searched, so what is recorded later is all that is left.
            last = max(last, size - 1, begin.index if begin else -1)
        position = Position(last, now_us)
        goes_on = page.has_older or not newest_first
        return EntryPage(
            entries=[self._item(reader, entry) for entry in page.entries],
            total=None if begin else self._total(asked),
            has_more=page.has_older,
            next=self._cursors.write(reader.account, bound, position) if goes_on else None,
            reached=page.reached,
        )

    def facets(self, reader: Reader, given: Given) -> FacetsFound:
        """Return the values of each facet."""
        asked = self._asked(reader, given, self._clock())
        found = self._trail.facets(asked.query)
        return FacetsFound(
            total=self._total(asked),
            facets={
                name: [
                    FacetValue(value=value, count=count)
                    for value, count in found.of[name][:MOST_VALUES]
                ]
                for name in FACETS
            },
            counted=found.counted,
        )

    def timeline(self, reader: Reader, given: Given) -> TimelineFound:
        """Return the bars of the range, or of all time, up to now."""
        now_us = self._clock()
        asked = self._asked(reader, given, now_us)
        edges = edges_of(self._trail, asked, _zone(reader, given), now_us)
        found = self._trail.timeline(asked.query, [us_of(edge) for edge in edges])
        return TimelineFound(
            total=self._total(asked),
            bars=[
                Bar(
                    since=since,
                    until=until,
                    create=bar.get("create", 0),
                    update=bar.get("update", 0),
                    delete=bar.get("delete", 0),
                    other=bar.get("other", 0),
                )
                for bar, since, until in zip(found.bars, edges, edges[1:], strict=False)
            ],
            counted=found.counted,
        )

    def tail(
        self, reader: Reader, given: Given, cursor: Text
    ) -> tuple[int, Look, Callable[[int], str]]:
        """Return where a tail begins, how it looks at what is new, and how it writes cursors.

        Relative times of the question are of the moment of each look.
        """
        bound = _bound(reader, given, "asc")
        self._asked(
            reader, given, self._clock()
        )  # What can't be meant is refused before it begins.
        if cursor:
            begin = self._cursors.read(reader.account, bound, cursor).index
        else:
            begin = self._trail.head(reader.account).size - 1

        def look(beyond: int) -> Heard:
            asked = self._asked(reader, given, self._clock())
            # It is read first: what is appended while we search is left to the next look.
            size = self._trail.head(reader.account).size
            page = self._found(asked.query, beyond, LARGEST_LIMIT, newest_first=False)
            events = [
                Event(entry.index, "entry", msgspec.json.encode(self._item(reader, entry)))
                for entry in page.entries
            ]
            last = _last_of(page)
            if not page.has_older:
                last = max(last, size - 1, beyond)
            return Heard(events, last, page.has_older)

        def cursor_of(index: int) -> str:
            return self._cursors.write(reader.account, bound, Position(index, self._clock()))

        return begin, look, cursor_of

    def entry(self, reader: Reader, index: int) -> EntryItem:
        """Return one entry. Raises `EntryNotFound`."""
        if not 0 <= index <= LARGEST_INDEX:
            raise EntryNotFound(f"There is no entry with the index {str(index)[:20]}.")
        found = self._trail.entry(reader.account, index)
        reader.opens(details(index))
        return self._item(reader, found)

    def _asked(self, reader: Reader, given: Given, now_us: int) -> Asked:
        return asked_of(given, reader.account, _zone(reader, given), now_us, self._catalog)

    def _found(self, query: Query, beyond: int | None, limit: int, *, newest_first: bool) -> Page:
        """Return the entries beyond this index. Bounds of the index find them without looking back."""
        start = stop = None
        if query.where is None:
            # Older ones that are kept from before the trail begins are found by a filter alone.
            start = self._trail.head(query.account).first
        if beyond is not None and newest_first:
            stop = beyond
        elif beyond is not None:
            start = max(start or 0, beyond + 1)
        bounded = msgspec.structs.replace(query, start=start, stop=stop, newest_first=newest_first)
        return self._trail.page(bounded, limit=limit)

    def _total(self, asked: Asked) -> Total:
        number, is_exact = self._trail.count(asked.query)
        return Total(number=number, is_exact=is_exact)

    def _item(self, reader: Reader, entry: Any) -> EntryItem:
        return entry_item(self._trail, reader.account, entry, self._catalog)


def _bound(reader: Reader, given: Given, sort: Text) -> Mapping[str, str]:
    """Return what a cursor is bound to, the defaults included: they may change meanwhile."""
    return {**given, "sort": _order(sort), "zone": given["zone"] or reader.zone or ""}


def _order(sort: Text) -> str:
    if sort not in (None, "", "asc", "desc"):
        raise QueryRefused("sort must be asc or desc.")
    return sort or "desc"


def _limit(text: Text) -> int:
    if not text:
        return LIMIT
    is_number = text.isascii() and text.isdecimal() and len(text) <= len(str(LARGEST_LIMIT))
    if not (is_number and 1 <= int(text) <= LARGEST_LIMIT):
        raise QueryRefused(f"limit must be a whole number from 1 to {LARGEST_LIMIT}.")
    return int(text)


def _zone(reader: Reader, given: Given) -> Zone:
    if name := given["zone"]:
        zone = zone_named(name)
        if zone is None:
            raise QueryRefused("zone must be the name of a time zone, such as Europe/Berlin.")
        return zone
    return zone_named(reader.zone) or UTC_ZONE


def _last_of(page: Page) -> int:
    """Return the index that the next page begins beyond."""
    if page.reached is not None:
        return page.reached
    return page.entries[-1].index if page.entries else -1
