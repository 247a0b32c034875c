"""Before and after: several writes to one record merged by chaining their values, losing none."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal, TypeVar

import msgspec

from audit_trail.record.value import NULL, tells_all

Operation = Literal["create", "update", "delete"]
V = TypeVar("V")
Pair = tuple[bytes | None, bytes | None]
"""The old and the new value of one field; None where the record did not exist."""


class Write(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What one write, or several merged, did to one record.

    Creations and deletions leave out the fields that were null.
    """

    existed: bool
    exists: bool
    pairs: Mapping[str, Pair]

    @property
    def operation(self) -> Operation:
        """The write's name; one of a record that neither existed nor exists is never asked."""
        return ("update" if self.exists else "delete") if self.existed else "create"

    def before(self, field: str) -> bytes | None:
        """The field's value before the write, or None where the write doesn't tell."""
        return self._side(0, field, tells_nulls=self.existed > self.exists)

    def after(self, field: str) -> bytes | None:
        """The field's value after the write, or None where the write doesn't tell."""
        return self._side(1, field, tells_nulls=self.exists > self.existed)

    def _side(self, side: Literal[0, 1], field: str, *, tells_nulls: bool) -> bytes | None:
        if field in self.pairs:
            return self.pairs[field][side]
        return NULL if tells_nulls else None


def chained(writes: Sequence[Write]) -> list[Write]:
    """Merge the writes of one transaction to one record into one, if their values allow.

    An application's own trigger may write the row again, and that write is recorded before the
    one that fired it; so their order isn't trusted. Of each field's old and new values, those
    that one write left and another found cancel out; what is left is the net change. Writes of
    which more is left don't chain, and stay apart. A net effect of nothing leaves none.
    """
    try:
        merged = [_merged(writes)] if len(writes) > 1 else writes
    except _Apart:
        merged = writes
    return [net for write in merged if (net := _net(write)) is not None]


def in_sequence(writes: Sequence[Write]) -> list[int]:
    """Return the writes' positions in the order in which they can have happened, merging none.

    The given order stands wherever its values chain. A write that doesn't follow the one before
    it is put where it does, which is before the writes that a trigger of the application nested
    into it.
    """
    order: list[int] = []
    for position, write in enumerate(writes):
        place = len(order)
        if order and not _follows(writes[order[-1]], write):
            for earlier in range(len(order) - 1, -1, -1):
                fits_before = _follows(write, writes[order[earlier]])
                if fits_before and (not earlier or _follows(writes[order[earlier - 1]], write)):
                    place = earlier
                    break
        order.insert(place, position)
    return order


def _follows(first: Write, second: Write) -> bool:
    """Tell whether the second write's old values are what the first one left."""
    if first.exists != second.existed:
        return False
    left = {field: first.after(field) for field in {*first.pairs, *second.pairs}}
    return all(
        None in (after, found) or after == found
        for field, after in left.items()
        for found in (second.before(field),)
    )


class _Apart(Exception):
    """The writes don't chain."""


def _merged(writes: Sequence[Write]) -> Write:
    existence = [(write.existed, write.exists) for write in writes]
    existed, exists = _ends([pair for pair in existence if pair != (True, True)], (True, True))
    fields = dict.fromkeys(field for write in writes for field in write.pairs)
    pairs = {}
    for field in fields:
        told = [pair for write in writes if (pair := _told(write, field)) is not None]
        pairs[field] = _ends(told, told[0])
    return Write(existed=existed, exists=exists, pairs=pairs)


def _told(write: Write, field: str) -> Pair | None:
    """What the write says of the field, were it only that a null came or went with the record."""
    if field not in write.pairs and write.existed == write.exists:
        return None
    return write.before(field), write.after(field)


def _ends(pairs: Sequence[tuple[V, V]], first: tuple[V, V]) -> tuple[V, V]:
    """Return where a chain of pairs, in any order, begins and ends; a closed one at its first."""
    old, new = Counter(pair[0] for pair in pairs), Counter(pair[1] for pair in pairs)
    begins, ends = list((old - new).elements()), list((new - old).elements())
    if len(begins) > 1:
        raise _Apart
    return (begins[0], ends[0]) if begins else (first[0], first[0])


def _net(write: Write) -> Write | None:
    """Leave out what did not change; where the values don't tell, the trigger's word stays."""
    if not (write.existed or write.exists):
        return None
    if write.existed != write.exists:
        pairs = {
            field: pair
            for field, pair in write.pairs.items()
            if pair not in ((None, NULL), (NULL, None))
        }
        return Write(existed=write.existed, exists=write.exists, pairs=pairs)
    if write.pairs and not [pair for pair in write.pairs.values() if pair[0] == pair[1]]:
        return write
    pairs = {
        field: (old, new)
        for field, (old, new) in write.pairs.items()
        if old != new or (new is not None and not tells_all(new))
    }
    return Write(existed=True, exists=True, pairs=pairs) if pairs else None
