"""The PostgreSQL store: what its port asks, in SQL; connections and schema are next door."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

import psycopg

from audit_trail.errors import HeadMoved, StoreFailed, TermLost, TreeRefused
from audit_trail.record.entry import Entry, Part, decode_indexed, read_person, uuid_bytes, uuid_text
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
from audit_trail.store.postgresql import wiping
from audit_trail.store.postgresql.connections import Connections
from audit_trail.store.postgresql.index import PostgresqlIndex
from audit_trail.store.postgresql.schema import require

CONNECTIONS: Final = 8
LARGEST: Final = 2**63 - 1
FEW_ENTRIES: Final = 3
"""Up to here entries travel with the statements around them; COPY is faster, but goes alone."""

_BEGIN: Final = "BEGIN ISOLATION LEVEL READ COMMITTED"
# Whoever waits for a lock gives up as on SQLite. And what is appended is deleted from the outbox,
# so a commit reaches the disk before it is answered, whatever the role's default is.
_SETTINGS: Final = (
    "SELECT set_config('lock_timeout', '10s', true), set_config('synchronous_commit', coalesce("
    "nullif(current_setting('synchronous_commit'), 'off'), 'on'), true)"
)
# A shared lock on the term until the commit: whoever begins the next one waits for us.
_LEAD: Final = "SELECT term FROM audit_trail.terms WHERE outbox = %b FOR SHARE"
_BEGIN_TERM: Final = (
    "INSERT INTO audit_trail.terms AS known (outbox, term) VALUES (%b, 1) "
    "ON CONFLICT (outbox) DO UPDATE SET term = known.term + 1 RETURNING term"
)
# The seal moves with the head; a tail without one leaves it as it is.
_FIRST_HEAD: Final = """
INSERT INTO audit_trail.heads AS head (account, size, recorded_at, sealed, edge, checkpoint)
VALUES (%(account)b, %(grown)b, %(recorded_at)b, coalesce(%(sealed)b::bigint, 0),
  coalesce(%(edge)b::bytea, ''), %(checkpoint)b::bytea)
ON CONFLICT (account) DO UPDATE SET size = excluded.size, recorded_at = excluded.recorded_at,
  sealed = excluded.sealed, edge = excluded.edge, checkpoint = excluded.checkpoint
WHERE head.size = 0"""
_NEXT_HEAD: Final = """
UPDATE audit_trail.heads SET size = %(grown)b, recorded_at = greatest(recorded_at, %(recorded_at)b),
  sealed = coalesce(%(sealed)b::bigint, sealed), edge = coalesce(%(edge)b::bytea, edge),
  checkpoint = coalesce(%(checkpoint)b::bytea, checkpoint)
WHERE account = %(account)b AND size = %(size)b AND sealed = coalesce(%(before)b::bigint, sealed)"""
_PLACE: Final = (
    "INSERT INTO audit_trail.tiles (account, level, number, data) "
    "VALUES (%(account)b, %(level)b, %(number)b, %(data)b) ON CONFLICT DO NOTHING"
)
_GROW: Final = (
    "UPDATE audit_trail.tiles SET data = data || %(data)b WHERE account = %(account)b "
    "AND level = %(level)b AND number = %(number)b AND length(data) = %(offset)b"
)
_ADD_KEY: Final = (
    "INSERT INTO audit_trail.keys (number, name, public, since) "
    "SELECT %(number)b, %(name)b, %(public)b, %(since)b "
    "WHERE (SELECT count(*) FROM audit_trail.keys) = %(number)b ON CONFLICT DO NOTHING"
)
_COLUMNS: Final = (
    "account, idx, id, version, public, leaf, who, who_salt, what, what_salt, "
    "occurred_at, entity_type, entity_id, person"
)
_TYPES: Final = "bytea int8 bytea int4 bytea bytea bytea bytea bytea bytea int8 bytea bytea bytea"
_INSERT: Final = (
    f"INSERT INTO audit_trail.entries ({_COLUMNS}) VALUES ({', '.join(['%b'] * 14)})"
).encode()
_COPY: Final = f"COPY audit_trail.entries ({_COLUMNS}) FROM STDIN (FORMAT binary)".encode()

_ENTRY: Final = "idx, version, public, leaf, who, who_salt, what, what_salt"
# Each is looked up by itself: LIMIT keeps the planner from reading the account from end to end,
# which it takes for cheap as long as nobody has counted its rows.
_KNOWN: Final = """
SELECT asked.id FROM unnest(%(ids)b::bytea[]) AS asked (id)
CROSS JOIN LATERAL (
  SELECT FROM audit_trail.entries WHERE account = %(account)b AND id = asked.id LIMIT 1
) AS found"""
_VERSIONS: Final = """
SELECT place, greatest(newest.version, gone.version)
FROM unnest(%(types)b::bytea[], %(ids)b::bytea[]) WITH ORDINALITY AS asked (type, id, place)
LEFT JOIN LATERAL (
  SELECT version FROM audit_trail.entries
  WHERE account = %(account)b AND entity_type = asked.type AND entity_id = asked.id
  ORDER BY version DESC LIMIT 1
) AS newest ON true
LEFT JOIN LATERAL (
  SELECT version FROM audit_trail.dropped
  WHERE account = %(account)b AND entity_type = asked.type AND entity_id = asked.id LIMIT 1
) AS gone ON true
WHERE newest.version IS NOT NULL OR gone.version IS NOT NULL"""
_HEAD: Final = """
SELECT size, recorded_at, (SELECT coalesce(max(last) + 1, 0) FROM audit_trail.removals
  WHERE account = %(account)b AND part = 'entry'), sealed, edge, checkpoint
