"""The trail's verbs: append drafts as sealed entries, answer queries, prove; it knows no outbox."""

import logging
import secrets
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from threading import Event, Lock
from typing import Final, Literal, NamedTuple

import msgspec

from audit_trail.errors import (
    EntryNotFound,
    EntryTooLarge,
    HeadMoved,
    RemovalRefused,
)
from audit_trail.record.canonical import public_bytes
from audit_trail.record.entry import SALT_BYTES, Draft, Entry, Part, Public, Ranges
from audit_trail.record.language import marked, say
from audit_trail.record.query import Query
from audit_trail.record.removed import (
    ERASED_PARTS,
    RemovedPart,
    count_of,
    holds,
    is_well_formed,
    overlap,
    ranges_in,
    union,
)
from audit_trail.seal.merkle import Range, leaf_hash
from audit_trail.seal.note import VerifierKey
from audit_trail.seal.proof import Path, Proof
from audit_trail.seal.tile import Bundle, Tile
from audit_trail.search.finding import Finder
from audit_trail.search.found import Batch, Count, Facets, NumberedPage, Page, Timeline
from audit_trail.search.index import Index
from audit_trail.signing.signer import Signer
from audit_trail.store.port import Head, Key, Lead, RecordKey, Store, Tail, Wiped
from audit_trail.trees import Altered, Leaves, Report, Trees, refuse_altered, unreported

_log = logging.getLogger(__name__)

APPEND_ATTEMPTS: Final = 20
MOST_COUNTED: Final = 50_000
"""Of how many accounts, and of how many records of each, the versions are remembered."""

INDEX_SECONDS: Final = 0.5
SALTS_TOGETHER: Final = 256
REMOVED_TOGETHER: Final = 5_000
"""How many indexes one transaction empties or deletes, so that appends don't wait long for it."""


class Beginning(NamedTuple):
    """Where a trail begins since entries were dropped: its first entry, the one that says so, and
    how many older ones are kept."""

    entry: Entry
    declaring: Entry
    kept: int


class Counted(NamedTuple):
    """The newest version of records, as they were when the account's trail had this size."""

    size: int
    versions: dict[RecordKey, int]


def utc_now_us() -> int:
    """Return the time in microseconds since 1970, UTC."""
    return time.time_ns() // 1_000


