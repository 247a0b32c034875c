"""How the server reads: by an index, in one partition, and few rows; its own log tells."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from audit_trail.record.query import Is, Query, any_of
from audit_trail.store.port import Store
from audit_trail.store.postgresql.store import PostgresqlStore
from tests.postgresql import Cluster
from tests.store.contract import entry, fill

EXPLAINED = (
    "?options=-c%20session_preload_libraries%3Dauto_explain%20-c%20auto_explain.log_min_duration%3D0"
    "%20-c%20auto_explain.log_analyze%3Don"
)


@pytest.fixture(scope="module", params=["counted", "uncounted"])
def crowded(
    postgresql: Cluster, request: pytest.FixtureRequest
) -> Iterator[tuple[PostgresqlStore, Path]]:
    """Accounts of 2,000 entries; in account 3 there is no team, which elsewhere is every second."""
    name = postgresql.database()
    store = PostgresqlStore(postgresql.url(name) + EXPLAINED)
    for account in "123":
        made = [
            entry(
                index,
                account,
                type="inbox" if account == "3" else ("inbox", "team")[index % 2],
                number=str(index % 500),
                version=index // 500 + 1,
            )
            for index in range(2_000)
        ]
        fill(store, account, made)
    if request.param == "counted":
        postgresql.run("ANALYZE audit_trail.entries", database=name)
    yield store, postgresql.folder / "log"
    store.close()


@pytest.mark.parametrize(
    "read",
    [
        lambda store: store.head("1"),
        lambda store: store.slice("1", 1_000, 1_010),
        lambda store: store.find(Query(account="1"), limit=26),
        lambda store: store.find(Query(account="1"), beyond=900, limit=26),
        lambda store: store.find(Query(account="1", newest_first=False), beyond=900, limit=26),
        lambda store: store.find(
            Query(account="1", where=Is("entity", "team"), start=1_950, stop=2_000), limit=26
        ),
        lambda store: store.find(
            Query(account="1", where=any_of(Is("entity", "inbox"), Is("entity", "team"))),
            beyond=900,
            limit=26,
        ),
        lambda store: store.find(
            Query(account="3", where=Is("entity", "none"), start=1_950, stop=2_000), limit=26
        ),
        lambda store: store.entries("1", [3, 1_900]),
        lambda store: store.by_id("1", "x"),
        lambda store: store.known("1", ["x", "y"]),
        lambda store: store.versions("1", [("inbox", "2"), ("inbox", "none"), ("none", "2")]),
    ],
)
def test_a_read_goes_by_an_index_and_touches_few_rows(
    crowded: tuple[PostgresqlStore, Path], read: Callable[[Store], object]
) -> None:
    store, log = crowded
    # Often enough that the statement is prepared, and planned once for all values.
    for _ in range(20):
        read(store)
    before = log.stat().st_size
    read(store)
    with log.open() as lines:
        lines.seek(before)
        plan = lines.read()
    assert "Scan" in plan
    assert "Seq Scan" not in plan
    touched = [
        line
        for line in plan.splitlines()
        if " on entries_" in line and "never executed" not in line
    ]
    assert len({re.search(r"on (entries_\d+)", line)[1] for line in touched}) <= 1  # type: ignore[index]
    rows = [int(each) for each in re.findall(r"actual time=\S+ rows=(\d+)", plan)]
    removed = [int(each) for each in re.findall(r"Rows Removed by Filter: (\d+)", plan)]
    assert max(rows) <= 60
    assert sum(removed) <= 60
