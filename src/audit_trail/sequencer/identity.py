"""The id of an entry: born in the trigger, the same whenever its row is read."""

from hashlib import sha256
from typing import Final

from audit_trail.capture.outbox import Row

NONCE_BYTES: Final = 10


def entry_id(row: Row, occurred_us: int, variant: bytes = b"") -> str:
    """Return the UUIDv7 (RFC 9562) whose time is `occurred_us` and whose bits the trigger drew."""
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
    number = (
        milliseconds << 80 | 7 << 76 | (bits >> 62 & 0xFFF) << 64 | 2 << 62 | bits & (2**62 - 1)
    )
    digits = f"{number:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
