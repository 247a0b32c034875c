"""The canonical bytes of a public part; it encodes and refuses, and never decodes.

Inside the profile enforced here, sorted compact JSON equals RFC 8785 byte for byte.
"""

from typing import Any, Final

import msgspec

from audit_trail.errors import EntryTooLarge, NotCanonical
from audit_trail.record.entry import Public

PUBLIC_LIMIT_BYTES: Final = 65_535
INTEGER_LIMIT: Final = 2**53 - 1

_encoder = msgspec.json.Encoder(order="sorted")
# A public part's members stand in this order already.
_encode_public = msgspec.json.Encoder().encode


def canonical_bytes(value: msgspec.Struct | dict[str, Any]) -> bytes:
    """Return the exact bytes that are hashed (RFC 8785 within the profile).

    Raises `NotCanonical` for floats, integers outside ±(2^53-1), keys outside ASCII and strings
    with lone surrogates, and `EntryTooLarge` above 65,535 bytes.
    """
    _require_profile(msgspec.to_builtins(value), "$")
    return _bounded(_encoder.encode(value))


def public_bytes(public: Public) -> bytes:
    """Return the same bytes of a public part, whose types leave little of the profile to check.

    A lone surrogate has no UTF-8, so the encoder refuses it; nothing in it is a float or a key.
    """
    if max(abs(public.occurred_at), abs(public.recorded_at)) > INTEGER_LIMIT:
        return canonical_bytes(public)
    try:
        return _bounded(_encode_public(public))
    except UnicodeEncodeError:
        return canonical_bytes(public)


def _bounded(encoded: bytes) -> bytes:
    if len(encoded) > PUBLIC_LIMIT_BYTES:
        raise EntryTooLarge(
            f"The public part has {len(encoded)} bytes, {PUBLIC_LIMIT_BYTES} at most."
        )
    return encoded


def _require_profile(value: object, path: str) -> None:
    match value:
        case None | bool():
            return
        case int():
            if abs(value) > INTEGER_LIMIT:
                raise NotCanonical(f"The integer at {path} is outside ±(2^53-1).")
        case str():
            if not is_unicode(value):
                raise NotCanonical(f"The text at {path} holds a lone surrogate.")
        case list() | tuple():
            for position, item in enumerate(value):
                _require_profile(item, f"{path}[{position}]")
        case dict():
            for key, item in value.items():
                if not (isinstance(key, str) and key.isascii()):
                    raise NotCanonical(f"A key at {path} is not ASCII text.")
                _require_profile(item, f"{path}.{key}")
        case _:
            raise NotCanonical(f"The {type(value).__name__} at {path} is outside the profile.")


def is_unicode(text: str) -> bool:
    """Tell whether the text has no lone surrogate, so that it has UTF-8 bytes."""
    return text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text)
