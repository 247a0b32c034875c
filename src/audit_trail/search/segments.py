"""What a search asks of a stretch of entries: which of them have a term, and which terms there are."""

from abc import ABC, abstractmethod
from array import array
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import accumulate, pairwise
from threading import Lock
from typing import ClassVar, Final, TypeVar

from pyroaring import BitMap

from audit_trail.record.entry import Ranges
from audit_trail.search.pages import APART, Page, Posting, numbers, read_payload
from audit_trail.store.index import IndexStore, Segment

T = TypeVar("T")

BLOCK_ENTRIES: Final = 1_024
FAN_OUT: Final = 16
"""So many segments of a level become one of the next."""

PAGES_TOGETHER: Final = 64
OVERHEAD_BYTES: Final = 500
"""What anything that is kept takes beside its own bytes."""

KEPT_BYTES: Final = 64 * 1024 * 1024
"""How much of the index a process keeps at hand."""


def width(segment: Segment) -> int:
    """Return how many blocks a segment of this level has."""
    return int(FAN_OUT**segment.level)


def bits_of(ranges: Ranges, start: int, stop: int) -> BitMap:
    """Return the indexes start <= index < stop that these ranges hold."""
    found = BitMap()
    for first, last in ranges:
        if first < stop and start <= last:
            found.add_range(max(first, start), min(last + 1, stop))
    return found


class Bounds:
    """When the entries of each block occurred, in the order of the blocks from number `first`."""

    def __init__(self, rows: Sequence[tuple[int, int, int]]) -> None:
        self.numbers = array("q", (number for number, _, _ in rows))
        self.since = array("q", (since for _, since, _ in rows))
        self.until = array("q", (until for _, _, until in rows))
        # Entries come nearly in the order of their times; these are quite in order.
        self._latest = array("q", accumulate(self.until, max))
        self._earliest = array("q", reversed(list(accumulate(reversed(self.since), min))))

    def earliest(self, low: int) -> int | None:
        """Return when the first entry of the blocks number >= low occurred."""
        at = bisect_left(self.numbers, low)
        return self._earliest[at] if at < len(self._earliest) else None

    def of(self, low: int, high: int) -> Iterator[tuple[int, int, int]]:
        """Yield number, first and last time of the blocks low <= number < high."""
        places = slice(bisect_left(self.numbers, low), bisect_left(self.numbers, high))
        return zip(self.numbers[places], self.since[places], self.until[places], strict=True)

    def among(
        self, since_us: int, until_us: int, low: int, high: int
    ) -> Iterator[tuple[int, bool]]:
        """Yield the blocks low <= number < high that have a time since <= t < until; True, if all."""
        start = max(bisect_left(self._latest, since_us), bisect_left(self.numbers, low))
        stop = min(bisect_left(self._earliest, until_us), bisect_left(self.numbers, high))
        for at in range(start, stop):
            since, until = self.since[at], self.until[at]
            if until >= since_us and since < until_us:
                yield self.numbers[at], since >= since_us and until < until_us


class Stretch(ABC):
    """Entries start <= index < stop, and their terms."""

    start: int
    stop: int
    grows: ClassVar[bool] = False

    @abstractmethod
    def bits(self, term: bytes) -> BitMap:
        """Return the entries that have the term; not to be changed."""

    @abstractmethod
    def hits(self, low: bytes, high: bytes) -> Iterator[tuple[bytes, int]]:
        """Yield the terms low <= term < high with how many entries have each, in their order."""

    @abstractmethod
    def each(self, low: bytes, high: bytes) -> Iterator[tuple[bytes, Callable[[], BitMap]]]:
        """Yield the terms low <= term < high, each with what reads its entries where it stands."""

    @abstractmethod
    def during(self, since_us: int, until_us: int) -> BitMap:
        """Return the entries that occurred since <= t < until, µs UTC."""

    @abstractmethod
    def times(self, block: int) -> "array[int] | None":
        """Return when the entries of a block occurred, each in the place of its index."""

    @abstractmethod
    def bounds(self) -> Iterator[tuple[int, int, int]]:
        """Yield its blocks that have entries: the number, and when the first and last occurred."""

    def spans(self, edges_us: Sequence[int]) -> Iterator[tuple[int, int, int]]:
        """Yield which bar, between edges, the entries low <= index < high are in: bar, low, high."""
        for number, since, until in self.bounds():
            start = number * BLOCK_ENTRIES
            bar, last = bisect_right(edges_us, since) - 1, bisect_right(edges_us, until) - 1
            if bar == last:
                yield bar, start, start + BLOCK_ENTRIES
                continue
            times = list(self.times(number) or ())
            if times == sorted(times):
                cuts = [bisect_left(times, edge) for edge in edges_us[bar + 1 : last + 1]]
                for low, high in pairwise([0, *cuts, BLOCK_ENTRIES]):
                    yield bar, start + low, start + high
                    bar += 1
            else:
                for low, at in enumerate(times, start):
                    yield bisect_right(edges_us, at) - 1, low, low + 1

    @property
    def all(self) -> BitMap:
        """All of its entries, dropped ones included."""
        return BitMap(range(self.start, self.stop))


