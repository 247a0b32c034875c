"""Whoever is shown entries whole leaves an entry: which ones, as what, and before they see them."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest

from audit_trail.record.entry import read_what
from audit_trail.record.sentence import activity, summary
from live_agent import attempts
from live_agent.catalog import CATALOG
from live_agent.database import Database
from live_agent.errors import DatabaseBusy
from live_agent.site import create_site
from tests.live_agent.office import Office, Place, serving
from tests.live_agent.test_contract import ok


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with serving(tmp_path_factory.mktemp("reads"), make=create_site) as running:
        yield running


@pytest.fixture
def read(site: Office) -> Iterator[Place]:
    """An account that records its reads, as all do unless they are told otherwise."""
    opened = site.open(reads=True)
    ok(opened.client().post("/teams", json={"name": "Tier 1"}))
    opened.look_away()
    yield opened
    opened.close()


def recorded(place: Place) -> list[dict[str, Any]]:
    """The reads since the last look, without leaving any."""
    services, account = place.office.services, str(place.id)
    begin, size = place._seen, place.total()
    place._seen = size
    found = []
    for index in range(begin, size):
        entry = services.trail.entry(account, index)
        public, what = entry.public, read_what(entry.what, entry.public.what)
        assert activity(public, what, CATALOG) == "Read an entry of the audit logs"
        assert public.entity.type == "audit_log" and public.entity.id is None
        who = f"user {public.actor.id} via {public.via}"
        found.append({"who": who, "said": summary(public, what, CATALOG)})
    return found


def page(place: Place, browser: httpx2.Client, path: str = "") -> httpx2.Response:
    answer = browser.get(f"/app/accounts/{place.id}/settings/audit-logs{path}")
    assert answer.status_code == 200, answer.text
    return answer


def test_an_opened_entry_is_an_entry_on_the_page_and_in_both_apis(read: Place) -> None:
    number, person = read.total(), read.people["administrator"].id
    browser, _ = read.signed_in()
    read.look_away()
    assert "Tier 1" in page(read, browser, f"/{number}").text
    assert recorded(read) == [{"who": f"user {person} via ui", "said": f"entry {number}"}]
    read.office.clock.forward(61)
    ok(read.client().get(f"/audit_logs/{number - 1}"))
    ok(read.client().get(f"/audit_logs/entries/{number - 3}"))
    assert [each["said"] for each in recorded(read)[-2:]] == [
        f"entry {number - 1}",
        f"entry {number - 2}",
    ]


def test_a_history_and_evidence_are_reads_and_say_of_what(read: Place) -> None:
    number = read.total()
    browser, _ = read.signed_in()
    read.look_away()
    page(read, browser, f"/{number}/history")
    page(read, browser, f"/{number}/evidence")
    assert [each["said"] for each in recorded(read)] == [
        f"history of the record of entry {number}",
        f"evidence of entry {number}",
    ]
    assert read.client().get(f"/audit_logs/evidence?first=1&last={number}").status_code == 200
    assert read.client().get("/audit_logs/evidence?first=900&last=901").status_code == 404
    assert [each["said"] for each in recorded(read)] == [f"evidence of entries 1 to {number}"]


def test_a_record_s_state_is_a_read_of_what_left_it_so(read: Place) -> None:
    number = read.total()
    client = read.client()
    team = ok(client.get("/teams"))[0]["id"]
    ok(client.get(f"/audit_logs/state?type=team&id={team}"))
    assert client.get("/audit_logs/state?type=team&id=999999").status_code in (200, 404)
    assert [each["said"] for each in recorded(read)] == [f"record as entry {number} left it"]


def test_a_state_before_all_entries_is_a_read_of_the_history_that_tells_it(read: Place) -> None:
    number = read.total()
    team = ok(read.client().get("/teams"))[0]["id"]
    asked = f"/audit_logs/state?type=team&id={team}&at=2020-01-01T00:00:00Z"
    assert ok(read.client().get(asked))["by"] is None
    assert [each["said"] for each in recorded(read)] == [f"history of the record of entry {number}"]


def test_a_record_s_state_on_the_page_is_a_read_of_what_left_it_so(read: Place) -> None:
    number = read.total()
    browser, _ = read.signed_in()
    read.look_away()
    page(read, browser, f"/{number}/state")
    page(read, browser, f"/{number}/state?at=2020-01-01T00:00:00Z")
    assert [each["said"] for each in recorded(read)] == [
        f"record as entry {number} left it",
        f"history of the record of entry {number}",
    ]


def test_a_state_on_the_page_is_a_read_of_the_entry_that_left_it_so(read: Place) -> None:
    number = read.total()
    browser, _ = read.signed_in()
    team = ok(read.client().get("/teams"))[0]["id"]
    ok(read.client().patch(f"/teams/{team}", json={"name": "Tier 2"}))
    changed = read.total()
    read.look_away()
    page(read, browser, f"/{number}/state")
    page(read, browser, f"/{number}/state?at=2100-01-01T00:00:00Z")
    log = f"/app/accounts/{read.id}/settings/audit-logs"
    assert browser.get(f"{log}/{number}/state?at=nonsense").status_code == 422
    assert [each["said"] for each in recorded(read)] == [
        f"record as entry {number} left it",
        f"record as entry {changed} left it",
    ]


def test_lists_counts_proofs_and_what_is_not_there_are_no_reads(read: Place) -> None:
    number = read.total()
    browser, _ = read.signed_in()
    read.look_away()
    for path in ("", "/overview", "?q=team", f"/{number}/proof", f"/newest?seen={number}&behind="):
        page(read, browser, path)
    client = read.client()
    for path in ("", "/entries", "/entries/facets", "/entries/timeline", f"/{number}/proof"):
        assert client.get(f"/audit_logs{path}").status_code == 200
    assert client.get("/audit_logs/900").status_code == 404
    assert client.get("/audit_logs/entries/900").status_code == 404
    assert recorded(read) == []


def test_one_who_looks_again_within_a_minute_is_counted(read: Place) -> None:
    number, client = read.total(), read.client()
    for _ in range(4):
        ok(client.get(f"/audit_logs/{number}"))
    assert [each["said"] for each in recorded(read)] == [f"entry {number}"]
    read.office.clock.forward(61)
    attempts.sweep(read.office.services.database, read.office.services.clock())
    assert [each["said"] for each in recorded(read)] == [
        f"entry {number} · 3 more times within a minute"
    ]
    ok(client.get(f"/audit_logs/{number}"))
    assert [each["said"] for each in recorded(read)] == [f"entry {number}"]


def test_a_read_can_itself_be_read_and_names_what_was_seen(read: Place) -> None:
    client = read.client()
    ok(client.get("/audit_logs/1"))
    item = ok(client.get(f"/audit_logs/{read.total()}"))
    assert (item["action"], item["auditable_type"]) == ("read", "AuditLog")
    assert (item["auditable_id"], item["comment"]) == (None, "entry 1")
    assert item["user_id"] == read.people["administrator"].id
    assert item["remote_address"] == "127.0.0.1"
    browser, _ = read.signed_in()
    window = page(read, browser, f"/{item['id']}").text
    assert f'href="/app/accounts/{read.id}/settings/audit-logs/1"' in window


def test_a_program_that_reads_up_to_the_newest_entry_comes_to_an_end(read: Place) -> None:
    client, number = read.client(), read.total()
    ok(client.get(f"/audit_logs/{number}"))
    ok(client.get(f"/audit_logs/{number + 1}"))
    ok(client.get(f"/audit_logs/entries/{number}"))
    assert read.total() == number + 1
    ok(client.patch(f"/agents/{read.people['agent'].id}", json={"role": "administrator"}))
    read.look_away()
    ok(read.client("agent").get(f"/audit_logs/{number + 1}"))
    assert [each["said"] for each in recorded(read)] == [f"entry {number + 1}"]


def test_what_one_reads_oneself_is_no_news_to_a_list_that_lies_open(read: Place) -> None:
    size = read.total()
    browser, _ = read.signed_in()
    log = f"/app/accounts/{read.id}/settings/audit-logs"
    size = read.total()
    page(read, browser, f"/{size}")
    ok(read.client().post("/teams", json={"name": "Tier 2"}))
    assert read.total() == size + 2
    with browser.stream("GET", f"{log}/tail?seen={size}") as tail:
        told = next(line for line in tail.iter_lines() if line.startswith("data:"))
    assert '"new":1' in told


def test_no_page_waits_for_a_connection_while_it_holds_one(
    read: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many people at once as there are connections would all wait for each other."""
    ok(
        read.client().patch(
            f"/teams/{ok(read.client().get('/teams'))[0]['id']}", json={"name": "T2"}
        )
    )
    number = read.total()
    browser, csrf = read.signed_in()
    held, depths = threading.local(), list[int]()

    def counting(original: Callable[..., Any]) -> Callable[..., Any]:
        @contextmanager
        def opened(*given: Any) -> Iterator[Any]:
            held.depth = getattr(held, "depth", 0) + 1
            depths.append(held.depth)
            try:
                with original(*given) as db:
                    yield db
            finally:
                held.depth -= 1

        return opened

    for name in ("reading", "transaction"):
        monkeypatch.setattr(Database, name, counting(getattr(Database, name)))
    restoration = f"/restorations/{number}"
    for path in ("", f"/{number}", f"/{number}/state", f"/{number}/history", "/roles", restoration):
        page(read, browser, path)
    log = f"/app/accounts/{read.id}/settings/audit-logs"
    refused = browser.post(f"{log}{restoration}", data={}, headers={"x-csrf-token": csrf})
    assert refused.status_code == 422
    assert max(depths) == 1


