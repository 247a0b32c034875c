"""The port that every store serves; its contract is tests/store/contract.py."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

from audit_trail.record.entry import Entry
from audit_trail.record.query import Query
from audit_trail.record.removed import RemovedPart
from audit_trail.seal.merkle import HASH_BYTES, Range
from audit_trail.seal.tile import Addition
from audit_trail.store.index import IndexStore

RecordKey = tuple[str, str | None]
"""An entity's type and id: what a version counts."""


class Seal(NamedTuple):
    """How far an account's tree goes: its size, right edge, and newest checkpoint if one is signed.

    `hashes` are the edge's, one behind the other. The checkpoint may be that of a smaller tree.
    """

    size: int = 0
    hashes: bytes = b""
    checkpoint: bytes | None = None

    @classmethod
    def of(cls, edge: Range, checkpoint: bytes | None) -> "Seal":
        """Return the seal of a tree by its right edge."""
        return cls(edge.stop, b"".join(edge.hashes), checkpoint)

    @property
    def edge(self) -> Range:
        """The right edge, all that an append needs. Raises `TreeRefused` for another shape."""
        hashes = self.hashes
        nodes = (hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES))
        return Range(stop=self.size, hashes=tuple(nodes))


class Head(NamedTuple):
    """How far an account's trail goes: its size, the newest `recorded_at` (µs UTC), and its seal.

    `first` is the index from which on nothing was dropped.
    """

    size: int
    recorded_at: int
    seal: Seal = Seal()
    first: int = 0


class Sealing(NamedTuple):
    """What an append adds to one account's tree, if the tree still has the size `before`."""

    before: int
    additions: Sequence[Addition]
    seal: Seal


class Tail(NamedTuple):
    """What an append adds to one account: entries from index `size` on, if it still ends there.

    Without `sealing` the tree stays as it is, as in releases that had none.
    """

    size: int
    entries: Sequence[Entry]
    sealing: Sealing | None = None


class Removal(NamedTuple):
    """A range that an entry, by its index, declares as removed; first and last index included."""

    part: RemovedPart
    first: int
    last: int
    declared_by: int


class Pending(NamedTuple):
    """What of a removal, by its part and first index, is to be carried out next: start <= index < stop."""

    part: RemovedPart
    first: int
    start: int
    stop: int


class Row(NamedTuple):
    """An entry as it lies in the store: its bytes, and the columns that repeat what they say.

    Nothing of it is checked, not even types: who owns the database may have put anything there. A
    store that doesn't keep `recorded_at` in a column has None.
    """

    idx: int
    version: int
    public: bytes
    leaf: bytes
    who: bytes | None
    who_salt: bytes | None
    what: bytes | None
    what_salt: bytes | None
    occurred_at: int
    recorded_at: int | None
    entity_type: str
    entity_id: str | None
    person: str
    id: str


class Leap(NamedTuple):
    """An entry whose version isn't the next one after that of its record before it.

    `before` is that one's index; a record that has none begins at version 0.
    """

    idx: int
    version: int
    before: int | None
    version_before: int


Wiped = Literal["done", "busy", "forbidden"]
"""Whether the bytes are gone; *busy*: a reader keeps them for now, *forbidden*: another role must."""


class Key(NamedTuple):
    """A key that signs this trail's checkpoints from `since_us` on, until the next one does.

    `name` stands for the trail in each account's origin; `public` is 32 bytes of Ed25519.
    """

    name: str
    public: bytes
    since_us: int


class Lead(NamedTuple):
    """Which sequencer appends: the outbox it drains, and the term in which it leads."""

    outbox: str
    term: int


