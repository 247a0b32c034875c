"""What the page on monitoring tells to type works, and its script tells a true trail from a false one."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import httpx2

from live_agent import founding
from live_agent.settings import teams
from tests.live_agent.office import Office, serving

PAGE = (Path(__file__).parents[2] / "docs" / "monitoring.md").read_text()
(SCRIPT,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
ADDRESSES = re.findall(r'curl -sf -H @header "\$TRAIL/([^"]*)"', PAGE)


def founded(office: Office) -> tuple[str, str]:
    """Found an account, and return the address of its trail and a token for it."""
    place = office.open()
    email = place.people["administrator"].email
    token = founding.create_token(office.services.database, place.id, email, "x1", "audit_trail")
    place.total()
    return f"{office.url}/api/v1/accounts/{place.id}/audit_logs", token


def key_of(trail: str, token: str) -> str:
    """Return the second part of the only line of `keys`."""
    answer = httpx2.get(f"{trail}/keys", headers={"Authorization": f"Bearer {token}"}, timeout=30)
    return answer.text.split()[1]


def monitor_of(office: Office, folder: Path) -> tuple[str, str]:
    """Set up the script in the folder, and return its settings."""
    trail, token = founded(office)
    (folder / "token").write_text(f"{token}\n")
    return trail, key_of(trail, token)


def create_teams(office: Office, *names: str) -> None:
    with office.services.database.transaction() as db:
        for name in names:
            teams.create(db, 1, {"name": name})
    office.services.sequencer_idle()


def monitored(folder: Path, trail: str, key: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=folder,
        env={"TRAIL": trail, "KEY": key},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_each_address_answers(tmp_path: Path) -> None:
    with serving(tmp_path) as office:
        trail, token = founded(office)
        headers = {"Authorization": f"Bearer {token}"}
        answers = [httpx2.get(f"{trail}/{each}", headers=headers, timeout=30) for each in ADDRESSES]
    assert [answer.status_code for answer in answers] == [200] * 7


def test_the_script_goes_on_from_the_checkpoint_that_it_kept(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as office:
        trail, key = monitor_of(office, tmp_path)
        for more in (("First",), (), ("Second", "Third", "Fourth")):
            create_teams(office, *more)
            size = office.services.trail.head("1").size
            done = monitored(tmp_path, trail, key)
            said = f"{size} entries, and all that were there before.\n"
            assert (done.stdout, done.stderr) == (said, "")
        foreign = key_of(*founded(office))
        assert "isn't signed by this key" in monitored(tmp_path, trail, foreign).stderr


def test_the_script_finds_a_history_that_was_begun_anew_from_an_older_copy(tmp_path: Path) -> None:
    data, earlier = tmp_path / "data", tmp_path / "earlier"
    with serving(data) as office:
        trail, key = monitor_of(office, tmp_path)
        path = trail.removeprefix(office.url)
    shutil.copytree(data, earlier)  # Key, database and signed heads, as of one time.
    with serving(data) as office:
        create_teams(office, "First", "Second")
        assert monitored(tmp_path, office.url + path, key).returncode == 0
    kept = (tmp_path / "checkpoint").read_bytes()
    with serving(earlier) as office:
        assert "and now shows" in monitored(tmp_path, office.url + path, key).stderr
        create_teams(office, "Another", "history", "that is longer")
        other = monitored(tmp_path, office.url + path, key)
        assert "aren't those that were signed before" in other.stderr
    assert (tmp_path / "checkpoint").read_bytes() == kept
