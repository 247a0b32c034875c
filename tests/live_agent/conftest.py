"""One server for all tests of a worker, and an account of its own for each test."""

from collections.abc import Iterator

import pytest

from tests.live_agent.office import Office, Place, serving


@pytest.fixture(scope="session")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with serving(tmp_path_factory.mktemp("office")) as running:
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
