"""`audit-trail verify --store` finds what was done to a trail's database, and at which index."""

from collections.abc import Callable, Iterator
from itertools import count
from typing import NamedTuple

import pytest

from audit_trail.seal.checkpoint import Checkpoint, sign
from audit_trail.seal.note import SigningKey, parse
from tests.attack.prepared import (
    DROPPED_BY,
    ERASED_BY,
    SIZE,
    Owner,
    Prepared,
    of,
)

COPIES = count()


@pytest.fixture
def owner(prepared: Prepared) -> Iterator[Owner]:
    is_file = prepared.place.is_file
    owner = Owner(
        prepared, prepared.place.copy(f"copy{next(COPIES)}") if is_file else prepared.place.url
    )
    yield owner
    owner.close()


class Attack(NamedTuple):
    """What is done, and what of it is found: parts and indexes of account 1."""

    does: Callable[[Owner], object]
    finds: list[tuple[str, int | None]]


def flipped(at: int) -> Callable[[bytes], bytes]:
    return lambda data: data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def swap(owner: Owner, one: int, other: int) -> None:
    owner.run(f"UPDATE entries SET idx = 999999 WHERE account = ? AND idx = {one}", "1")
    owner.run(f"UPDATE entries SET idx = {one} WHERE account = ? AND idx = {other}", "1")
    owner.run(f"UPDATE entries SET idx = {other} WHERE account = ? AND idx = 999999", "1")


def delete(owner: Owner, index: int) -> None:
    owner.run(f"DELETE FROM entries WHERE account = ? AND idx = {index}", "1")


def cut_out(owner: Owner, index: int) -> None:
    delete(owner, index)
    owner.shift(index + 1, -1)


def squeeze_in(owner: Owner, index: int) -> None:
    owner.shift(index, 1)
    owner.insert_copy(index + 1, index)
    owner.make_anew(index, b'"7"', b'"8"')


def empty(owner: Owner, index: int, part: str) -> None:
    owner.set(index, **{part: None, f"{part}_salt": None})
    if part == "who":
        owner.set(index, person="\n")


def forge_note(owner: Owner, part: str, index: int) -> None:
    """Let the store's own note say that this was removed, which opens its triggers."""
    by = str(ERASED_BY) if part != "entry" else str(DROPPED_BY)
    owner.run(
        f"INSERT INTO removals (account, part, first, last, declared_by, next) "
        f"VALUES (?, '{part}', {index}, {index}, {by}, {index + 1})",
        "1",
    )


def empty_and_note(owner: Owner) -> None:
    forge_note(owner, "who", 70)
    empty(owner, 70, "who")


def drop_and_note(owner: Owner) -> None:
    forge_note(owner, "entry", 80)
    delete(owner, 80)


def forged(owner: Owner, name: str | None = None, seed: bytes = bytes(32)) -> bytes:
    """The newest checkpoint's text, signed by another key."""
    checkpoint = Checkpoint.parse(parse(owner.prepared.newest.read_bytes()).text)
    key = SigningKey(name=name or checkpoint.origin, seed=seed)
    return sign(checkpoint, [key])


def another_root(owner: Owner) -> bytes:
    """The newest checkpoint with its signature over another root."""
    lines = owner.prepared.newest.read_bytes().split(b"\n")
    lines[2] = Checkpoint(origin="x", size=1, root=bytes(32)).text.encode().split(b"\n")[2]
    return b"\n".join(lines)


def of_account_2(owner: Owner) -> bytes:
    table = "seals" if owner.is_file else "heads"
    ((checkpoint,),) = owner.run(f"SELECT checkpoint FROM {table} WHERE account = ?", "2")
    return bytes(checkpoint)


def other_id(owner: Owner) -> object:
    return "x" if owner.is_file else b"x"


