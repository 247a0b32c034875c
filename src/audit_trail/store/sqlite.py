"""The SQLite store: one file in WAL mode, appends group-committed with `synchronous=FULL`."""

import sqlite3
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from audit_trail.errors import HeadMoved, TermLost, TreeRefused
from audit_trail.record.entry import (
    Entry,
    Part,
    decode_indexed,
    read_person,
    uuid_bytes,
    uuid_text,
)
from audit_trail.record.query import Query
from audit_trail.record.removed import RemovedPart
from audit_trail.seal.merkle import HASH_BYTES
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
from audit_trail.store.sqlite_file import BUSY_TIMEOUT_SECONDS, SqliteFile, bound
from audit_trail.store.sqlite_index import SqliteIndex

T = TypeVar("T")

_ENTRY: Final = "idx, version, public, leaf, who, who_salt, what, what_salt"
_COLUMNS: Final = (
    "account, idx, id, version, public, leaf, who, who_salt, what, what_salt, "
    "occurred_at, recorded_at, entity_type, entity_id, person"
)
_ROW: Final = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_PLACE: Final = "INSERT INTO tiles (data, account, level, number) VALUES (?, ?, ?, ?)"
_GROW: Final = (
    "UPDATE tiles SET data = CAST(data || ? AS BLOB) WHERE account = ? AND level = ? AND number = ?"
)
_FIRST_SEAL: Final = "INSERT INTO seals (size, edge, checkpoint, account) VALUES (?, ?, ?, ?)"
_MOVE_SEAL: Final = "UPDATE seals SET size = ?, edge = ?, checkpoint = ? WHERE account = ?"
_HEAD: Final = """
SELECT idx + 1, recorded_at,
  (SELECT ifnull(max(last) + 1, 0) FROM removals WHERE account = ? AND part = 'entry'),
  size, edge, checkpoint
FROM entries LEFT JOIN seals USING (account) WHERE account = ? ORDER BY idx DESC LIMIT 1"""
# A record's newest entry may be dropped while a legal hold keeps an older one.
_VERSION: Final = """
SELECT max(
  ifnull((SELECT version FROM entries WHERE account = ? AND entity_type = ? AND entity_id IS ?
    ORDER BY idx DESC LIMIT 1), 0),
  ifnull((SELECT version FROM dropped
    WHERE account = ? AND entity_type = ? AND entity_id = ifnull(?, x'ff')), 0))"""
_REMOVALS: Final = """
SELECT part, first, last, declared_by FROM removals
WHERE account = ? AND part = ? AND first <= ? AND last >= ? ORDER BY first"""
_PENDING: Final = """
SELECT part, first, next, last FROM removals
WHERE account = ? AND next <= last ORDER BY declared_by, part, first LIMIT ?"""
_WORKED_OFF: Final = "UPDATE removals SET next = ? WHERE account = ? AND part = ? AND first = ?"
_REMOVE: Final = {
    "who": "UPDATE entries SET who = NULL, who_salt = NULL, person = char(10) "
    "WHERE account = ? AND idx BETWEEN ? AND ?",
    "what": "UPDATE entries SET what = NULL, what_salt = NULL "
    "WHERE account = ? AND idx BETWEEN ? AND ?",
    "entry": "DELETE FROM entries WHERE account = ? AND idx BETWEEN ? AND ?",
}
_UNWIPED: Final = "SELECT rowid FROM removals WHERE part <> 'entry' AND next > last AND NOT wiped"
# From one account to the next by the index; DISTINCT would read every entry of it.
_ACCOUNTS: Final = """
WITH RECURSIVE each (account) AS (
  SELECT min(account) FROM entries
  UNION ALL
  SELECT (SELECT min(account) FROM entries WHERE account > each.account)
  FROM each WHERE each.account IS NOT NULL
)
SELECT account FROM each WHERE account IS NOT NULL"""
WIPE_ATTEMPTS: Final = 20
WIPE_PATIENCE_MS: Final = 200
"""How long one attempt keeps writers waiting, while it waits for readers."""

