"""The PostgreSQL store keeps the contract, and what it holds from change by anybody."""

import threading
from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest

from audit_trail.errors import StoreFailed
from audit_trail.record.entry import Removed
from audit_trail.record.query import Is, Named, Query
from audit_trail.store.port import Head, Key, Store, Tail
from audit_trail.store.postgresql import schema
from audit_trail.store.postgresql.store import FEW_ENTRIES, PostgresqlStore
from tests.postgresql import Cluster, run
from tests.retention.years import ADA, Years
from tests.store.contract import StoreContract, entry, fill, indexes, sealed

PATIENCE_SECONDS = 20.0
MANY = FEW_ENTRIES + 5


@pytest.fixture
def store(url: str) -> Iterator[PostgresqlStore]:
    store = PostgresqlStore(url)
    yield store
    store.close()


class TestPostgresqlStore(StoreContract):
    pass


# What no entry may suffer: not by the superuser, nor on a partition, nor where a replica plays.

COLUMNS = "occurred_at, version, account, entity_type, entity_id, public, leaf, person"


def copied(index: int, id_: str, more: str = "") -> str:
    """Insert entry 1 again, with another index and id."""
    return (
        f"INSERT INTO {{table}} (idx, id, {COLUMNS}) "
        f"SELECT {index}, {id_}, {COLUMNS} FROM audit_trail.entries WHERE idx = 1 {more}"
    )


REFUSED = [
    "UPDATE {table} SET public = ''",
    "UPDATE {table} SET account = '9'",
    "UPDATE {table} SET who = NULL, who_salt = NULL WHERE idx = 1",
    "DELETE FROM {table}",
    "TRUNCATE {table}",
    "TRUNCATE audit_trail.heads, {table}",
    copied(4, "'new'"),
    copied(-1, "'new'"),
    copied(1, "'new'"),
    copied(3, "id"),
    copied(3, "'a'::bytea", "UNION ALL " + copied(5, "'b'").partition(") ")[2]),
    copied(1, "'new'", "ON CONFLICT (account, idx) DO UPDATE SET public = ''"),
]


@pytest.mark.parametrize("role", ["origin", "replica"])
@pytest.mark.parametrize("whole", [True, False], ids=["whole", "partition"])
@pytest.mark.parametrize("statement", REFUSED)
def test_an_entry_is_never_changed_replaced_or_removed(
    store: Store, url: str, statement: str, whole: bool, role: str
) -> None:
    known = fill(store, "1", [entry(index, email="ada@example.com") for index in range(3)])
    with psycopg.connect(url) as connection:
        (part,) = connection.execute(
            "SELECT tableoid::regclass::text FROM audit_trail.entries"
        ).fetchone() or ("",)
    table = "audit_trail.entries" if whole else part
    with pytest.raises(psycopg.Error, match=r"entries are only appended|duplicate key|idx_check"):
        run(url, f"SET session_replication_role = {role}", statement.format(table=table))
    assert store.slice("1", 0, 99) == known
    fill(store, "1", [entry(3)])


def test_an_entry_that_follows_is_let_in(store: Store, url: str) -> None:
    fill(store, "1", [entry(index) for index in range(3)])
    run(url, copied(3, "'new'").format(table="audit_trail.entries"))
    with pytest.raises(StoreFailed, match="duplicate key value violates unique constraint"):
        fill(store, "1", [entry(3)])


@pytest.mark.parametrize("role", ["origin", "replica"])
@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE audit_trail.tiles SET data = decode(repeat('00', 64), 'hex')", "tiles only grow"),
        ("UPDATE audit_trail.tiles SET data = substr(data, 1, 32)", "tiles only grow"),
        ("UPDATE audit_trail.tiles SET number = 9", "tiles only grow"),
        ("DELETE FROM audit_trail.tiles", "tiles only grow"),
        ("TRUNCATE audit_trail.tiles", "tiles only grow"),
        ("UPDATE audit_trail.keys SET name = 'x'", "keys are only added"),
        ("DELETE FROM audit_trail.keys", "keys are only added"),
        ("TRUNCATE audit_trail.keys", "keys are only added"),
    ],
)
def test_a_tile_and_a_key_are_never_taken_back(
    store: Store, url: str, statement: str, said: str, role: str
) -> None:
    store.append({"1": sealed(store, "1", 2)})
    store.add_key(Key("trail", b"k" * 32, 1), 0)
    before = (store.tile("1", 0, 0), store.public_keys())
    with pytest.raises(psycopg.Error, match=said):
        run(url, f"SET session_replication_role = {role}", statement)
    assert (store.tile("1", 0, 0), store.public_keys()) == before


