"""One server for all tests of a worker, and an account of its own for each test.

What a module marks with `both_engines` runs twice: over two files, and over PostgreSQL under the
roles that `live-agent database init` makes.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from live_agent.database import Database
from tests.live_agent.office import Office, Place, installed, serving

ENGINES = ["sqlite", "postgresql"]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "office" in metafunc.fixturenames and metafunc.definition.get_closest_marker("both_engines"):
        metafunc.parametrize("office", ENGINES, indirect=True, scope="session")


@pytest.fixture(scope="session")
def office(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("office")
    places = (
        installed(request.getfixturevalue("postgresql"), "office", folder)
        if getattr(request, "param", "sqlite") == "postgresql"
        else folder
    )
    with serving(places) as running:
        yield running


@pytest.fixture
def place(office: Office) -> Iterator[Place]:
    opened = office.open()
    yield opened
    opened.close()


@pytest.fixture
def elsewhere(office: Office) -> Iterator[Place]:
    """Another account, of other people."""
    opened = office.open()
    yield opened
    opened.close()


@pytest.fixture(params=ENGINES)
def any_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database of either engine, whose one role may do everything."""
    place: Path | str = tmp_path / "live-agent.db"
    if request.param == "postgresql":
        server = request.getfixturevalue("postgresql")
        place = server.url(server.database())
    opened = Database(place)
    yield opened
    opened.close()
