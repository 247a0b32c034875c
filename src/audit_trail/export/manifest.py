"""What an export says of itself, in a file of its own beside it; nothing of it is signed."""

from typing import Any, Final, Literal

import msgspec

from audit_trail.export.wanted import Form

FORMAT: Final = "audit-trail export 1"
SUFFIX: Final = ".manifest.json"


class File(msgspec.Struct, frozen=True, kw_only=True):
    """The file with the entries: its name, format, length in bytes, and SHA-256 in hexadecimal."""

    name: str
    form: Form = msgspec.field(name="format")
    bytes: int
    sha256: str


class Asked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The query: as it was typed, how its parts read, and the condition that it came to.

    Times are RFC 3339 in UTC; `until` is exclusive. Without a condition, every entry matches.
    """

    question: str
    understood: tuple[str, ...]
    condition: dict[str, Any] | None = None
    order: Literal["newest first", "oldest first"]
    zone: str
    since: str | None = None
    until: str | None = None


class Range(msgspec.Struct, frozen=True, kw_only=True):
    """The indexes that were looked at, both ends included."""

    first: int
    last: int


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """The trail as it was: its size, and its newest checkpoint, a signed note, if there is one."""

    size: int
    checkpoint: str | None


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """An export's manifest. `whole` says that all that matches is there: an export is never cut."""

    format: str = FORMAT
    account: str
    file: File
    query: Asked
    count: int
    whole: bool = True
    looked_at: Range | None
    trail: Taken
    taken_at: str
    program: str

    @property
    def encoded(self) -> bytes:
        """The manifest as it is written: JSON, legible."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"
