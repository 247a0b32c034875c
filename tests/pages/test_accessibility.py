"""Everybody can use every page: axe in both themes, 320 pixels, the keyboard alone, no script."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from audit_trail.server.columns import COLUMNS
from tests.live_agent.office import PASSWORD, Place
from tests.pages.browsing import OF_COLOURS, Browsing, focused, overflow, settings, violations

pytestmark = pytest.mark.browser


@pytest.fixture
def furnished(place: Place) -> Place:
    """An account with a record of every kind, and a change of many fields."""
    client = place.client()
    inbox = client.post("/inboxes", json={"name": "Support"}).json()["id"]
    client.post("/teams", json={"name": "Tier 2", "description": "Bookings that went wrong"})
    client.post("/agent_bots", json={"name": "Summaries", "inbox_id": inbox})
    client.post(
        "/webhooks",
        json={
            "url": "https://crm.alder.example/a/rather/long/path/that/has/to/be/broken/somewhere",
            "inbox_id": inbox,
            "subscriptions": ["conversation_created", "message_created"],
        },
    )
    client.post(
        "/automation_rules",
        json={
            "name": "Escalate after two hours",
            "event_name": "conversation_updated",
            "conditions": [
                {
                    "attribute_key": "status",
                    "filter_operator": "equal_to",
                    "values": ["open"],
                    "query_operator": None,
                }
            ],
            "actions": [{"action_name": "mute_conversation", "action_params": []}],
        },
    )
    client.post("/labels", json={"title": "urgent", "description": "A" * 60})
    client.post("/canned_responses", json={"short_code": "hi", "content": "Hello " * 30})
    client.post("/skills", json={"name": "French"})
    client.post("/macros", json={"name": "Close", "visibility": "global"})
    client.patch(
        f"/inboxes/{inbox}",
        json={
            "greeting_message": "Hello\u202e " + "and welcome " * 20,
            "csat_config": {"display_type": "emoji", "labels": ["resolved"]},
            "hmac_token": "a-signing-secret-of-24-signs",
            "working_hours_enabled": True,
        },
    )
    return place


def every_page(page: Page, place: Place) -> Iterator[str]:
    """Follow every link of the account's pages, but one entry only, and yield each address."""
    start = settings(place, "inboxes")
    found, seen = [start, settings(place, "audit-logs/1"), "/sign-in", "/nowhere"], set()
    while found:
        address = found.pop()
        if address in seen:
            continue
        seen.add(address)
        page.goto(address)
        yield address
        links = page.eval_on_selector_all("a[href]", "all => all.map(a => a.getAttribute('href'))")
        found += [
            link
            for link in links
            if link.startswith("/") and not re.search(r"audit-logs[/?]|agents/\d+", link)
        ]
        found += [link for link in links if re.search(rf"agents/{place.people['agent'].id}", link)]


MODES: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "forced colours": {"forced_colors": "active"},
    "320 pixels": {"viewport": {"width": 320, "height": 640}},
}
modes = pytest.mark.parametrize("mode", MODES)


@modes
def test_axe_finds_nothing_on_any_page(furnished: Place, browsing: Browsing, mode: str) -> None:
    page = browsing.member(furnished, **MODES[mode])
    rules = OF_COLOURS if mode in ("dark", "forced colours") else ()
    addresses = 0
    wrong: list[str] = []
    for _ in every_page(page, furnished):
        addresses += 1
        wrong += violations(page, rules)
    page.goto(settings(furnished, "inboxes/new"))
    page.get_by_role("button", name="Create inbox").click()
    wrong += violations(page)
    page.goto(settings(furnished, "audit-logs"))
    page.get_by_role("link", name=re.compile("^Updated an inbox")).click()
    expect(page.get_by_role("dialog")).to_have_css("opacity", "1")
    wrong += violations(page)
    assert wrong == []
    assert addresses >= 40


EVERY_COLUMN = f"columns={','.join(COLUMNS)}"


def suggest(page: Page) -> None:
    page.get_by_role("combobox", name="Search entries").focus()
    page.keyboard.press("ArrowDown")
    offered = page.get_by_role("listbox", name="Suggestions").get_by_role("option")
    expect(offered.first).to_be_visible()
    page.keyboard.press("ArrowDown")


