"""Attacks on evidence files: both verifiers find each one, and the index where it can be told."""

import json
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest

from audit_trail.seal.checkpoint import Checkpoint, sign
from audit_trail.seal.merkle import leaf_hashes
from audit_trail.seal.note import SigningKey
from audit_trail.seal.tile import bundle_of
from audit_trail.verify.manifest import Asked
from tests.verify.conftest import Make
from tests.verify.test_evidence import dropped, erased
from tests.verify.trails import HandMade, Told, removal, spelled
from tests.verify.verifiers import (
    VERIFIERS,
    Given,
    Members,
    Said,
    manifest_of,
    packed,
    unpacked,
    with_manifest,
)

Attack = Callable[[Make], Given]
Forgery = Callable[[Members], Members]


def on(forgery: Forgery, size: int = 20, **wanted: Any) -> Attack:
    """An attack on an honest file, by somebody without the key."""

    def attack(make: Make) -> Given:
        trail = make(size)
        return Given(packed(forgery(unpacked(trail.file(**wanted)))), trail.keys)

    return attack


def entries_of(members: Members) -> list[bytes]:
    content, found, at = members["entries/0"], [], 0
    while at < len(content):
        stop = at + 2 + int.from_bytes(content[at : at + 2])
        found.append(content[at + 2 : stop])
        at = stop
    return found


def with_entries(members: Members, entries: list[bytes], *, hashed: bool = False) -> Members:
    """The file with other entries; whoever knows the format hashes them anew."""
    leaves = {"leaves/0": b"".join(leaf_hashes(entries))} if hashed else {}
    return {**members, "entries/0": bundle_of(entries), **leaves}


def replaced(name: str, old: bytes, new: bytes, count: int = 1) -> Forgery:
    def forgery(members: Members) -> Members:
        assert old in members[name]
        return {**members, name: members[name].replace(old, new, count)}

    return forgery


def in_line(index: int, old: bytes, new: bytes) -> Forgery:
    """Something else in the sealed parts of one entry."""

    def forgery(members: Members) -> Members:
        lines = members["sealed/0.jsonl"].splitlines(keepends=True)
        assert old in lines[index]
        lines[index] = lines[index].replace(old, new)
        return {**members, "sealed/0.jsonl": b"".join(lines)}

    return forgery


def exchanged(index: int) -> Forgery:
    """One sealed part of an entry shown as the other."""

    def forgery(members: Members) -> Members:
        lines = [json.loads(line) for line in members["sealed/0.jsonl"].splitlines()]
        lines[index] |= {"who": lines[index]["what"], "what": lines[index]["who"]}
        return {**members, "sealed/0.jsonl": b"".join(spelled(line) + b"\n" for line in lines)}

    return forgery


def salt_moved(index: int, count: int) -> Forgery:
    """So many bytes moved from the salt to the text, which both still lead to the commitment."""

    def forgery(members: Members) -> Members:
        lines = [json.loads(line) for line in members["sealed/0.jsonl"].splitlines()]
        part = lines[index]["who"]
        salted = bytes.fromhex(part["salt"]) + part["text"].encode()
        part |= {"salt": salted[: 16 - count].hex(), "text": salted[16 - count :].decode()}
        return {**members, "sealed/0.jsonl": b"".join(spelled(line) + b"\n" for line in lines)}

    return forgery


def moved(change: Callable[[list[bytes]], object], *, hashed: bool = False) -> Forgery:
    """Something done to the list of entries."""

    def forgery(members: Members) -> Members:
        entries = entries_of(members)
        change(entries)
        return with_entries(members, entries, hashed=hashed)

    return forgery


def swap(entries: list[bytes]) -> None:
    entries[4], entries[9] = entries[9], entries[4]


def change_time(entries: list[bytes]) -> None:
    entries[6] = entries[6].replace(b'"occurred_at":1', b'"occurred_at":2')


def cut_to(members: Members, last: int, **changes: Any) -> Members:
    """The file without its newest entries, in everything that nobody has signed."""
    count = last + 1
    lines = members["sealed/0.jsonl"].splitlines(keepends=True)[:count]
    cut = {
        **members,
        "entries/0": bundle_of(entries_of(members)[:count]),
        "leaves/0": members["leaves/0"][: 32 * count],
        "sealed/0.jsonl": b"".join(lines),
    }
    words = f"account 1, entries 0 to {last}"
    return with_manifest(cut, last=last, count=count, words=words, **changes)


def fork(make: Make) -> tuple[HandMade, HandMade]:
    """Two histories that one key has signed, of which the second differs from index 8 on."""
    first, second = make(8), make(8)
    first.grow(6)
    second.append(Told({"action": "delete"})).grow(5)
    return first, second


