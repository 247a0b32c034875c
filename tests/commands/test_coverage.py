"""`audit-trail coverage` tells what is recorded of a database, and exits by whether that is all."""

import json
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from live_agent.database import Database
from live_agent.schema import Record
from live_agent.watching import WATCH
from tests.commands.processes import run
from tests.commands.test_audit_trail import Place, place
from tests.postgresql import Cluster

__all__ = ("place",)


def coverage(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return run("coverage", *arguments, program="audit-trail", **environment)


def told(url: str) -> dict[str, Any]:
    answer = coverage(url, "--json")
    found: dict[str, Any] = json.loads(answer.stdout)
    assert answer.returncode == (0 if found["is_complete"] else 1)
    return found


def test_every_table_of_live_agent_is_watched_or_ignored_with_its_reason(place: Place) -> None:
    url, _ = place
    answer = coverage(url)
    assert answer.returncode == 0, answer.stderr
    assert "Complete: every table is watched or ignored" in answer.stdout
    standing = {each["name"]: each for each in told(url)["tables"]}
    assert standing.keys() >= {*Record.metadata.tables}
    assert {name for name in standing if standing[name]["standing"] == "watched"} == {
        table.name for table in WATCH.tables
    }
    assert standing["inboxes"]["secrets"] == ["hmac_token"]
    assert standing["exports"]["reason"] == WATCH.ignored["exports"]


def test_what_is_wrong_is_named_and_exits_with_1(place: Place) -> None:
    url, shell = place
    is_file = url.startswith("sqlite")
    shell("DROP TRIGGER audit_teams_update" if is_file else "ALTER TABLE teams DISABLE TRIGGER ALL")
    shell('CREATE TABLE "odd, ""name" (id integer PRIMARY KEY)')
    answer = coverage(AUDIT_TRAIL_DATABASE_URL=url) if is_file else coverage(url)
    assert answer.returncode == 1
    wrong = "audit_teams_update is missing" if is_file else "00_audit_update on teams is disabled"
    assert f"WRONG  teams: {wrong}" in answer.stdout
    assert 'WRONG  odd, "name: neither watched nor ignored with a reason' in answer.stdout
    found = told(url)
    assert found["unwatched"] == ['odd, "name']
    assert list(found["wrong"]) == ["teams"]
    assert found["outbox"]["rows"] >= 0


def test_nothing_is_written_by_looking(place: Place) -> None:
    url, _ = place
    assert (told(url)["looked_us"], told(url)["looked_us"]) == (None, None)


def test_a_sync_leaves_the_gap_that_it_mended_in_the_outbox(place: Place) -> None:
    url, shell = place
    name = "audit_teams_update" if url.startswith("sqlite") else '"00_audit_update" ON teams'
    assert run("capture", "sync", url, program="audit-trail").returncode == 0
    shell(f"DROP TRIGGER {name}")
    before = told(url)["outbox"]["rows"]
    assert run("capture", "sync", url, program="audit-trail").returncode == 0
    assert told(url)["outbox"]["rows"] == before + 2
    assert told(url)["gaps"] == []


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://somewhere/else", "must look like postgresql://"),
        ("sqlite:////nowhere/at/all.db", "There is no database /nowhere/at/all.db."),
        ("postgresql://ada:s3cret@127.0.0.1:1/host", "failed: "),
    ],
    ids=["another engine", "no such file", "nobody answers"],
)
def test_what_can_not_be_looked_at_says_why_and_exits_with_3(url: str, said: str) -> None:
    answer = coverage(url)
    assert answer.returncode == 3
    assert said in answer.stderr
    assert "s3cret" not in answer.stdout + answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_file_of_anything_else_says_so(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no database at all, " * 100)
    (tmp_path / "empty.db").touch()
    answer = coverage(f"sqlite:///{tmp_path / 'notes.txt'}")
    assert (answer.returncode, "file is not a database" in answer.stderr) == (3, True)
    answer = coverage(f"sqlite:///{tmp_path / 'empty.db'}")
    assert (answer.returncode, "keeps no watch list yet" in answer.stderr) == (3, True)


def test_a_wrong_use_is_no_gap() -> None:
    assert coverage("--nonsense").returncode == 3


def test_a_role_that_may_not_look_is_told_who_may(postgresql: Cluster) -> None:
    database = postgresql.database()
    url = postgresql.url(database)
    postgresql.run("DROP ROLE IF EXISTS looker", "CREATE ROLE looker LOGIN")
    with closing(Database(url)) as opened:
        opened.prepare()
    answer = coverage(postgresql.url(database, "looker"))
    assert answer.returncode == 3
    assert "The role looker may not read what capture keeps." in answer.stderr
