"""The recursive definitions of RFC 9162, section 2.1, word for word and slow, to hold ours against."""

from collections.abc import Sequence
from functools import cache
from hashlib import sha256

from audit_trail.seal.merkle import Nodes


class Tree:
    """A tree over the given leaves, computed by definition alone."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self.leaves = leaves
        self.mth = cache(self._mth)

    def _mth(self, start: int, stop: int) -> bytes:
        if stop - start == 0:
            return sha256(b"").digest()
        if stop - start == 1:
            return self.leaves[start]
        k = start + split(stop - start)
        return sha256(b"\x01" + self.mth(start, k) + self.mth(k, stop)).digest()

    def path(self, m: int, start: int, stop: int) -> list[bytes]:
        if stop - start == 1:
            return []
        k = split(stop - start)
        if m < k:
            return [*self.path(m, start, start + k), self.mth(start + k, stop)]
        return [*self.path(m - k, start + k, stop), self.mth(start, start + k)]

    def subproof(self, m: int, start: int, stop: int, whole: bool) -> list[bytes]:
        if m == stop - start:
            return [] if whole else [self.mth(start, stop)]
        k = split(stop - start)
        if m <= k:
            return [*self.subproof(m, start, start + k, whole), self.mth(start + k, stop)]
        return [*self.subproof(m - k, start + k, stop, False), self.mth(start, start + k)]

    def nodes(self, level: int, index: int) -> bytes:
        start, stop = index << level, (index + 1) << level
        assert stop <= len(self.leaves)
        return self.mth(start, stop)


def split(size: int) -> int:
    """The largest power of two smaller than the size."""
    k = 1
    while 2 * k < size:
        k *= 2
    return k


def leaves(count: int) -> list[bytes]:
    return [sha256(b"\x00" + str(number).encode()).digest() for number in range(count)]


LEAVES = leaves(3000)
TREE = Tree(LEAVES)
NODES: Nodes = TREE.nodes
