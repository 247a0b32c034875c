"""Pages of a segment: some hundred terms in their order, with the indexes of their entries.

A page is a header (count of terms, bytes of their names), the names joined by NUL, for each its hits
and where its payload ends, then the payloads; numbers are little-endian. A payload is a kind's byte
and the indexes: a few as 32 bits each, or a roaring bitmap, which lies elsewhere where it is large.
"""

import struct
import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from pyroaring import BitMap

from audit_trail.store.index import Leaf

PAGE_BYTES: Final = 1_800
"""Where a page ends: it fits a row that PostgreSQL keeps in one piece."""

FEW_HITS: Final = 24
"""Up to here plain numbers are shorter than a bitmap."""

INLINE_BYTES: Final = 512
"""Bytes of a bitmap that a page itself holds."""

FEW: Final = b"\0"
BITS: Final = b"\1"
APART: Final = b"\2"

_HEADER: Final = struct.Struct("<II")
_NUMBER: Final = struct.Struct("<I")


class Posting(NamedTuple):
    """A term, how many entries have it, and the payload that tells which."""

    term: bytes
    hits: int
    payload: bytes


class Page:
    """A page, read where it is asked."""

    def __init__(self, data: bytes) -> None:
        count, names = _HEADER.unpack_from(data)
        start = _HEADER.size
        self.terms: list[bytes] = data[start : start + names].split(b"\0") if count else []
        start += names
        self.hits = numbers(data[start : start + 4 * count])
        self._ends = numbers(data[start + 4 * count : start + 8 * count])
        self._payloads = data[start + 8 * count :]
        self.size = len(data)

    def find(self, term: bytes) -> Posting | None:
        """Return the term's posting, if it has any."""
        at = bisect_left(self.terms, term)
        return self.at(at) if at < len(self.terms) and self.terms[at] == term else None

    def at(self, place: int) -> Posting:
        """Return the posting at this place, from 0."""
        start = self._ends[place - 1] if place else 0
        payload = self._payloads[start : self._ends[place]]
        return Posting(self.terms[place], self.hits[place], payload)

    def __iter__(self) -> Iterator[Posting]:
        return map(self.at, range(len(self.terms)))


def numbers_payload(indexes: Iterable[int]) -> bytes:
    """Return the payload of a few indexes, ascending."""
    return FEW + number_bytes(array("I", indexes))


def number_payload(index: int) -> bytes:
    """Return the payload of one index."""
    return FEW + _NUMBER.pack(index)


def bits_payload(bits: BitMap) -> bytes:
    """Return the payload of many indexes, or of a few."""
    if len(bits) <= FEW_HITS:
        return numbers_payload(bits)
    bits.run_optimize()
    return BITS + bits.serialize()


def read_payload(payload: bytes) -> BitMap:
    """Return the indexes; a payload that lies apart must be looked up before."""
    if payload[:1] == BITS:
        return BitMap.deserialize(payload[1:])
    return BitMap(numbers(payload[1:]))


def joined(payloads: Sequence[bytes]) -> tuple[int, bytes]:
    """Return how many indexes all of these have, and one payload; none is in two of them."""
    if len(payloads) == 1 and payloads[0][:1] == FEW:
        return len(payloads[0]) // 4, payloads[0]
    if all(each[:1] == FEW for each in payloads):
        plain = b"".join(each[1:] for each in payloads)
        if len(plain) <= 4 * FEW_HITS:
            return len(plain) // 4, FEW + plain
    bits = BitMap.union(*map(read_payload, payloads))
    return len(bits), bits_payload(bits)


def packed(postings: Iterable[tuple[bytes, int, bytes]]) -> Iterator[Leaf]:
    """Put postings, in the order of their terms, into pages."""
    names: list[bytes] = []
    hits, ends, payloads = array("I"), array("I"), bytearray()
    apart: dict[bytes, bytes] = {}
    size = 0
    for term, number, payload in postings:
        is_apart = len(payload) > INLINE_BYTES
        inline = APART if is_apart else payload
        size += len(term) + len(inline) + 9
        if names and size > PAGE_BYTES:
            yield Leaf(names[0], _page(names, hits, ends, payloads), apart)
            names, hits, ends, payloads, apart = [], array("I"), array("I"), bytearray(), {}
            size = len(term) + len(inline) + 9
        if is_apart:
            apart[term] = payload
        names.append(term)
        hits.append(number)
        payloads += inline
        ends.append(len(payloads))
    if names:
        yield Leaf(names[0], _page(names, hits, ends, payloads), apart)


def _page(
    names: Sequence[bytes], hits: "array[int]", ends: "array[int]", payloads: bytearray
) -> bytes:
    joined_names = b"\0".join(names)
    header = _HEADER.pack(len(names), len(joined_names))
    return b"".join((header, joined_names, number_bytes(hits), number_bytes(ends), payloads))


def numbers(data: bytes, typecode: str = "I") -> "array[int]":
    """Read numbers as they are stored, little-endian: of 32 bits, or by "q" of 64."""
    found = array(typecode)
    found.frombytes(data)
    if sys.byteorder == "big":
        found.byteswap()
    return found


def number_bytes(found: "array[int]") -> bytes:
    """Return numbers as they are stored."""
    if sys.byteorder == "big":
        found = array(found.typecode, found)
        found.byteswap()
    return found.tobytes()
