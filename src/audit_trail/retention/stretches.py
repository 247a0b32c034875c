"""Which stretches of expired entries one entry has room to name; arithmetic alone."""

from bisect import bisect_left
from typing import Final, NamedTuple

from audit_trail.record.entry import Ranges
from audit_trail.record.removed import count_of, union

MOST_BYTES: Final = 56_000
"""Of a public part's 65,535 bytes; the rest is for who did it. Some 3,000 ranges, as of 7 digits."""


class Chosen(NamedTuple):
    """All that is dropped then, how many indexes of it are new, and how many must wait."""

    ranges: Ranges
    added: int
    waiting: int


def fitting(dropped: Ranges, expired: Ranges) -> Chosen:
    """Return the ranges of what was dropped and what is to be, as far as there is room.

    Many scattered holds leave many short stretches between them. Where not all can be named, the
    shortest stay; what lengthens a range that must be named anyway always fits.
    """
    whole = union((*dropped, *expired))
    firsts = [first for first, _ in dropped]
    named: list[tuple[int, int]] = []
    fresh: list[tuple[int, int]] = []
    for first, last in whole:
        at = bisect_left(firsts, first)
        holds_dropped = at < len(firsts) and firsts[at] <= last
        (named if holds_dropped else fresh).append((first, last))
    room = MOST_BYTES - sum(map(_bytes, named))
    for each in sorted(fresh, key=lambda each: each[0] - each[1]):
        room -= _bytes(each)
        if room < 0:
            break
        named.append(each)
    ranges = union(named)
    return Chosen(ranges, count_of(ranges) - count_of(dropped), count_of(whole) - count_of(ranges))


def _bytes(each: tuple[int, int]) -> int:
    return len("[{},{}],".format(*each))
