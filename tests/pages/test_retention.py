"""Settings > Audit Logs > Retention: days and holds are changed there, with a reason, and told."""

import re
from html import unescape
from typing import Any

import httpx2
import pytest
from playwright.sync_api import expect

from audit_trail.retention.keeping import Retention
from audit_trail.retention.policy import DAY_US
from tests.live_agent.office import Place
from tests.live_agent.test_contract import ok
from tests.pages.browsing import Browsing, overflow, settings, violations

RETENTION = "audit-logs/retention"


def text(answer: httpx2.Response) -> str:
    return unescape(" ".join(re.sub(r"<[^>]+>", " ", answer.text).split()))


class Person:
    """An administrator without JavaScript."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.browser, self.token = place.signed_in()

    def get(self, part: str = RETENTION) -> httpx2.Response:
        return self.browser.get(settings(self.place, part))

    def send(self, part: str = RETENTION, **sent: str) -> httpx2.Response:
        data = {"csrf_token": self.token, **sent}
        return self.browser.post(settings(self.place, part), data=data)


@pytest.fixture
def person(place: Place) -> Person:
    return Person(place)


def run_in(place: Place, days: int) -> None:
    """Run the account's retention as it would in so many days."""
    services = place.office.services
    place.total()
    later = Retention(services.trail, clock=lambda: services.clock() + days * DAY_US)
    assert later.run(str(place.id))


def test_fewer_days_are_announced_for_tomorrow_and_more_count_at_once(person: Person) -> None:
    page = text(person.get())
    assert "Kept for 400 days" in page
    assert "with its first entry; nothing was dropped yet" in page
    done = person.send(days="120", reason="The new policy", ticket="T-9")
    assert done.status_code == 303
    page = text(person.get())
    assert "Saved." in page
    assert re.search(r"Kept for 400 days From \w+ \d\d, \d{4} \d\d:\d\d [AP]M on 120 days", page)
    assert "Changed retention 400 to 120 days" in page
    assert "The new policy" in page
    person.send(days="500", reason="A longer one")
    page = text(person.get())
    assert "Kept for 500 days Trail begins" in page


@pytest.mark.parametrize(
    ("sent", "wrong"),
    [
        ({"days": "89", "reason": "r"}, "Days must be a whole number from 90 to 36,500."),
        ({"days": "99999999", "reason": "r"}, "Days must be a whole number from 90 to 36,500."),
        ({"days": "many", "reason": "r"}, "Days must be a whole number from 90 to 36,500."),
        ({"reason": "r"}, "Days must be a whole number from 90 to 36,500."),
        ({"days": "400", "reason": "r"}, "The retention is 400 days already."),
        ({"days": "120", "reason": " "}, "Reason is required."),
        ({"days": "120", "reason": "r" * 1_001}, "Reason must be at most 1,000 characters long."),
        ({"days": "120", "reason": "r", "ticket": "t" * 101}, "Ticket must be at most 100"),
    ],
)
def test_what_can_t_be_kept_is_said_beside_what_was_typed(
    person: Person, sent: dict[str, str], wrong: str
) -> None:
    size = person.place.total()
    answer = person.send(**sent)
    assert answer.status_code == 422
    assert wrong in text(answer)
    assert 'aria-invalid="true"' in answer.text
    assert f'value="{sent.get("days", "")}"' in answer.text
    assert person.place.total() == size


def test_a_hold_is_placed_shown_and_lifted_each_with_its_reason(person: Person) -> None:
    sent = {"type": "inbox", "number": "#12", "kind": "user", "actor": "7"}
    days = {"start": "2026-01-01", "end": "2026-01-31"}
    assert person.send(f"{RETENTION}/hold", **sent, **days, reason="Case 7").status_code == 303
    page = person.get()
    assert "The hold is placed." in text(page)
    words = (
        "inbox #12, by user #7, from 2026-01-01 00:00:00 UTC, until 2026-01-31 23:59:59 UTC"
        f" administrator.{person.place.people['administrator'].email.split('.')[1].split('@')[0]}"
    )
    assert words in text(page)
    lift = re.search(r'href="[^"]*/(audit-logs/retention/holds/[^"]+)"', page.text)
    assert lift
    assert "Case 7" in text(person.get(lift[1]))
    refused = person.send(lift[1])
    assert refused.status_code == 422
    assert "Reason is required." in text(refused)
    assert person.send(lift[1], reason="Case closed").status_code == 303
    page = person.get()
    assert "Nothing is held." in text(page)
    assert "Lifted a legal hold inbox #12" in text(page)
    assert person.get(lift[1]).status_code == 404
    last = person.place.client().get("/audit_logs").json()["audit_logs"]
    # The sign-in may have become an entry in between.
    assert [each["comment"] for each in last if each["comment"]] == ["Case closed", "Case 7"]
    window = text(person.get(f"audit-logs/{last[1]['id']}"))
    assert "Reason Case 7 Held inbox #12, by user #7" in window


