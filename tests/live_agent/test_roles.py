"""Who may what: every route by every role, and nothing without a rule."""

from itertools import count
from typing import Any

import pytest
from litestar.routes import HTTPRoute

from live_agent.gate import Rule
from live_agent.site import create_site
from tests.live_agent.office import ROLES, Office, Place
from tests.live_agent.test_contract import RULE, ok
from tests.live_agent.test_exports import EXPORTS, waited

pytestmark = pytest.mark.both_engines

OPEN_TO_MEMBERS = [
    ("GET", ""),
    ("GET", "/agents"),
    ("GET", "/agents/{agent}"),
    ("GET", "/inboxes"),
    ("GET", "/inboxes/{inbox}"),
    ("GET", "/inbox_members/{inbox}"),
    ("GET", "/teams"),
    ("GET", "/teams/{team}"),
    ("GET", "/teams/{team}/team_members"),
    ("GET", "/labels"),
    ("GET", "/labels/{label}"),
    ("GET", "/canned_responses"),
    ("GET", "/canned_responses/{response}"),
    ("GET", "/skills"),
    ("GET", "/skills/{skill}"),
    ("GET", "/skills/{skill}/agents"),
    ("GET", "/conversations"),
    ("GET", "/conversations/{conversation}"),
    ("POST", "/conversations"),
    ("GET", "/macros"),
    ("GET", "/macros/{macro}"),
    ("POST", "/macros"),
]
FOR_SUPERVISORS = [
    ("PATCH", "/labels/{label}"),
    ("PATCH", "/canned_responses/{response}"),
    ("PATCH", "/skills/{skill}"),
    ("PATCH", "/skills/{skill}/agents"),
    ("PUT", "/macros/{macro}"),
    ("POST", "/labels"),
    ("POST", "/canned_responses"),
    ("POST", "/skills"),
    ("POST", "/skills/{skill}/agents"),
    ("DELETE", "/skills/{skill}/agents"),
    ("DELETE", "/skills/{skill}"),
    ("DELETE", "/canned_responses/{response}"),
    ("DELETE", "/labels/{label}"),
    ("DELETE", "/macros/{macro}"),
]
"""What supervisors may as well as administrators; `macro` is one for everybody."""
TRAIL_FILES = {
    "/audit_logs/checkpoint": "/audit_logs/checkpoint",
    "/audit_logs/keys": "/audit_logs/keys",
    "/audit_logs/tile/{}": "/audit_logs/tile/entries/000.p/1",
    "/audit_logs/{}/proof": "/audit_logs/1/proof",
    "/audit_logs/inclusion": "/audit_logs/inclusion?index=0",
    "/audit_logs/consistency": "/audit_logs/consistency?first=1",
}
"""Each route of them, and an address that it answers."""
ENTRIES = [
    f"/audit_logs/entries{path}" for path in ("", "/{index}", "/facets", "/timeline", "/tail")
]
"""What answers with entries whole: test_entries.py and test_tail.py say who may read them."""
RESTORATION = "/audit_logs/entries/{index}/restoration"
"""Its preview is below; test_restorations.py says who may confirm it."""

