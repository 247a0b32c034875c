"""The search index in the trail's SQLite file."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from audit_trail.errors import HeadMoved
from audit_trail.store.index import Block, IndexHead, Leaf, Replaced, Segment
from audit_trail.store.sqlite_file import LARGEST, SqliteFile

_OF: Final = "account = ? AND level = ? AND number = ?"
_PAGE: Final = (
    f"SELECT first, page FROM search_pages WHERE {_OF} AND first <= ? ORDER BY first DESC LIMIT 1"
)
_PAGES: Final = (
    f"SELECT first, page FROM search_pages WHERE {_OF} AND first > ? ORDER BY first LIMIT ?"
)
_PUT_PAGE: Final = "INSERT OR REPLACE INTO search_pages VALUES (?, ?, ?, ?, ?)"
_PUT_BITS: Final = "INSERT OR REPLACE INTO search_bits VALUES (?, ?, ?, ?, ?)"
_PUT_BLOCK: Final = "INSERT OR REPLACE INTO search_blocks VALUES (?, ?, ?, ?, ?)"
_GONE_BLOCKS: Final = "DELETE FROM search_blocks WHERE account = ? AND number >= ? AND number < ?"
_PUT_HEAD: Final = "INSERT OR REPLACE INTO search_heads VALUES (?, ?, ?, ?, ?)"
# From one segment to the next by the index, instead of through every page of each.
_SEGMENTS: Final = """
WITH RECURSIVE each (level, number) AS (
  SELECT * FROM (SELECT level, number FROM {table} WHERE account = ?1 ORDER BY level, number LIMIT 1)
  UNION ALL
  SELECT (SELECT level FROM {table} WHERE account = ?1
      AND (level, number) > (each.level, each.number) ORDER BY level, number LIMIT 1),
    (SELECT number FROM {table} WHERE account = ?1
      AND (level, number) > (each.level, each.number) ORDER BY level, number LIMIT 1)
  FROM each WHERE each.level IS NOT NULL
)
SELECT level, number FROM each WHERE level IS NOT NULL"""


class SqliteIndex:
    """Keeps it in tables of its own, which hold nothing up: they are written some rows at a time."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file

    def index_head(self, account: str) -> IndexHead:
        row = self._file.one(
            "SELECT version, generation, blocks, segments FROM search_heads WHERE account = ?",
            (account,),
        )
        if row is None:
            return IndexHead()
        version, generation, blocks, segments = row
        return IndexHead(
            version, generation, blocks, tuple(Segment(*each) for each in json.loads(segments))
        )

    def page(self, account: str, segment: Segment, term: bytes) -> tuple[bytes, bytes] | None:
        found: tuple[bytes, bytes] | None = self._file.one(_PAGE, (account, *segment[:2], term))
        return found

    def pages(
        self, account: str, segment: Segment, behind: bytes, limit: int
    ) -> list[tuple[bytes, bytes]]:
        return self._file.all(_PAGES, (account, *segment[:2], behind, limit))

    def apart(self, account: str, segment: Segment, term: bytes) -> bytes | None:
        row = self._file.one(
            f"SELECT bits FROM search_bits WHERE {_OF} AND term = ?", (account, *segment[:2], term)
        )
        return row[0] if row else None

    def blocks(self, account: str, start: int, stop: int) -> list[tuple[int, int, int]]:
        return self._file.all(
            "SELECT number, since, until FROM search_blocks "
            "WHERE account = ? AND number >= ? AND number < ? ORDER BY number",
            (account, start, stop),
        )

    def times(self, account: str, number: int) -> bytes | None:
        row = self._file.one(
            "SELECT times FROM search_blocks WHERE account = ? AND number = ?", (account, number)
        )
        return row[0] if row else None

    def put(self, account: str, head: IndexHead, segment: Segment, leaves: Sequence[Leaf]) -> None:
        place = (account, *segment[:2])
        with self._file.writing() as connection:
            if self.index_head(account).version != head.version:
                raise HeadMoved
            _put(connection, place, leaves)

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
        with self._file.writing() as connection:
            if self.index_head(account).version != before.version:
                raise HeadMoved
            segments = json.dumps(after.segments)
            connection.execute(
                _PUT_HEAD, (account, after.version, after.generation, after.blocks, segments)
            )
            connection.executemany(_PUT_BLOCK, ((account, *each) for each in blocks))
            for segment, first, leaves, terms in replaced:
                place = (account, *segment[:2])
                connection.execute(
                    f"DELETE FROM search_pages WHERE {_OF} AND first = ?", (*place, first)
                )
                for term in terms:
                    connection.execute(
                        f"DELETE FROM search_bits WHERE {_OF} AND term = ?", (*place, term)
                    )
                _put(connection, place, leaves)
            connection.executemany(
                _GONE_BLOCKS, ((account, each.start, each.stop) for each in gone)
            )
            if is_clean:
                _discard(connection, account, after, LARGEST)

    def discard(self, account: str, limit: int) -> int:
        with self._file.writing() as connection:
            return _discard(connection, account, self.index_head(account), limit)

    @contextmanager
    def indexing(self) -> Iterator[bool]:
        with self._file.locked("indexing") as held:
            yield held


def _put(
    connection: sqlite3.Connection, place: tuple[str, int, int], leaves: Sequence[Leaf]
) -> None:
    connection.executemany(_PUT_PAGE, ((*place, each.first, each.page) for each in leaves))
    connection.executemany(
        _PUT_BITS, ((*place, *item) for each in leaves for item in each.apart.items())
    )


def _discard(connection: sqlite3.Connection, account: str, head: IndexHead, limit: int) -> int:
    known = {each[:2] for each in head.segments}
    gone = 0
    for table in ("search_pages", "search_bits"):
        found = connection.execute(_SEGMENTS.format(table=table), (account,)).fetchall()
        for place in found:
            if place not in known and gone < limit:
                gone += connection.execute(
                    f"DELETE FROM {table} WHERE rowid IN "
                    f"(SELECT rowid FROM {table} WHERE {_OF} LIMIT ?)",
                    (account, *place, limit - gone),
                ).rowcount
    return gone
