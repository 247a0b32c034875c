"""What an entry declares as removed goes from the store; tree, proofs and checkpoints stand."""

from itertools import count
from pathlib import Path

import pytest

from audit_trail.errors import EntryNotFound, RemovalRefused
from audit_trail.record.entry import ActorId, Draft, Entity, Ranges, Removed
from audit_trail.seal.proof import verify_inclusion
from audit_trail.store.memory import MemoryStore
from audit_trail.store.port import Store
from audit_trail.trail import Trail

NUMBERS = count()


def draft(action: str = "update", removed: Removed | None = None) -> Draft:
    return Draft(
        id=f"{next(NUMBERS):036d}",
        account="1",
        occurred_at=1,
        action=action,
        entity=Entity(type="audit_log") if removed else Entity(type="inbox", id="1"),
        actor=ActorId(kind="user", id="7"),
        via="ui",
        removed=removed,
        who=b'{"email":"ada@example.com"}',
        what=b'{"label":"Support"}',
    )


def test_an_erased_part_is_no_mismatch_and_its_entry_is_still_proven(store: Store) -> None:
    trail = Trail(store)
    trail.append([draft() for _ in range(5)])
    trail.append([draft("erase", Removed(who=((1, 3),), what=((2, 2),)))])
    assert trail.removed_by("1", "who", 2) == 5
    assert trail.remove("1") == 4
    seal = trail.head("1").seal
    for index in range(6):
        entry = trail.entry("1", index)
        assert trail.mismatches("1", entry) == ()
        assert (entry.who is None) == (index in (1, 2, 3))
        assert (entry.what is None) == (index == 2)
        path = trail.prove_inclusion("1", index)
        verify_inclusion(entry.leaf, index, seal.size, seal.edge.root, path)


def test_dropped_entries_are_named_and_what_is_left_is_still_proven(store: Store) -> None:
    trail = Trail(store)
    trail.append([draft() for _ in range(5)])
    trail.append([draft("drop", Removed(entry=((0, 1), (3, 3))))])
    trail.remove("1")
    with pytest.raises(EntryNotFound, match="Entry 2 of account 1 was dropped"):
        trail.entry("1", 1)
    with pytest.raises(EntryNotFound, match="There is no entry 9 in account 1"):
        trail.entry("1", 8)
    seal = trail.head("1").seal
    for index in (2, 4, 5):
        entry = trail.entry("1", index)
        path = trail.prove_inclusion("1", index)
        verify_inclusion(entry.leaf, index, seal.size, seal.edge.root, path)
    assert trail.head("1").first == 4


@pytest.mark.parametrize(
    "ranges",
    [((0, 2),), ((-1, 0),), ((1, 0),), ((0, 0), (1, 1)), ((1, 1), (0, 0)), ((0, 0), (0, 0)), ()],
)
def test_ranges_that_no_store_could_carry_out_are_refused(ranges: Ranges) -> None:
    trail = Trail(MemoryStore())
    trail.append([draft(), draft()])
    with pytest.raises(RemovalRefused):
        trail.append([draft("erase", Removed(who=ranges))])
    assert trail.head("1").size == 2


def test_what_another_erasure_declared_is_not_declared_again(store: Store) -> None:
    trail, other = Trail(store), Trail(store)
    trail.append([draft() for _ in range(4)])
    other.append([draft("erase", Removed(who=((1, 2),)))])
    for ranges in (((0, 1),), ((2, 2),), ((0, 3),)):
        with pytest.raises(RemovalRefused, match="Another erasure was faster"):
            trail.append([draft("erase", Removed(who=ranges))])
    trail.append([draft("erase", Removed(who=((0, 0), (3, 3)), what=((1, 2),)))])
    assert trail.head("1").size == 6


def test_a_crash_before_the_parts_are_emptied_is_made_good_by_the_next_start(store: Store) -> None:
    Trail(store).append([draft(), draft("erase", Removed(who=((0, 0),)))])
    assert store.slice("1", 0, 1)[0].who is not None
    Trail(store).seal()
    assert store.slice("1", 0, 1)[0].who is None


def test_a_note_of_the_store_that_no_entry_bears_out_covers_nothing(tmp_path: Path) -> None:
    store = MemoryStore()
    trail = Trail(store)
    trail.append([draft(), draft("erase", Removed(what=((0, 0),)))])
    store._removals["1"][0] = store._removals["1"][0]._replace(part="who")
    store._remove("1", "who", 0)
    assert trail.removed_by("1", "who", 0) is None
    assert trail.mismatches("1", trail.entry("1", 0)) == (
        "Its who part (names, address) is not what was hashed.",
    )
