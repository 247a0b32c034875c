"""The zip of an evidence file: written in one way, and read however it was packed anew.

What counts are names and contents. Hashes show whether a content is right, so its checksum isn't
asked: what was altered can then be named, and isn't just "damaged".
"""

import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final, NamedTuple
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile

from audit_trail.errors import EvidenceRefused

MEMBER_LIMIT_BYTES: Final = 2**30
"""No content is larger, however small it is packed."""

_LOCAL: Final = struct.Struct("<4s5H3I2H")
_CENTRAL: Final = struct.Struct("<4s6H3I5H2I")
_WIDE_OFFSET: Final = struct.Struct("<2HQ")
_WIDE_END: Final = struct.Struct("<4sQ2H2I4Q")
_WIDE_PLACE: Final = struct.Struct("<4sIQI")
_END: Final = struct.Struct("<4s4H2IH")

_ENCRYPTED: Final = 1
_PLAIN: Final = 20
_WIDE: Final = 45
_DAY: Final = 0x21
"""1 January 1980: a file of the same content has the same bytes, whenever it is made."""
_MANY: Final = 0xFFFF
_FAR: Final = 0xFFFF_FFFF
_DAMAGED: Final = (
    *(BadZipFile, NotImplementedError, struct.error, zlib.error),
    *(ValueError, EOFError, OSError),
)
"""How a zip that is cut or altered fails to be read."""


class _Member(NamedTuple):
    """A member as it is written: stored, so that its bytes are the same with every zlib."""

    name: bytes
    size: int
    crc: int
    offset: int

    @property
    def header(self) -> bytes:
        sizes = (self.crc, self.size, self.size, len(self.name), 0)
        return _LOCAL.pack(b"PK\3\4", _PLAIN, 0, 0, 0, _DAY, *sizes) + self.name

    @property
    def stop(self) -> int:
        return self.offset + _LOCAL.size + len(self.name) + self.size

    @property
    def listing(self) -> bytes:
        """The member's line in the directory; an offset beyond 4 GiB stands behind the name."""
        is_far = self.offset >= _FAR
        wide = _WIDE_OFFSET.pack(1, 8, self.offset) if is_far else b""
        version = _WIDE if is_far else _PLAIN
        sizes = (self.crc, self.size, self.size, len(self.name), len(wide))
        place = (0, 0, 0, 0, min(self.offset, _FAR))
        head = _CENTRAL.pack(b"PK\1\2", version, version, 0, 0, 0, _DAY, *sizes, *place)
        return head + self.name + wide


def archived(contents: Iterable[tuple[str, bytes]]) -> Iterator[bytes]:
    """Yield the bytes of an archive of these names and contents, in this order, without seeking."""
    listings, offset = [], 0
    for name, content in contents:
        if len(content) > MEMBER_LIMIT_BYTES:
            raise EvidenceRefused(f"{name} would have {len(content)} bytes, too many for a file.")
        member = _Member(name.encode(), len(content), zlib.crc32(content), offset)
        yield member.header
        yield content
        listings.append(member.listing)
        offset = member.stop
    yield from listings
    yield _end(len(listings), sum(map(len, listings)), offset)


def _end(count: int, size: int, start: int) -> bytes:
    """Say where the directory begins; numbers too large for it stand in a record before."""
    wide = b""
    if count >= _MANY or start >= _FAR:
        far = (count, count, size, start)
        wide = _WIDE_END.pack(b"PK\6\6", _WIDE_END.size - 12, _WIDE, _WIDE, 0, 0, *far)
        wide += _WIDE_PLACE.pack(b"PK\6\7", 0, start + size, 1)
    few = min(count, _MANY)
    return wide + _END.pack(b"PK\5\6", 0, 0, few, few, size, min(start, _FAR), 0)


class Archive:
    """Names and contents of a zip that anybody may have packed. Raises `EvidenceRefused`."""

    def __init__(self, file: BinaryIO) -> None:
        try:
            self._archive = ZipFile(file)
        except _DAMAGED:
            raise EvidenceRefused("The file isn't a zip archive, or its end is missing.") from None
        members = [each for each in self._archive.infolist() if not each.is_dir()]
        self._members = {each.filename: each for each in members}
        if len(self._members) < len(members):
            raise EvidenceRefused("The file holds two members of one name.")
        members.sort(key=lambda each: each.header_offset)
        for member in members:
            # An unknown checksum isn't compared.
            member.CRC = None  # type: ignore[assignment]
        ends = [each.header_offset + _LOCAL.size + each.compress_size for each in members]
        if any(end > after.header_offset for end, after in zip(ends, members[1:], strict=False)):
            raise EvidenceRefused("Members of the file overlap.")

    @property
    def names(self) -> set[str]:
        """The members' names."""
        return set(self._members)

    def read(self, name: str, limit: int = MEMBER_LIMIT_BYTES) -> bytes:
        """Return a content of at most so many bytes; nothing beyond them is unpacked."""
        member = self._members.get(name)
        if member is None:
            raise EvidenceRefused(f"The file has no {name}.")
        if member.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
            raise EvidenceRefused(f"{name} is packed in a way that isn't known.")
        try:
            with self._archive.open(member) as opened:
                content = opened.read(limit + 1)
        except (*_DAMAGED, RuntimeError):  # The last one, where it is encrypted.
            raise EvidenceRefused(f"{name} can't be unpacked.") from None
        if len(content) > limit or len(content) != member.file_size:
            raise EvidenceRefused(f"{name} is too long, or isn't as long as it should be.")
        return content
