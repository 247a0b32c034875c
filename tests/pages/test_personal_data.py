"""Settings > Audit Logs > Personal data: looked for, handed out, erased by another administrator."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from audit_trail.record.entry import read_what
from audit_trail.trail import Trail
from tests.live_agent.office import PASSWORD, Place
from tests.pages.browsing import Browsing, overflow, settings, violations

pytestmark = pytest.mark.browser

REASON = "Request 12 of May"


@pytest.fixture
def acted(place: Place) -> Place:
    """An account whose supervisor has signed in, and an inbox that names them."""
    email = place.people["supervisor"].email
    place.signed_in("supervisor")
    place.client().post("/inboxes", json={"name": f"Escalations to {email}"})
    place.total()
    return place


def trail_of(place: Place) -> Trail:
    return place.office.services.trail


def looked(page: Page, place: Place, person: str = "supervisor") -> None:
    """Look for a person of the account."""
    page.goto(settings(place, "audit-logs"))
    page.get_by_role("link", name="Personal data").click()
    page.get_by_label("Person").select_option(str(place.people[person].id))
    page.get_by_role("button", name="Look for their data").click()


def erase(page: Page, email: str, reason: str = REASON, ticket: str = "") -> None:
    page.get_by_label("Reason").fill(reason)
    page.get_by_label("Ticket").fill(ticket)
    page.get_by_label(re.compile("^Type the e-mail")).fill(email)
    page.get_by_role("button", name="Erase personal data").click()


@pytest.mark.parametrize("script", [True, False], ids=["with-script", "without-script"])
def test_a_person_is_found_and_erased_and_nothing_of_them_is_left(
    acted: Place, browsing: Browsing, script: bool
) -> None:
    email = acted.people["supervisor"].email
    page = browsing.member(acted, java_script_enabled=script)
    looked(page, acted)
    expect(page.locator("#found")).to_have_text(email)
    expect(page.get_by_text("hold data of this person")).to_be_visible()
    expect(page.locator(".examples")).to_contain_text(f"Escalations to {email}")
    size = acted.total()
    erase(page, email, ticket="DPO-9")
    expect(page.get_by_role("heading", name="Personal data was erased")).to_be_visible()
    facts = page.locator(".facts").inner_text()
    assert re.search(r"person-[a-z2-9]{10}", facts) and REASON in facts
    assert page.locator(".altered").count() == 0, "no byte is left"
    page.get_by_role("link", name=f"Entry {size + 1:,}").click()
    expect(page.get_by_role("heading", name="Erased personal data")).to_be_visible()
    expect(page.locator(".facts")).to_contain_text("DPO-9")
    entry = trail_of(acted).entry(str(acted.id), size)
    assert entry.public.actor.id == str(acted.people["administrator"].id)
    assert entry.public.via == "ui"
    for each in trail_of(acted).entries(str(acted.id), 0, size + 1):
        assert email not in repr(each)
        assert trail_of(acted).mismatches(str(acted.id), each) == ()
    page.goto(settings(acted, "audit-logs"))
    expect(page.get_by_text(email)).to_have_count(0)
    found = acted.client().get("/audit_logs", params={"q": email}).json()
    assert found["total_entries"] == 0
    assert acted.client().get("/audit_logs").status_code == 200


def test_no_byte_is_left_in_the_data_directory_but_what_the_application_itself_keeps(
    acted: Place, browsing: Browsing
) -> None:
    name = "Gone@Elsewhere.example"
    client = acted.client()
    for number in range(3):
        client.post("/teams", json={"name": f"{number} of {name}"})
    acted.browser().post(
        "/auth/sign_in",
        json={"email": acted.people["agent"].email, "password": PASSWORD},
        headers={"User-Agent": f"by {name}"},
    )
    for team in client.get("/teams").json():
        client.delete(f"/teams/{team['id']}")
    acted.total()
    folder = acted.office.services.database.path.parent
    assert files_with(folder, name)
    page = browsing.member(acted)
    page.goto(settings(acted, "audit-logs/personal-data"))
    page.get_by_label("E-mail").fill(name)
    page.get_by_role("button", name="Look for their data").click()
    expect(page.get_by_text("hold data of this person")).to_be_visible()
    erase(page, name)
    expect(page.get_by_role("heading", name="Personal data was erased")).to_be_visible()
    assert page.locator(".altered").count() == 0
    assert files_with(folder, name) == []


def files_with(folder: Path, needle: str) -> list[str]:
    wanted = needle.lower().encode()
    files = (each for each in folder.rglob("*") if each.is_file())
    return sorted(each.name for each in files if wanted in each.read_bytes().lower())


@pytest.mark.parametrize(
    ("reason", "typed", "field", "said"),
    [
        ("", "{email}", "reason", "Reason is required"),
        (REASON, "somebody@else.example", "confirm", "This isn't the e-mail"),
        (REASON, "", "confirm", "This isn't the e-mail"),
        ("{email} asked", "{email}", "reason", "Reason names the person"),
    ],
)
def test_what_is_missing_is_said_beside_its_field_and_nothing_is_done(
    acted: Place, browsing: Browsing, reason: str, typed: str, field: str, said: str
) -> None:
    email = acted.people["supervisor"].email
    page = browsing.member(acted)
    looked(page, acted)
    size = acted.total()
    erase(page, typed.format(email=email), reason.format(email=email))
    expect(page.locator(f"#wrong-{field}")).to_contain_text(said)
    expect(page.get_by_role("alert")).to_be_focused()
    assert acted.total() == size
    assert violations(page) == []


def test_a_person_must_be_named_and_only_one(acted: Place, browsing: Browsing) -> None:
    page = browsing.member(acted)
    page.goto(settings(acted, "audit-logs/personal-data"))
    look = page.get_by_role("button", name="Look for their data")
    look.click()
    expect(page.locator("#wrong-email")).to_contain_text("E-mail")
    page.get_by_label("E-mail").fill("somebody@else.example")
    page.get_by_label("Person").select_option(str(acted.people["agent"].id))
    look.click()
    expect(page.locator("#wrong-email")).to_contain_text("these are two people")
    page.get_by_label("Person").select_option("")
    page.get_by_label("Further terms").fill("x")
    look.click()
    expect(page.locator("#wrong-terms")).to_contain_text("too short")
    page.get_by_label("Further terms").fill("")
    look.click()
    expect(page.get_by_text("No entry of the account holds data of this person.")).to_be_visible()
    expect(page.get_by_role("button", name="Erase personal data")).to_have_count(0)


def test_nobody_erases_their_own_traces(acted: Place, browsing: Browsing) -> None:
    page = browsing.member(acted)
    looked(page, acted, "administrator")
    expect(page.get_by_text("Another administrator must do it")).to_be_visible()
    expect(page.get_by_role("button", name="Erase personal data")).to_have_count(0)
    size = acted.total()
    email = acted.people["administrator"].email
    browser, csrf = acted.signed_in()
    sent = {"csrf_token": csrf, "email": email, "confirm": email, "reason": REASON}
    address = settings(acted, "audit-logs/personal-data/erase")
    answer = browser.post(address, data=sent, headers={"Accept": "text/html"})
    assert answer.status_code == 422
    assert "Another administrator must do it" in answer.text
    assert acted.total() == size + 1, "the sign-in alone"


def test_what_is_kept_is_handed_out_and_that_is_an_entry(acted: Place, browsing: Browsing) -> None:
    email = acted.people["supervisor"].email
    page = browsing.member(acted)
    looked(page, acted)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download their data").click()
    lines = [json.loads(line) for line in Path(download.value.path()).read_text().splitlines()]
    assert (lines[0]["terms"][0], lines[-1]["whole"]) == (email, True)
    assert any(line.get("activity") == "Signed in" for line in lines)
    entry = trail_of(acted).entry(str(acted.id), acted.total() - 1)
    assert entry.public.action == "export"
    assert read_what(entry.what).details["entries"] == len(lines) - 2
    assert email not in repr(entry)


def test_others_are_kept_out_and_forms_from_elsewhere_too(acted: Place) -> None:
    path = settings(acted, "audit-logs/personal-data")
    for role in ("agent", "supervisor"):
        browser, csrf = acted.signed_in(role)
        assert browser.get(path).status_code == 403
        for part in ("", "/erase", "/copy"):
            assert browser.post(f"{path}{part}", data={"csrf_token": csrf}).status_code == 403
    browser, _ = acted.signed_in()
    for part in ("", "/erase", "/copy"):
        assert browser.post(f"{path}{part}", data={"email": "a@b.example"}).status_code == 403
    html = {"Accept": "text/html"}
    assert browser.get(f"{path}/erased/1", headers=html).status_code == 404
    assert browser.get(f"{path}/erased/999999", headers=html).status_code == 404


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_everybody_can_use_it(acted: Place, browsing: Browsing, theme: str) -> None:
    page = browsing.member(acted, color_scheme=theme, viewport={"width": 320, "height": 640})
    path = settings(acted, "audit-logs/personal-data")
    page.goto(path)
    assert (violations(page), overflow(page)) == ([], 0)
    page.get_by_role("button", name="Look for their data").click()
    assert (violations(page), overflow(page)) == ([], 0)
    looked(page, acted)
    assert (violations(page), overflow(page)) == ([], 0)
    erase(page, acted.people["supervisor"].email)
    expect(page.get_by_role("heading", name="Personal data was erased")).to_be_visible()
    assert (violations(page), overflow(page)) == ([], 0)
