"""A captured value: JSON with tags for what JSON can't say; it reads values and never loses one.

A value is null, true, false, an integer or text, or an object tagged by `$`:

- `{"$":"json","value":…}`: the column holds JSON
- `{"$":"real","text":"0.1"}`: a floating-point number, as text, so that no digit is lost
- `{"$":"blob","sha256":…,"size":n}`: bytes, by digest and size
- `{"$":"cut","text":…,"size":n}`: text of n bytes, of which the first mebibyte is kept
- `{"$":"invalid","why":…,"text":…}`: text that can't be shown as what its column declares
- `{"$":"secret"}`: compared, never copied
"""

import json
from hashlib import sha256
from typing import Any, Final

import msgspec

SECRET: Final = b'{"$":"secret"}'
NULL: Final = b"null"
LIMIT_BYTES: Final = 1_048_576
"""What capture keeps of one value; a longer one is cut there and marked with its full size."""


def settled(raw: bytes) -> bytes:
    """Turn a value as a trigger wrote it into the value as it is sealed; it never fails.

    Hexadecimal blobs become digest and size, reals their shortest exact text, and bytes that
    aren't UTF-8 become marked text.
    """
    if raw.startswith(b'{"$":"hex"'):
        return _digest_of(raw)
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return _encode(
            {"$": "invalid", "why": "not UTF-8", "text": raw.decode(errors="backslashreplace")}
        )
    if text.startswith('{"$":"real"'):
        return _encode({"$": "real", "text": _shortest(json.loads(text)["text"])})
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
    except msgspec.DecodeError:
        return _without_surrogates(json.loads(raw.decode(errors="replace")))


def plain(raw: bytes) -> Any:
    """Decode a sealed value into the form that the resource's own JSON gives it.

    JSON columns come as lists and objects; what has no such form keeps its tags as an object.
    """
    value = read(raw)
    if not isinstance(value, dict):
        return value
    match value["$"]:
        case "json":
            return value["value"]
        case "real":
            return value["text"]
        case "secret":
            return "[hidden]"
        case _:
            return {key: item for key, item in value.items() if key != "$"}


def _without_surrogates(value: Any) -> Any:
    match value:
        case str():
            return value.encode(errors="surrogatepass").decode(errors="replace")
        case list():
            return [_without_surrogates(item) for item in value]
        case dict():
            return {
                _without_surrogates(key): _without_surrogates(item) for key, item in value.items()
            }
        case _:
            return value