def forked(make: Make) -> Given:
    first, second = fork(make)
    return Given(second.file(), second.keys, first.checkpoint)


def forked_and_grown(make: Make, **wanted: Any) -> Given:
    first, second = fork(make)
    second.grow(7)
    return Given(second.file(**wanted), second.keys, first.checkpoint)


def forked_with_a_proof(make: Make) -> Given:
    """The file has a proof from its own checkpoint of that size, which isn't the verifier's."""
    first, second = fork(make)
    earlier = second.checkpoint
    second.grow(7)
    return Given(second.file(first=16, earlier=earlier), second.keys, first.checkpoint)


def with_a_proof_of_the_fork(make: Make) -> Given:
    first, second = fork(make)
    earlier = first.checkpoint
    second.grow(7)
    return Given(second.file(first=16, earlier=earlier), second.keys)


def shorter(make: Make) -> Given:
    trail = make(12)
    file = trail.file()
    return Given(file, trail.keys, trail.grow(3).checkpoint)


def signed_by_another(make: Make) -> Given:
    """A whole file of another history, by somebody who has only another key."""
    return Given(make(20, seed=bytes(32)).file(), make(1).keys)


def signed_under_the_same_id(members: Members) -> Members:
    """Whoever has no key puts a signature of their own under the name and id of the trail's."""
    text, _, line = members["checkpoint"].decode().partition("\n\n")
    origin, size, _ = text.split("\n")
    other = SigningKey(name=origin, seed=bytes(32))
    forged = sign(Checkpoint(origin=origin, size=int(size), root=bytes(32)), [other]).decode()
    signature = forged.rpartition(" ")[2]
    return {**members, "checkpoint": forged.replace(signature, line.rpartition(" ")[2]).encode()}


def with_checkpoint_of(make: Make, other: HandMade) -> Given:
    trail = make(20)
    members = {**unpacked(trail.file()), "checkpoint": other.checkpoint}
    return Given(packed(members), [*trail.keys, *other.keys])


def as_of_another_account(make: Make) -> Given:
    """The entries of one account under the checkpoint of another, whose name the file then bears."""
    other = make(20, account="2")
    members = {**unpacked(make(20).file()), "checkpoint": other.checkpoint}
    members["keys"] = f"{other.keys[0].text}\n".encode()
    words = "account 2, entries 0 to 19"
    forged = with_manifest(members, account="2", origin=other.keys[0].name, words=words)
    return Given(packed(forged), other.keys)


def with_other_hashes(side: str) -> Forgery:
    def forgery(members: Members) -> Members:
        hashes = manifest_of(members)[side]
        assert isinstance(hashes, list)
        return with_manifest(members, **{side: [*hashes[1:], b64encode(bytes(32)).decode()]})

    return forgery


def with_proof_of(index: int) -> Attack:
    def attack(make: Make) -> Given:
        trail = make(20)
        members = unpacked(trail.file(first=6, last=6))
        other = unpacked(trail.file(first=index, last=index))
        return Given(packed({**members, "entry.tlog-proof": other["entry.tlog-proof"]}), trail.keys)

    return attack


def with_proof_told_to_be_of_it(make: Make) -> Given:
    trail = make(20)
    members = unpacked(trail.file(first=6, last=6))
    other = unpacked(trail.file(first=9, last=9))["entry.tlog-proof"]
    forged = {**members, "entry.tlog-proof": other.replace(b"index 9", b"index 6")}
    return Given(packed(forged), trail.keys)


def hidden(make: Make) -> Given:
    """A part that is gone from the store, and no entry that says so."""
    trail = make(20)
    trail.store.change("1", 5, who=None)
    return Given(trail.file(), trail.keys)


def hidden_entry(make: Make) -> Given:
    trail = make(20)
    trail.store.drop("1", 11)
    return Given(trail.file(), trail.keys)


def told_by(told: Told, part: str) -> Attack:
    """A part of entry 5 is gone, and an entry tells of it that may not."""

    def attack(make: Make) -> Given:
        trail = make(8).append(told).grow(3)
        trail.store.change("1", 5, **{part: None})
        return Given(trail.file(), trail.keys)

    return attack


def told_before(make: Make) -> Given:
    """An entry may not say in advance what will be erased."""
    trail = make(3).append(removal("erase", who=[(2, 9)])).grow(8)
    trail.store.change("1", 7, who=None)
    return Given(trail.file(), trail.keys)


