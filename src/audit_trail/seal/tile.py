"""Tiles and entry bundles of C2SP tlog-tiles: the tree cut into files; it stores and reads none.

A tile is 256 nodes wide. Those of tile level 0 are leaves; each node of a higher one is the root
of a full tile below, so tile level L holds the nodes of tree level 8 L.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from audit_trail.errors import EntryTooLarge, TileNotFound, TreeRefused
from audit_trail.seal.merkle import HASH_BYTES, Growth, Nodes, parents

TILE_HEIGHT: Final = 8
TILE_WIDTH: Final = 2**TILE_HEIGHT
TILE_LEVELS: Final = 8
"""Eight levels of eight hold every tree."""

ENTRY_LIMIT_BYTES: Final = 65_535
"""A bundle tells each entry's length in 16 bits."""

# Levels go to 63, and seven groups of digits number more tiles than any tree has.
_PATH: Final = re.compile(
    r"tile/(entries|[1-5]?[0-9]|6[0-3])/((?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Tile:
    """Which hashes: `width` of them from `number` * 256 on, at a tile level. Partial below 256."""

    level: int
    number: int
    width: int = TILE_WIDTH

    @property
    def path(self) -> str:
        """tile/<L>/<N>[.p/<W>]"""
        return f"tile/{self.level}/{_place(self.number, self.width)}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Bundle:
    """Which entries: those whose leaves are in the tile of this number and width at level 0."""

    number: int
    width: int = TILE_WIDTH

    @property
    def path(self) -> str:
        """tile/entries/<N>[.p/<W>]"""
        return f"tile/entries/{_place(self.number, self.width)}"


def _place(number: int, width: int) -> str:
    """Write 1234067 as x001/x234/067, and the width of what is partial behind it."""
    *above, last = f"{number:,}".split(",")
    elements = [*(f"x{digits:0>3}" for digits in above), f"{last:0>3}"]
    return "/".join(elements) + (f".p/{width}" if width < TILE_WIDTH else "")


def parse_path(path: str) -> Tile | Bundle:
    """Return what a path names; raises `TileNotFound` for every other spelling of it."""
    match = _PATH.fullmatch(path)
    if match is None:
        raise TileNotFound
    level, place, partial = match.groups()
    number = int(place.replace("x", "").replace("/", ""))
    width = int(partial or TILE_WIDTH)
    found = (
        Bundle(number=number, width=width)
        if level == "entries"
        else Tile(level=int(level), number=number, width=width)
    )
    if found.path != path:  # It has leading zeros, or a width of 256 and more.
        raise TileNotFound
    return found


def tile_at(level: int, number: int, size: int) -> Tile:
    """Return the tile as wide as the tree of this size has it; raises `TileNotFound`."""
    width = (size >> TILE_HEIGHT * level) - number * TILE_WIDTH
    if number < 0 or width <= 0:
        raise TileNotFound
    return Tile(level=level, number=number, width=min(width, TILE_WIDTH))


def tiles_written(before: int, after: int) -> list[Tile]:
    """Return the tiles that are new or wider when the tree grows from one size to another."""
    return [
        tile_at(level, number, after)
        for level in range(TILE_LEVELS)
        for number in _numbers(before >> TILE_HEIGHT * level, after >> TILE_HEIGHT * level)
    ]


def bundles_written(before: int, after: int) -> list[Bundle]:
    """Return the bundles that are new or wider when the tree grows from one size to another."""
    tiles = [tile_at(0, number, after) for number in _numbers(before, after)]
    return [Bundle(number=tile.number, width=tile.width) for tile in tiles]


def _numbers(start: int, stop: int) -> range:
    """Return the numbers of the tiles that hold a level's nodes from start to stop."""
    return range(start // TILE_WIDTH, -(-stop // TILE_WIDTH)) if start < stop else range(0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Addition:
    """What an append adds to a tile: the bytes behind the `offset` hashes that are in it already.

    So a tile that grows need not be read: a store puts the bytes behind those it has.
    """

    tile: Tile
    offset: int
    data: bytes

    def behind(self, stored: bytes) -> bytes:
        """Return the tile whole; raises `TreeRefused` where other than `offset` hashes are there."""
        if len(stored) != self.offset * HASH_BYTES:
            raise TreeRefused(f"{self.tile.path} should hold {self.offset} hashes before it grows.")
        return stored + self.data


def additions(growth: Growth) -> Iterator[Addition]:
    """Yield what a growth of the tree adds to tiles; a full tile below is one node above."""
    if growth.before.start:
        raise TreeRefused("Only a range from the first leaf on has tiles.")
    for level, row in enumerate(growth.rows[::TILE_HEIGHT]):
        first = growth.before.stop >> TILE_HEIGHT * level
        for number in _numbers(first, first + len(row)):
            tile, start = tile_at(level, number, growth.after.stop), number * TILE_WIDTH
            offset = max(first - start, 0)
            nodes = row[start + offset - first : start + tile.width - first]
            yield Addition(tile=tile, offset=offset, data=b"".join(nodes))


def tile_hashes(tile: Tile, data: bytes) -> list[bytes]:
    """Return the tile's hashes; a tile that has since grown wider serves as well, as it may."""
    if len(data) % HASH_BYTES or not tile.width <= len(data) // HASH_BYTES <= TILE_WIDTH:
        raise TreeRefused(f"{tile.path} doesn't hold {tile.width} hashes.")
    return [data[at : at + HASH_BYTES] for at in range(0, tile.width * HASH_BYTES, HASH_BYTES)]


def node_reader(size: int, read: Callable[[Tile], bytes]) -> Nodes:
    """Return a reader of the nodes of the tree of this size, given one of its tiles.

    A tile is read once. Nodes between tile levels aren't stored, and are hashed anew.
    """

    @cache
    def row_of(level: int, number: int) -> list[bytes]:
        tile = tile_at(level, number, size)
        return tile_hashes(tile, read(tile))

    def node(level: int, index: int) -> bytes:
        tile_level, height = divmod(level, TILE_HEIGHT)
        number, place = divmod(index << height, TILE_WIDTH)
        row = row_of(tile_level, number)[place : place + (1 << height)]
        if len(row) != 1 << height:
            raise TreeRefused(f"The tree of size {size} has no node {index} at level {level}.")
        while len(row) > 1:
            row = parents(row)
        return row[0]

    return node


def bundle_of(entries: Sequence[bytes]) -> bytes:
    """Return the entries one behind the other, each after its length as a big-endian uint16."""
    for entry in entries:
        if len(entry) > ENTRY_LIMIT_BYTES:
            raise EntryTooLarge(f"An entry of {len(entry)} bytes has no room in a bundle.")
    return b"".join(len(entry).to_bytes(2) + entry for entry in entries)


def bundle_entries(bundle: Bundle, data: bytes) -> list[bytes]:
    """Return a bundle's entries; raises `TreeRefused` unless there are as many as its width."""
    entries, at = [], 0
    while at < len(data):
        start = at + 2
        at = start + int.from_bytes(data[at:start])
        entries.append(data[start:at])
    if at != len(data) or len(entries) != bundle.width:
        raise TreeRefused(f"{bundle.path} doesn't hold {bundle.width} whole entries.")
    return entries
