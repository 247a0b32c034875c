"""Single keys on Settings > Audit Logs: what they do, and where they must do nothing."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.live_agent.office import Place
from tests.pages.browsing import Browsing, focused, settings, violations

pytestmark = pytest.mark.browser


@pytest.fixture
def listed(place: Place, browsing: Browsing) -> Page:
    """The list of three entries, with a clipboard that tests may read."""
    for name in ("Support", "Sales", "Returns"):
        place.client().post("/inboxes", json={"name": name})
    page = browsing.member(place)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(settings(place, "audit-logs?q=entity:inbox"))
    expect(page.locator("a.open")).to_have_count(3)
    return page


def copied(page: Page) -> str:
    return str(page.evaluate("navigator.clipboard.readText()"))


def test_rows_are_walked_and_opened(listed: Page) -> None:
    press = listed.keyboard.press
    sentences = listed.locator("a.open").all_inner_texts()
    press("j")
    assert focused(listed) == sentences[0]
    press("j")
    press("j")
    press("j")
    assert focused(listed) == sentences[2]
    press("k")
    assert focused(listed) == sentences[1]
    press("Enter")
    window = listed.get_by_role("dialog")
    expect(window.locator("h2")).to_have_text(sentences[1])
    press("j")
    expect(window.locator("h2")).to_have_text(sentences[2])
    press("k")
    expect(window.locator("h2")).to_have_text(sentences[1])
    press("Escape")
    expect(window).to_be_hidden()
    assert focused(listed) == sentences[1]


def test_a_link_is_copied_from_a_row_and_from_the_window(listed: Page) -> None:
    listed.keyboard.press("j")
    listed.keyboard.press("c")
    expect(listed.locator("#told")).to_have_text("The link is copied.")
    address = copied(listed)
    assert re.fullmatch(r"http://.*/audit-logs/\d+", address)
    listed.keyboard.press("Enter")
    expect(listed).to_have_url(re.compile(re.escape(address)))
    listed.get_by_role("dialog").get_by_role("link", name="Older entry").click()
    expect(listed).not_to_have_url(re.compile(re.escape(address)))
    listed.keyboard.press("c")
    expect(listed.locator("[data-copied]")).to_have_text("The link is copied.")
    assert copied(listed) == listed.url.partition("?")[0]
    assert copied(listed) != address
    listed.get_by_role("button", name="Copy JSON").click()
    expect(listed.locator("[data-copied]")).to_have_text("The JSON is copied.")
    assert '"activity": "Created a new inbox' in copied(listed)


def test_the_search_is_reached_and_fields_keep_their_letters(listed: Page) -> None:
    listed.keyboard.press("/")
    box = listed.locator("#q")
    expect(box).to_be_focused()
    listed.keyboard.type("j/k?c")
    expect(box).to_have_value("j/k?c")
    expect(listed.locator("#keys")).to_be_hidden()


@pytest.mark.parametrize("keys", ["Control+j", "Alt+j", "Meta+j", "Shift+J"])
def test_a_key_with_a_modifier_does_nothing(listed: Page, keys: str) -> None:
    listed.locator("h1").click()
    listed.keyboard.press(keys)
    assert listed.evaluate("document.activeElement === document.body")


def test_the_keys_are_listed_and_can_be_switched_off_for_good(listed: Page) -> None:
    listed.keyboard.press("Shift+?")
    help_ = listed.get_by_role("dialog", name="Keyboard")
    expect(help_).to_have_css("opacity", "1")
    assert violations(listed) == []
    help_.get_by_role("checkbox").uncheck()
    listed.keyboard.press("Escape")
    expect(help_).to_be_hidden()
    for _ in range(2):
        listed.locator("h1").click()
        listed.keyboard.press("j")
        listed.keyboard.press("?")
        expect(help_).to_be_hidden()
        assert listed.evaluate("document.activeElement === document.body")
        expect(listed.locator(".search kbd")).to_be_hidden()
        listed.reload()
    listed.get_by_role("button", name="Keyboard").click()
    help_.get_by_role("checkbox").check()
    help_.get_by_role("button", name="Close").click()
    listed.keyboard.press("j")
    assert listed.locator("a.open").first.evaluate("row => row === document.activeElement")


def test_an_entry_on_its_own_page_has_the_keys_too(listed: Page) -> None:
    address = listed.locator("a.open").nth(1).get_attribute("href")
    assert address
    listed.goto(address)
    sentence = listed.locator("h1").inner_text()
    for key in "jk":
        listed.keyboard.press(key)
        expect(listed.locator("h1")).not_to_have_text(sentence)
        sentence = listed.locator("h1").inner_text()
    assert listed.url.endswith(address)
    listed.keyboard.press("c")
    expect(listed.locator("[data-copied]")).to_have_text("The link is copied.")
