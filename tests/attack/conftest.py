"""The host application on each engine, its trail in a database of its own on the same engine."""

from pathlib import Path

import pytest

from tests.attack.lasting import keep_in
from tests.attack.prepared import Prepared, make_place, prepare
from tests.capture.conftest import each_host, host, making, postgresql_host, synced
from tests.capture.host import Application, PostgresqlHost
from tests.store.conftest import emptied, url

__all__ = ["each_host", "emptied", "host", "making", "postgresql_host", "synced", "url"]


@pytest.fixture
def place(request: pytest.FixtureRequest, each_host: Application, tmp_path: Path) -> str:
    """Where the trail lies: a URL, or a path."""
    if isinstance(each_host, PostgresqlHost):
        return str(request.getfixturevalue("url"))
    return str(tmp_path / "trail.db")


@pytest.fixture
def lasting(each_host: Application, place: str) -> Application:
    """The host on each engine, its trail on the same."""
    keep_in(each_host, place)
    return each_host


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def prepared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """A whole trail on either engine, which every test leaves as it is, and what was kept of it."""
    server = request.getfixturevalue("postgresql") if request.param == "postgresql" else None
    return prepare(make_place(tmp_path_factory.mktemp("prepared"), server))
