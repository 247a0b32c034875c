"""One record of a table against what its entries imply; pure: what is unknown is equal to anything."""

from collections.abc import Collection, Iterator, Mapping

import msgspec

from audit_trail.capture.watch import Membership, Table
from audit_trail.reconciliation.report import Difference
from audit_trail.record.entry import INSTALLATION
from audit_trail.record.state import State
from audit_trail.record.value import NULL, read

States = Mapping[str, State]
"""What each account's trail implies of one record."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A table as it is watched, and since when each of its columns is (µs UTC)."""

    table: Table
    since_us: Mapping[str, int]

    @property
    def is_spread(self) -> bool:
        """Tell whether a record's entries may lie in several trails."""
        return not isinstance(self.table.account, str | int)

    @property
    def tells_existence(self) -> bool:
        """Tell whether the trails tell of each record that it is there.

        Not of those that belong to several accounts: their creation may be told in none of these.
        """
        return not isinstance(self.table.account, Membership)

    @property
    def tells_creation(self) -> bool:
        """Tell whether each row must have an entry that made it, or be of the baseline."""
        return self.tells_existence and "create" in self.table.operations

    def owning(self, states: States) -> Collection[State]:
        """Return those of a record's states that tell whether it is there."""
        if self.table.account is None:
            return [state for owner, state in states.items() if owner == INSTALLATION]
        return states.values()


def differences(
    asked: Asked, account: str, record: str, values: Mapping[str, bytes] | None, states: States
) -> Iterator[Difference]:
    """Yield what differs. `values` are the row's, nulls left out; None where there is no row."""
    table, owning = asked.table, asked.owning(states)
    whole = Difference(
        kind="missing_in_trail",
        table=table.name,
        account=account or None,
        id=record,
        index=max((state.index for state in owning if state.index is not None), default=None),
    )
    if values is None:
        is_there = bool(owning) and all(state.exists for state in owning)
        if is_there and asked.tells_existence and "delete" in table.operations:
            yield msgspec.structs.replace(whole, kind="missing_in_table")
    elif asked.tells_creation and all(state.exists is False for state in owning):
        yield whole
    elif "update" in table.operations:
        for field in sorted(_comparable(asked, values, states)):
            found = values.get(field, NULL)
            if told := _told_otherwise(asked, field, found, states):
                yield msgspec.structs.replace(
                    whole, kind="differs", field=field, trail=told[0], found=found, index=told[1]
                )


def _comparable(asked: Asked, values: Mapping[str, bytes], states: States) -> set[str]:
    """Return the fields that can be compared: columns that are there and that entries may name.

    A creation leaves out key and account.
    """
    named = {field for state in states.values() for field in state.values}
    table = asked.table
    silent = {*table.keys, *table.owners} - named
    there = {*values, *named} - silent
    return there & asked.since_us.keys() if asked.since_us else there & values.keys()


def _told_otherwise(
    asked: Asked, field: str, found: bytes, states: States
) -> tuple[bytes, int | None] | None:
    """Return the newest word on the field and its entry, unless a trail agrees or doesn't know.

    Where several trails tell of a record, each may have missed what another tells; but one of them
    has the newest word.
    """
    newest: tuple[int, bytes, int | None] | None = None
    for state in states.values():
        if state.exists is False:
            continue
        value = _word(asked, field, state)
        if value is None:
            if field in state.unknown or state.exists is None:
                return None
            continue
        if is_same(value, found):
            return None
        word = (state.since_us or 0, value, state.told_by.get(field, state.index))
        newest = max(newest, word, key=lambda each: each[0]) if newest else word
    return newest[1:] if newest else None


def _word(asked: Asked, field: str, state: State) -> bytes | None:
    """Return the value, unless the field came to the table after the record's creation told all."""
    if field not in state.values and asked.since_us.get(field, 0) > (state.since_us or 0):
        return None
    return state.value(field)


def is_same(first: bytes, second: bytes) -> bool:
    """Tell whether two sealed values mean the same, however they are spelled."""
    return first == second or read(first) == read(second)