class Store(Protocol):
    """Entries of many accounts, each a gap-free sequence from index 0."""

    @property
    def index_store(self) -> IndexStore | None:
        """Where the search index is kept, if there is any."""
        ...

    def head(self, account: str) -> Head:
        """Return the account's head; an unknown account has size 0."""
        ...

    def append(self, tails: Mapping[str, Tail], lead: Lead | None = None) -> None:
        """Add every tail, its entries, what they declare as removed, tiles and seal, or none.

        A declaration of dropped entries takes the place of the one before. Raises `HeadMoved`, `TermLost`, and `TreeRefused` where a tile isn't as long as it should be.
        """
        ...

    def begin_term(self, outbox: str) -> Lead:
        """Start a new term for this outbox's sequencer; the one before can append no more."""
        ...

    def outboxes(self) -> set[str]:
        """Return the names of the outboxes that ever had a term here."""
        ...

    def known(self, account: str, ids: Sequence[str]) -> set[str]:
        """Return which of the entry ids the account already has."""
        ...

    def versions(self, account: str, records: Sequence[RecordKey]) -> dict[RecordKey, int]:
        """Return the newest version of each record that has one."""
        ...

    def slice(self, account: str, start: int, stop: int) -> list[Entry]:
        """Return the entries with start <= index < stop, oldest first."""
        ...

    def find(self, query: Query, *, beyond: int | None = None, limit: int) -> list[Entry]:
        """Return entries in the query's order, strictly beyond the index `beyond`.

        Of the query's condition they fit what `Query.narrowed` tells; the rest isn't asked.
        """
        ...

    def walk(self, query: Query, limit: int) -> list[int]:
        """Return the first indexes in the query's order; as `find`."""
        ...

    def entries(self, account: str, indexes: Sequence[int]) -> list[Entry]:
        """Return the entries with these indexes, in this order; unknown ones are left out."""
        ...

    def by_id(self, account: str, entry_id: str) -> Entry | None:
        """Return the entry with this id."""
        ...

    def tile(self, account: str, level: int, number: int) -> bytes:
        """Return the hashes of a tile as far as there are any, one behind the other."""
        ...

    def removals(self, account: str, part: RemovedPart, first: int, last: int) -> list[Removal]:
        """Return the declared ranges of this part that reach into these indexes, in their order."""
        ...

    def remove(self, account: str, limit: int, only: Collection[Pending] | None = None) -> int:
        """Carry out what is declared: empty parts with their salts, delete entries.

        With `only`, nothing else than what was pending before, and is still so. Returns how many
        indexes were worked off, `limit` at most; 0 when nothing is left.
        """
        ...

    def pending(self, account: str, limit: int) -> list[Pending]:
        """Return what `remove` would work off next."""
        ...

    def wipe(self) -> Wiped:
        """Let no byte of the parts that were erased stay in the store's files.

        It waits for readers only for some seconds.
        """
        ...

    def is_wiped(self) -> bool:
        """Tell whether no part was erased since its bytes were last wiped."""
        ...

    def accounts(self) -> list[str]:
        """Return the accounts that have entries, in no particular order."""
        ...

    # What follows shows the store as it is, to whoever inspects it.

    def rows(self, account: str, start: int, stop: int) -> list[Row]:
        """Return what lies at start <= index < stop, by index."""
        ...

    def leaps(self, account: str, stop: int) -> Iterator[Leap]:
        """Yield the entries below `stop` whose version leaps, or stands still, by the columns."""
        ...

    def repeated(self, account: str, stop: int) -> list[int]:
        """Return the indexes below `stop` of entries that share an id, by the column."""
        ...

    def mentioned(self) -> set[str]:
        """Return each account that any row of entries, tiles, seals or removals names."""
        ...

    def public_keys(self) -> list[Key]:
        """Return the keys of the trail in the order in which they were added."""
        ...

    def add_key(self, key: Key, known: int) -> None:
        """Add a key behind the `known` ones that are there. Raises `HeadMoved` if there are others."""
        ...

    def close(self) -> None:
        """Release what the store holds."""
        ...


def taken_of(
    limit: int, rows: Iterable[tuple[RemovedPart, int, int, int]], only: Collection[Pending] | None
) -> list[Pending]:
    """Return of removals (part, first, next, last) so much that it has `limit` indexes, and is asked."""
    found = []
    for part, first, start, last in rows:
        if limit > 0 and start <= last:
            found.append(Pending(part, first, start, min(last + 1, start + limit)))
            limit -= last + 1 - start
    return [each for each in found if only is None or each in only]
