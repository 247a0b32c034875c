"""What the page says about a trail, where a browser adds nothing."""

import re

import pytest
from litestar.testing import TestClient

from audit_trail.record.entry import ActorId
from tests.pages.trail_page import NOON, TrailPage, Waiting


@pytest.fixture
def page() -> TrailPage:
    return TrailPage()


def changed(**fields: tuple[object, object]) -> dict[str, object]:
    return {"changes": {name: {"before": a, "after": b} for name, (a, b) in fields.items()}}


def text(html: str) -> str:
    """Return what is read, in one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def test_an_empty_trail_says_how_to_fill_it(page: TrailPage) -> None:
    assert "Change a setting" in page.get().text


def test_a_trail_that_is_behind_says_by_how_much(page: TrailPage) -> None:
    page.waiting = Waiting(3, NOON - 12_000_000)
    assert "3 changes are not shown yet; the oldest was made 12 s ago." in page.get().text
    page.waiting = Waiting(1, NOON - 7_200_000_000)
    assert "1 change is not shown yet; it was made 2 hours ago." in page.get().text
    page.waiting = Waiting(1)
    assert "1 change is not shown yet." in page.get().text


def test_a_poll_is_answered_only_when_something_is_new(page: TrailPage) -> None:
    page.add()
    assert page.get("/newest?seen=1").status_code == 204
    page.add(number="2")
    answer = page.get("/newest?seen=1")
    assert answer.text.startswith("<section")
    assert re.findall(r'<tr class="new">.*?inbox \((#\d)\)', answer.text, re.DOTALL) == ["#2"]
    page.waiting = Waiting(1)
    assert "not shown yet" in page.get("/newest?seen=2").text
    page.waiting = Waiting()
    assert "not shown yet" not in page.get("/newest?seen=2&behind=1").text


def test_a_page_that_is_behind_asks_until_it_is_not(page: TrailPage) -> None:
    page.add()
    assert "every 2s" not in page.get().text
    page.waiting = Waiting(1)
    shown = page.get("?q=inbox").text
    assert '<p class="behind" id="behind" hx-get="/logs/newest?q=inbox&amp;seen=1&amp;' in shown
    assert "every 2s" in shown
    page.waiting = Waiting()
    assert 'id="behind"' not in page.get("/newest?q=inbox&seen=1&behind=1").text


def test_a_host_without_tails_has_none(page: TrailPage) -> None:
    assert "data-tail" not in page.get().text
    assert page.get("/tail?seen=0").status_code == 404


def test_only_the_newest_page_asks_for_what_is_new(page: TrailPage) -> None:
    for number in range(60):
        page.add(number=str(number))
    assert 'data-newest="/logs/newest?seen=60"' in page.get().text
    assert "data-newest" not in page.get("?before=30").text
    assert "data-newest" not in page.get("?after=10").text
    assert page.get("?after=40").text == page.get().text
    assert "26–50 of 60" in page.get("?before=36").text
    assert "1–25 of 60" in page.get("?after=58").text
    assert "Nothing is older than that" in page.get("?before=1").text


@pytest.mark.parametrize("bad", ["0", "-1", "1.5", "", "٣", "1e3", "9" * 17, "1%00", "%ff"])
def test_a_bad_number_is_refused(page: TrailPage, bad: str) -> None:
    assert page.get(f"?before={bad}").status_code == 422
    assert page.get(f"?after={bad}").status_code == 422
    if bad:
        assert page.get(f"/{bad}").status_code == 404


def test_an_entry_is_a_page_and_its_window_a_part_of_it(page: TrailPage) -> None:
    page.add(what=changed(name=("Support", "Sales")))
    alone, part = page.get("/1").text, page.get("/1", HX_Request="true").text
    assert "<html" in alone
    assert "<html" not in part
    for html in (alone, part):
        assert "Updated an inbox (#1) Updated By" in text(html)
        assert "<del>" not in html  # Nothing stayed, so the two words are read whole.


def test_every_answer_is_kept_out_of_caches(page: TrailPage) -> None:
    page.add()
    for address in ("", "/1", "/2", "/newest?seen=0", "/newest?seen=1"):
        headers = page.get(address).headers
        assert headers["cache-control"] == "no-store"
        assert headers["vary"] == "Accept, HX-Request"
        assert "script-src 'self'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]


def test_markup_in_a_value_stays_text(page: TrailPage) -> None:
    evil = "<img src=x onerror=alert(1)>"
    page.add(who={"email": f"{evil}@x"}, what={"label": evil, **changed(name=("", evil))})
    for address in ("", "/1"):
        html = page.get(address).text
        assert "<img" not in html
        assert "&lt;img src=x onerror=alert(1)&gt;" in html


def test_the_browsers_zone_counts_and_a_bad_one_is_passed_over(page: TrailPage) -> None:
    page.add()
    assert "Jul 31, 2023 12:40 PM" in page.get().text
    assert "Jul 31, 2023 07:40 PM" in page.get(Cookie="tz=Asia/Tokyo").text
    for bad in ("Mars/Base", "../../etc/passwd", "Europe", "", "x" * 5_000):
        assert "Berlin, UTC+2" in page.get(Cookie=f"tz={bad}").text


def test_both_offsets_are_named_across_a_change_of_clocks(page: TrailPage) -> None:
    page.add(occurred_at=NOON - 200 * 86_400_000_000)
    page.add()
    assert "Berlin, UTC+2 and UTC+1" in page.get().text


def test_entries_of_one_request_stand_together(page: TrailPage) -> None:
    page.add(request="a")
    page.add(number="2", request="b")
    page.add(number="3", request="b")
    page.add(number="4")
    page.add(number="5")
    html = page.get().text
    assert html.count("One request, 2 entries") == 1
    assert html.count('<tbody class="request">') == 1


def test_who_acted_and_for_whom(page: TrailPage) -> None:
    page.add(
        who={
            "email": "ana.ruiz@example.com",
            "role": "administrator",
            "ip": "10.0.0.1",
            "forwarded": ["198.51.100.9", "203.0.113.9"],
            "address": "203.0.113.9",
            "session": "5e55",
            "token": {"id": "1", "name": "crm-sync"},
            "on_behalf_of": [{"email": "leo@example.com"}],
        }
    )
    page.add(number="2", actor=ActorId(kind="system"), via="database")
    listed = text(page.get().text)
    assert "AR ana.ruiz @example.com by token crm-sync acting as leo@example.com" in listed
    assert "System" in listed
    window = text(page.get("/1").text)
    assert (
        "Updated By ana.ruiz@example.com · Administrator On behalf of leo@example.com Updated At"
    ) in window
    assert (
        "Where 203.0.113.9 · Web "
        "Proxy 10.0.0.1 · said to come from 198.51.100.9, 203.0.113.9 "
        "Access token crm-sync · #1 Session 5e55"
    ) in window


def test_a_cause_leads_to_its_entry_and_a_lost_one_says_so(page: TrailPage) -> None:
    cause = page.add("delete", "9")
    page.add("delete", "10", cause=cause)
    page.add("delete", "11", cause="00000000-0000-7000-8000-000000000000")
    assert re.search(r'href="/logs/1" data-entry>Deleted an inbox \(#9\)<', page.get("/2").text)
    assert "no longer holds" in page.get("/3").text


def test_an_entry_recorded_late_says_how_late(page: TrailPage) -> None:
    page.add(occurred_at=NOON - 3 * 86_400_000_000)
    page.add(occurred_at=NOON - 59_000_000)
    assert "Recorded 3 days later · 2023-07-31 10:40:00 UTC" in text(page.get("/1").text)
    assert "Recorded" not in page.get("/2").text


def test_what_could_not_be_read_is_shown_as_it_came(page: TrailPage) -> None:
    page.add(what={"unreadable": {"why": "It isn't JSON.", "hex": {"changes": "7b227b22ff"}}})
    window = text(page.get("/1").text)
    assert "It isn&#39;t JSON." in window
    assert "changes 7b227b22 ff" in window


def test_values_say_what_cannot_be_seen(page: TrailPage) -> None:
    cut = {"$": "cut", "text": "abc", "size": 2_000_000}
    page.add(
        what=changed(
            note=(cut, None),
            token=({"$": "secret"}, {"$": "secret"}),
            labels=(
                {"$": "json", "value": ["one", "two"]},
                {"$": "json", "value": ["two", "three"]},
            ),
            config=(
                {"$": "json", "value": {"a": 1, "b": 2}},
                {"$": "json", "value": {"a": 1, "b": 3}},
            ),
            greeting=("we are here from nine to five", "we are here all day"),
        )
    )
    html = page.get("/1").text
    assert "cut; 2,000,000 bytes in full" in html
    assert '<div class="value quiet nothing-there">none</div>' in html
    assert "changed, hidden" in html
    assert "<li><del>one</del></li><li>two</li>" in html
    assert "<li>two</li><li><ins>three</ins></li>" in html
    assert "<del>&#34;b&#34;: 2</del>\n" in html
    assert "we are here <del>from nine to five</del>" in html
    assert "we are here <ins>all day</ins>" in html


def test_programs_read_the_list_and_follow_it_to_its_end(page: TrailPage) -> None:
    for number in range(30):
        page.add(number=str(number), what={"label": "Support"})
    client: TestClient = page.client
    address, indexes = "/logs", []
    while address:
        answer = client.get(address, headers={"Accept": "application/json"}).json()
        indexes += [entry["index"] for entry in answer["entries"]]
        address = answer["next"]
    assert indexes == list(range(29, -1, -1))
    entry = client.get("/logs/30", headers={"Accept": "application/json"}).json()
    assert entry["public"]["entity"] == {"type": "inbox", "id": "29"}
    assert (entry["version"], entry["who"], entry["what"]) == (1, None, {"label": "Support"})
    refused = client.get("/logs/31", headers={"Accept": "application/json"})
    assert (refused.status_code, refused.json()["code"]) == (404, "entry_not_found")


def test_a_question_shows_what_matches_and_keeps_to_it_on_older_pages(page: TrailPage) -> None:
    for number in range(60):
        page.add(number=str(number), action="delete" if number % 2 else "update")
    shown = page.get("?q=action:deleted&range=24h").text
    assert len(re.findall("data-entry", shown)) == 25
    assert "25 shown" in shown
    assert 'rel="next" href="/logs?q=action%3Adeleted&amp;range=24h&amp;before=12"' in shown
    assert "5 shown" in page.get("?q=action:deleted&range=24h&before=12").text
    assert 'data-newest="/logs/newest?q=action%3Adeleted&amp;range=24h&amp;seen=60"' in shown
    answer = page.get("?q=action:deleted", Accept="application/json").json()
    assert {entry["public"]["action"] for entry in answer["entries"]} == {"delete"}
    assert answer["next"] == "/logs?q=action%3Adeleted&before=12"


def test_each_filter_can_be_taken_away(page: TrailPage) -> None:
    shown = page.get("?q=action:deleted entity:inbox").text
    assert 'href="/logs?q=entity%3Ainbox" aria-label="Remove filter action:deleted"' in shown
    assert "Nothing matches" in text(shown)


def test_a_question_that_makes_no_sense_says_what_may_be_meant(page: TrailPage) -> None:
    page.add()
    answer = page.get('?q=role user:ada <b>"x"</b>&range=7d')
    assert answer.status_code == 422
    assert "The question can't be understood" in text(answer.text)
    assert "actor:ada" in answer.text
    assert "<b>" not in answer.text
    assert "data-entry" not in answer.text
    told = page.get("?q=user:ada", Accept="application/json")
    assert (told.status_code, told.json()["code"]) == (422, "question_refused")
    assert page.get("?range=2y").status_code == 422


def test_a_search_that_ends_early_says_so_and_goes_on(
    page: TrailPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audit_trail.search.finding.READ_TOGETHER", 10)
    monkeypatch.setattr("audit_trail.search.finding.SEARCHED_AT_ONCE", 20)
    for number in range(50):
        page.add(number=str(number), action="delete" if number < 3 else "update")
    first = page.get("?q=action:deleted").text
    assert "Nothing found so far" in text(first)
    assert 'href="/logs?q=action%3Adeleted&amp;before=31"' in first
    assert "before=11" in page.get("?q=action:deleted&before=31").text
    assert "3 shown" in page.get("?q=action:deleted&before=11").text


def test_the_overview_counts_and_narrows(page: TrailPage) -> None:
    for number in range(5):
        action = "delete" if number < 3 else "sign_in"
        page.add(
            action,
            str(number),
            who={"email": "ada@example.com"},
            actor=ActorId(kind="user", id="7"),
        )
    part = page.get("/overview?range=7d", HX_Request="true").text
    assert part.startswith("<section")
    assert "5 entries" in text(part)
    assert "ada@example.com 5" in text(part)
    assert 'href="/logs?q=action%3Adelete&amp;range=7d"' in part
    assert 'href="/logs?q=-action%3Adelete&amp;range=7d"' in part
    assert re.findall(r'aria-label="([^"]*): 3 deleted, 2 other"', part) == [
        "Jul 31, 2023 12:00 PM"
    ]
    (bar,) = re.findall(r'<a href="/logs(\?q=date[^"]*)" aria-label', part)
    assert "5 shown" in page.get(bar.replace("&amp;", "&")).text
    assert "<html" in page.get("/overview").text
    assert page.get("/overview?q=user:ada").status_code == 422


def test_an_overview_of_nothing_says_so(page: TrailPage) -> None:
    assert "0 entries" in text(page.get("/overview", HX_Request="true").text)
    page.add()
    assert "0 entries" in text(page.get("/overview?q=nothing&since=0001-01-01").text)


def test_an_entry_leads_to_more_by_its_user_and_of_its_record(page: TrailPage) -> None:
    page.add(who={"email": "ada@example.com"})
    page.add(number="2", who={"email": "grace@example.com"})
    shown = page.get("/1").text
    for title in ("More by this user", "History of this record"):
        (address,) = re.findall(rf'href="/logs([^"]*)">{title}<', shown)
        assert "1 shown" in page.get(address.replace("&amp;", "&")).text
