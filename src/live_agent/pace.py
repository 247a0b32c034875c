"""How often somebody may ask within a second; it keeps count in this process alone."""

from collections import Counter
from collections.abc import Hashable
from typing import Final

from live_agent.errors import TooManyRequests

SECOND_US: Final = 1_000_000


class Pace:
    """Counts the requests of each second, and forgets them when it is over. Not for threads."""

    def __init__(self, most_a_second: int) -> None:
        self._most = most_a_second
        self._second = 0
        self._counts: Counter[Hashable] = Counter()

    def admit(self, who: Hashable, now_us: int) -> None:
        """Count a request. Raises `TooManyRequests`."""
        second = now_us // SECOND_US
        if second != self._second:
            self._second, self._counts = second, Counter()
        self._counts[who] += 1
        if self._counts[who] > self._most:
            raise TooManyRequests
