"""The zip of an evidence file, laid out in one way only, so that no byte of it is left unread.

Members are stored, never compressed: a file is as large as what it holds, and anybody can unpack it.
"""

import struct
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final, NamedTuple
from zlib import crc32

from audit_trail.errors import EvidenceRefused

MEMBER_LIMIT_BYTES: Final = 2**30
"""No member is larger, so that a reader knows how much memory it may need."""

_LOCAL: Final = struct.Struct("<4s5H3I2H")
_CENTRAL: Final = struct.Struct("<4s6H3I5H2I")
_WIDE_OFFSET: Final = struct.Struct("<2HQ")
_WIDE_END: Final = struct.Struct("<4sQ2H2I4Q")
_WIDE_PLACE: Final = struct.Struct("<4sIQI")
_END: Final = struct.Struct("<4s4H2IH")

_PLAIN: Final = 20
_WIDE: Final = 45
_MIDNIGHT: Final = 0
_DAY: Final = 0x21
"""1 January 1980: a file of the same content has the same bytes, whenever it is made."""
_MANY: Final = 0xFFFF
_FAR: Final = 0xFFFF_FFFF
_LONGEST_NAME: Final = 100
_READ_TOGETHER: Final = 2**20


class Member(NamedTuple):
    """One member: its name, its size and CRC-32, and where its header begins."""

    name: str
    size: int
    crc: int
    offset: int

    @property
    def header(self) -> bytes:
        """What stands before the content."""
        name = self.name.encode()
        return (
            _LOCAL.pack(
                *(b"PK\3\4", _PLAIN, 0, 0, _MIDNIGHT, _DAY),
                *(self.crc, self.size, self.size, len(name), 0),
            )
            + name
        )

    @property
    def stop(self) -> int:
        """Where the next header begins."""
        return self.offset + len(self.header) + self.size

    @property
    def listing(self) -> bytes:
        """The member's line in the directory; an offset beyond 4 GiB stands behind the name."""
        name, is_far = self.name.encode(), self.offset >= _FAR
        wide = _WIDE_OFFSET.pack(1, 8, self.offset) if is_far else b""
        version = _WIDE if is_far else _PLAIN
        return (
            _CENTRAL.pack(
                *(b"PK\1\2", version, version, 0, 0, _MIDNIGHT, _DAY),
                *(self.crc, self.size, self.size, len(name), len(wide), 0, 0, 0, 0),
                _FAR if is_far else self.offset,
            )
            + name
            + wide
        )


def directory(members: Iterable[Member]) -> bytes:
    """Return what stands behind the last member: the directory, and where it begins."""
    listings, start = [], 0
    for member in members:
        listings.append(member.listing)
        start = member.stop
    count, size = len(listings), sum(map(len, listings))
    wide = b""
    if count >= _MANY or start >= _FAR:
        wide = _WIDE_END.pack(
            *(b"PK\6\6", _WIDE_END.size - 12, _WIDE, _WIDE, 0, 0),
            *(count, count, size, start),
        ) + _WIDE_PLACE.pack(b"PK\6\7", 0, start + size, 1)
    few, near = min(count, _MANY), min(start, _FAR)
    return b"".join([*listings, wide, _END.pack(b"PK\5\6", 0, 0, few, few, size, near, 0)])


def archived(contents: Iterable[tuple[str, bytes]]) -> Iterator[bytes]:
    """Yield the bytes of an archive of these names and contents, in this order."""
    members, offset = [], 0
    for name, content in contents:
        if len(content) > MEMBER_LIMIT_BYTES:
            raise EvidenceRefused(f"{name} would have {len(content)} bytes, too many for a file.")
        member = Member(name, len(content), crc32(content), offset)
        yield member.header
        yield content
        members.append(member)
        offset = member.stop
    yield directory(members)


class Archive:
    """An archive that can be read at any place; every byte but those of contents is checked first.

    Raises `EvidenceRefused` for whatever `archived` wouldn't have written.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._members: dict[str, Member] = {}
        self.damaged: list[str] = []
        """Names of the members that were read and don't have their CRC-32."""
        self._walk()

    @property
    def names(self) -> list[str]:
        """The members' names, in order."""
        return list(self._members)

    @property
    def size(self) -> int:
        """How many bytes all contents have together."""
        return sum(member.size for member in self._members.values())

    def read(self, name: str) -> bytes:
        """Return a member's content. That its CRC-32 is another is noted, for the caller to judge."""
        member = self._members[name]
        self._file.seek(member.stop - member.size)
        content = self._file.read(member.size)
        if len(content) != member.size:
            raise EvidenceRefused(f"The file ends within {name}.")
        if crc32(content) != member.crc:
            self.damaged.append(name)
        return content

    def _walk(self) -> None:
        offset = 0
        while (member := self._member(offset)) is not None:
            if member.name in self._members:
                raise EvidenceRefused(f"The file holds {member.name} twice.")
            self._members[member.name] = member
            offset = member.stop
        expected = directory(self._members.values())
        self._file.seek(offset)
        found = self._file.read(len(expected) + 1)
        if not self._members or found != expected:
            raise EvidenceRefused(
                "The file isn't an archive as evidence files are: it was cut, added to, or packed anew."
            )

    def _member(self, offset: int) -> Member | None:
        self._file.seek(offset)
        head = self._file.read(_LOCAL.size + _LONGEST_NAME)
        if not head.startswith(b"PK\3\4") or len(head) < _LOCAL.size:
            return None
        *_, crc, size, _, length, _ = _LOCAL.unpack_from(head)
        name = head[_LOCAL.size : _LOCAL.size + length]
        if not name.isascii() or length > _LONGEST_NAME or size > MEMBER_LIMIT_BYTES:
            raise EvidenceRefused("The file holds a member that evidence files don't have.")
        member = Member(name.decode(), size, crc, offset)
        if not head.startswith(member.header):
            raise EvidenceRefused(
                "The file isn't an archive as evidence files are: a header differs."
            )
        return member
