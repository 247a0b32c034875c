"""The pictures of the README can be made."""

import struct
from pathlib import Path

import pytest

from tests.live_agent.office import Place
from tests.pages.browsing import Browsing, settings
from tests.pages.screenshot import SIZE, shoot

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def test_the_pictures_of_the_readme_can_be_made(
    place: Place, browsing: Browsing, tmp_path: Path
) -> None:
    client = place.client()
    number = client.post("/inboxes", json={"name": "Support"}).json()["id"]
    client.patch(f"/inboxes/{number}", json={"name": "Support Europe"})
    page = browsing.member(place, viewport=SIZE)
    page.goto(settings(place, "audit-logs"))
    shoot(page, tmp_path / "docs")
    for name in ("audit-logs.png", "entry.png"):
        header = (tmp_path / "docs" / name).read_bytes()[16:24]
        assert struct.unpack(">II", header) == (SIZE["width"], SIZE["height"])
