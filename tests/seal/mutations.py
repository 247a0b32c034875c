"""Every small thing that can happen to bytes on their way."""

from collections.abc import Iterator


def flipped(content: bytes) -> Iterator[bytes]:
    """The content with each single bit turned."""
    for at in range(len(content)):
        for bit in range(8):
            yield content[:at] + bytes([content[at] ^ 1 << bit]) + content[at + 1 :]


def shifted(content: bytes) -> Iterator[bytes]:
    """The content with each byte left out, and with a byte put in before each, and at the end."""
    for at in range(len(content)):
        yield content[:at] + content[at + 1 :]
    for at in range(len(content) + 1):
        for inserted in (b"\n", b" ", b"0", b"A", b"=", b"\r", b"\xc2\xa0"):
            yield content[:at] + inserted + content[at:]
