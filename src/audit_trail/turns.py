"""The turns of work that one of several processes does now and then; it knows nothing of the work."""

from collections.abc import Callable, Iterator
from threading import Event


def turns(
    stop: Event, leads: Callable[[], bool], *, first: float, period: float, standby: float
) -> Iterator[None]:
    """Yield each time that it is this process's turn, until `stop` is set; all times in seconds.

    The first one comes after `first`, the next ones a `period` after the work before. Who does not
    lead asks again after `standby`, or the period where that is shorter.
    """
    pause = first
    while not stop.wait(pause):
        is_mine = leads()
        pause = period if is_mine else min(standby, period)
        if is_mine:
            yield
