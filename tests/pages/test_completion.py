"""What the search box offers while a question is typed: by the server, and as a combobox."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from audit_trail.record.entry import ActorId, Entity
from audit_trail.record.keys import KEYS
from audit_trail.record.question import understand
from audit_trail.server.completion import HINTS, MOST_SUGGESTED
from audit_trail.server.zone import UTC_ZONE
from live_agent.catalog import CATALOG
from tests.live_agent.office import Place
from tests.pages.browsing import Browsing, settings, violations
from tests.pages.trail_page import NOON, TrailPage


@pytest.fixture
def page() -> TrailPage:
    made = TrailPage(CATALOG)
    change = {"before": "agent", "after": "administrator"}
    made.add(
        who={"email": "ada@example.com", "ip": "203.0.113.9"},
        what={"changes": {"role": change, "secret": {"before": {"$": "secret"}}}},
        entity=Entity(type="account_user", id="5"),
    )
    made.add(who={"email": "grace@example.com"}, actor=ActorId(kind="user", id="9"), via="api")
    made.add(actor=ActorId(kind="system"), via="database")
    return made


def suggestions(page: TrailPage, question: str, at: int | None = None) -> dict[str, Any]:
    asked = {"q": question} | ({} if at is None else {"at": str(at)})
    answer = page.client.get("/logs/suggestions", params=asked)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    found: dict[str, Any] = answer.json()
    return found


def texts(page: TrailPage, question: str, at: int | None = None) -> list[str]:
    return [item["text"] for item in suggestions(page, question, at)["items"]]


@pytest.mark.parametrize(
    ("question", "first"),
    [
        ("", "actor:"),
        ("ent", "entity:"),
        ("ENT", "entity:"),
        ("-act", "actor:"),
        ("(inbox OR act", "actor:"),
        ("user", "actor:"),
        ("old", "before:"),
        ("actor:sys", "system"),
        ("actor:gra", "grace@example.com"),
        ("-actor:sys", "system"),
        ("action:creat", "create"),
        ("action:sign", "sign_in"),
        ("entity:automation", '"automation rule"'),
        ('entity:"automation r', '"automation rule"'),
        ("via:web", "ui"),
        ("via:api,data", "database"),
        ("outcome:den", "denied"),
        ("ip:203", "203.0.113.9"),
        ("field:ro", "role"),
        ("entity:inbox field:csat", "csat_config"),
        ("field:role from:ag", "agent"),
        ("field:role from:agent to:", "none"),
        ("date:last", "last_week"),
        ("day:week", "sat,sun"),
        ("time:", "18:00..08:00"),
    ],
)
def test_the_box_offers_what_may_stand_there(page: TrailPage, question: str, first: str) -> None:
    assert texts(page, question)[0] == first


def test_the_place_of_the_cursor_counts(page: TrailPage) -> None:
    found = suggestions(page, "act inbox via:d", 3)
    assert (found["start"], found["stop"]) == (0, 3)
    assert [item["text"] for item in found["items"]] == ["actor:", "action:"]
    found = suggestions(page, "act inbox via:database -x", 15)
    assert (found["start"], found["stop"]) == (14, 22)
    assert texts(page, "support berlin") == []


def test_a_field_belongs_to_the_entity_that_was_named_before(page: TrailPage) -> None:
    assert "role" in texts(page, "field:")
    assert texts(page, "entity:agent field:")[:1] == ["role"]
    assert "role" not in texts(page, "entity:inbox field:")


@pytest.mark.parametrize("key", ["", *(f"{key}:" for key in HINTS)])
def test_whatever_is_offered_is_understood_and_bounded(page: TrailPage, key: str) -> None:
    assert HINTS.keys() == KEYS.keys()
    for before in ("", "inbox ", "-"):
        found = suggestions(page, f"{before}{key}")
        assert len(found["items"]) <= MOST_SUGGESTED
        for item in found["items"]:
            assert item["goes_on"] == (key == "")
            if key:
                question = before + key + item["text"]
                assert understand(question, zone=UTC_ZONE.info, now_us=NOON, catalog=CATALOG).where


def test_no_secret_and_no_other_account_is_offered(page: TrailPage) -> None:
    page.add(account="8", who={"email": "eve@other.example"})
    assert "eve@other.example" not in texts(page, "actor:")
    assert texts(page, "field:secret from:") == ["none"]


def test_long_values_are_not_offered_and_bound_what_is_read(
    page: TrailPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audit_trail.server.known.READ_TOGETHER", 2)
    monkeypatch.setattr("audit_trail.server.known.READ_BYTES", 50_000)
    long = {"before": "x" * 30_000, "after": "short"}
    for number in range(4):
        page.add(number=str(number), what={"changes": {"note": long}})
    page.add(what={"changes": {"name": {"before": "a", "after": "b"}}})
    assert texts(page, "field:note to:") == ["none"]
    assert texts(page, "field:name to:") == ["none", "a", "b"]
    # The oldest entry lies behind too many bytes.
    assert texts(page, "field:role to:") == ["none"]


@pytest.mark.parametrize(
    "asked", ["q=a&at=2", "q=a&at=-1", "q=a&at=x", "at=1", "q=a&at=%D9%A1", f"q={'x' * 2001}"]
)
def test_what_cannot_be_completed_is_refused(page: TrailPage, asked: str) -> None:
    answer = page.client.get(f"/logs/suggestions?{asked}", headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (422, "query_refused")


@pytest.mark.parametrize(
    "question", ['"', '\\"\\', "-", "((", "a:b:c", "entity:,,", "\u202e", "京"]
)
def test_odd_text_offers_nothing_wrong(page: TrailPage, question: str) -> None:
    for at in range(len(question) + 1):
        found = suggestions(page, question, at)
        assert 0 <= found["start"] <= at <= found["stop"] <= len(question)


def box(page: Page) -> Any:
    return page.get_by_role("combobox", name="Search entries")


def options(page: Page) -> Any:
    return page.get_by_role("listbox", name="Suggestions").get_by_role("option")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.browser
def test_a_question_is_completed_with_the_keyboard(
    place: Place, browsing: Browsing, theme: str
) -> None:
    place.client().post("/inboxes", json={"name": "Support"})
    page = browsing.member(place, color_scheme=theme)
    page.goto(settings(place, "audit-logs"))
    expect(box(page)).to_have_attribute("aria-expanded", "false")
    box(page).focus()
    page.keyboard.type("enti")
    expect(options(page)).to_have_text([re.compile("^entity:")])
    expect(box(page)).to_have_attribute("aria-expanded", "true")
    expect(page.locator("#q-told")).to_have_text("1 suggestion")
    page.keyboard.press("ArrowDown")
    active = box(page).get_attribute("aria-activedescendant")
    expect(page.locator(f"#{active}")).to_have_attribute("aria-selected", "true")
    assert violations(page) == []
    page.keyboard.press("Enter")
    expect(box(page)).to_have_value("entity:")
    expect(options(page).first).to_be_visible()
    page.keyboard.type("inb")
    expect(options(page)).to_have_text(["inbox", '"inbox collaborator"'])
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(box(page)).to_have_value("entity:inbox ")
    expect(options(page)).to_have_count(0)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"\?q=entity%3Ainbox"))
    expect(page.locator("a.open")).to_have_text([re.compile("Created a new inbox")])


@pytest.mark.browser
def test_the_suggestions_close_and_can_be_chosen_with_the_pointer(
    place: Place, browsing: Browsing
) -> None:
    page = browsing.member(place)
    page.goto(settings(place, "audit-logs"))
    box(page).focus()
    page.keyboard.press("ArrowDown")
    expect(options(page)).to_have_count(MOST_SUGGESTED)
    page.keyboard.press("Escape")
    expect(options(page)).to_have_count(0)
    page.keyboard.type("outc")
    options(page).first.click()
    expect(box(page)).to_have_value("outcome:")
    expect(box(page)).to_be_focused()
    options(page).filter(has_text="denied").click()
    expect(box(page)).to_have_value("outcome:denied ")
    page.keyboard.press("ArrowDown")
    expect(options(page).first).to_be_visible()
    page.keyboard.press("Tab")
    expect(options(page)).to_have_count(0)


@pytest.mark.browser
def test_only_administrators_are_told_names_and_values(place: Place, browsing: Browsing) -> None:
    for role, status in (("administrator", 200), ("supervisor", 403), ("agent", 403)):
        page = browsing.member(place, role)
        answer = page.context.request.get(settings(place, "audit-logs/suggestions?q=actor:"))
        assert answer.status == status
    stranger = browsing.stranger().context.request
    answer = stranger.get(settings(place, "audit-logs/suggestions?q=actor:"), max_redirects=0)
    assert answer.status in (303, 401)
