"""What sealing adds to an append: tree, tiles, signature and the file of signed heads."""

import os
import statistics
import time
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import NamedTuple

from audit_trail.record.entry import ActorId, Draft, Entity
from audit_trail.seal.merkle import Range, leaf_hashes
from audit_trail.seal.tile import TILE_LEVELS, TILE_WIDTH, additions
from audit_trail.signing.keys import Seed
from audit_trail.signing.signer import open_signer
from audit_trail.store.port import Head, Store, Tail
from audit_trail.trail import Trail, utc_now_us
from audit_trail.trees import Trees
from bench.engines import Place
from bench.paired import Ratio, ratio_of

BATCH = 1_000
PUBLIC_BYTES = 440
"""How long the public part of an ordinary entry is."""

WHAT = b'{"changes":{"name":{"after":"Support (new)","before":"Support"}},"label":"Support"}'
WHO = b'{"email":"ada@example.com","ip":"192.0.2.7","name":"Ada","user_agent":"Mozilla/5.0"}'


class Unsealed(Trees):
    """Trees that never grow, for comparison: the append as it was in the first release."""

    def head(self, account: str) -> Head:
        return self._store.head(account)

    def grow(self, account: str, head: Head, leaves: Sequence[bytes]) -> None:
        return None

    def record(self, tails: Mapping[str, Tail]) -> None:
        pass


class Hashing(NamedTuple):
    """Entries a second into leaves, tree and tiles; of bare SHA-256 of the same bytes; their ratio."""

    entries_per_second: float
    bare_per_second: float
    ratio: Ratio


def leaves_and_tree(rounds: int) -> Hashing:
    """Hash batches of 1,000 public parts in turn: into the tree, and each by itself."""
    pairs, edge = [], Range()
    for number in range(rounds + 2):
        batch = [os.urandom(PUBLIC_BYTES // 2).hex().encode() for _ in range(BATCH)]
        # Whoever comes first finds the caches cold, so they take turns in that too.
        early = _bare_seconds(batch) if number % 2 else None
        started = time.perf_counter()
        growth = edge.append(leaf_hashes(batch))
        list(additions(growth))
        grown = time.perf_counter() - started
        pairs.append((early or _bare_seconds(batch), grown))
        edge = growth.after
    bare, sealed = zip(*pairs[2:], strict=True)
    return Hashing(
        BATCH / statistics.median(sealed), BATCH / statistics.median(bare), ratio_of(pairs[2:])
    )


def _bare_seconds(batch: Sequence[bytes]) -> float:
    started = time.perf_counter()
    for public in batch:
        sha256(public).digest()
    return time.perf_counter() - started


class Bytes(NamedTuple):
    """What an entry takes for being sealed: hashes in tiles, and commitments with leaf and salts."""

    tiles: float
    commitments: float


def bytes_of_sealing(where: Place) -> Bytes:
    """Append batches of 1,000 to one account, and measure what lies there."""
    store = where.store()
    trail = signed_trail(where, store)
    for number in range(4):
        trail.append([_draft(number * BATCH + each, 1) for each in range(BATCH)])
    tiles = (
        len(store.tile("1", level, number))
        for level in range(TILE_LEVELS)
        for number in range(-(-4 * BATCH // TILE_WIDTH))
    )
    entry = trail.entry("1", 0)
    parts = {"who": entry.who, "what": entry.what}
    commitments = sum(
        len(f',"{name}":"{part.commitment}"') + len(part.salt)
        for name, part in parts.items()
        if part
    )
    found = Bytes(sum(tiles) / (4 * BATCH), commitments + len(entry.leaf))
    store.close()
    return found


def cost_of_sealing(where: Place, accounts: int, rounds: int) -> Ratio:
    """Append batches of 1,000 entries to two trails in turn, and compare each pair's times."""
    stores = [where.store() for _ in range(2)]
    sealed, unsealed = signed_trail(where, stores[0]), Trail(stores[1])
    unsealed._trees = Unsealed(stores[1], None)  # noqa: SLF001 -- for comparison only
    pairs = []
    for number in range(rounds + 2):
        drafts = [_draft(number * BATCH + each, accounts) for each in range(BATCH)]
        pairs.append((_seconds(sealed, drafts), _seconds(unsealed, drafts)))
    for store in stores:
        store.close()
    return ratio_of(pairs[2:])


def signed_trail(where: Place, store: Store) -> Trail:
    """Return a trail over the store whose checkpoints are signed."""
    file = where.new_file()
    signer = open_signer(
        store,
        heads=file.with_name("heads.log"),
        key_file=file.with_name("signing.key"),
        seed=Seed.draw(),
        clock=utc_now_us,
    )
    return Trail(store, signer=signer)


def _draft(number: int, accounts: int) -> Draft:
    return Draft(
        id=f"{number:032d}-new",
        account=str(number % accounts + 1),
        occurred_at=number,
        action="update",
        entity=Entity(type="inbox", id=str(number % 500)),
        actor=ActorId(kind="user", id="7"),
        via="ui",
        fields=("name",),
        who=WHO,
        what=WHAT,
    )


def _seconds(trail: Trail, drafts: Sequence[Draft]) -> float:
    started = time.perf_counter()
    trail.append(drafts)
    return time.perf_counter() - started
