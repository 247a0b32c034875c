"""An account's tree, grown anew from its entries' bytes beside the one that its tiles hold."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Final

from audit_trail.seal.merkle import HASH_BYTES, Growth, Range
from audit_trail.seal.tile import TILE_HEIGHT, TILE_LEVELS, TILE_WIDTH, Addition, Tile, additions
from audit_trail.verify.indexes import Indexes
from audit_trail.verify.verdict import MOST_TOLD, Notes

NO_HASH: Final = bytes(HASH_BYTES)
"""Stands where neither an entry nor a tile tells a leaf; no content has it."""


class Tree:
    """Two trees in one walk. They are the same one until an entry and its tile part."""

    def __init__(self, read: Callable[[Tile], bytes], notes: Notes) -> None:
        self._read = read
        self._notes = notes
        self.of_entries = Range()
        self.of_tiles = Range()
        self.disagreeing = Indexes()
        """Where an entry's leaf isn't the one in the tile."""
        self.moved: dict[int, int] = {}
        """Which entry stands in the place of another, of those that the same slice has."""

    @property
    def size(self) -> int:
        """How many leaves both have."""
        return self.of_entries.stop

    def grow(self, leaves: Sequence[bytes | None]) -> dict[int, int | None]:
        """Add the next leaves, None where there is no entry.

        Returns where the tile has another leaf, and where this one belongs if the same tiles have it.
        """
        start = self.size
        held = self._held(start, start + len(leaves))
        mine = [leaf or other or NO_HASH for leaf, other in zip(leaves, held, strict=True)]
        theirs = [other or leaf for leaf, other in zip(mine, held, strict=True)]
        parted = {} if mine == theirs else _parted(start, mine, theirs)
        are_one = not parted and self.of_entries == self.of_tiles
        grown = self.of_entries.append(mine)
        beside = grown if are_one else self.of_tiles.append(theirs)
        self._compare_upper(grown, beside)
        self.of_entries, self.of_tiles = grown.after, beside.after
        for index, place in parted.items():
            self.disagreeing.add(index)
            if place is not None and len(self.moved) < MOST_TOLD:
                self.moved[index] = place
        return parted

    def first_disagreeing(self) -> Iterator[int]:
        """Yield where entries and tiles part, as many as can be told."""
        every = (
            index for first, last in self.disagreeing.pairs for index in range(first, last + 1)
        )
        return islice(every, MOST_TOLD)

    def require_end(self) -> None:
        """Note which tile goes on behind the tree, whose last ones these are."""
        for level in range(TILE_LEVELS):
            number, width = divmod(self.size >> TILE_HEIGHT * level, TILE_WIDTH)
            if len(self._read(Tile(level=level, number=number))) > width * HASH_BYTES:
                says = f"{_called(level, number)} holds more than the tree of {self.size} entries."
                self._notes.problem("tile", says, self.size)

    def _held(self, start: int, stop: int) -> list[bytes | None]:
        """Return the leaves that the tiles hold, None where a tile is too short."""
        found: list[bytes | None] = []
        for number in range(start // TILE_WIDTH, -(-stop // TILE_WIDTH)):
            first = number * TILE_WIDTH
            data = self._read(Tile(level=0, number=number))
            span = range(max(start - first, 0), min(stop - first, TILE_WIDTH))
            row = [data[at * HASH_BYTES : (at + 1) * HASH_BYTES] for at in span]
            whole = [each if len(each) == HASH_BYTES else None for each in row]
            if None in whole:
                index = first + span.start + whole.index(None)
                self._notes.problem("tile", f"{_called(0, number)} lacks the leaf {index}.", index)
            found += whole
        return found

    def _compare_upper(self, grown: Growth, beside: Growth) -> None:
        """Hold the tiles above the leaves against both trees: of which one they are is as well."""
        others = additions(beside)
        for addition, other in zip(additions(grown), others, strict=True):
            tile = addition.tile
            if tile.level == 0:
                continue
            data = self._read(Tile(level=tile.level, number=tile.number))
            at = addition.offset * HASH_BYTES
            kept = data[at : at + len(addition.data)]
            if kept not in (addition.data, other.data):
                place = _first_other(addition, kept)
                index = (tile.number * TILE_WIDTH + place) << TILE_HEIGHT * tile.level
                self._notes.problem(
                    "tile",
                    f"{_called(tile.level, tile.number)} doesn't hold the hash over the "
                    f"{1 << TILE_HEIGHT * tile.level} entries from {index} on.",
                    index,
                )


def _parted(start: int, mine: Sequence[bytes], theirs: Sequence[bytes]) -> dict[int, int | None]:
    places = {leaf: index for index, leaf in enumerate(theirs, start)}
    pairs = enumerate(zip(mine, theirs, strict=True), start)
    return {index: places.get(one) for index, (one, other) in pairs if one != other}


def _first_other(addition: Addition, kept: bytes) -> int:
    count = len(addition.data) // HASH_BYTES
    for place in range(count):
        span = slice(place * HASH_BYTES, (place + 1) * HASH_BYTES)
        if addition.data[span] != kept[span]:
            return addition.offset + place
    return addition.offset


def _called(level: int, number: int) -> str:
    return Tile(level=level, number=number).path
