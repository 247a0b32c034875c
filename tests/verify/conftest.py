"""Makes trails by hand, each in a folder of its own."""

from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from tests.verify.trails import HandMade

Make = Callable[..., HandMade]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    numbers = count()

    def made(size: int = 0, account: str = "1", **more: bytes) -> HandMade:
        folder = tmp_path / str(next(numbers))
        folder.mkdir()
        trail = HandMade(folder, account, **more)
        return trail.grow(size) if size else trail

    return made
