"""Settings > Audit Logs as an administrator uses it."""

import gzip
import re

import pytest
from playwright.sync_api import Page, expect

from audit_trail.server.columns import COLUMNS
from tests.live_agent.office import Place
from tests.pages.browsing import Browsing, focused, overflow, settings

pytestmark = pytest.mark.browser

TIME = re.compile(r"[A-Z][a-z]{2} \d\d, \d{4} \d\d:\d\d [AP]M")


def inbox(place: Place, **fields: object) -> int:
    values = {"name": "Support", "greeting_message": "Hello and welcome."} | fields
    answer = place.client().post("/inboxes", json=values)
    assert answer.status_code == 200, answer.text
    return int(answer.json()["id"])


def opened(page: Page, sentence: str) -> None:
    """Open the newest entry that says this."""
    page.get_by_role("link", name=sentence, exact=True).first.click()
    expect(page.get_by_role("dialog")).to_be_visible()


def facts(page: Page) -> dict[str, str]:
    """Return the window's labels and values."""
    labels, values = page.locator("dt").all_inner_texts(), page.locator("dd").all_inner_texts()
    return dict(zip(labels, values, strict=True))


def panel(page: Page, field: str) -> tuple[str, str]:
    """Return a field's Before and After as they are read."""
    body = page.locator(".changes tbody", has=page.locator(f"code:text-is('{field}')"))
    before, after = body.locator("td.before").inner_text(), body.locator("td.after").inner_text()
    return before, after


def test_a_changed_inbox_shows_who_what_when_before_and_after(
    place: Place, browsing: Browsing
) -> None:
    number = inbox(place)
    page = browsing.member(place)
    page.goto(settings(place, f"inboxes/{number}"))
    page.get_by_label("Name", exact=True).fill("Support Europe")
    page.get_by_label("Greeting message").fill("Hello and good morning.")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_have_text("Saved.")
    page.get_by_role("link", name="Audit Logs").click()

    row = page.locator("tbody tr").first
    expect(row.locator(".by")).to_contain_text(place.people["administrator"].email)
    expect(row.locator(".what")).to_contain_text(f"Updated an inbox (#{number})")
    expect(row.locator(".what")).to_contain_text("Support Europe · name, greeting message")
    assert TIME.fullmatch(row.locator(".at").inner_text())
    expect(row.locator(".where")).to_have_text("127.0.0.1 · Web")

    opened(page, f"Updated an inbox (#{number})")
    window = page.get_by_role("dialog", name=f"Updated an inbox (#{number})")
    said = facts(page)
    assert said["Updated By"] == f"{place.people['administrator'].email} · Administrator"
    assert said["Action"] == "update"
    assert said["ID"] == f"{number} · Support Europe"
    assert said["Where"].startswith("127.0.0.1 · Web · Mozilla/5.0")
    assert re.fullmatch(
        TIME.pattern + r", Berlin \(UTC\+[12]\) · \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC",
        said["Updated At"],
    )
    assert panel(page, "name") == ("Support", "Support Europe")
    assert panel(page, "greeting_message") == ("Hello and welcome.", "Hello and good morning.")
    expect(window.locator("del")).to_have_text(["welcome"])
    expect(window.locator("ins")).to_have_text(["Europe", "good morning"])


def test_the_window_has_an_address_of_its_own(place: Place, browsing: Browsing) -> None:
    number = inbox(place)
    sentence = f"Created a new inbox (#{number})"
    page = browsing.member(place)
    page.goto(settings(place, "audit-logs"))
    listed = page.url
    opened(page, sentence)
    assert focused(page) == sentence
    assert re.fullmatch(re.escape(listed) + r"/\d+", page.url)
    assert page.title().startswith(sentence)

    page.keyboard.press("Escape")
    expect(page).to_have_url(listed)
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert focused(page) == sentence

    page.go_forward()
    expect(page.get_by_role("dialog", name=sentence)).to_be_visible()
    page.get_by_role("button", name="Close").click()
    expect(page).to_have_url(listed)

    opened(page, sentence)
    page.go_back()
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.go_forward()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text(sentence)
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Audit Logs")


