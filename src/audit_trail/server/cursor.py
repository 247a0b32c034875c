"""Cursors: how far a reader has come, in a text that nobody else can make; it asks no trail."""

import binascii
import hmac
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Final

import msgspec

from audit_trail.errors import CursorRefused

TAG_BYTES: Final = 16
KEY_BYTES: Final = 32
LONGEST: Final = 100
_VERSION: Final = 1
_LAYOUT: Final = struct.Struct(">Bqq")


class Position(msgspec.Struct, frozen=True):
    """The index beyond which the next page begins, and the moment (µs UTC) of which it is asked.

    An index of -1 is before the first entry. Relative times of a question, such as `date:-7d`, keep
    the moment of the first page, so that all pages are of one query.
    """

    index: int
    now_us: int


class Cursors:
    """Writes and reads cursors under one secret; every server with the same one knows them.

    A cursor holds its position in the clear, and a MAC over position, account and what is asked:
    altered, or taken to another account or another question, it is refused.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) < KEY_BYTES:
            raise ValueError(f"the key of cursors has {KEY_BYTES} bytes or more")
        self._key = key

    def write(self, account: str, asked: Mapping[str, str], position: Position) -> str:
        """Return the position as a text of A-Z, a-z, 0-9, - and _."""
        content = _LAYOUT.pack(_VERSION, position.index, position.now_us)
        tag = self._tag(account, asked, content)
        return urlsafe_b64encode(content + tag).rstrip(b"=").decode()

    def read(self, account: str, asked: Mapping[str, str], text: str) -> Position:
        """Return the position. Raises `CursorRefused` for a text that we haven't written for this."""
        spelled = _bytes(text)
        content, tag = spelled[: _LAYOUT.size], spelled[_LAYOUT.size :]
        if not hmac.compare_digest(tag, self._tag(account, asked, content)):
            raise CursorRefused
        _, index, now_us = _LAYOUT.unpack(content)
        return Position(index, now_us)

    def _tag(self, account: str, asked: Mapping[str, str], content: bytes) -> bytes:
        # JSON keeps the parts apart, so that no account and question read as another pair.
        bound = msgspec.json.encode([account, sorted(asked.items())])
        message = b"cursor" + sha256(bound).digest() + content
        return hmac.digest(self._key, message, "sha256")[:TAG_BYTES]


def _bytes(text: str) -> bytes:
    """Decode a cursor's text. One position has one text, so that none can be spelled twice."""
    if len(text) > LONGEST:
        raise CursorRefused
    try:
        spelled = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        raise CursorRefused from None
    is_ours = urlsafe_b64encode(spelled).rstrip(b"=").decode() == text
    if not is_ours or len(spelled) != _LAYOUT.size + TAG_BYTES or spelled[0] != _VERSION:
        raise CursorRefused
    return spelled
