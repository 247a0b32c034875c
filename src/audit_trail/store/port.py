"""The port that every store serves; its contract is tests/store/contract.py."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from audit_trail.record.entry import Entry
from audit_trail.record.query import Query

RecordKey = tuple[str, str | None]
"""An entity's type and id: what a version counts."""


class Head(NamedTuple):
    """How far an account's trail goes: its size, and the newest `recorded_at` (µs UTC)."""

    size: int
    recorded_at: int


class Tail(NamedTuple):
    """What an append adds to one account: entries from index `size` on, if it still ends there."""

    size: int
    entries: Sequence[Entry]


class Lead(NamedTuple):
    """Which sequencer appends: the outbox it drains, and the term in which it leads."""

    outbox: str
    term: int


class Store(Protocol):
    """Entries of many accounts, each a gap-free sequence from index 0."""

    def head(self, account: str) -> Head:
        """Return the account's head; an unknown account has size 0."""
        ...

    def append(self, tails: Mapping[str, Tail], lead: Lead | None = None) -> None:
        """Add every tail, or none. Raises `HeadMoved` or `TermLost`."""
        ...

    def begin_term(self, outbox: str) -> Lead:
        """Start a new term for this outbox's sequencer; the one before can append no more."""
        ...

    def known(self, account: str, ids: Sequence[str]) -> set[str]:
        """Return which of the entry ids the account already has."""
        ...

    def versions(self, account: str, records: Sequence[RecordKey]) -> dict[RecordKey, int]:
        """Return the newest version of each record that has one."""
        ...

    def slice(self, account: str, start: int, stop: int) -> list[Entry]:
        """Return the entries with start <= index < stop, oldest first."""
        ...

    def find(self, query: Query, *, beyond: int | None = None, limit: int) -> list[Entry]:
        """Return matching entries in the query's order, strictly beyond the index `beyond`."""
        ...

    def walk(self, query: Query, limit: int) -> list[int]:
        """Return the first matching indexes in the query's order."""
        ...

    def entries(self, account: str, indexes: Sequence[int]) -> list[Entry]:
        """Return the entries with these indexes, in this order; unknown ones are left out."""
        ...

    def by_id(self, account: str, entry_id: str) -> Entry | None:
        """Return the entry with this id."""
        ...

    def close(self) -> None:
        """Release what the store holds."""
        ...