def test_the_window_steps_to_the_entries_beside_it(place: Place, browsing: Browsing) -> None:
    number = inbox(place)
    page = browsing.member(place)
    page.goto(settings(place, "audit-logs"))
    opened(page, f"Created a new inbox (#{number})")
    page.get_by_role("link", name="Newer entry").click()
    expect(page.get_by_role("dialog", name="Signed in")).to_be_visible()
    expect(page.get_by_role("link", name="Newer entry")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile("audit-logs$"))
    assert focused(page) == "Signed in"


def test_a_new_record_has_no_before_and_a_deleted_one_no_after(
    place: Place, browsing: Browsing
) -> None:
    client = place.client()
    team = client.post("/teams", json={"name": "Weekend", "description": "Saturdays"}).json()["id"]
    client.delete(f"/teams/{team}")
    page = browsing.member(place)
    page.goto(settings(place, "audit-logs"))
    opened(page, f"Created a new team (#{team})")
    expect(page.locator(".changes thead th")).to_have_text(["After"])
    expect(page.locator(".facts")).to_contain_text("Created By")
    expect(page.locator(".changes")).to_contain_text("Saturdays")
    page.get_by_role("link", name="Newer entry").click()
    expect(page.get_by_role("dialog", name=f"Deleted a team (#{team})")).to_be_visible()
    expect(page.locator(".changes thead th")).to_have_text(["Before"])
    expect(page.locator(".facts")).to_contain_text("Deleted By")


def test_what_went_with_a_team_leads_to_its_cause(place: Place, browsing: Browsing) -> None:
    client = place.client()
    team = client.post("/teams", json={"name": "Weekend"}).json()["id"]
    agent = place.people["agent"].id
    client.post(f"/teams/{team}/team_members", json={"user_ids": [agent]})
    client.delete(f"/teams/{team}")
    page = browsing.member(place)
    page.goto(settings(place, "audit-logs"))
    group = page.locator("tbody.request").first
    expect(group.locator("th")).to_have_text("One request, 2 entries")
    expect(group).to_contain_text("went with its team")
    group.get_by_role("link", name=re.compile("Deleted a team member")).click()
    page.get_by_role("dialog").get_by_role("link", name=f"Deleted a team (#{team})").click()
    expect(page.get_by_role("dialog", name=f"Deleted a team (#{team})")).to_be_visible()


def test_a_secret_is_hidden_and_an_empty_value_named(place: Place, browsing: Browsing) -> None:
    client = place.client()
    number = inbox(place)
    secret = "a-signing-secret-of-24-signs"
    answer = client.patch(
        f"/inboxes/{number}", json={"hmac_token": secret, "greeting_message": None}
    )
    assert answer.status_code == 200, answer.text
    page = browsing.member(place)
    page.goto(settings(place, "audit-logs"))
    opened(page, f"Updated an inbox (#{number})")
    assert panel(page, "hmac_token") == ("hidden", "changed, hidden")
    assert panel(page, "greeting_message") == ("Hello and welcome.", "none")
    assert secret not in page.content()


def test_older_entries_have_pages_of_their_own(place: Place, browsing: Browsing) -> None:
    client = place.client()
    for position in range(30):
        client.post("/teams", json={"name": f"Team {position}"})
    page = browsing.member(place)
    page.goto(settings(place, "audit-logs"))
    total = place.total()
    expect(page.locator(".pager .number")).to_have_text(f"1–25 of {total}")
    newest = page.locator("a.open").all_inner_texts()
    page.get_by_role("link", name="Older").click()
    expect(page.locator(".pager .number")).to_have_text(f"26–{total} of {total}")
    older = page.locator("a.open").all_inner_texts()
    assert len(newest) == 25
    assert len(set(newest) & set(older)) == len(set(newest) & set(older) & {"Signed in"})
    page.get_by_role("link", name="Newer").click()
    assert page.locator("a.open").all_inner_texts() == newest


@pytest.mark.parametrize(("zone", "title"), [("Asia/Tokyo", "Tokyo, UTC+9"), ("UTC", "UTC")])
def test_times_are_in_the_zone_of_the_browser(
    place: Place, browsing: Browsing, zone: str, title: str
) -> None:
    page = browsing.member(place, timezone_id=zone)
    page.goto("/sign-in")
    page.goto(settings(place, "audit-logs"))
    expect(page.locator("thead .at")).to_have_text(f"Time {title}")


