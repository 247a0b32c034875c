"""Entry format 1: what was hashed once is hashed the same for ever, and the spec says how."""

import json
import re
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest

from audit_trail.record.canonical import canonical_bytes
from audit_trail.record.entry import (
    ActorId,
    Change,
    Entity,
    Entry,
    Part,
    Public,
    Reference,
    Removed,
    What,
    Who,
    read_what,
    read_who,
)
from tests.golden.vectors import vectors

HERE = Path(__file__).parent
GOLDEN: list[dict[str, Any]] = json.loads((HERE / "entry-1.json").read_text(encoding="utf-8"))
SPEC = (HERE.parent.parent / "docs" / "spec" / "entry-1.md").read_text(encoding="utf-8")
NUMBERS = range(len(GOLDEN))


def test_the_same_rows_clock_and_salts_give_the_same_bytes() -> None:
    assert vectors() == GOLDEN


@pytest.mark.parametrize("number", NUMBERS)
def test_leaf_and_commitments_follow_from_the_spec_with_nothing_of_ours(number: int) -> None:
    vector = GOLDEN[number]
    public = vector["public"].encode()
    assert sha256(b"\x00" + public).hexdigest() == vector["leaf"]
    members = json.loads(public)
    for part in ("who", "what"):
        sealed = vector[part]
        assert (part in members) == (sealed is not None)
        if sealed:
            salt = bytes.fromhex(sealed["salt"])
            assert len(salt) == 16
            assert sha256(salt + sealed["stored"].encode()).hexdigest() == members[part]
    again = json.dumps(members, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert again.encode() == public
    assert members["v"] == 1


@pytest.mark.parametrize("number", NUMBERS)
def test_a_stored_entry_of_the_format_opens(number: int) -> None:
    vector = GOLDEN[number]
    parts = {
        name: Part(vector[name]["stored"].encode(), bytes.fromhex(vector[name]["salt"]))
        for name in ("who", "what")
        if vector[name]
    }
    entry = Entry(
        index=vector["index"],
        version=vector["version"],
        public_bytes=vector["public"].encode(),
        leaf=bytes.fromhex(vector["leaf"]),
        **parts,
    )
    assert canonical_bytes(entry.public) == entry.public_bytes
    read_who(entry.who)
    read_what(entry.what)


def test_the_vectors_hold_every_member_and_every_tag() -> None:
    text = (HERE / "entry-1.json").read_text(encoding="utf-8")
    plain = text.replace('\\"', '"')
    for kind in (Public, Entity, ActorId, Who, Reference, Removed, Change):
        for member in kind.__struct_fields__:
            assert f'"{member}":' in plain, member
    for member in set(What.__struct_fields__):
        assert f'"{member}":' in plain, member
    for tag in TAGS:
        assert f'"$":"{tag}"' in plain, tag


TAGS = ("json", "real", "blob", "cut", "invalid", "secret")
STRUCTS: list[type[msgspec.Struct]] = [
    Public,
    Entity,
    ActorId,
    Who,
    What,
    Reference,
    Removed,
    Change,
]


@pytest.mark.parametrize("kind", STRUCTS, ids=lambda kind: kind.__name__)
def test_the_spec_names_every_member(kind: type[msgspec.Struct]) -> None:
    missing = [name for name in kind.__struct_fields__ if f"`{name}`" not in SPEC]
    assert missing == []


@pytest.mark.parametrize("tag", TAGS)
def test_the_spec_names_every_tag_of_a_value(tag: str) -> None:
    assert f'`{{"$":"{tag}"' in SPEC


def test_the_spec_names_every_kind_of_actor_way_in_and_outcome() -> None:
    for member in ("outcome", "via"):
        literal = next(f for f in msgspec.structs.fields(Public) if f.name == member).type
        for value in literal.__args__:
            assert f"`{value}`" in SPEC, value
    kind = next(f for f in msgspec.structs.fields(ActorId) if f.name == "kind").type
    for value in kind.__args__:
        assert f"`{value}`" in SPEC, value


def test_the_spec_names_no_member_that_is_none() -> None:
    known = {name for kind in STRUCTS for name in kind.__struct_fields__}
    rows = re.findall(r"^\| `(\w+)` \|", SPEC, re.MULTILINE)
    assert set(rows) <= known
    assert len(rows) > 30


def test_the_spec_is_short_enough_to_be_read() -> None:
    assert len(SPEC.splitlines()) <= 150