# The role that uses the trail owns nothing.


@pytest.fixture
def role(postgresql: Cluster, url: str) -> Iterator[str]:
    name = 'trail "role"'
    quoted = '"trail ""role"""'
    run(url, f"CREATE ROLE {quoted} LOGIN", *[schema.grants(name)] * 2)
    yield url.replace("postgres@", "trail%20%22role%22@")
    run(url, f"DROP OWNED BY {quoted}", f"DROP ROLE {quoted}")


def test_the_role_of_the_trail_appends_and_reads(role: str) -> None:
    with closing(PostgresqlStore(role)) as store:
        lead = store.begin_term("outbox")
        store.append({"1": Tail(0, [entry(index) for index in range(MANY)])}, lead)
        store.append({"1": Tail(MANY, [entry(MANY)])}, lead)
        store.append({"2": sealed(store, "2", MANY), "3": sealed(store, "3", 1)}, lead)
        store.append({"2": sealed(store, "2", 1)}, lead)
        store.add_key(Key("trail", bytes(32), 1), 0)
        assert store.head("2").seal.size == MANY + 1
        assert store.head("1").size == MANY + 1
        assert (
            len(store.find(Query(account="1", where=Is("entity", "inbox")), limit=99)) == MANY + 1
        )


def test_the_role_of_the_trail_keeps_to_a_retention(role: str) -> None:
    with closing(PostgresqlStore(role)) as store:
        years = Years(store)
        years.add(3, number="1")
        years.retention.change("1", 90, ADA)
        years.pass_days(401)
        years.add(1, number="2")
        years.retention.run("1")
        years.add(1, number="1")
        assert years.left() == [3, 4, 5, 6]
        assert years.newest().version == 4
        years.verify()