ATTACKS = {
    # A byte of what an entry says.
    "a value": Attack(lambda it: it.replace(20, "what", b"Care", b"Cure"), [("what", 20)]),
    "a label": Attack(lambda it: it.replace(20, "what", b"Supp", b"Sapp"), [("what", 20)]),
    "a name": Attack(lambda it: it.replace(20, "who", b'"Ada"', b'"Eva"'), [("who", 20)]),
    "a salt": Attack(lambda it: it.set(20, what_salt=bytes(16)), [("what", 20)]),
    "bytes that went over to the salt": Attack(
        lambda it: it.set(
            20,
            what_salt=it.get(20, "what_salt") + it.get(20, "what")[:9],
            what=it.get(20, "what")[9:],
        ),
        [("what", 20)],
    ),
    "no salt": Attack(lambda it: it.set(20, what_salt=None), [("what", 20)]),
    "a time": Attack(
        lambda it: it.replace(20, "public", b'"occurred_at":1', b'"occurred_at":2'),
        [("leaf", 20), ("public", 20), ("occurred_at", 20)],
    ),
    "an actor": Attack(
        lambda it: it.replace(20, "public", b'"7"', b'"8"'), [("leaf", 20), ("public", 20)]
    ),
    "an actor, with the leaf": Attack(
        lambda it: it.make_anew(20, b'"7"', b'"8"'), [("public", 20)]
    ),
    "no entry any more": Attack(lambda it: it.set(20, public=b"{}"), [("public", 20)]),
    "another spelling, with the leaf": Attack(
        lambda it: it.make_anew(20, b'"via"', b' "via"'), [("public", 20)]
    ),
    # Each column that repeats what the bytes say.
    "the column id": Attack(lambda it: it.set(20, id=other_id(it)), [("id", 20)]),
    "the column version": Attack(lambda it: it.set(40, version=9), [("version", 40)]),
    "the column leaf": Attack(lambda it: it.set(20, leaf=bytes(32)), [("leaf", 20)]),
    "the column occurred_at": Attack(lambda it: it.set(20, occurred_at=5), [("occurred_at", 20)]),
    "the column entity_type": Attack(
        lambda it: it.set(519, entity_type="team"), [("entity_type", 519)]
    ),
    "the column entity_id": Attack(lambda it: it.set(519, entity_id="77"), [("entity_id", 519)]),
    "the column person": Attack(
        lambda it: it.set(20, person="eva@example.com\neva"), [("person", 20)]
    ),
    "the column account": Attack(
        lambda it: it.run(
            "UPDATE entries SET account = ?, idx = 3 WHERE account = ? AND idx = 60", "2", "1"
        ),
        [("entry", 60)],
    ),
    # Which entries are there, and in which order.
    "the newest deleted": Attack(lambda it: delete(it, SIZE - 1), [("entry", SIZE - 1)]),
    "the oldest deleted": Attack(lambda it: delete(it, 2), [("entry", 2)]),
    "a middle one deleted": Attack(lambda it: delete(it, 256), [("entry", 256)]),
    "one cut out": Attack(lambda it: cut_out(it, 50), [("public", 50)]),
    "two swapped": Attack(lambda it: swap(it, 30, 330), [("public", 30), ("public", 330)]),
    "one inserted": Attack(lambda it: squeeze_in(it, 50), [("public", 50)]),
    "one added": Attack(lambda it: it.insert_copy(SIZE - 1, SIZE), [("entry", SIZE)]),
    "one added far behind": Attack(lambda it: it.insert_copy(SIZE - 1, 10**15), [("entry", None)]),
    # What is gone, and who says so.
    "a part emptied": Attack(lambda it: empty(it, 70, "who"), [("who", 70)]),
    "values emptied": Attack(lambda it: empty(it, 70, "what"), [("what", 70)]),
    "a part emptied, noted": Attack(
        empty_and_note,
        [("who", 70), ("removals", ERASED_BY)],
    ),
    "the erasure's entry deleted": Attack(
        lambda it: delete(it, ERASED_BY), [("who", 5), ("what", 6), ("entry", ERASED_BY)]
    ),
    "the erasure's entry altered": Attack(
        lambda it: it.make_anew(ERASED_BY, b"[[5,7]]", b"[[5,8]]"),
        [("who", 5), ("public", ERASED_BY)],
    ),
    "dropped, and noted": Attack(
        drop_and_note,
        [("entry", 80), ("removals", DROPPED_BY)],
    ),
    "the note of removals emptied": Attack(
        lambda it: it.run("DELETE FROM removals"), [("removals", ERASED_BY)]
    ),
    # Tree, seal and checkpoint.
    "a leaf in its tile": Attack(lambda it: it.set_tile(0, 0, flipped(33 * 32)), [("tile", 33)]),
    "a hash above": Attack(lambda it: it.set_tile(1, 0, flipped(32)), [("tile", 256)]),
    "a tile cut short": Attack(
        lambda it: it.set_tile(0, 2, lambda data: data[:-32]), [("tile", 519)]
    ),
    "a tile made longer": Attack(
        lambda it: it.set_tile(0, 2, lambda data: data + bytes(32)), [("tile", SIZE)]
    ),
    "the tree's edge": Attack(lambda it: it.set_seal(edge=bytes(64)), [("edge", None)]),
    "an edge of another shape": Attack(lambda it: it.set_seal(edge=b"x"), [("edge", None)]),
    "the size of the tree": Attack(lambda it: it.set_seal(size=10**12), [("entry", SIZE)]),
    "another key's checkpoint": Attack(
        lambda it: it.set_seal(checkpoint=forged(it)), [("checkpoint", None)]
    ),
    "a wrong signature": Attack(
        lambda it: it.set_seal(checkpoint=another_root(it)), [("checkpoint", None), ("tree", 0)]
    ),
    "another account's checkpoint": Attack(
        lambda it: it.set_seal(checkpoint=of_account_2(it)), [("checkpoint", None)]
    ),
    "no checkpoint at all": Attack(
        lambda it: it.set_seal(checkpoint=b"none"), [("checkpoint", None)]
    ),
}


def test_a_whole_trail_is_found_whole(owner: Owner) -> None:
    it = owner.prepared
    verdict = owner.verified(it.checkpoint, it.newest, heads=it.heads)
    assert (verdict.exit_code, verdict.name) == (0, "whole"), verdict
    assert [(each.account, each.extent.size) for each in verdict.accounts] == [
        ("1", SIZE),
        ("2", 3),
    ]
    assert all(each.remarks == () and not each.untold for each in verdict.accounts)


@pytest.mark.parametrize("name", ATTACKS)
def test_what_was_done_is_found_at_its_index(owner: Owner, name: str) -> None:
    does, finds = ATTACKS[name]
    does(owner)
    verdict = owner.verified()
    account = of(verdict, "1")
    found = [(each.part, each.index) for each in account.problems]
    assert [each for each in finds if each not in found and each[1] is not None] == [], account
    assert {part for part, _ in finds} <= {part for part, _ in found}, account
    lowest = min((index for _, index in finds if index is not None), default=None)
    if lowest is not None:
        assert account.index == lowest
    assert (verdict.exit_code, account.exit_code) == (1, 1)
    assert account.integrity.state == "tampered"
    assert of(verdict, "2").exit_code == (1 if name == "the column account" else 0)
