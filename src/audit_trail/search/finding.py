"""The verbs of a search over one store: page, count, facets, timeline; it writes nothing."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
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
    Facets,
    NumberedPage,
    Page,
    Timeline,
)
from audit_trail.store.port import Store

READ_TOGETHER: Final = 500


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
            found = self._beyond(query, before, limit + 1)
            newer = before is not None and bool(self._beyond(_reversed(query), before - 1, 1))
            return Page(found[:limit], newer, len(found) > limit)
        found = self._beyond(_reversed(query), after, limit + 1)
        entries = found[:limit][::-1]
        older = bool(self._beyond(query, entries[-1].index, 1)) if entries else True
        return Page(entries, len(found) > limit, older)

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
        found = list(islice(self.matching(query), COUNT_LIMIT))
        return NumberedPage(found[(page - 1) * limit : page * limit], len(found))

    def count(self, query: Query) -> Count:
        """Return how many entries match."""
        found = sum(1 for _ in islice(self.matching(query), COUNT_LIMIT + 1))
        return Count(min(found, COUNT_LIMIT), found <= COUNT_LIMIT)

    def facets(self, query: Query) -> Facets:
        """Return the values of each facet among the entries that match."""
        found, counted = self._newest(query)
        of = {name: Counter[str]() for name in FACETS}
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
        beyond: int | None = None
        while found := self._store.find(query, beyond=beyond, limit=READ_TOGETHER):
            yield from (entry for entry in found if matches(query.where, entry))
            beyond = found[-1].index

    def _newest(self, query: Query) -> tuple[list[Entry], int | None]:
        found = list(islice(self.matching(query), COUNT_LIMIT + 1))
        is_all = len(found) <= COUNT_LIMIT
        return found[:COUNT_LIMIT], None if is_all else COUNT_LIMIT

    def _beyond(self, query: Query, beyond: int | None, limit: int) -> list[Entry]:
        if beyond is not None:
            stop = {"stop": beyond} if query.newest_first else {"start": beyond + 1}
            query = msgspec.structs.replace(query, **stop)
        return list(islice(self.matching(query), limit))

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


def _reversed(query: Query) -> Query:
    return msgspec.structs.replace(query, newest_first=not query.newest_first)
