"""The entry: a public part that is hashed into the tree, and two sealed parts committed by it.

Formats: entry version 1 in docs/spec/entry-1.md. Times are integers, UTC microseconds.
"""

import re
from functools import lru_cache
from hashlib import sha256
from typing import Any, ClassVar, Final, Literal

import msgspec

Action = str
Outcome = Literal["success", "failure", "denied"]
Via = Literal["ui", "api", "job", "automation", "cli", "database", "import"]
ActorKind = Literal[
    "user",
    "api_token",
    "agent_bot",
    "automation",
    "job",
    "ai_agent",
    "support",
    "system",
    "anonymous",
]

INSTALLATION: Final = "0"
"""The account of the installation's own trail."""

SALT_BYTES: Final = 16


class Entity(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """What the entry is about: the table's singular, and the record's surrogate id."""

    id: str | None = None
    type: str


class ActorId(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """Who acted, without a name: names live in the who part."""

    id: str | None = None
    kind: ActorKind


Ranges = tuple[tuple[int, int], ...]
"""Indexes, each range by its first and its last one."""


class Removed(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """What an entry declares as gone: sealed parts that were erased, entries that were dropped."""

    entry: Ranges = ()
    what: Ranges = ()
    who: Ranges = ()


class Public(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """The public part, version 1. Absent members are left out of the bytes, never null.

    The members, and those of what it holds, stand in the order of their names: that of the bytes.
    """

    account: str
    action: Action
    actor: ActorId
    cause: str | None = None
    entity: Entity
    fields: tuple[str, ...] = ()
    id: str
    occurred_at: int
    on_behalf_of: tuple[ActorId, ...] = ()
    outcome: Outcome
    recorded_at: int
    removed: Removed | None = None
    request: str | None = None
    v: int
    via: Via
    what: str | None = None
    who: str | None = None


class Part(msgspec.Struct, frozen=True, gc=False):
    """A sealed part as it is stored: UTF-8 JSON bytes, and the salt of its commitment."""

    stored: bytes
    salt: bytes

    @property
    def commitment(self) -> str:
        """SHA-256(salt ‖ stored bytes), lower-case hex."""
        return sha256(self.salt + self.stored).hexdigest()


class Draft(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """An entry before the trail has given it an index: no recorded time, no salts."""

    id: str
    account: str
    occurred_at: int
    action: Action
    entity: Entity
    actor: ActorId
    via: Via
    outcome: Outcome = "success"
    request: str | None = None
    cause: str | None = None
    on_behalf_of: tuple[ActorId, ...] = ()
    fields: tuple[str, ...] = ()
    removed: Removed | None = None
    who: bytes | None = None
    what: bytes | None = None


class Entry(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """An entry of the trail: durable, with its index in the account and its version per record."""

    index: int
    version: int
    public_bytes: bytes
    leaf: bytes
    who: Part | None = None
    what: Part | None = None

    @property
    def public(self) -> Public:
        """The public part, decoded from the exact bytes; bytes that hold none read as unreadable."""
        try:
            return _decode_public(self.public_bytes)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return _UNREADABLE


_decode_public = msgspec.json.Decoder(Public).decode

# What was altered in the store may be anything, and must not keep readers from all other entries.
_UNREADABLE: Final = Public(
    v=0,
    id="",
    account="",
    occurred_at=0,
    recorded_at=0,
    action="unreadable",
    outcome="failure",
    entity=Entity(type="audit_log"),
    actor=ActorId(kind="anonymous"),
    via="database",
)


class Who(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The who part: everything that names the actor or says where the act came from."""

    is_erased: ClassVar[bool] = False

    email: str | None = None
    name: str | None = None
    role: str | None = None
    ip: str | None = None
    forwarded: tuple[str, ...] = ()
    address: str | None = None
    user_agent: str | None = None
    session: str | None = None
    token: dict[str, str] | None = None
    client_request: str | None = None
    on_behalf_of: tuple[dict[str, str], ...] = ()
    job: str | None = None

    @property
    def nearest(self) -> str | None:
        """The address where the act came from: the nearest that was no trusted proxy."""
        return self.address or self.ip

    @property
    def person(self) -> str:
        """The actor's e-mail and name with letters' case folded, for looking people up."""
        return f"{self.email or ''}\n{self.name or ''}".casefold()


class ErasedWho(Who, frozen=True, kw_only=True):
    """A who part of which only the commitment is left."""

    is_erased: ClassVar[bool] = True


class Reference(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """A record that the entry's record points to, with its name as it was then."""

    table: str
    label: str | None = None
    before: str | None = None


class Change(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One field's values. A create has no `before`, a delete no `after`; see `record.value`."""

    before: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    after: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class What(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """The what part: names of records, every before and after, the reason, an event's details."""

    is_erased: ClassVar[bool] = False

    label: str | None = None
    references: dict[str, Reference] = {}
    changes: dict[str, Change] = {}
    reason: str | None = None
    ticket: str | None = None
    details: dict[str, Any] = {}
    unreadable: dict[str, Any] | None = None


class ErasedWhat(What, frozen=True, gc=False, kw_only=True):
    """A what part of which only the commitment is left."""

    is_erased: ClassVar[bool] = True


def read_who(part: Part | None, commitment: str | None = None) -> Who:
    """Decode the who part; one that is absent, was erased or can't be read names nobody."""
    if part is None and commitment is not None:
        return ErasedWho()
    try:
        return msgspec.json.decode(part.stored, type=Who) if part else Who()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Who()


def uuid_bytes(entry_id: str) -> bytes | None:
    """Return the 16 bytes of a UUID, half of its text's; none of any other id."""
    return bytes.fromhex(entry_id.replace("-", "")) if _UUID.fullmatch(entry_id) else None


def uuid_text(kept: bytes) -> str:
    """Return the text of a UUID's 16 bytes."""
    digits = kept.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


_UUID: Final = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Indexed(msgspec.Struct, frozen=True, gc=False):
    """What of a public part stores keep in columns of their own."""

    id: str
    occurred_at: int
    recorded_at: int
    entity: Entity


class _Person(msgspec.Struct, frozen=True, gc=False):
    email: str | None = None
    name: str | None = None


decode_indexed = msgspec.json.Decoder(Indexed).decode
_decode_person = msgspec.json.Decoder(_Person).decode


def read_person(part: Part | None) -> str:
    """Decode of the who part only what people are looked up by: see `Who.person`."""
    return "\n" if part is None else _person_in(part.stored)


@lru_cache(maxsize=64)
def _person_in(stored: bytes) -> str:
    """The entries of a transaction have one who part, so it is read once."""
    person = _decode_person(stored)
    return f"{person.email or ''}\n{person.name or ''}".casefold()


def read_what(part: Part | None, commitment: str | None = None) -> What:
    """Decode the what part; an absent one says nothing; one that can't be read or is erased says so."""
    if part is None and commitment is not None:
        return ErasedWhat()
    try:
        return msgspec.json.decode(part.stored, type=What) if part else What()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return What(unreadable={"why": "Its values can't be read."})
