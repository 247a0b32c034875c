"""A captured value: JSON with tags for what JSON can't say; it reads values and never loses one.

A value is null, true, false, an integer or text, or an object tagged by `$`:

- `{"$":"json","value":…}`: the column holds JSON
- `{"$":"real","text":"0.1"}`: a floating-point number, as the digits that the database writes
- `{"$":"numeric","text":"1.10"}`: a decimal number, with every digit that it was given
- `{"$":"blob","sha256":…,"size":n}`: bytes, by digest and size
- `{"$":"cut","text":…,"size":n}`: text of n bytes, of which the beginning is kept (the first
  mebibyte, or less); with `sha256`, the digest of all of it, where the database can tell
- `{"$":"invalid","why":…,"text":…}`: text that can't be shown as what its column declares
- `{"$":"secret"}`: compared, never copied
"""

import json
import re
from hashlib import sha256
from typing import Any, Final

import msgspec

SECRET: Final = b'{"$":"secret"}'
NULL: Final = b"null"
LIMIT_BYTES: Final = 1_048_576
"""What capture keeps of one value; a longer one is cut there and marked with its full size."""

DEEPEST: Final = 100
"""How deep JSON may nest; what nests deeper is kept as marked text, since readers recurse."""

_BRACKETS: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', re.DOTALL)

_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def settled(raw: bytes) -> bytes:
    """Turn a value as a trigger wrote it into the value as it is sealed; it never fails.

    Hexadecimal blobs become digest and size, reals their shortest exact text, and bytes that
    aren't UTF-8, or JSON that readers would choke on, become marked text.
    """
    if raw.startswith(b'{"$":"hex"'):
        return _digest_of(raw)
    if raw.startswith(b'{"$":"cut"'):
        raw = _without_torn_letter(raw)
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return invalid(raw, "not UTF-8")
    if text.startswith('{"$":"real"'):
        return _encode({"$": "real", "text": _shortest(json.loads(text)["text"])})
    if raw.startswith(b'{"$":"json"') and is_deep(raw):
        return invalid(raw, f"nested deeper than {DEEPEST}")
    return raw


def invalid(raw: bytes, why: str) -> bytes:
    """Mark a value as one that can't be shown, with the bytes that the trigger wrote as text."""
    return _encode({"$": "invalid", "why": why, "text": raw.decode(errors="backslashreplace")})


def is_deep(raw: bytes) -> bool:
    """Tell whether the JSON nests deeper than readers can be trusted with."""
    if raw.count(b"[") + raw.count(b"{") <= DEEPEST:
        return False
    depth = 0
    for match in _BRACKETS.finditer(raw):
        match match[0]:
            case b"[" | b"{":
                depth += 1
            case b"]" | b"}":
                depth -= 1
        if depth > DEEPEST:
            return True
    return False


def tells_all(raw: bytes) -> bool:
    """Tell whether equal values mean equal columns: not of a secret, nor of what was cut."""
    return not (
        raw.startswith((SECRET, b'{"$":"cut","size"'))
        or (raw.startswith(b'{"$":"blob"') and b'"digest_of_first"' in raw)
    )


def _without_torn_letter(raw: bytes) -> bytes:
    """Drop the first bytes of a letter whose last ones were cut off with the rest of the text."""
    kept = raw.removesuffix(b'"}')
    for torn in range(1, 4):
        lead = kept[-torn : -torn + 1 or None]
        if lead >= b"\xc0":
            needed = 2 if lead < b"\xe0" else 3 if lead < b"\xf0" else 4
            return kept[:-torn] + b'"}' if torn < needed else raw
    return raw


def _digest_of(raw: bytes) -> bytes:
    tagged = json.loads(raw)
    kept = bytes.fromhex(tagged["hex"])
    digest = {"$": "blob", "sha256": sha256(kept).hexdigest(), "size": tagged["size"]}
    if len(kept) < tagged["size"]:
        digest["digest_of_first"] = len(kept)
    return _encode(digest)


def _shortest(text: str) -> str:
    number = float(text)
    return {"inf": "Infinity", "-inf": "-Infinity"}.get(repr(number), repr(number))


_encode = msgspec.json.Encoder(order="sorted").encode


def read(raw: bytes) -> Any:
    """Decode a sealed value, tags kept; a lone surrogate inside JSON reads as U+FFFD."""
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        text = raw.decode(errors="replace")
        return _without_surrogates(json.loads(text, parse_int=_integer))


def _integer(digits: str) -> int | str:
    """Python refuses to read integers of thousands of digits; they stay text."""
    return int(digits) if len(digits) <= 4_000 else digits


def plain(raw: bytes) -> Any:
    """Decode a sealed value into the form that the resource's own JSON gives it.

    JSON columns come as lists and objects; what has no such form keeps its tags as an object.
    """
    value = read(raw)
    if not isinstance(value, dict):
        return value
    match value:
        case {"$": "json", "value": document}:
            return document
        case {"$": "real" | "numeric", "text": text}:
            return text
        case {"$": "secret"}:
            return "[hidden]"
        case _:
            return {key: item for key, item in value.items() if key != "$"}


def _without_surrogates(value: Any) -> Any:
    match value:
        case str():
            return _SURROGATE.sub("\ufffd", value)
        case list():
            return [_without_surrogates(item) for item in value]
        case dict():
            return {
                _without_surrogates(key): _without_surrogates(item) for key, item in value.items()
            }
        case _:
            return value