def told_outside_the_tree(make: Make) -> Given:
    """The entry that says what was erased was made up, beside the range."""
    trail = make(20)
    trail.store.change("1", 5, who=None)
    members = unpacked(trail.file(last=9))
    public = {
        "v": 1,
        "account": "1",
        "action": "erase",
        "via": "ui",
        "entity": {"type": "audit_log"},
    }
    public |= {"occurred_at": 1, "recorded_at": 1, "removed": {"who": [[5, 5]]}}
    path = trail.trail.prove_inclusion("1", 15, 20)
    line = {
        "index": 15,
        "public": spelled(public).decode(),
        "path": [b64encode(node).decode() for node in path],
    }
    return Given(packed({**members, "covering.jsonl": spelled(line) + b"\n"}), trail.keys)


def without_lines(*indexes: int) -> Forgery:
    def forgery(members: Members) -> Members:
        lines = members["sealed/0.jsonl"].splitlines(keepends=True)
        kept = [line for index, line in enumerate(lines) if index not in indexes]
        return {**members, "sealed/0.jsonl": b"".join(kept)}

    return forgery


def erased_without_saying(make: Make) -> Given:
    trail = erased(make)
    members = unpacked(trail.file())
    return Given(packed(with_manifest(members, removed={})), trail.keys)


def dropped_and_shown(make: Make) -> Given:
    """Something is shown as the part of an entry that was dropped."""
    trail = dropped(make)
    members = unpacked(trail.file())
    line = b'{"index":3,"who":{"salt":"00","text":"{}"}}\n'
    members["sealed/0.jsonl"] = line + members["sealed/0.jsonl"]
    return Given(packed(members), trail.keys)


def without_an_entry_of_its_chunks(members: Members) -> Members:
    """A chunk in the middle is left out."""
    entries = entries_of(members)
    lines = members["sealed/0.jsonl"].splitlines(keepends=True)
    chunks = {}
    for start, stop in ((0, 5), (8, 20)):
        chunks[f"entries/{start}"] = bundle_of(entries[start:stop])
        chunks[f"leaves/{start}"] = members["leaves/0"][32 * start : 32 * stop]
        chunks[f"sealed/{start}.jsonl"] = b"".join(lines[start:stop])
    rest = {
        name: content for name, content in members.items() if not name.endswith(("/0", ".jsonl"))
    }
    return {**rest, **chunks}


