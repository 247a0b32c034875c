"""Walks one account of a store, entry by entry, while others may be appending to it."""

from collections.abc import Callable, Iterator
from typing import Final

from audit_trail.errors import TreeRefused
from audit_trail.inspection.covering import Covering
from audit_trail.inspection.entries import Entries
from audit_trail.inspection.given import Given
from audit_trail.inspection.signed import Roots, Signed
from audit_trail.inspection.tree import Tree
from audit_trail.inspection.verdict import AccountVerdict, Extent, judged
from audit_trail.record.query import Query
from audit_trail.record.removed import REMOVED_PARTS
from audit_trail.seal.encoding import to_base64
from audit_trail.seal.merkle import HASH_BYTES, Range
from audit_trail.seal.tile import TILE_WIDTH, Tile, node_reader
from audit_trail.store.port import Leap, Removal, Store
from audit_trail.verify.indexes import Indexes
from audit_trail.verify.verdict import Notes

SLICE: Final = 4_096
"""How many entries are read and held at a time; whole tiles."""

MOST_TURNS: Final = 3
"""How often the walk goes on to where the trail has got to, in search of a declaration."""

FARTHEST: Final = 2**63 - 1

Report = Callable[[str, int, int], None]
"""Told of each slice: the account, how many of its entries are inspected, and of how many."""


def unreported(account: str, done: int, size: int) -> None:
    """Report to nobody."""


def inspect_account(
    store: Store, account: str, given: Given, report: Report = unreported
) -> AccountVerdict:
    """Return the verdict on one account, up to the head that it has now.

    What is given was read before: the store has gone on since, and is never behind it.
    """
    return _Walk(store, account, given).run(report)


