"""Makes segments of an account's entries, and one of several, behind the appends."""

import heapq
import secrets
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby, islice
from operator import attrgetter
from typing import Final

import msgspec
from pyroaring import BitMap

from audit_trail.record.entry import Entry
from audit_trail.record.removed import ERASED_PARTS
from audit_trail.record.terms import terms_of
from audit_trail.search.pages import (
    FEW_HITS,
    bits_payload,
    joined,
    number_bytes,
    number_payload,
    numbers_payload,
    packed,
)
from audit_trail.search.segments import BLOCK_ENTRIES, FAN_OUT, StoredStretch, bits_of, width
from audit_trail.store.index import Block, IndexHead, IndexStore, Leaf, Segment
from audit_trail.store.port import Store

HIGHEST_LEVEL: Final = 3
"""Segments of 4,194,304 entries are not merged any further."""

LEAVES_TOGETHER: Final = 256
"""Pages that one transaction writes, so that appends don't wait long for it."""

DISCARDED_TOGETHER: Final = 2_000


def as_declared(store: Store, account: str, entries: Sequence[Entry]) -> list[Entry]:
    """Return entries, in their order, without what is declared as erased of them and is still there."""
    left = list(entries)
    for part in ERASED_PARTS if left else ():
        start, last = left[0].index, left[-1].index
        found = store.removals(account, part, start, last)
        erased = bits_of(tuple((each.first, each.last) for each in found), start, last + 1)
        left = [
            msgspec.structs.replace(entry, **{part: None}) if entry.index in erased else entry
            for entry in left
        ]
    return left


def indexed_entries(store: Store, account: str, start: int, stop: int) -> list[Entry]:
    """Return the entries start <= index < stop as they are indexed."""
    return as_declared(store, account, store.slice(account, start, stop))


class Maker:
    """Makes what the head doesn't name yet, and publishes it whole."""

    def __init__(
        self,
        store: Store,
        index: IndexStore,
        stretch: Callable[[str, IndexHead, Segment], StoredStretch],
    ) -> None:
        self._store = store
        self._index = index
        self._stretch = stretch

    def make(self, account: str, size: int, is_over: Callable[[], bool]) -> int:
        """Make one segment of what the account's entries, so many, allow; return its blocks, or 0.

        Raises `HeadMoved` where something was erased meanwhile; what was made then is discarded.
        """
        # Of what was begun and never published no page may stay: it would be taken for the segment's.
        self.discard(account)
        head = self._index.index_head(account)
        if group := _to_merge(head):
            return self._merge(account, head, group, is_over)
        waiting = size // BLOCK_ENTRIES - head.blocks
        if waiting <= 0:
            return 0
        level = int(waiting >= FAN_OUT and head.blocks % FAN_OUT == 0)
        return self._build(account, head, Segment(level, head.blocks // FAN_OUT**level))

    def discard(self, account: str) -> None:
        """Delete what no head names: what was merged, and what a crash or an erasure left behind."""
        while self._index.discard(account, DISCARDED_TOGETHER):
            pass

    def _build(self, account: str, head: IndexHead, segment: Segment) -> int:
        found: dict[bytes, list[int]] = defaultdict(list)
        blocks, missing = [], width(segment) * BLOCK_ENTRIES
        for number in range(head.blocks, head.blocks + width(segment)):
            start = number * BLOCK_ENTRIES
            entries = indexed_entries(self._store, account, start, start + BLOCK_ENTRIES)
            for entry in entries:
                index = entry.index
                for term in terms_of(entry):
                    found[term].append(index)
            missing -= len(entries)
            if entries:
                blocks.append(_block(number, entries))
        postings = (_posting(term, found[term]) for term in sorted(found))
        self._put(account, head, segment, packed(postings), lambda: False)
        after = advanced(head)._replace(
            blocks=head.blocks + width(segment),
            segments=(*head.segments, segment._replace(dropped=missing)),
        )
        self._index.publish(account, head, after, blocks=blocks)
        return width(segment)

    def _merge(
        self,
        account: str,
        head: IndexHead,
        group: Sequence[Segment],
        is_over: Callable[[], bool],
    ) -> int:
        """Make one segment of several, term by term, in as much memory as some pages take."""
        first = group[0]
        merged = Segment(first.level + 1, first.number // FAN_OUT)
        # Segments that aren't there any more were dropped whole.
        missing = (width(merged) - width(first) * len(group)) * BLOCK_ENTRIES
        merged = merged._replace(dropped=missing + sum(each.dropped for each in group))
        streams = [self._stretch(account, head, each).postings() for each in group]
        postings = (
            (term, *joined([each.payload for each in same]))
            for term, same in groupby(
                heapq.merge(*streams, key=attrgetter("term")), attrgetter("term")
            )
        )
        if not self._put(account, head, merged, packed(postings), is_over):
            return 0
        segments = tuple(
            merged if each == first else each
            for each in head.segments
            if each == first or each not in group
        )
        after = advanced(head)._replace(segments=segments)
        self._index.publish(account, head, after)
        return width(merged)

    def _put(
        self,
        account: str,
        head: IndexHead,
        segment: Segment,
        leaves: Iterable[Leaf],
        is_over: Callable[[], bool],
    ) -> bool:
        stream = iter(leaves)
        while some := list(islice(stream, LEAVES_TOGETHER)):
            if is_over():
                return False
            self._index.put(account, head, segment, some)
        return True


def advanced(head: IndexHead, *, is_less: bool = False) -> IndexHead:
    """Return the next head; with `is_less`, where something was taken out.

    The first generation is drawn: tables that were emptied must not repeat one that is remembered.
    """
    generation = head.generation + is_less if head.version else secrets.randbits(40)
    return head._replace(version=head.version + 1, generation=generation)


def _to_merge(head: IndexHead) -> list[Segment]:
    """Return the segments that the last one of a group completes; those that were dropped are gone."""
    for last in reversed(head.segments):
        if last.level < HIGHEST_LEVEL and last.number % FAN_OUT == FAN_OUT - 1:
            return [
                each
                for each in head.segments
                if each.level == last.level and each.number // FAN_OUT == last.number // FAN_OUT
            ]
    return []


def _posting(term: bytes, indexes: list[int]) -> tuple[bytes, int, bytes]:
    number = len(indexes)
    if number == 1:
        return term, 1, number_payload(indexes[0])
    few = number <= FEW_HITS
    return term, number, numbers_payload(indexes) if few else bits_payload(BitMap(indexes))


def _block(number: int, entries: Sequence[Entry]) -> Block:
    """Of entries that were dropped the time before them stands in their place."""
    found = array("q", _filled(number * BLOCK_ENTRIES, entries))
    known = [entry.public.occurred_at for entry in entries]
    return Block(number, min(known), max(known), number_bytes(found))


def _filled(index: int, entries: Sequence[Entry]) -> Iterator[int]:
    at = entries[0].public.occurred_at
    for entry in entries:
        yield from [at] * (entry.index - index)
        at = entry.public.occurred_at
        yield at
        index = entry.index + 1