class Trail:
    """Every account's entries, over one store. Without a signer trees grow, and nothing is signed."""

    def __init__(
        self,
        store: Store,
        *,
        signer: Signer | None = None,
        clock: Callable[[], int] = utc_now_us,
        salt: Callable[[], bytes] | None = None,
    ) -> None:
        self._store = store
        self._trees = Trees(store, signer)
        self._index = Index(store, store.index_store) if store.index_store else None
        self._finder = Finder(store, self._index)
        self._clock = clock
        self._salt = salt or _drawn_salts()
        self._appending = Lock()
        self._counted: dict[str, Counted] = {}

    def begin_term(self, outbox: str) -> Lead:
        """Take the lead over an outbox; whoever led before can append no more."""
        return self._store.begin_term(outbox)

    def append(
        self,
        drafts: Sequence[Draft],
        lead: Lead | None = None,
        *,
        require: Callable[[], None] | None = None,
    ) -> int:
        """Give each draft the next index of its account and keep it; return how many were new.

        A draft whose id the account already has is passed over: the stored entry wins. All become
        visible together. A lost head is read again and retried; `TermLost` ends a sequencer.
        `require` is asked each time after the heads were read, so what it saw still holds when the
        entries are kept; what it raises keeps them out.
        """
        by_account: dict[str, list[Draft]] = defaultdict(list)
        for draft in drafts:
            by_account[draft.account].append(draft)
        with self._appending:
            for _ in range(APPEND_ATTEMPTS):
                tails = {account: self._tail(account, each) for account, each in by_account.items()}
                # What was counted holds again only when the append is known to have succeeded.
                counted = {account: self._counted.pop(account) for account in tails}
                if require:
                    require()
                try:
                    self._store.append(tails, lead)
                except HeadMoved:
                    continue
                self._trees.record(tails)
                self._note(tails)
                for account, tail in tails.items():
                    self._counted[account] = counted[account]._replace(
                        size=tail.size + len(tail.entries)
                    )
                return sum(len(tail.entries) for tail in tails.values())
        raise HeadMoved(
            f"The head moved {APPEND_ATTEMPTS} times in a row; "
            "too many writers append to one account."
        )

    def head(self, account: str) -> Head:
        """Return the account's head: its size, and when its newest entry was recorded."""
        return self._store.head(account)

    def page(
        self, query: Query, *, before: int | None = None, after: int | None = None, limit: int
    ) -> Page:
        """Return the newest entries, or those right below index `before` or right above `after`.

        Unfiltered, they begin where the trail does; see `Head.first`. A filter finds older ones, too.
        """
        return self._finder.page(query, before=before, after=after, limit=limit)

    def numbered_page(self, query: Query, *, page: int, limit: int) -> NumberedPage:
        """Return a page by its number from 1. Raises `QueryRefused` where it can't be reached."""
        return self._finder.numbered_page(query, page=page, limit=limit)

    def matching(self, query: Query) -> Iterator[Entry]:
        """Return every matching entry in the query's order, read some at a time."""
        return self._finder.matching(query)

    def batches(self, query: Query) -> Iterator[Batch]:
        """Yield the same a stretch of the trail at a time, so that readers know how far they are."""
        return self._finder.batches(query)

    def count(self, query: Query) -> Count:
        """Return how many entries match."""
        return self._finder.count(query)

    def facets(self, query: Query) -> Facets:
        """Return the values of each facet among the entries that match."""
        return self._finder.facets(query)

    def timeline(self, query: Query, edges_us: Sequence[int]) -> Timeline:
        """Return the bars between each two of these times (µs UTC, ascending; the end exclusive)."""
        return self._finder.timeline(query, edges_us)

    def earliest(self, account: str) -> int | None:
        """Return when the earliest entry occurred (µs UTC); imports may have added older ones later."""
        return self._finder.earliest(account)

    def neighbours(self, account: str, index: int) -> tuple[int | None, int | None]:
        """Return the index of the next older entry that is left, and of the next newer one."""
        query = Query(account=account)
        older, newer = (
            self._store.find(each, beyond=index, limit=1) for each in (query, _reversed(query))
        )
        return older[0].index if older else None, newer[0].index if newer else None

    def entry(self, account: str, index: int) -> Entry:
        """Return the entry at this index. Raises `EntryNotFound`."""
        found = self._store.slice(account, index, index + 1)
        if not found:
            why = (
                say(
                    "Entry %(number)s of account %(account)s was dropped when its retention ended.",
                    number=index + 1,
                    account=account,
                )
                if self.removed_by(account, "entry", index) is not None
                else say(
                    "There is no entry %(number)s in account %(account)s.",
                    number=index + 1,
                    account=account,
                )
            )
            raise EntryNotFound(why)
        return found[0]

    def entries(self, account: str, start: int, stop: int) -> list[Entry]:
        """Return the entries with start <= index < stop, oldest first."""
        return self._store.slice(account, start, stop)

    def versions(self, account: str, records: Sequence[RecordKey]) -> dict[RecordKey, int]:
        """Return how many entries each record has had, those that were dropped included."""
        return self._store.versions(account, records)

    def removed_by(self, account: str, part: RemovedPart, index: int) -> int | None:
        """Return the index of the entry that declares this part, or the entry itself, as removed.

        The store's note of it counts only where that entry's hashed bytes say the same.
        """
        for removal in self._store.removals(account, part, index, index):
            for declaring in self._store.slice(
                account, removal.declared_by, removal.declared_by + 1
            ):
                removed = declaring.public.removed
                if removed and _is_leaf(declaring) and holds(ranges_in(removed, part), index):
                    return declaring.index
        return None

    def dropped(self, account: str) -> Ranges:
        """Return all indexes that were declared as dropped.

        The store's notes of them count only where the entry that they name says so; else the next
        run would declare what somebody took away under a note of their own.
        """
        found = self._store.removals(account, "entry", 0, self._store.head(account).first)
        leaves = self.sealed_leaves(account)
        declaring = self._store.entries(account, sorted({each.declared_by for each in found}))
        return union(
            each
            for entry in declaring
            if leaves.has(entry) and (removed := entry.public.removed)
            for each in removed.entry
        )

    def beginning(self, account: str) -> Beginning | None:
        """Return where the account's trail begins; None where it does so with its first entry."""
        first = self._store.head(account).first
        if not first:
            return None
        (found,) = self._store.removals(account, "entry", first - 1, first - 1)
        declaring = self.entry(account, found.declared_by)
        kept = first - count_of(self.dropped(account))
        return Beginning(self.entry(account, first), declaring, kept)

    def accounts(self) -> list[str]:
        """Return the accounts that have entries, in no particular order."""
        return self._store.accounts()

    def remove(self, account: str, is_over: Callable[[], bool] = lambda: False) -> int:
        """Carry out what the account's entries declare as removed; return how many indexes it took.

        What a crash left undone, or was left when `is_over`, is done by the next run or start.
        """
        done = 0
        while not is_over():
            some = self._store.pending(account, REMOVED_TOGETHER)
            if self._index and some:
                self._index.forget(account, some)
            # What was declared meanwhile isn't forgotten yet.
            done += self._store.remove(account, REMOVED_TOGETHER, some)
            if not some:
                break
        return done

    def index(self, is_over: Callable[[], bool] = lambda: False) -> int | None:
        """Bring the search index up to date; return how many segments were made.

        Searches find the same without it, some entries at a time. Another process that does so now
        is left to it: then None.
        """
        return self._index.catch_up(is_over) if self._index else 0

    def keep_indexed(self, stop: Event) -> None:
        """Bring the search index up to date until `stop` is set, shortly after each append."""
        while not stop.wait(INDEX_SECONDS):
            try:
                self.index(stop.is_set)
            except Exception:  # noqa: BLE001 -- the loop's edge: without it searches read, the next round tries
                _log.exception("the search index can't be brought up to date; trying again")

    def rebuild_index(self, account: str) -> None:
        """Throw the account's search index away, to be made anew by the next `index`."""
        if self._index:
            self._index.rebuild(account)

    def wipe(self) -> Wiped:
        """Let no byte of what was erased stay in the store's files, and tell whether that is so."""
        wiped = self._store.wipe()
        if wiped != "done":
            _log.warning("what was erased can still be found in the trail's files: %s", wiped)
        return wiped

    def is_wiped(self) -> bool:
        """Tell whether nothing that was erased is left in the store's files."""
        return self._store.is_wiped()

    def mismatches(self, account: str, entry: Entry) -> tuple[str, ...]:
        """Say what of an entry isn't as it was hashed, a sentence each, and log it.

        It finds what was altered alone. The hashes aren't signed: who made them anew isn't found.
        """
        public = entry.public
        kept = self._store.by_id(account, public.id)
        hashed = {
            marked(
                "Its public part (actor, action, record, times) is not what was hashed."
            ): _is_leaf(entry),
            marked("Its who part (names, address) is not what was hashed."): self._is_part(
                account, entry, "who"
            ),
            marked("Its what part (labels, values before and after) is not what was hashed."): (
                self._is_part(account, entry, "what")
            ),
            marked("It is kept under another account than it names."): public.account == account,
            marked("It is kept under another id than it names."): bool(
                kept and kept.index == entry.index
            ),
        }
        found = tuple(sentence for sentence, is_so in hashed.items() if not is_so)
        if found:
            _log.error(
                "entry %d of account %s was altered: %s", entry.index + 1, account, " ".join(found)
            )
        return found

    def by_id(self, account: str, entry_id: str) -> Entry | None:
        """Return the entry with this id, such as the cause of another."""
        return self._store.by_id(account, entry_id)

    def seal(self, report: Report = unreported, altered: Altered = refuse_altered) -> None:
        """Seal what an older release appended and sign what isn't signed; before anything is served.

        What was declared as removed, and a crash left there, is removed, and its bytes are wiped.
        Each leaf is computed anew, and `altered` is told where it isn't the stored one; by default it
        raises `EntryAltered`. Raises `HistoryLost` where the store is older than what was signed.
        """
        self._trees.seal_all(report, altered)
        for account in self._store.accounts():
            self.remove(account)
        if not self.is_wiped():
            self.wipe()

    def sign(self, account: str) -> None:
        """Sign what of one account has no checkpoint yet, as where another appended without a key."""
        self._trees.seal(account)

    def checkpoint(self, account: str) -> bytes | None:
        """Return the account's newest checkpoint, a signed note; nothing where none is signed."""
        return self._trees.checkpoint(account)

    def prove(self, account: str, index: int) -> Proof:
        """Return the entry's proof with the newest checkpoint. Raises `TreeRefused`."""
        return self._trees.prove(account, index)

    def prove_inclusion(self, account: str, index: int, size: int | None = None) -> Path:
        """Return the path from an entry to the root of this size or the newest."""
        return self._trees.prove_inclusion(account, index, size)

    def prove_consistency(self, account: str, old: int, new: int | None = None) -> Path:
        """Return the path that shows that the tree only added to the one of the old size."""
        return self._trees.prove_consistency(account, old, new)

    def beside(self, account: str, start: int, stop: int, size: int) -> tuple[Range, Range]:
        """Return what lies before and behind start <= index < stop, in the tree of this size."""
        return self._trees.beside(account, start, stop, size)

    def leaves(self, account: str, start: int, stop: int) -> list[bytes]:
        """Return the leaves start <= index < stop of the account's tree. Raises `TreeRefused`."""
        return self._trees.leaves(account, start, stop)

    def tile(self, account: str, tile: Tile) -> bytes:
        """Return a tile's hashes. Raises `TileNotFound`."""
        return self._trees.tile(account, tile)

    def bundle(self, account: str, bundle: Bundle) -> bytes:
        """Return an entry bundle. Raises `TileNotFound`."""
        return self._trees.bundle(account, bundle)

    def sealed_leaves(self, account: str) -> Leaves:
        """Return the leaves of the account's tree, to hold entries against."""
        return self._trees.sealed_leaves(account)

    def public_keys(self) -> list[Key]:
        """Return the public keys of the trail, each valid from its time until the next one's."""
        return self._store.public_keys()

    def verifier_keys(self, account: str) -> list[VerifierKey]:
        """Return the keys as the account's checkpoints show them, oldest first."""
        return self._trees.verifier_keys(account)

    def _note(self, tails: Mapping[str, Tail]) -> None:
        if self._index:
            for account, tail in tails.items():
                self._index.added(account, tail.size, tail.size + len(tail.entries))

    def _tail(self, account: str, drafts: Sequence[Draft]) -> Tail:
        known = self._store.known(account, [draft.id for draft in drafts])
        new = list({draft.id: draft for draft in drafts if draft.id not in known}.values())
        records = [(draft.entity.type, draft.entity.id) for draft in new]
        head = self._trees.head(account)
        versions = self._versions(account, head.size, set(records))
        recorded_at = max(self._clock(), head.recorded_at)
        entries = []
        for index, (draft, record) in enumerate(zip(new, records, strict=True), head.size):
            if draft.removed:
                self._require_removable(draft, index)
            versions[record] = version = versions.get(record, 0) + 1
            entries.append(self._entry(draft, index, version, recorded_at))
        return Tail(
            head.size,
            entries,
            self._trees.grow(account, head, [entry.leaf for entry in entries]),
        )

    def _require_removable(self, draft: Draft, index: int) -> None:
        """An erased part stays erased, so none is declared twice; dropped entries are all told anew.

        A run that knows less than another, which was faster, would uncover what that one dropped.
        """
        removed = draft.removed
        if removed is None or not is_well_formed(removed, index):
            raise RemovalRefused
        for part in ERASED_PARTS:
            if ranges := ranges_in(removed, part):
                span = (ranges[0][0], ranges[-1][1])
                known = self._store.removals(draft.account, part, *span)
                if overlap([*ranges, *((each.first, each.last) for each in known)]):
                    raise RemovalRefused("Another erasure was faster; look for the person anew.")
        dropped = self.dropped(draft.account) if removed.entry else ()
        if union((*removed.entry, *dropped)) != removed.entry:
            raise RemovalRefused("Another run dropped entries that this one doesn't name.")

    def _versions(
        self, account: str, size: int, records: Collection[RecordKey]
    ) -> dict[RecordKey, int]:
        """Return the records' newest versions; those counted here hold while the head stands."""
        counted = self._counted.get(account)
        if counted is None or counted.size != size or len(counted.versions) > MOST_COUNTED:
            counted = Counted(size, {})
        if len(self._counted) > MOST_COUNTED:
            self._counted.clear()
        self._counted[account] = counted
        unknown = [record for record in records if record not in counted.versions]
        counted.versions.update(self._store.versions(account, unknown))
        return counted.versions

    def _is_part(self, account: str, entry: Entry, name: Literal["who", "what"]) -> bool:
        """Tell whether a part is the committed one, or was erased by an entry that says so."""
        part: Part | None = getattr(entry, name)
        commitment: str | None = getattr(entry.public, name)
        if part is not None:
            return _is_committed(part, commitment)
        return commitment is None or self.removed_by(account, name, entry.index) is not None

    def _entry(self, draft: Draft, index: int, version: int, recorded_at: int) -> Entry:
        who = Part(draft.who, self._salt()) if draft.who is not None else None
        what = Part(draft.what, self._salt()) if draft.what is not None else None
        encoded = _public_bytes(draft, recorded_at, who, what)
        return Entry(
            index=index,
            version=version,
            public_bytes=encoded,
            leaf=leaf_hash(encoded),
            who=who,
            what=what,
        )


