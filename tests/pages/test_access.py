"""Who sees which page: three roles, strangers, and people of other accounts."""

import pytest
from playwright.sync_api import expect

from live_agent import access
from tests.live_agent.office import PASSWORD, Office, Place
from tests.pages.browsing import Browsing, settings

pytestmark = pytest.mark.browser

EVERYBODY = [
    *("Agents", "Teams", "Inboxes", "Labels"),
    *("Canned Responses", "Macros", "Skills", "Access Tokens"),
]


@pytest.mark.parametrize(
    ("role", "menu"),
    [
        ("administrator", [*EVERYBODY, "Automation Rules", "Account", "Audit Logs"]),
        ("supervisor", EVERYBODY),
        ("agent", EVERYBODY),
    ],
)
def test_each_role_signs_in_to_its_own_menu(
    place: Place, browsing: Browsing, role: str, menu: list[str]
) -> None:
    page = browsing.stranger()
    page.goto("/")
    page.get_by_label("E-mail").fill(place.people[role].email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Inboxes")
    expect(page.get_by_role("navigation", name="Settings").get_by_role("link")).to_have_text(menu)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    page.goto(settings(place, "inboxes"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


@pytest.mark.parametrize("role", ["supervisor", "agent"])
def test_only_administrators_may_read_the_audit_logs(
    place: Place, browsing: Browsing, role: str
) -> None:
    page = browsing.member(place, role)
    for part in ("audit-logs", "audit-logs/1", "audit-logs/1/proof", "audit-logs/newest?seen=0"):
        answer = page.goto(settings(place, part))
        assert answer
        assert answer.status == 403
        expect(page.get_by_role("heading", level=1)).to_have_text("You may not do this")
        assert "Created a new agent" not in page.content()
    expect(page.get_by_role("link", name="Audit Logs")).to_have_count(0)
    administrator = browsing.member(place)
    administrator.goto(settings(place, "audit-logs"))
    refused = administrator.locator("tbody tr", has_text="Was refused the audit logs")
    expect(refused).to_have_count(1)
    expect(refused.locator(".by")).to_contain_text(place.people[role].email)


@pytest.mark.parametrize("role", ["supervisor", "agent"])
def test_others_read_the_lists_and_change_nothing(
    place: Place, browsing: Browsing, role: str
) -> None:
    number = place.client().post("/inboxes", json={"name": "Support"}).json()["id"]
    page = browsing.member(place, role)
    for part in ("inboxes", "teams", "agents"):
        page.goto(settings(place, part))
        expect(page.locator("main").get_by_role("link")).to_have_count(0)
        expect(page.locator("main").get_by_role("button")).to_have_count(0)
    page.goto(settings(place, "inboxes"))
    expect(page.locator("main")).to_contain_text("Support")
    parts = (f"inboxes/{number}", "inboxes/new", f"inboxes/{number}/delete", "automation-rules")
    for part in (*parts, "teams/new", "agents/new"):
        answer = page.goto(settings(place, part))
        assert answer
        assert answer.status == 403, part


def test_a_stranger_comes_back_to_what_they_asked_for(place: Place, browsing: Browsing) -> None:
    page = browsing.stranger()
    page.goto(settings(place, "audit-logs?before=3"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    page.get_by_label("E-mail").fill(place.people["administrator"].email)
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("The e-mail or the password is wrong.")
    expect(page.get_by_label("E-mail")).to_have_value(place.people["administrator"].email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    assert page.url.endswith(settings(place, "audit-logs?before=3"))


def test_signing_in_never_leads_to_another_site(place: Place, browsing: Browsing) -> None:
    for wanted in ("https://evil.example/app/", "//evil.example", "/\\evil.example", "/app/\r\nx"):
        page = browsing.stranger()
        page.goto("/sign-in")
        page.locator("[name=return]").evaluate("(field, value) => field.value = value", wanted)
        page.get_by_label("E-mail").fill(place.people["agent"].email)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        assert page.url.endswith(settings(place, "inboxes"))


def test_an_open_list_leads_to_the_sign_in_when_its_session_ends(
    place: Place, browsing: Browsing
) -> None:
    page = browsing.member(place)
    page.goto(settings(place, "audit-logs"))
    with place.office.services.database.transaction() as db:
        access.end_sessions(db, place.people["administrator"].id)
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    assert page.locator("[name=return]").input_value() == settings(place, "audit-logs")


def test_a_form_without_its_token_changes_nothing(place: Place, browsing: Browsing) -> None:
    page = browsing.member(place)
    for token in ({}, {"csrf_token": "forged"}):
        answer = page.context.request.post(
            settings(place, "teams/new"), form={"name": "Weekend", **token}
        )
        assert answer.status == 403
        assert "Reload the page" in answer.text()
    page.goto(settings(place, "teams"))
    expect(page.locator("main")).to_contain_text("There is no team yet")


def test_another_account_is_not_there(place: Place, office: Office, browsing: Browsing) -> None:
    elsewhere = office.open()
    page = browsing.member(place)
    for part in ("inboxes", "audit-logs", "audit-logs/1", "audit-logs/1/proof", "teams/new"):
        answer = page.goto(settings(elsewhere, part))
        assert answer
        assert answer.status == 404
        expect(page.get_by_role("heading", level=1)).to_have_text("There is nothing here")
    elsewhere.close()


def test_a_person_of_two_accounts_goes_from_one_to_the_other(
    place: Place, office: Office, browsing: Browsing
) -> None:
    elsewhere = office.open()
    elsewhere.take_in(place.people["administrator"])
    page = browsing.member(place)
    page.goto(settings(place, "teams"))
    page.get_by_role("navigation", name="Other accounts").get_by_role("link").click()
    assert page.url.endswith(settings(elsewhere, "inboxes"))
    expect(page.get_by_role("link", name="Audit Logs")).to_have_count(0)
    elsewhere.close()


def test_addresses_that_lead_nowhere_say_so(place: Place, browsing: Browsing) -> None:
    page = browsing.member(place)
    for address in (
        "/nowhere",
        settings(place, "nowhere"),
        settings(place, "inboxes/4294967296"),
        settings(place, "inboxes/99999999999999999999999"),
        "/app/accounts/99999999999999999999999/settings/inboxes",
    ):
        answer = page.goto(address)
        assert answer
        assert answer.status == 404, address
        expect(page.get_by_role("heading", level=1)).to_have_text("There is nothing here")


def test_programs_get_errors_and_entries_as_json(place: Place, browsing: Browsing) -> None:
    request = browsing.member(place).context.request
    asking = {"Accept": "application/json"}
    page = request.get(settings(place, "audit-logs"), headers=asking).json()
    entry = page["entries"][0]
    assert entry["activity"] == "Signed in"
    assert entry["who"]["email"] == place.people["administrator"].email
    assert request.get(entry["url"], headers=asking).json() == entry
    refused = request.get(settings(place, "audit-logs/0"), headers=asking)
    assert (refused.status, refused.json()["code"]) == (404, "entry_not_found")
    stranger = browsing.stranger().context.request.get(
        settings(place, "audit-logs"), headers=asking
    )
    assert (stranger.status, stranger.json()["code"]) == (401, "not_signed_in")
