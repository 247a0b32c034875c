"""Over the list stands in which times not everything was recorded, by the trail's own entries."""

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from audit_trail.capture.outbox import Event
from audit_trail.capture.sqlalchemy import note
from audit_trail.record.captured import ENTITY
from audit_trail.record.entry import Entity
from audit_trail.server.band import MOST_SHOWN
from live_agent.catalog import CATALOG
from tests.live_agent.office import Place
from tests.pages.browsing import Browsing, overflow, settings, violations
from tests.pages.test_accessibility import MODES, modes
from tests.pages.trail_page import NOON, TrailPage

MINUTE = 60_000_000
HOUR = 60 * MINUTE


@pytest.fixture
def page() -> TrailPage:
    """The clock stands at 12:40 in Berlin, of July 31, 2023."""
    return TrailPage(CATALOG)


def gap(table: str = "teams", **more: Any) -> dict[str, Any]:
    usual = {"table": table, "entity": table.removesuffix("s"), "wrong": {"t": "missing"}}
    times = {"good_us": NOON - 3 * MINUTE, "found_us": NOON - 2 * MINUTE}
    return usual | times | more


def told(page: TrailPage, action: str, *gaps: dict[str, Any], **more: Any) -> None:
    page.add(
        action=f"capture_{action}",
        entity=Entity(type=ENTITY),
        what={"details": {"gaps": list(gaps)}},
        **more,
    )


def band(page: TrailPage, address: str = "") -> str:
    """What the band says, one space where there are several; nothing where there is none."""
    html = page.get(address).text
    found = re.search(r'<section class="band.*?</section>', html, re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", found[0])).strip() if found else ""


def test_without_gaps_there_is_no_band(page: TrailPage) -> None:
    page.add()
    page.add(action="capture_started", entity=Entity(type=ENTITY), what={"details": {}})
    assert band(page) == ""


def test_a_gap_that_goes_on_says_since_when_at_most_and_at_least(page: TrailPage) -> None:
    told(page, "stopped", gap(), gap("inboxes", entity="inbox"))
    assert band(page) == (
        "Not everything is being recorded Team, Inbox: recording is off, since some time between "
        "Jul 31, 2023 12:37 PM and Jul 31, 2023 12:38 PM. Show the entries about this"
    )
    html = page.get().text
    assert '<time datetime="2023-07-31T10:37:00.000Z">Jul 31, 2023 12:37 PM</time>' in html
    assert 'href="/logs?q=action%3Acapture_stopped%2Ccapture_started"' in html


def test_a_gap_that_ended_today_says_between_which_times(page: TrailPage) -> None:
    told(page, "stopped", gap())
    told(page, "started", gap(right_us=NOON - MINUTE))
    assert "Not everything was recorded Team: recording was off for some time between" in band(page)
    assert "12:37 PM and Jul 31, 2023 12:39 PM." in band(page)


def test_where_nobody_had_looked_before_no_beginning_is_claimed(page: TrailPage) -> None:
    told(page, "stopped", gap(good_us=None))
    assert "recording is off, since at the latest Jul 31, 2023 12:38 PM." in band(page)
    told(page, "started", gap(good_us=None, right_us=NOON - MINUTE))
    assert "until Jul 31, 2023 12:39 PM; nobody had looked before" in band(page)


def test_a_trigger_older_than_its_table_concerns_only_what_was_added(page: TrailPage) -> None:
    told(page, "stopped", gap(wrong={"t": "outdated"}))
    assert "Only what was added to the table meanwhile is concerned." in band(page)


def test_what_concerns_every_table_says_so(page: TrailPage) -> None:
    told(page, "stopped", gap("", entity=""))
    assert "Everything: recording is off" in band(page)


def test_an_older_gap_is_shown_where_its_time_is_asked_for(page: TrailPage) -> None:
    ago: dict[str, Any] = {
        "good_us": NOON - 50 * HOUR,
        "found_us": NOON - 49 * HOUR,
        "right_us": NOON - 48 * HOUR,
    }
    told(page, "started", gap(**ago))
    assert band(page) == ""
    assert "recording was off" in band(page, "?since=2023-07-29&until=2023-07-29")
    assert "recording was off" in band(page, "?range=7d")
    assert band(page, "?since=2023-07-20&until=2023-07-25") == ""


def test_a_gap_of_this_morning_counts_as_todays_by_the_viewers_clock(page: TrailPage) -> None:
    # 23:30 in Berlin of the day before, and 00:30 of today: only the second is today's.
    for ended, shown in ((13 * HOUR + 10 * MINUTE, False), (12 * HOUR + 10 * MINUTE, True)):
        times: dict[str, Any] = {
            "good_us": NOON - ended - MINUTE,
            "found_us": NOON - ended - MINUTE + 1,
        }
        told(page, "started", gap(**times, right_us=NOON - ended))
        assert bool(band(page)) is shown


def test_many_stretches_are_counted(page: TrailPage) -> None:
    for ago in range(1, MOST_SHOWN + 3):
        told(page, "started", gap(found_us=NOON - ago * MINUTE, right_us=NOON - ago))
    assert "2 more times like these." in band(page)


def test_what_is_no_gap_of_ours_is_passed_over_and_escaped(page: TrailPage) -> None:
    told(page, "stopped", {"table": 5}, gap('<b onclick="x">', entity=""))
    page.add(action="capture_stopped", what={"details": {"gaps": "all"}})
    html = page.get().text
    assert "&lt;b" in html
    assert "<b onclick" not in html


def test_another_account_sees_nothing_of_it(page: TrailPage) -> None:
    told(page, "stopped", gap(), account="8")
    assert band(page) == ""


def test_the_window_of_the_entry_says_what_was_wrong(page: TrailPage) -> None:
    told(page, "stopped", gap(wrong={"audit_teams_update": "missing"}))
    html = page.get("/1").text
    assert "Found recording interrupted" in html
    assert "in order at 2023-07-31 10:37:00 UTC" in html
    assert "audit_teams_update: missing" in html


def tell(place: Place, action: str, **details: Any) -> None:
    """Note it as a look does."""
    event = Event(
        action=f"capture_{action}", account=str(place.id), entity_type=ENTITY, details=details
    )
    with place.office.services.database.transaction() as db:
        note(db.connection(), event)
    place.office.services.sequencer_idle()


@pytest.mark.browser
@modes
def test_axe_finds_nothing_in_the_band_and_it_needs_no_script(
    place: Place, elsewhere: Place, browsing: Browsing, mode: str
) -> None:
    now_us = place.office.clock()
    times: dict[str, Any] = {"good_us": now_us - 2 * MINUTE, "found_us": now_us - MINUTE}
    tell(place, "stopped", gaps=[gap(**times), gap("webhooks", **times)])
    page = browsing.member(place, java_script_enabled=False, **MODES[mode])
    page.goto(settings(place, "audit-logs"))
    region = page.get_by_role("region", name="Not everything is being recorded")
    expect(region.get_by_role("listitem")).to_have_count(1)
    expect(region.locator("time")).to_have_count(2)
    region.get_by_role("link", name="Show the entries about this").click()
    expect(page.get_by_role("link", name="Found recording interrupted")).to_be_visible()
    scripted = browsing.member(place, **MODES[mode])
    scripted.goto(settings(place, "audit-logs"))
    assert violations(scripted) == []
    assert overflow(scripted) <= 0
    other = browsing.member(elsewhere)
    other.goto(settings(elsewhere, "audit-logs"))
    expect(other.get_by_role("heading", name="Audit Logs")).to_be_visible()
    expect(other.locator(".band")).to_have_count(0)
