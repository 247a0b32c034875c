"""The settings beyond inboxes, teams and rules: their pages, who may use them, and their entries."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.live_agent.office import PASSWORD, Place
from tests.pages.browsing import Browsing, settings
from tests.pages.test_settings import activities, save

pytestmark = pytest.mark.browser

LISTS = ("labels", "canned-responses", "macros", "skills", "access-tokens")


@pytest.mark.parametrize("script", [True, False], ids=["with-script", "without-script"])
def test_labels_responses_and_skills_live_on_their_pages(
    place: Place, browsing: Browsing, script: bool
) -> None:
    page = browsing.member(place, java_script_enabled=script)
    page.goto(settings(place, "labels"))
    page.get_by_role("link", name="Create a label").click()
    page.get_by_label("Title").fill("two words")
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Title must be letters, digits")
    page.get_by_label("Title").fill("urgent")
    page.get_by_label("Color").fill("#ff0000")
    save(page, "Created.", "Create")
    page.get_by_role("link", name="urgent", exact=True).click()
    page.get_by_label("Show on sidebar").uncheck()
    page.get_by_label("Reason").fill("Too many")
    save(page, "Saved.")
    page.get_by_role("link", name="Delete urgent").click()
    save(page, "Deleted.", "Delete")

    page.get_by_role("link", name="Canned Responses").click()
    page.get_by_role("link", name="Create a canned response").click()
    page.get_by_label("Short code").fill("hello")
    page.get_by_label("Content").fill("Hello,\nhow can we help?")
    save(page, "Created.", "Create")
    page.get_by_role("link", name="hello", exact=True).click()
    save(page, "Saved.")  # Which changes nothing.

    page.get_by_role("link", name="Skills").click()
    page.get_by_role("link", name="Create a skill").click()
    page.get_by_label("Name").fill("French")
    page.get_by_label(re.compile("^Agent ")).check()
    save(page, "Created.", "Create")
    page.get_by_role("link", name="French", exact=True).click()
    page.get_by_label(re.compile("^Agent ")).uncheck()
    save(page, "Saved.")
    assert activities(page, place) == [
        "Created a new label",
        "Updated a label",
        "Deleted a label",
        "Created a new canned response",
        "Created a new skill",
        "Created a new agent skill",
        "Deleted an agent skill",
    ]


def test_a_macro_lives_on_its_pages(place: Place, browsing: Browsing) -> None:
    other = browsing.member(place, "agent")
    page = browsing.member(place)
    page.goto(settings(place, "macros"))
    page.get_by_role("link", name="Create a macro").click()
    page.get_by_label("Name").fill("Close")
    page.get_by_role("combobox", name="Action 1").select_option("add_label")
    page.get_by_label("Action 1, values").fill("done")
    page.get_by_role("button", name="Add another action").click()
    expect(page.get_by_role("combobox", name="Action 2")).to_be_focused()
    page.get_by_role("combobox", name="Action 2").select_option("resolve_conversation")
    page.get_by_label("For").select_option("Everybody")
    save(page, "Created.", "Create")
    page.get_by_role("link", name="Close", exact=True).click()
    page.get_by_role("button", name="Remove action 1").click()
    save(page, "Saved.")
    page.get_by_role("link", name="Close", exact=True).click()
    save(page, "Saved.")  # Which changes nothing.
    other.goto(settings(place, "macros"))
    expect(other.get_by_role("row", name="Close")).to_contain_text("Everybody")
    expect(other.get_by_role("link", name="Close", exact=True)).to_have_count(0)
    page.get_by_role("link", name="Delete Close").click()
    save(page, "Deleted.", "Delete")
    sentences = activities(page, place)
    assert [each for each in sentences if "macro" in each] == [
        "Created a new macro",
        "Updated a macro",
        "Deleted a macro",
    ]


def test_the_account_changes_on_its_page(place: Place, browsing: Browsing) -> None:
    page = browsing.member(place)
    page.goto(settings(place, "account"))
    save(page, "Saved.")  # Which changes nothing.
    page.get_by_label("Domain").fill("alder")
    page.get_by_label("Days until resolved").fill("0")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("2 things need your attention")
    page.get_by_label("Domain").fill("Alder.example")
    page.get_by_label("Days until resolved").fill("14")
    page.get_by_label("Time zone").select_option("Europe/Berlin")
    page.get_by_label("Record who reads the audit logs").check()
    save(page, "Saved.")
    account = place.client().get("").json()
    assert (account["domain"], account["timezone"]) == ("alder.example", "Europe/Berlin")
    assert (account["auto_resolve_duration"], account["audit_reads"]) == (14, True)
    assert activities(page, place) == ["Updated an account"]


def made(page: Page) -> str:
    page.get_by_role("button", name="Create", exact=True).click()
    return page.locator("dd code").inner_text()


def test_a_token_is_shown_once_and_revoked(place: Place, browsing: Browsing) -> None:
    page = browsing.member(place)
    page.goto(settings(place, "access-tokens"))
    page.get_by_role("link", name="Create a token").click()
    page.get_by_label("Name").fill("Reports")
    page.get_by_label("Current password").fill("wrong password")
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Current password is wrong.")
    page.get_by_label("Current password").fill(PASSWORD)
    own = made(page)
    page.goto(settings(place, "access-tokens/new"))
    page.get_by_label("Name").fill("Monitor")
    page.get_by_label("Opens").select_option("audit_trail")
    page.get_by_label("Current password").fill(PASSWORD)
    scoped = made(page)
    client = place.client()
    for token, teams, files in ((own, 200, 403), (scoped, 403, 200)):
        client.headers["api_access_token"] = token
        assert client.get("/teams").status_code == teams
        assert client.get("/audit_logs/keys").status_code in (files, 200)
    page.get_by_role("link", name="Done").click()
    assert own not in page.content() and scoped not in page.content()
    for name in ("Reports", "Monitor"):
        page.get_by_role("link", name=f"Revoke {name}").click()
        save(page, "Revoked. It opens nothing more.", "Revoke")
    for token in (own, scoped):
        client.headers["api_access_token"] = token
        assert client.get("/teams").status_code == 401
    assert activities(page, place) == [
        "Failed to sign in",
        "Created a new access token",
        "Created a new access token",
        "Deleted an access token",
        "Deleted an access token",
    ]


def test_nobody_sees_or_revokes_another_s_token(place: Place, browsing: Browsing) -> None:
    page = browsing.member(place, "agent")
    page.goto(settings(place, "access-tokens"))
    expect(page.get_by_role("row", name="tests")).to_have_count(1)
    page.goto(settings(place, "access-tokens/new"))
    expect(page.get_by_label("Opens").locator("option")).to_have_count(1)
    page.goto(settings(place, "access-tokens"))
    (number,) = re.findall(r"access-tokens/(\d+)/delete", page.content())
    path = settings(place, f"access-tokens/{number}/delete")
    assert place.signed_in("agent")[0].get(path).status_code == 200
    browser, csrf = place.signed_in()
    assert browser.get(path).status_code == 404
    assert browser.post(path, data={"csrf_token": csrf}).status_code == 404


def test_agents_look_at_lists_and_change_nothing(place: Place, browsing: Browsing) -> None:
    client = place.client()
    label = client.post("/labels", json={"title": "urgent"}).json()["id"]
    skill = client.post("/skills", json={"name": "French"}).json()["id"]
    page = browsing.member(place, "agent")
    for part in LISTS:
        page.goto(settings(place, part))
        expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.goto(settings(place, "labels"))
    expect(page.get_by_role("link", name="Create a label")).to_have_count(0)
    browser, csrf = place.signed_in("agent")
    for path in (f"labels/{label}", f"skills/{skill}/delete", "account", "labels/new"):
        answer = browser.post(settings(place, path), data={"csrf_token": csrf})
        assert answer.status_code == 403, path
