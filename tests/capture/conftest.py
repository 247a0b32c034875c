"""The host application, new for each test, on one engine or on each."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.capture.host import POSTGRESQL_SCHEMA, Application, Host, PostgresqlHost
from tests.capture.looks import Clock, ticking
from tests.postgresql import Cluster

Making = Callable[..., PostgresqlHost]


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    host = Host(tmp_path / "host.db")
    yield host
    host.close()


@pytest.fixture(scope="session")
def synced(postgresql: Cluster) -> str:
    """A database with the host's tables and triggers, to be copied."""
    made = PostgresqlHost(postgresql, postgresql.database(), schema=POSTGRESQL_SCHEMA)
    made.engine.dispose()
    return made.database


@pytest.fixture
def making(postgresql: Cluster) -> Iterator[Making]:
    """Make hosts with a schema of the test's own."""
    made: list[PostgresqlHost] = []

    def make(schema: str, **options: Any) -> PostgresqlHost:
        made.append(PostgresqlHost(postgresql, postgresql.database(), schema=schema, **options))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def postgresql_host(postgresql: Cluster, synced: str) -> Iterator[PostgresqlHost]:
    host = PostgresqlHost(postgresql, postgresql.database(template=synced))
    yield host
    host.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def each_host(request: pytest.FixtureRequest) -> Application:
    """The host on each engine."""
    name = "host" if request.param == "sqlite" else "postgresql_host"
    found: Application = request.getfixturevalue(name)
    return found


@pytest.fixture
def clock() -> Clock:
    return ticking()
