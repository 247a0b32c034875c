"""Takes out of an account's index what its trail is about to lose: erased parts, dropped entries.

It goes before the entries do. What is made of them meanwhile leaves out what is declared as removed,
and can't be published, as the head has moved; so nothing that was erased comes back.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Final

from pyroaring import BitMap

from audit_trail.record.entry import Ranges
from audit_trail.record.removed import count_of, union, without
from audit_trail.record.terms import MANY, terms_of
from audit_trail.search.making import advanced, as_declared
from audit_trail.search.pages import APART, Page, Posting, bits_payload, packed, read_payload
from audit_trail.search.segments import BLOCK_ENTRIES, PAGES_TOGETHER, bits_of, width
from audit_trail.store.index import IndexHead, IndexStore, Replaced, Segment
from audit_trail.store.port import Store

LARGEST: Final = 2**63 - 1
READ_TOGETHER: Final = 500

Rows = Sequence[tuple[bytes, bytes]]
"""Pages with their first terms."""


class Forgetter:
    """Rewrites the pages that know too much."""

    def __init__(self, store: Store, index: IndexStore) -> None:
        self._store = store
        self._index = index

    def erase(self, account: str, ranges: Ranges) -> None:
        """Take out the terms that entries have by what is declared as erased of them; all in one step.

        Raises `HeadMoved` where the index changed meanwhile.
        """
        head = self._index.index_head(account)
        gone: dict[bytes, list[int]] = defaultdict(list)
        for some in _together(ranges, head.blocks * BLOCK_ENTRIES):
            entries = self._store.entries(account, some)
            for entry, left in zip(
                entries, as_declared(self._store, account, entries), strict=True
            ):
                # What isn't told by terms stays to be asked of the entry itself.
                for term in terms_of(entry) - terms_of(left) - {MANY}:
                    gone[term].append(entry.index)
        bits = {term: BitMap(indexes) for term, indexes in gone.items()}
        replaced = [
            page for segment in head.segments for page in self._without(account, segment, bits)
        ]
        # Also where nothing was indexed yet: what is held in memory, of any process, is outdated.
        after = advanced(head, is_less=True)
        self._index.publish(account, head, after, replaced=replaced, is_clean=True)

    def drop(self, account: str) -> None:
        """Take out all of the entries that are declared as dropped; done before, it does nothing.

        Raises `HeadMoved` where the index changed meanwhile.
        """
        dropped = dropped_ranges(self._store, account)
        head = self._index.index_head(account)
        for segment in head.segments:
            inside = _inside(dropped, segment)
            if count_of(inside) == segment.dropped:
                continue
            masked: tuple[Segment, ...] = ()
            if count_of(inside) < width(segment) * BLOCK_ENTRIES:
                head = self._mask(account, head, segment, inside)
                masked = (segment._replace(dropped=count_of(inside)),)
            segments = chain.from_iterable(
                masked if each == segment else (each,) for each in head.segments
            )
            after = advanced(head, is_less=True)._replace(segments=tuple(segments))
            self._index.publish(account, head, after, gone=list(_whole_blocks(inside)))
            head = after

    def _mask(self, account: str, head: IndexHead, segment: Segment, dropped: Ranges) -> IndexHead:
        """Rewrite a segment's pages without these entries, some at a time."""
        gone = bits_of(dropped, 0, LARGEST)
        behind = b""
        while rows := self._index.pages(account, segment, behind, PAGES_TOGETHER):
            behind = rows[-1][0]
            if replaced := list(self._rewritten(account, segment, rows, lambda _: gone)):
                after = advanced(head, is_less=True)
                self._index.publish(account, head, after, replaced=replaced)
                head = after
        return head

    def _without(
        self, account: str, segment: Segment, gone: Mapping[bytes, BitMap]
    ) -> Iterator[Replaced]:
        """Yield the pages that have these terms, each without the entries that it has of them."""
        seen: bytes | None = None
        first = _first(segment)
        stop = first + width(segment) * BLOCK_ENTRIES
        here = (term for term, bits in gone.items() if bits.range_cardinality(first, stop))
        for term in sorted(here):
            found = self._index.page(account, segment, term)
            if found and found[0] != seen:
                seen = found[0]
                yield from self._rewritten(account, segment, [found], gone.get)

    def _rewritten(
        self,
        account: str,
        segment: Segment,
        rows: Rows,
        gone: Callable[[bytes], BitMap | None],
    ) -> Iterator[Replaced]:
        for first, data in rows:
            postings: list[Posting] = []
            apart: list[bytes] = []
            is_changed = False
            for posting in Page(data):
                term, hits, payload = posting
                if payload == APART:
                    payload = self._index.apart(account, segment, term) or b"\0"
                    apart.append(term)
                if taken := gone(term):
                    bits = read_payload(payload) - taken
                    is_changed = is_changed or len(bits) < hits
                    hits, payload = len(bits), bits_payload(bits)
                if hits:
                    postings.append(Posting(term, hits, payload))
            if is_changed:
                yield Replaced(segment, first, list(packed(postings)), apart)


def _together(ranges: Ranges, stop: int) -> Iterator[list[int]]:
    """Yield the indexes below `stop`, some at a time."""
    indexes = chain.from_iterable(range(first, min(last + 1, stop)) for first, last in ranges)
    while some := list(islice(indexes, READ_TOGETHER)):
        yield some


def dropped_ranges(store: Store, account: str) -> Ranges:
    """Return the indexes that the account's entries declare as dropped."""
    return union((each.first, each.last) for each in store.removals(account, "entry", 0, LARGEST))


def _first(segment: Segment) -> int:
    return segment.number * width(segment) * BLOCK_ENTRIES


def _inside(ranges: Ranges, segment: Segment) -> Ranges:
    """Return what of the ranges lies in the segment."""
    first = _first(segment)
    span = ((first, first + width(segment) * BLOCK_ENTRIES - 1),)
    return without(span, without(span, ranges))


def _whole_blocks(ranges: Ranges) -> Iterator[range]:
    for first, last in ranges:
        blocks = range(-(-first // BLOCK_ENTRIES), (last + 1) // BLOCK_ENTRIES)
        if blocks:
            yield blocks
