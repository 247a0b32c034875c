"""The id of an entry: born with its row, the same whenever that is read."""

from hashlib import sha256
from typing import Final

from audit_trail.capture.outbox import Row

NONCE_BYTES: Final = 10
_VERSION_AND_VARIANT: Final = 7 << 76 | 2 << 62
# The variant's two bits stand between these.
_UPPER: Final = 0xFFF << 62
_LOWER: Final = 2**62 - 1


def entry_id(row: Row, occurred_us: int, variant: bytes = b"") -> str:
    """Return the UUIDv7 (RFC 9562) whose time is `occurred_us` and whose bits are the row's."""
    nonce = (
        row.nonce
        if isinstance(row.nonce, bytes) and len(row.nonce) == NONCE_BYTES and not variant
        else None
    )
    bits = int.from_bytes(
        nonce or sha256(variant + repr((row.id, row.nonce)).encode()).digest()[:NONCE_BYTES]
    )
    return uuid7(occurred_us, bits)


def uuid7(time_us: int, bits: int) -> str:
    """Return the UUIDv7 (RFC 9562) of this time and the low 74 of these bits."""
    milliseconds = (time_us // 1_000) & (2**48 - 1)
    number = milliseconds << 80 | _VERSION_AND_VARIANT | (bits & _UPPER) << 2 | bits & _LOWER
    digits = f"{number:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
