"""The search index in the trail's PostgreSQL database."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import psycopg

from audit_trail.errors import HeadMoved
from audit_trail.store.index import Block, IndexHead, Leaf, Replaced, Segment
from audit_trail.store.postgresql.connections import Connections

LARGEST: Final = 2**63 - 1

# The number stands for nothing else.
_LOCK: Final = 7274657472616962

_OF: Final = "account = %(account)b AND level = %(level)b AND number = %(number)b"
_HEAD: Final = (
    "SELECT version, generation, blocks, segments::text FROM audit_trail.search_heads "
    "WHERE account = %(account)b"
)
_PAGE: Final = (
    f"SELECT first, page FROM audit_trail.search_pages WHERE {_OF} AND first <= %(term)b "
    "ORDER BY first DESC LIMIT 1"
)
_PAGES: Final = (
    f"SELECT first, page FROM audit_trail.search_pages WHERE {_OF} AND first > %(behind)b "
    "ORDER BY first LIMIT %(limit)b"
)
_FIRST_HEAD: Final = b"""
INSERT INTO audit_trail.search_heads (account, version, generation, blocks, segments)
VALUES (%(account)b, 0, 0, 0, '[]') ON CONFLICT DO NOTHING"""
_SHARED: Final = b"""
SELECT version FROM audit_trail.search_heads WHERE account = %(account)b FOR SHARE"""
_NEXT_HEAD: Final = b"""
UPDATE audit_trail.search_heads
SET version = %(version)b, generation = %(generation)b, blocks = %(blocks)b,
  segments = %(segments)t::json
WHERE account = %(account)b AND version = %(before)b"""
_PUT_PAGE: Final = b"""
INSERT INTO audit_trail.search_pages (account, level, number, first, page)
VALUES (%b, %b, %b, %b, %b)
ON CONFLICT (account, level, number, first) DO UPDATE SET page = excluded.page"""
_PUT_BITS: Final = b"""
INSERT INTO audit_trail.search_bits (account, level, number, term, bits)
VALUES (%b, %b, %b, %b, %b)
ON CONFLICT (account, level, number, term) DO UPDATE SET bits = excluded.bits"""
_COPY_PAGES: Final = (
    b"COPY audit_trail.search_pages (account, level, number, first, page) "
    b"FROM STDIN (FORMAT binary)"
)
_COPY_BITS: Final = (
    b"COPY audit_trail.search_bits (account, level, number, term, bits) FROM STDIN (FORMAT binary)"
)
_PUT_BLOCK: Final = b"""
INSERT INTO audit_trail.search_blocks (account, number, since, until, times)
VALUES (%b, %b, %b, %b, %b)
ON CONFLICT (account, number)
  DO UPDATE SET since = excluded.since, until = excluded.until, times = excluded.times"""
_GONE_BLOCKS: Final = b"""
DELETE FROM audit_trail.search_blocks
WHERE account = %(account)b AND number >= %(start)b AND number < %(stop)b"""
_GONE_PAGE: Final = f"DELETE FROM audit_trail.search_pages WHERE {_OF} AND first = %(first)b"
_GONE_BITS: Final = f"DELETE FROM audit_trail.search_bits WHERE {_OF} AND term = %(term)b"
# From one segment to the next by the index, instead of through every page of each.
_SEGMENTS: Final = """
WITH RECURSIVE each (level, number) AS (
  (SELECT level, number FROM {table} WHERE account = %(account)b ORDER BY level, number LIMIT 1)
  UNION ALL
  SELECT following.level, following.number FROM each CROSS JOIN LATERAL (
    SELECT level, number FROM {table}
    WHERE account = %(account)b AND (level, number) > (each.level, each.number)
    ORDER BY level, number LIMIT 1) AS following
)
SELECT level, number FROM each"""
_DISCARD: Final = (
    """
