"""Restoring from an entry: what would change is shown first, and done when it is confirmed."""

from typing import Any

import httpx2
import pytest
from playwright.sync_api import Page, expect

from tests.live_agent.office import Place
from tests.live_agent.test_contract import ok
from tests.live_agent.test_restorations import made, newest
from tests.pages.browsing import Browsing, overflow, settings, violations

pytestmark = pytest.mark.browser


@pytest.fixture
def renamed(place: Place) -> int:
    """The number of an entry that renamed an inbox and gave it another greeting."""
    client = place.client()
    inbox = made(client, "Support", greeting_message="Hello")
    changed = {"name": "Sales", "greeting_message": "Good day"}
    ok(client.patch(f"/inboxes/{inbox['id']}", json=changed))
    return newest(place, "update", "inbox") + 1


@pytest.fixture
def deleted(place: Place) -> int:
    """The number of an entry that deleted an inbox with a collaborator and a webhook."""
    client = place.client()
    inbox = made(client, "Support")
    people = [place.people["agent"].id]
    ok(client.post("/inbox_members", json={"inbox_id": inbox["id"], "user_ids": people}))
    ok(client.post("/webhooks", json={"url": "https://h.example", "inbox_id": inbox["id"]}))
    ok(client.delete(f"/inboxes/{inbox['id']}"))
    return newest(place, "delete", "inbox") + 1


def only(items: list[dict[str, Any]]) -> dict[str, Any]:
    (item,) = items
    return item


def inbox_of(place: Place) -> dict[str, Any]:
    return only(ok(place.client().get("/inboxes"))["payload"])


def opened(page: Page, place: Place, number: int) -> None:
    """Open an entry's window in the list, and from there the page that restores."""
    page.goto(settings(place, "audit-logs"))
    page.goto(settings(place, f"audit-logs/{number}"))
    page.get_by_role("link", name="Restore…").click()
    expect(page.get_by_role("heading", name=f"Restore from entry #{number}")).to_be_visible()


def row(page: Page, label: str) -> list[str]:
    """Return what stands in the three columns of a field."""
    body = page.locator(".restoring tbody").filter(has_text=label)
    return [cell.strip() for cell in body.locator("td").all_inner_texts()]


@pytest.mark.parametrize("script", [True, False], ids=["with-script", "without-script"])
def test_an_update_is_shown_and_undone_and_both_entries_lead_to_each_other(
    place: Place, browsing: Browsing, renamed: int, script: bool
) -> None:
    page = browsing.member(place, java_script_enabled=script)
    opened(page, place, renamed)
    assert row(page, "Name") == ["Support", "Sales", "Support"]
    assert row(page, "Greeting Message") == ["Hello", "Good day", "Hello"]
    page.get_by_role("checkbox", name="Greeting Message").uncheck()
    assert row(page, "Greeting Message") == ["Hello", "Good day", "Good day"]
    page.get_by_label("Reason").fill("Renamed by mistake")
    page.get_by_role("button", name="Restore").click()
    expect(page.get_by_role("status")).to_have_text("Restored.")
    assert (inbox_of(place)["name"], inbox_of(place)["greeting_message"]) == ("Support", "Good day")
    undoing = place.total()
    page.get_by_role("link", name=f"Entry #{undoing}").click()
    expect(page.get_by_role("heading", name="Updated an inbox")).to_be_visible()
    facts = page.locator(".facts")
    expect(facts).to_contain_text("Renamed by mistake")
    facts.get_by_role("link", name=f"Entry #{renamed}").click()
    expect(page.locator("dt", has_text="Undone by")).to_be_visible()
    expect(page.locator(".facts").get_by_role("link", name=f"Entry #{undoing}")).to_be_visible()
    page.goto(settings(place, f"audit-logs?q=undoes:{renamed}"))
    expect(page.get_by_text(f"undoes entry #{renamed}")).to_be_visible()
    expect(page.get_by_role("row", name="Updated an inbox")).to_have_count(1)


def test_a_field_that_was_changed_since_is_told_and_unchosen(
    place: Place, browsing: Browsing, renamed: int
) -> None:
    number = inbox_of(place)["id"]
    ok(place.client().patch(f"/inboxes/{number}", json={"greeting_message": "Welcome"}))
    place.total()
    page = browsing.member(place)
    opened(page, place, renamed)
    warned = page.locator(".restoring tbody.since")
    expect(warned).to_contain_text("Changed since this entry")
    expect(warned).to_contain_text("This entry had made it: Good day")
    greeting = page.get_by_role("checkbox", name="Greeting Message")
    expect(greeting).not_to_be_checked()
    expect(page.get_by_role("checkbox", name="Name")).to_be_checked()
    greeting.check()
    assert row(page, "Greeting Message") == ["Hello", "Welcome", "Hello"]
    page.get_by_role("button", name="Restore").click()
    expect(page.get_by_role("status")).to_have_text("Restored.")
    assert inbox_of(place)["greeting_message"] == "Hello"


def test_what_changes_while_somebody_looks_is_shown_again_before_it_is_done(
    place: Place, browsing: Browsing, renamed: int
) -> None:
    page = browsing.member(place)
    opened(page, place, renamed)
    number = inbox_of(place)["id"]
    ok(place.client().patch(f"/inboxes/{number}", json={"name": "Berlin"}))
    size = place.total()
    page.get_by_role("button", name="Restore").click()
    expect(page.get_by_role("alert")).to_contain_text("has changed meanwhile")
    assert row(page, "Name") == ["Support", "Berlin", "Berlin"]
    expect(page.get_by_role("checkbox", name="Name")).not_to_be_checked()
    assert (place.total(), inbox_of(place)["name"]) == (size, "Berlin")
    page.get_by_role("button", name="Restore").click()
    expect(page.get_by_role("status")).to_have_text("Restored.")
    assert (inbox_of(place)["name"], inbox_of(place)["greeting_message"]) == ("Berlin", "Hello")