def open_menu(selector: str) -> Callable[[Page], None]:
    def act(page: Page) -> None:
        page.locator(selector).first.click()
        expect(page.locator("details[open] :is(.panel, .card)").first).to_be_visible()

    return act


def open_window(page: Page) -> None:
    page.get_by_role("link", name=re.compile("^Updated an inbox")).first.click()
    expect(page.get_by_role("dialog")).to_have_css("opacity", "1")


def open_history(page: Page) -> None:
    open_window(page)
    page.get_by_role("dialog").get_by_role("link", name="History of this record").click()
    expect(page.locator(".history")).to_be_visible()


def open_keys(page: Page) -> None:
    page.get_by_role("button", name="Keyboard").click()
    expect(page.get_by_role("dialog", name="Keyboard")).to_have_css("opacity", "1")


def stay(page: Page) -> None:
    """The page as it comes."""


# Each state of Settings > Audit Logs: the end of its address, and what brings it about.
STATES: dict[str, tuple[str, Callable[[Page], None]]] = {
    "suggestions": ("", suggest),
    "range": ("", open_menu("summary:has-text('All time')")),
    "columns": (f"?{EVERY_COLUMN}", open_menu("summary:has-text('Columns')")),
    "facet": ("?q=-entity:team", open_menu(".overview summary")),
    "filters of a row": (f"?{EVERY_COLUMN}", open_menu("td.does summary")),
    "export": ("?q=entity:inbox", open_menu("summary:has-text('Export')")),
    "views": ("?q=entity:inbox", open_menu("summary:has-text('Views')")),
    "keys": ("", open_keys),
    "window": ("?q=entity:inbox", open_window),
    "history": ("?q=entity:inbox", open_history),
    "history alone": ("/{number}/history", stay),
    "entry alone": ("/{number}", stay),
    "overview alone": ("/overview?range=24h", stay),
    "nothing found": ("?q=nowhere+entity:inbox&range=24h", stay),
    "nothing older": ("?before=1", stay),
    "question refused": ("?q=user:ada", stay),
    "range refused": ("?since=2026-11-02&until=2026-11-01", stay),
    "no such entry": ("/99999999", stay),
}


@modes
def test_axe_finds_nothing_in_any_state_of_the_audit_logs(
    furnished: Place, browsing: Browsing, mode: str
) -> None:
    page = browsing.member(furnished, **MODES[mode])
    number = furnished.total() - 1
    wrong: list[str] = []
    for state, (end, act) in STATES.items():
        page.goto(settings(furnished, f"audit-logs{end.format(number=number)}"))
        if page.locator(".later, .overview").count():
            expect(page.locator(".overview")).to_be_visible()
        act(page)
        wrong += [f"{state}: {each}" for each in violations(page)]
        if overflow(page) > 0:
            wrong.append(f"{state}: wider than its window")
    assert wrong == []


def test_what_is_chosen_is_seen_without_colours(furnished: Place, browsing: Browsing) -> None:
    client = furnished.client()
    inbox = client.get("/inboxes").json()["payload"][0]["id"]
    client.patch(f"/inboxes/{inbox}", json={"greeting_message": "Hello and good morning"})
    page = browsing.member(furnished, forced_colors="active")
    page.goto(settings(furnished, "audit-logs"))
    suggest(page)
    chosen = page.locator("[role=option][aria-selected=true]")
    assert chosen.evaluate("it => getComputedStyle(it).outlineStyle") == "solid"
    page.goto(settings(furnished, "audit-logs?range=7d"))
    page.locator("summary", has_text="Last 7 days").click()
    current = page.locator(".option[aria-current=true]")
    assert current.evaluate("it => getComputedStyle(it).fontWeight") == "600"
    open_window(page)
    for mark, line in (("ins", "underline"), ("del", "line-through")):
        told = page.locator(f".changes {mark}").first
        assert line in told.evaluate("it => getComputedStyle(it).textDecorationLine")


def test_every_page_fits_320_pixels(furnished: Place, browsing: Browsing) -> None:
    page = browsing.member(furnished, viewport={"width": 320, "height": 640})
    wide = [address for address in every_page(page, furnished) if overflow(page) > 0]
    page.goto(settings(furnished, "audit-logs"))
    page.get_by_role("link", name=re.compile("^Updated an inbox")).click()
    window = page.get_by_role("dialog")
    expect(window).to_be_visible()
    assert window.evaluate("window => window.scrollWidth <= window.clientWidth")
    assert violations(page) == []
    assert wide == []


