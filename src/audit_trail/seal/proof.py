"""Inclusion and consistency proofs of RFC 9162, and C2SP tlog-proof text; it reads no store.

Verification is written step by step as the RFC has it, so that each clause can be found.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Self

from audit_trail.errors import (
    CheckpointOlder,
    NotProven,
    OriginRefused,
    ProofRefused,
    TreeRefused,
)
from audit_trail.seal import checkpoint as checkpoints
from audit_trail.seal.checkpoint import Checkpoint
from audit_trail.seal.encoding import from_base64, hash_from, number_from, to_base64
from audit_trail.seal.merkle import (
    HASH_BYTES,
    SIZE_LIMIT,
    Nodes,
    Range,
    node_hash,
    subtree_root,
)
from audit_trail.seal.note import VerifierKey

PROOF_LIMIT_BYTES: Final = 2_000_000
_VERSION: Final = "c2sp.org/tlog-proof@v1"

Path = tuple[bytes, ...]
"""The hashes of a proof, from the leaf's sibling up."""


def prove_inclusion(index: int, size: int, nodes: Nodes) -> Path:
    """Return PATH(index, D[size]) of RFC 9162, section 2.1.3.1. Raises `TreeRefused`."""
    if not 0 <= index < size <= SIZE_LIMIT:
        raise TreeRefused("The index is outside the tree.")
    path = []
    start, stop = 0, size
    while stop - start > 1:
        middle = start + _split(stop - start)
        if index < middle:
            path.append(_root(middle, stop, nodes))
            stop = middle
        else:
            path.append(_root(start, middle, nodes))
            start = middle
    return tuple(reversed(path))


def prove_consistency(first: int, second: int, nodes: Nodes) -> Path:
    """Return PROOF(first, D[second]) of RFC 9162, section 2.1.4.1. Raises `TreeRefused`."""
    if not 0 < first <= second <= SIZE_LIMIT:
        raise TreeRefused("Consistency goes from a size above 0 to one that isn't smaller.")
    path = []
    start, stop = 0, second
    while first != stop:
        middle = start + _split(stop - start)
        if first <= middle:
            path.append(_root(middle, stop, nodes))
            stop = middle
        else:
            path.append(_root(start, middle, nodes))
            start = middle
    # SUBPROOF(m, D[m], true) is empty: the old tree stands whole in the new one, root and all.
    if start:
        path.append(_root(start, stop, nodes))
    return tuple(reversed(path))


def _split(size: int) -> int:
    """Return the largest power of two below the size, which is above 1."""
    return 1 << (size - 1).bit_length() - 1


def _root(start: int, stop: int, nodes: Nodes) -> bytes:
    return subtree_root(Range.read(start, stop, nodes).hashes)


def verify_inclusion(
    leaf: bytes, index: int, size: int, root: bytes, path: Sequence[bytes]
) -> None:
    """Raise `NotProven` unless the leaf is at the index of that tree (RFC 9162, 2.1.3.2)."""
    _require_hashes(leaf, root, *path)
    # 1. An index outside the tree fails.
    _require(0 <= index < size <= SIZE_LIMIT, "The index is outside the tree.")
    # 2. and 3. fn and sn are the indexes of the node and of the last one at its level.
    fn, sn = index, size - 1
    r = leaf
    for p in path:
        # 4. A hash for which no level is left fails.
        _require(sn > 0, "The proof has hashes left over.")
        if fn & 1 or fn == sn:
            r = node_hash(p, r)
            # The last node of a level may hang some levels higher, under nodes with one child.
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = node_hash(r, p)
        fn, sn = fn >> 1, sn >> 1
    # 5. The proof must end at the root, and lead to it.
    _require(sn == 0, "The proof ends before the root.")
    _require(r == root, "The proof leads to another root.")


