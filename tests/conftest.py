"""One PostgreSQL for all tests of a worker, in which each makes databases of its own; and each store."""

import os
from collections.abc import Iterator
from pathlib import Path

# Before a server's thread imports it: pytest parses it, and Python before 3.11.8 fails where two
# threads parse at the same time (python/cpython#106905).
import anyio._backends._asyncio  # noqa: F401
import pytest
from hypothesis import HealthCheck, settings

from audit_trail.store.memory import MemoryStore
from audit_trail.store.port import Store
from audit_trail.store.postgresql.store import PostgresqlStore
from audit_trail.store.sqlite import SqliteStore
from tests.postgresql import Cluster, cluster

# No test judges a time: a busy machine is slow, not wrong.
settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("here")


def pytest_xdist_auto_num_workers() -> int:
    """Use one worker more than there are cores: tests wait for servers and browsers."""
    return (os.cpu_count() or 1) + 1


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Cluster]:
    with cluster() as running:
        yield running


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Each store in turn, empty; a test of one alone has a fixture of its own."""
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
