"""The outbox: what committed with the changes and waits to be sequenced; it decides nothing.

Each engine's adapter reads and empties its own: capture/sqlite/outbox.py, capture/postgresql/outbox.py.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from audit_trail.record.entry import Outcome

BATCH_ROWS: Final = 8_000
"""How many rows choose the transactions of a batch."""

HUGE_ROWS: Final = 10_000
"""A transaction of more rows is worked off record by record, this many rows at a time."""


class Row(msgspec.Struct, frozen=True, gc=False):
    """One row of the outbox, its texts as the bytes that are stored.

    `token` is the same for all rows of a transaction, and None where the engine can't tell them.
    """

    id: int
    token: bytes | None
    nonce: object
    occurred_us: object
    table: object
    operation: object
    account: object
    record_key: bytes | None
    record_id: bytes | None
    changes: bytes | None
    labels: bytes | None
    context: bytes | None


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that happened without a row changing, such as a sign-in."""

    action: str
    account: str
    entity_type: str
    entity_id: str | None = None
    outcome: Outcome = "success"
    label: str | None = None
    details: dict[str, Any] = {}


class Batch(NamedTuple):
    """Rows in the order of their ids; `whole` unless they are a part of one huge transaction."""

    rows: Sequence[Row]
    whole: bool = True


class Backlog(NamedTuple):
    """How far the trail is behind: committed rows, and the time of the oldest (µs UTC)."""

    rows: int
    oldest_us: int | None


class Outbox(Protocol):
    """The outbox of one database. Every verb raises `OutboxFailed` when the database fails."""

    @property
    def name(self) -> str:
        """The database's name without credentials, for messages and for the sequencer's term."""
        ...

    def high_water(self) -> int:
        """Return the id of the newest committed row; 0 when there is none."""
        ...

    def backlog(self, until: int | None = None) -> Backlog:
        """Tell how many rows wait, of those up to the id `until`."""
        ...

    def take(self) -> Batch:
        """Return the oldest transactions, each with every row of it; nothing is removed.

        Transactions are chosen, not rows: a limit on rows would cut one in two.
        """
        ...

    def delete(self, rows: Sequence[Row]) -> None:
        """Remove exactly the rows that were read."""
        ...

    def leading(self) -> AbstractContextManager[None]:
        """Be the one that sequences this outbox, while inside. Raises `SequencerRunning`."""
        ...