def test_the_menu_opens_on_a_small_screen(place: Place, browsing: Browsing) -> None:
    page = browsing.member(place, viewport={"width": 320, "height": 640})
    page.goto(settings(place, "inboxes"))
    expect(page.get_by_role("link", name="Audit Logs")).to_be_hidden()
    page.locator("summary", has_text="Settings").click()
    assert violations(page) == []
    page.get_by_role("link", name="Audit Logs").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Audit Logs")


def test_the_story_can_be_done_with_the_keyboard_alone(place: Place, browsing: Browsing) -> None:
    place.client().post("/inboxes", json={"name": "Support"})
    page = browsing.stranger()
    page.goto("/")
    press = page.keyboard.press

    def reach(role: str, name: str, key: str = "Tab") -> None:
        """Go on with Tab, or back with Shift+Tab, until the focus is on this, and can be seen."""
        wanted = page.get_by_role(role, name=name, exact=True)  # type: ignore[arg-type]
        for _ in range(60):
            press(key)
            if wanted.count() == 1 and wanted.evaluate("it => it === document.activeElement"):
                expect(wanted).to_be_in_viewport()
                return
        raise AssertionError(f"the {role} {name} can't be reached with {key}")

    def title() -> Locator:
        return page.get_by_role("heading", level=1)

    reach("link", "Skip to content")
    reach("textbox", "E-mail")
    page.keyboard.type(place.people["administrator"].email)
    reach("textbox", "Password")
    page.keyboard.type(PASSWORD)
    press("Enter")
    expect(title()).to_have_text("Inboxes")
    reach("link", "Skip to content")
    press("Enter")
    reach("link", "Support")
    press("Enter")
    expect(title()).to_have_text("Support")
    reach("checkbox", "Greet new conversations")
    press("Space")
    reach("textbox", "Name", "Shift+Tab")
    press("End")
    page.keyboard.type(" Europe")
    press("Enter")
    expect(page.get_by_role("status")).to_have_text("Saved.")
    reach("link", "Audit Logs")
    press("Enter")
    expect(title()).to_have_text("Audit Logs")
    sentence = page.locator("a.open").first.inner_text()
    assert sentence.startswith("Updated an inbox")
    expect(page.locator("tbody tr").first).to_contain_text(
        "Support Europe · name, greeting enabled"
    )
    reach("link", sentence)
    row = page.locator("tbody tr").first
    assert row.evaluate("row => getComputedStyle(row).outlineStyle") == "solid"
    for close in ("Escape", "Enter", "Space"):
        press("Enter")
        expect(page.get_by_role("dialog", name=sentence)).to_be_visible()
        if close != "Escape":
            reach("button", "Close")
        press(close)
        expect(page.get_by_role("dialog")).to_be_hidden()
        assert focused(page) == sentence
    reach("link", "Audit Logs", "Shift+Tab")
    reach("button", "Sign out")
    press("Space")
    expect(title()).to_have_text("Sign in")


def test_everything_can_be_read_without_script(furnished: Place, browsing: Browsing) -> None:
    page = browsing.member(furnished, java_script_enabled=False)
    page.goto(settings(furnished, "audit-logs"))
    expect(page.locator("thead .at")).to_have_text("Time UTC")
    page.get_by_role("link", name=re.compile("^Updated an inbox")).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("^Updated an inbox"))
    expect(page.locator(".changes")).to_contain_text("changed, hidden")
    page.get_by_role("link", name="Close").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Audit Logs")


def test_targets_are_large_enough_and_colours_may_be_forced(
    furnished: Place, browsing: Browsing
) -> None:
    page = browsing.member(furnished, forced_colors="active")
    for part in ("audit-logs", "automation-rules", "agents"):
        page.goto(settings(furnished, part))
        small = page.eval_on_selector_all(
            "a:not(.skip, .open), button, summary, input:not([type=hidden]), select",
            """all => all.filter(each => each.checkVisibility()).map(each => {
                const box = each.getBoundingClientRect();
                return [each.textContent.trim(), box.width, box.height];
            }).filter(([, width, height]) => Math.min(width, height) < 23.5)""",
        )
        assert small == []
