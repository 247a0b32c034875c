"""The usual way to keep and search an audit log, for comparison: one plain table.

A row for each entry with the same columns, the usual indexes, pages by OFFSET beside an exact
COUNT(*), free text by LIKE '%...%', and GROUP BY for the figures over the list.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import psycopg

from audit_trail.record.entry import Draft
from bench.engines import Place

_COLUMNS: Final = (
    "account, occurred_at, action, entity_type, entity_id, actor, via, outcome, request, fields, "
    "email, name, ip, label, reason, changes"
)
_INDEXES: Final = ("id", "entity_type, entity_id", "actor", "occurred_at")
_TIMES: Final = {"SQLite": "INTEGER", "PostgreSQL": "bigint"}
_KEYS: Final = {"SQLite": "INTEGER PRIMARY KEY", "PostgreSQL": "bigserial PRIMARY KEY"}


class Where(NamedTuple):
    """What is asked of the table: a condition of SQL with `?` for its values."""

    sql: str = "account = ?"
    values: tuple[Any, ...] = ()

    def also(self, sql: str, *values: Any) -> "Where":
        return Where(f"{self.sql} AND {sql}", (*self.values, *values))


class Usual:
    """One plain table in a database of its own."""

    def __init__(self, place: Place) -> None:
        self._connection: Any
        self._is_sqlite = place.server is None
        if place.server:
            url = place.server.url(place.server.database())
            self._connection = psycopg.connect(url, autocommit=True)
        else:
            self._connection = _opened(place.new_file())
        columns = [f"{name} text" for name in _COLUMNS.split(", ") if name != "occurred_at"]
        self._execute(
            f"CREATE TABLE logs (id {_KEYS[place.kind]}, "
            f"occurred_at {_TIMES[place.kind]} NOT NULL, {', '.join(columns)})"
        )
        for number, indexed in enumerate(_INDEXES):
            self._execute(f"CREATE INDEX logs_{number} ON logs (account, {indexed})")

    def insert(self, drafts: Sequence[Draft]) -> None:
        """Write a row for each draft."""
        if self._is_sqlite:
            marks = ", ".join("?" * len(_COLUMNS.split(", ")))
            self._connection.execute("BEGIN")
            self._connection.executemany(
                f"INSERT INTO logs ({_COLUMNS}) VALUES ({marks})", _rows(drafts)
            )
            self._connection.execute("COMMIT")
            return
        with self._connection.cursor().copy(f"COPY logs ({_COLUMNS}) FROM STDIN") as into:
            for row in _rows(drafts):
                into.write_row(row)

    def settle(self) -> None:
        """Let the engine know its rows, as it would of itself after a while."""
        if self._is_sqlite:
            self._execute("ANALYZE")
        else:
            self._execute("VACUUM ANALYZE logs")

    def page(self, where: Where, *, skipped: int = 0, limit: int = 25) -> int:
        """Read a page and count all that match, as a page with numbers does; return the count."""
        self._execute(
            f"SELECT * FROM logs WHERE {where.sql} ORDER BY id DESC LIMIT {limit} OFFSET {skipped}",
            where.values,
        )
        ((count,),) = self._execute(f"SELECT count(*) FROM logs WHERE {where.sql}", where.values)
        return int(count)

    def facets(self, where: Where) -> None:
        """Count what of each kind there is."""
        for column in ("actor", "action", "entity_type", "via", "outcome"):
            self._execute(
                f"SELECT {column}, count(*) FROM logs WHERE {where.sql} GROUP BY {column}",
                where.values,
            )

    def timeline(self, where: Where, step_us: int) -> None:
        """Count by time and action."""
        self._execute(
            f"SELECT occurred_at / {step_us}, action, count(*) FROM logs WHERE {where.sql} "
            "GROUP BY 1, 2",
            where.values,
        )

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _execute(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        if not self._is_sqlite:
            # SQLite's LIKE doesn't tell a capital letter from a small one, as people expect.
            sql = sql.replace("?", "%s").replace(" LIKE ", " ILIKE ")
        found = self._connection.execute(sql, values) if values else self._connection.execute(sql)
        return found.fetchall() if found.description else []


def _opened(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, isolation_level=None)
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "page_size = 8192"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


class _Said(msgspec.Struct, frozen=True):
    email: str | None = None
    name: str | None = None
    ip: str | None = None
    label: str | None = None
    reason: str | None = None
    changes: msgspec.Raw = msgspec.Raw(b"{}")


_read = msgspec.json.Decoder(_Said).decode


def _rows(drafts: Sequence[Draft]) -> Iterator[tuple[Any, ...]]:
    for draft in drafts:
        who, what = _read(draft.who or b"{}"), _read(draft.what or b"{}")
        yield (
            draft.account,
            draft.occurred_at,
            draft.action,
            draft.entity.type,
            draft.entity.id,
            f"{draft.actor.kind}/{draft.actor.id}",
            draft.via,
            draft.outcome,
            draft.request,
            ",".join(draft.fields),
            who.email,
            who.name,
            who.ip,
            what.label,
            what.reason,
            bytes(what.changes).decode(),
        )
