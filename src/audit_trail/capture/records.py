"""Watched tables as they are now, each row as its trigger would tell it; it compares nothing.

Each engine's adapter reads its own: capture/sqlite/records.py, capture/postgresql/records.py.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Final, Protocol

from audit_trail.capture.outbox import Row
from audit_trail.capture.watch import Table

ROWS_TOGETHER: Final = 10_000
MOST_PENDING: Final = 50_000
"""How many rows of the outbox a snapshot reads."""


class Snapshot(Protocol):
    """A moment of the database: what it tells was so together."""

    def pending(self) -> Sequence[Row] | None:
        """Return the rows that wait in the outbox; None where there are more than `MOST_PENDING`."""
        ...

    def rows_of(self, table: Table, parts: Sequence[str]) -> Sequence[Row]:
        """Return the rows whose identity has these parts, as text."""
        ...


class Records(Protocol):
    """The watched tables of one database. Every verb raises `OutboxFailed` when the database fails."""

    @property
    def name(self) -> str:
        """The database's name without credentials, for messages."""
        ...

    def columns(self, table: Table) -> Mapping[str, int]:
        """Return the columns that are watched, each with the time since when (µs UTC).

        Since 0 are those that were there when the baseline was taken; without one there are none.
        """
        ...

    def baseline(self, table: Table) -> Iterator[Sequence[Row]]:
        """Yield which records were there when the table began to be watched, by account and id."""
        ...

    def rows(self, table: Table) -> Iterator[Sequence[Row]]:
        """Yield every row as a creation, `ROWS_TOGETHER` at a time."""
        ...

    def snapshot(self) -> AbstractContextManager[Snapshot]:
        """Return the tables and the outbox as they are at one moment, while inside."""
        ...


def row_of(
    table: Table, account: object, key: bytes | None, identity: bytes | None, changes: bytes | None
) -> Row:
    """Return a row of a table in the form of the outbox."""
    return Row(
        id=0,
        token=None,
        nonce=0,
        occurred_us=0,
        table=table.name,
        operation="create",
        account=account,
        record_key=key,
        record_id=identity,
        changes=changes,
        labels=None,
        context=None,
    )
