"""The leaf of the Merkle tree of RFC 6962, section 2.1; it knows no entry."""

from hashlib import sha256


def leaf_hash(content: bytes) -> bytes:
    """Return SHA-256(0x00 ‖ content), 32 bytes."""
    return sha256(b"\x00" + content).digest()
