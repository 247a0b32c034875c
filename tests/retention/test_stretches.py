"""An entry names as many stretches as it has room for: the longest first, and all of before."""

from audit_trail.record.removed import count_of
from audit_trail.retention.stretches import MOST_BYTES, fitting


def test_all_fits_where_there_is_room() -> None:
    assert fitting((), ((0, 4), (6, 7))) == (((0, 4), (6, 7)), 7, 0)
    assert fitting(((0, 4),), ((5, 5), (8, 8))) == (((0, 5), (8, 8)), 2, 0)
    assert fitting(((0, 4), (6, 6)), ((5, 5),)) == (((0, 6),), 1, 0)
    assert fitting(((0, 4),), ()) == (((0, 4),), 0, 0)


def test_where_there_is_no_room_the_shortest_stretches_stay() -> None:
    short = tuple((10 * number, 10 * number) for number in range(1, 9_000))
    long = ((1_000_000, 1_900_000),)
    dropped = ((500_000, 500_000), (3_000_000, 3_000_001))
    chosen = fitting(dropped, (*short, (500_001, 500_002), *long))
    assert {(500_000, 500_002), *long, dropped[1]} <= set(chosen.ranges)
    assert len(str(chosen.ranges).replace(" ", "")) <= MOST_BYTES + 10
    assert chosen.waiting > 1_000
    assert chosen.added == count_of(chosen.ranges) - 3
    assert chosen.added + chosen.waiting == len(short) + 2 + count_of(long)


def test_what_was_dropped_is_named_even_if_nothing_else_fits() -> None:
    dropped = tuple((10 * number, 10 * number) for number in range(1, 9_000))
    chosen = fitting(dropped, ((11, 11), (13, 13)))
    assert (chosen.added, chosen.waiting) == (1, 1)
    assert chosen.ranges[0] == (10, 11)