FOR_ADMINISTRATORS = [
    *(("GET", path) for path in TRAIL_FILES.values()),
    ("GET", "/audit_logs/evidence"),
    ("GET", "/audit_logs/coverage"),
    ("GET", "/audit_logs/roles"),
    ("GET", "/audit_logs/state?type=inbox&id={inbox}"),
    ("GET", "/audit_logs/entries/0/restoration"),
    ("GET", "/audit_logs"),
    ("GET", "/audit_logs/views"),
    ("POST", "/audit_logs/views"),
    ("PATCH", "/audit_logs/views/{view}"),
    ("GET", "/audit_logs/exports"),
    ("GET", "/audit_logs/exports/{export}"),
    ("GET", "/audit_logs/exports/{export}/file"),
    ("GET", "/audit_logs/exports/{export}/manifest"),
    ("POST", "/audit_logs/exports"),
    ("DELETE", "/audit_logs/exports/{export}"),
    ("GET", "/audit_logs/1"),
    ("GET", "/agent_bots"),
    ("GET", "/agent_bots/{bot}"),
    ("GET", "/automation_rules"),
    ("GET", "/automation_rules/{rule}"),
    ("GET", "/inboxes/{inbox}/agent_bot"),
    ("GET", "/webhooks"),
    ("PATCH", ""),
    ("PATCH", "/agents/{agent}"),
    ("PATCH", "/inboxes/{inbox}"),
    ("PATCH", "/inbox_members"),
    ("PATCH", "/teams/{team}"),
    ("PATCH", "/teams/{team}/team_members"),
    ("PATCH", "/agent_bots/{bot}"),
    ("PATCH", "/automation_rules/{rule}"),
    ("PATCH", "/webhooks/{webhook}"),
    ("POST", "/agents"),
    ("POST", "/inboxes"),
    ("POST", "/inboxes/{inbox}/set_agent_bot"),
    ("POST", "/inbox_members"),
    ("POST", "/teams"),
    ("POST", "/teams/{team}/team_members"),
    ("POST", "/agent_bots"),
    ("POST", "/automation_rules"),
    ("POST", "/automation_rules/{rule}/clone"),
    ("POST", "/webhooks"),
    ("DELETE", "/audit_logs/views/{view}"),
    ("DELETE", "/conversations/{conversation}"),
    ("DELETE", "/webhooks/{webhook}"),
    ("DELETE", "/automation_rules/{rule}"),
    ("DELETE", "/agent_bots/{bot}"),
    ("DELETE", "/teams/{team}/team_members"),
    ("DELETE", "/teams/{team}"),
    ("DELETE", "/inbox_members"),
    ("DELETE", "/inboxes/{inbox}"),
    ("DELETE", "/agents/{agent}"),
]
EVERYTHING = OPEN_TO_MEMBERS + FOR_SUPERVISORS + FOR_ADMINISTRATORS
RESPONSE = {"short_code": "hi", "content": "Hello"}
_numbers = count(1)
ACCOUNT = "/api/v1/accounts/{account_id:int}"


@pytest.fixture
def ids(place: Place) -> dict[str, int]:
    client = place.client()
    inbox = ok(client.post("/inboxes", json={"name": "Support"}))["id"]
    return {
        "agent": place.people["agent"].id,
        "inbox": inbox,
        "conversation": ok(client.post("/conversations", json={"inbox_id": inbox}))["id"],
        "team": ok(client.post("/teams", json={"name": "Tier 1"}))["id"],
        "bot": ok(client.post("/agent_bots", json={"name": "Sum"}))["id"],
        "rule": ok(client.post("/automation_rules", json=RULE))["id"],
        "webhook": ok(client.post("/webhooks", json={"url": "https://a.example/"}))["payload"][
            "webhook"
        ]["id"],
        "label": ok(client.post("/labels", json={"title": "urgent"}))["id"],
        "response": ok(client.post("/canned_responses", json=RESPONSE))["id"],
        "skill": ok(client.post("/skills", json={"name": "French"}))["id"],
        "macro": ok(client.post("/macros", json={"name": "Close", "visibility": "global"}))[
            "payload"
        ]["id"],
        "export": waited(client, ok(client.post(EXPORTS, json={"format": "csv"})))["id"],
        "view": ok(client.post("/audit_logs/views", json={"name": "Mine"}))["id"],
    }


def body_for(method: str, path: str, ids: dict[str, int]) -> Any:
    if method == "GET":
        return None
    if "members" in path or path.startswith("/skills/{skill}/"):
        return {"inbox_id": ids["inbox"], "user_ids": [ids["agent"]]}
    if path == "/agents" and method == "POST":
        return {"name": "Mia", "email": f"mia.{ids['agent']}@alder.example", "role": "agent"}
    if path == "/automation_rules":
        return {**RULE, "name": "Another"}
    if path == EXPORTS:
        return {"format": "csv"}
    if path == "/conversations":
        return {"inbox_id": ids["inbox"]}
    if path == "/webhooks":
        return {"url": "https://b.example/"}
    if path.endswith("set_agent_bot"):
        return {"agent_bot": None}
    if path == "/labels":
        return {"title": f"by-{next(_numbers)}"}
    if path == "/canned_responses":
        return {**RESPONSE, "short_code": f"by-{next(_numbers)}"}
    return {"name": f"Another {next(_numbers)}"}


def test_members_of_every_role_may_read_what_is_open_to_them(
    place: Place, ids: dict[str, int]
) -> None:
    for role in ROLES:
        client = place.client(role)
        for method, path in OPEN_TO_MEMBERS:
            answer = client.request(method, path.format(**ids), json=body_for(method, path, ids))
            assert answer.status_code == 200, (role, path)


