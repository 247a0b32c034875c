"""A trail over each store, whose clock the test moves."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from audit_trail.store.memory import MemoryStore
from audit_trail.store.port import Store
from audit_trail.store.postgresql.store import PostgresqlStore
from audit_trail.store.sqlite import SqliteStore
from tests.postgresql import Cluster
from tests.retention.years import Years


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    store: Store
    match request.param:
        case "memory":
            store = MemoryStore()
        case "sqlite":
            store = SqliteStore(tmp_path / "trail.db")
        case _:
            cluster: Cluster = request.getfixturevalue("postgresql")
            store = PostgresqlStore(cluster.url(cluster.database()))
    yield store
    store.close()


@pytest.fixture
def years(store: Store) -> Years:
    return Years(store)


@pytest.fixture
def few() -> Iterator[Years]:
    """As `years`, in memory: where it makes no difference which store it is."""
    store = MemoryStore()
    yield Years(store)
    store.close()