def verify_consistency(
    first: int, first_root: bytes, second: int, second_root: bytes, path: Sequence[bytes]
) -> None:
    """Raise `NotProven` unless the second tree only adds to the first (RFC 9162, 2.1.4.2)."""
    _require_hashes(first_root, second_root, *path)
    # Every tree is consistent with the empty one, so a proof from size 0 would show nothing.
    _require(0 < first <= second <= SIZE_LIMIT, "The sizes can't be those of one growing tree.")
    if first == second:
        _require(not path, "The proof has hashes left over.")
        _require(first_root == second_root, "Two trees of one size differ.")
        return
    # 1. An empty proof fails.
    _require(bool(path), "The proof is empty.")
    # 2. A complete first tree is itself the first hash, and is left out of the proof.
    hashes = list(path) if first & (first - 1) else [first_root, *path]
    # 3. and 4. Begin at the largest complete subtree at the end of the first tree.
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    # 5. and 6. Build both roots at once; what lies right of the first tree is in the second only.
    fr = sr = hashes[0]
    for c in hashes[1:]:
        _require(sn > 0, "The proof has hashes left over.")
        if fn & 1 or fn == sn:
            fr, sr = node_hash(c, fr), node_hash(c, sr)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node_hash(sr, c)
        fn, sn = fn >> 1, sn >> 1
    # 7. The proof must end at the root, and lead to both.
    _require(sn == 0, "The proof ends before the root.")
    _require(fr == first_root, "The proof leads to another root of the first tree.")
    _require(sr == second_root, "The proof leads to another root of the second tree.")


def verify_growth(accepted: Checkpoint, newer: Checkpoint, path: Sequence[bytes]) -> None:
    """Raise unless the newer checkpoint, itself verified, only adds to the accepted one.

    Raises `OriginRefused`, `CheckpointOlder` and `NotProven`.
    """
    if newer.origin != accepted.origin:
        raise OriginRefused
    if newer.size < accepted.size:
        raise CheckpointOlder
    verify_consistency(accepted.size, accepted.root, newer.size, newer.root, path)


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise NotProven(otherwise)


def _require_hashes(*hashes: bytes) -> None:
    # Without this a hash of other length could shift bytes between left and right.
    _require(all(len(each) == HASH_BYTES for each in hashes), "A hash doesn't have 32 bytes.")


@dataclass(frozen=True, kw_only=True, slots=True)
class Proof:
    """What shows offline that an entry is in a trail: index, path, and the signed checkpoint.

    `extra` is opaque and signed by nobody. Nothing of a proof is verified before `verify`.
    """

    index: int
    path: Path
    checkpoint: bytes
    extra: bytes | None = None

    @property
    def encoded(self) -> bytes:
        """The proof as C2SP tlog-proof text, UTF-8."""
        extra = () if self.extra is None else (f"extra {to_base64(self.extra)}",)
        lines = (_VERSION, *extra, f"index {self.index}", *map(to_base64, self.path), "", "")
        return "\n".join(lines).encode() + self.checkpoint

    @classmethod
    def parse(cls, content: bytes) -> Self:
        """Return the proof that the text spells; raises `ProofRefused`."""
        # The first blank line divides; the checkpoint behind it has one of its own.
        head, blank, checkpoint = content.partition(b"\n\n")
        if not blank or len(content) > PROOF_LIMIT_BYTES or not head.isascii():
            raise ProofRefused("The proof has no checkpoint, is too long, or isn't ASCII.")
        lines = head.decode().split("\n")
        if lines.pop(0) != _VERSION:
            raise ProofRefused(f"The first line isn't {_VERSION}.")
        extra = None
        if lines and lines[0].startswith("extra "):
            extra = from_base64(lines.pop(0).removeprefix("extra "), ProofRefused)
            if not extra:  # A line that says nothing is left out, so there is one spelling.
                raise ProofRefused("The extra line is empty.")
        if not lines or not lines[0].startswith("index "):
            raise ProofRefused("The proof tells no index.")
        index = number_from(lines.pop(0).removeprefix("index "), ProofRefused)
        path = tuple(hash_from(line, ProofRefused) for line in lines)
        return cls(index=index, path=path, checkpoint=checkpoint, extra=extra)

    def verify(self, leaf: bytes, origin: str, keys: Iterable[VerifierKey]) -> Checkpoint:
        """Return the checkpoint, signed by one of the origin's keys, whose tree holds the leaf.

        Raises what `checkpoint.verify` raises, and `NotProven`.
        """
        checkpoint = checkpoints.verify(self.checkpoint, origin, keys)
        verify_inclusion(leaf, self.index, checkpoint.size, checkpoint.root, self.path)
        return checkpoint