_ROWS: Final = f"""
SELECT {_ENTRY}, occurred_at, recorded_at, entity_type, entity_id, person, id
FROM entries WHERE account = ? AND idx >= ? AND idx < ? ORDER BY idx"""
# Both in the order of an index that has all they need.
_LEAPS: Final = """
SELECT * FROM (
  SELECT idx, version, lag(idx) OVER record, lag(version, 1, 0) OVER record AS version_before
  FROM entries INDEXED BY entries_by_entity WHERE account = ? AND idx < ?
  WINDOW record AS (PARTITION BY entity_type, entity_id ORDER BY idx)
) WHERE version <> version_before + 1"""
_REPEATED: Final = """
SELECT idx FROM entries WHERE account = ?1 AND idx < ?2 AND id IN (
  SELECT id FROM entries WHERE account = ?1 GROUP BY id HAVING count(*) > 1
) ORDER BY idx"""
_MENTIONED: Final = f"""
SELECT * FROM ({_ACCOUNTS}) UNION SELECT account FROM tiles
UNION SELECT account FROM seals UNION SELECT account FROM removals"""
ROWS_TOGETHER: Final = 100
"""How many rows one statement inserts: while it runs, other threads do too."""


class SqliteStore:
    """Keeps entries in one file; each thread reads on its own connection, one at a time writes."""

    def __init__(self, path: Path, *, is_read_only: bool = False) -> None:
        """Open the file, creating it where it is missing. Raises `StoreFailed`, naming the file.

        One that is opened for reading only is left exactly as it is, triggers that are gone too.
        """
        self._file = SqliteFile(path, is_read_only)
        self._one, self._all = self._file.one, self._file.all
        with self._file.translating():
            connection = self._file.connection()
            if not is_read_only:
                schema = files("audit_trail.store").joinpath("sqlite.sql").read_text()
                connection.executescript(schema)
        # A file of an older release has none, and if it is opened for reading only, gets none.
        has_index = self._one("SELECT 1 FROM sqlite_master WHERE name = 'search_heads'", ())
        self.index_store = SqliteIndex(self._file) if has_index else None

    def head(self, account: str) -> Head:
        row = self._one(_HEAD, (account, account))
        if row is None:
            return Head(0, 0)
        size, recorded_at, first, *seal = row
        return Head(size, recorded_at, Seal(*seal) if seal[0] is not None else Seal(), first)

    def append(self, tails: Mapping[str, Tail], lead: Lead | None = None) -> None:
        with self._file.writing() as connection:
            if lead and self._one("SELECT term FROM terms WHERE outbox = ?", (lead.outbox,)) != (
                lead.term,
            ):
                raise TermLost
            for account, tail in tails.items():
                head = self.head(account)
                if head.size != tail.size:
                    raise HeadMoved
                for some in _chunks(tail.entries, ROWS_TOGETHER):
                    values = [value for entry in some for value in _columns(account, entry)]
                    connection.execute(_insert(len(some)), values)
                if tail.sealing:
                    if head.seal.size != tail.sealing.before:
                        raise HeadMoved
                    _seal(connection, account, tail.sealing)

    def begin_term(self, outbox: str) -> Lead:
        with self._file.writing() as connection:
            (term,) = connection.execute(
                "INSERT INTO terms (outbox, term) VALUES (?, 1) "
                "ON CONFLICT (outbox) DO UPDATE SET term = term + 1 RETURNING term",
                (outbox,),
            ).fetchone()
            return Lead(outbox, term)

    def outboxes(self) -> set[str]:
        return {name for (name,) in self._all("SELECT outbox FROM terms", ())}

    def known(self, account: str, ids: Sequence[str]) -> set[str]:
        forms: dict[bytes | str, str] = {_form(id_): id_ for id_ in ids}
        # Texts come before all bytes, so one look tells whether there is any.
        if self._one("SELECT 1 FROM entries WHERE account = ? AND id < x'' LIMIT 1", (account,)):
            forms |= {id_: id_ for id_ in ids}
        return {
            forms[form]
            for some in _chunks(list(forms))
            for (form,) in self._all(
                f"SELECT id FROM entries WHERE account = ? AND id IN ({_marks(some)})",
                (account, *some),
            )
        }

    def versions(self, account: str, records: Sequence[RecordKey]) -> dict[RecordKey, int]:
        found = {record: self._one(_VERSION, (account, *record) * 2)[0] for record in records}
        return {record: version for record, version in found.items() if version}

    def slice(self, account: str, start: int, stop: int) -> list[Entry]:
        rows = self._all(
            f"SELECT {_ENTRY} FROM entries WHERE account = ? AND idx >= ? AND idx < ? ORDER BY idx",
            (account, start, stop),
        )
        return [_entry(row) for row in rows]

    def find(self, query: Query, *, beyond: int | None = None, limit: int) -> list[Entry]:
        where, values = _where(query if beyond is None else _beyond(query, beyond))
        rows = self._all(
            f"SELECT {_ENTRY} FROM entries WHERE {where} {_order(query)} LIMIT ?", (*values, limit)
        )
        return [_entry(row) for row in rows]

    def walk(self, query: Query, limit: int) -> list[int]:
        where, values = _where(query)
        rows = self._all(
            f"SELECT idx FROM entries WHERE {where} {_order(query)} LIMIT ?", (*values, limit)
        )
        return [index for (index,) in rows]

    def entries(self, account: str, indexes: Sequence[int]) -> list[Entry]:
        rows = self._all(
            f"SELECT {_ENTRY} FROM entries WHERE account = ? AND idx IN ({_marks(indexes)})",
            (account, *indexes),
        )
        found = {entry.index: entry for entry in map(_entry, rows)}
        return [found[index] for index in indexes if index in found]

    def by_id(self, account: str, entry_id: str) -> Entry | None:
        row = self._one(
            f"SELECT {_ENTRY} FROM entries WHERE account = ? AND id IN (?, ?)",
            (account, _form(entry_id), entry_id),
        )
        return _entry(row) if row else None

    def tile(self, account: str, level: int, number: int) -> bytes:
        row = self._one(
            "SELECT data FROM tiles WHERE account = ? AND level = ? AND number = ?",
            (account, level, number),
        )
        return row[0] if row else b""

    def removals(self, account: str, part: RemovedPart, first: int, last: int) -> list[Removal]:
        return [Removal(*row) for row in self._all(_REMOVALS, (account, part, last, first))]

    def remove(self, account: str, limit: int, only: Collection[Pending] | None = None) -> int:
        with self._file.writing() as connection:
            taken = taken_of(limit, self._all(_PENDING, (account, limit)), only)
            for part, first, start, stop in taken:
                connection.execute(_REMOVE[part], (account, start, stop - 1))
                connection.execute(_WORKED_OFF, (stop, account, part, first))
        return sum(each.stop - each.start for each in taken)

    def pending(self, account: str, limit: int) -> list[Pending]:
        return taken_of(limit, self._all(_PENDING, (account, limit)), None)

    def wipe(self) -> Wiped:
        """Empty the write-ahead log: in the file itself `secure_delete` has overwritten it all."""
        for _ in range(WIPE_ATTEMPTS):
            if self._empty_log():
                return "done"
            time.sleep(WIPE_PATIENCE_MS / 1_000)
        return "busy"

    def is_wiped(self) -> bool:
        return self._one(f"{_UNWIPED} LIMIT 1", ()) is None

    def _empty_log(self) -> bool:
        with self._file.alone() as connection:
            erased = self._all(_UNWIPED, ())
            connection.execute(f"PRAGMA busy_timeout = {WIPE_PATIENCE_MS}")
            try:
                busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            finally:
                connection.execute(f"PRAGMA busy_timeout = {int(BUSY_TIMEOUT_SECONDS * 1_000)}")
            if not busy and erased:
                with self._file.transaction():
                    connection.executemany("UPDATE removals SET wiped = 1 WHERE rowid = ?", erased)
            return not busy

    def accounts(self) -> list[str]:
        return [account for (account,) in self._all(_ACCOUNTS, ())]

    def rows(self, account: str, start: int, stop: int) -> list[Row]:
        rows = self._all(_ROWS, (account, start, stop))
        return [Row._make((*row[:-1], _read_id(row[-1]))) for row in rows]

    def leaps(self, account: str, stop: int) -> Iterator[Leap]:
        with self._file.translating():
            rows = self._file.connection().execute(_LEAPS, bound((account, stop)))
            yield from map(Leap._make, rows)

    def repeated(self, account: str, stop: int) -> list[int]:
        return [index for (index,) in self._all(_REPEATED, (account, stop))]

    def mentioned(self) -> set[str]:
        # An account may have been put there as something else than text.
        return {str(account) for (account,) in self._all(_MENTIONED, ())}

    def public_keys(self) -> list[Key]:
        rows = self._all("SELECT name, public, since FROM keys ORDER BY number", ())
        return [Key(*row) for row in rows]

    def add_key(self, key: Key, known: int) -> None:
        with self._file.writing() as connection:
            if self._one("SELECT count(*) FROM keys", ()) != (known,):
                raise HeadMoved
            connection.execute(
                "INSERT INTO keys (number, name, public, since) VALUES (?, ?, ?, ?)", (known, *key)
            )

    def close(self) -> None:
        self._file.close()


