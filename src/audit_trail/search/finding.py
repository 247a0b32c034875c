"""The verbs of a search over one store: page, count, facets, timeline; it writes nothing."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Final, NamedTuple, TypeVar

import msgspec
from pyroaring import BitMap

from audit_trail.errors import QueryRefused
from audit_trail.record.entry import Entry
from audit_trail.record.query import Query
from audit_trail.search.counting import count_bars, count_facets, count_in_bars, values_of
from audit_trail.search.found import (
    COUNT_LIMIT,
    FACETS,
    Batch,
    Count,
    FacetName,
    Facets,
    NumberedPage,
    Page,
    Timeline,
)
from audit_trail.search.index import Index
from audit_trail.search.walking import READ_TOGETHER, Asked, Unindexed, Walk
from audit_trail.store.port import Store

T = TypeVar("T")

ATTEMPTS: Final = 5
"""How often a search begins anew because segments were merged under it."""

Part = Asked | Unindexed


class Hits(NamedTuple):
    """Entries that were found, the last index that was looked at, and whether there are or may be more.

    `reached` is set where the search ended early there.
    """

    entries: list[Entry]
    last: int | None
    is_more: bool
    reached: int | None = None


class Finder:
    """Answers queries over one store, by its index where it has one."""

    def __init__(self, store: Store, index: Index | None = None) -> None:
        self._store = store
        self._index = index

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
            newer = before is not None and self._is_any(_reversed(query), before - 1)
            return Page(found.entries[:limit], newer, found.is_more, found.reached)
        found = self._beyond(_reversed(query), after, limit + 1)
        entries = found.entries[:limit][::-1]
        older = self._is_any(query, entries[-1].index) if entries else True
        return Page(entries, found.is_more, older, found.reached)

    def numbered_page(self, query: Query, *, page: int, limit: int) -> NumberedPage:
        """Return a page by its number from 1, without OFFSET.

        Unfiltered, it is arithmetic on the gap-free index, from where the trail begins; filtered, on
        what the terms surely tell. Where entries must be read to decide, it is a bounded walk, so
        that pages beyond 10,000 entries raise `QueryRefused`.
        """
        if query.unfiltered:
            return self._page_by_index(query, page, limit)

        start, stop = (page - 1) * limit, page * limit

        def found(walk: Walk) -> NumberedPage:
            parts = list(walk.parts())
            if _are_sure(parts):
                shown = _slice(parts, start, stop, query)
                return NumberedPage(walk.entries(shown), _sure(parts))
            if stop > COUNT_LIMIT:
                raise QueryRefused(
                    f"page must be at most {COUNT_LIMIT // limit} of this result; "
                    "narrow it by since and until."
                )
            hits, is_all = _newest(walk)
            return NumberedPage(walk.entries(hits[start:stop]), len(hits), is_all)

        return self._steadily(query, found)

    def count(self, query: Query) -> Count:
        """Return how many entries match; where not all could be looked at, the least that do."""
        if query.unfiltered:
            head = self._store.head(query.account)
            return Count(head.size - head.first, True)
        return self._steadily(query, _count)

    def facets(self, query: Query) -> Facets:
        """Return the values of each facet among the entries that match."""

        def found(walk: Walk) -> Facets:
            of: dict[FacetName, Counter[str]] = {name: Counter() for name in FACETS}
            bits, rest, counted = _found(walk)
            for part, hits in bits:
                count_facets(hits, part.stretch, of)
            for entry in rest:
                for name, value in values_of(entry).items():
                    of[name][value] += 1
            return Facets({name: each.most_common() for name, each in of.items()}, counted)

        return self._steadily(query, found)

    def timeline(self, query: Query, edges_us: Sequence[int]) -> Timeline:
        """Return the bars between each two of these times (µs UTC, ascending; the end exclusive)."""

        def found(walk: Walk) -> Timeline:
            bars = [Counter[str]() for _ in edges_us[1:]]
            bits, rest, counted = _found(walk)
            for part, hits in bits:
                count_bars(hits, part.stretch, edges_us, bars)
            count_in_bars(rest, edges_us, bars)
            return Timeline(bars, counted)

        return self._steadily(query, found)

    def earliest(self, account: str) -> int | None:
        """Return when the earliest entry occurred (µs UTC); imports may have added older ones later."""
        first = self._store.head(account).first
        found = self._index.earliest(account, first) if self._index else None
        began = self._store.find(Query(account=account, start=first, newest_first=False), limit=1)
        known = [entry.public.occurred_at for entry in began]
        return min(known if found is None else [*known, found], default=None)

    def matching(self, query: Query) -> Iterator[Entry]:
        """Return every matching entry in the query's order, read some at a time."""
        for batch in self.batches(query):
            yield from batch.entries

    def batches(self, query: Query) -> Iterator[Batch]:
        """Yield every matching entry in the query's order, read some at a time."""
        beyond: int | None = None
        while True:
            found = self._beyond(query, beyond, READ_TOGETHER)
            if found.last is None:
                return
            beyond = found.last
            yield Batch(found.entries, beyond)
            if not found.is_more:
                return

    def _is_any(self, query: Query, beyond: int) -> bool:
        """Tell whether there is a hit beyond this index, or may be."""
        found = self._beyond(query, beyond, 1)
        return found.last is not None

    def _beyond(self, query: Query, beyond: int | None, limit: int) -> Hits:
        """Return the next hits.

        What neither index nor columns tell is held against so many entries at a time, or a page of
        what is rare would keep its reader waiting for as long as the trail is long.
        """
        if query.where is None:
            some = self._store.find(query, beyond=beyond, limit=limit)
            return Hits(some, some[-1].index if some else None, len(some) == limit)

        def found(walk: Walk) -> Hits:
            hits = list(islice(walk.hits(beyond), limit))
            # Some may have been dropped since they were found, so they don't tell whether there are more.
            entries = walk.entries(hits)
            if len(hits) == limit:
                return Hits(entries, hits[-1], True, None if entries else hits[-1])
            last = walk.reached if walk.reached is not None or not hits else hits[-1]
            return Hits(entries, last, walk.reached is not None, walk.reached)

        return self._steadily(query, found)

    def _steadily(self, query: Query, search: Callable[[Walk], T]) -> T:
        """Search again where segments that were asked are gone: the answer might lack theirs."""
        if index := self._index:
            for _ in range(ATTEMPTS):
                snapshot = index.snapshot(query.account)
                found = search(Walk(self._store, snapshot, query))
                if index.is_steady(query.account, snapshot):
                    return found
        return search(Walk(self._store, None, query))

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