class RecentStretch(Stretch):
    """Entries that no segment has yet, held in memory."""

    grows = True

    def __init__(self, start: int) -> None:
        self.start = self.stop = start
        self._bits: dict[bytes, BitMap] = {}
        self._times = array("q")
        self._sorted: list[bytes] = []

    def add(self, index: int, terms: Iterable[bytes], occurred_at: int) -> None:
        """Add the next entry; between it and the last one there may be gaps."""
        for term in terms:
            bits = self._bits.get(term)
            if bits is None:
                bits = self._bits[term] = BitMap()
            bits.add(index)
        self._times.extend([occurred_at] * (index + 1 - self.start - len(self._times)))

    def reach(self, stop: int) -> None:
        """Say that all entries below this index have been added."""
        self.stop = stop

    def bits(self, term: bytes) -> BitMap:
        # A copy, as others add to it.
        found = self._bits.get(term)
        return BitMap() if found is None else BitMap(found)

    def hits(self, low: bytes, high: bytes) -> Iterator[tuple[bytes, int]]:
        terms = self._sorted
        if len(terms) != len(self._bits):
            # Terms are only added, so a list of as many has them all.
            terms = self._sorted = sorted(self._bits)
        for at in range(bisect_left(terms, low), bisect_left(terms, high)):
            yield terms[at], len(self._bits[terms[at]])

    def each(self, low: bytes, high: bytes) -> Iterator[tuple[bytes, Callable[[], BitMap]]]:
        for term, _ in self.hits(low, high):
            yield term, partial(self.bits, term)

    def during(self, since_us: int, until_us: int) -> BitMap:
        return BitMap(
            index for index, at in enumerate(self._times, self.start) if since_us <= at < until_us
        )

    def bounds(self) -> Iterator[tuple[int, int, int]]:
        for block in range(self.start // BLOCK_ENTRIES, -(-self.stop // BLOCK_ENTRIES)):
            if times := self.times(block):
                yield block, min(times), max(times)

    def times(self, block: int) -> "array[int] | None":
        skipped = block * BLOCK_ENTRIES - self.start
        padding = array("q", [0] * max(-skipped, 0))
        return padding + self._times[max(skipped, 0) : max(skipped + BLOCK_ENTRIES, 0)]


class Kept:
    """What was read of the index, as far as it fits; shared by all threads."""

    def __init__(self, most: int = KEPT_BYTES) -> None:
        self._most = most
        self._size = 0
        self._found: OrderedDict[tuple[object, ...], tuple[object, int]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: tuple[object, ...], read: Callable[[], tuple[T, int]]) -> T:
        """Return what is kept under this key; else what is read, with its size in bytes."""
        with self._lock:
            found = self._found.get(key)
            if found is not None:
                self._found.move_to_end(key)
                return found[0]  # type: ignore[return-value]  # put there under this key
        value, size = read()
        with self._lock:
            if key not in self._found:
                self._found[key] = (value, size)
                self._size += size
            while self._size > self._most:
                _, (_, gone) = self._found.popitem(last=False)
                self._size -= gone
        return value

    def release(self, account: str) -> None:
        """Let go of what is kept of an account, the first part of a key."""
        with self._lock:
            for key in [key for key in self._found if key[0] == account]:
                _, size = self._found.pop(key)
                self._size -= size


class StoredStretch(Stretch):
    """One segment of an account's index."""

    def __init__(
        self,
        store: IndexStore,
        kept: Kept,
        account: str,
        generation: int,
        segment: Segment,
        bounds: Callable[[], Bounds],
    ) -> None:
        self._store = store
        self._kept = kept
        self._account = account
        self._segment = segment
        self._bounds = bounds
        # What erasures took away is not to be found in what was kept before.
        self._key = (account, generation, segment.level, segment.number)
        self.start = segment.number * width(segment) * BLOCK_ENTRIES
        self.stop = self.start + width(segment) * BLOCK_ENTRIES

    def bits(self, term: bytes) -> BitMap:
        def read() -> tuple[BitMap, int]:
            posting = self._posting(term)
            if posting is None:
                return BitMap(), OVERHEAD_BYTES + len(term)
            payload = posting.payload
            if payload == APART:
                # What isn't there any more was merged or erased meanwhile, and is asked anew.
                payload = self._store.apart(self._account, self._segment, term) or b"\0"
            return read_payload(payload), OVERHEAD_BYTES + len(term) + len(payload)

        return self._kept.get((*self._key, "bits", term), read)

    def hits(self, low: bytes, high: bytes) -> Iterator[tuple[bytes, int]]:
        for page, start, stop in self._within(low, high):
            yield from zip(page.terms[start:stop], page.hits[start:stop], strict=True)

    def each(self, low: bytes, high: bytes) -> Iterator[tuple[bytes, Callable[[], BitMap]]]:
        for page, start, stop in self._within(low, high):
            for place in range(start, stop):
                yield page.terms[place], partial(self._read, page, place)

    def postings(self) -> Iterator[Posting]:
        """Yield all of it, read some pages at a time, past what is kept."""
        behind = b""
        while rows := self._store.pages(self._account, self._segment, behind, PAGES_TOGETHER):
            for _, data in rows:
                for posting in Page(data):
                    if posting.payload == APART:
                        apart = self._store.apart(self._account, self._segment, posting.term)
                        yield posting._replace(payload=apart or b"\0")
                    else:
                        yield posting
            behind = rows[-1][0]

    def during(self, since_us: int, until_us: int) -> BitMap:
        found = BitMap()
        first = self.start // BLOCK_ENTRIES
        last = self.stop // BLOCK_ENTRIES
        for number, is_all in self._bounds().among(since_us, until_us, first, last):
            start = number * BLOCK_ENTRIES
            if is_all:
                found.add_range(start, start + BLOCK_ENTRIES)
            else:
                times = self.times(number) or ()
                found.update(
                    index for index, at in enumerate(times, start) if since_us <= at < until_us
                )
        return found

    def bounds(self) -> Iterator[tuple[int, int, int]]:
        return self._bounds().of(self.start // BLOCK_ENTRIES, self.stop // BLOCK_ENTRIES)

    def times(self, block: int) -> "array[int] | None":
        def read() -> tuple["array[int] | None", int]:
            data = self._store.times(self._account, block)
            return (
                (None, OVERHEAD_BYTES)
                if data is None
                else (numbers(data, "q"), OVERHEAD_BYTES + len(data))
            )

        return self._kept.get((self._account, "times", block, self._key[1]), read)

    def _read(self, page: Page, place: int) -> BitMap:
        posting = page.at(place)
        return (
            self.bits(posting.term) if posting.payload == APART else read_payload(posting.payload)
        )

    def _posting(self, term: bytes) -> Posting | None:
        found = self._store.page(self._account, self._segment, term)
        return Page(found[1]).find(term) if found else None

    def _within(self, low: bytes, high: bytes) -> Iterator[tuple[Page, int, int]]:
        """Yield each page with the places start <= place < stop of its terms low <= term < high."""
        for page in self._pages(low):
            stop = bisect_left(page.terms, high)
            yield page, bisect_left(page.terms, low), stop
            if stop < len(page.terms):
                return

    def _pages(self, low: bytes) -> Iterator[Page]:
        """Yield the page that may have this term, and all behind it."""

        def read_first() -> tuple[tuple[bytes, Page | None], int]:
            found = self._store.page(self._account, self._segment, low)
            if found is None:
                return (b"", None), OVERHEAD_BYTES
            return (found[0], Page(found[1])), 4 * len(found[1])

        behind, page = self._kept.get((*self._key, "page", low), read_first)
        if page:
            yield page
        together = 1
        while True:

            def read_more(
                behind: bytes = behind, together: int = together
            ) -> tuple[list[tuple[bytes, Page]], int]:
                rows = self._store.pages(self._account, self._segment, behind, together)
                found = [(first, Page(data)) for first, data in rows]
                return found, OVERHEAD_BYTES + sum(4 * page.size for _, page in found)

            some = self._kept.get((*self._key, "pages", behind, together), read_more)
            if not some:
                return
            yield from (page for _, page in some)
            behind = some[-1][0]
            together = min(2 * together, PAGES_TOGETHER)