def test_a_deleted_inbox_returns_with_what_was_chosen_of_what_went_with_it(
    place: Place, browsing: Browsing, deleted: int
) -> None:
    page = browsing.member(place)
    opened(page, place, deleted)
    expect(page.locator(".facts")).to_contain_text("Support")
    expect(page.get_by_text("Secrets aren't kept")).to_contain_text("Signing Secret")
    expect(page.get_by_text("Also restore 2 records")).to_be_visible()
    expect(page.locator(".with-it")).to_contain_text("with a new one: Signing Secret")
    page.get_by_role("checkbox", name="Inbox Webhook").uncheck()
    page.get_by_role("button", name="Restore").click()
    expect(page.get_by_role("status")).to_have_text("Restored.")
    expect(page.get_by_text("The record is there again.")).to_be_visible()
    number = inbox_of(place)["id"]
    assert len(ok(place.client().get(f"/inbox_members/{number}"))["payload"]) == 1
    assert ok(place.client().get("/webhooks"))["payload"]["webhooks"] == []


def test_what_can_t_be_restored_is_told_with_the_reason(
    place: Place, browsing: Browsing, deleted: int
) -> None:
    made(place.client(), "Support")
    place.total()
    page = browsing.member(place)
    opened(page, place, deleted)
    expect(page.get_by_role("heading", name="Nothing can be restored")).to_be_visible()
    expect(page.get_by_text("Name is already in use")).to_be_visible()
    expect(page.get_by_role("button", name="Restore")).to_have_count(0)
    assert violations(page) == []
    # A creation doesn't offer it, and says why not to who asks all the same.
    created = newest(place, "create", "inbox") + 1
    page.goto(settings(place, f"audit-logs/{created}"))
    expect(page.get_by_role("link", name="Restore…")).to_have_count(0)
    page.goto(settings(place, f"audit-logs/restorations/{created}"))
    expect(page.get_by_text("This entry is a creation")).to_be_visible()


def test_nothing_chosen_and_a_reason_too_long_are_said_and_nothing_is_lost(
    place: Place, browsing: Browsing, renamed: int
) -> None:
    page = browsing.member(place)
    opened(page, place, renamed)
    page.get_by_role("checkbox", name="Name").uncheck()
    page.get_by_role("checkbox", name="Greeting Message").uncheck()
    page.get_by_label("Reason").fill("x" * 1_001)
    size = place.total()
    page.get_by_role("button", name="Restore").click()
    expect(page.get_by_role("alert")).to_contain_text("Choose at least one field")
    expect(page.locator("#wrong-reason")).to_contain_text("at most 1,000")
    expect(page.get_by_role("checkbox", name="Name")).not_to_be_checked()
    assert violations(page) == []
    assert place.total() == size


def test_others_are_kept_out_and_forms_from_elsewhere_too(
    place: Place, elsewhere: Place, renamed: int
) -> None:
    path = settings(place, f"audit-logs/restorations/{renamed}")
    for role in ("agent", "supervisor"):
        browser, csrf = place.signed_in(role)
        assert browser.get(path).status_code == 403
        assert browser.post(path, data={"csrf_token": csrf}).status_code == 403
    browser, csrf = place.signed_in()
    assert browser.post(path, data={"digest": "x", "fields": "name"}).status_code == 403
    stranger, token = elsewhere.signed_in()
    assert stranger.get(path).status_code == 404
    assert stranger.post(path, data={"csrf_token": token, "digest": "x"}).status_code == 404
    html = {"Accept": "text/html"}
    for number in (0, 10**6, 10**30):
        unknown = settings(place, f"audit-logs/restorations/{number}")
        assert browser.get(unknown, headers=html).status_code == 404
        assert browser.post(unknown, data={"csrf_token": csrf}, headers=html).status_code in (
            404,
            422,
        )
    assert inbox_of(place)["name"] == "Sales"


def test_whoever_restores_their_own_lower_role_is_led_to_what_they_may_see(place: Place) -> None:
    client, admin = place.client(), place.people["administrator"]
    other = place.people["agent"]
    ok(client.patch(f"/agents/{other.id}", json={"role": "administrator"}))
    second: httpx2.Client = place.client("agent")
    ok(second.patch(f"/agents/{admin.id}", json={"role": "agent"}))
    ok(second.patch(f"/agents/{admin.id}", json={"role": "administrator"}))
    index = newest(place, "update", "account_user")
    digest = ok(client.get(f"/audit_logs/entries/{index}/restoration"))["digest"]
    browser, csrf = place.signed_in()
    answer = browser.post(
        settings(place, f"audit-logs/restorations/{index + 1}"),
        data={"csrf_token": csrf, "digest": digest, "fields": "role"},
        follow_redirects=False,
    )
    assert (answer.status_code, answer.headers["location"]) == (303, settings(place, "agents"))
    assert client.get("/audit_logs").status_code == 403


@pytest.mark.parametrize(
    ("theme", "widths"), [("light", (1280, 390)), ("dark", (320,))], ids=["light", "dark"]
)
def test_everybody_can_use_it(
    place: Place,
    browsing: Browsing,
    renamed: int,
    deleted: int,
    theme: str,
    widths: tuple[int, ...],
) -> None:
    for width in widths:
        page = browsing.member(place, color_scheme=theme, viewport={"width": width, "height": 800})
        for number in (renamed, deleted):
            opened(page, place, number)
            assert (violations(page), overflow(page)) == ([], 0)
