"""What a trail's own entries declare as removed, against what is gone; the store's note of it is no proof."""

from collections.abc import Iterable, Mapping
from typing import Final

from audit_trail.record.entry import Public, Ranges
from audit_trail.record.removed import (
    REMOVED_PARTS,
    RemovedPart,
    is_well_formed,
    ranges_in,
    without,
)
from audit_trail.store.port import Removal
from audit_trail.verify.indexes import Indexes
from audit_trail.verify.verdict import Notes

# Which action may declare which part as removed.
_REMOVER: Final[dict[RemovedPart, str]] = {"who": "erase", "what": "erase", "entry": "drop"}


class Covering:
    """The declarations of one account's tree."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._declared: dict[RemovedPart, list[Removal]] = {part: [] for part in REMOVED_PARTS}

    def add(self, index: int, public: Public) -> None:
        """Take in what an entry declares, which is in the tree at this index."""
        removed = public.removed
        if removed is None:
            return
        if public.entity.type != "audit_log" or not is_well_formed(removed, index):
            says = f"Entry {index} declares as removed what it may not."
            self._notes.problem("removed", says, index)
            return
        for part, action in _REMOVER.items():
            if ranges := ranges_in(removed, part):
                if public.action != action:
                    says = f"Entry {index} declares a removal, and is no {action}."
                    self._notes.problem("removed", says, index)
                else:
                    self._declare(part, index, ranges)

    def _declare(self, part: RemovedPart, index: int, ranges: Iterable[tuple[int, int]]) -> None:
        known = self._declared[part]
        declared = [Removal(part, first, last, index) for first, last in ranges]
        if part == "entry":
            # A drop tells of all that were ever dropped, and takes the place of the one before.
            missing = _indexes(known).first_beyond(_indexes(declared))
            if missing is not None:
                says = f"Entry {index} leaves out that entry {missing} was dropped."
                self._notes.problem("removed", says, index)
            known.clear()
        known += declared

    def of(self, part: RemovedPart) -> Indexes:
        """Return of which indexes the part, or all of the entry, is declared as removed."""
        return _indexes(self._declared[part])

    def covers(self, absent: Mapping[RemovedPart, Indexes]) -> bool:
        """Tell whether all that is gone is declared as removed."""
        return not any(self._uncovered(part, absent[part]) for part in REMOVED_PARTS)

    def require(self, absent: Mapping[RemovedPart, Indexes]) -> None:
        """Note what is gone though no entry says so."""
        for part in REMOVED_PARTS:
            for first, last in self._uncovered(part, absent[part]):
                entries = f"entry {first}" if first == last else f"entries {first} to {last}"
                what = f"All of {entries}" if part == "entry" else f"The {part} part of {entries}"
                says = f"{what} is missing, and no entry declares it as removed."
                self._notes.problem(part, says, first)

    def _uncovered(self, part: RemovedPart, absent: Indexes) -> Ranges:
        return without(absent.pairs, self.of(part).pairs)

    def compare(self, noted: Iterable[Removal], size: int) -> None:
        """Hold the store's own note of removals against the tree's, as far as the tree goes."""
        for part in REMOVED_PARTS:
            kept = {each for each in noted if each.part == part}
            late = {each for each in kept if each.declared_by >= size}
            if part == "entry" and late:
                continue  # Declared anew since, all of it.
            differing = (kept - late) ^ set(self._declared[part])
            if differing:
                index = min(each.declared_by for each in differing)
                says = (
                    f"What the store notes as removed of {_called(part)} isn't what entry {index} "
                    "declares."
                )
                self._notes.problem("removals", says, index)


def _called(part: RemovedPart) -> str:
    return "entries" if part == "entry" else f"{part} parts"


def _indexes(removals: Iterable[Removal]) -> Indexes:
    return Indexes((each.first, each.last) for each in removals)