def test_administrators_alone_may_do_the_rest_and_nothing_else_happens(
    place: Place, ids: dict[str, int]
) -> None:
    place.look_away()
    for role in ("agent", "supervisor"):
        client = place.client(role)
        for method, path in FOR_ADMINISTRATORS:
            answer = client.request(method, path.format(**ids), json=body_for(method, path, ids))
            assert answer.status_code == 403, (role, method, path)
    assert {item["action"] for item in place.news()} == {"read_denied"}
    client = place.client()
    for method, path in FOR_ADMINISTRATORS:
        answer = client.request(method, path.format(**ids), json=body_for(method, path, ids))
        assert answer.status_code == 200, (method, path, answer.text)


def test_supervisors_and_administrators_alone_may_what_is_for_them(
    place: Place, ids: dict[str, int]
) -> None:
    place.look_away()
    client = place.client("agent")
    for method, path in FOR_SUPERVISORS:
        answer = client.request(method, path.format(**ids), json=body_for(method, path, ids))
        assert answer.status_code == 403, (method, path)
    assert place.news() == []
    client = place.client("supervisor")
    for method, path in FOR_SUPERVISORS:
        answer = client.request(method, path.format(**ids), json=body_for(method, path, ids))
        assert answer.status_code == 200, (method, path, answer.text)


def test_nobody_who_is_not_signed_in_gets_anywhere(place: Place, ids: dict[str, int]) -> None:
    client = place.client()
    del client.headers["api_access_token"]
    for method, path in EVERYTHING:
        answer = client.request(method, path.format(**ids), json=body_for(method, path, ids))
        assert answer.status_code == 401, (method, path)
        assert set(answer.json()) == {"error", "message", "code"}


def test_people_of_another_account_find_nothing(
    place: Place, elsewhere: Place, ids: dict[str, int]
) -> None:
    client = place.client()
    client.headers["api_access_token"] = elsewhere.people["administrator"].token
    before = place.total()
    for method, path in EVERYTHING:
        answer = client.request(method, path.format(**ids), json=body_for(method, path, ids))
        assert answer.status_code == 404, (method, path)
    assert place.total() == before


def test_records_of_another_account_are_not_found_in_one_s_own(
    place: Place, elsewhere: Place, ids: dict[str, int]
) -> None:
    client = elsewhere.client()
    for method, path in EVERYTHING:
        if "{" in path:
            answer = client.request(method, path.format(**ids), json=body_for(method, path, ids))
            assert answer.status_code == 404, (method, path, answer.text)


def test_the_lists_above_are_all_the_routes_of_an_account(office: Office) -> None:
    routes = {
        (method, route.path.removeprefix(ACCOUNT))
        for route in office.app.routes
        if isinstance(route, HTTPRoute) and route.path.startswith(ACCOUNT)
        for method in route.methods
        if method != "OPTIONS"
    }

    def bare(path: str) -> str:
        return "".join("{}" if part.startswith("{") else part for part in path.split("/"))

    routes_of = {path: route for route, path in TRAIL_FILES.items()} | {
        "/audit_logs/1": "/audit_logs/{}",
        "/audit_logs/entries/0/restoration": RESTORATION,
        "/audit_logs/state?type=inbox&id={inbox}": "/audit_logs/state",
    }
    written = {(method, bare(routes_of.get(path, path))) for method, path in EVERYTHING}
    written |= {("GET", bare(path)) for path in ENTRIES} | {("POST", bare(RESTORATION))}
    assert {(method, bare(path)) for method, path in routes} == written


def test_every_route_of_the_whole_site_declares_who_may_use_it(office: Office) -> None:
    for route in create_site(office.services).routes:
        assert isinstance(route, HTTPRoute)
        for handler in route.route_handlers:
            if "OPTIONS" not in handler.http_methods:
                assert isinstance(handler.opt.get("access"), Rule), route.path


def test_the_last_administrator_stays_one(place: Place) -> None:
    client = place.client()
    path = f"/agents/{place.people['administrator'].id}"
    for answer in (client.patch(path, json={"role": "agent"}), client.delete(path)):
        assert (answer.status_code, answer.json()["attributes"]) == (422, ["role"])
    supervisor = f"/agents/{place.people['supervisor'].id}"
    ok(client.patch(supervisor, json={"role": "administrator"}))
    ok(client.delete(path))
    assert client.get(path).status_code == 404


def test_a_removed_agent_s_token_opens_the_account_no_more(place: Place) -> None:
    agent = place.client("agent")
    assert agent.get("/teams").status_code == 200
    ok(place.client().delete(f"/agents/{place.people['agent'].id}"))
    assert agent.get("/teams").status_code == 404