def test_a_time_stands_on_one_line_at_every_width(place: Place, browsing: Browsing) -> None:
    page = browsing.member(place)
    page.goto(settings(place, "audit-logs"))
    for width in (320, 640, 700, 900, 1024, 1280, 1920):
        page.set_viewport_size({"width": width, "height": 800})
        lines, room = page.locator("td.at").first.evaluate(
            """cell => [cell.firstChild.getBoundingClientRect().height
                    / parseFloat(getComputedStyle(cell).lineHeight),
                cell.clientWidth - cell.scrollWidth]"""
        )
        assert lines < 1.5, width
        assert room >= 0, width
        assert overflow(page) <= 0, width


def test_refused_addresses_say_what_to_do(place: Place, browsing: Browsing) -> None:
    page = browsing.member(place)
    for part, status, title in (
        ("audit-logs?before=soon", 422, "That can't be understood"),
        ("audit-logs?before=1&after=1", 422, "That can't be understood"),
        ("audit-logs/99999999", 404, "There is no such entry"),
        ("audit-logs/-1", 404, "There is no such entry"),
    ):
        answer = page.goto(settings(place, part))
        assert answer
        assert answer.status == status
        expect(page.get_by_role("heading", level=1)).to_have_text(title)
    page.get_by_role("link", name="Show the newest entries").click()
    expect(page.locator("a.open").first).to_have_text("Signed in")


def test_the_first_page_is_small(place: Place) -> None:
    client = place.client()
    for position in range(30):
        client.post("/inboxes", json={"name": f"Inbox {position}", "greeting_message": "Hello."})
    place.total()
    browser, _ = place.signed_in()
    every = ",".join(COLUMNS)
    question = "entity:inbox -actor:nobody@alder.example (via:api OR via:ui) action:create"
    for asked in ({}, {"columns": every, "q": question, "range": "24h"}):
        page = browser.get(
            settings(place, "audit-logs"), params=asked, headers={"Accept": "text/html"}
        )
        assert page.text.count("data-entry>") == 25
        assert len(gzip.compress(page.content, 6)) <= 30_000


def test_the_window_keeps_to_the_query_and_tells_the_history(
    place: Place, browsing: Browsing
) -> None:
    client = place.client()
    first, second = (inbox(place, name=name) for name in ("Support", "Sales"))
    client.post("/teams", json={"name": "Tier 2"})
    client.patch(f"/inboxes/{first}", json={"greeting_message": "Hello."})
    page = browsing.member(place)
    page.goto(settings(place, "audit-logs?q=entity:inbox+action:create"))
    listed = page.url
    expect(page.locator("a.open")).to_have_count(2)
    opened(page, f"Created a new inbox (#{second})")
    window = page.get_by_role("dialog")
    window.get_by_role("link", name="Older entry").click()
    expect(window.locator("h2")).to_have_text(f"Created a new inbox (#{first})")
    expect(window.get_by_role("link", name="Older entry")).to_have_count(0)
    window.get_by_role("link", name="History of this record").click()
    expect(window.locator("h2")).to_have_text(f"History of inbox (#{first})")
    expect(window.locator(".history > li")).to_have_count(2)
    expect(window.locator(".history del").first).to_be_visible()
    assert "/history?q=entity" in page.url
    window.get_by_role("link", name="Back to the entry").click()
    expect(window.locator("h2")).to_have_text(f"Created a new inbox (#{first})")
    page.keyboard.press("Escape")
    expect(page).to_have_url(listed)
    assert focused(page) == f"Created a new inbox (#{first})"


def test_a_row_s_menu_filters_and_closes(place: Place, browsing: Browsing) -> None:
    number = inbox(place)
    page = browsing.member(place)
    page.goto(settings(place, "audit-logs"))
    menu = page.locator("tr", has_text=f"(#{number})").locator("details")
    menu.locator("summary").click()
    expect(menu.locator(".panel")).to_be_visible()
    page.locator("h1").click()
    expect(menu.locator(".panel")).to_be_hidden()
    menu.locator("summary").click()
    page.keyboard.press("Escape")
    expect(menu.locator(".panel")).to_be_hidden()
    assert menu.locator("summary").evaluate("it => it === document.activeElement")
    menu.locator("summary").click()
    menu.get_by_role("link", name=f"Filter for Record Inbox #{number}").click()
    expect(page.locator("a.open")).to_have_text([f"Created a new inbox (#{number})"])
    expect(page.locator("#q")).to_have_value(f"entity:inbox id:{number}")