class _Walk:
    """One account under inspection. Each step notes what it finds, and the last one judges."""

    def __init__(self, store: Store, account: str, given: Given) -> None:
        self._store = store
        self._account = account
        self._notes = Notes()
        self._entries = Entries(account, self._notes)
        self._covering = Covering(self._notes)
        self._tree = Tree(self._tile, self._notes)
        self._signed = Signed(account, store.public_keys(), given, self._notes)
        self._roots = {0: Roots(Range().root, Range().root)}
        self._noted: list[Removal] = []
        self._head = store.head(account)

    def run(self, report: Report) -> AccountVerdict:
        """Take every step, and judge."""
        for _ in range(MOST_TURNS):
            self._signed.read(self._head.seal)
            self._walk(report)
            if self._covering.covers(self._entries.absent) or not self._has_moved():
                break
            # What is gone may have been declared, and removed, while we walked.
            self._head = self._store.head(self._account)
        self._signed.require_signature(self._head.seal)
        self._signed.require_root(self._roots, self._root_in_tiles)
        self._require_agreement()
        self._require_seal()
        self._require_covered()
        self._require_versions()
        self._require_nothing_else()
        return judged(self._account, self._extent(), tuple(self._held()), self._notes)

    # The walk.

    def _walk(self, report: Report) -> None:
        claimed = max(self._head.size, self._head.seal.size)
        self._noted = [
            each
            for part in REMOVED_PARTS
            for each in self._store.removals(self._account, part, 0, FARTHEST)
        ]
        for part in REMOVED_PARTS:
            self._entries.noted[part] = Indexes(
                (each.first, each.last) for each in self._noted if each.part == part
            )
        asked = {*self._signed.sizes(), self._head.seal.size}
        start = self._tree.size
        for stop in _stops(start, claimed, asked):
            end = self._slice(start, stop)
            if end < stop:
                # Else whoever puts a large number into the head would keep us walking.
                says = f"The store says to have {claimed} entries; from {end} on there is nothing."
                self._notes.problem("entry", says, end)
                break
            if stop in asked:
                tree = self._tree
                self._roots[stop] = Roots(tree.of_entries.root, tree.of_tiles.root)
            report(self._account, stop, claimed)
            start = stop

    def _slice(self, start: int, stop: int) -> int:
        """Inspect a slice, and return how far there was anything of it: a row or a leaf."""
        rows = self._store.rows(self._account, start, stop)
        end = int(rows[-1].idx) + 1 if rows else start
        for number in range((stop - 1) // TILE_WIDTH, end // TILE_WIDTH - 1, -1):
            if end < stop and (data := self._tile(Tile(level=0, number=number))):
                end = max(end, min(stop, number * TILE_WIDTH + len(data) // HASH_BYTES))
        leaves = self._entries.check(start, end, rows)
        parted = self._tree.grow(leaves)
        for index, public in self._entries.take_declaring():
            place = parted.get(index, index)
            if place is not None:
                self._covering.add(place, public)
        return end

    def _tile(self, tile: Tile) -> bytes:
        # A shell may have put text where bytes belong.
        data: object = self._store.tile(self._account, tile.level, tile.number)
        return data if isinstance(data, bytes) else b""

    def _root_in_tiles(self, size: int) -> bytes:
        try:
            return Range.read(0, size, node_reader(size, self._tile)).root
        except TreeRefused:
            return b""

    def _has_moved(self) -> bool:
        return self._store.head(self._account).size != self._head.size

    # What the walk has found.

    def _require_agreement(self) -> None:
        """Where entries and tiles part, say which of them isn't what was signed."""
        newest = self._signed.newest
        size, root = (
            (newest.checkpoint.size, newest.checkpoint.root)
            if newest
            else (self._head.seal.size, self._edge_root())
        )
        roots = self._roots.get(size)
        if roots is not None and roots.of_entries == root:
            for index in self._tree.first_disagreeing():
                says = f"The tiles hold another leaf than that of entry {index}, which was signed."
                self._notes.problem("tile", says, index)
        else:
            for index in self._tree.first_disagreeing():
                self._tell_other(index)

    def _tell_other(self, index: int) -> None:
        moved = self._tree.moved
        if index not in moved:
            says = f"The public part of entry {index} is not what was hashed."
        elif index - 1 in moved and moved[index - 1] == moved[index] - 1:
            return  # They were shifted together, and the first one is told.
        else:
            says = f"In the place of entry {index} stands entry {moved[index]}."
        self._notes.problem("public", says, index)

    def _edge_root(self) -> bytes:
        try:
            return self._head.seal.edge.root
        except TreeRefused:
            return b""

    def _require_seal(self) -> None:
        """Hold the seal against the tree: its edge, and whether it covers all that is there."""
        size, seal, newest = self._head.size, self._head.seal, self._signed.newest
        if seal.size in self._roots and self._edge_root() not in self._roots[seal.size]:
            self._notes.problem("edge", "The tree's right edge isn't that of its entries.")
        signed = newest.checkpoint.size if newest else 0
        if 0 < seal.size == signed < size:
            says = f"Entries {seal.size} to {size - 1} were added, and are in no tree."
            self._notes.problem("entry", says, seal.size)
        elif signed < size:
            says = f"Entries {signed} to {size - 1} are under no checkpoint."
            self._notes.doubt("completeness", says)
        if not self._has_moved():
            self._tree.require_end()

    def _require_covered(self) -> None:
        self._covering.require(self._entries.absent)
        self._covering.compare(self._noted, self._tree.size)
        for part in REMOVED_PARTS:
            for first, last in self._entries.unfinished[part].pairs:
                says = f"Entries {first} to {last}: {part} is declared as removed, and still there."
                self._notes.remark("unfinished", says, first)

    def _require_versions(self) -> None:
        dropped = self._covering.of("entry")
        for leap in self._store.leaps(self._account, self._tree.size):
            if not _is_explained(leap, dropped):
                before = (
                    "there is none before it"
                    if leap.before is None
                    else f"that of entry {leap.before} is {leap.version_before}"
                )
                says = (
                    f"The version of entry {leap.idx} is {leap.version}; {before}, of its record."
                )
                self._notes.problem("version", says, leap.idx)
        for index in self._store.repeated(self._account, self._tree.size):
            self._notes.problem("id", f"Entry {index} has the id of another.", index)

    def _require_nothing_else(self) -> None:
        """Note rows at indexes that no entry has."""
        account = self._account
        for is_newest in (False, True):
            for index in self._store.walk(Query(account=account, newest_first=is_newest), 1):
                if not 0 <= index < max(self._store.head(account).size, self._head.size):
                    says = f"A row stands at {index}, where no entry can be."
                    self._notes.problem("entry", says, index)

    def _extent(self) -> Extent:
        newest = self._signed.newest
        if newest is None:
            return Extent(size=self._head.size)
        return Extent(
            size=self._head.size,
            origin=newest.checkpoint.origin,
            signed=newest.checkpoint.size,
            root=to_base64(newest.checkpoint.root),
            signed_by=self._signed.signed_by,
        )

    def _held(self) -> Iterator[str]:
        for part in REMOVED_PARTS:
            count = len(self._covering.of(part))
            if count and part == "entry":
                yield f"{count} entries were dropped, as the trail itself says; their leaves are there."
            elif count:
                yield f"{count} {part} parts were erased, as the trail itself says."


def _stops(start: int, size: int, asked: set[int]) -> Iterator[int]:
    """Yield where each slice ends: at whole tiles, and where a root is asked for."""
    between = sorted(each for each in {*asked, size} if start < each <= size)
    for end in between:
        while start < end:
            start = min(end, (start // SLICE + 1) * SLICE)
            yield start


def _is_explained(leap: Leap, dropped: Indexes) -> bool:
    """Tell whether entries that were dropped may have had the versions between."""
    lowest = -1 if leap.before is None else leap.before
    between = sum(
        max(0, min(last, leap.idx - 1) - max(first, lowest + 1) + 1)
        for first, last in dropped.pairs
    )
    return 0 <= leap.version - leap.version_before - 1 <= between
