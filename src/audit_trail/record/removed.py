"""Ranges of indexes that an entry declares as removed; the arithmetic of them, and no store."""

from collections.abc import Iterable
from itertools import pairwise
from typing import Final, Literal, get_args

from audit_trail.record.entry import Ranges, Removed

RemovedPart = Literal["who", "what", "entry"]
"""A sealed part that was erased, or a whole entry that was dropped."""

REMOVED_PARTS: Final[tuple[RemovedPart, ...]] = get_args(RemovedPart)
ERASED_PARTS: Final[tuple[Literal["who", "what"], ...]] = ("who", "what")
MARK: Final = b'"removed":'
"""What the bytes of a public part hold where it declares anything; cheap to look for."""


def ranges_of(indexes: Iterable[int]) -> Ranges:
    """Return the fewest ranges, first and last index included, that hold exactly these indexes."""
    return union((index, index) for index in indexes)


def union(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """Return the fewest ranges that hold what any of these holds, in order."""
    found: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return tuple(found)


def without(ranges: Iterable[tuple[int, int]], others: Iterable[tuple[int, int]]) -> Ranges:
    """Return what these ranges hold and the others don't; both are in order and disjoint."""
    found: list[tuple[int, int]] = []
    beside = iter(others)
    other = next(beside, None)
    for first, last in ranges:
        while other and other[0] <= last:
            if first < other[0]:
                found.append((first, other[0] - 1))
            first = max(first, other[1] + 1)
            if other[1] > last:
                break
            other = next(beside, None)
        if first <= last:
            found.append((first, last))
    return tuple(found)


def count_of(ranges: Ranges) -> int:
    """Return how many indexes these ranges hold."""
    return sum(last - first + 1 for first, last in ranges)


def holds(ranges: Ranges, index: int) -> bool:
    """Tell whether one of the ranges holds the index."""
    return any(first <= index <= last for first, last in ranges)


def overlap(ranges: Iterable[tuple[int, int]]) -> bool:
    """Tell whether any two of the ranges hold the same index."""
    return any(after[0] <= before[1] for before, after in pairwise(sorted(ranges)))


def ranges_in(removed: Removed, part: RemovedPart) -> Ranges:
    """Return what was removed of this part."""
    ranges: Ranges = getattr(removed, part)
    return ranges


def is_well_formed(removed: Removed, index: int) -> bool:
    """Tell whether the ranges are in order, apart from each other, and below the declaring index."""
    every = [ranges_in(removed, part) for part in REMOVED_PARTS]
    return any(every) and all(
        ranges == union(ranges) and all(0 <= first <= last < index for first, last in ranges)
        for ranges in every
    )
