"""What an operator asks is answered truly, to whom it may be, and names nobody."""

import math
import re
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from live_agent.app import build_services, create_app
from live_agent.operating import QUIET_LIMIT_SECONDS
from live_agent.site import create_site
from tests import loops
from tests.live_agent.office import Office, Place, serving

TOKEN = "a token for the monitoring alone"
WELL = {"database": "ok", "trail": "ok", "sequencer": "ok"}
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture
def observed(tmp_path: Path) -> Iterator[Office]:
    """A server of the test's own, with its pages, whose metrics can be read."""
    with serving(tmp_path, create_site, metrics_token=TOKEN) as running:
        wait_until_ready(running)
        yield running


@pytest.fixture
def place(observed: Office) -> Iterator[Place]:
    opened = observed.open()
    yield opened
    opened.close()


def ask(office: Office, path: str, method: str = "GET", **headers: str) -> httpx2.Response:
    return httpx2.request(method, office.url + path, headers=headers, timeout=30)


def wait_until_ready(office: Office) -> None:
    for _ in range(500):
        if ask(office, "/health/ready").status_code == 200:
            return
        threading.Event().wait(0.02)
    raise RuntimeError("the server did not become ready")


def samples(office: Office) -> Samples:
    answer = ask(office, "/metrics", authorization=f"Bearer {TOKEN}")
    assert answer.status_code == 200
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def value(office: Office, name: str, **labels: str) -> float:
    return samples(office)[name, frozenset(labels.items())]


def refused(office: Office) -> dict[str, float]:
    return {
        dict(labels)["reason"]: count
        for (name, labels), count in samples(office).items()
        if name == "live_agent_refused_total"
    }


@contextmanager
def renamed(database: Path, table: str) -> Iterator[None]:
    """Take a table away from under the server, and bring it back."""
    with closing(sqlite3.connect(database, isolation_level=None)) as shell:
        shell.execute("PRAGMA legacy_alter_table = ON")
        shell.execute(f"ALTER TABLE {table} RENAME TO gone")
        try:
            yield
        finally:
            shell.execute(f"ALTER TABLE gone RENAME TO {table}")


def readiness(app: Any) -> tuple[int, Any]:
    """Ask an application that was never started."""

    async def asked() -> httpx2.Response:
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://here") as client:
            return await client.get("/health/ready")

    answer = loops.run(asked())
    return answer.status_code, answer.json()["checks"]


@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
def test_health_is_answered_to_anybody_and_leaves_no_trace(
    observed: Office, place: Place, path: str
) -> None:
    answer = ask(observed, path)
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    assert answer.headers["cache-control"] == "no-store"
    head = ask(observed, path, "HEAD")
    assert (head.status_code, head.content) == (200, b"")
    assert ask(observed, path, "POST").status_code == 405
    assert place.news() == []


def test_a_trail_that_can_t_be_read_is_said_and_the_way_back_too(
    observed: Office, tmp_path: Path
) -> None:
    assert ask(observed, "/health/ready").json() == {"status": "ready", "checks": WELL}
    with renamed(tmp_path / "trail.db", "entries"):
        answer = ask(observed, "/health/ready")
        assert ask(observed, "/health/live").status_code == 200
    assert answer.status_code == 503
    assert answer.json() == {
        "status": "failing",
        "checks": {**WELL, "trail": "can't be read"},
    }
    assert ask(observed, "/health/ready").status_code == 200


def test_a_database_that_can_t_be_read_is_said(observed: Office, tmp_path: Path) -> None:
    with renamed(tmp_path / "live-agent.db", "accounts"):
        answer = ask(observed, "/health/ready", accept="text/html")
    assert answer.status_code == 503
    assert answer.json()["checks"] == {**WELL, "database": "can't be read"}


class QuietWorker:
    """A sequencer whose rounds have not gone well for so many seconds."""

    errors = 3
    appended = 0

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def quiet_seconds(self) -> float:
        return self.seconds

    def wake(self) -> None: ...

    def drain(self) -> None: ...


@pytest.mark.parametrize(
    ("seconds", "status", "said"),
    [
        (0.3, 200, "ok"),
        (QUIET_LIMIT_SECONDS, 200, "ok"),
        (QUIET_LIMIT_SECONDS + 12, 503, "no round has gone well for 42 s"),
        (math.inf, 503, "has not begun"),
    ],
)
def test_a_sequencer_that_is_dead_or_failing_for_long_makes_the_server_unready(
    tmp_path: Path, seconds: float, status: int, said: str
) -> None:
    services = build_services(tmp_path)
    services.database.prepare()
    quiet = msgspec.structs.replace(services, sequencer=QuietWorker(seconds))
    assert readiness(create_app(quiet)) == (status, {**WELL, "sequencer": said})
    services.close()


