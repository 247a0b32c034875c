"""Our own log: triggers over an application's tables, and a trail that is filled when asked."""

import os
import time
from contextlib import AbstractContextManager
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import msgspec
from sqlalchemy import create_engine

from audit_trail.capture.context import Actor, Context, Origin, acting_as
from audit_trail.capture.sqlalchemy import outbox, sync
from audit_trail.capture.watch import Reference, Table, WatchList
from audit_trail.record.entry import read_what, read_who
from audit_trail.record.value import plain
from audit_trail.sequencer.loop import Sequencer
from audit_trail.signing.keys import Seed
from audit_trail.signing.signer import open_signer
from audit_trail.store.memory import MemoryStore
from audit_trail.store.port import Store
from audit_trail.store.postgresql.store import PostgresqlStore
from audit_trail.store.sqlite import SqliteStore
from audit_trail.trail import Trail, utc_now_us
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
        self._store: Store = MemoryStore()
        self._trail = Trail(self._store)

    def endure(self) -> None:
        """From now on, keep a signed trail in a database of its own, as a server does."""
        folder = Path(mkdtemp(dir=os.environ.get("PEERS_FOLDER")))
        if self._is_postgresql:
            name = f"{self._engine.url.database}_trail"
            with self._engine.connect().execution_options(
                isolation_level="AUTOCOMMIT"
            ) as connection:
                connection.exec_driver_sql(f"CREATE DATABASE {name}")
            url = self._engine.url.set(drivername="postgresql", database=name)
            self._store = PostgresqlStore(url.render_as_string(hide_password=False))
        else:
            self._store = SqliteStore(folder / "trail.db")
        signer = open_signer(
            self._store,
            heads=folder / "heads.log",
            key_file=folder / "signing.key",
            seed=Seed.draw(),
            clock=utc_now_us,
        )
        self._trail = Trail(self._store, signer=signer)

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
            outbox(self._engine, parents=self._watch.parents()), self._trail, self._watch
        ).drain()
        return self._size() - before, time.perf_counter() - started

    def bytes_of_an_entry(self) -> float:
        """What an entry takes in the trail's database on PostgreSQL, tree and tiles included."""
        assert isinstance(self._store, PostgresqlStore)
        url = self._engine.url.set(database=f"{self._engine.url.database}_trail")
        engine = create_engine(url)
        with engine.connect() as connection:
            size = connection.exec_driver_sql(
                "SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class AS c "
                "JOIN pg_namespace AS n ON n.oid = c.relnamespace "
                "WHERE n.nspname = 'audit_trail' AND c.relkind = 'r'"
            ).scalar_one()
        engine.dispose()
        return float(size) / self._size()

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
            # Where it has no key of its own, the link is named by both ends.
            key = str(public.entity.id)
            ticket, label = (
                msgspec.json.decode(key)
                if key.startswith("[")
                else (after.get("ticket_id"), after.get("label_id"))
            )
            return Event("link", table, ticket, {}, {"label": label}, actor)
        return Event(public.action, table, public.entity.id, before, after, actor)
