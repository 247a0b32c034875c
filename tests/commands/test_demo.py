"""The demo: seeded once, continued ever after, and only its own process may date the past."""

import json
import signal
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import httpx2
import pytest

from audit_trail.capture.sqlite.lock import locked
from tests.commands.processes import demo, run


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A directory that was seeded by one demo, and stopped."""
    folder = tmp_path_factory.mktemp("demo") / "data"
    with demo(folder) as started:
        (folder / "facts.json").write_text(json.dumps(started.facts))
        (folder / "mode").write_text(oct(stat.S_IMODE((folder / "demo.json").stat().st_mode)))
    return folder


def entries(folder, account="1"):
    connection = sqlite3.connect(folder / "trail.db")
    rows = connection.execute(
        "SELECT public FROM entries WHERE account = ? ORDER BY idx", (account,)
    ).fetchall()
    connection.close()
    return [json.loads(public) for (public,) in rows]


def test_a_new_directory_gets_weeks_of_activity_in_the_order_of_its_time(folder):
    seeded = entries(folder)
    times = [entry["occurred_at"] for entry in seeded]
    assert len(seeded) >= 60
    assert times == sorted(times)
    assert times[-1] - times[0] > 14 * 86_400 * 1_000_000
    assert {entry["via"] for entry in seeded} == {"import"}
    assert {entry["action"] for entry in seeded} >= {"create", "update", "delete", "sign_in"}


def test_demo_json_is_private_and_names_the_three_sign_ins(folder):
    facts = json.loads((folder / "facts.json").read_text())
    assert (folder / "mode").read_text() == "0o600"
    assert facts["base_url"].startswith("http://127.0.0.1:")
    assert facts["account_id"] == 1
    for role in ("administrator", "supervisor", "agent"):
        assert {"email", "password", "api_access_token"} <= facts["users"][role].keys()


def test_a_directory_of_an_earlier_version_is_brought_up_to_date_and_continued(tmp_path):
    first_release = Path(__file__).parents[1] / "live_agent" / "first_release.sql"
    with closing(sqlite3.connect(tmp_path / "live-agent.db")) as connection:
        connection.executescript(first_release.read_text())
    (tmp_path / "demo-people.json").write_text(json.dumps({"account_id": 1, "users": {}}))
    with demo(tmp_path) as started:
        assert started.facts["account_id"] == 1
    assert [entry["action"] for entry in entries(tmp_path)] == ["create", "create", "delete"]


def test_started_again_it_continues_with_the_same_people_and_nothing_new(folder):
    before = entries(folder)
    known = json.loads((folder / "facts.json").read_text())["users"]
    with demo(folder) as started:
        assert started.facts["users"] == known
        answer = httpx2.get(f"{started.api}/audit_logs", headers=started.token(), timeout=30)
        assert answer.json()["total_entries"] == len(before)
    assert not (folder / "demo.json").exists(), "a demo that has stopped answers nobody"
    assert entries(folder) == before


def test_no_header_or_parameter_dates_a_change(folder):
    with demo(folder) as started:
        headers = {**started.token(), "x-occurred-at": "1", "via": "import", "date": "1"}
        body = {"name": "Now", "occurred_at": 1, "via": "import", "created_at": 1}
        answer = httpx2.post(
            f"{started.api}/teams?occurred_at=1&via=import", headers=headers, json=body, timeout=30
        )
        assert answer.status_code == 200
    newest = entries(folder)[-1]
    assert newest["via"] == "api"
    assert newest["recorded_at"] - newest["occurred_at"] < 60_000_000


def test_a_seeding_that_was_cut_off_begins_anew(tmp_path):
    left = tmp_path / "seeding"
    left.mkdir()
    (left / "live-agent.db").write_text("half of something")
    with demo(tmp_path) as started:
        assert started.facts["account_id"] == 1
    assert not left.exists()
    assert len(entries(tmp_path)) >= 60


def test_a_directory_in_use_is_refused_and_left_alone(folder):
    with demo(folder) as started:
        refused = run("demo", "--data", str(folder), "--port", "0")
        assert refused.returncode == 1
        assert refused.stderr.startswith(f"live-agent: Another process works in {folder}")
        assert json.loads((folder / "demo.json").read_text()) == started.facts


def test_a_demo_that_is_still_seeding_is_not_disturbed(tmp_path):
    (tmp_path / "seeding").mkdir()
    with locked(tmp_path / "demo.lock"):
        assert run("demo", "--data", str(tmp_path), "--port", "0").returncode == 1
    assert (tmp_path / "seeding").exists()


@pytest.mark.parametrize("content", [b"\xff", b'{"account_id": 1}'])
def test_a_corrupt_file_of_the_demo_s_people_is_named(folder, content):
    path = folder / "demo-people.json"
    before = path.read_bytes()
    path.write_bytes(content)
    refused = run("demo", "--data", str(folder), "--port", "0")
    path.write_bytes(before)
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"live-agent: {path} can't be read")


def test_a_stop_is_orderly(folder):
    with demo(folder) as started:
        started.process.send_signal(signal.SIGINT)
        assert started.process.wait(30) == 0
