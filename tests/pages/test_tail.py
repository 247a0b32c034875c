"""An open list says what is new, and shows it when asked: what is being read never moves."""

import re
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest
from playwright.sync_api import Page, Request, expect

from audit_trail.server.tail import Tails
from live_agent.schema import AccountUser
from tests.live_agent.office import Place
from tests.pages.browsing import Browsing, focused, overflow, settings, violations

pytestmark = pytest.mark.browser


@pytest.fixture(autouse=True)
def _impatience() -> Iterator[None]:
    with (
        patch("audit_trail.server.tail.LOOK_SECONDS", 0.05),
        patch("audit_trail.server.tail.ADMISSION_SECONDS", 0.1),
    ):
        yield


def make(place: Place, name: str, kind: str = "teams") -> int:
    answer = place.client().post(f"/{kind}", json={"name": name})
    assert answer.status_code == 200, answer.text
    return int(answer.json()["id"])


def logs(place: Place, browsing: Browsing, asked: str = "", **options: Any) -> Page:
    """Open the list, and wait until all of it is there, and tailed."""
    page = browsing.member(place, **options)
    with page.expect_request("**/tail?*"):
        page.goto(settings(place, "audit-logs") + asked)
    expect(page.locator(".later")).to_have_count(0)
    return page


def place_of_first_row(page: Page) -> Any:
    return page.locator("a.open").first.bounding_box()


def test_what_is_new_is_told_and_what_is_read_stays_where_it_is(
    place: Place, browsing: Browsing
) -> None:
    page = logs(place, browsing)
    page.locator("a.open").first.focus()
    before, rows = place_of_first_row(page), page.locator("tbody tr").count()
    make(place, "Tier 1")
    expect(page.locator("#fresh")).to_have_text(re.compile(r"1 new entry\s*Show"))
    number = make(place, "Tier 2")
    expect(page.locator("#fresh")).to_have_text(re.compile(r"2 new entries\s*Show"))
    expect(page.locator("#news")).to_have_text("2 new entries")
    assert (place_of_first_row(page), page.locator("tbody tr").count()) == (before, rows)
    assert focused(page) == "Signed in"
    page.locator("#fresh").click()
    expect(page.locator("tr.new")).to_have_count(2)
    expect(page.locator("a.open").first).to_have_text(f"Created a new team (#{number})")
    expect(page.locator("#fresh")).to_be_hidden()
    assert focused(page) == f"Created a new team (#{number})"
    expect(page.locator("tbody tr").first).to_contain_text("by token tests")
    make(place, "Tier 3")
    expect(page.locator("#fresh")).to_have_text(re.compile("1 new entry"))


def test_only_what_the_list_asks_for_is_counted(place: Place, browsing: Browsing) -> None:
    page = logs(place, browsing, "?q=entity:inbox+support")
    make(place, "Support")
    make(place, "Sales", "inboxes")
    make(place, "Support", "inboxes")
    expect(page.locator("#fresh")).to_have_text(re.compile(r"1 new entry\s*Show"))
    page.locator("#fresh").click()
    expect(page.locator("tbody tr")).to_have_count(1)


def test_a_lost_connection_loses_and_repeats_nothing(place: Place, browsing: Browsing) -> None:
    page = logs(place, browsing)
    make(place, "Tier 1")
    expect(page.locator("#fresh")).to_have_text(re.compile("1 new entry"))
    with page.expect_request("**/tail?*") as again:
        with patch.object(Tails, "_heard", _nothing):
            _until_tails(place, page, 0)
        make(place, "Tier 2")
        make(place, "Tier 3")
    assert again.value.all_headers()["last-event-id"]
    expect(page.locator("#fresh")).to_have_text(re.compile("3 new entries"))


def _until_tails(place: Place, page: Page, number: int) -> None:
    """Wait until the server has so many tails."""
    for _ in range(500):
        if place.office.services.tails.size() == number:
            return
        page.wait_for_timeout(20)
    pytest.fail(f"there are {place.office.services.tails.size()} tails, not {number}")


async def _nothing(*_: object) -> None:
    """End a tail, as where the trail can't be read."""


def test_a_tail_that_is_refused_leaves_the_list_to_ask_now_and_then(
    place: Place, browsing: Browsing
) -> None:
    page = browsing.member(place)
    page.clock.install()
    page.route("**/tail?*", lambda route: route.fulfill(status=429))
    with page.expect_request("**/tail?*"):
        page.goto(settings(place, "audit-logs"))
    make(place, "Tier 1")
    place.total()
    _asked_again(page)
    expect(page.locator("#fresh")).to_have_text(re.compile("1 new entry"))
    page.locator("#fresh").click()
    expect(page.locator("tr.new")).to_have_count(1)


def test_who_loses_the_role_is_told_nothing_more_and_asks_once(
    place: Place, browsing: Browsing
) -> None:
    page = browsing.member(place)
    page.clock.install()
    with page.expect_request("**/tail?*"):
        page.goto(settings(place, "audit-logs"))
    expect(page.locator(".later")).to_have_count(0)
    _until_tails(place, page, 1)  # It was admitted while the role was theirs.
    asked = list[Request]()
    page.on("request", lambda request: asked.append(request))
    with page.expect_response(lambda answer: answer.status == 403):
        with place.office.services.database.transaction() as db:
            of_the_person = AccountUser.user_id == place.people["administrator"].id
            member = db.query(AccountUser).filter(of_the_person).one()
            member.role = "supervisor"
        page.clock.run_for(5_000)
    for _ in range(3):
        page.clock.run_for(20_000)
    assert [request.url.partition("?")[0].rpartition("/")[2] for request in asked] == [
        "tail",
        "newest",
    ]


def _asked_again(page: Page) -> None:
    """Let time pass until the list has asked."""
    with page.expect_response("**/newest?*"):
        page.clock.run_for(20_000)


@pytest.mark.parametrize("width", [320, 1_280])
def test_what_says_it_is_legible_to_everybody(place: Place, browsing: Browsing, width: int) -> None:
    page = logs(place, browsing, viewport={"width": width, "height": 700})
    make(place, "Tier 1")
    expect(page.locator("#fresh")).to_be_visible()
    assert violations(page) == []
    assert overflow(page) <= 0


def test_a_tab_that_is_not_looked_at_keeps_no_connection(place: Place, browsing: Browsing) -> None:
    page = logs(place, browsing)
    hide = "Object.defineProperty(document, 'hidden', {{value: {}, configurable: true}});"
    page.evaluate(hide.format("true") + "document.dispatchEvent(new Event('visibilitychange'))")
    _until_tails(place, page, 0)
    make(place, "Tier 1")
    place.total()
    page.evaluate(hide.format("false") + "document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.locator("#fresh")).to_have_text(re.compile("1 new entry"))
