"""What docs/api.md shows to programs: its code is run against a server."""

import re
from contextlib import closing
from pathlib import Path

import pytest

from tests.live_agent.office import serving
from tests.live_agent.test_contract import ok

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
CODE = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_the_code_that_walks_the_pages_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(tmp_path) as office, closing(office.open()) as place:
        for number in range(60):
            ok(place.client().post("/teams", json={"name": f"Team {number}"}))
        place.total()
        token = place.people["administrator"].token
        given = {"account_url": str(place.client().base_url).rstrip("/"), "token": token}
        exec(CODE[0], given)  # noqa: S102 -- it is our own page's
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 60
    assert said[0] == "3 Created a new team (#1)"
