"""The entries of an evidence file against their leaves, commitments and each other; it trusts no leaf."""

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from audit_trail.errors import EvidenceRefused
from audit_trail.record.entry import Removed
from audit_trail.seal.merkle import leaf_hashes
from audit_trail.verify.indexes import Indexes, Pair
from audit_trail.verify.manifest import (
    UNREADABLE,
    Manifest,
    Sealed,
    Shown,
)
from audit_trail.verify.times import Micros, moment
from audit_trail.verify.verdict import Notes

PREDATED_US: Final = 60_000_000
"""An entry that says to have happened longer before it was recorded than this is remarked upon."""

PARTS: Final = ("who", "what")


class _Entity(msgspec.Struct, frozen=True, gc=False):
    type: str


class Public(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What of a public part a verifier reads (docs/spec/entry-1.md)."""

    v: Literal[1]
    account: str
    action: str
    entity: _Entity
    occurred_at: Micros
    recorded_at: Micros
    via: str
    who: str | None = None
    what: str | None = None
    removed: Removed | None = None


decode_public: Final = msgspec.json.Decoder(Public).decode

# Which action may say that which part was removed.
_REMOVER: Final = {"who": "erase", "what": "erase", "entry": "drop"}


class Removals:
    """What the trail's own entries say was removed; an entry speaks of lower indexes alone."""

    def __init__(self) -> None:
        self._pairs: dict[str, list[Pair]] = {part: [] for part in _REMOVER}

    def add(self, index: int, public: Public) -> None:
        """Take in what an entry says, whose place in the tree is shown elsewhere."""
        if public.removed is None:
            return
        for part, action in _REMOVER.items():
            if public.action == action:
                self._pairs[part] += [
                    (first, last)
                    for first, last in getattr(public.removed, part)
                    if 0 <= first <= last < index
                ]

    def of(self, part: str) -> Indexes:
        """Return of which indexes the part was removed."""
        return Indexes(self._pairs[part])


class Entries:
    """What is learned from the entries of a range, chunk by chunk."""

    def __init__(self, manifest: Manifest, notes: Notes) -> None:
        self._manifest = manifest
        self._notes = notes
        self.removals = Removals()
        self.absent = {part: Indexes() for part in (*PARTS, "entry")}
        """Where a committed part, or all of an entry, isn't in the file."""
        self.altered = Indexes()
        """Where what stands isn't what was hashed, so that nothing is learned from it."""
        self._recorded_at = -(2**53)
        self.shown = 0
        self.matching = 0
        self.undecided = 0
        """Of how many entries the public parts don't tell whether they match."""

    def check(
        self, start: int, entries: Sequence[bytes], leaves: Sequence[bytes], lines: Sequence[Sealed]
    ) -> None:
        """Hold one chunk's entries against its leaves, and its sealed parts against the entries."""
        genuine = self._genuine(start, entries, leaves)
        sealed = self._placed(start, len(leaves), lines)
        for index, content, line in zip(
            range(start, start + len(leaves)), genuine, sealed, strict=True
        ):
            if content:
                self._entry(index, content, line)
            elif content is not None:
                self.absent["entry"].add(index)
                if line:
                    self._notes.problem(
                        "entry", f"Entry {index} was dropped, and its parts are shown.", index
                    )
            else:
                self.altered.add(index)

    def _genuine(
        self, start: int, entries: Sequence[bytes], leaves: Sequence[bytes]
    ) -> Sequence[bytes | None]:
        """Return the entries as far as they have their leaves, None in place of all others.

        Of an empty entry nothing but its leaf is left.
        """
        computed = leaf_hashes(entries)
        if computed == leaves:
            return entries
        found = [
            entry if not entry or leaf == given else None
            for entry, leaf, given in zip(entries, computed, leaves, strict=False)
        ]
        found += [None] * (len(leaves) - len(found))
        wrong = [at for at, entry in enumerate(found) if entry is None]
        if wrong or len(entries) != len(leaves):
            self._tell(start, computed, leaves, wrong or [len(leaves)])
        return found

    def _tell(
        self, start: int, computed: Sequence[bytes], leaves: Sequence[bytes], wrong: Sequence[int]
    ) -> None:
        """Say what happened where entries and leaves first part, and name each entry that changed."""
        at, places = wrong[0], {leaf: place for place, leaf in enumerate(leaves)}
        here = places.get(computed[at]) if at < len(computed) else None
        if at >= len(computed):
            says = f"Entry {start + at} is missing."
        elif at >= len(leaves):
            says = f"Behind entry {start + at - 1} stands one that has no leaf."
        elif here is not None:
            says = f"In the place of entry {start + at} stands entry {start + here}."
        elif len(computed) > len(leaves):
            says = f"In the place of entry {start + at} stands one that has no leaf."
        else:
            says = f"The public part of entry {start + at} is not what was hashed."
        self._notes.problem("public", says, start + at)
        present = set(computed)
        for other in wrong[1:]:
            if (
                len(computed) == len(leaves)
                and leaves[other] not in present
                and computed[other] not in places
            ):
                says = f"The public part of entry {start + other} is not what was hashed."
                self._notes.problem("public", says, start + other)

    def _placed(self, start: int, count: int, lines: Sequence[Sealed]) -> Sequence[Sealed | None]:
        """Return each line in the place of its entry. Raises `EvidenceRefused`."""
        if len(lines) == count and (not lines or lines[0].index == start):
            placed: list[Sealed | None] = list(lines)
        else:
            placed = [None] * count
        lowest = start
        for line in lines:
            if not lowest <= line.index < start + count:
                raise EvidenceRefused(
                    f"The sealed parts of entry {line.index} aren't in their place."
                )
            lowest = line.index + 1
            placed[line.index - start] = line
        return placed

    def _entry(self, index: int, content: bytes, line: Sealed | None) -> None:
        try:
            public = decode_public(content)
        except UNREADABLE:
            self._leave_out(index, f"Entry {index} isn't an entry of format 1.")
            return
        if public.account != self._manifest.account:
            self._leave_out(index, f"Entry {index} is of another account, {public.account}.")
            return
        if public.recorded_at - public.occurred_at > PREDATED_US and public.via != "import":
            self._remark_predated(index, public)
        if public.recorded_at < self._recorded_at:
            says = f"Entry {index} says to be recorded before the one before it."
            self._notes.remark("time", says, index)
        self._recorded_at = public.recorded_at
        if public.removed is not None:
            self.removals.add(index, public)
        decided = self._manifest.query.decides(public.entity.type, public.occurred_at, content)
        if decided is None:
            self.undecided += 1
        elif decided:
            self.matching += 1
        self._part(index, "who", public.who, line.who if line else None)
        self._part(index, "what", public.what, line.what if line else None)

    def _leave_out(self, index: int, says: str) -> None:
        self._notes.problem("public", says, index)
        self.altered.add(index)

    def _part(self, index: int, part: str, commitment: str | None, shown: Shown | None) -> None:
        if shown is None:
            if commitment is not None:
                self.absent[part].add(index)
        elif not shown.opens(commitment):
            says = (
                f"The {part} part of entry {index} is not what was committed to."
                if commitment
                else f"Entry {index} has no {part} part, and one is shown."
            )
            self._notes.problem(part, says, index)
        else:
            self.shown += 1

    def _remark_predated(self, index: int, public: Public) -> None:
        self._notes.remark(
            "time",
            f"Entry {index} says that it happened at {moment(public.occurred_at)}, and was recorded "
            f"at {moment(public.recorded_at)}. How far back an entry may be dated is bounded by "
            "witnesses alone, and none has signed here.",
            index,
        )
