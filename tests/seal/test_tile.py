"""Tiles and bundles: paths to the letter, contents by definition, and nothing read to grow them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit_trail.errors import EntryTooLarge, TileNotFound, TreeRefused
from audit_trail.seal.merkle import Range
from audit_trail.seal.tile import (
    Bundle,
    Tile,
    additions,
    bundle_entries,
    bundle_of,
    bundles_written,
    node_reader,
    parse_path,
    tile_at,
    tile_hashes,
    tiles_written,
)
from tests.seal.trees import LEAVES, NODES, Tree, leaves

numbers = st.integers(0, 2**63 - 1)
widths = st.integers(1, 256)
sizes = st.integers(0, len(LEAVES))


class Shelf:
    """Tiles as a store keeps them: each only ever gets longer."""

    def __init__(self) -> None:
        self.edge = Range()
        self.tiles: dict[tuple[int, int], bytes] = {}

    def append(self, added: list[bytes]) -> None:
        growth = self.edge.append(added)
        for addition in additions(growth):
            at = addition.tile.level, addition.tile.number
            self.tiles[at] = addition.behind(self.tiles.get(at, b""))
            assert len(self.tiles[at]) == addition.tile.width * 32
        self.edge = growth.after

    def read(self, tile: Tile) -> bytes:
        return self.tiles[tile.level, tile.number]


@pytest.mark.parametrize(
    ("path", "named"),
    [
        # The number is the example of C2SP tlog-tiles; so are levels 0 to 63 and widths 1 to 255.
        ("tile/0/x001/x234/067", Tile(level=0, number=1_234_067)),
        ("tile/63/000", Tile(level=63, number=0)),
        ("tile/1/255.p/1", Tile(level=1, number=255, width=1)),
        ("tile/0/x001/000.p/255", Tile(level=0, number=1000, width=255)),
        ("tile/entries/x001/x234/067.p/8", Bundle(number=1_234_067, width=8)),
        ("tile/entries/000", Bundle(number=0)),
    ],
)
def test_a_path_is_spelled_as_the_specification_has_it(path: str, named: Tile | Bundle) -> None:
    assert parse_path(path) == named
    assert named.path == path


@settings(deadline=None)
@given(st.builds(Tile, level=st.integers(0, 63), number=numbers, width=widths))
def test_every_tile_is_found_again_by_its_path(tile: Tile) -> None:
    assert parse_path(tile.path) == tile
    bundle = Bundle(number=tile.number, width=tile.width)
    assert parse_path(bundle.path) == bundle


@pytest.mark.parametrize(
    "path",
    [
        *("", "tile", "tile/0", "tile/0/", "tile/0/1", "tile/0/0001", "tile/0/x000/001"),
        *("tile/64/000", "tile/00/000", "tile/01/000", "tile/-1/000", "tile/+1/000", "tile/x/000"),
        *("tile/0/001/002", "tile/0/x001", "tile/0/x001/x002", "tile/0/X001/002", "/tile/0/000"),
        *("tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/01", "tile/0/000.p/999"),
        *("tile/0/000.p/", "tile/0/000.p/1/", "tile/0/000\n", "tile/0/000 ", "tile/0/../000"),
        *("tile/Entries/000", "tile/data/000", "tile/0/٠٠٠", "tile/0/０００", "tile/8/0/000"),
        "tile/0/" + "x999/" * 7 + "999",
    ],
)
def test_any_other_spelling_names_no_tile(path: str) -> None:
    with pytest.raises(TileNotFound):
        parse_path(path)


def test_a_path_without_end_names_no_tile() -> None:
    for path in ("tile/0/" + "x999/" * 100_000 + "999", "tile/" + "9" * 100_000 + "/000"):
        with pytest.raises(TileNotFound):
            parse_path(path)


def test_a_tree_of_70_000_has_the_tiles_that_the_specification_counts() -> None:
    # C2SP tlog-tiles, section "Partial Tiles".
    tiles = tiles_written(0, 70_000)
    assert [tile for tile in tiles if tile.width < 256] == [
        Tile(level=0, number=273, width=112),
        Tile(level=1, number=1, width=17),
        Tile(level=2, number=0, width=1),
    ]
    full = [tile.level for tile in tiles if tile.width == 256]
    assert full == [0] * 273 + [1]
    assert tiles_written(0, 256) == [Tile(level=0, number=0), Tile(level=1, number=0, width=1)]


def test_70_000_leaves_fill_them_with_the_hashes_that_the_specification_defines() -> None:
    shelf, added = Shelf(), leaves(70_000)
    shelf.append(added[:69_000])
    shelf.append(added[69_000:])
    tree = Tree(added)
    for tile in tiles_written(0, 70_000):
        span = 256**tile.level
        start = tile.number * 256
        nodes = [tree.mth(i * span, (i + 1) * span) for i in range(start, start + tile.width)]
        assert tile_hashes(tile, shelf.read(tile)) == nodes


@settings(deadline=None)
@given(st.tuples(sizes, sizes).map(sorted))
def test_an_append_writes_the_tiles_it_says_and_no_others(cuts: list[int]) -> None:
    before, after = cuts
    growth = Range.read(0, before, NODES).append(LEAVES[before:after])
    written = [addition.tile for addition in additions(growth)]
    assert written == tiles_written(before, after)
    bundles = [tile for tile in written if tile.level == 0]
    assert [(b.number, b.width) for b in bundles_written(before, after)] == [
        (tile.number, tile.width) for tile in bundles
    ]
    new = {(t.level, t.number, t.width) for t in tiles_written(0, after)}
    old = {(t.level, t.number, t.width) for t in tiles_written(0, before)}
    assert {(t.level, t.number, t.width) for t in written} == new - old


@settings(deadline=None)
@given(st.lists(st.integers(1, 700), max_size=5), st.data())
def test_nodes_read_from_tiles_are_the_tree_s(batches: list[int], data: st.DataObject) -> None:
    shelf = Shelf()
    for batch in batches:
        shelf.append(LEAVES[shelf.edge.stop : shelf.edge.stop + batch])
    stop = shelf.edge.stop
    # A proof for an earlier size is read from tiles that have grown since.
    size = data.draw(st.integers(0, stop))
    assert Range.read(0, size, node_reader(size, shelf.read)) == Range.read(0, size, NODES)
    level = data.draw(st.integers(0, 14))
    index = data.draw(st.integers(0, (size >> level) + 2))
    if (index + 1) << level <= size:
        assert node_reader(size, shelf.read)(level, index) == NODES(level, index)
    else:
        with pytest.raises((TreeRefused, TileNotFound)):
            node_reader(size, shelf.read)(level, index)


def test_a_reader_reads_a_tile_once_and_as_wide_as_its_tree_has_it() -> None:
    shelf, asked = Shelf(), []
    shelf.append(LEAVES[:700])

    def read(tile: Tile) -> bytes:
        asked.append(tile)
        return shelf.read(tile)

    nodes = node_reader(600, read)
    assert nodes(3, 64) == nodes(3, 64)
    assert asked == [Tile(level=0, number=2, width=88)]


@pytest.mark.parametrize("length", [0, 1, 32 * 9, 32 * 10 - 1, 32 * 10 + 1, 32 * 257])
def test_a_tile_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(TreeRefused):
        tile_hashes(Tile(level=0, number=0, width=10), bytes(length))


def test_an_addition_goes_only_behind_the_hashes_that_it_follows() -> None:
    growth = Range.read(0, 10, NODES).append(LEAVES[10:12])
    (addition,) = additions(growth)
    assert addition.behind(b"".join(LEAVES[:10])) == b"".join(LEAVES[:12])
    for stored in (b"", b"".join(LEAVES[:9]), b"".join(LEAVES[:11])):
        with pytest.raises(TreeRefused):
            addition.behind(stored)


def test_only_a_tree_from_its_first_leaf_on_has_tiles() -> None:
    with pytest.raises(TreeRefused):
        list(additions(Range(start=1, stop=1).append(LEAVES[1:3])))


@pytest.mark.parametrize(("level", "number"), [(0, 3), (1, 1), (2, 0), (0, -1)])
def test_what_lies_outside_the_tree_is_not_found(level: int, number: int) -> None:
    with pytest.raises(TileNotFound):
        tile_at(level, number, 700)


def test_a_bundle_tells_each_length_in_two_bytes() -> None:
    assert bundle_of([b"", b"ab", b"c" * 258]) == b"\x00\x00\x00\x02ab\x01\x02" + b"c" * 258
    assert len(bundle_of([bytes(65_535)])) == 65_537
    with pytest.raises(EntryTooLarge):
        bundle_of([bytes(65_536)])


@settings(deadline=None)
@given(st.lists(st.binary(max_size=300), min_size=1, max_size=256))
def test_a_bundle_gives_its_entries_back(entries: list[bytes]) -> None:
    assert bundle_entries(Bundle(number=0, width=len(entries)), bundle_of(entries)) == entries


@pytest.mark.parametrize(
    "data", [b"", b"\x00", b"\x00\x01a", b"\x00\x01a\x00", b"\x00\x01a\x00\x02b", bytes(6)]
)
def test_a_bundle_of_more_or_fewer_bytes_is_refused(data: bytes) -> None:
    with pytest.raises(TreeRefused):
        bundle_entries(Bundle(number=0, width=2), data)
