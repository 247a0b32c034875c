"""Our own log: triggers over an application's tables, and a trail that is filled when asked."""

import time
from contextlib import AbstractContextManager
from itertools import count
from typing import Any

import msgspec
from sqlalchemy import create_engine

from audit_trail.capture.context import Actor, Context, Origin, acting_as
from audit_trail.capture.sqlalchemy import outbox, sync
from audit_trail.capture.watch import Reference, Table, WatchList
from audit_trail.record.entry import read_what, read_who
from audit_trail.record.value import plain
from audit_trail.sequencer.loop import Sequencer
from audit_trail.store.memory import MemoryStore
from audit_trail.trail import Trail
from bench.peers.verdicts import ADA, Event

ORIGIN = Origin(via="ui", request="r-1", ip="192.0.2.7", user_agent="a browser")


class OwnLog:
    """Watches the tables of the comparison in the database at this URL of SQLAlchemy's."""

    def __init__(self, url: str, *, prefix: str) -> None:
        self._engine = create_engine(url)
        self._links = f"{prefix}ticket_labels"
        self._is_postgresql = self._engine.dialect.name == "postgresql"
        self.tables = ("audit_trail.outbox" if self._is_postgresql else "audit_outbox",)
        self._watch = self._watch_list(prefix)
        with self._engine.begin() as connection:
            sync(connection, self._watch)
        self._store = MemoryStore()
        now = count(time.time_ns() // 1_000)
        self._trail = Trail(self._store, clock=lambda: next(now))

    def _watch_list(self, prefix: str) -> WatchList:
        ticket = Reference(table=f"{prefix}ticket", columns=("ticket_id",), label="name")
        # Django gives its tables of links a key of their own.
        links = "id" if prefix else ("ticket_id", "label_id")
        tables = (
            Table(name=f"{prefix}ticket", entity=f"{prefix}ticket", label=("name",)),
            Table(name=f"{prefix}comment", entity=f"{prefix}comment", references=(ticket,)),
            Table(name=self._links, entity=self._links, account=None, key=links),
        )
        listing = (
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
            if self._is_postgresql
            else "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
        )
        with self._engine.connect() as connection:
            present = set(connection.exec_driver_sql(listing).scalars())
        others = present - {each.name for each in tables}
        return WatchList(
            tables=tables,
            ignored={name: "not compared" for name in others if not name.startswith("audit_")},
        )

    def acting(self, user: str) -> AbstractContextManager[Context]:
        """Act as the user with this id."""
        return acting_as(Actor(kind="user", id=user, email=ADA, name="Ada"), ORIGIN)

    def sequence(self) -> tuple[int, float]:
        """Empty the outbox into the trail, and tell how many entries in how many seconds."""
        before, started = self._size(), time.perf_counter()
        Sequencer(
            outbox(self._engine, parents=self._watch.parents()),
            self._trail,
            self._watch,
            clock=lambda: time.time_ns() // 1_000,
        ).drain()
        return self._size() - before, time.perf_counter() - started

    def events(self) -> list[Event]:
        """All that the trail says, once the outbox is empty."""
        self.sequence()
        return [
            self._told(entry)
            for account in ("1", "0")
            for entry in self._store.slice(account, 0, 1_000_000)
        ]

    def _size(self) -> int:
        return sum(self._store.head(account).size for account in ("0", "1"))

    def _told(self, entry: Any) -> Event:
        changes = read_what(entry.what).changes
        sides: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
        for name, change in changes.items():
            for side, value in zip(sides, (change.before, change.after), strict=True):
                if not isinstance(value, msgspec.UnsetType):
                    side[name] = plain(bytes(value))
        before, after = sides
        table, public = entry.public.entity.type, entry.public
        actor = read_who(entry.who).email if public.actor.kind == "user" else None
        if table == self._links:
            label = {"label": after.get("label_id")}
            return Event("link", table, after.get("ticket_id"), {}, label, actor)
        return Event(public.action, table, public.entity.id, before, after, actor)