def _drawn_salts() -> Callable[[], bytes]:
    """Draw many salts at a time: a system call for each costs more than hashing with it."""
    drawn: list[bytes] = []

    def salt() -> bytes:
        try:
            return drawn.pop()
        except IndexError:
            many = secrets.token_bytes(SALT_BYTES * SALTS_TOGETHER)
            drawn.extend(
                many[at : at + SALT_BYTES] for at in range(SALT_BYTES, len(many), SALT_BYTES)
            )
            return many[:SALT_BYTES]

    return salt


def _is_leaf(entry: Entry) -> bool:
    try:
        return leaf_hash(entry.public_bytes) == entry.leaf
    except TypeError:  # A shell may have put text where bytes belong.
        return False


def _is_committed(part: Part, commitment: str | None) -> bool:
    try:
        # Of another length, bytes could go over from the salt to the part, or back.
        return len(part.salt) == SALT_BYTES and part.commitment == commitment
    except TypeError:
        return False


def _reversed(query: Query) -> Query:
    return msgspec.structs.replace(query, newest_first=not query.newest_first)


def _public_bytes(draft: Draft, recorded_at: int, who: Part | None, what: Part | None) -> bytes:
    """Encode the public part; field names too many for it are left to the what part."""
    public = Public(
        account=draft.account,
        action=draft.action,
        actor=draft.actor,
        entity=draft.entity,
        fields=draft.fields,
        id=draft.id,
        occurred_at=draft.occurred_at,
        outcome=draft.outcome,
        recorded_at=recorded_at,
        request=draft.request,
        v=1,
        via=draft.via,
        what=what.commitment if what else None,
        who=who.commitment if who else None,
    )
    # What few have comes behind: Python passes fifteen members at once, and builds a dict for more.
    if draft.cause or draft.on_behalf_of or draft.removed:
        public = msgspec.structs.replace(
            public, cause=draft.cause, on_behalf_of=draft.on_behalf_of, removed=draft.removed
        )
    try:
        return public_bytes(public)
    except EntryTooLarge:
        return public_bytes(msgspec.structs.replace(public, fields=()))
