"""The host application, new for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.capture.host import Host


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    host = Host(tmp_path / "host.db")
    yield host
    host.close()
