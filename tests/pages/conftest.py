"""One server and one Chromium for all browser tests, and an account of its own for each."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from live_agent.site import create_site
from tests.live_agent.office import Office, Place, serving
from tests.pages.browsing import Browsing, chromium


@pytest.fixture(scope="session")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with serving(tmp_path_factory.mktemp("pages"), make=create_site) as running:
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


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


@pytest.fixture
def browsing(browser: Browser, office: Office) -> Iterator[Browsing]:
    opened = Browsing(browser, office)
    yield opened
    opened.close()
    assert opened.complaints == []
