"""The verbs of a search over one store: page, count, facets, timeline; it writes nothing."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from audit_trail.errors import QueryRefused
from audit_trail.record.entry import ActorId, Entry
from audit_trail.record.matching import matches
from audit_trail.record.query import Query
from audit_trail.search.found import (
    COUNT_LIMIT,
    FACETS,
    OTHER,
    Count,
    FacetName,
    Facets,
    NumberedPage,
    Page,
    Stretch,
    Timeline,
)
from audit_trail.store.port import Store

READ_TOGETHER: Final = 500
SEARCHED_AT_ONCE: Final = 20_000
"""How many entries a search looks at before it answers what it has found so far."""


class Finder:
    """Answers queries over one store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def page(
        self, query: Query, *, before: int | None = None, after: int | None = None, limit: int
    ) -> Page:
        """Return the newest entries, or those right below index `before` or right above `after`.

        Unfiltered, they begin where the trail does; see `Head.first`. A filter finds older ones, too.
        """
        if query.unfiltered:
            query = msgspec.structs.replace(query, start=self._store.head(query.account).first)
        if after is None:
            found, reached = self._beyond(query, before, limit + 1)
            newer = before is not None and self._is_any(_reversed(query), before - 1)
            return Page(found[:limit], newer, len(found) > limit or reached is not None, reached)
        found, reached = self._beyond(_reversed(query), after, limit + 1)
        entries = found[:limit][::-1]
        older = self._is_any(query, entries[-1].index) if entries else True
        return Page(entries, len(found) > limit or reached is not None, older, reached)

    def numbered_page(self, query: Query, *, page: int, limit: int) -> NumberedPage:
        """Return a page by its number from 1, without OFFSET.

        Unfiltered, it is arithmetic on the gap-free index, from where the trail begins; filtered, a
        bounded walk, so pages beyond 10,000 entries raise `QueryRefused`.
        """
        if query.unfiltered:
            return self._page_by_index(query, page, limit)
        if page * limit > COUNT_LIMIT:
            raise QueryRefused(
                f"page must be at most {COUNT_LIMIT // limit} of a filtered result; "
                "narrow it by since and until."
            )
        if query.narrowed.is_whole:
            indexes = self._store.walk(query, COUNT_LIMIT)
            wanted = indexes[(page - 1) * limit : page * limit]
            return NumberedPage(self._store.entries(query.account, wanted), len(indexes))
        found, reached = self._beyond(query, None, COUNT_LIMIT)
        shown = found[(page - 1) * limit : page * limit]
        return NumberedPage(shown, len(found), reached is None)

    def count(self, query: Query) -> Count:
        """Return how many entries match; where not all could be looked at, the least that do."""
        if query.unfiltered:
            head = self._store.head(query.account)
            return Count(head.size - head.first, True)
        if query.narrowed.is_whole:
            number = len(self._store.walk(query, COUNT_LIMIT + 1))
            return Count(min(number, COUNT_LIMIT), number <= COUNT_LIMIT)
        found, reached = self._beyond(query, None, COUNT_LIMIT + 1)
        return Count(min(len(found), COUNT_LIMIT), len(found) <= COUNT_LIMIT and reached is None)

    def facets(self, query: Query) -> Facets:
        """Return the values of each facet among the entries that match."""
        found, counted = self._newest(query)
        of: dict[FacetName, Counter[str]] = {name: Counter() for name in FACETS}
        for entry in found:
            public = entry.public
            of["actor"][actor_value(public.actor)] += 1
            of["action"][public.action] += 1
            of["entity"][public.entity.type] += 1
            of["via"][public.via] += 1
            of["outcome"][public.outcome] += 1
        return Facets({name: each.most_common() for name, each in of.items()}, counted)

    def timeline(self, query: Query, edges_us: Sequence[int]) -> Timeline:
        """Return the bars between each two of these times (µs UTC, ascending; the end exclusive)."""
        found, counted = self._newest(query)
        bars = [Counter[str]() for _ in edges_us[1:]]
        for entry in found:
            at = bisect_right(edges_us, entry.public.occurred_at) - 1
            if 0 <= at < len(bars):
                bars[at][timed_as(entry.public.action)] += 1
        return Timeline(bars, counted)

    def matching(self, query: Query) -> Iterator[Entry]:
        """Return every matching entry in the query's order, read some at a time."""
        for stretch in self.stretches(query):
            yield from stretch.entries

    def stretches(self, query: Query) -> Iterator[Stretch]:
        """Yield every matching entry in the query's order, a stretch of the trail at a time."""
        beyond: int | None = None
        while found := self._store.find(query, beyond=beyond, limit=READ_TOGETHER):
            beyond = found[-1].index
            yield Stretch(_chosen(query, found), beyond)

    def _newest(self, query: Query) -> tuple[list[Entry], int | None]:
        """Return the newest hits, and how many they are where these aren't all."""
        found, reached = self._beyond(query, None, COUNT_LIMIT + 1)
        is_all = len(found) <= COUNT_LIMIT and reached is None
        newest = found[:COUNT_LIMIT]
        return newest, None if is_all else len(newest)

    def _is_any(self, query: Query, beyond: int) -> bool:
        """Tell whether there is a hit beyond this index, or may be."""
        found, reached = self._beyond(query, beyond, 1)
        return bool(found) or reached is not None

    def _beyond(
        self, query: Query, beyond: int | None, limit: int
    ) -> tuple[list[Entry], int | None]:
        """Return the next hits, and how far was searched where it ended before the limit.

        What a store can't ask of its columns is held against so many entries at a time, or a page of
        what is rare would keep its reader waiting for as long as the trail is long.
        """
        if query.narrowed.is_whole:
            return self._store.find(query, beyond=beyond, limit=limit), None
        found: list[Entry] = []
        for _ in range(SEARCHED_AT_ONCE // READ_TOGETHER):
            some = self._store.find(query, beyond=beyond, limit=READ_TOGETHER)
            found += _chosen(query, some)
            if len(found) >= limit or len(some) < READ_TOGETHER:
                return found[:limit], None
            beyond = some[-1].index
        return found, beyond

    def _page_by_index(self, query: Query, page: int, limit: int) -> NumberedPage:
        head = self._store.head(query.account)
        skipped = (page - 1) * limit
        total = head.size - head.first
        if not query.newest_first:
            start = head.first + skipped
            return NumberedPage(self._store.slice(query.account, start, start + limit), total)
        stop = max(head.size - skipped, head.first)
        start = max(stop - limit, head.first)
        return NumberedPage(self._store.slice(query.account, start, stop)[::-1], total)


def actor_value(actor: ActorId) -> str:
    """Return how an actor is told as the value of a facet."""
    return actor.kind if actor.id is None else f"{actor.kind}/{actor.id}"


def timed_as(action: str) -> str:
    """Return under which name the timeline counts an action."""
    return action if action in ("create", "update", "delete") else OTHER


def _chosen(query: Query, found: Sequence[Entry]) -> list[Entry]:
    """Leave out what the store's columns could not tell apart."""
    if query.narrowed.is_whole:
        return list(found)
    return [entry for entry in found if matches(query.where, entry)]


def _reversed(query: Query) -> Query:
    return msgspec.structs.replace(query, newest_first=not query.newest_first)
