"""The pictures of the README show what the demo shows today."""

import struct
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.pages.screenshot import PICTURES, SIZE, shoot

pytestmark = pytest.mark.browser


def test_the_pictures_of_the_readme_show_what_the_demo_shows(
    browser: Browser, tmp_path: Path
) -> None:
    shoot(browser, tmp_path)
    for name in ("audit-logs", "entry"):
        said, shown = ((folder / f"{name}.txt").read_text() for folder in (PICTURES, tmp_path))
        assert said == shown, f"{name} is stale: run python -m tests.pages.screenshot"
        for folder in (PICTURES, tmp_path):
            header = (folder / f"{name}.png").read_bytes()[16:24]
            assert struct.unpack(">II", header) == (SIZE["width"], SIZE["height"])
