"""The reference store: plain objects in memory, for tests and for comparison."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from threading import Lock

import msgspec

from audit_trail.errors import HeadMoved, TermLost
from audit_trail.record.entry import Entry, read_person, read_who
from audit_trail.record.query import Query
from audit_trail.record.removed import MARK, REMOVED_PARTS, RemovedPart, ranges_in
from audit_trail.store.index import IndexStore
from audit_trail.store.port import (
    Head,
    Key,
    Lead,
    Leap,
    Pending,
    RecordKey,
    Removal,
    Row,
    Seal,
    Sealing,
    Tail,
    Wiped,
    taken_of,
)


class MemoryStore:
    """Keeps each account's entries by their index, in order. It has no search index."""

    index_store: IndexStore | None = None

    def __init__(self) -> None:
        self._accounts: dict[str, dict[int, Entry]] = defaultdict(dict)
        self._versions: dict[tuple[str, RecordKey], int] = {}
        self._removals: dict[str, list[Removal]] = defaultdict(list)
        self._next: dict[tuple[str, RemovedPart, int], int] = {}
        self._seals: dict[str, Seal] = {}
        self._tiles: dict[tuple[str, int, int], bytes] = {}
        self._keys: list[Key] = []
        self._terms: dict[str, int] = {}
        self._lock = Lock()

    def head(self, account: str) -> Head:
        entries = self._accounts[account]
        if not entries:
            return Head(0, 0)
        newest = entries[next(reversed(entries))]
        dropped = [each.last for each in self._removals[account] if each.part == "entry"]
        return Head(
            newest.index + 1,
            newest.public.recorded_at,
            self._seals.get(account, Seal()),
            max(dropped, default=-1) + 1,
        )

    def append(self, tails: Mapping[str, Tail], lead: Lead | None = None) -> None:
        with self._lock:
            if lead and self._terms.get(lead.outbox) != lead.term:
                raise TermLost
            for account, tail in tails.items():
                head = self.head(account)
                if head.size != tail.size:
                    raise HeadMoved
                if tail.sealing and head.seal.size != tail.sealing.before:
                    raise HeadMoved
            grown = {
                place: data
                for account, tail in tails.items()
                if tail.sealing
                for place, data in self._grown(account, tail.sealing)
            }
            self._tiles |= grown
            for account, tail in tails.items():
                for entry in tail.entries:
                    self._accounts[account][entry.index] = entry
                    self._declare(account, entry)
                if tail.sealing:
                    self._seals[account] = tail.sealing.seal

    def _declare(self, account: str, entry: Entry) -> None:
        removed = entry.public.removed if MARK in entry.public_bytes else None
        if removed is None:
            return
        if removed.entry:
            known = self._removals[account]
            self._removals[account] = [each for each in known if each.part != "entry"]
        for part in REMOVED_PARTS:
            for first, last in ranges_in(removed, part):
                self._removals[account].append(Removal(part, first, last, entry.index))
                # A range of dropped entries that only grows is carried out from where it was.
                self._next.setdefault((account, part, first), first)

    def removals(self, account: str, part: RemovedPart, first: int, last: int) -> list[Removal]:
        return sorted(
            each
            for each in self._removals[account]
            if each.part == part and each.first <= last and each.last >= first
        )

    def remove(self, account: str, limit: int, only: Collection[Pending] | None = None) -> int:
        with self._lock:
            taken = taken_of(limit, self._pending(account), only)
            for part, first, start, stop in taken:
                for index in range(start, stop):
                    self._remove(account, part, index)
                self._next[account, part, first] = stop
            return sum(each.stop - each.start for each in taken)

    def pending(self, account: str, limit: int) -> list[Pending]:
        return taken_of(limit, self._pending(account), None)

    def _pending(self, account: str) -> Iterator[tuple[RemovedPart, int, int, int]]:
        for part, first, last, _ in self._removals[account]:
            yield part, first, self._next[account, part, first], last

    def _remove(self, account: str, part: RemovedPart, index: int) -> None:
        entries = self._accounts[account]
        if part == "entry":
            if dropped := entries.pop(index, None):
                of = (account, _record(dropped))
                self._versions[of] = max(self._versions.get(of, 0), dropped.version)
        elif index in entries:
            entries[index] = msgspec.structs.replace(entries[index], **{part: None})

    def wipe(self) -> Wiped:
        return "done"

    def is_wiped(self) -> bool:
        return True

    def _grown(
        self, account: str, sealing: Sealing
    ) -> Iterator[tuple[tuple[str, int, int], bytes]]:
        for addition in sealing.additions:
            place = (account, addition.tile.level, addition.tile.number)
            yield place, addition.behind(self._tiles.get(place, b""))

    def begin_term(self, outbox: str) -> Lead:
        with self._lock:
            self._terms[outbox] = self._terms.get(outbox, 0) + 1
            return Lead(outbox, self._terms[outbox])

    def outboxes(self) -> set[str]:
        return set(self._terms)

    def known(self, account: str, ids: Sequence[str]) -> set[str]:
        return {entry.public.id for entry in self._all(account)} & set(ids)

    def versions(self, account: str, records: Sequence[RecordKey]) -> dict[RecordKey, int]:
        newest = {
            record: version
            for (of, record), version in list(self._versions.items())
            if of == account
        }
        for entry in self._all(account):
            newest[_record(entry)] = max(newest.get(_record(entry), 0), entry.version)
        return {record: newest[record] for record in records if record in newest}

    def slice(self, account: str, start: int, stop: int) -> list[Entry]:
        entries = self._accounts[account]
        newest = next(reversed(entries), -1)
        return self.entries(account, range(max(start, 0), min(stop, newest + 1)))

    def find(self, query: Query, *, beyond: int | None = None, limit: int) -> list[Entry]:
        def is_beyond(index: int) -> bool:
            return beyond is None or (index < beyond if query.newest_first else index > beyond)

        return [entry for entry in self._matching(query) if is_beyond(entry.index)][:limit]

    def walk(self, query: Query, limit: int) -> list[int]:
        return [entry.index for entry in self._matching(query)][:limit]

    def entries(self, account: str, indexes: Sequence[int]) -> list[Entry]:
        entries = self._accounts[account]
        return [entries[index] for index in indexes if index in entries]

    def by_id(self, account: str, entry_id: str) -> Entry | None:
        return next(
            (entry for entry in self._all(account) if entry.public.id == entry_id),
            None,
        )

    def tile(self, account: str, level: int, number: int) -> bytes:
        return self._tiles.get((account, level, number), b"")

    def accounts(self) -> list[str]:
        return [account for account, entries in list(self._accounts.items()) if entries]

    def rows(self, account: str, start: int, stop: int) -> list[Row]:
        return [_row(entry) for entry in self.slice(account, start, stop)]

    def leaps(self, account: str, stop: int) -> Iterator[Leap]:
        newest: dict[RecordKey, tuple[int | None, int]] = {}
        for entry in self.slice(account, 0, stop):
            entity = entry.public.entity
            before, version = newest.get((entity.type, entity.id), (None, 0))
            newest[entity.type, entity.id] = (entry.index, entry.version)
            if entry.version != version + 1:
                yield Leap(entry.index, entry.version, before, version)

    def repeated(self, account: str, stop: int) -> list[int]:
        entries = self.slice(account, 0, stop)
        counted = Counter(entry.public.id for entry in entries)
        return [entry.index for entry in entries if counted[entry.public.id] > 1]

    def mentioned(self) -> set[str]:
        named = {account for account, *_ in self._tiles} | self._seals.keys()
        return (
            named | {each for each, found in self._removals.items() if found} | {*self.accounts()}
        )

    def public_keys(self) -> list[Key]:
        return list(self._keys)

    def add_key(self, key: Key, known: int) -> None:
        with self._lock:
            if len(self._keys) != known:
                raise HeadMoved
            self._keys.append(key)

    def close(self) -> None:
        self._accounts.clear()

    def _all(self, account: str) -> list[Entry]:
        """Return a copy made in one step: others may append and drop meanwhile."""
        return list(self._accounts[account].values())

    def _matching(self, query: Query) -> Iterator[Entry]:
        entries = self._all(query.account)
        return (
            entry
            for entry in (reversed(entries) if query.newest_first else entries)
            if _matches(entry, query)
        )


