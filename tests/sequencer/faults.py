"""Stores that fail as databases do: before they wrote, or after, when nobody can tell."""

from collections.abc import Mapping
from typing import Any

from audit_trail.errors import StoreFailed
from audit_trail.store.memory import MemoryStore
from audit_trail.store.port import Lead, Tail


class FailingStore(MemoryStore):
    """Fails the next appends, as planned: "lost" wrote nothing, "kept" wrote all and failed."""

    def __init__(self, *plan: str) -> None:
        super().__init__()
        self.plan = list(plan)

    def append(self, tails: Mapping[str, Tail], lead: Lead | None = None) -> None:
        fault = self.plan.pop(0) if self.plan else ""
        if fault == "lost":
            raise StoreFailed("the store failed and wrote nothing")
        super().append(tails, lead)
        if fault == "kept":
            raise StoreFailed("the store failed after it wrote")


class MovingStore(MemoryStore):
    """Lets another writer append just before each of the first appends."""

    def __init__(self, moves: int, other: Any) -> None:
        super().__init__()
        self.moves = moves
        self.other = other

    def append(self, tails: Mapping[str, Tail], lead: Lead | None = None) -> None:
        if self.moves:
            self.moves -= 1
            self.other(super().append)
        super().append(tails, lead)
