"""What a save costs with each library, taken in turn with the bare save, round by round."""

import statistics
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bench.paired import Ratio, median_with_interval
from bench.peers.worker import Worker

BARE = ("django", "sqlalchemy")
OURS = "ours"
LEAST_US = 1.0
"""What is less can't be told from nothing, and a ratio to it would say nothing."""


class Way(NamedTuple):
    """What is measured: the verb, how many times a round, how many of them in a transaction."""

    verb: str
    times: int
    each: int

    def __str__(self) -> str:
        what = {"update": "update of three fields", "create": "create"}[self.verb]
        return f"{what}, {self.each} a transaction"


class Cost(NamedTuple):
    """One library's: µs of the bare save, µs added to it, and how many times what ours adds that is.

    Where what ours adds isn't distinguishable from nothing, there is no such number.
    """

    library: str
    bare_us: float
    added: Ratio
    to_ours: Ratio | None


class Costs(NamedTuple):
    """All libraries' on one engine and one stack; and what our sequencer takes for an entry."""

    way: Way
    costs: Sequence[Cost]
    sequencer_us: float | None

    def of(self, library: str) -> Cost:
        return next(each for each in self.costs if each.library == library)


def measured(workers: Sequence[Worker], way: Way, rounds: int) -> Costs:
    """Measure the workers of one stack in turn; the first is the bare one. A round warms caches."""
    taken: list[dict[str, float]] = []
    sequenced: list[tuple[int, float]] = []
    for number in range(rounds + 1):
        times = {}
        for offset in range(len(workers)):
            worker = workers[(number + offset) % len(workers)]
            times[worker.name] = worker.ask(way.verb, way.times, way.each)
        taken.append({name: seconds * 1e6 for name, seconds in times.items()})
        sequenced += [tuple(each.ask("sequence")) for each in workers if each.name == OURS]
    bare = workers[0].name
    added = {
        worker.name: [each[worker.name] - each[bare] for each in taken[1:]]
        for worker in workers[1:]
    }
    return Costs(
        way,
        [_cost(name, [each[bare] for each in taken[1:]], added) for name in added],
        _each(sequenced[1:]),
    )


def _cost(name: str, bare: Sequence[float], added: Mapping[str, Sequence[float]]) -> Cost:
    own = median_with_interval(added.get(OURS, [0.0]))
    to_ours = None
    if name != OURS and own.low >= LEAST_US:
        pairs = zip(added[name], added[OURS], strict=True)
        to_ours = median_with_interval([theirs / max(ours, LEAST_US) for theirs, ours in pairs])
    return Cost(name, statistics.median(bare), median_with_interval(added[name]), to_ours)


def _each(sequenced: Sequence[tuple[int, float]]) -> float | None:
    took = [seconds / entries * 1e6 for entries, seconds in sequenced if entries]
    return statistics.median(took) if took else None
