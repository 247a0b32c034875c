"""What docs/api.md shows to programs: its code is run against a server."""

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.live_agent.office import Place, serving
from tests.live_agent.test_contract import ok

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
CODE = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@contextmanager
def a_place(folder: Path) -> Iterator[tuple[Place, dict[str, Any]]]:
    """An account with 60 teams, and what the page's code is given: the code before it has run."""
    with serving(folder) as office, closing(office.open()) as place:
        for number in range(60):
            ok(place.client().post("/teams", json={"name": f"Team {number}"}))
        place.total()
        token = place.people["administrator"].token
        yield place, {"account_url": str(place.client().base_url).rstrip("/"), "token": token}


def run(code: str, given: dict[str, Any]) -> None:
    exec(code, given)  # noqa: S102 -- it is our own page's


def test_the_code_that_walks_the_pages_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with a_place(tmp_path) as (_, given):
        run(CODE[0], given)
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 60
    assert said[0] == "6 Created a new team (#1)"


def test_the_code_that_follows_the_tail_does_and_goes_on_where_it_was(tmp_path: Path) -> None:
    with a_place(tmp_path) as (place, given):
        run(CODE[0], given)
        run(CODE[1], given)
        listed = ok(place.client().get("/audit_logs/entries?sort=asc&limit=1&q=entity:team"))
        asked = {"account_url": given["account_url"], "token": given["token"], "q": "entity:team"}
        tail = given["tail"](cursor=listed["next"], **asked)
        told = [next(tail) for _ in range(3)]
        tail.close()
        assert [entry["index"] for _, entry in told] == [7, 8, 9]
        again = given["tail"](cursor=told[-1][0], **asked)
        assert next(again)[1]["index"] == 10
        again.close()


def test_the_code_that_undoes_an_entry_does(tmp_path: Path) -> None:
    with a_place(tmp_path) as (place, given):
        run(CODE[0], given)
        run(CODE[2], given)
        client = place.client()
        team = ok(client.get("/teams"))[0]
        ok(client.patch(f"/teams/{team['id']}", json={"name": "Renamed"}))
        ok(client.delete(f"/teams/{team['id']}"))
        size = place.total()
        for index, name in ((size - 1, "Renamed"), (size - 2, team["name"])):
            given["undo"](given["account_url"], given["token"], index)
            place.total()
            assert ok(client.get(f"/teams/{team['id']}"))["name"] == name
        with pytest.raises(SystemExit, match="nothing would change"):
            given["undo"](given["account_url"], given["token"], size - 2)