def _seal(connection: sqlite3.Connection, account: str, sealing: Sealing) -> None:
    """Put hashes behind those that each tile has, and the new seal in the place of the old one."""
    for addition in sealing.additions:
        place = (account, addition.tile.level, addition.tile.number)
        held = connection.execute(
            "SELECT length(data) FROM tiles WHERE account = ? AND level = ? AND number = ?", place
        ).fetchone() or (0,)
        if held != (addition.offset * HASH_BYTES,):
            raise TreeRefused(f"{addition.tile.path} of account {account} has another width.")
        connection.execute(_GROW if addition.offset else _PLACE, (addition.data, *place))
    size, hashes, checkpoint = sealing.seal
    seal = (size, hashes, checkpoint, account)
    if not connection.execute(_MOVE_SEAL, seal).rowcount:
        connection.execute(_FIRST_SEAL, seal)


def _form(entry_id: str) -> bytes | str:
    """Return how an id is stored: a UUID as its bytes. Releases before stored all as text."""
    return uuid_bytes(entry_id) or entry_id


def _read_id(kept: str | bytes) -> str:
    """Return the id; releases before kept every one as text."""
    return uuid_text(kept) if isinstance(kept, bytes) and len(kept) == 16 else str(kept)


def _columns(account: str, entry: Entry) -> tuple[Any, ...]:
    public, who, what = decode_indexed(entry.public_bytes), entry.who, entry.what
    return (
        account,
        entry.index,
        _form(public.id),
        entry.version,
        entry.public_bytes,
        entry.leaf,
        who.stored if who else None,
        who.salt if who else None,
        what.stored if what else None,
        what.salt if what else None,
        public.occurred_at,
        public.recorded_at,
        public.entity.type,
        public.entity.id,
        read_person(who),
    )


