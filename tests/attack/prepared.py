"""A signed trail of some hundred entries on either engine, and whoever owns its database."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple, cast
from unittest.mock import patch

import msgspec
import psycopg

from audit_trail.cli import inspecting
from audit_trail.cli.store import open_store
from audit_trail.inspection.verdict import AccountVerdict, StoreVerdict
from audit_trail.record.entry import ActorId, Draft, Entity, Removed
from audit_trail.seal.merkle import leaf_hash
from audit_trail.signing.keys import trail_key
from audit_trail.signing.signer import open_signer
from audit_trail.store.port import Store
from audit_trail.store.postgresql.connections import Connections
from audit_trail.store.postgresql.store import PostgresqlStore
from audit_trail.store.sqlite import SqliteStore
from audit_trail.trail import Trail
from tests.postgresql import Cluster

EARLIER = 300
"""Of how many entries an administrator kept the checkpoint."""

ERASED_BY, DROPPED_BY = 300, 301
SIZE = 520
START_US = 1_790_000_000_000_000
NUMBERS = count()


def draft(number: int, account: str = "1", **given: Any) -> Draft:
    """What Ada did to one of twenty records; every part has something to alter."""
    if "removed" in given:
        entity = Entity(type="audit_log")
    else:
        entity = Entity(type="inbox", id=str(number % 20))
    drafted = Draft(
        id=f"{next(NUMBERS):08x}-0000-7000-8000-000000000000",
        account=account,
        occurred_at=START_US + number,
        action="update",
        entity=entity,
        actor=ActorId(kind="user", id="7"),
        via="ui",
        who=b'{"email":"ada@example.com","name":"Ada","ip":"192.0.2.7"}',
        what=b'{"label":"Support","changes":{"name":{"before":"Help","after":"Care"}}}',
    )
    return msgspec.structs.replace(drafted, **given)


def drafts(start: int, stop: int, account: str = "1") -> list[Draft]:
    return [draft(number, account) for number in range(start, stop)]


class Place(NamedTuple):
    """A store's URL, its folder of key and signed heads, and what copies it as it lies there."""

    url: str
    folder: Path
    copy: Callable[[str], str]

    @property
    def is_file(self) -> bool:
        return self.url.startswith("sqlite")

    def store(self) -> Store:
        if self.is_file:
            return SqliteStore(Path(self.url.removeprefix("sqlite:///")))
        return PostgresqlStore(self.url, connections=1)

    def trail(self, store: Store, *, is_signed: bool = True) -> Trail:
        """Open the trail as the application does, its clock an hour on at each look."""
        seconds = count()
        signer = open_signer(
            store,
            heads=self.folder / "heads.log",
            key_file=self.folder / "signing.key",
            seed=None,
            clock=lambda: START_US,
        )
        return Trail(
            store,
            signer=signer if is_signed else None,
            clock=lambda: START_US + next(seconds) * 1_000_000,
        )


def make_place(folder: Path, server: Cluster | None) -> Place:
    """Make an empty place: a file, or a database of the server."""
    if server is None:
        (folder / "trail").mkdir()

        def copy_file(name: str) -> str:
            shutil.copytree(folder / "trail", folder / name)
            return f"sqlite:///{folder / name / 'trail.db'}"

        return Place(f"sqlite:///{folder / 'trail' / 'trail.db'}", folder, copy_file)
    made = server.database()

    def copy_database(name: str) -> str:
        server.run(f"CREATE DATABASE {made}_{name} TEMPLATE {made}")
        return server.url(f"{made}_{name}")

    return Place(server.url(made), folder, copy_database)


class Prepared(NamedTuple):
    """A whole trail, what was kept of it elsewhere, and its database as it was before."""

    place: Place
    key: str
    older: str
    older_heads: Path
    checkpoint: Path
    newest: Path

    @property
    def heads(self) -> Path:
        return self.place.folder / "heads.log"


def prepare(place: Place) -> Prepared:
    """Fill the trail; erase, drop, and keep a checkpoint and the database in between."""
    folder = place.folder
    with closing(place.store()) as store:
        trail = place.trail(store)
        trail.append([*drafts(0, 200), *drafts(0, 3, "2")])
        trail.append(drafts(200, EARLIER))
        (folder / "earlier").write_bytes(trail.checkpoint("1") or b"")
        key = trail_key(trail.public_keys()[-1]).text
    shutil.copy(folder / "heads.log", folder / "heads.older")
    older = place.copy("older")
    with closing(place.store()) as store:
        trail = place.trail(store)
        erased = Removed(who=((5, 7),), what=((6, 6),))
        trail.append([draft(EARLIER, action="erase", removed=erased)])
        trail.append([draft(301, action="drop", removed=Removed(entry=((0, 1), (10, 10))))])
        assert trail.remove("1") == 7
        trail.append(drafts(302, SIZE))
        (folder / "newest").write_bytes(trail.checkpoint("1") or b"")
    return Prepared(
        place, key, older, folder / "heads.older", folder / "earlier", folder / "newest"
    )


class Lent(NamedTuple):
    """Connections that are all this one."""

    connection: Any

    @contextmanager
    def lend(self) -> Iterator[Any]:
        yield self.connection

    def close(self) -> None:
        """Leave it open: it is its owner's."""


