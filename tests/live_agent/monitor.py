"""A monitor as somebody outside would write it: it knows the formats, and nothing of our code.

It imports nothing of the project, so that what it finds is found by the published specifications.
"""

import base64
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, NamedTuple

import httpx2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

WIDTH = 256


class Checkpoint(NamedTuple):
    """A signed size and root, once the signature was verified."""

    origin: str
    size: int
    root: bytes


class Monitor:
    """Reads one trail over HTTP, and believes only what it has computed or verified."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"}

    def get(self, path: str) -> httpx2.Response:
        return httpx2.get(f"{self._url}/{path}", headers=self._headers, timeout=30)

    def fetch(self, path: str) -> bytes:
        answer = self.get(path)
        assert answer.status_code == 200, (path, answer.text)
        return answer.content

    def ask(self, path: str) -> Any:
        answer = self.get(path)
        assert answer.status_code == 200, (path, answer.text)
        return answer.json()

    def keys(self) -> dict[str, bytes]:
        """Return the Ed25519 keys by name and id."""
        found = {}
        for line in self.fetch("keys").decode().splitlines():
            name, key_id, key = line.split(" ")[1].split("+", 2)
            content = base64.b64decode(key)
            assert content[0] == 1 and len(content) == 33
            assert sha256(f"{name}\n".encode() + content).digest()[:4].hex() == key_id
            found[f"{name} {key_id}"] = content[1:]
        return found

    def checkpoint(self) -> Checkpoint:
        return verified(self.fetch("checkpoint"), self.keys())

    def leaves(self, size: int) -> list[bytes]:
        """Return the leaves of all entries, hashed from their bytes and equal to tile level 0."""
        found = []
        for start in range(0, size, WIDTH):
            place = place_of(start // WIDTH, min(size - start, WIDTH))
            hashed = [leaf(each) for each in entries_in(self.fetch(f"tile/entries/{place}"))]
            assert b"".join(hashed) == self.fetch(f"tile/0/{place}")
            found += hashed
        return found


def place_of(number: int, width: int) -> str:
    *above, last = f"{number:,}".split(",")
    place = "/".join([*(f"x{digits:0>3}" for digits in above), f"{last:0>3}"])
    return place if width == WIDTH else f"{place}.p/{width}"


def entries_in(bundle: bytes) -> list[bytes]:
    found, at = [], 0
    while at < len(bundle):
        stop = at + 2 + int.from_bytes(bundle[at : at + 2])
        found.append(bundle[at + 2 : stop])
        at = stop
    assert at == len(bundle)
    return found


def verified(note: bytes, keys: dict[str, bytes]) -> Checkpoint:
    """Return the checkpoint that one of the keys has signed."""
    text, _, lines = note.decode().rpartition("\n\n")
    for line in lines.splitlines():
        dash, name, encoded = line.split(" ")
        content = base64.b64decode(encoded)
        if dash == "—" and (key := keys.get(f"{name} {content[:4].hex()}")):
            Ed25519PublicKey.from_public_bytes(key).verify(content[4:], f"{text}\n".encode())
            origin, size, root = text.split("\n")
            assert origin == name
            return Checkpoint(origin, int(size), base64.b64decode(root))
    raise AssertionError("no known key has signed the checkpoint")


def leaf(entry: bytes) -> bytes:
    return sha256(b"\x00" + entry).digest()


def node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def split(size: int) -> int:
    """The largest power of two below the size."""
    return 1 << (size - 1).bit_length() - 1


def root_of(leaves: Sequence[bytes]) -> bytes:
    """MTH of RFC 9162, section 2.1.1."""
    if len(leaves) == 1:
        return leaves[0]
    middle = split(len(leaves))
    return node(root_of(leaves[:middle]), root_of(leaves[middle:]))


def root_by_inclusion(entry: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """The root to which PATH of RFC 9162, section 2.1.3.1, leads; it takes the path apart."""
    if size == 1:
        return leaf(entry)
    middle = split(size)
    if index < middle:
        left = root_by_inclusion(entry, index, middle, path)
        return node(left, path.pop(0))
    right = root_by_inclusion(entry, index - middle, size - middle, path)
    return node(path.pop(0), right)


def roots_by_consistency(
    old_root: bytes, old: int, new: int, path: list[bytes], *, whole: bool = True
) -> tuple[bytes, bytes]:
    """Both roots to which SUBPROOF of RFC 9162, section 2.1.4.1, leads; it takes the path apart."""
    if old == new:
        both = old_root if whole else path.pop(0)
        return both, both
    middle = split(new)
    if old <= middle:
        first, left = roots_by_consistency(old_root, old, middle, path, whole=whole)
        return first, node(left, path.pop(0))
    first, right = roots_by_consistency(old_root, old - middle, new - middle, path, whole=False)
    left = path.pop(0)
    return node(left, first), node(left, right)