def _entry(row: Sequence[Any]) -> Entry:
    index, version, public, leaf, who, who_salt, what, what_salt = row
    return Entry(
        index=index,
        version=version,
        public_bytes=public,
        leaf=leaf,
        who=Part(who, who_salt) if who is not None else None,
        what=Part(what, what_salt) if what is not None else None,
    )


@cache
def _insert(rows: int) -> str:
    return f"INSERT INTO entries ({_COLUMNS}) VALUES {', '.join([_ROW] * rows)}"


def _where(query: Query) -> tuple[str, tuple[Any, ...]]:
    conditions: list[tuple[str, tuple[Any, ...]]] = [("account = ?", (query.account,))]
    narrowed = query.narrowed
    if narrowed.types:
        conditions.append((f"entity_type IN ({_marks(narrowed.types)})", narrowed.types))
    if narrowed.since_us is not None:
        conditions.append(("occurred_at >= ?", (narrowed.since_us,)))
    if narrowed.until_us is not None:
        conditions.append(("occurred_at < ?", (narrowed.until_us,)))
    if query.start is not None:
        conditions.append(("idx >= ?", (query.start,)))
    if query.stop is not None:
        conditions.append(("idx < ?", (query.stop,)))
    if narrowed.part:
        # instr and not LIKE: a per cent sign stands for itself, and letters are folded already.
        conditions.append(("instr(person, ?) > 0", (narrowed.part.casefold(),)))
    return " AND ".join(text for text, _ in conditions), tuple(
        value for _, values in conditions for value in values
    )


def _beyond(query: Query, beyond: int) -> Query:
    """Return what is left of a query beyond an index.

    Of two bounds on the same side SQLite looks up the first one, and walks from there to the other.
    """
    if query.newest_first:
        stop = beyond if query.stop is None else min(query.stop, beyond)
        return msgspec.structs.replace(query, stop=stop)
    start = beyond + 1 if query.start is None else max(query.start, beyond + 1)
    return msgspec.structs.replace(query, start=start)


def _order(query: Query) -> str:
    return "ORDER BY idx DESC" if query.newest_first else "ORDER BY idx"


def _marks(values: Sequence[Any]) -> str:
    return ", ".join("?" * len(values))


def _chunks(values: Sequence[T], size: int = 500) -> Iterator[Sequence[T]]:
    return (values[start : start + size] for start in range(0, len(values), size))
