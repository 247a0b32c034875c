"""Trees of trails that are older than their sealing; proofs, tiles and bundles of any."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from audit_trail.errors import EntryAltered, HistoryLost, TileNotFound, TreeRefused
from audit_trail.record.entry import Entry
from audit_trail.seal.merkle import Range, leaf_hash
from audit_trail.seal.proof import verify_consistency, verify_inclusion
from audit_trail.seal.tile import Bundle, Tile, bundle_entries, tiles_written
from audit_trail.store.memory import MemoryStore
from audit_trail.store.port import Store
from audit_trail.store.postgresql.store import PostgresqlStore
from audit_trail.store.sqlite import SqliteStore
from audit_trail.trail import Trail
from audit_trail.trees import SEALED_TOGETHER
from tests.signing.places import Place, draft, drafts
from tests.store.contract import entry, fill

MANY = SEALED_TOGETHER + 300


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    kept: Store
    match request.param:
        case "memory":
            kept = MemoryStore()
        case "sqlite":
            kept = SqliteStore(tmp_path / "trail.db")
        case _:
            kept = PostgresqlStore(request.getfixturevalue("url"))
    yield kept
    kept.close()


def root(entries: Sequence[Entry]) -> bytes:
    return Range().append([leaf_hash(each.public_bytes) for each in entries]).after.root


def test_a_trail_of_an_older_release_is_sealed_in_steps_and_signed_once(
    store: Store, place: Place
) -> None:
    known = fill(store, "1", [entry(index) for index in range(MANY)])
    fill(store, "2", [entry(0, "2")])
    steps: list[tuple[str, int, int]] = []
    trail = place.opened(store, report=lambda *step: steps.append(step))
    assert steps == [("1", SEALED_TOGETHER, MANY), ("1", MANY, MANY)]
    place.show(trail, ("1", "2"))
    assert {shown.size for each in place.shown.values() for shown in each} == {MANY, 1}
    assert store.head("1").seal.edge.root == root(known)
    steps.clear()
    place.opened(store, report=lambda *step: steps.append(step)).append([draft(0)])
    assert steps == []
    assert store.head("1").seal.size == MANY + 1


def test_what_a_crash_left_half_sealed_is_gone_on_with(store: Store, place: Place) -> None:
    known = fill(store, "1", [entry(index) for index in range(MANY)])

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        place.opened(store, report=crash)
    assert (store.head("1").seal.size, store.head("1").seal.checkpoint) == (SEALED_TOGETHER, None)
    place.show(place.opened(store))
    assert store.head("1").seal.edge.root == root(known)


class Altered(MemoryStore):
    """A store in which an entry reads as another than was appended, or not at all."""

    def __init__(self, index: int, **changed: Any) -> None:
        super().__init__()
        self.index = index
        self.changed = changed

    def slice(self, account: str, start: int, stop: int) -> list[Entry]:
        found = super().slice(account, start, stop)
        if not self.changed:
            return [each for each in found if each.index != self.index]
        return [
            msgspec.structs.replace(each, **self.changed) if each.index == self.index else each
            for each in found
        ]


@pytest.mark.parametrize("index", [0, 7, 9])
@pytest.mark.parametrize("changed", [{"public_bytes": b"{}"}, {"leaf": bytes(32)}, {}])
def test_an_altered_or_missing_entry_of_an_older_release_is_named_and_nothing_signed(
    place: Place, index: int, changed: dict[str, bytes]
) -> None:
    store = Altered(index, **changed)
    fill(store, "1", [entry(number) for number in range(10)])
    with pytest.raises(EntryAltered, match=f"Entry {index} of account 1"):
        place.opened(store)
    with pytest.raises(EntryAltered):
        Trail(store, clock=lambda: 0).append([draft(0)])
    assert store.head("1").seal == store.head("nobody").seal
    assert place.heads.read_bytes().count(b"\n") == 1


def test_a_trail_without_a_signer_grows_its_tree_and_signs_nothing(
    store: Store, place: Place
) -> None:
    trail = Trail(store, clock=lambda: 0)
    trail.append(drafts(0, 5))
    assert trail.checkpoint("1") is None
    with pytest.raises(TreeRefused):
        trail.prove("1", 0)
    assert (store.head("1").seal.size, trail.public_keys()) == (5, [])
    signed = place.opened(store)
    place.show(signed)
    trail.append(drafts(5, 9))
    assert signed.prove("1", 4).path == signed.prove_inclusion("1", 4, 5)
    with pytest.raises(TreeRefused):
        signed.prove("1", 5)
    signed.append(drafts(9, 10))
    place.show(signed)
    assert signed.prove("1", 9).index == 9


def test_a_tree_with_more_leaves_than_entries_is_refused(place: Place) -> None:
    store = MemoryStore()
    trail = Trail(store, clock=lambda: 0)
    trail.append(drafts(0, 3))
    store._accounts["1"].popitem()
    with pytest.raises(HistoryLost, match="has 2 entries, and 3 are in its tree"):
        trail.append([draft(9)])


def test_proofs_tiles_and_bundles_are_those_of_the_entries(store: Store) -> None:
    trail = Trail(store, clock=lambda: 0)
    for start in range(0, 600, 150):
        trail.append(drafts(start, start + 150))
    entries = store.slice("1", 0, 600)
    for index, size in ((0, 1), (0, 600), (255, 256), (299, 300), (599, 600), (256, 511)):
        path = trail.prove_inclusion("1", index, size)
        verify_inclusion(entries[index].leaf, index, size, root(entries[:size]), path)
        path = trail.prove_consistency("1", index + 1, size)
        verify_consistency(index + 1, root(entries[: index + 1]), size, root(entries[:size]), path)
    assert trail.prove_inclusion("1", 9) == trail.prove_inclusion("1", 9, 600)
    for tile in tiles_written(0, 600):
        assert len(trail.tile("1", tile)) == tile.width * 32
    assert trail.tile("1", Tile(level=0, number=2, width=3)) == b"".join(
        each.leaf for each in entries[512:515]
    )
    bundle = Bundle(number=2, width=88)
    assert bundle_entries(bundle, trail.bundle("1", bundle)) == [
        each.public_bytes for each in entries[512:]
    ]


@pytest.mark.parametrize(("number", "width"), [(0, 6), (1, 1), (0, 256), (10**17, 1)])
def test_what_is_not_there_yet_is_not_found(number: int, width: int) -> None:
    trail = Trail(MemoryStore(), clock=lambda: 0)
    trail.append(drafts(0, 5))
    with pytest.raises(TileNotFound):
        trail.tile("1", Tile(level=0, number=number, width=width))
    with pytest.raises(TileNotFound):
        trail.bundle("1", Bundle(number=number, width=width))
    for index, size in ((5, 5), (0, 6), (-1, 5)):
        with pytest.raises(TreeRefused):
            trail.prove_inclusion("1", index, size)
    for old, new in ((0, 5), (3, 6), (5, 3)):
        with pytest.raises(TreeRefused):
            trail.prove_consistency("1", old, new)


def test_a_bundle_of_which_an_entry_is_gone_is_not_found_and_its_tile_is_still_there() -> None:
    class Dropped(MemoryStore):
        def slice(self, account: str, start: int, stop: int) -> list[Entry]:
            return [each for each in super().slice(account, start, stop) if each.index != 3]

    trail = Trail(Dropped(), clock=lambda: 0)
    trail.append(drafts(0, 5))
    with pytest.raises(TileNotFound, match="4 are still kept"):
        trail.bundle("1", Bundle(number=0, width=5))
    assert len(trail.bundle("1", Bundle(number=0, width=3))) > 0
    assert len(trail.tile("1", Tile(level=0, number=0, width=5))) == 5 * 32


def test_a_rival_that_seals_at_the_same_time_does_no_harm(place: Place) -> None:
    class Raced(MemoryStore):
        rival: Trail | None = None

        def append(self, tails: Any, lead: Any = None) -> None:
            rival, self.rival = self.rival, None
            if rival:
                rival.seal()
            super().append(tails, lead)

    store = Raced()
    fill(store, "1", [entry(index) for index in range(5)])
    store.rival = Trail(store, clock=lambda: 0)
    place.show(place.opened(store))
    assert store.head("1").seal.size == 5