@pytest.mark.parametrize(
    ("sent", "wrong"),
    [
        ({}, "A hold must name a record, an actor or a time."),
        ({"number": "7"}, "Record must be chosen where its number is given."),
        ({"actor": "7"}, "Actor must be chosen where its number is given."),
        ({"type": "planet"}, "Record must be"),
        ({"start": "soon"}, "Since must be a day, such as 2026-01-31."),
        ({"start": "2026-02-01", "end": "2026-01-01"}, "A hold must end after it begins."),
        ({"end": "9999-12-31"}, "Until must be a day"),
        ({"start": "0001-01-01"}, "Since must be a day"),
    ],
)
def test_a_hold_that_makes_no_sense_is_refused(
    person: Person, sent: dict[str, str], wrong: str
) -> None:
    answer = person.send(f"{RETENTION}/hold", **sent, reason="Case 7")
    assert answer.status_code == 422
    assert wrong in text(answer)
    for value in sent.values():
        assert value in answer.text or value == "planet"


def test_only_administrators_may_and_who_else_asks_is_recorded(place: Place) -> None:
    browser, token = place.signed_in("supervisor")
    place.look_away()
    assert browser.get(settings(place, RETENTION)).status_code == 403
    sent = {"csrf_token": token, "days": "500", "reason": "r"}
    assert browser.post(settings(place, RETENTION), data=sent).status_code == 403
    assert [each["action"] for each in place.news()] == ["read_denied"]


def test_the_list_says_where_the_trail_begins_and_shows_what_is_kept(person: Person) -> None:
    client, place = person.place.client(), person.place
    team = ok(client.post("/teams", json={"name": "Tier 1"}))["id"]
    place.total()
    person.send(f"{RETENTION}/hold", type="team", number=str(team), reason="Case 7")
    ok(client.post("/teams", json={"name": "Tier 2"}))
    run_in(place, 401)
    trail = place.office.services.trail
    begins = trail.head(str(place.id)).first + 1
    page = person.get("audit-logs")
    # The entry that states the hold is kept too.
    assert re.search(
        rf"The trail begins here, at entry {begins} of [A-Z].{{19}}M: older entries were dropped under the "
        r"retention of 400 days\. 2 older entries are kept \(legal holds, erasures\): show them \.",
        text(page),
    )
    assert "1–1 of 1" in text(page)
    kept = text(person.get("audit-logs?kept=1"))
    assert "2 kept" in kept
    assert f"Created a new team (#{team})" in kept
    assert "These are kept from before the trail begins" in kept
    gone = person.get("audit-logs/1")
    assert gone.status_code == 404
    assert "was dropped when its retention ended" in text(gone)
    asked = client.get("/audit_logs/1")
    assert asked.status_code == 404
    assert "was dropped when its retention ended" in asked.json()["message"]
    found = client.get("/audit_logs", params={"types[]": "Team"}).json()
    assert [each["auditable_id"] for each in found["audit_logs"]] == [team]
    assert client.get("/audit_logs").json()["total_entries"] == 1
    window = text(person.get(f"audit-logs/{begins}"))
    assert "Dropped expired entries" in window
    assert "Retention 400 days" in window
    assert re.search(r"Kept of these 2 entries: legal holds, erasures Dropped so far 1–", window)
    listed: dict[str, Any] = person.browser.get(
        settings(place, "audit-logs?kept=1"), headers={"Accept": "application/json"}
    ).json()
    assert len(listed["entries"]) == 2


def test_a_retention_that_can_t_be_believed_is_said_so(person: Person) -> None:
    person.send(days="500", reason="The policy")
    trail, account = person.place.office.services.trail, str(person.place.id)
    store = trail._store
    index = trail.head(account).size - 1
    connection = store._file.connection()  # type: ignore[attr-defined]
    connection.execute("DROP TRIGGER entries_are_only_emptied")
    connection.execute(
        "UPDATE entries SET what = replace(what, '500', '100') WHERE account = ? AND idx = ?",
        (account, index),
    )
    answer = person.get()
    assert "The retention can't be told" in text(answer)
    assert "Restore the trail from a backup." in text(answer)
    assert person.send(days="600", reason="Again").status_code == 422


@pytest.mark.browser
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 320])
def test_axe_finds_nothing_and_all_fits(
    person: Person, browsing: Browsing, theme: str, width: int
) -> None:
    place = person.place
    reason = "Case 7: the court asked for all that was done to this inbox, until it has decided."
    person.send(f"{RETENTION}/hold", type="inbox", number="12", kind="user", reason=reason)
    person.send(days="500", reason=reason)
    run_in(place, 501)
    person.send(days="100", reason=reason)
    page = browsing.member(place, color_scheme=theme, viewport={"width": width, "height": 800})
    page.goto(settings(place, "audit-logs"))
    page.get_by_role("link", name="Retention", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Retention")
    wrong = [*violations(page), *([page.url] * (overflow(page) > 0))]
    page.get_by_label("Days").fill("1")
    page.get_by_role("button", name="Change retention").click()
    expect(page.get_by_role("alert")).to_be_focused()
    wrong += [*violations(page), *([page.url] * (overflow(page) > 0))]
    for part in ("/hold", ""):
        page.goto(settings(place, RETENTION + part))
        if not part:
            page.get_by_role("link", name="Lift the hold").first.click()
        wrong += [*violations(page), *([page.url] * (overflow(page) > 0))]
    for part in ("audit-logs", "audit-logs?kept=1"):
        page.goto(settings(place, part))
        wrong += [*violations(page), *([page.url] * (overflow(page) > 0))]
    assert wrong == []
