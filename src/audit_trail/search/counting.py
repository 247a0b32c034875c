"""Counts what is found, by the terms of stretches: of each facet its values, of each bar its acts."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from operator import itemgetter
from typing import Final

from pyroaring import BitMap

from audit_trail.record.entry import Entry
from audit_trail.record.terms import (
    ACTION,
    ACTOR,
    ENTITY,
    OUTCOME,
    VIA,
    actor_value,
    term,
    text_of,
)
from audit_trail.search.found import FACETS, OTHER, FacetName
from audit_trail.search.segments import Stretch

KINDS: Final[Mapping[FacetName, bytes]] = {
    "actor": ACTOR,
    "action": ACTION,
    "entity": ENTITY,
    "via": VIA,
    "outcome": OUTCOME,
}
MOST_LOOKED_UP: Final = 1_000
"""How many values of a facet are looked up one by one, and remembered."""

TOLD_APART: Final = ("create", "update", "delete")
"""The actions that a timeline tells apart."""


def values_of(entry: Entry) -> dict[FacetName, str]:
    """Return the entry's value of each facet."""
    public = entry.public
    return {
        "actor": actor_value(public.actor),
        "action": public.action,
        "entity": public.entity.type,
        "via": public.via,
        "outcome": public.outcome,
    }


def count_facets(found: BitMap, stretch: Stretch, into: Mapping[FacetName, Counter[str]]) -> None:
    """Count the values among these entries. Every entry has one of each facet, no more and no less."""
    everything = sum(hits for _, hits in _values(stretch, VIA))
    for name in FACETS:
        values = _values(stretch, KINDS[name])
        left = len(found)
        if left == everything:
            into[name].update({text_of(each): hits for each, hits in values})
            continue
        for each, read in _by_frequency(values, stretch, KINDS[name]):
            # Where all entries are counted, the rest needn't be looked up.
            if not left:
                break
            if number := found.intersection_cardinality(read()):
                into[name][text_of(each)] += number
                left -= number


def count_bars(
    found: BitMap, stretch: Stretch, edges_us: Sequence[int], into: Sequence[Counter[str]]
) -> None:
    """Count these entries in the bars between edges, by what was done."""
    acts = {each: found & stretch.bits(term(ACTION, each)) for each in TOLD_APART}
    acts[OTHER] = found - BitMap.union(*acts.values())
    for bar, low, high in _joined(stretch.spans(edges_us)):
        if 0 <= bar < len(into):
            for name, bits in acts.items():
                if number := bits.range_cardinality(low, high):
                    into[bar][name] += number


def count_in_bars(
    entries: Iterable[Entry], edges_us: Sequence[int], into: Sequence[Counter[str]]
) -> None:
    """Count entries that are in no stretch."""
    for entry in entries:
        bar = bisect_right(edges_us, entry.public.occurred_at) - 1
        if 0 <= bar < len(into):
            action = entry.public.action
            into[bar][action if action in TOLD_APART else OTHER] += 1


def _by_frequency(
    values: Sequence[tuple[bytes, int]], stretch: Stretch, kind: bytes
) -> Iterator[tuple[bytes, Callable[[], BitMap]]]:
    """Yield few values beginning with the most frequent; many as they stand, which reads each page once."""
    if len(values) > MOST_LOOKED_UP:
        yield from stretch.each(kind, kind + b"\xff")
        return
    for each, _ in sorted(values, key=itemgetter(1), reverse=True):
        yield each, partial(stretch.bits, each)


def _values(stretch: Stretch, kind: bytes) -> list[tuple[bytes, int]]:
    return list(stretch.hits(kind, kind + b"\xff"))


def _joined(spans: Iterable[tuple[int, int, int]]) -> Iterator[tuple[int, int, int]]:
    """Make one of spans that follow each other in the same bar."""
    known: tuple[int, int, int] | None = None
    for bar, low, high in spans:
        if known and known[0] == bar and known[2] == low:
            known = (bar, known[1], high)
            continue
        if known:
            yield known
        known = (bar, low, high)
    if known:
        yield known
