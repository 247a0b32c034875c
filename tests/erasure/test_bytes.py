"""What was erased is in no file any more: searched for byte by byte, on either engine."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random

import psycopg
import pytest

from audit_trail.erasure.erasing import erase
from audit_trail.erasure.subject import Subject
from audit_trail.store import sqlite as sqlite_adapter
from audit_trail.store.postgresql import schema, wiping
from audit_trail.store.postgresql.store import PostgresqlStore
from audit_trail.store.sqlite import SqliteStore
from audit_trail.trail import Trail
from tests.erasure.trails import NOW, by, draft
from tests.postgresql import Cluster, cluster

NEEDLE = "ann.lee@alder.example"
NEIGHBOUR = "bob@alder.example"


def files_with(folder: Path, needle: str) -> list[str]:
    """Return the names of the files below a folder that hold the text in any case of letters."""
    wanted = needle.encode()
    return sorted(
        path.name
        for path in folder.rglob("*")
        if path.is_file() and wanted in path.read_bytes().lower()
    )


def fill(trail: Trail) -> None:
    """Append entries of every length, hers and others', so that pages part and grow together."""
    random = Random(7)  # noqa: S311 -- the same lengths in each run
    for batch in (1, 7, 300, 700, 100):
        trail.append(
            [
                draft(
                    "7" if hers else "8",
                    who={"email": NEEDLE if hers else NEIGHBOUR},
                    what={"label": f"{NEEDLE} " * length if random.random() < 0.5 else "Support"},
                )
                for _ in range(batch)
                for hers, length in [(random.random() < 0.6, random.choice([1, 9, 90, 900]))]
            ]
        )
    # What it is found by is in the files, too.
    assert trail.index() == 1


def erased(trail: Trail) -> str:
    subject = Subject.of([NEEDLE])
    return erase(trail, "1", subject, by(), clock=lambda: NOW).wiped


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path / "trail.db")
    yield store
    store.close()


def test_no_byte_is_left_in_sqlite_s_files(store: SqliteStore, tmp_path: Path) -> None:
    trail = Trail(store)
    fill(trail)
    with closing(sqlite3.connect(tmp_path / "trail.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(FULL)")
    trail.append([draft("7", who={"email": NEEDLE})])
    assert files_with(tmp_path, NEEDLE) == ["trail.db", "trail.db-wal"]
    assert erased(trail) == "done"
    assert files_with(tmp_path, NEEDLE) == []
    assert files_with(tmp_path, NEIGHBOUR) == ["trail.db"]
    with closing(sqlite3.connect(tmp_path / "trail.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_reader_that_keeps_the_log_is_told_and_made_up_for(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_adapter, "WIPE_ATTEMPTS", 2)
    monkeypatch.setattr(sqlite_adapter, "WIPE_PATIENCE_MS", 10)
    trail = Trail(store)
    fill(trail)
    with closing(sqlite3.connect(tmp_path / "trail.db", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM entries").fetchone()
        assert erased(trail) == "busy"
        assert not store.is_wiped()
        assert "trail.db-wal" in files_with(tmp_path, NEEDLE)
        trail.append([draft("8")])  # Whoever appends doesn't wait for the reader.
    Trail(store).seal()
    assert store.is_wiped()
    assert files_with(tmp_path, NEEDLE) == []


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    """A server of its own: others would write into the files that are searched."""
    with cluster(autovacuum="off", checkpoint_timeout="1d") as running:
        yield running


def in_tables(server: Cluster, database: str, needle: str = NEEDLE) -> list[str]:
    """Search the data files, catalogs included, of one database; the write-ahead log ages out."""
    server.run("CHECKPOINT")
    with psycopg.connect(server.url(database)) as connection:
        found = connection.execute("SELECT oid FROM pg_database WHERE datname = current_database()")
        (oid,) = found.fetchone() or (0,)
    return files_with(server.folder / "data" / "base" / str(oid), needle)


def test_no_byte_is_left_in_postgresql_s_tables_and_catalogs(server: Cluster) -> None:
    name = server.database()
    with closing(PostgresqlStore(server.url(name))) as store:
        trail = Trail(store)
        fill(trail)
        server.run("ANALYZE", database=name)
        assert in_tables(server, name)
        trail.append([draft("8", account="2", who={"email": NEIGHBOUR})])
        assert erased(trail) == "done"
        assert store.is_wiped()
        assert in_tables(server, name) == []
        assert in_tables(server, name, NEIGHBOUR)
        assert len(trail.entries("1", 0, 9_999)) == 1_109


def test_a_role_that_owns_nothing_leaves_it_to_the_owner(server: Cluster) -> None:
    name = server.database()
    schema.create(server.url(name))
    server.run(
        "CREATE ROLE appender LOGIN",
        f"GRANT CONNECT ON DATABASE {name} TO appender",
    )
    server.run(schema.grants("appender"), database=name)
    with closing(PostgresqlStore(server.url(name, "appender"))) as store:
        trail = Trail(store)
        fill(trail)
        assert erased(trail) == "forbidden"
        assert trail.entries("1", 0, 1)[0].public.actor.id in ("7", "8")
        assert not store.is_wiped()
        assert in_tables(server, name)
        with closing(PostgresqlStore(server.url(name))) as owner:
            assert (owner.wipe(), owner.wipe()) == ("done", "done")
        assert store.is_wiped()
        assert in_tables(server, name) == []


@pytest.mark.parametrize("kept_by", ["a snapshot", "a lock"])
def test_a_reader_of_the_old_rows_is_waited_for_and_told(
    server: Cluster, kept_by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wiping, "ATTEMPTS", 2)
    monkeypatch.setattr(wiping, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(wiping, "LOCK_TIMEOUT", "10ms")
    name = server.database()
    with closing(PostgresqlStore(server.url(name))) as store:
        trail = Trail(store)
        fill(trail)
        with psycopg.connect(server.url(name)) as reader:
            if kept_by == "a snapshot":
                reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                reader.execute("SELECT 1")
            else:
                reader.execute("LOCK TABLE audit_trail.entries IN ACCESS SHARE MODE")
                reader.execute("LOCK TABLE audit_trail.heads IN ACCESS SHARE MODE")
            assert erased(trail) == "busy"
            assert not store.is_wiped()
        Trail(store).seal()
        assert store.is_wiped()
        assert in_tables(server, name) == []
