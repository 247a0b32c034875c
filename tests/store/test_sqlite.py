"""The SQLite store keeps the contract, and what only a file can break."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from audit_trail.errors import StoreFailed
from audit_trail.record.entry import Removed
from audit_trail.record.query import Named, Query
from audit_trail.store import sqlite as adapter
from audit_trail.store.port import Head, Key, Store, Tail
from audit_trail.store.sqlite import SqliteStore
from tests.store.contract import StoreContract, entry, fill, indexes, sealed


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "trail.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    store = SqliteStore(path)
    yield store
    store.close()


class TestSqliteStore(StoreContract):
    pass


def raw(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def test_an_id_is_found_as_bytes_and_as_the_text_of_older_releases(
    store: Store, path: Path
) -> None:
    ids = [f"0190aaaa-aaaa-7aaa-8aaa-aaaaaaaaaa0{number}" for number in range(3)]
    known = fill(store, "1", [entry(0, id=ids[0]), entry(1, id=ids[1])])
    raw(
        path,
        "DROP TRIGGER entries_are_only_emptied",
        f"UPDATE entries SET id = '{ids[0]}' WHERE idx = 0",
    )
    with closing(sqlite3.connect(path)) as connection:
        kept = connection.execute("SELECT id FROM entries ORDER BY idx").fetchall()
    assert kept == [(ids[0],), (bytes.fromhex(ids[1].replace("-", "")),)]
    assert store.known("1", ids) == set(ids[:2])
    assert [store.by_id("1", id_) for id_ in ids] == [*known, None]


COPY = (
    "INSERT OR REPLACE INTO entries ({extra}account, idx, id, version, public, leaf, occurred_at, "
    "recorded_at, entity_type, person) SELECT {values}account, {index}, {id}, version, public, leaf, "
    "occurred_at, recorded_at, entity_type, person FROM entries WHERE idx = 1"
)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entries SET public = x'00'",
        "UPDATE entries SET who = NULL, who_salt = NULL WHERE idx = 1",
        "UPDATE OR REPLACE entries SET idx = 0 WHERE idx = 1",
        "DELETE FROM entries",
        "DELETE FROM entries WHERE idx = 2",
        COPY.format(extra="", values="", index="1", id="'new'"),
        COPY.format(extra="", values="", index="3", id="id"),
        COPY.format(extra="", values="", index="5", id="'new'"),
        COPY.format(extra="", values="", index="-1", id="'new'"),
        COPY.format(extra="rowid, ", values="1, ", index="3", id="'new'"),
        COPY.format(extra="rowid, ", values="2, ", index="3", id="'new'"),
        COPY.format(extra="rowid, ", values="-1, ", index="3", id="'new'"),
        COPY.format(extra="", values="", index="1", id="'new'").replace(
            "OR REPLACE ", "OR IGNORE "
        ),
        COPY.format(extra="", values="", index="1", id="'new'").replace("OR REPLACE ", "")
        + " ON CONFLICT DO UPDATE SET public = x'00'",
    ],
)
def test_an_entry_is_never_changed_replaced_or_removed(
    store: Store, path: Path, statement: str
) -> None:
    known = fill(store, "1", [entry(index, email="ada@example.com") for index in range(3)])
    with pytest.raises(sqlite3.IntegrityError, match="entries are"):
        raw(path, statement)
    assert store.slice("1", 0, 99) == known
    fill(store, "1", [entry(3)])


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE tiles SET data = zeroblob(64)", "tiles only grow"),
        ("UPDATE tiles SET data = substr(data, 1, 32)", "tiles only grow"),
        ("UPDATE tiles SET number = 9", "tiles only grow"),
        ("DELETE FROM tiles", "tiles only grow"),
        ("REPLACE INTO tiles SELECT account, level, number, x'00' FROM tiles", "tiles only grow"),
        (
            "REPLACE INTO tiles (rowid, account, level, number, data) VALUES (1, 2, 0, 0, '')",
            "tiles",
        ),
        ("UPDATE seals SET size = 1", "seals only move on"),
        ("DELETE FROM seals", "seals only move on"),
        ("UPDATE keys SET public = zeroblob(32)", "keys are only added"),
        ("DELETE FROM keys", "keys are only added"),
        ("REPLACE INTO keys VALUES (0, 'x', zeroblob(32), 1)", "keys are only added"),
    ],
)
def test_a_tile_a_seal_and_a_key_are_never_taken_back(
    store: Store, path: Path, statement: str, said: str
) -> None:
    store.append({"1": sealed(store, "1", 2)})
    store.add_key(Key("trail", b"k" * 32, 1), 0)
    before = (store.tile("1", 0, 0), store.head("1"), store.public_keys())
    with pytest.raises(sqlite3.IntegrityError, match=said):
        raw(path, statement)
    assert (store.tile("1", 0, 0), store.head("1"), store.public_keys()) == before
    store.append({"1": sealed(store, "1", 2)})


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entries SET who = NULL, who_salt = NULL, person = char(10) WHERE idx = 2",
        "UPDATE entries SET what = NULL, what_salt = NULL WHERE idx = 1",
        "UPDATE entries SET who = x'00' WHERE idx = 1",
        "UPDATE entries SET who = NULL WHERE idx = 1",
        "UPDATE entries SET who = NULL, who_salt = NULL WHERE idx = 1",
        "UPDATE entries SET who = NULL, who_salt = NULL, person = char(10), version = 9 WHERE idx = 1",
        "DELETE FROM entries WHERE idx IN (0, 1)",
    ],
)
def test_no_more_goes_than_an_entry_declares(store: Store, path: Path, statement: str) -> None:
    known = fill(store, "1", [entry(index, email="ada@example.com") for index in range(3)])
    known += fill(store, "1", [entry(3, removed=Removed(who=((1, 1),), entry=((0, 0),)))])
    with pytest.raises(sqlite3.IntegrityError, match="entries are never"):
        raw(path, statement)
    assert store.slice("1", 0, 99) == known


def test_a_file_of_the_release_before_is_opened(store: Store, path: Path) -> None:
    known = fill(store, "1", [entry(0), entry(1)])
    store.close()
    raw(path, "DROP TABLE tiles", "DROP TABLE seals", "DROP TABLE keys")
    again = SqliteStore(path)
    assert again.head("1") == Head(2, 2_001)
    assert again.slice("1", 0, 9) == known
    assert (again.accounts(), again.public_keys()) == (["1"], [])
    again.close()


def test_a_file_opened_again_holds_what_it_held(path: Path) -> None:
    first = SqliteStore(path)
    known = fill(first, "1", [entry(0), entry(1)])
    lead = first.begin_term("outbox")
    first.close()
    second = SqliteStore(path)
    assert second.slice("1", 0, 9) == known
    assert second.begin_term("outbox").term == lead.term + 1
    fill(second, "1", [entry(2)])
    second.close()


def test_two_stores_on_one_file_see_each_other(store: Store, path: Path) -> None:
    other = SqliteStore(path)
    fill(store, "1", [entry(0)])
    fill(other, "1", [entry(1)])
    assert indexes(store.slice("1", 0, 9)) == [0, 1]
    other.close()


READS: list[Callable[[Store], object]] = [
    lambda store: store.head("1"),
    lambda store: store.slice("1", 0, 9),
    lambda store: store.find(Query(account="1"), limit=9),
    lambda store: store.walk(Query(account="1", where=Named("a")), 9),
    lambda store: store.by_id("1", "x"),
    lambda store: store.known("1", ["x"]),
    lambda store: store.versions("1", [("inbox", "1")]),
    lambda store: store.entries("1", [0]),
]


@pytest.mark.parametrize(
    "content", [b"this is no database at all" * 200, b"SQLite format 3\x00junk"]
)
def test_a_file_that_is_no_database_is_named(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(StoreFailed, match=r"trail\.db failed: file is not a database"):
        SqliteStore(path)


@pytest.mark.parametrize("read", READS)
def test_a_file_whose_pages_are_damaged_is_named(
    path: Path, read: Callable[[Store], object]
) -> None:
    first = SqliteStore(path)
    for batch in range(5):
        fill(first, "1", [entry(batch * 50 + index) for index in range(50)])
    first.close()
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xa5" * (len(content) - 4096))
    with (
        pytest.raises(StoreFailed, match=r"trail\.db failed: "),
        closing(SqliteStore(path)) as store,
    ):
        read(store)


def test_a_file_in_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreFailed, match=r"missing/trail\.db failed: unable to open"):
        SqliteStore(tmp_path / "missing" / "trail.db")


def test_a_locked_file_is_named_and_nothing_is_written(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "BUSY_TIMEOUT_SECONDS", 0.05)
    store = SqliteStore(path)
    fill(store, "1", [entry(0)])
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreFailed, match=r"trail\.db failed: database is locked"):
            store.append({"1": Tail(1, [entry(1)])})
        with pytest.raises(StoreFailed, match="database is locked"):
            store.begin_term("outbox")
        assert indexes(store.slice("1", 0, 9)) == [0], "readers don't wait for a writer"
        other.execute("ROLLBACK")
    store.append({"1": Tail(1, [entry(1)])})
    store.close()


def test_a_full_disk_keeps_the_append_out_and_the_next_one_goes_on(
    store: Store, path: Path
) -> None:
    fill(store, "1", [entry(0)])
    connection = store._file.connection()  # type: ignore[attr-defined]
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages + 1}")
    with pytest.raises(StoreFailed, match="database or disk is full"):
        store.append({"1": Tail(1, [entry(1 + index) for index in range(200)])})
    connection.execute("PRAGMA max_page_count = 1000000")
    assert store.head("1").size == 1
    fill(store, "1", [entry(1)])


def test_every_commit_is_synchronous(store: Store) -> None:
    connection = store._file.connection()  # type: ignore[attr-defined]
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("PRAGMA secure_delete").fetchone() == (1,)
