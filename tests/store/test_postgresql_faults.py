"""What a server can break: whatever fails says so, writes nothing, and what comes next goes on."""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager

import psycopg
import pytest

from audit_trail.errors import AuditError, HeadMoved, StoreFailed, TermLost
from audit_trail.store.port import Head, Lead, Store, Tail
from audit_trail.store.postgresql import connections
from audit_trail.store.postgresql import store as adapter
from audit_trail.store.postgresql.store import FEW_ENTRIES, PostgresqlStore
from tests.postgresql import Cluster, cluster, run
from tests.proxy import deaf_to_commits
from tests.store.contract import entry, fill

PATIENCE_SECONDS = 20.0
MANY = FEW_ENTRIES + 5


@pytest.fixture
def store(url: str) -> Iterator[PostgresqlStore]:
    store = PostgresqlStore(url)
    yield store
    store.close()


def test_a_server_that_went_away_is_named_and_used_again_when_it_is_back() -> None:
    with cluster() as server:
        store = PostgresqlStore(server.url(server.database()))
        fill(store, "1", [entry(0)])
        server.stop()
        for _ in range(3):
            with pytest.raises(StoreFailed, match=r"127\.0\.0\.1:\d+/db\d+ failed: .*refused"):
                store.head("1")
        with pytest.raises(StoreFailed, match="refused"):
            store.append({"1": Tail(1, [entry(1)])})
        server.start()
        fill(store, "1", [entry(1)])
        assert store.head("1").size == 2
        store.close()


KILL_OTHERS = (
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
    "WHERE pid <> pg_backend_pid() AND datname = current_database()"
)
KILL_WAITING = KILL_OTHERS + " AND wait_event_type = 'Lock'"


def test_connections_killed_while_idle_are_replaced_unseen(store: Store, url: str) -> None:
    fill(store, "1", [entry(0)])
    run(url, KILL_OTHERS)
    fill(store, "1", [entry(1)])


def test_a_connection_killed_in_the_middle_writes_nothing(store: Store, url: str) -> None:
    fill(store, "1", [entry(0)])
    fill(store, "2", [entry(0, "2")])
    tails = {"1": Tail(1, [entry(1)]), "2": Tail(1, [entry(1, "2")])}
    with held(url, "2"), appending(store, tails) as failed:
        until(url, "SELECT FROM pg_locks WHERE NOT granted")
        run(url, KILL_WAITING)
    assert [type(each) for each in failed] == [StoreFailed]
    assert (store.head("1").size, store.head("2").size) == (1, 1)
    store.append(tails)


def test_whoever_waits_too_long_for_another_writer_gives_up(
    store: Store, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "_SETTINGS", "SELECT set_config('lock_timeout', '50ms', true)")
    fill(store, "1", [entry(0)])
    with held(url, "1"), pytest.raises(StoreFailed, match="lock timeout"):
        fill(store, "1", [entry(1)])
    fill(store, "1", [entry(1)])


def test_writers_of_the_same_accounts_in_either_order_do_not_deadlock(url: str) -> None:
    with closing(PostgresqlStore(url)) as store:
        results: list[Exception | None] = []

        def write(accounts: str, name: str) -> None:
            for number in range(20):
                tails = {
                    account: Tail(
                        size := store.head(account).size, [entry(size, id=f"{name} {number}")]
                    )
                    for account in accounts
                }
                try:
                    store.append(tails)
                except HeadMoved:
                    continue
                except StoreFailed as error:
                    results.append(error)

        threads = [
            threading.Thread(target=write, args=(each, each)) for each in ("12", "21", "312")
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE_SECONDS)
        assert results == []


def test_a_term_that_begins_waits_for_the_append_of_the_one_before(store: Store, url: str) -> None:
    lead = store.begin_term("outbox")
    fill(store, "1", [entry(0)])
    begun: list[object] = []
    with (
        held(url, "1") as holder,
        appending(store, {"1": Tail(1, [entry(1)])}, lead) as failed,
    ):
        until(url, "SELECT FROM pg_locks WHERE NOT granted")
        thread = threading.Thread(target=lambda: begun.append(store.begin_term("outbox")))
        thread.start()
        until(url, "SELECT FROM pg_locks WHERE NOT granted OFFSET 1")
        assert begun == []
        holder.rollback()
    thread.join(PATIENCE_SECONDS)
    assert (failed, len(begun)) == ([], 1)
    with pytest.raises(TermLost):
        store.append({"1": Tail(2, [entry(2)])}, lead)


@pytest.mark.parametrize("count", [1, MANY])
def test_a_commit_of_unknown_outcome_is_found_by_its_ids(
    url: str, postgresql: Cluster, count: int
) -> None:
    made = [entry(index, id=f"id {index}") for index in range(count)]
    with (
        deaf_to_commits(postgresql.port) as port,
        closing(PostgresqlStore(url.replace(f":{postgresql.port}/", f":{port}/"))) as store,
        pytest.raises(StoreFailed, match=r"failed: .*closed"),
    ):
        store.append({"1": Tail(0, made)})
    with closing(PostgresqlStore(url)) as store:
        assert store.known("1", [each.public.id for each in made]) == {
            each.public.id for each in made
        }
        assert store.head("1") == Head(count, made[-1].public.recorded_at)


def test_all_connections_in_use_is_said(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "LEND_TIMEOUT_SECONDS", 0.05)
    with closing(PostgresqlStore(url, connections=1)) as store:
        with store._connections.lend(), pytest.raises(StoreFailed, match="all 1 connections"):
            store.head("1")
        assert store.head("1").size == 0


def test_an_append_is_durable_whatever_the_role_s_default(
    url: str, store: PostgresqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for given, wanted in (("off", "on"), ("remote_apply", "remote_apply"), ("on", "on")):
        with store._connections.lend() as connection:
            connection.execute(f"SET synchronous_commit = {given}".encode())
            connection.execute("BEGIN")
            connection.execute(adapter._SETTINGS)
            assert connection.execute("SHOW synchronous_commit").fetchone() == (wanted,)
            connection.execute("ROLLBACK")


@contextmanager
def held(url: str, account: str) -> Iterator[psycopg.Connection]:
    """Hold an account's head as another writer would, between its statement and its commit."""
    with psycopg.connect(url) as connection:
        connection.execute(
            "SELECT FROM audit_trail.heads WHERE account = %b FOR UPDATE", [account.encode()]
        )
        yield connection
        connection.rollback()


@contextmanager
def appending(
    store: Store, tails: Mapping[str, Tail], lead: Lead | None = None
) -> Iterator[list[Exception]]:
    """Append beside the test, and give what it raised once the block is over."""
    raised: list[Exception] = []

    def append() -> None:
        try:
            store.append(tails, lead)
        except AuditError as error:
            raised.append(error)

    thread = threading.Thread(target=append)
    thread.start()
    yield raised
    thread.join(PATIENCE_SECONDS)
    assert not thread.is_alive()


def until(url: str, found: str) -> None:
    """Wait until the query finds a row."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    with psycopg.connect(url, autocommit=True) as connection:
        while connection.execute(found.encode()).fetchone() is None:
            assert time.monotonic() < deadline, found
            time.sleep(0.005)
