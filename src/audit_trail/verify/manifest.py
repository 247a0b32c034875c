"""What an evidence file says of itself and how its members are spelled; nothing of it is signed."""

from collections.abc import Iterable
from hashlib import sha256
from typing import Annotated, Final, Literal, TypeVar

import msgspec

from audit_trail.errors import EvidenceRefused
from audit_trail.record.entry import SALT_BYTES
from audit_trail.seal.encoding import from_base64, to_base64
from audit_trail.seal.merkle import HASH_BYTES
from audit_trail.verify.filter import DEEPEST, Filter, read_seen
from audit_trail.verify.indexes import Pair
from audit_trail.verify.times import Micros, moment

FORMAT: Final = "audit-trail evidence 1"
MANIFEST: Final = "manifest.json"
CHECKPOINT: Final = "checkpoint"
KEYS: Final = "keys"
EARLIER: Final = "earlier-checkpoint"
PROOF: Final = "entry.tlog-proof"
COVERING: Final = "covering.jsonl"

_UNRESERVED: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~")

Index = Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
T = TypeVar("T")

UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What JSON is refused by: deep nesting by the last one."""

CHUNK_LIMIT_ENTRIES: Final = 65_536
COVERING_LIMIT_LINES: Final = 1_000_000


class Asked(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """What was asked of the range. Bounds are inclusive, of `occurred_at`, microseconds UTC.

    Whether an entry has one of the types and lies within the bounds, its public part tells.
    `person` is looked for in sealed parts, so nobody can show that it was found everywhere. Of a
    question, `where` is what public parts decide, and where they don't.
    """

    types: tuple[str, ...] = ()
    since_us: Micros | None = None
    until_us: Micros | None = None
    person: str | None = None
    where: Filter | None = None

    def __post_init__(self) -> None:
        if self.where and self.where.depth > DEEPEST:
            raise ValueError("The filter nests too deeply")

    def decides(self, entity_type: str, occurred_at: int, content: bytes) -> bool | None:
        """Tell whether an entry matches by its public part; None where that doesn't tell."""
        if not self.holds(entity_type, occurred_at):
            return False
        return self.where.decides(read_seen(content)) if self.where else True

    def holds(self, entity_type: str, occurred_at: int) -> bool:
        """Tell whether public fields match; the sealed ones are another matter."""
        return (
            (not self.types or entity_type in self.types)
            and (self.since_us is None or occurred_at >= self.since_us)
            and (self.until_us is None or occurred_at <= self.until_us)
        )

    @property
    def filters(self) -> bool:
        """Tell whether anything is asked of public fields."""
        times = self.since_us is not None or self.until_us is not None
        return bool(self.types) or times or self.where is not None

    def told(self, account: str, first: int, last: int) -> str:
        """Return in words what is asked of a range."""
        words = [f"account {account}, entries {first} to {last}"]
        if self.types:
            words.append(f"types {', '.join(self.types)}")
        if self.since_us is not None:
            words.append(f"since {moment(self.since_us)}")
        if self.until_us is not None:
            words.append(f"until {moment(self.until_us)}")
        if self.person is not None:
            words.append(f"person {self.person}")
        if self.where is not None:
            words.append(f"where {self.where.told}")
        return "; ".join(words)