def _are_sure(parts: Sequence[Part]) -> bool:
    return all(isinstance(part, Asked) and part.is_sure for part in parts)


def _sure(parts: Sequence[Part]) -> int:
    return sum(len(part.answer.sure) for part in parts if isinstance(part, Asked))


def _newest(walk: Walk) -> tuple[list[int], bool]:
    """Return the first hits in the query's order, so many as are counted, and whether these are all."""
    hits = list(islice(walk.hits(), COUNT_LIMIT + 1))
    return hits[:COUNT_LIMIT], len(hits) <= COUNT_LIMIT and walk.reached is None


def _count(walk: Walk) -> Count:
    """Count what terms tell at once; where entries must be read, up to a limit."""
    parts = list(walk.parts())
    if _are_sure(parts):
        return Count(_sure(parts), True)
    hits, is_all = _newest(walk)
    return Count(len(hits) if is_all else max(len(hits), _sure(parts)), is_all)


def _slice(parts: Sequence[Part], start: int, stop: int, query: Query) -> list[int]:
    """Return the indexes of the hits from `start` to `stop`, counted in the query's order."""
    found: list[int] = []
    for part in parts:
        sure = part.answer.sure if isinstance(part, Asked) else BitMap()
        size = len(sure)
        low, high = min(start, size), max(min(stop, size), 0)
        if query.newest_first:
            found += reversed(sure[size - high : size - low])
        else:
            found += sure[low:high]
        start, stop = max(start - size, 0), stop - size
        if stop <= 0:
            break
    return found


def _found(walk: Walk) -> tuple[list[tuple[Asked, BitMap]], list[Entry], int | None]:
    """Return the hits by stretch, those in none, and how many they are where these aren't all."""
    parts = list(walk.parts())
    if _are_sure(parts):
        sure = [(part, part.answer.sure) for part in parts if isinstance(part, Asked)]
        return [(part, hits) for part, hits in sure if hits], [], None
    hits, is_all = _newest(walk)
    newest = BitMap(hits)
    told = [(part, newest & part.answer.possible) for part in parts if isinstance(part, Asked)]
    rest = newest - BitMap.union(BitMap(), *(bits for _, bits in told))
    counted = None if is_all else len(hits)
    return [(part, bits) for part, bits in told if bits], walk.entries(list(rest)), counted


def _reversed(query: Query) -> Query:
    return msgspec.structs.replace(query, newest_first=not query.newest_first)
