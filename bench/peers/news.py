"""Which of a log's events weren't there when it was last looked at; logs have no common order."""

from collections import Counter

from bench.peers.verdicts import Event


class News:
    """Remembers what was seen."""

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()

    def among(self, events: list[Event]) -> list[Event]:
        """Return the new ones, and remember all."""
        seen, self._seen = self._seen, Counter(map(repr, events))
        found = []
        for each in events:
            if seen[repr(each)]:
                seen[repr(each)] -= 1
            else:
                found.append(each)
        return found
