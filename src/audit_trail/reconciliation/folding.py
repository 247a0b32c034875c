"""Folds whole trails, some entries at a time, into a file of the process's own; it keeps no order of time.

The states lie in SQLite's private temporary file, which has no name and is gone with the process.
"""

import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import closing
from typing import Final

import msgspec

from audit_trail.capture.watch import Table
from audit_trail.record.state import (
    NOTHING_KNOWN,
    Identity,
    State,
    Step,
    after,
    former_id,
    had_another_id,
    step_of,
)
from audit_trail.trail import Trail

ENTRIES_TOGETHER: Final = 10_000
_SCHEMA: Final = """
CREATE TABLE states (
  entity TEXT, id TEXT, account TEXT, state BLOB, is_there INTEGER, is_seen INTEGER DEFAULT 0,
  PRIMARY KEY (entity, id, account)
) WITHOUT ROWID;
CREATE TABLE suspects (entity TEXT, account TEXT, id TEXT, PRIMARY KEY (entity, account, id))
WITHOUT ROWID;
"""

Key = tuple[str, str, str]
"""An entity's type and id, and the account in whose trail it is told."""

Suspect = tuple[str, str]
"""An account and an id."""


class Kept(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A state as it lies in the file."""

    exists: bool | None = None
    since_us: int | None = None
    values: dict[str, msgspec.Raw] = {}
    unknown: tuple[str, ...] = ()
    is_whole: bool = False
    told_by: dict[str, int] = {}
    index: int | None = None
    version: int = 0


class Folding:
    """The states that the trails of all accounts imply, as far as they were read."""

    def __init__(
        self, trail: Trail, tables: Sequence[Table], between: Callable[[], object] = lambda: None
    ) -> None:
        """Fold the entries of these tables; `between` is called after each stretch that was read."""
        self._trail = trail
        self._between = between
        self._identities = {table.entity: table.moving for table in tables}
        self._read: dict[str, int] = {}
        self.entries = 0
        """How many entries were read."""
        self.unreadable: dict[str, int] = {}
        """How many of each type say that something of it could not be understood."""
        self.moved_unseen: set[tuple[str, str]] = set()
        """By type and account, where a record took another id, and which one it had was erased."""
        self._file = sqlite3.connect("", isolation_level=None)
        self._file.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;" + _SCHEMA)

    def close(self) -> None:
        self._file.close()

    def catch_up(self, touched: set[Key] | None = None) -> None:
        """Read what the trails have gained; add the records that it is about to those `touched`."""
        for account in self._trail.accounts():
            size = self._trail.head(account).size
            for start in range(self._read.get(account, 0), size, ENTRIES_TOGETHER):
                records = self._take(account, start, min(start + ENTRIES_TOGETHER, size))
                if touched is not None:
                    touched |= records
                self._between()
            self._read[account] = size

    def states_of(self, entity: str, record: str, account: str | None = None) -> dict[str, State]:
        """Return what each account's trail implies of a record, or that of one account."""
        rows = self._file.execute(
            "SELECT account, state FROM states "
            "WHERE entity = ?1 AND id = ?2 AND (?3 IS NULL OR account = ?3)",
            (entity, record, account),
        )
        return {owner: _state(kept) for owner, kept in rows}

    def add_known(self, entity: str, known: Collection[Suspect]) -> None:
        """Add records, by account and id, that were there before any entry; entries know better."""
        there = _kept(msgspec.structs.replace(NOTHING_KNOWN, exists=True))
        self._file.executemany(
            "INSERT OR IGNORE INTO states (entity, id, account, state, is_there) "
            "VALUES (?, ?, ?, ?, 1)",
            ((entity, record, account, there) for account, record in known),
        )

    def see(self, entity: str, seen: Collection[Suspect], *, is_spread: bool) -> None:
        """Mark records, by account and id, that a table has; of spread ones, in every account."""
        with self._writing():
            self._file.executemany(
                "UPDATE states SET is_seen = 1 "
                "WHERE entity = ?1 AND id = ?2 AND (?4 OR account = ?3)",
                ((entity, record, account, is_spread) for account, record in seen),
            )

    def suspect(self, entity: str, suspects: Collection[Suspect]) -> None:
        """Keep records that are to be looked at again."""
        self._file.executemany(
            "INSERT OR IGNORE INTO suspects VALUES (?, ?, ?)",
            ((entity, account, record) for account, record in suspects),
        )

    def suspect_unseen(self, entity: str, *, is_spread: bool) -> None:
        """Suspect those that the trails say are there, and no table had."""
        self._file.execute(
            "INSERT OR IGNORE INTO suspects SELECT entity, iif(?2, '', account), id "
            "FROM states WHERE entity = ?1 AND is_there AND NOT is_seen",
            (entity, is_spread),
        )

    def suspects(self, entity: str, beyond: Suspect, limit: int) -> list[Suspect]:
        """Return the suspects beyond one of them, in their order."""
        rows = self._file.execute(
            "SELECT account, id FROM suspects WHERE entity = ? AND (account, id) > (?, ?) "
            "ORDER BY account, id LIMIT ?",
            (entity, *beyond, limit),
        )
        return [(account, record) for account, record in rows]

    def clear(self, entity: str, decided: Collection[Suspect]) -> None:
        """Suspect these no more."""
        self._file.executemany(
            "DELETE FROM suspects WHERE entity = ? AND account = ? AND id = ?",
            ((entity, account, record) for account, record in decided),
        )

    def count_suspects(self, entity: str) -> int:
        """Return how many are left."""
        counting = "SELECT count(*) FROM suspects WHERE entity = ?"
        return int(self._file.execute(counting, (entity,)).fetchone()[0])

    def _take(self, account: str, start: int, stop: int) -> set[Key]:
        """Fold a stretch of one trail, each record's state read and written once."""
        states: dict[Key, State] = {}
        for entry in self._trail.entries(account, start, stop):
            self.entries += 1
            entity = entry.public.entity
            identity = self._identities.get(entity.type)
            if identity is None:
                continue
            if entity.id is None:
                self.unreadable[entity.type] = self.unreadable.get(entity.type, 0) + 1
                continue
            key = (entity.type, entity.id, account)
            step = step_of(entry, identity)
            arrived = self._after_leaving(states, key, step, identity)
            states[key] = arrived or after(self._state_at(states, key), step)
        with self._writing():
            self._file.executemany(
                "INSERT INTO states (entity, id, account, state, is_there) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT DO UPDATE SET state = excluded.state, is_there = excluded.is_there",
                ((*key, _kept(state), state.exists is True) for key, state in states.items()),
            )
        return set(states)

    def _after_leaving(
        self, states: dict[Key, State], key: Key, step: Step, identity: Identity
    ) -> State | None:
        """Let the record leave its former id, and take along what is known of it, if it stays."""
        former = former_id(step, identity, key[1])
        if former is None:
            if had_another_id(step, identity):
                self.moved_unseen.add((key[0], key[2]))
            return None
        left = (key[0], former, key[2])
        before = self._state_at(states, left)
        leaving = msgspec.structs.replace(step, act="leave", is_own=False)
        states[left] = after(before, leaving)
        if step.act == "leave":
            return None
        there = self._state_at(states, key)
        moving = msgspec.structs.replace(step, act="update", version=there.version + 1)
        known = msgspec.structs.replace(before, version=there.version)
        return msgspec.structs.replace(after(known, moving), version=step.version)

    def _state_at(self, states: Mapping[Key, State], key: Key) -> State:
        if key in states:
            return states[key]
        entity, record, account = key
        return self.states_of(entity, record, account).get(account, NOTHING_KNOWN)

    def _writing(self) -> "closing[_Transaction]":
        return closing(_Transaction(self._file))


class _Transaction:
    """One transaction of the file; there is nobody to whom a half of it would matter."""

    def __init__(self, file: sqlite3.Connection) -> None:
        self._file = file
        file.execute("BEGIN")

    def close(self) -> None:
        self._file.execute("COMMIT")


def _kept(state: State) -> bytes:
    return msgspec.json.encode(
        Kept(
            exists=state.exists,
            since_us=state.since_us,
            values={name: msgspec.Raw(value) for name, value in state.values.items()},
            unknown=tuple(state.unknown),
            is_whole=state.is_whole,
            told_by=dict(state.told_by),
            index=state.index,
            version=state.version,
        )
    )


def _state(kept: bytes) -> State:
    read = _decode(kept)
    return State(
        exists=read.exists,
        since_us=read.since_us,
        values={name: bytes(value) for name, value in read.values.items()},
        unknown=frozenset(read.unknown),
        is_whole=read.is_whole,
        told_by=read.told_by,
        index=read.index,
        version=read.version,
    )


_decode: Final = msgspec.json.Decoder(Kept).decode


def parts_of(record: str, identity: Identity) -> Sequence[str] | None:
    """Return an id's parts as text, one for each of its columns; None of a digest."""
    if record.startswith("sha256:"):
        return None
    if len(identity.fields) == 1:
        return (record,)
    try:
        return [str(part) for part in msgspec.json.decode(record, type=list[str | int])]
    except msgspec.DecodeError:
        return None
