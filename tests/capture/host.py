"""A small application whose tables are watched; tests write to it by every path there is."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, create_engine

from audit_trail.capture.context import Actor, Origin, acting_as
from audit_trail.capture.sqlalchemy import attach, outbox, sync
from audit_trail.capture.watch import Reference, Table, WatchList
from audit_trail.record.entry import Entry, read_what, read_who
from audit_trail.record.value import plain
from audit_trail.sequencer.loop import Sequencer
from audit_trail.store.memory import MemoryStore
from audit_trail.store.port import Store
from audit_trail.trail import Trail

ADA = Actor(kind="user", id="7", email="ada@example.com", name="Ada")
BOB = Actor(kind="user", id="8", email="bob@example.com", name="Bob")
NOW_US = 1_700_000_000_000_000
NOTHING = "(absent)"

SCHEMA = """
CREATE TABLE teams (
  id INTEGER PRIMARY KEY,
  account_id INTEGER,
  name TEXT UNIQUE,
  code TEXT UNIQUE COLLATE NOCASE,
  note TEXT,
  n INTEGER CHECK (n >= 0),
  active BOOLEAN,
  rules JSON,
  token TEXT,
  loose,
  created_at TEXT,
  updated_at TEXT
);
CREATE TABLE members (
  id INTEGER PRIMARY KEY,
  account_id INTEGER,
  team_id INTEGER REFERENCES teams (id) ON DELETE CASCADE,
  name TEXT
);
CREATE TABLE labels (
  id INTEGER PRIMARY KEY,
  account_id INTEGER,
  team_id INTEGER REFERENCES teams (id) ON DELETE SET NULL,
  name TEXT
);
CREATE TABLE orders (
  id INTEGER PRIMARY KEY,
  account_id INTEGER,
  team_id INTEGER REFERENCES teams (id) DEFERRABLE INITIALLY DEFERRED
);
CREATE TABLE parrots (name TEXT);
"""
TEAM = Reference(table="teams", columns=("team_id",), label="name")
WATCH = WatchList(
    tables=(
        Table(name="teams", entity="team", label=("name",), secrets=frozenset({"token"})),
        Table(name="members", entity="member", label=("name", "team_id"), references=(TEAM,)),
        Table(name="labels", entity="label", label=("name",), references=(TEAM,)),
        Table(name="orders", entity="order", references=(TEAM,)),
    ),
    ignored={"parrots": "they say nothing of their own"},
)


class Told(NamedTuple):
    """An entry as a test compares it: what it says, without ids, times and seals."""

    action: str
    entity: str
    id: str | None
    changes: Mapping[str, tuple[Any, Any]]
    actor: str


def origin(via: Any = "ui", request: str = "r-1") -> Origin:
    return Origin(via=via, request=request, ip="192.0.2.7")


def told(entry: Entry) -> Told:
    public, what = entry.public, read_what(entry.what)
    changes = {
        name: (_plain(change.before), _plain(change.after)) for name, change in what.changes.items()
    }
    who = read_who(entry.who)
    return Told(
        public.action, public.entity.type, public.entity.id, changes, who.email or public.actor.kind
    )


def _plain(value: msgspec.Raw | msgspec.UnsetType) -> Any:
    return NOTHING if isinstance(value, msgspec.UnsetType) else plain(bytes(value))


class Host:
    """The application, its outbox, and a trail that a sequencer fills when a test asks."""

    def __init__(
        self,
        path: Path,
        *,
        schema: str = SCHEMA,
        watch: WatchList = WATCH,
        store: Store | None = None,
    ) -> None:
        self.path = path
        self.watch = watch
        self.store = store or MemoryStore()
        self.engine = create_engine(f"sqlite:///{path}")
        attach(self.engine)
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(schema)
        with self.engine.begin() as connection:
            sync(connection, watch)
        self.outbox = outbox(self.engine, parents=watch.parents())
        ticks = count(NOW_US, 1_000)
        self.trail = Trail(self.store, clock=lambda: next(ticks))
        self.sequencer = self.new_sequencer()

    def new_sequencer(self) -> Sequencer:
        return Sequencer(self.outbox, self.trail, self.watch, clock=lambda: NOW_US)

    def close(self) -> None:
        self.engine.dispose()
        self.store.close()

    @contextmanager
    def writing(self, actor: Actor = ADA, **context: Any) -> Iterator[Connection]:
        """One transaction of this actor."""
        given = {"origin": origin()} | context
        with acting_as(actor, **given), self.engine.begin() as connection:
            yield connection

    def write(self, *statements: str, actor: Actor = ADA) -> None:
        """Run the statements in one transaction of this actor."""
        with self.writing(actor) as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)

    @contextmanager
    def foreign(self, *, foreign_keys: bool = False) -> Iterator[sqlite3.Connection]:
        """A connection that knows nothing of capture, as a database shell's, in autocommit."""
        with closing(sqlite3.connect(self.path, isolation_level=None)) as connection:
            connection.execute(f"PRAGMA foreign_keys = {int(foreign_keys)}")
            yield connection

    def shell(self, *statements: str, foreign_keys: bool = False) -> None:
        with self.foreign(foreign_keys=foreign_keys) as connection:
            for statement in statements:
                connection.execute(statement)

    def waiting(self) -> list[Any]:
        """The rows of the outbox as they lie there."""
        with self.foreign() as connection:
            return connection.execute(
                "SELECT table_name, operation, account, record_key, token, context "
                "FROM audit_outbox ORDER BY id"
            ).fetchall()

    def forget(self) -> None:
        """Empty the outbox: what led up to the test is not part of it."""
        with self.foreign() as connection:
            connection.execute("DELETE FROM audit_outbox")

    def entries(self, account: str = "1") -> list[Entry]:
        """Every entry of the account, once the outbox is empty."""
        self.sequencer.drain()
        return self.store.slice(account, 0, 1_000_000)

    def told(self, account: str = "1") -> list[Told]:
        return [told(entry) for entry in self.entries(account)]


def changed(*entries: Told) -> Sequence[Mapping[str, tuple[Any, Any]]]:
    return [entry.changes for entry in entries]
