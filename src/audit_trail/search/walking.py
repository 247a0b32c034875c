"""Goes through the entries that fit a query, in its order: by the index, and where it ends, by reading."""

from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from typing import Final, NamedTuple

import msgspec
from pyroaring import BitMap

from audit_trail.record.entry import Entry
from audit_trail.record.matching import matches
from audit_trail.record.query import Query
from audit_trail.search.answering import Answer, Asking, Budget, answer
from audit_trail.search.found import SEARCHED_AT_ONCE
from audit_trail.search.index import Snapshot
from audit_trail.search.segments import Stretch, bits_of
from audit_trail.store.port import Store

READ_TOGETHER: Final = 500
LARGEST: Final = 2**63 - 1


class Asked(NamedTuple):
    """A stretch of what is asked, and what its terms say: nothing beyond it, nothing dropped."""

    stretch: Stretch
    answer: Answer

    @property
    def is_sure(self) -> bool:
        """Tell whether the terms alone decide on every entry."""
        return len(self.answer.sure) == len(self.answer.possible)


class Unindexed(NamedTuple):
    """Entries start <= index < stop that no stretch has."""

    start: int
    stop: int


class Walk:
    """One search in an account as it was at a snapshot of its index."""

    def __init__(self, store: Store, snapshot: Snapshot | None, query: Query) -> None:
        """Without a snapshot all entries are read."""
        self._store = store
        self._snapshot = snapshot
        self._query = query
        self.reached: int | None = None
        """Where the search ended early: entries beyond this index haven't been searched."""
        self._left = SEARCHED_AT_ONCE
        self._budget = Budget()
        self._read: dict[int, Entry] = {}

    def parts(self, beyond: int | None = None) -> Iterator[Asked | Unindexed]:
        """Yield all that is to be searched strictly beyond this index, in the query's order."""
        query = self._query
        low = max(query.start or 0, 0)
        high = LARGEST if query.stop is None else query.stop
        if beyond is not None and query.newest_first:
            high = min(high, beyond)
        elif beyond is not None:
            low = max(low, beyond + 1)
        if self._snapshot is None:
            yield Unindexed(low, high)
            return
        parts: list[Stretch | Unindexed] = [*self._snapshot.stretches]
        if self._snapshot.indexed < self._snapshot.size:
            parts.append(Unindexed(self._snapshot.indexed, self._snapshot.size))
        for part in reversed(parts) if query.newest_first else parts:
            start, stop = max(part.start, low), min(part.stop, high)
            if start >= stop:
                continue
            if isinstance(part, Unindexed):
                yield Unindexed(start, stop)
            else:
                yield self._ask(part, start, stop, self._snapshot)

    def hits(self, beyond: int | None = None) -> Iterator[int]:
        """Yield the indexes that fit; it ends early where too many had to be read, see `reached`."""
        for part in self.parts(beyond):
            yield from self.within(part)
            if self.reached is not None:
                return

    def within(self, part: Asked | Unindexed) -> Iterator[int]:
        """Yield the indexes of this part that fit, as `hits` does."""
        if isinstance(part, Unindexed):
            yield from self._read_through(part)
        elif part.is_sure:
            yield from _in_order(part.answer.sure, self._query)
        else:
            yield from self._held_against(part.answer)

    def entries(self, indexes: Sequence[int]) -> list[Entry]:
        """Return these entries, in this order; those that are gone meanwhile are left out."""
        missing = [index for index in indexes if index not in self._read]
        for start in range(0, len(missing), READ_TOGETHER):
            some = missing[start : start + READ_TOGETHER]
            found = self._store.entries(self._query.account, some)
            self._read.update((entry.index, entry) for entry in found)
        return [self._read[index] for index in indexes if index in self._read]

    def _ask(self, stretch: Stretch, start: int, stop: int, snapshot: Snapshot) -> Asked:
        found = answer(self._query.where, Asking(stretch, self._budget))
        size = snapshot.size
        # What is held in memory may have grown since.
        if start > stretch.start or min(stop, size) < stretch.stop or stretch.grows:
            inside = BitMap(range(start, min(stop, size)))
            found = Answer(found.sure & inside, found.possible & inside)
        if dropped := bits_of(snapshot.dropped, start, stop):
            found = Answer(found.sure - dropped, found.possible - dropped)
        return Asked(stretch, found)

    def _held_against(self, found: Answer) -> Iterator[int]:
        ordered = _in_order(found.possible, self._query)
        while some := list(islice(ordered, READ_TOGETHER)):
            unsure = [index for index in some if index not in found.sure]
            self._left -= len(unsure)
            fits = self._fitting(unsure)
            yield from (index for index in some if index in fits or index in found.sure)
            if self._left <= 0:
                self.reached = some[-1]
                return

    def _fitting(self, indexes: Sequence[int]) -> Collection[int]:
        found = self._store.entries(self._query.account, indexes) if indexes else ()
        fits = {entry.index: entry for entry in found if matches(self._query.where, entry)}
        self._read |= fits
        return fits.keys()

    def _read_through(self, part: Unindexed) -> Iterator[int]:
        # What a database can ask of its columns it does; the rest is held against the entry.
        query = msgspec.structs.replace(self._query, start=part.start, stop=part.stop)
        is_whole = query.narrowed.is_whole
        beyond: int | None = None
        while found := self._store.find(query, beyond=beyond, limit=READ_TOGETHER):
            for entry in found:
                if is_whole or matches(query.where, entry):
                    self._read[entry.index] = entry
                    yield entry.index
            beyond = found[-1].index
            if len(found) < READ_TOGETHER:
                return
            self._left -= 0 if is_whole else len(found)
            if self._left <= 0:
                self.reached = beyond
                return


def _in_order(bits: BitMap, query: Query) -> Iterator[int]:
    return iter(reversed(bits)) if query.newest_first else iter(bits)
