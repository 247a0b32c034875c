"""Text with one spelling for each value, so that no byte of it can change unnoticed."""

import re
from base64 import b64decode, b64encode
from typing import Final

from audit_trail.errors import AuditError
from audit_trail.seal.merkle import HASH_BYTES, SIZE_LIMIT

# Nineteen digits hold SIZE_LIMIT; more are refused before they are turned into a number.
_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,18}")


def to_base64(content: bytes) -> str:
    """Return the standard encoding of RFC 4648, section 4, with padding."""
    return b64encode(content).decode()


def from_base64(text: str, refusal: type[AuditError]) -> bytes:
    """Return what is encoded; raises `refusal` for any spelling but that of `to_base64`.

    The last character may hold bits that decoding ignores, so decoding alone would let a
    signature be changed in places.
    """
    try:
        content = b64decode(text, validate=True)
    except ValueError:
        raise refusal("A value isn't base64.") from None
    if to_base64(content) != text:
        raise refusal("A value is base64 in an unusual spelling.")
    return content


def hash_from(text: str, refusal: type[AuditError]) -> bytes:
    """Return the hash that is encoded; raises `refusal` where it doesn't have 32 bytes."""
    content = from_base64(text, refusal)
    if len(content) != HASH_BYTES:
        raise refusal("A hash doesn't have 32 bytes.")
    return content


def number_from(text: str, refusal: type[AuditError]) -> int:
    """Return a size or index; raises `refusal` for signs, leading zeros and more than 2**63-1."""
    if _DECIMAL.fullmatch(text) is None or (number := int(text)) > SIZE_LIMIT:
        raise refusal("A size or index isn't a plain decimal number up to 2**63-1.")
    return number