def test_who_is_refused_has_read_nothing(read: Place) -> None:
    for path in ("/audit_logs/1", "/audit_logs/entries/0"):
        assert read.client("supervisor").get(path).status_code == 403
    services = read.office.services
    actions = [
        services.trail.entry(str(read.id), index).public.action
        for index in range(read._seen, read.total())
    ]
    assert actions == ["read_denied"]


def test_nothing_is_shown_that_can_t_be_recorded(
    read: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: object) -> None:
        raise DatabaseBusy

    number = read.total()
    browser, _ = read.signed_in()
    monkeypatch.setattr("live_agent.attempts.note", busy)
    paths = (f"/audit_logs/{number}", f"/audit_logs/entries/{number - 1}")
    answers = [read.client().get(path) for path in paths]
    log = f"/app/accounts/{read.id}/settings/audit-logs"
    answers += [
        browser.get(f"{log}/{number}{part}") for part in ("", "/history", "/state", "/evidence")
    ]
    for answer in answers:
        assert answer.status_code == 503
        assert "Tier 1" not in answer.text


def test_an_account_may_leave_reads_out_and_that_is_an_entry(read: Place) -> None:
    client = read.client()
    ok(client.patch("", json={"audit_reads": False}))
    number = read.total()
    item = ok(client.get(f"/audit_logs/{number}"))
    assert item["audited_changes"] == {"audit_reads": [True, False]}
    assert read.total() == number
