"""A record as it was, and who had which role then: found from an entry, chosen by a moment, for everybody."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from audit_trail.capture.context import SYSTEM, Context, Origin
from audit_trail.own import own_draft
from audit_trail.record.entry import Removed
from audit_trail.trail import utc_now_us
from tests.live_agent.office import Place
from tests.live_agent.test_contract import ok
from tests.pages.browsing import Browsing, overflow, settings, violations

pytestmark = pytest.mark.browser


@pytest.fixture
def changed(place: Place) -> Place:
    """An account with an inbox that was renamed, and given a greeting and a secret."""
    client = place.client()
    inbox = ok(client.post("/inboxes", json={"name": "Support"}))["id"]
    ok(client.patch(f"/inboxes/{inbox}", json={"name": "Help desk", "greeting_message": "Hello"}))
    ok(client.patch(f"/inboxes/{inbox}", json={"name": "Desk"}))
    place.total()
    return place


def entries(place: Place) -> dict[str, int]:
    """The numbers of the inbox's entries by the name that each left it."""
    found = ok(place.client().get("/audit_logs/entries", params={"q": "entity:inbox"}))["entries"]
    return {
        each["what"]["changes"]["name"]["after"]: each["index"] + 1
        for each in found
        if "name" in each["what"]["changes"]
    }


def row(page: Page, label: str) -> Any:
    """What stands beside a field's label."""
    return page.locator(f'dt:text-is("{label}") + dd')


def test_an_entry_leads_to_the_state_that_it_left(changed: Place, browsing: Browsing) -> None:
    page = browsing.member(changed)
    page.goto(settings(changed, "audit-logs"))
    page.get_by_role("link", name=re.compile("Updated an inbox")).nth(1).click()
    window = page.get_by_role("dialog")
    window.get_by_role("link", name="State at this moment").click()
    expect(window.get_by_role("heading", name="State of inbox")).to_be_visible()
    expect(row(page, "Name")).to_contain_text("Help desk")
    expect(row(page, "Greeting Message")).to_contain_text("Hello")
    expect(row(page, "Signing Secret")).to_contain_text("set, hidden")
    expect(window.get_by_text("It was there.")).to_be_visible()
    assert violations(page) == []
    window.get_by_role("link", name="The next entry about it").click()
    expect(window.get_by_role("heading", name="Updated an inbox")).to_be_visible()


def test_a_moment_is_chosen_by_the_viewer_s_clock(changed: Place, browsing: Browsing) -> None:
    page = browsing.member(changed)
    number = entries(changed)["Desk"]
    page.goto(settings(changed, "audit-logs"))
    page.goto(settings(changed, f"audit-logs/{number}/state"))
    expect(row(page, "Name")).to_contain_text("Desk")
    page.get_by_label("At, in Berlin").fill("2020-02-03T04:05:06")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("It wasn't there.")).to_be_visible()
    expect(page.get_by_label("At, in Berlin")).to_have_value("2020-02-03T04:05:06")
    expect(page.get_by_role("definition")).to_have_count(0)
    page.get_by_label("At, in Berlin").fill("2100-01-01T00:00:00")
    page.get_by_role("button", name="Show").click()
    expect(row(page, "Name")).to_contain_text("Desk")


def test_what_no_entry_tells_is_said_to_be_unknown(changed: Place, browsing: Browsing) -> None:
    trail, account = changed.office.services.trail, str(changed.id)
    numbers = entries(changed)
    index = numbers["Support"] - 1
    by = Context(actor=SYSTEM, origin=Origin(via="cli"), reason="Asked for.")
    removed = Removed(what=((index, index),))
    draft = own_draft(by, account, "erase", clock=utc_now_us, details={}, removed=removed)
    trail.append([draft])
    trail.remove(account)
    page = browsing.member(changed)
    page.goto(settings(changed, f"audit-logs/{numbers['Help desk']}/history"))
    page.get_by_role("link", name="state then").last.click()
    # Its entry is erased, but the next one says what the name was before.
    expect(row(page, "Name")).to_contain_text("Support")
    expect(row(page, "Time Zone")).to_contain_text("not known")
    expect(row(page, "Greeting Message")).to_contain_text("none")


def test_roles_at_a_moment_are_reached_from_the_list_and_the_agents(
    place: Place, browsing: Browsing
) -> None:
    ok(place.client().delete(f"/agents/{place.people['supervisor'].id}"))
    place.total()
    page = browsing.member(place)
    page.goto(settings(place, "audit-logs"))
    page.get_by_role("link", name="Roles at a moment").click()
    expect(page.get_by_role("heading", name="Roles at a moment")).to_be_visible()
    table = page.get_by_role("table")
    expect(table).to_contain_text("Administrator")
    expect(table).not_to_contain_text("Supervisor")
    page.goto(settings(place, "agents"))
    page.get_by_role("link", name="Roles at a moment").click()
    page.get_by_label("At, in Berlin").fill("2020-02-03T04:05:06")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("No entry tells of anybody")).to_be_visible()


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_axe_finds_nothing_and_both_fit_320_pixels(
    changed: Place, browsing: Browsing, mode: str
) -> None:
    page = browsing.member(changed, color_scheme=mode)
    number = entries(changed)["Help desk"]
    for part in (f"audit-logs/{number}/state", "audit-logs/roles", "agents"):
        page.goto(settings(changed, part))
        assert violations(page) == []
        page.set_viewport_size({"width": 320, "height": 800})
        assert overflow(page) <= 0
        page.set_viewport_size({"width": 1280, "height": 800})


def test_a_moment_that_is_none_is_refused_with_words(changed: Place, browsing: Browsing) -> None:
    page = browsing.member(changed)
    number = entries(changed)["Desk"]
    # Of the latter two a clock west or east of UTC can't tell the year.
    moments = ("soon", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z")
    parts = (f"audit-logs/{number}/state", "audit-logs/roles")
    for part in (f"{part}?at={moment}" for part in parts for moment in moments):
        answer = page.goto(settings(changed, part))
        assert answer
        assert answer.status == 422
        expect(page.get_by_text("at must be a moment such as")).to_be_visible()


def test_agents_may_not_read_what_was(changed: Place, browsing: Browsing) -> None:
    page = browsing.member(changed, "agent")
    number = entries(changed)["Desk"]
    for part in (f"audit-logs/{number}/state", "audit-logs/roles"):
        answer = page.goto(settings(changed, part))
        assert answer
        assert answer.status == 403
