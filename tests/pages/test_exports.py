"""Exports on their page: asked for from what is shown, watched, downloaded, cancelled, let go."""

import csv

import msgspec
import pytest
from playwright.sync_api import Page, expect

from audit_trail.export.wanted import Form, Wanted
from audit_trail.record.query import Query
from live_agent.schema import Export
from tests.live_agent.office import Place
from tests.pages.browsing import Browsing, overflow, settings, violations
from tests.pages.test_accessibility import MODES, modes

pytestmark = pytest.mark.browser


def wanted_as(place: Place, form: Form, question: str = "") -> str:
    wanted = Wanted(query=Query(account=str(place.id)), form=form, question=question)
    return msgspec.json.encode(wanted).decode()


def ask(page: Page, place: Place, form: str, asked: str = "") -> None:
    page.goto(settings(place, f"audit-logs{asked}"))
    page.get_by_text("Export", exact=True).first.click()
    page.get_by_label("All that is found, as").select_option(form)
    assert violations(page) == []
    page.get_by_role("button", name="Export", exact=True).click()


def test_what_is_shown_is_exported_and_downloaded(place: Place, browsing: Browsing) -> None:
    client = place.client()
    for name in ("Tier 1", "Tier 2"):
        client.post("/teams", json={"name": name})
    client.post("/inboxes", json={"name": "Support"})
    page = browsing.member(place)
    ask(page, place, "csv", "?q=entity%3Ateam&range=7d")
    expect(page.get_by_role("heading", level=1)).to_have_text("Exports")
    expect(page.get_by_role("status")).to_have_text("The export is being written.")
    row = page.get_by_role("row").filter(has_text="entity:team")
    expect(row).to_contain_text("2 entries", timeout=20_000)
    expect(row).to_contain_text("CSV")
    assert violations(page) == [] and overflow(page) == 0
    with page.expect_download() as downloading:
        row.get_by_role("link", name="Download").click()
    with downloading.value.path().open(newline="") as file:
        assert [each["label"] for each in csv.DictReader(file)] == ["Tier 2", "Tier 1"]
    assert downloading.value.suggested_filename.endswith(".csv")
    row.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("There is no export")).to_be_visible()


def test_an_export_that_is_being_written_says_how_far_and_is_cancelled(
    place: Place, browsing: Browsing
) -> None:
    """The row is another server's, which says nothing more for a while."""
    services = place.office.services
    with services.database.transaction(place.id) as db:
        wanted = wanted_as(place, "parquet", "via:api")
        export = Export(account_id=place.id, format="parquet", wanted=wanted, state="running")
        export.due_at, export.looked_at, export.total = services.clock() + 10**9, 2_500, 10_000
        db.add(export)
    page = browsing.member(place)
    page.goto(settings(place, "audit-logs/exports"))
    row = page.get_by_role("row").filter(has_text="via:api")
    expect(row).to_contain_text("2,500 of 10,000 looked at")
    expect(row.get_by_role("progressbar")).to_have_attribute("value", "2500")
    expect(row).to_contain_text("Somebody who left")
    assert violations(page) == []
    with services.database.transaction(place.id) as db:
        db.get_one(Export, export.id).looked_at = 7_500
    expect(row).to_contain_text("7,500 of 10,000 looked at", timeout=20_000)
    row.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("row").filter(has_text="via:api")).to_contain_text("Cancelled")


@modes
def test_exports_are_legible_in_each_mode(place: Place, browsing: Browsing, mode: str) -> None:
    services = place.office.services
    with services.database.transaction(place.id) as db:
        for state in ("running", "failed", "removed", "cancelled"):
            export = Export(account_id=place.id, format="csv", wanted=wanted_as(place, "csv"))
            export.state, export.due_at = state, services.clock() + 10**9
            export.failure = "Only 3 MiB are free on the disk." if state == "failed" else None
            db.add(export)
    page = browsing.member(place, **MODES[mode])
    ask(page, place, "jsonl", "?q=entity%3Ateam")
    expect(page.get_by_role("row")).to_have_count(6)
    assert violations(page) == [] and overflow(page) == 0


def test_a_fourth_export_is_refused_with_what_to_do(place: Place, browsing: Browsing) -> None:
    services = place.office.services
    with services.database.transaction(place.id) as db:
        for _ in range(3):
            wanted = wanted_as(place, "csv")
            export = Export(account_id=place.id, format="csv", wanted=wanted, state="running")
            export.due_at = services.clock() + 10**9
            db.add(export)
    page = browsing.member(place)
    ask(page, place, "jsonl")
    expect(page.get_by_role("alert")).to_contain_text("wait for one, or cancel it")
    assert violations(page) == []


def test_a_question_that_means_nothing_has_no_export(place: Place) -> None:
    browser, _ = place.signed_in()
    shown = browser.get(settings(place, "audit-logs?q=user%3Aada"))
    assert shown.status_code == 422 and "export-format" not in shown.text
    assert "export-format" in browser.get(settings(place, "audit-logs")).text


def test_an_agent_finds_no_exports(place: Place, browsing: Browsing) -> None:
    page = browsing.member(place, "agent")
    answer = page.goto(settings(place, "audit-logs/exports"))
    assert answer is not None and answer.status == 403