def _row(entry: Entry) -> Row:
    public = entry.public
    return Row(
        idx=entry.index,
        version=entry.version,
        public=entry.public_bytes,
        leaf=entry.leaf,
        who=entry.who.stored if entry.who else None,
        who_salt=entry.who.salt if entry.who else None,
        what=entry.what.stored if entry.what else None,
        what_salt=entry.what.salt if entry.what else None,
        id=public.id,
        occurred_at=public.occurred_at,
        recorded_at=public.recorded_at,
        entity_type=public.entity.type,
        entity_id=public.entity.id,
        person=read_person(entry.who),
    )


def _record(entry: Entry) -> RecordKey:
    entity = entry.public.entity
    return (entity.type, entity.id)


def _matches(entry: Entry, query: Query) -> bool:
    public, narrowed = entry.public, query.narrowed
    if query.start is not None and entry.index < query.start:
        return False
    if query.stop is not None and entry.index >= query.stop:
        return False
    if narrowed.types and public.entity.type not in narrowed.types:
        return False
    if narrowed.since_us is not None and public.occurred_at < narrowed.since_us:
        return False
    if narrowed.until_us is not None and public.occurred_at >= narrowed.until_us:
        return False
    return not narrowed.part or narrowed.part.casefold() in read_who(entry.who).person