def test_a_server_whose_sequencer_never_ran_is_not_ready(tmp_path: Path) -> None:
    services = build_services(tmp_path)
    services.database.prepare()
    app = create_app(services)
    assert readiness(app) == (503, {**WELL, "sequencer": "has not begun"})
    services.close()


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_metrics_are_for_who_has_their_token(
    office: Office, observed: Office, place: Place, method: str
) -> None:
    assert ask(office, "/metrics", method).status_code == 404  # No token was configured.
    assert ask(office, "/metrics", method, authorization="Bearer").status_code == 404
    administrator = place.people["administrator"].token
    for wrong in ("", "Bearer", "Bearer wrong", f"Bearer {administrator}", f"Basic {TOKEN}"):
        refusal = ask(observed, "/metrics", method, authorization=wrong)
        assert refusal.status_code == 401
        assert "audit_outbox" not in refusal.text
    answer = ask(observed, "/metrics", method, authorization=f"Bearer {TOKEN}")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert answer.headers["content-type"].count("charset") == 1
    assert place.news() == []


def test_entries_are_counted_as_they_are_appended(observed: Office, place: Place) -> None:
    before = value(observed, "audit_entries_appended_total")
    for name in ("North", "South", "East"):
        assert place.client().post("/teams", json={"name": name}).status_code == 200
    assert len(place.news()) == 3
    assert value(observed, "audit_entries_appended_total") == before + 3
    assert value(observed, "audit_outbox_rows") == 0
    assert value(observed, "audit_outbox_oldest_seconds") == 0
    assert value(observed, "audit_sequencer_errors_total") == 0
    assert value(observed, "audit_sequencer_quiet_seconds") < QUIET_LIMIT_SECONDS


def test_refusals_are_counted_by_reason(observed: Office, place: Place) -> None:
    zero = {"sign_in": 0, "not_signed_in": 0, "foreign_account": 0, "forbidden": 0}
    assert refused(observed) == zero

    sign_in = {"email": place.people["agent"].email, "password": "wrong"}
    assert place.browser().post("/auth/sign_in", json=sign_in).status_code == 401
    assert place.browser().post("/sign-in", data=sign_in).status_code == 401
    assert place.browser().post("/sign-in", data={"email": ""}).status_code == 422
    assert refused(observed) == {**zero, "sign_in": 2}

    assert ask(observed, "/api/v1/profile").status_code == 401
    assert place.client("agent").get("/audit_logs").status_code == 403
    assert place.client().get("/teams/4711").status_code == 404
    elsewhere = f"/api/v1/accounts/{place.id + 1}/audit_logs"
    for path in (elsewhere, "/api/v1/accounts/4711/teams"):
        token = place.people["administrator"].token
        assert ask(observed, path, api_access_token=token).status_code == 404
    assert refused(observed) == {
        "sign_in": 2,
        "not_signed_in": 1,
        "foreign_account": 2,
        "forbidden": 1,
    }


def test_labels_are_routes_and_never_what_somebody_typed(observed: Office, place: Place) -> None:
    def ask_around(number: int) -> None:
        client = place.client()
        client.get(f"/teams/{number}")
        client.get(f"/nowhere-{number}")
        client.get("/teams", params={"secret": f"s{number}"})
        client.request(f"BREW{number}", "/teams")

    for number in range(11):
        ask_around(number)
    seen = [
        tuple(dict(labels)[name] for name in ("method", "route", "status"))
        for name, labels in samples(observed)
        if name == "live_agent_request_seconds_count"
    ]
    assert sorted(each for each in seen if each[1] not in ("/health/ready", "/metrics")) == [
        ("GET", "/api/v1/accounts/{account_id}/teams", "200"),
        ("GET", "/api/v1/accounts/{account_id}/teams/{team_id}", "404"),
        ("GET", "unmatched", "404"),
        ("other", "unmatched", "405"),
    ]
    counted = value(
        observed,
        "live_agent_request_seconds_count",
        method="GET",
        route="/api/v1/accounts/{account_id}/teams/{team_id}",
        status="404",
    )
    assert counted == 11


def test_two_applications_in_one_process_count_apart(observed: Office, tmp_path: Path) -> None:
    other = build_services(tmp_path / "other")
    ask(observed, "/health/live")
    assert b"/health/live" in observed.services.metrics.exposition()
    assert b"/health/live" not in other.metrics.exposition()
    other.close()


def test_the_page_and_the_metrics_say_alike_how_far_the_trail_is_behind(
    observed: Office, place: Place, tmp_path: Path
) -> None:
    browser, _ = place.signed_in()
    place.look_away()
    with closing(sqlite3.connect(tmp_path / "trail.db", isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        for name in ("North", "South", "East"):
            place.client().post("/teams", json={"name": name})
        observed.clock.forward(125)
        page = browser.get(f"/app/accounts/{place.id}/settings/audit-logs").text
        rows, age = (value(observed, f"audit_outbox_{each}") for each in ("rows", "oldest_seconds"))
        holder.execute("ROLLBACK")
    said = re.search(
        r"(\d+) changes are not shown yet; the oldest was made (\d+) minutes ago", page
    )
    assert said, page
    assert int(said[1]) == rows == 3
    assert int(said[2]) == age // 60 == 2
    assert len(place.news()) == 3
    assert value(observed, "audit_outbox_rows") == 0


def test_an_outbox_that_can_t_be_read_has_no_figure_rather_than_a_wrong_one(
    observed: Office, tmp_path: Path
) -> None:
    with renamed(tmp_path / "live-agent.db", "audit_outbox"):
        names = {name for name, _ in samples(observed)}
    assert "audit_outbox_rows" not in names
    assert "audit_sequencer_errors_total" in names