class Owner:
    """Whoever owns the trail's database, and so can do anything to it but sign."""

    def __init__(self, prepared: Prepared, url: str) -> None:
        self.prepared = prepared
        self.url = url
        self.is_file = prepared.place.is_file
        if self.is_file:
            path = url.removeprefix("sqlite:///")
            self._connection: Any = sqlite3.connect(path, isolation_level=None)
            named = self.run("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            for (name,) in named:
                self.run(f"DROP TRIGGER {name}")
        else:
            # All of it in one transaction, which is never committed: one database serves every test.
            self._connection = psycopg.connect(url)
            self.run("SET search_path = audit_trail")
            for table in ("entries", "tiles", "keys"):
                self.run(f"ALTER TABLE {table} DISABLE TRIGGER USER")

    def run(self, statement: str, *values: Any) -> list[Any]:
        """Run a statement that names tables as SQLite does; return its rows."""
        if self.is_file:
            rows: list[Any] = self._connection.execute(statement, values).fetchall()
            return rows
        given = [each.encode() if isinstance(each, str) else each for each in values]
        done = self._connection.execute(statement.replace("?", "%b").encode(), given)
        return list(done.fetchall()) if done.description else []

    def get(self, index: int, column: str) -> bytes:
        ((value,),) = self.run(
            f"SELECT {column} FROM entries WHERE account = ? AND idx = ?", "1", index
        )
        return bytes(value)

    def set(self, index: int, **columns: Any) -> None:
        """Put these values into the row of an entry of account 1."""
        assigned = ", ".join(f"{column} = ?" for column in columns)
        self.run(
            f"UPDATE entries SET {assigned} WHERE account = ? AND idx = ?",
            *columns.values(),
            "1",
            index,
        )

    def replace(self, index: int, column: str, old: bytes, new: bytes) -> bytes:
        """Change bytes of a column; return what stands there now."""
        changed = self.get(index, column).replace(old, new, 1)
        assert changed != self.get(index, column)
        self.set(index, **{column: changed})
        return changed

    def make_anew(self, index: int, old: bytes, new: bytes) -> None:
        """Change a public part with its leaf, as if it had been appended so."""
        self.set(index, leaf=leaf_hash(self.replace(index, "public", old, new)))

    def insert_copy(self, of: int, index: int, account: str = "1") -> None:
        """Put a copy of an entry at an index, under an id of its own."""
        columns = "version, public, leaf, who, who_salt, what, what_salt, occurred_at, "
        columns += "entity_type, entity_id, person" + (", recorded_at" if self.is_file else "")
        id_ = "ffffffff-0000-7000-8000-000000000000"
        self.run(
            f"INSERT INTO entries (account, idx, id, {columns}) SELECT ?, {index}, ?, {columns} "
            "FROM entries WHERE account = ? AND idx = ?",
            account,
            id_ if self.is_file else bytes.fromhex(id_.replace("-", "")),
            "1",
            of,
        )

    def shift(self, start: int, by: int) -> None:
        """Move all entries from an index on; first out of the way, as indexes are unique."""
        self.run(f"UPDATE entries SET idx = idx + 100000 WHERE account = ? AND idx >= {start}", "1")
        self.run(
            f"UPDATE entries SET idx = idx - {100000 - by} WHERE account = ? AND idx >= 100000", "1"
        )

    def set_seal(self, account: str = "1", **columns: Any) -> None:
        """Put these values into an account's seal: size, edge, checkpoint."""
        table = "seals" if self.is_file else "heads"
        names = columns if self.is_file else {_in_heads(name): columns[name] for name in columns}
        assigned = ", ".join(f"{name} = ?" for name in names)
        self.run(f"UPDATE {table} SET {assigned} WHERE account = ?", *columns.values(), account)

    def set_tile(self, level: int, number: int, change: Callable[[bytes], bytes]) -> None:
        """Change the bytes of a tile of account 1."""
        where = f"account = ? AND level = {level} AND number = {number}"
        ((data,),) = self.run(f"SELECT data FROM tiles WHERE {where}", "1")
        self.run(f"UPDATE tiles SET data = ? WHERE {where}", change(bytes(data)), "1")

    def close(self) -> None:
        self._connection.close()

    def verified(
        self,
        *checkpoints: Path,
        keys: Sequence[str] | None = None,
        heads: Path | None = None,
        accounts: Sequence[str] = (),
    ) -> StoreVerdict:
        """Return what `audit-trail verify --store` finds; by default with the key alone."""
        keys = [self.prepared.key] if keys is None else keys
        opened = open_store if self.is_file else self._own_store
        with patch.object(inspecting, "open_store", opened):
            return inspecting.verify_store(
                self.url, accounts, keys, (), checkpoints, heads, is_quiet=True
            )

    def _own_store(self, url: str) -> Store:
        """Return a store that sees what isn't committed, for it reads by our own connection."""
        store = PostgresqlStore(url, connections=1)
        store.close()
        store._connections = cast(Connections, Lent(self._connection))
        return store


def of(verdict: StoreVerdict, account: str) -> AccountVerdict:
    """The verdict on one account."""
    (found,) = [each for each in verdict.accounts if each.account == account]
    return found


def _in_heads(column: str) -> str:
    return "sealed" if column == "size" else column
