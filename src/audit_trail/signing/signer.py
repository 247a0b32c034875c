"""The signer: it signs what only adds to what it has signed before, and nothing else."""

import hmac
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final
from uuid import uuid4

from audit_trail.errors import AuditError, HeadsFailed, HistoryLost, KeyRefused
from audit_trail.seal.checkpoint import Checkpoint, sign, verify
from audit_trail.seal.merkle import Nodes, Range
from audit_trail.seal.note import SigningKey
from audit_trail.signing import heads as files
from audit_trail.signing.heads import Heads, SignedHead
from audit_trail.signing.keys import Seed, origin_of, verifier_key
from audit_trail.store.port import Key, Seal, Store

MOST_KEPT: Final = 10_000
"""For how many accounts the key under its origin's name is kept ready."""


class Signer:
    """Signs the checkpoints of one trail, with one key, and keeps the file of signed heads."""

    def __init__(self, key: Key, seed: Seed, heads: Heads) -> None:
        self._key = key
        self._seed = seed
        self._heads = heads
        self._signing_keys: dict[str, SigningKey] = {}

    def accounts(self) -> list[str]:
        """Return the accounts of which something is signed."""
        return list(self._heads.newest())

    def require_growth(self, account: str, edge: Range, nodes: Callable[[], Nodes]) -> None:
        """Raise `HistoryLost` unless the tree is the one that was signed last, or adds to it.

        The database may be ahead of the file: a crash fell between its commit and our line, or
        another machine signed. `nodes` reads the tree; it is asked for only then.
        """
        signed = self._heads.newest().get(account)
        if signed is None:
            return
        if edge.stop < signed.size:
            raise HistoryLost(
                f"Account {account} was signed with {signed.size} entries, and the database holds "
                f"{edge.stop} of them."
            )
        same = edge if edge.stop == signed.size else Range.read(0, signed.size, nodes())
        if same.root != signed.root:
            raise HistoryLost(
                f"The first {signed.size} entries of account {account} aren't those that were signed."
            )

    def sign(self, account: str, edge: Range) -> bytes:
        """Return the checkpoint of a tree by its edge; what it adds to was required before."""
        key = self._signing_keys.get(account)
        if key is None:
            if len(self._signing_keys) >= MOST_KEPT:
                self._signing_keys.clear()
            name = origin_of(self._key.name, account)
            key = self._signing_keys[account] = SigningKey(name=name, seed=self._seed.bytes)
        return sign(Checkpoint(origin=key.name, size=edge.stop, root=edge.root), [key])

    def record(self, edges: Mapping[str, Range]) -> None:
        """Put what the database has committed into the file, before anybody is shown it."""
        self._heads.add({each: SignedHead(edge.stop, edge.root) for each, edge in edges.items()})

    def derived(self, purpose: str) -> bytes:
        """Return 32 bytes that only who has the key can know, others for each purpose.

        Every server that signs with the key gets the same ones, until it is rotated.
        """
        return hmac.digest(self._seed.bytes, b"derived " + purpose.encode(), "sha256")

    def has_signed(self, account: str, seal: Seal) -> bool:
        """Tell whether the seal's checkpoint is ours and of all of its tree."""
        if seal.checkpoint is None:
            return False
        name = verifier_key(self._key, account)
        try:
            checkpoint = verify(seal.checkpoint, name.name, [name])
        except AuditError:
            return False
        return (checkpoint.size, checkpoint.root) == (seal.size, seal.edge.root)


def open_signer(
    store: Store, *, heads: Path, key_file: Path, seed: Seed | None, clock: Callable[[], int]
) -> Signer:
    """Return the signer of the trail in this store; without `seed` its key lies in the key file.

    The first start draws key and name. Each step leaves what the next start goes on from, so a
    crash between two is made good. Raises `KeyRefused`, `HeadsFailed`.
    """
    keys = store.public_keys()
    if not keys:
        seed = seed or Seed.read(key_file) or _drawn(key_file)
        name = files.named_in(heads)
        if name is None:
            name = uuid4().hex
            files.create(heads, name)
        keys = [Key(name, seed.public, clock())]
        store.add_key(keys[0], 0)
    seed = seed or _kept(key_file, keys[-1])
    if seed.public != keys[-1].public:
        raise KeyRefused("The signing key given isn't the newest of this trail; rotate to it.")
    if files.named_in(heads) is None:
        raise HeadsFailed(
            f"{heads} is missing, so nobody knows what was signed already. Bring it back, or begin "
            "a new epoch."
        )
    return Signer(keys[-1], seed, Heads(heads, keys[-1].name))


def rotate(store: Store, *, key_file: Path, seed: Seed | None, clock: Callable[[], int]) -> Key:
    """Let the next key sign from now on: `seed`, or one drawn into the key file.

    No signer of the trail may run meanwhile: it would go on with the key before.
    """
    keys = store.public_keys()
    if not keys:
        raise KeyRefused("The trail has no key yet; its first start draws one.")
    return _follow(store, keys, keys[-1].name, key_file, seed, clock)


def begin_epoch(
    store: Store, *, heads: Path, key_file: Path, seed: Seed | None, clock: Callable[[], int]
) -> Key:
    """Sign the trail as it is now, under a new name and key, whatever was signed before.

    Origins change with the name, so the old checkpoints and the new are those of two logs, and no
    two contradict each other. The older file of signed heads is kept beside the new one.
    """
    name = uuid4().hex
    older = files.named_in(heads)
    if older is not None:
        heads.replace(heads.with_name(f"{heads.name}.{older}"))
    files.create(heads, name)
    return _follow(store, store.public_keys(), name, key_file, seed, clock)


def _follow(
    store: Store,
    keys: Sequence[Key],
    name: str,
    key_file: Path,
    seed: Seed | None,
    clock: Callable[[], int],
) -> Key:
    """Add the key that comes next. A drawn one is on the disk before the trail names it."""
    next_seed = seed or _drawn(_next(key_file))
    key = Key(name, next_seed.public, clock())
    store.add_key(key, len(keys))
    if seed is None:
        _kept(key_file, key)
    return key


def _next(key_file: Path) -> Path:
    return key_file.with_name(f"{key_file.name}.next")


def _drawn(path: Path) -> Seed:
    seed = Seed.draw()
    seed.write(path)
    return seed


def _kept(key_file: Path, newest: Key) -> Seed:
    """Return the newest key, of which a rotation that crashed may have kept the file for later."""
    for path in (key_file, _next(key_file)):
        seed = Seed.read(path)
        if seed and seed.public == newest.public:
            if path != key_file:
                path.replace(key_file)
            return seed
    raise KeyRefused(
        f"{key_file} doesn't hold the newest signing key of this trail. Bring it back, or begin a "
        "new epoch."
    )
