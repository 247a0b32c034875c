"""Every page of the site, asked by everybody who may not: a new one can't be forgotten.

test_roles.py does the same for the routes of the REST API.
"""

from collections.abc import Iterator
from http import HTTPStatus

import pytest

from live_agent.gate import Rule
from live_agent.schema import ROLES
from live_agent.site import create_site
from tests.live_agent.office import Office, Place, serving
from tests.live_agent.test_access_tokens import requests_of

SAFE = {"GET", "HEAD"}
OF_ENTRIES = {"audit-logs/1", "audit-logs/1/proof", "audit-logs/restorations/1"}
"""Pages that take the number of an entry, which each account counts for itself."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with serving(tmp_path_factory.mktemp("every_page"), create_site) as running:
        yield running


@pytest.fixture
def place(site: Office) -> Iterator[Place]:
    opened = site.open()
    yield opened
    opened.close()


@pytest.fixture
def elsewhere(site: Office) -> Iterator[Place]:
    opened = site.open()
    yield opened
    opened.close()


def pages_of(place: Place) -> list[tuple[str, str, Rule]]:
    """Every page of the account, by each of its methods."""
    found = [
        (method, path, rule)
        for method, path, rule in requests_of(place.office, place.id)
        if path.startswith(f"/app/accounts/{place.id}/")
    ]
    assert len(found) > 100
    return found


def part_of(path: str) -> str:
    return path.split("/settings/")[1]


def test_every_page_is_of_an_account_and_for_its_members(place: Place) -> None:
    assert {rule.who for _, _, rule in pages_of(place)} == {"member"}
    apart = {
        (path, rule.who)
        for _, path, rule in requests_of(place.office, place.id)
        if not path.startswith(("/app/accounts/", "/api/v1/accounts/"))
    }
    assert {path for path, who in apart if who == "anybody"} == {
        *("/sign-in", "/auth/sign_in", "/health/live", "/health/ready", "/metrics"),
        "/static/0/000.p/1",
        *(f"/api/openapi.json{path}" for path in ("", "/openapi.json", "/x")),
    }


def test_a_stranger_is_led_from_every_page_to_the_sign_in(place: Place) -> None:
    stranger = place.browser()
    for method, path, _ in pages_of(place):
        answer = stranger.request(method, path)
        assert answer.status_code == HTTPStatus.SEE_OTHER, (method, path)
        assert answer.headers["location"].startswith("/sign-in"), (method, path)


@pytest.mark.parametrize("role", [role for role in ROLES if role != "administrator"])
def test_no_page_opens_to_a_role_that_it_is_not_for(place: Place, role: str) -> None:
    browser, token = place.signed_in(role)
    for method, path, rule in pages_of(place):
        if rule.roles and role not in rule.roles:
            answer = browser.request(method, path, headers={"x-csrf-token": token})
            assert answer.status_code == HTTPStatus.FORBIDDEN, (method, path)


def test_no_page_changes_anything_without_the_session_s_form_token(place: Place) -> None:
    browser, _ = place.signed_in()
    place.look_away()
    for method, path, _ in pages_of(place):
        if method not in SAFE:
            answer = browser.request(method, path)
            assert answer.status_code == HTTPStatus.FORBIDDEN, (method, path)
    assert place.news() == []


def test_no_page_of_another_account_is_there(place: Place, elsewhere: Place) -> None:
    browser, token = elsewhere.signed_in()
    for method, path, _ in pages_of(place):
        answer = browser.request(method, path, headers={"x-csrf-token": token})
        assert answer.status_code == HTTPStatus.NOT_FOUND, (method, path)


def test_no_page_shows_or_changes_a_record_of_another_account(
    place: Place, elsewhere: Place
) -> None:
    records = [
        ("/inboxes", {"name": "Support"}),
        ("/teams", {"name": "Sales"}),
        ("/labels", {"title": "vip"}),
        ("/canned_responses", {"short_code": "hi", "content": "Hello"}),
        ("/skills", {"name": "French"}),
        ("/macros", {"name": "Close", "visibility": "global", "actions": CLOSING}),
        ("/agent_bots", {"name": "Bot", "outgoing_url": "https://bot.example"}),
        ("/audit_logs/views", {"name": "Mine"}),
    ]
    for path, values in records:
        answer = place.client().post(path, json=values)
        assert (answer.status_code, answer.json().get("id", 1)) == (HTTPStatus.OK, 1), answer.text
    place.look_away()
    browser, token = elsewhere.signed_in()
    for method, path, _ in pages_of(elsewhere):
        if "1" in (part := part_of(path)).split("/") and part not in OF_ENTRIES:
            answer = browser.request(method, path, headers={"x-csrf-token": token})
            assert answer.status_code == HTTPStatus.NOT_FOUND, (method, path)
    assert place.news() == []


CLOSING = [{"action_name": "resolve_conversation", "action_params": []}]
