"""A signed trail whose entries are told by hand, so that it can say whatever an attack needs."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec

from audit_trail.evidence import Wanted, evidence
from audit_trail.record.entry import Entry, Part
from audit_trail.seal.merkle import leaf_hash
from audit_trail.seal.note import VerifierKey
from audit_trail.signing import heads
from audit_trail.signing.heads import Heads
from audit_trail.signing.keys import Seed
from audit_trail.signing.signer import Signer
from audit_trail.store.memory import MemoryStore
from audit_trail.store.port import Key, Tail
from audit_trail.trail import Trail

NAME = "example.com/trail"
START_US = 1_772_352_000_000_000
"""1 March 2026, 8:00 UTC."""

Changes = Mapping[str, Any]


class Told(NamedTuple):
    """An entry before it has an index: members beside the usual ones, and its sealed parts."""

    changes: Changes = MappingProxyType({})
    who: bytes | None = b'{"email":"ada@example.com"}'
    what: bytes | None = b'{"label":"Support"}'


class Kept(MemoryStore):
    """A store in which entries and parts can be done away with."""

    def drop(self, account: str, *indexes: int) -> None:
        for index in indexes:
            self._accounts[account].pop(index)

    def change(self, account: str, index: int, **changes: Any) -> None:
        entries = self._accounts[account]
        entries[index] = msgspec.structs.replace(entries[index], **changes)


class HandMade:
    """One account's trail, signed with a key that never changes."""

    def __init__(self, folder: Path, account: str = "1", seed: bytes = bytes(range(32))) -> None:
        self.account = account
        self.store = Kept()
        file = folder / "heads.log"
        heads.create(file, NAME)
        key = Key(NAME, Seed(seed).public, 0)
        self.store.add_key(key, 0)
        self.trail = Trail(self.store, signer=Signer(key, Seed(seed), Heads(file, NAME)))

    @property
    def keys(self) -> list[VerifierKey]:
        return self.trail.verifier_keys(self.account)

    @property
    def checkpoint(self) -> bytes:
        return self.trail.checkpoint(self.account) or b""

    def append(self, *told: Told) -> "HandMade":
        trees = self.trail._trees
        head = trees.head(self.account)
        entries = [made(index, self.account, each) for index, each in enumerate(told, head.size)]
        sealing = trees.grow(self.account, head, [entry.leaf for entry in entries])
        tails = {self.account: Tail(head.size, entries, sealing)}
        self.store.append(tails)
        trees.record(tails)
        return self

    def grow(self, count: int) -> "HandMade":
        return self.append(*[Told()] * count)

    def file(self, **wanted: Any) -> bytes:
        return b"".join(evidence(self.trail, Wanted(account=self.account, **wanted)))


def made(index: int, account: str, told: Told) -> Entry:
    """The entry of this index, with salts that follow from it."""
    who, what = (
        None if stored is None else Part(stored, bytes([kind]) * 8 + index.to_bytes(8))
        for kind, stored in enumerate((told.who, told.what))
    )
    public = {
        "v": 1,
        "id": f"019c0000-0000-7000-8000-{index:012x}",
        "account": account,
        "occurred_at": START_US + index * 1_000_000,
        "recorded_at": START_US + index * 1_000_000 + 2_000,
        "action": "update",
        "outcome": "success",
        "entity": {"type": ("inbox", "team")[index % 2], "id": str(index)},
        "actor": {"kind": "user", "id": "7"},
        "via": "ui",
        **({"who": who.commitment} if who else {}),
        **({"what": what.commitment} if what else {}),
        **told.changes,
    }
    content = spelled(public)
    return Entry(
        index=index,
        version=1,
        public_bytes=content,
        leaf=leaf_hash(content),
        who=who,
        what=what,
    )


def spelled(value: Any) -> bytes:
    """The canonical bytes of JSON whose names are ASCII."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def removal(action: str, **removed: list[tuple[int, int]]) -> Told:
    """The entry that says what was erased or dropped."""
    return Told({"action": action, "entity": {"type": "audit_log"}, "removed": removed})
