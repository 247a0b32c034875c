"""The Merkle tree of RFC 9162, section 2.1 (that of RFC 6962), as ranges of it; it stores nothing.

A node is named by its level, 0 for leaves, and its index among the nodes of that level. It stands
for the complete subtree of 2**level leaves below it, so once there it never changes.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from hashlib import sha256
from typing import Final, NamedTuple, Self

from audit_trail.errors import TreeRefused

HASH_BYTES: Final = 32
SIZE_LIMIT: Final = 2**63 - 1
"""No tree is larger, so that every size and index fits a database's integer."""

EMPTY_ROOT: Final = sha256(b"").digest()
"""MTH({}) = HASH(), the root of a tree without leaves."""

Nodes = Callable[[int, int], bytes]
"""Reads the hash of the node at a level and index."""


def leaf_hash(content: bytes) -> bytes:
    """Return SHA-256(0x00 ‖ content), 32 bytes."""
    return sha256(b"\x00" + content).digest()


def leaf_hashes(contents: Sequence[bytes]) -> list[bytes]:
    """Return the leaf of each content, in order."""
    digest = sha256
    return [digest(b"\x00" + content).digest() for content in contents]


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return SHA-256(0x01 ‖ left ‖ right), 32 bytes."""
    return sha256(b"\x01" + left + right).digest()


def parents(row: Sequence[bytes]) -> list[bytes]:
    """Return the hash above each pair of neighbours; a last one without a neighbour has none."""
    digest = sha256
    each = iter(row)
    return [
        digest(b"\x01" + left + right).digest() for left, right in zip(each, each, strict=False)
    ]


def subtrees(start: int, stop: int) -> Iterator[tuple[int, int]]:
    """Yield level and index of the fewest nodes that cover start <= leaf < stop, left to right."""
    while start < stop:
        level = (stop - start).bit_length() - 1
        if start:  # A subtree of 2**level leaves begins at a multiple of that only.
            level = min(level, (start & -start).bit_length() - 1)
        yield level, start >> level
        start += 1 << level


def subtree_root(hashes: Sequence[bytes]) -> bytes:
    """Return MTH of leaves whose subtrees grow smaller to the right, as those from 0 do.

    MTH splits at the largest power of two below the size, so the leftmost subtree hangs right
    under the root, and what follows it is a tree of its own.
    """
    return reduce(lambda right, left: node_hash(left, right), reversed(hashes))


@dataclass(frozen=True, kw_only=True, slots=True)
class Range:
    """The leaves start <= index < stop by the hashes of the fewest subtrees that cover them.

    It is all that appending needs. From 0 on, it is the right edge of the tree of size `stop`.
    Raises `TreeRefused` where the hashes aren't those of such a range.
    """

    start: int = 0
    stop: int = 0
    hashes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.stop <= SIZE_LIMIT:
            raise TreeRefused(f"No range goes from {self.start:x} to {self.stop:x} (hexadecimal).")
        if len(self.hashes) != sum(1 for _ in subtrees(self.start, self.stop)):
            raise TreeRefused("The range has more or fewer hashes than subtrees.")
        if any(len(node) != HASH_BYTES for node in self.hashes):
            raise TreeRefused("A hash of the range doesn't have 32 bytes.")

    @classmethod
    def read(cls, start: int, stop: int, nodes: Nodes) -> Self:
        """Read the range from a tree."""
        return cls(start=start, stop=stop, hashes=tuple(nodes(*at) for at in subtrees(start, stop)))

    @property
    def root(self) -> bytes:
        """The root of the tree of size `stop`; a range that begins later has none."""
        if self.start:
            raise TreeRefused("Only a range from the first leaf on has a root.")
        return subtree_root(self.hashes) if self.hashes else EMPTY_ROOT

    def append(self, leaves: Sequence[bytes]) -> "Growth":
        """Return the range with the leaves at its end; a leaf costs one hash and O(1) amortised.

        Works level by level. What has no neighbour at its level waits there for one; what waited
        before is taken from this range, so nothing is read.
        """
        waiting = dict(zip(subtrees(self.start, self.stop), self.hashes, strict=True))
        rows = []
        row, index, level = list(leaves), self.stop, 0
        while row:
            rows.append(row)
            if index & 1 and (neighbour := waiting.get((level, index - 1))):
                row, index = [neighbour, *row], index - 1
            elif index & 1:  # Its neighbour lies before the range.
                waiting[level, index] = row[0]
                row, index = row[1:], index + 1
            if len(row) & 1:
                waiting[level, index + len(row) - 1] = row[-1]
            row, index, level = parents(row), index >> 1, level + 1
        stop = self.stop + len(leaves)
        hashes = tuple(waiting[at] for at in subtrees(self.start, stop))
        return Growth(self, Range(start=self.start, stop=stop, hashes=hashes), rows)

    def merge(self, following: "Range") -> "Range":
        """Return this range and the one that begins where it stops, as one, in O(log n)."""
        if self.stop != following.start:
            raise TreeRefused("Two ranges that don't touch can't be merged.")
        nodes = list(zip(subtrees(self.start, self.stop), self.hashes, strict=True))
        right = zip(subtrees(following.start, following.stop), following.hashes, strict=True)
        for (level, index), node in right:
            while nodes and index & 1 and nodes[-1][0] == (level, index - 1):
                node = node_hash(nodes.pop()[1], node)
                level, index = level + 1, index >> 1
            nodes.append(((level, index), node))
        hashes = tuple(node for _, node in nodes)
        return Range(start=self.start, stop=following.stop, hashes=hashes)


class Growth(NamedTuple):
    """A range before and after an append, and by level the nodes that the append completed.

    The first of `rows[level]` has the index `before.stop >> level` where the range is from 0 on.
    """

    before: Range
    after: Range
    rows: list[list[bytes]]
