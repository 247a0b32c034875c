"""A running server finds what is no longer recorded, and an account's administrators learn of it."""

import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from audit_trail.capture.sqlalchemy import remove
from audit_trail.capture.url import read_url
from audit_trail.errors import CaptureOutdated
from live_agent.database import Database
from live_agent.watching import WATCH
from tests.live_agent.office import Office, Place, installed, serving
from tests.postgresql import Cluster

TOKEN = "a token for the monitoring alone"


class Installation:
    """Where a server's databases are, and what their owner does behind its back."""

    def __init__(self, places: Any, database_url: str, owner_url: str) -> None:
        self.places = places
        self.database_url = database_url
        self.owner_url = owner_url

    def shell(self, statement: str) -> None:
        with closing(Database(self.owner_url)) as database, database.engine.begin() as connection:
            connection.execute(text(statement))

    def drop(self, table: str) -> None:
        name = f"audit_{table}_update"
        if self.owner_url.startswith("postgresql"):
            name = f'"00_audit_update" ON {table}'
        self.shell(f"DROP TRIGGER {name}")

    def sync(self) -> None:
        with closing(Database(self.owner_url)) as database:
            database.sync()


@pytest.fixture(params=["sqlite", "postgresql"])
def installation(request: pytest.FixtureRequest, tmp_path: Path) -> Installation:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'live-agent.db'}"
        return Installation(tmp_path, url, url)
    cluster: Cluster = request.getfixturevalue("postgresql")
    name = f"covered{abs(hash(str(tmp_path))) % 1_000_000}"
    places = installed(cluster, name, tmp_path)
    # The test's superuser owns nothing, but may do all that an owner may.
    database = read_url(places.database_url).database
    return Installation(places, places.database_url, cluster.url(str(database)))


def waiting(done: Callable[[], Any]) -> Any:
    for _ in range(3_000):
        if found := done():
            return found
        threading.Event().wait(0.02)
    raise AssertionError("it never came")


def actions(place: Place) -> list[str]:
    items = place.client().get("/audit_logs").json()["audit_logs"]
    return [each["action"] for each in reversed(items) if each["auditable_type"] == "Capture"]


def covered(place: Place) -> dict[str, Any]:
    found: dict[str, Any] = place.client().get("/audit_logs/coverage").json()
    return found


def gauge(office: Office) -> float:
    headers = {"authorization": f"Bearer {TOKEN}"}
    lines = httpx2.get(f"{office.url}/metrics", headers=headers, timeout=30).text
    figures = [
        float(line.split()[1])
        for line in lines.splitlines()
        if line.startswith("live_agent_capture_gaps")
    ]
    return figures[0] if figures else -1


def test_a_gap_is_found_told_and_ended_from_start_to_sync(installation: Installation) -> None:
    options: dict[str, Any] = {"coverage_seconds": 0.1, "metrics_token": TOKEN}
    with serving(installation.places, **options) as office, closing(office.open()) as place:
        waiting(lambda: gauge(office) == 0)
        assert covered(place)["complete"] is True
        installation.drop("teams")
        assert waiting(lambda: actions(place)) == ["capture_stopped"]
        assert gauge(office) == 1
        (gap,) = covered(place)["gaps"]
        assert (gap["auditable_type"], gap["partial"], gap["right_at"]) == ("Team", False, None)
        assert gap["good_at"] <= gap["found_at"]
        assert covered(place)["complete"] is False
        people, number = place.people, place.id
    # The next start refuses, and sync mends: what it mended stays in the trail.
    with (
        closing(Database(installation.database_url)) as database,
        pytest.raises(CaptureOutdated, match="database sync"),
    ):
        database.prepare()
    installation.drop("inboxes")
    installation.sync()
    with serving(installation.places, **options) as office:
        again = Place(office, number, people)
        waiting(lambda: actions(again).count("capture_started") == 1)
        assert actions(again) == ["capture_stopped", "capture_stopped", "capture_started"]
        gaps = {each["auditable_type"]: each for each in covered(again)["gaps"]}
        assert gaps.keys() == {"Team", "Inbox"}
        assert all(each["good_at"] and each["right_at"] for each in gaps.values())
        waiting(lambda: gauge(office) == 0)
        again.close()


def take_out(installation: Installation) -> None:
    """Do by hand what `audit-trail detach` does, but beside the server."""
    with closing(Database(installation.owner_url)) as owner, owner.engine.begin() as connection:
        remove(connection)


def test_capture_that_an_owner_takes_out_beside_the_server_is_told_on_the_page(
    installation: Installation,
) -> None:
    options: dict[str, Any] = {"coverage_seconds": 0.1, "metrics_token": TOKEN}
    before = threading.enumerate()
    with serving(installation.places, **options) as office, closing(office.open()) as place:
        waiting(lambda: gauge(office) == 0)
        place.total()
        take_out(installation)
        assert waiting(lambda: actions(place)) == ["capture_stopped"]
        assert gauge(office) == 1
        (gap,) = covered(place)["gaps"]
        assert gap["good_at"] and gap["right_at"] is None
        assert covered(place)["complete"] is False
        if installation.owner_url.startswith("sqlite"):
            installation.sync()
            assert waiting(lambda: actions(place)[1:]) == ["capture_started"]
            assert covered(place)["complete"] is True
            waiting(lambda: gauge(office) == 0)
    # On PostgreSQL the roles' rights went with the schema: `database init` makes both. So the
    # server stopped without an outbox, but in good order.
    left = {each.name for each in threading.enumerate() if each not in before}
    assert "sequencer" not in left


def test_the_account_learns_what_is_watched_and_nobody_else_asks(place: Place) -> None:
    found = covered(place)
    watched = {each["auditable_type"]: each for each in found["watched"]}
    assert len(watched) == len([each for each in WATCH.tables if each.account is not None])
    assert watched["Inbox"]["secrets"] == ["hmac_token"]
    assert watched["User"]["actions"] == ["update"]
    assert isinstance(found["since"], int)
    for role, status in (("agent", 403), ("supervisor", 403)):
        assert place.client(role).get("/audit_logs/coverage").status_code == status
    assert (
        place.browser().get(f"/api/v1/accounts/{place.id}/audit_logs/coverage").status_code == 401
    )
