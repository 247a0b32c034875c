"""The port of what a database keeps of the search index; its contract is tests/store/test_index.py.

An index is derived: it can be thrown away at any time, and made anew from the entries. It tells terms of
16^level blocks of entries in each segment; what a term, a page and a payload are, the search knows.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol


class Segment(NamedTuple):
    """Which blocks a segment has: those from number * 16^level on; and how many of its entries,
    dropped since, it leaves out."""

    level: int
    number: int
    dropped: int = 0


class IndexHead(NamedTuple):
    """What an account's index consists of, in the order of the entries, and how many blocks it tells of.

    Each change counts the version on; the generation, those that took terms out of what was there.
    """

    version: int = 0
    generation: int = 0
    blocks: int = 0
    segments: tuple[Segment, ...] = ()


class Leaf(NamedTuple):
    """A page with its first term, and the bitmaps of it that lie apart, by their terms."""

    first: bytes
    page: bytes
    apart: dict[bytes, bytes]


class Block(NamedTuple):
    """When entries of a block occurred, µs UTC: the first, the last, and all (64 bits each)."""

    number: int
    since_us: int
    until_us: int
    times: bytes


class Replaced(NamedTuple):
    """Pages in the place of the one with this first term; none where no term is left.

    `gone` are the terms whose bitmaps lay apart, and don't any more.
    """

    segment: Segment
    first: bytes
    leaves: Sequence[Leaf]
    gone: Sequence[bytes]


class IndexStore(Protocol):
    """Segments of many accounts. Only what a head names counts; the rest is being made or goes."""

    def index_head(self, account: str) -> IndexHead:
        """Return what the account's index consists of; an unknown account has none."""
        ...

    def page(self, account: str, segment: Segment, term: bytes) -> tuple[bytes, bytes] | None:
        """Return the page that has the term, if any has, with its first term."""
        ...

    def pages(
        self, account: str, segment: Segment, behind: bytes, limit: int
    ) -> list[tuple[bytes, bytes]]:
        """Return the next pages whose first term is behind this one, with their first terms."""
        ...

    def apart(self, account: str, segment: Segment, term: bytes) -> bytes | None:
        """Return the payload that lies apart."""
        ...

    def blocks(self, account: str, start: int, stop: int) -> list[tuple[int, int, int]]:
        """Return number, first and last time of the blocks start <= number < stop, by number."""
        ...

    def times(self, account: str, number: int) -> bytes | None:
        """Return the times of a block's entries, each in the place of its index."""
        ...

    def put(self, account: str, head: IndexHead, segment: Segment, leaves: Sequence[Leaf]) -> None:
        """Add pages, none of which is there, to a segment that no head names yet.

        Raises `HeadMoved` where the head isn't this one any more: nothing may be added then, as an
        erasure may have taken its terms out, and its bytes were looked for and found nowhere.
        """
        ...

    def publish(
        self,
        account: str,
        before: IndexHead,
        after: IndexHead,
        *,
        blocks: Sequence[Block] = (),
        replaced: Sequence[Replaced] = (),
        gone: Sequence[range] = (),
        is_clean: bool = False,
    ) -> None:
        """Put the head in the place of the one before, with all else or not at all.

        Of the blocks `gone` the times go, too. With `is_clean` pages that the new head doesn't name go with it, whoever was making them.

        Raises `HeadMoved` where it isn't the one before any more.
        """
        ...

    def discard(self, account: str, limit: int) -> int:
        """Delete pages of segments that the head doesn't name; return how many, `limit` at most."""
        ...

    def indexing(self) -> AbstractContextManager[bool]:
        """Hold the right to make segments; gives False where another process has it."""
        ...