class Gone(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """Indexes by part, as ranges with both ends; `entry` where nothing of the entry is left."""

    who: tuple[Pair, ...] = ()
    what: tuple[Pair, ...] = ()
    entry: tuple[Pair, ...] = ()


class Manifest(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """What was asked, what is there, and the hashes beside the range that lead to the root."""

    format: Literal["audit-trail evidence 1"]
    origin: str
    account: str
    first: Index
    last: Index
    whole: bool
    """Whether it claims to hold every entry that the checkpoint covers."""
    query: Asked
    words: str
    """The query for people; nothing is proven by it."""
    time_zone: str
    count: Index
    """How many entries of the range match the query."""
    cut: Literal[False]
    """Format 1 never cuts a result."""
    left: tuple[str, ...]
    right: tuple[str, ...]
    consistency: tuple[str, ...] | None = None
    removed: Gone
    withheld: Gone

    def __post_init__(self) -> None:
        if self.first > self.last or self.withheld.entry:
            raise ValueError("The range is empty, or whole entries are withheld")
        for gone in (self.removed, self.withheld):
            for pairs in (gone.who, gone.what, gone.entry):
                if not all(self.first <= start <= end <= self.last for start, end in pairs):
                    raise ValueError("What is gone isn't told as ranges of the file's own")

    @property
    def told(self) -> str:
        """The query in words, from its data."""
        return self.query.told(self.account, self.first, self.last)

    @property
    def encoded(self) -> bytes:
        """The one spelling of it."""
        return _encode(self) + b"\n"

    @classmethod
    def parse(cls, content: bytes) -> "Manifest":
        """Return the manifest that is spelled; raises `EvidenceRefused`."""
        manifest = decoded(content, cls, MANIFEST)
        if manifest.encoded != content:
            raise EvidenceRefused(f"{MANIFEST} is spelled in an unusual way.")
        return manifest


class Shown(
    msgspec.Struct,
    frozen=True,
    gc=False,
    kw_only=True,
    omit_defaults=True,
    forbid_unknown_fields=True,
):
    """A disclosed sealed part: its stored bytes, as text where they are UTF-8, and its salt."""

    salt: str
    text: str | None = None
    base64: str | None = None

    @classmethod
    def of(cls, stored: bytes, salt: bytes) -> "Shown":
        """Return how a part is spelled."""
        try:
            return cls(salt=salt.hex(), text=stored.decode())
        except UnicodeDecodeError:
            return cls(salt=salt.hex(), base64=to_base64(stored))

    def opens(self, commitment: str | None) -> bool:
        """Tell whether salt and stored bytes are what was committed to.

        Salts have one length, or bytes could move between a salt and what it salts.
        """
        try:
            salt = bytes.fromhex(self.salt)
        except ValueError:
            raise EvidenceRefused("A salt isn't hexadecimal.") from None
        is_opened = sha256(salt + self._stored).hexdigest() == commitment
        return is_opened and len(salt) == SALT_BYTES

    @property
    def _stored(self) -> bytes:
        if self.text is not None and self.base64 is None:
            return self.text.encode()
        if self.text is None and self.base64 is not None:
            return from_base64(self.base64, EvidenceRefused)
        raise EvidenceRefused("A sealed part is told as text and as base64, or as neither.")


class Sealed(
    msgspec.Struct,
    frozen=True,
    gc=False,
    kw_only=True,
    omit_defaults=True,
    forbid_unknown_fields=True,
):
    """The disclosed parts of one entry."""

    index: Index
    who: Shown | None = None
    what: Shown | None = None


class Covering(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """An entry outside the range that says what was removed in it, and its inclusion proof."""

    index: Index
    public: str
    path: tuple[str, ...]


_encode = msgspec.json.Encoder(order="sorted").encode
_decode_sealed = msgspec.json.Decoder(Sealed).decode


def decoded(content: bytes, kind: type[T], name: str) -> T:
    """Return the value that a member holds; raises `EvidenceRefused`, naming the member."""
    try:
        return msgspec.json.decode(content, type=kind)
    except UNREADABLE as error:
        raise EvidenceRefused(f"{name} can't be read: {error}.") from None


def lines_of(values: Iterable[Sealed] | Iterable[Covering]) -> bytes:
    """Spell the values, one a line."""
    return b"".join(_encode(value) + b"\n" for value in values)


def read_lines(content: bytes, kind: type[T], name: str, most: int) -> list[T]:
    """Return the values of a member, at most so many, one a line; raises `EvidenceRefused`."""
    if content.count(b"\n") > most or content[-1:] not in (b"", b"\n"):
        raise EvidenceRefused(f"{name} has too many lines, or ends within one.")
    decode = msgspec.json.Decoder(kind).decode
    lines = content.split(b"\n")[:-1]
    try:
        values = [decode(line) for line in lines]
    except UNREADABLE as error:
        raise EvidenceRefused(f"{name} can't be read: {error}.") from None
    if any(_encode(value) != line for value, line in zip(values, lines, strict=True)):
        raise EvidenceRefused(f"{name} is spelled in an unusual way.")
    return values


def leaves_in(content: bytes, name: str) -> list[bytes]:
    """Return the hashes of a member; raises `EvidenceRefused`."""
    if not content or len(content) % HASH_BYTES:
        raise EvidenceRefused(f"{name} doesn't hold whole hashes.")
    return [content[at : at + HASH_BYTES] for at in range(0, len(content), HASH_BYTES)]


def entries_in(content: bytes, name: str, most: int) -> list[bytes]:
    """Return the entries of a bundle; an empty one was dropped. Behind `most` one more is read."""
    entries: list[bytes] = []
    at, end = 0, len(content)
    while at + 1 < end and len(entries) <= most:
        start = at + 2
        at = start + (content[at] << 8 | content[at + 1])
        entries.append(content[start:at])
    if at != end and (at > end or len(entries) <= most):
        raise EvidenceRefused(f"{name} ends within an entry.")
    return entries


def chunk_names(first: int) -> tuple[str, str, str]:
    """Return the names of the members that hold the entries from an index on."""
    return f"entries/{first}", f"leaves/{first}", f"sealed/{first}.jsonl"


def account_in(account: str) -> str:
    """Return the account percent-encoded, as an origin ends with it (docs/spec/heads-1.md)."""
    return "".join(
        chr(each) if chr(each) in _UNRESERVED else f"%{each:02X}" for each in account.encode()
    )
