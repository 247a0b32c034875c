"""A trail that grows for years within a moment, and what its retention makes of it."""

from itertools import count
from typing import Any

import msgspec

from audit_trail.capture.context import Actor, Context, Origin
from audit_trail.record.entry import ActorId, Draft, Entity, Entry
from audit_trail.retention.keeping import Retention
from audit_trail.retention.policy import DAY_US
from audit_trail.seal.merkle import leaf_hash
from audit_trail.seal.proof import verify_consistency, verify_inclusion
from audit_trail.store.port import Seal, Store
from audit_trail.trail import Trail

NOW = 1_790_000_000_000_000
ADA = Context(
    actor=Actor(kind="user", id="7", email="ada@example.com"),
    origin=Origin(via="ui"),
    reason="The law says so.",
)


class Years:
    """One account's trail; the clock stands still but for `pass_days`."""

    def __init__(self, store: Store, *, account: str = "1") -> None:
        self.now = NOW
        self.store = store
        self.account = account
        self.trail = Trail(store, clock=self.clock)
        self.retention = Retention(self.trail, clock=self.clock)
        self.seals: list[Seal] = []
        """The tree as it was after each append: what somebody may have a checkpoint of."""
        self._numbers = count()

    def clock(self) -> int:
        return self.now

    def pass_days(self, days: float) -> None:
        self.now += int(days * DAY_US)

    def add(self, entries: int = 1, **given: Any) -> None:
        drafts = [
            Draft(
                id=f"{next(self._numbers):036d}",
                account=self.account,
                occurred_at=self.now,
                action=given.get("action", "update"),
                entity=Entity(type=given.get("type", "inbox"), id=given.get("number", "1")),
                actor=ActorId(kind="user", id=given.get("user", "7")),
                via="ui",
                removed=given.get("removed"),
                who=b'{"email":"ada@example.com"}',
                what=b'{"label":"Support"}',
            )
            for _ in range(entries)
        ]
        self.trail.append(drafts)
        self.look()

    def look(self) -> None:
        self.seals.append(self.trail.head(self.account).seal)

    def left(self) -> list[int]:
        return [entry.index for entry in self.store.slice(self.account, 0, 10**9)]

    def newest(self) -> Entry:
        return self.trail.entry(self.account, self.trail.head(self.account).size - 1)

    def details(self, entry: Entry) -> dict[str, Any]:
        assert entry.what
        details: dict[str, Any] = msgspec.json.decode(entry.what.stored)["details"]
        return details

    def verify(self) -> None:
        """Prove each entry that is left in the newest tree, and that tree with all before it."""
        seal = self.trail.head(self.account).seal
        root = seal.edge.root
        for entry in self.store.slice(self.account, 0, 10**9):
            assert self.trail.mismatches(self.account, entry) == ()
            path = self.trail.prove_inclusion(self.account, entry.index)
            verify_inclusion(leaf_hash(entry.public_bytes), entry.index, seal.size, root, path)
        for old in self.seals:
            path = self.trail.prove_consistency(self.account, old.size)
            verify_consistency(old.size, old.edge.root, seal.size, root, path)
