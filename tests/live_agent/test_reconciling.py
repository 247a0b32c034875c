"""The server reconciles by itself: what was written behind its back is an entry that people can read."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.live_agent.office import Place, serving
from tests.live_agent.test_contract import ok

PATIENCE_SECONDS = 30.0
FOUND = 'action:"reconciliation_failed"'


def told(place: Place) -> list[dict[str, Any]]:
    """Wait for an entry about what differs."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        answer = place.client().get("/audit_logs/entries", params={"q": FOUND})
        found: list[dict[str, Any]] = ok(answer)["entries"]
        if found:
            return found
        time.sleep(0.1)
    return []


def test_what_was_written_behind_the_back_is_told_to_the_account_alone(tmp_path: Path) -> None:
    with serving(tmp_path, reconcile_seconds=0.1) as office:
        place, elsewhere = office.open(), office.open()
        team = ok(place.client().post("/teams", json={"name": "Tier 1"}))["id"]
        ok(elsewhere.client().post("/teams", json={"name": "Tier 2"}))
        place.total()
        with closing(sqlite3.connect(tmp_path / "live-agent.db")) as shell:
            (trigger,) = shell.execute(
                "SELECT sql FROM sqlite_master WHERE name = 'audit_teams_update'"
            ).fetchone()
            shell.executescript(
                "DROP TRIGGER audit_teams_update;"
                f"UPDATE teams SET name = 'Tier X' WHERE id = {team}; {trigger};"
            )
        (entry,) = told(place)
        assert entry["activity"] == "Found records that aren't as their entries say"
        assert entry["summary"] == "1 record differs"
        assert entry["what"]["details"]["records"] == [f"teams #{team}: name"]
        assert entry["public"]["actor"] == {"kind": "system"}
        assert b"Tier X" not in place.client().get(f"/audit_logs/{entry['index'] + 1}").content
        theirs = ok(elsewhere.client().get("/audit_logs/entries", params={"q": FOUND}))
        assert theirs["entries"] == []
        place.close()
        elsewhere.close()