FROM audit_trail.heads WHERE account = %(account)b"""
_REMOVALS: Final = """
SELECT part, first, last, declared_by FROM audit_trail.removals
WHERE account = %(account)b AND part = %(part)t AND first <= %(last)b AND last >= %(first)b
ORDER BY first"""
_PENDING_NOW: Final = """
SELECT part, first, next, last FROM audit_trail.removals
WHERE account = %(account)b AND next <= last ORDER BY declared_by, part, first LIMIT %(limit)b"""
# Locked, so that two who carry out the same take turns.
_PENDING: Final = f"{_PENDING_NOW} FOR UPDATE"
_OF_RANGES: Final = (
    "FROM unnest(%(starts)b::bigint[], %(stops)b::bigint[]) AS range (start, stop) "
    "WHERE account = %(account)b AND idx >= range.start AND idx < range.stop"
)
_REMOVE: Final = {
    "who": "UPDATE audit_trail.entries SET who = NULL, who_salt = NULL, person = '\\x0a' "
    + _OF_RANGES,
    "what": f"UPDATE audit_trail.entries SET what = NULL, what_salt = NULL {_OF_RANGES}",
    "entry": "DELETE FROM audit_trail.entries " + _OF_RANGES.replace("FROM", "USING", 1),
}
_WORKED_OFF: Final = b"""
UPDATE audit_trail.removals AS removal SET next = done.stop
FROM unnest(%(firsts)b::bigint[], %(stops)b::bigint[]) AS done (first, stop)
WHERE account = %(account)b AND part = %(part)t AND removal.first = done.first"""

_ROWS: Final = f"""
SELECT {_ENTRY}, id, occurred_at, entity_type, entity_id, person FROM audit_trail.entries
WHERE account = %(account)b AND idx >= %(start)b AND idx < %(stop)b ORDER BY idx"""
_LEAPS: Final = b"""
SELECT * FROM (
  SELECT idx, version, lag(idx) OVER record, lag(version, 1, 0) OVER record AS version_before
  FROM audit_trail.entries WHERE account = %b AND idx < %b
  WINDOW record AS (PARTITION BY entity_type, entity_id ORDER BY idx)
) AS followed WHERE version <> version_before + 1"""
_REPEATED: Final = """
SELECT idx FROM audit_trail.entries WHERE account = %(account)b AND idx < %(stop)b AND id IN (
  SELECT id FROM audit_trail.entries WHERE account = %(account)b GROUP BY id HAVING count(*) > 1
) ORDER BY idx"""
# From one account to the next by the index, as heads may not tell of all.
_MENTIONED: Final = """
WITH RECURSIVE each (account) AS (
  (SELECT account FROM audit_trail.entries ORDER BY account LIMIT 1)
  UNION ALL
  SELECT (SELECT account FROM audit_trail.entries WHERE account > each.account
    ORDER BY account LIMIT 1)
  FROM each WHERE each.account IS NOT NULL
)
SELECT account FROM each WHERE account IS NOT NULL
UNION SELECT account FROM audit_trail.heads UNION SELECT account FROM audit_trail.tiles
UNION SELECT account FROM audit_trail.removals"""


class PostgresqlStore:
    """Keeps entries in the schema `audit_trail` of one database."""

    def __init__(self, url: str, *, connections: int = CONNECTIONS) -> None:
        """Open the database; the schema is created where it is missing and the role may.

        Raises `StoreFailed`, naming the database without user and password.
        """
        self._connections = Connections(url, connections)
        try:
            require(self._connections)
        except StoreFailed:
            self._connections.close()
            raise
        self.index_store = PostgresqlIndex(self._connections)

    def head(self, account: str) -> Head:
        rows = self._all(_HEAD, account=_text(account))
        if not rows:
            return Head(0, 0)
        size, recorded_at, first, *seal = rows[0]
        return Head(size, recorded_at, Seal(*seal), first)

    def append(self, tails: Mapping[str, Tail], lead: Lead | None = None) -> None:
        rows = [_row(account, each) for account, tail in tails.items() for each in tail.entries]
        few = len(rows) <= FEW_ENTRIES
        with self._connections.lend() as connection:
            with connection.pipeline() as pipeline:
                _begin(connection)
                _require_lead_and_heads(connection, pipeline, tails, lead)
                if few:
                    connection.cursor().executemany(_INSERT, rows)
                    connection.execute("COMMIT")
            if not few:
                _copy(connection, rows)
                connection.execute("COMMIT")

    def begin_term(self, outbox: str) -> Lead:
        with self._connections.lend() as connection, connection.pipeline():
            _begin(connection)
            given = connection.execute(_BEGIN_TERM, [_text(outbox)])
            connection.execute("COMMIT")
            return Lead(outbox, *given.fetchall()[0])

    def outboxes(self) -> set[str]:
        return {_read_text(name) for (name,) in self._all("SELECT outbox FROM audit_trail.terms")}

    def known(self, account: str, ids: Sequence[str]) -> set[str]:
        keys = {_id(each): each for each in ids}
        rows = self._all(_KNOWN, account=_text(account), ids=list(keys))
        return {keys[key] for (key,) in rows}

    def versions(self, account: str, records: Sequence[RecordKey]) -> dict[RecordKey, int]:
        rows = self._all(
            _VERSIONS,
            account=_text(account),
            types=[_text(type_) for type_, _ in records],
            ids=[_entity_id(id_) for _, id_ in records],
        )
        return {records[place - 1]: version for place, version in rows}

    def slice(self, account: str, start: int, stop: int) -> list[Entry]:
        return self._entries(
            "account = %(account)b AND idx >= %(start)b AND idx < %(stop)b ORDER BY idx",
            account=_text(account),
            start=_bigint(start),
            stop=_bigint(stop),
        )

    def find(self, query: Query, *, beyond: int | None = None, limit: int) -> list[Entry]:
        return [_entry(row) for row in self._matching(_ENTRY, query, beyond, limit)]

    def walk(self, query: Query, limit: int) -> list[int]:
        return [index for (index,) in self._matching("idx", query, None, limit)]

    def entries(self, account: str, indexes: Sequence[int]) -> list[Entry]:
        rows = self._entries(
            "account = %(account)b AND idx = ANY(%(indexes)b::bigint[])",
            account=_text(account),
            indexes=[_bigint(index) for index in indexes],
        )
        found = {entry.index: entry for entry in rows}
        return [found[index] for index in indexes if index in found]

    def by_id(self, account: str, entry_id: str) -> Entry | None:
        rows = self._entries(
            "account = %(account)b AND id = %(id)b", account=_text(account), id=_id(entry_id)
        )
        return rows[0] if rows else None

    def tile(self, account: str, level: int, number: int) -> bytes:
        rows = self._all(
            "SELECT data FROM audit_trail.tiles "
            "WHERE account = %(account)b AND level = %(level)b AND number = %(number)b",
            account=_text(account),
            level=level,
            number=_bigint(number),
        )
        return bytes(rows[0][0]) if rows else b""

    def removals(self, account: str, part: RemovedPart, first: int, last: int) -> list[Removal]:
        rows = self._all(
            _REMOVALS, account=_text(account), part=part, first=_bigint(first), last=_bigint(last)
        )
        return [Removal(*row) for row in rows]

    def remove(self, account: str, limit: int, only: Collection[Pending] | None = None) -> int:
        values = {"account": _text(account), "limit": _bigint(limit)}
        with self._connections.lend() as connection, connection.transaction():
            rows = connection.execute(_PENDING.encode(), values).fetchall()
            taken = taken_of(limit, rows, only)
            for part, ranges in groupby(taken, key=itemgetter(0)):
                _remove(connection, account, part, [each[1:] for each in ranges])
        return sum(each.stop - each.start for each in taken)

    def pending(self, account: str, limit: int) -> list[Pending]:
        rows = self._all(_PENDING_NOW, account=_text(account), limit=_bigint(limit))
        return taken_of(limit, rows, None)

    def wipe(self) -> Wiped:
        return wiping.wipe(self._connections)

    def is_wiped(self) -> bool:
        return wiping.is_wiped(self._connections)

    def accounts(self) -> list[str]:
        rows = self._all("SELECT account FROM audit_trail.heads WHERE size > 0")
        return [_read_text(account) for (account,) in rows]

    def rows(self, account: str, start: int, stop: int) -> list[Row]:
        rows = self._all(_ROWS, account=_text(account), start=_bigint(start), stop=_bigint(stop))
        return [_read_row(row) for row in rows]

    def leaps(self, account: str, stop: int) -> Iterator[Leap]:
        with (
            self._connections.lend() as connection,
            connection.transaction(),
            # Read as it goes: after a retention there may be one for each record.
            connection.cursor("leaps", binary=True) as cursor,
        ):
            cursor.execute(_LEAPS, [_text(account), _bigint(stop)])
            yield from map(Leap._make, cursor)

    def repeated(self, account: str, stop: int) -> list[int]:
        rows = self._all(_REPEATED, account=_text(account), stop=_bigint(stop))
        return [index for (index,) in rows]

    def mentioned(self) -> set[str]:
        return {_read_text(account) for (account,) in self._all(_MENTIONED)}

    def public_keys(self) -> list[Key]:
        rows = self._all("SELECT name, public, since FROM audit_trail.keys ORDER BY number")
        return [Key(name.decode(), public, since) for name, public, since in rows]

    def add_key(self, key: Key, known: int) -> None:
        name, public, since = key
        values = {"number": known, "name": _text(name), "public": public, "since": since}
        with self._connections.lend() as connection:
            if connection.execute(_ADD_KEY, values).rowcount != 1:
                raise HeadMoved

    def close(self) -> None:
        self._connections.close()

    def _entries(self, where: str, **values: Any) -> list[Entry]:
        rows = self._all(f"SELECT {_ENTRY} FROM audit_trail.entries WHERE {where}", **values)
        return [_entry(row) for row in rows]

    def _matching(
        self, columns: str, query: Query, beyond: int | None, limit: int
    ) -> list[tuple[Any, ...]]:
        sign, order = ("<", "DESC") if query.newest_first else (">", "ASC")
        values: dict[str, Any] = {"account": _text(query.account), "limit": _bigint(limit)}
        conditions = ["account = %(account)b"]
        narrowed = query.narrowed
        if narrowed.types:
            values["types"] = [_text(type_) for type_ in sorted(set(narrowed.types))]
            # Read by index, as all that is asked here is a short stretch: the index of records has
            # another order, and would be read for a type from end to end.
            conditions.append("entity_type || ''::bytea = ANY(%(types)b::bytea[])")
        if beyond is not None:
            values["beyond"] = _bigint(beyond)
            conditions.append(f"idx {sign} %(beyond)b")
        if narrowed.since_us is not None:
            values["since"] = _bigint(narrowed.since_us)
            conditions.append("occurred_at >= %(since)b")
        if narrowed.until_us is not None:
            values["until"] = _bigint(narrowed.until_us)
            conditions.append("occurred_at < %(until)b")
        if query.start is not None:
            values["start"] = _bigint(query.start)
            conditions.append("idx >= %(start)b")
        if query.stop is not None:
            values["stop"] = _bigint(query.stop)
            conditions.append("idx < %(stop)b")
        if narrowed.part:
            values["person"] = _text(narrowed.part.casefold())
            conditions.append("position(%(person)b IN person) > 0")
        matching = (
            f"SELECT {columns} FROM audit_trail.entries "
            f"WHERE {' AND '.join(conditions)} ORDER BY idx {order} LIMIT %(limit)b"
        )
        return self._all(matching, **values)

    def _all(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        with self._connections.lend() as connection:
            return connection.execute(statement.encode(), values, binary=True).fetchall()


def _begin(connection: psycopg.Connection) -> None:
    connection.execute(_BEGIN)
    connection.execute(_SETTINGS)


def _require_lead_and_heads(
    connection: psycopg.Connection,
    pipeline: psycopg.Pipeline,
    tails: Mapping[str, Tail],
    lead: Lead | None,
) -> None:
    """Lock the term, then move each head; accounts in order, so that no two writers deadlock.

    Tiles follow their head's lock, and are seen to before anything else is sent.
    """
    term = connection.execute(_LEAD, [_text(lead.outbox)]) if lead else None
    moved = [_move_head(connection, account, tails[account]) for account in sorted(tails)]
    grown = [
        cursor
        for account, tail in tails.items()
        if tail.sealing
        for cursor in _grow_tiles(connection, account, tail.sealing)
    ]
    pipeline.sync()
    if term and lead and term.fetchone() != (lead.term,):
        raise TermLost
    if any(cursor.rowcount != 1 for cursor in moved):
        raise HeadMoved
    if any(cursor.rowcount != 1 for cursor in grown):
        raise TreeRefused("A tile has another width than the tree that is to grow.")


def _move_head(connection: psycopg.Connection, account: str, tail: Tail) -> psycopg.Cursor:
    newest = tail.entries[-1].public.recorded_at if tail.entries else 0
    before, _, seal = tail.sealing or (None, (), (None, None, None))
    sealed, edge, checkpoint = seal
    return connection.execute(
        _NEXT_HEAD if tail.size else _FIRST_HEAD,
        {
            "account": _text(account),
            "size": _bigint(tail.size),
            "grown": _bigint(tail.size + len(tail.entries)),
            "recorded_at": newest,
            "before": before,
            "sealed": sealed,
            "edge": edge,
            "checkpoint": checkpoint,
        },
    )


def _grow_tiles(
    connection: psycopg.Connection, account: str, sealing: Sealing
) -> list[psycopg.Cursor]:
    return [
        connection.execute(
            _GROW if addition.offset else _PLACE,
            {
                "account": _text(account),
                "level": addition.tile.level,
                "number": addition.tile.number,
                "data": addition.data,
                "offset": addition.offset * HASH_BYTES,
            },
        )
        for addition in sealing.additions
    ]


def _remove(
    connection: psycopg.Connection, account: str, part: str, taken: Sequence[tuple[int, int, int]]
) -> None:
    """Empty or delete what these removals, by their first index, still hold from start to stop."""
    firsts, starts, stops = (list(each) for each in zip(*taken, strict=True))
    values = {"account": _text(account), "part": part, "firsts": firsts}
    values |= {"starts": starts, "stops": stops}
    connection.execute(_REMOVE[part].encode(), values)
    connection.execute(_WORKED_OFF, values)


def _copy(connection: psycopg.Connection, rows: Iterable[Sequence[Any]]) -> None:
    with connection.cursor().copy(_COPY) as copy:
        copy.set_types(_TYPES.split())
        for row in rows:
            copy.write_row(row)


def _row(account: str, entry: Entry) -> tuple[Any, ...]:
    public, who, what = decode_indexed(entry.public_bytes), entry.who, entry.what
    return (
        _text(account),
        entry.index,
        _id(public.id),
        entry.version,
        entry.public_bytes,
        entry.leaf,
        who.stored if who else None,
        who.salt if who else None,
        what.stored if what else None,
        what.salt if what else None,
        public.occurred_at,
        _text(public.entity.type),
        _entity_id(public.entity.id),
        _text(read_person(who)),
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


def _read_row(row: Sequence[Any]) -> Row:
    *entry, id_, occurred_at, entity_type, entity_id, person = row
    repeated = (
        occurred_at,
        None,
        _read_text(entity_type),
        None if entity_id == b"\xff" else _read_text(entity_id),
        _read_text(person),
        _read_id(id_),
    )
    return Row._make((*entry, *repeated))


def _text(text: str) -> bytes:
    """Return the bytes as they are kept; of a lone surrogate, bytes that no row can hold."""
    return text.encode(errors="surrogatepass")


def _entity_id(id_: str | None) -> bytes:
    return b"\xff" if id_ is None else _text(id_)


def _id(entry_id: str) -> bytes:
    """Return a UUID's 16 bytes; any other id is made longer than one."""
    return uuid_bytes(entry_id) or bytes(17) + _text(entry_id)


def _read_text(kept: bytes) -> str:
    """Return the text; of bytes that hold none, one that no entry has."""
    return kept.decode(errors="surrogateescape")


def _read_id(kept: bytes) -> str:
    if len(kept) == 16:
        return uuid_text(kept)
    return _read_text(kept.removeprefix(bytes(17)))


def _bigint(number: int) -> int:
    """Make what readers ask for fit the column; what no row can hold matches none."""
    return max(-LARGEST, min(number, LARGEST))
