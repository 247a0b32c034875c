"""Entries as JSON Lines: what is stored is JSON already, so it is put together and never decoded."""

from base64 import b64encode
from collections.abc import Sequence
from json import loads
from typing import Final

import msgspec

from audit_trail.record.entry import Entry

_is_json: Final = msgspec.json.Decoder(msgspec.Raw).decode
_REFUSED: Final = (ValueError, RecursionError, TypeError)
"""What bytes that are no JSON are refused by; a shell may even have put text in their place."""


class Lines:
    """Writes an object a line: `index`, `version`, `public`, `who`, `what`.

    The parts are the stored bytes. A part that is absent or was erased is null: of the latter, the
    public part has the commitment. What isn't JSON any more is null, too, and lies under
    `unreadable` as base64.
    """

    def begin(self) -> bytes:
        """Return what stands before the first line: nothing."""
        return b""

    def add(self, entries: Sequence[Entry]) -> bytes:
        """Return the lines of these entries."""
        lines = b"".join(map(_line, entries))
        try:
            # One look at all of them: the bytes of a part may be no UTF-8 and pass for JSON.
            lines.decode()
        except UnicodeDecodeError:
            return b"".join(map(_careful_line, entries))
        return lines

    def end(self) -> bytes:
        """Return what stands behind the last line: nothing."""
        return b""


def _line(entry: Entry) -> bytes:
    public, who, what = entry.public_bytes, entry.who, entry.what
    try:
        _is_json(public)
        if who is not None:
            _is_json(who.stored)
        if what is not None:
            _is_json(what.stored)
        line = b'{"index":%d,"version":%d,"public":%b,"who":%b,"what":%b}' % (
            entry.index,
            entry.version,
            public,
            b"null" if who is None else who.stored,
            b"null" if what is None else what.stored,
        )
    except _REFUSED:
        return _careful_line(entry)
    return (_in_one(line) if b"\n" in line or b"\r" in line else line) + b"\n"


def _in_one(line: bytes) -> bytes:
    # Between the tokens of JSON a line's end is only space, and within a text it is spelled \n.
    return line.replace(b"\n", b" ").replace(b"\r", b" ")


def _careful_line(entry: Entry) -> bytes:
    parts: dict[str, bytes | None] = {
        "public": entry.public_bytes,
        "who": entry.who.stored if entry.who else None,
        "what": entry.what.stored if entry.what else None,
    }
    unreadable = {
        name: _as_base64(stored)
        for name, stored in parts.items()
        if stored is not None and not _is_text_of_json(stored)
    }
    shown = [
        b'"%b":%b' % (name.encode(), b"null" if stored is None or name in unreadable else stored)
        for name, stored in parts.items()
    ]
    if unreadable:
        shown.append(b'"unreadable":' + msgspec.json.encode(unreadable))
    return (
        _in_one(b'{"index":%d,"version":%d,%b}' % (entry.index, entry.version, b",".join(shown)))
        + b"\n"
    )


def _is_text_of_json(stored: object) -> bool:
    """Tell whether it is JSON as Python reads it, which takes half of a surrogate pair, too."""
    try:
        if not isinstance(stored, bytes):
            return False
        loads(stored.decode(), parse_int=str, parse_constant=_no_constant)
    except _REFUSED:
        return False
    return True


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON")


def _as_base64(stored: object) -> str:
    """Return the bytes; what isn't even bytes, by its text."""
    return b64encode(stored if isinstance(stored, bytes) else str(stored).encode()).decode()
