"""Views of the audit logs on their pages: kept, chosen, shared, changed and deleted."""

import pytest
from playwright.sync_api import Page, expect

from tests.live_agent.office import Place
from tests.pages.browsing import Browsing, overflow, settings, violations

pytestmark = pytest.mark.browser

QUESTION = "entity:inbox action:create"


def save(page: Page, place: Place, name: str, **filled: str) -> None:
    page.goto(settings(place, f"audit-logs/views/new?q={QUESTION}&range=7d&columns=user,time"))
    page.get_by_label("Name").fill(name)
    for label, text in filled.items():
        page.get_by_label(label.replace("_", " ")).fill(text)
    page.get_by_role("button", name="Save view").click()


def test_what_is_shown_is_kept_under_a_name_and_chosen_from_the_menu(
    place: Place, browsing: Browsing
) -> None:
    page = browsing.member(place)
    page.goto(settings(place, "audit-logs"))
    page.get_by_text("Views", exact=True).click()
    expect(page.get_by_text("There is no view yet.")).to_be_visible()
    page.get_by_role("link", name="Save this view").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Save a view")
    save(page, place, "New inboxes")
    expect(page.get_by_role("status")).to_have_text("Created.")
    page.goto(settings(place, "audit-logs"))
    page.get_by_text("Views", exact=True).click()
    assert violations(page) == []
    link = page.get_by_role("link", name="New inboxes")
    assert link.get_attribute("href") == settings(
        place,
        "audit-logs?q=entity%3Ainbox+action%3Acreate&range=7d&columns=user%2Ctime",
    )


def test_the_signing_secret_is_shown_once(place: Place, browsing: Browsing) -> None:
    page = browsing.member(place)
    save(page, place, "New inboxes", Webhook_URL="https://hooks.example/audit")
    expect(page.get_by_text("whsec_")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("link", name="Done").click()
    page.get_by_role("link", name="Edit New inboxes").click()
    expect(page.get_by_label("Webhook URL")).to_have_value("https://hooks.example/audit")
    assert "whsec_" not in page.content()


def test_a_view_is_changed_and_deleted(place: Place, browsing: Browsing) -> None:
    page = browsing.member(place)
    save(page, place, "New inboxes")
    page.get_by_role("link", name="Edit New inboxes").click()
    page.get_by_label("Shared").check()
    page.get_by_label("Search").fill("entity:team")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("row", name="New inboxes")).to_contain_text("All administrators")
    (view,) = place.client().get("/audit_logs/views").json()["payload"]
    assert (view["question"], view["range"], view["columns"]) == (
        "entity:team",
        "7d",
        ["user", "time"],
    )
    page.get_by_role("link", name="Delete New inboxes").click()
    page.get_by_role("button", name="Delete view").click()
    expect(page.get_by_text("There is no view yet")).to_be_visible()


def test_a_wrong_search_is_said_at_its_field(place: Place, browsing: Browsing) -> None:
    page = browsing.member(place)
    save(page, place, "Wrong", Search="colour:red")
    expect(page.get_by_role("alert")).to_contain_text("Search can't be understood")
    expect(page.get_by_label("Search")).to_have_value("colour:red")
    assert violations(page) == []


def test_a_private_view_is_no_other_administrator_s(place: Place, browsing: Browsing) -> None:
    client = place.client()
    client.patch(f"/agents/{place.people['supervisor'].id}", json={"role": "administrator"})
    mine = client.post("/audit_logs/views", json={"name": "Mine"}).json()["id"]
    page = browsing.member(place, "supervisor")
    page.goto(settings(place, "audit-logs/views"))
    expect(page.get_by_text("There is no view yet")).to_be_visible()
    for part in ("", "/delete"):
        answer = page.goto(settings(place, f"audit-logs/views/{mine}{part}"))
        assert answer is not None and answer.status == 404


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_anybody_can_use_these_pages(
    place: Place, browsing: Browsing, theme: str, width: int
) -> None:
    client = place.client()
    view = {"name": "New administrators " * 4, "question": "field:role to:administrator"}
    hook = {"webhook_url": "https://hooks.example/audit", "is_shared": True}
    made = client.post("/audit_logs/views", json={**view, **hook}).json()["id"]
    page = browsing.member(place, color_scheme=theme, viewport={"width": width, "height": 800})
    for part in ("", "/new", f"/{made}", f"/{made}/delete"):
        page.goto(settings(place, f"audit-logs/views{part}"))
        assert violations(page) == []
        assert overflow(page) <= 0, part
    page.goto(settings(place, "audit-logs"))
    page.get_by_text("Views", exact=True).click()
    assert violations(page) == []
    assert overflow(page) <= 0
    menu = page.locator(".views[open] > .card").bounding_box()
    assert menu and menu["x"] >= 0 and menu["x"] + menu["width"] <= width


@pytest.mark.parametrize(
    "sent", ["%ED%A0%80", "%FF", "%00", "%E2%80%AE", "x" * 3_000, "%22%3E%3Cb%3E"]
)
def test_odd_parameters_are_shown_as_they_can_be(
    place: Place, browsing: Browsing, sent: str
) -> None:
    page = browsing.member(place)
    for part in ("audit-logs", "audit-logs/views/new"):
        answer = page.context.request.get(settings(place, f"{part}?q={sent}&columns={sent}"))
        assert answer.status < 500, part
