"""Sets of indexes as ranges, both ends included: as removals are declared, and as they are compared."""

from collections.abc import Iterable, Iterator, Sequence

Pair = tuple[int, int]


class Indexes:
    """Indexes in ascending ranges, disjoint and never adjacent; grown at its end alone."""

    def __init__(self, pairs: Iterable[Pair] = ()) -> None:
        self.pairs: list[Pair] = []
        for first, last in sorted(pairs):
            self.add(first, last)

    def add(self, first: int, last: int | None = None) -> None:
        """Add what begins nowhere before the ranges that are there."""
        last = first if last is None else last
        if self.pairs and first <= self.pairs[-1][1] + 1:
            first, last = self.pairs[-1][0], max(self.pairs.pop()[1], last)
        self.pairs.append((first, last))

    def __len__(self) -> int:
        return sum(last - first + 1 for first, last in self.pairs)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Indexes) and self.pairs == other.pairs

    __hash__ = None  # type: ignore[assignment]  # It grows.

    def __str__(self) -> str:
        """The ranges as people write them: 3, 7 to 9."""
        return ", ".join(
            f"{first} to {last}" if last > first else f"{first}" for first, last in self.pairs
        )

    def joined(self, other: "Indexes") -> "Indexes":
        """Return what is in either."""
        return Indexes([*self.pairs, *other.pairs])

    def first_beyond(self, other: "Indexes") -> int | None:
        """Return the first index that is here and not in the other, or none."""
        return next(_beyond(self.pairs, other.pairs), None)


def _beyond(pairs: Sequence[Pair], others: Sequence[Pair]) -> Iterator[int]:
    at = 0
    for first, last in pairs:
        while at < len(others) and others[at][1] < first:
            at += 1
        if at == len(others) or first < others[at][0]:
            yield first
        elif last > others[at][1]:
            yield others[at][1] + 1
