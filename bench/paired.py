"""Paired measurements: two variants interleaved round by round, and the median of their ratio."""

import statistics
from collections.abc import Callable, Sequence
from math import comb
from typing import NamedTuple


class Ratio(NamedTuple):
    """The paired median of with/without, and a 95 % interval that assumes no distribution."""

    median: float
    low: float
    high: float

    def verdict(self, target: float) -> str:
        """Say whether a ratio of at most `target` was reached, as far as the interval tells."""
        if self.high <= target:
            return "met"
        return "missed" if self.low > target else "not distinguishable"

    def at_least(self, target: float) -> str:
        """Say the same of a ratio that must be at least `target`."""
        if self.low >= target:
            return "met"
        return "missed" if self.high < target else "not distinguishable"

    def __str__(self) -> str:
        return f"{self.median:.2f} (95 %: {self.low:.2f} to {self.high:.2f})"


def ratio_of(pairs: Sequence[tuple[float, float]]) -> Ratio:
    """Return the paired median of first/second, with its interval."""
    return median_with_interval([first / second for first, second in pairs])


def median_with_interval(values: Sequence[float]) -> Ratio:
    """Return the median with the interval of order statistics, of figures taken in pairs."""
    ordered = sorted(values)
    low, high = _ranks(len(ordered))
    return Ratio(statistics.median(ordered), ordered[low], ordered[high])


def _ranks(count: int) -> tuple[int, int]:
    """Return the ranks that enclose the median with at least 95 %, or all there are."""
    below = 0.0
    rank = 0
    while rank < count // 2 and below + comb(count, rank) / 2**count <= 0.025:
        below += comb(count, rank) / 2**count
        rank += 1
    lowest = max(rank - 1, 0)
    return lowest, count - 1 - lowest


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` (0 to 1) of the values lie."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def median_of(run: Callable[[], float], rounds: int) -> float:
    """Return the median of several runs."""
    return statistics.median(run() for _ in range(rounds))
