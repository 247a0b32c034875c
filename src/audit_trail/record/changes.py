"""Before and after: several writes to one record merged by chaining their values, losing none."""

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from audit_trail.record.value import NULL, SECRET

Operation = Literal["create", "update", "delete"]
Pair = tuple[bytes | None, bytes | None]
"""The old and the new value of one field; None where the record did not exist."""


class Write(msgspec.Struct, frozen=True, kw_only=True):
    """What one write, or several merged, did to one record.

    Creations and deletions leave out the fields that were null.
    """

    existed: bool
    exists: bool
    pairs: Mapping[str, Pair]

    @property
    def operation(self) -> Operation:
        """The write's name; a record that neither existed nor exists has none and is never asked."""
        return ("update" if self.exists else "delete") if self.existed else "create"

    def before(self, field: str) -> bytes | None:
        """The field's value before the write, or None where the write doesn't tell."""
        return (
            self.pairs[field][0]
            if field in self.pairs
            else (NULL if self.existed > self.exists else None)
        )

    def after(self, field: str) -> bytes | None:
        """The field's value after the write, or None where the write doesn't tell."""
        return (
            self.pairs[field][1]
            if field in self.pairs
            else (NULL if self.exists > self.existed else None)
        )


def chained(writes: Sequence[Write]) -> list[Write]:
    """Merge the writes of one transaction to one record into as few as their values allow.

    An application's own trigger may write the row again, and that write is recorded before the
    one that fired it; so writes are joined where one's new values are the other's old ones,
    whatever their order. Writes that don't chain stay apart. A net effect of nothing leaves none.
    """
    remaining = list(writes)
    merged: list[Write] = []
    while remaining:
        current = remaining.pop(0)
        while (joined := _with_neighbour(current, remaining)) is not None:
            current = joined
        merged.append(current)
    return [net for write in merged if (net := _net(write)) is not None]


def _with_neighbour(current: Write, remaining: list[Write]) -> Write | None:
    """Take the first write that directly follows or precedes the current one, and join them."""
    for position, other in enumerate(remaining):
        if _follows(current, other):
            return _joined(current, remaining.pop(position))
        if _follows(other, current):
            return _joined(remaining.pop(position), current)
    return None


def _follows(first: Write, second: Write) -> bool:
    """Tell whether the second write can come right after the first."""
    if first.exists != second.existed:
        return False
    return not first.exists or all(
        first.after(field) in (None, old) or old is None
        for field in {*first.pairs, *second.pairs}
        for old in (second.before(field),)
    )


def _joined(first: Write, second: Write) -> Write:
    fields = dict.fromkeys([*first.pairs, *second.pairs])
    return Write(
        existed=first.existed,
        exists=second.exists,
        pairs={
            field: (_oldest(first, second, field), _newest(first, second, field))
            for field in fields
        },
    )


def _oldest(first: Write, second: Write, field: str) -> bytes | None:
    if not first.existed:
        return None
    before = first.before(field)
    return before if before is not None else second.before(field)


def _newest(first: Write, second: Write, field: str) -> bytes | None:
    if not second.exists:
        return None
    after = second.after(field)
    return after if after is not None else first.after(field)


def _net(write: Write) -> Write | None:
    """Leave out what did not change; a secret's two values can't be compared, so it stays."""
    if not (write.existed or write.exists):
        return None
    if write.existed != write.exists:
        pairs = {
            field: pair
            for field, pair in write.pairs.items()
            if pair not in ((None, NULL), (NULL, None))
        }
        return Write(existed=write.existed, exists=write.exists, pairs=pairs)
    pairs = {
        field: (old, new)
        for field, (old, new) in write.pairs.items()
        if old != new or new == SECRET
    }
    return Write(existed=True, exists=True, pairs=pairs) if pairs else None