@pytest.mark.parametrize(
    "statement",
    [
        *(each.format(table="audit_trail.entries") for each in (*REFUSED[:2], REFUSED[4])),
        "INSERT INTO audit_trail.removals VALUES ('1', 'who', 0, 9, 10, 0)",
        "UPDATE audit_trail.removals SET last = 99",
        "DELETE FROM audit_trail.removals",
        "SELECT audit_trail.declare_removals()",
        "INSERT INTO audit_trail.dropped VALUES (9, '1', 'inbox', '1')",
        "UPDATE audit_trail.dropped SET version = 0",
        "DELETE FROM audit_trail.dropped",
        "SELECT audit_trail.keep_versions()",
        "DELETE FROM audit_trail.heads",
        "DELETE FROM audit_trail.tiles",
        "TRUNCATE audit_trail.tiles",
        "UPDATE audit_trail.keys SET name = ''",
        "DELETE FROM audit_trail.terms",
        "ALTER TABLE audit_trail.entries DISABLE TRIGGER ALL",
        "ALTER TABLE audit_trail.entries DETACH PARTITION audit_trail.entries_1",
        "DROP TABLE audit_trail.entries_1",
        "SELECT * FROM audit_trail.entries_1",
        "CREATE TABLE audit_trail.other ()",
        "CREATE FUNCTION audit_trail.other() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "SET session_replication_role = replica",
    ],
)
def test_the_role_of_the_trail_may_do_nothing_else(role: str, statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        run(role, statement)


@pytest.mark.parametrize("statement", REFUSED[2:4])
def test_the_role_of_the_trail_removes_nothing_that_no_entry_declares(
    role: str, statement: str
) -> None:
    with closing(PostgresqlStore(role)) as store:
        known = fill(store, "1", [entry(index, email="ada@example.com") for index in range(3)])
        with pytest.raises(psycopg.Error, match="entries are only appended"):
            run(role, statement.format(table="audit_trail.entries"))
        assert store.slice("1", 0, 9) == known
        fill(store, "1", [entry(3, removed=Removed(who=((1, 1),), entry=((0, 0),)))])
        assert store.remove("1", 99) == 2
        assert indexes(store.slice("1", 0, 9)) == [1, 2, 3]


def test_an_operator_of_ones_own_gets_no_gap_past_the_trigger(store: Store, url: str) -> None:
    fill(store, "1", [entry(index) for index in range(3)])
    with pytest.raises(psycopg.Error, match="entries are only appended"):
        run(
            url,
            "CREATE SCHEMA IF NOT EXISTS mine",
            "CREATE OR REPLACE FUNCTION mine.never(bigint, bigint) RETURNS boolean LANGUAGE sql AS 'SELECT false'",
            "DROP OPERATOR IF EXISTS mine.<> (bigint, bigint)",
            "CREATE OPERATOR mine.<> (FUNCTION = mine.never, LEFTARG = bigint, RIGHTARG = bigint)",
            "SET search_path = mine, pg_catalog",
            copied(9, "'new'").format(table="audit_trail.entries"),
        )


# Opening.


def test_a_database_without_tables_says_what_to_do(postgresql: Cluster) -> None:
    name = postgresql.database()
    postgresql.run("CREATE ROLE nobody LOGIN")
    with pytest.raises(StoreFailed, match=r"has no tables for it.*live-agent database init"):
        PostgresqlStore(postgresql.url(name, "nobody"))
    schema.create(postgresql.url(name))
    schema.create(postgresql.url(name))
    with (
        closing(PostgresqlStore(postgresql.url(name, "nobody"))) as store,
        pytest.raises(StoreFailed, match="permission denied for schema audit_trail"),
    ):
        store.head("1")
    postgresql.run("DROP ROLE nobody")


def test_a_database_of_the_release_before_is_opened(postgresql: Cluster) -> None:
    url = postgresql.url(postgresql.database())
    with closing(PostgresqlStore(url)) as store:
        known = fill(store, "1", [entry(0), entry(1)])
    columns = ", ".join(f"DROP COLUMN {name}" for name in ("sealed", "edge", "checkpoint"))
    run(
        url,
        "DROP TABLE audit_trail.tiles, audit_trail.keys, audit_trail.removals, audit_trail.dropped, "
        "audit_trail.search_heads, audit_trail.search_pages, audit_trail.search_bits, "
        "audit_trail.search_blocks",
        f"ALTER TABLE audit_trail.heads {columns}",
    )
    with closing(PostgresqlStore(url)) as store:
        assert store.head("1") == Head(2, 2_001)
        assert store.slice("1", 0, 9) == known
        store.append({"2": sealed(store, "2", 3)})


def test_two_that_open_an_empty_database_at_once_both_get_it(postgresql: Cluster) -> None:
    url = postgresql.url(postgresql.database())
    failed: list[Exception] = []

    def create() -> None:
        try:
            schema.create(url)
        except StoreFailed as error:
            failed.append(error)

    threads = [threading.Thread(target=create) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert failed == []
    with closing(PostgresqlStore(url)) as store:
        fill(store, "1", [entry(0)])


@pytest.mark.parametrize("encoding", ["'LATIN1'", "'SQL_ASCII'"])
def test_the_encoding_of_the_database_does_not_matter(postgresql: Cluster, encoding: str) -> None:
    name = postgresql.database(encoding=encoding, locale="'C'", template="template0")
    with closing(PostgresqlStore(postgresql.url(name))) as store:
        made = [entry(0, "größe", name="Ωmega", number="名"), entry(1, "größe", name="\x00")]
        assert fill(store, "größe", made) == store.slice("größe", 0, 9)
        assert indexes(store.find(Query(account="größe", where=Named("ωME")), limit=9)) == [0]
        assert indexes(store.find(Query(account="größe", where=Named("\x00")), limit=9)) == [1]
        assert store.versions("größe", [("inbox", "名")]) == {("inbox", "名"): 1}


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://trail:hush%zz@127.0.0.1/trail",
        "postgresql//trail:hush@127.0.0.1/trail",
        "postgresql://trail:hush@127.0.0.1:port/trail",
        "postgresql://trail:hush@127.0.0.1/trail?unknown=hush",
        "postgresql://trail:hush@127.0.0.1:1/trail",
        "host=127.0.0.1 port=1 dbname=trail password=hush",
    ],
)
def test_an_error_shows_no_password(url: str) -> None:
    with pytest.raises(StoreFailed) as caught:
        PostgresqlStore(url)
    shown: BaseException | None = caught.value
    while shown:
        assert "hush" not in str(shown)
        shown = None if shown.__suppress_context__ else shown.__context__
    assert "postgresql://" in str(caught.value)


def test_a_refused_row_shows_no_value(store: Store) -> None:
    fill(store, "1", [entry(0, id="a")])
    with pytest.raises(StoreFailed, match="duplicate key") as caught:
        fill(store, "1", [entry(1, id="a", email="ada@example.com")])
    assert "ada" not in str(caught.value)