TAMPERED: dict[str, tuple[Attack, int | None]] = {
    "a value is changed": (on(in_line(7, b"Support", b"Suppert")), 7),
    "a name is changed": (on(in_line(3, b"ada@", b"bob@")), 3),
    "a salt is changed": (on(in_line(3, b'"salt":"00', b'"salt":"01')), 3),
    "a salt is cut": (on(in_line(3, b'"salt":"0000', b'"salt":"')), 3),
    "a byte of the salt is shown as text": (on(salt_moved(3, 1)), 3),
    "a byte of the text is shown as salt": (on(salt_moved(3, -1)), 3),
    "all of the salt is shown as text": (on(salt_moved(3, 16)), 3),
    "the parts of an entry are exchanged": (on(exchanged(3)), 3),
    "a time is changed": (on(moved(change_time)), 6),
    "a time is changed and hashed anew": (on(moved(change_time, hashed=True)), None),
    "the newest entry is deleted": (on(moved(lambda entries: entries.pop())), 19),
    "the oldest entry is deleted": (on(moved(lambda entries: entries.pop(0))), 0),
    "an entry in the middle is deleted": (on(moved(lambda entries: entries.pop(8))), 8),
    "two entries are swapped": (on(moved(swap)), 4),
    "two entries are swapped and hashed anew": (on(moved(swap, hashed=True)), 4),
    "an entry is inserted": (on(moved(lambda entries: entries.insert(5, b'{"v":1}'))), 5),
    "an entry is put behind the newest": (on(moved(lambda entries: entries.append(b"{}"))), 20),
    "an entry stands twice": (on(moved(lambda entries: entries.insert(5, entries[5]))), 6),
    "all is replaced": (on(moved(lambda entries: entries.reverse())), 0),
    "the leaf of an entry is changed": (
        on(lambda members: {**members, "leaves/0": bytes(32) + members["leaves/0"][32:]}),
        0,
    ),
    "the newest entry is cut off": (on(lambda members: cut_to(members, 18)), 19),
    "the newest entry is cut off, and the file says to be a range": (
        on(lambda members: cut_to(members, 18, whole=False)),
        None,
    ),
    "a range says to be the whole account": (
        on(lambda members: with_manifest(members, whole=True), first=3),
        0,
    ),
    "a range says to end later": (
        on(
            lambda members: with_manifest(
                members, last=19, words="account 1, entries 0 to 19", count=20
            ),
            last=12,
        ),
        13,
    ),
    "a range says to begin later": (
        on(
            lambda members: with_manifest(
                members, first=1, words="account 1, entries 1 to 19", whole=False
            )
        ),
        0,
    ),
    "a chunk is left out": (on(without_an_entry_of_its_chunks), 5),
    "the hashes before a range are others": (on(with_other_hashes("left"), first=9), None),
    "the hashes behind a range are others": (on(with_other_hashes("right"), last=9), None),
    "there are hashes too many before a range": (
        on(lambda members: with_manifest(members, left=["A" * 43 + "="])),
        None,
    ),
    "another checkpoint of the same key": (
        lambda make: with_checkpoint_of(make, make(19)),
        19,
    ),
    "the checkpoint of another account": (
        lambda make: with_checkpoint_of(make, make(20, account="2")),
        None,
    ),
    "the entries of another account": (as_of_another_account, 0),
    "the checkpoint's size is changed": (on(replaced("checkpoint", b"\n20\n", b"\n21\n")), 20),
    "another's signature under the key's name and id": (on(signed_under_the_same_id), None),
    "another key, and entries changed": (
        lambda make: Given(
            packed(moved(change_time)(unpacked(make(20, seed=bytes(32)).file()))), make(1).keys
        ),
        6,
    ),
    "the proof of another entry": (with_proof_of(9), 6),
    "the proof of another entry under this one's index": (with_proof_told_to_be_of_it, 6),
    "a fork": (forked, None),
    "a fork that grew on": (forked_and_grown, None),
    "a fork in a range": (lambda make: forked_and_grown(make, first=5), None),
    "a fork's proof from its own checkpoint": (with_a_proof_of_the_fork, None),
    "a fork's own checkpoint of the accepted one's size": (forked_with_a_proof, None),
    "a shorter trail": (shorter, None),
    "an earlier checkpoint of another account": (
        lambda make: Given(
            make(20).file(),
            [*make(1).keys, *make(1, account="2").keys],
            make(5, account="2").checkpoint,
        ),
        None,
    ),
    "an erasure is hidden": (hidden, 5),
    "a part is taken out of the file": (on(without_lines(7)), 7),
    "an erasure isn't said": (erased_without_saying, 3),
    "a part is said to be withheld, and is shown": (
        on(lambda members: with_manifest(members, withheld={"who": [[4, 4]]})),
        4,
    ),
    "a dropped entry that no entry tells of": (hidden_entry, 11),
    "parts of a dropped entry": (dropped_and_shown, 3),
    "an erasure told by an update": (
        told_by(Told({"removed": {"who": [(5, 5)]}}), "who"),
        5,
    ),
    "an erasure of another part": (told_by(removal("erase", what=[(5, 5)]), "who"), 5),
    "an erasure of another entry": (told_by(removal("erase", who=[(0, 4), (6, 7)]), "who"), 5),
    "a dropping told by an erasure": (told_by(removal("erase", entry=[(5, 5)]), "who"), 5),
    "an erasure told in advance": (told_before, 7),
    "an erasure told outside the tree": (told_outside_the_tree, 5),
    "more is said to match": (on(lambda members: with_manifest(members, count=21)), None),
    "less is said to match": (
        on(lambda members: with_manifest(members, count=9), query=Asked(types=("inbox",))),
        None,
    ),
    "more is said to be found in sealed parts": (
        on(lambda members: with_manifest(members, count=21), query=Asked(person="ada")),
        None,
    ),
    "no entry of the format": (
        lambda make: Given((trail := make(3).append(Told({"v": 2})).grow(2)).file(), trail.keys),
        3,
    ),
    "a time beyond all": (
        lambda make: Given(
            (trail := make(3).append(Told({"occurred_at": 2**53})).grow(2)).file(), trail.keys
        ),
        3,
    ),
    "an entry without a type": (
        lambda make: Given(
            (trail := make(3).append(Told({"entity": {}})).grow(2)).file(), trail.keys
        ),
        3,
    ),
    "an entry of another account in the tree": (
        lambda make: Given(
            (trail := make(3).append(Told({"account": "2"})).grow(2)).file(), trail.keys
        ),
        3,
    ),
}


@pytest.mark.parametrize("verifier", VERIFIERS)
@pytest.mark.parametrize("attack", TAMPERED)
def test_tampering_is_found_at_its_index(attack: str, verifier: str, make: Make) -> None:
    act, index = TAMPERED[attack]
    assert VERIFIERS[verifier](act(make)) == Said(1, index)


@pytest.mark.parametrize("verifier", VERIFIERS)
def test_what_only_another_key_could_show_is_undecided(verifier: str, make: Make) -> None:
    assert VERIFIERS[verifier](signed_by_another(make)) == Said(2)
