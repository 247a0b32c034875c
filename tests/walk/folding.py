"""Folds an account's trail into the state it implies, and holds it against the tables."""

import json
import sqlite3
from typing import Any

import msgspec

from audit_trail.record.entry import Entry, read_what
from audit_trail.record.value import plain
from live_agent.watching import WATCH

HIDDEN = "[hidden]"
TABLES = {
    table.entity: table
    for table in WATCH.tables
    if isinstance(table.account, str) and not table.left_out
}
"""Those whose records belong to one account, which has all of their entries."""

State = dict[tuple[str, str], dict[str, Any]]
"""By entity type and id: the fields that aren't null."""


class Fold:
    """What the entries read so far say about every record."""

    def __init__(self) -> None:
        self.state: State = {}
        self.read = 0

    def take(self, entry: Entry) -> None:
        """Apply one entry; every value before must be what the entries until now say."""
        public, what = entry.public, read_what(entry.what)
        assert entry.index == self.read
        assert what.unreadable is None
        self.read += 1
        if public.entity.type not in TABLES or public.entity.id is None:
            return
        key = (public.entity.type, public.entity.id)
        pairs = {
            field: tuple(
                plain(bytes(side)) if isinstance(side, msgspec.Raw) else None
                for side in (change.before, change.after)
            )
            for field, change in what.changes.items()
        }
        assert set(public.fields) == set(pairs)
        match public.action:
            case "create":
                assert key not in self.state, f"{key} was created twice"
                self.state[key] = {name: after for name, (_, after) in pairs.items()}
            case "update":
                record = self.state[key]
                assert pairs, "an update that changes nothing has an entry"
                for name, (before, after) in pairs.items():
                    assert record.get(name) == before, f"{key}.{name} was not {before!r} before"
                    assert before != after or after == HIDDEN, f"{key}.{name} did not change"
                    record[name] = after
            case "delete":
                gone = {
                    name: value for name, value in self.state.pop(key).items() if value is not None
                }
                assert gone == {name: before for name, (before, _) in pairs.items()}


def tables(path: str, account: int) -> State:
    """Read the same state from the tables themselves, by a connection of its own."""
    connection = sqlite3.connect(path)
    connection.row_factory = sqlite3.Row
    try:
        return {
            (entity, str(row[table.identity or table.key])): _fields(connection, table, row)
            for entity, table in TABLES.items()
            for row in connection.execute(
                f"SELECT * FROM {table.name} WHERE account_id = ?", (account,)
            )
        }
    finally:
        connection.close()


def _fields(connection: sqlite3.Connection, table: Any, row: sqlite3.Row) -> dict[str, Any]:
    left_out = {table.key, table.account, *table.unwatched}
    declared = {each[1]: each[2] for each in connection.execute(f"PRAGMA table_info({table.name})")}
    return {
        name: HIDDEN if name in table.secrets else _typed(declared[name], row[name])
        for name in row.keys()  # noqa: SIM118 -- a Row iterates over its values
        if name not in left_out and row[name] is not None
    }


def _typed(declared: str, value: Any) -> Any:
    if declared == "JSON":
        return json.loads(value)
    return bool(value) if declared == "BOOLEAN" else value
