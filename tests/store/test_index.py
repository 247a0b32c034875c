"""The contract of what a database keeps of the search index, on each engine that keeps one."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from audit_trail.errors import HeadMoved
from audit_trail.store.index import Block, IndexHead, IndexStore, Leaf, Replaced, Segment
from audit_trail.store.port import Store
from audit_trail.store.postgresql.store import PostgresqlStore
from audit_trail.store.sqlite import SqliteStore

ONE = Segment(0, 0)
TWO = Segment(0, 1, 7)
ANY = b"a\x00\xff"
"""What a term may hold of bytes, and more."""


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "sqlite":
        found: Store = SqliteStore(tmp_path / "trail.db")
    else:
        server = request.getfixturevalue("postgresql")
        found = PostgresqlStore(server.url(server.database()))
    with closing(found):
        yield found


@pytest.fixture
def index(store: Store) -> IndexStore:
    assert store.index_store is not None
    return store.index_store


def published(index: IndexStore, *segments: Segment, account: str = "1") -> IndexHead:
    """Publish segments of three pages each."""
    before = index.index_head(account)
    for segment in segments:
        index.put(account, before, segment, [leaf(b"b"), leaf(b"d", {b"d": b"bits"}), leaf(b"f")])
    after = IndexHead(before.version + 1, 0, len(segments), segments)
    index.publish(account, before, after, blocks=[Block(0, 3, 9, b"times")])
    return after


def leaf(first: bytes, apart: dict[bytes, bytes] | None = None) -> Leaf:
    return Leaf(first, b"page " + first, apart or {})


def test_an_account_without_an_index_has_an_empty_head(index: IndexStore) -> None:
    assert index.index_head("1") == IndexHead(0, 0, 0, ())
    assert index.page("1", ONE, b"x") is None
    assert index.pages("1", ONE, b"", 9) == []
    assert index.apart("1", ONE, b"x") is None
    assert (index.blocks("1", 0, 9), index.times("1", 0)) == ([], None)
    assert index.discard("1", 9) == 0


def test_what_was_published_is_found_by_its_terms(index: IndexStore) -> None:
    head = published(index, ONE, TWO)
    assert index.index_head("1") == head
    assert index.page("1", TWO, b"a") is None
    assert index.page("1", TWO, b"b") == (b"b", b"page b")
    assert index.page("1", TWO, b"czz") == (b"b", b"page b")
    assert index.page("1", TWO, b"zz") == (b"f", b"page f")
    assert index.pages("1", TWO, b"", 2) == [(b"b", b"page b"), (b"d", b"page d")]
    assert index.pages("1", TWO, b"b", 9) == [(b"d", b"page d"), (b"f", b"page f")]
    assert (index.apart("1", TWO, b"d"), index.apart("1", TWO, b"b")) == (b"bits", None)
    assert (index.blocks("1", 0, 9), index.blocks("1", 1, 9)) == ([(0, 3, 9)], [])
    assert index.times("1", 0) == b"times"


def test_terms_are_bytes_of_any_kind(index: IndexStore) -> None:
    index.put("ä\x00", IndexHead(), ONE, [Leaf(ANY, ANY, {ANY: ANY})])
    assert index.page("ä\x00", ONE, b"b") == (ANY, ANY)
    assert index.apart("ä\x00", ONE, ANY) == ANY


def test_accounts_and_segments_are_apart(index: IndexStore) -> None:
    published(index, ONE)
    assert index.index_head("2").version == 0
    assert index.page("2", ONE, b"b") is None
    assert index.page("1", TWO, b"b") is None
    assert index.times("2", 0) is None


def test_a_head_that_moved_keeps_all_else_out(index: IndexStore) -> None:
    head = published(index, ONE)
    late = Replaced(ONE, b"b", [leaf(b"c")], [])
    for before in (IndexHead(), head._replace(version=9)):
        with pytest.raises(HeadMoved):
            index.publish(
                "1", before, head._replace(version=5), blocks=[Block(4, 1, 1, b"")], replaced=[late]
            )
    assert index.index_head("1") == head
    assert index.page("1", ONE, b"b") == (b"b", b"page b")
    assert index.blocks("1", 0, 9) == [(0, 3, 9)]


def test_nothing_is_added_behind_a_head_that_moved(index: IndexStore) -> None:
    head = published(index, ONE)
    for late in (IndexHead(), head._replace(version=7)):
        with pytest.raises(HeadMoved):
            index.put("1", late, TWO, [leaf(b"b")])
    assert index.discard("1", 9) == 0


def test_the_times_of_blocks_that_are_gone_go_with_the_head(index: IndexStore) -> None:
    head = published(index, ONE)
    more = head._replace(version=2)
    index.publish("1", head, more, blocks=[Block(number, 1, 2, b"t") for number in range(1, 6)])
    index.publish("1", more, more._replace(version=3), gone=[range(2), range(4, 5)])
    assert [number for number, *_ in index.blocks("1", 0, 99)] == [2, 3, 5]


def test_a_page_takes_another_s_place_under_its_own_first_term(index: IndexStore) -> None:
    head = published(index, ONE)
    index.publish(
        "1",
        head,
        head._replace(version=2, generation=1),
        replaced=[
            Replaced(ONE, b"b", [leaf(b"c"), leaf(b"c2")], []),
            Replaced(ONE, b"d", [], [b"d"]),
        ],
    )
    assert index.index_head("1").generation == 1
    assert [first for first, _ in index.pages("1", ONE, b"", 9)] == [b"c", b"c2", b"f"]
    assert index.page("1", ONE, b"b") is None
    assert index.apart("1", ONE, b"d") is None


def test_what_no_head_names_is_discarded_some_at_a_time(index: IndexStore) -> None:
    head = published(index, ONE)
    index.put("1", head, TWO, [leaf(b"b"), leaf(b"d", {b"d": b"bits"})])
    assert index.discard("1", 2) == 2
    assert index.discard("1", 9) == 1
    assert index.discard("1", 9) == 0
    assert index.page("1", TWO, b"z") is None
    assert len(index.pages("1", ONE, b"", 9)) == 3
    index.put("1", head, TWO, [leaf(b"b")])
    index.publish("1", head, head._replace(version=2), is_clean=True)
    assert index.page("1", TWO, b"z") is None
    assert len(index.pages("1", ONE, b"", 9)) == 3


def test_one_at_a_time_makes_segments(store: Store, index: IndexStore) -> None:
    with index.indexing() as is_ours:
        assert is_ours
        with index.indexing() as is_ours_too:
            assert not is_ours_too
    with index.indexing() as is_ours:
        assert is_ours


def test_a_store_that_was_opened_for_reading_asks_the_index_it_finds(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path / "trail.db")) as store:
        assert store.index_store
        head = published(store.index_store, ONE)
    with closing(SqliteStore(tmp_path / "trail.db", is_read_only=True)) as store:
        assert store.index_store
        assert store.index_store.index_head("1") == head