DELETE FROM {table} WHERE ctid = ANY(ARRAY(SELECT ctid FROM {table} WHERE """
    + _OF
    + (" LIMIT %(limit)b))")
)
_TABLES: Final = ("audit_trail.search_pages", "audit_trail.search_bits")


class PostgresqlIndex:
    """Keeps it in tables of its own, which hold nothing up: they are written some rows at a time."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def index_head(self, account: str) -> IndexHead:
        with self._connections.lend() as connection:
            return _head(connection, account)

    def page(self, account: str, segment: Segment, term: bytes) -> tuple[bytes, bytes] | None:
        rows = self._all(_PAGE, **_place(account, segment), term=term)
        return (rows[0][0], rows[0][1]) if rows else None

    def pages(
        self, account: str, segment: Segment, behind: bytes, limit: int
    ) -> list[tuple[bytes, bytes]]:
        rows = self._all(_PAGES, **_place(account, segment), behind=behind, limit=limit)
        return [(first, page) for first, page in rows]

    def apart(self, account: str, segment: Segment, term: bytes) -> bytes | None:
        rows = self._all(
            f"SELECT bits FROM audit_trail.search_bits WHERE {_OF} AND term = %(term)b",
            **_place(account, segment),
            term=term,
        )
        return rows[0][0] if rows else None

    def blocks(self, account: str, start: int, stop: int) -> list[tuple[int, int, int]]:
        rows = self._all(
            "SELECT number, since, until FROM audit_trail.search_blocks WHERE account = %(account)b "
            "AND number >= %(start)b AND number < %(stop)b ORDER BY number",
            account=_text(account),
            start=start,
            stop=stop,
        )
        return [(number, since, until) for number, since, until in rows]

    def times(self, account: str, number: int) -> bytes | None:
        rows = self._all(
            "SELECT times FROM audit_trail.search_blocks "
            "WHERE account = %(account)b AND number = %(number)b",
            account=_text(account),
            number=number,
        )
        return rows[0][0] if rows else None

    def put(self, account: str, head: IndexHead, segment: Segment, leaves: Sequence[Leaf]) -> None:
        place = (_text(account), *segment[:2])
        with self._connections.lend() as connection, connection.transaction():
            if not head.version:
                connection.execute(_FIRST_HEAD, {"account": _text(account)})
            # Shared until the commit: whoever publishes waits for us, and cleans up behind us.
            known = connection.execute(_SHARED, {"account": _text(account)}).fetchone()
            if known != (head.version,):
                raise HeadMoved
            _copy(connection, _COPY_PAGES, [(*place, each.first, each.page) for each in leaves])
            apart = [(*place, *item) for each in leaves for item in each.apart.items()]
            _copy(connection, _COPY_BITS, apart)

    def publish(
        self,
        account: str,
        before: IndexHead,
        after: IndexHead,
        *,
        blocks: Sequence[Block] = (),
        replaced: Sequence[Replaced] = (),
        gone: Sequence[range] = (),
        is_clean: bool = False,
    ) -> None:
        values = {
            "account": _text(account),
            "version": after.version,
            "generation": after.generation,
            "blocks": after.blocks,
            "segments": json.dumps(after.segments),
            "before": before.version,
        }
        with self._connections.lend() as connection, connection.transaction():
            if not before.version:
                connection.execute(_FIRST_HEAD, values)
            if connection.execute(_NEXT_HEAD, values).rowcount != 1:
                raise HeadMoved
            cursor = connection.cursor()
            cursor.executemany(_PUT_BLOCK, [(_text(account), *each) for each in blocks])
            with connection.pipeline():
                for segment, first, leaves, terms in replaced:
                    place = _place(account, segment)
                    cursor.execute(_GONE_PAGE.encode(), place | {"first": first})
                    for term in terms:
                        cursor.execute(_GONE_BITS.encode(), place | {"term": term})
                    _put(connection, account, segment, leaves)
            for each in gone:
                place = {"account": _text(account), "start": each.start, "stop": each.stop}
                connection.execute(_GONE_BLOCKS, place)
            if is_clean:
                _discard(connection, account, after, LARGEST)

    def discard(self, account: str, limit: int) -> int:
        with self._connections.lend() as connection, connection.transaction():
            return _discard(connection, account, _head(connection, account), limit)

    @contextmanager
    def indexing(self) -> Iterator[bool]:
        # Held by the transaction, so that it goes with the connection, and through a pooler.
        with self._connections.aside() as connection, connection.transaction():
            yield connection.execute(
                b"SELECT pg_try_advisory_xact_lock(%b)", [_LOCK]
            ).fetchone() == (True,)

    def _all(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        with self._connections.lend() as connection:
            return connection.execute(statement.encode(), values, binary=True).fetchall()


def _head(connection: psycopg.Connection, account: str) -> IndexHead:
    row = connection.execute(_HEAD.encode(), {"account": _text(account)}).fetchone()
    if row is None:
        return IndexHead()
    version, generation, blocks, segments = row
    return IndexHead(
        version, generation, blocks, tuple(Segment(*each) for each in json.loads(segments))
    )


def _put(
    connection: psycopg.Connection, account: str, segment: Segment, leaves: Sequence[Leaf]
) -> None:
    place = (_text(account), *segment[:2])
    cursor = connection.cursor()
    cursor.executemany(_PUT_PAGE, [(*place, each.first, each.page) for each in leaves])
    cursor.executemany(
        _PUT_BITS, [(*place, *item) for each in leaves for item in each.apart.items()]
    )


def _discard(connection: psycopg.Connection, account: str, head: IndexHead, limit: int) -> int:
    known = {each[:2] for each in head.segments}
    gone = 0
    for table in _TABLES:
        found = connection.execute(
            _SEGMENTS.format(table=table).encode(), {"account": _text(account)}, binary=True
        ).fetchall()
        for level, number in found:
            if (level, number) not in known and gone < limit:
                values = _place(account, Segment(level, number)) | {"limit": limit - gone}
                deleted = connection.execute(_DISCARD.format(table=table).encode(), values)
                gone += deleted.rowcount
    return gone


def _copy(connection: psycopg.Connection, statement: bytes, rows: Sequence[Sequence[Any]]) -> None:
    with connection.cursor().copy(statement) as copy:
        copy.set_types(["bytea", "int4", "int8", "bytea", "bytea"])
        for row in rows:
            copy.write_row(row)


def _place(account: str, segment: Segment) -> dict[str, Any]:
    return {"account": _text(account), "level": segment.level, "number": segment.number}


def _text(text: str) -> bytes:
    return text.encode(errors="surrogatepass")
