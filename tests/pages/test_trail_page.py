"""What the page says about a trail, where a browser adds nothing."""

import re

import pytest
from litestar.testing import TestClient

from audit_trail.record.entry import ActorId, Entity
from tests.pages.trail_page import NOON, TrailPage, Waiting

DAY_US = 86_400_000_000


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
        assert headers["vary"] == "Accept, Accept-Language, Cookie, HX-Request"
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
    assert "The question can&#39;t be understood" in text(answer.text)
    assert "actor:ada" in answer.text
    assert "<b>" not in answer.text
    assert "data-entry" not in answer.text
    told = page.get("?q=user:ada", Accept="application/json")
    assert (told.status_code, told.json()["code"]) == (422, "question_refused")
    assert page.get("?range=2y").status_code == 422


def test_a_search_that_ends_early_says_so_and_goes_on(
    page: TrailPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audit_trail.search.walking.READ_TOGETHER", 10)
    monkeypatch.setattr("audit_trail.search.walking.SEARCHED_AT_ONCE", 20)
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


@pytest.mark.parametrize("asked", ["since=9999-12-31", "until=0001-01-01"])
def test_an_overview_of_a_time_without_entries_has_no_bars(page: TrailPage, asked: str) -> None:
    page.add()
    assert page.get(f"/overview?{asked}").status_code == 200


def test_an_entry_leads_to_more_by_its_user_and_of_its_record(page: TrailPage) -> None:
    page.add(who={"email": "ada@example.com"})
    page.add(number="2", who={"email": "grace@example.com"})
    (address,) = linked(page.get("/1").text, "More by this user")
    assert "1 shown" in page.get(address).text
    (history,) = linked(page.get("/1").text, "History of this record")
    (address,) = linked(page.get(history).text, "Show them in the list")
    assert "1 shown" in page.get(address).text


def linked(html: str, words: str) -> list[str]:
    """Return where the links of these words lead, without the list's path."""
    found = re.findall(r'<a [^>]*href="/logs([^"]*)"[^>]*>(.*?)</a>', html, re.DOTALL)
    return [
        address.replace("&amp;", "&") for address, inside in found if text(inside).endswith(words)
    ]


def named(html: str, name: str) -> list[str]:
    """Return where the links with this name lead, without the list's path."""
    links = re.findall(r"<a ([^>]*)>", html)
    return [
        re.findall(r'href="/logs([^"]*)"', link)[0].replace("&amp;", "&")
        for link in links
        if f'aria-label="{name}"' in link
    ]


def furnish(page: TrailPage) -> None:
    """Append three entries that differ in everything that can be asked for."""
    page.add(
        who={"email": "ada@example.com", "ip": "203.0.113.9"},
        what=changed(role=("agent", "administrator"), name=("A", "B")),
        entity=Entity(type="team", id="5"),
        request="r-1",
    )
    page.add(
        action="delete",
        who={"email": "grace@example.com", "ip": "2001:db8::1"},
        what=changed(role=("administrator", "agent")),
        actor=ActorId(kind="user", id="9"),
        request="r-2",
        via="api",
        outcome="denied",
    )
    page.add(number="2", actor=ActorId(kind="system"), via="database", action="create")


FILTERS = [
    ("User ada@example.com", {1}),
    ("Action Update", {1}),
    ("Entity Team", {1}),
    ("Record Team #5", {1}),
    ("Address 203.0.113.9", {1}),
    ("Where Web", {1}),
    ("Outcome Success", {1, 3}),
    ("Request r-1", {1}),
]
FIELD_FILTERS = [
    ("Field Role", {1, 2}),
    ("Role from agent", {1}),
    ("Role to administrator", {1}),
]


def shown_of(page: TrailPage, address: str) -> set[int]:
    return set(map(int, re.findall(r'id="entry-(\d+)"', page.get(address).text)))


def test_each_value_of_an_entry_can_be_kept_or_left_out(page: TrailPage) -> None:
    furnish(page)
    row = page.get().text.rpartition('id="entry-1"')[2]
    window = page.get("/1").text
    for html, filters in ((row, FILTERS), (window, FIELD_FILTERS + FILTERS)):
        for name, kept in filters:
            if html is window and name == "Outcome Success":
                continue  # The window tells an outcome only where it is another.
            (keep,), (drop,) = named(html, f"Filter for {name}"), named(html, f"Filter out {name}")
            assert shown_of(page, keep) == kept, name
            assert shown_of(page, drop) == {1, 2, 3} - kept, name


def test_a_filter_adds_to_the_question_and_takes_away_its_opposite(page: TrailPage) -> None:
    furnish(page)
    html = page.get("?q=-action:update OR action:create&range=24h&columns=user").text
    (keep,) = named(html, "Filter for Outcome Denied")
    assert keep.endswith("&range=24h&columns=user%2Cactivity")
    assert shown_of(page, keep) == {2}
    window = page.get("/1?q=-action:update -(entity:team id:5)").text
    (keep,), (record,) = (
        named(window, f"Filter for {name}") for name in ("Action Update", "Record Team #5")
    )
    assert keep == "?q=-%28entity%3Ateam+id%3A5%29+action%3Aupdate"
    assert record == "?q=-action%3Aupdate+entity%3Ateam+id%3A5"


def test_what_cannot_be_typed_is_not_offered(page: TrailPage) -> None:
    page.add(
        who={"email": "a\u202eb@example.com", "ip": "fe80::1%eth0"},
        what=changed(note=("x" * 500, "two\nlines"), token=({"$": "secret"}, {"$": "secret"})),
    )
    html = page.get("/1").text
    assert not re.findall(r'aria-label="Filter (?:for|out) (?:User|Address|Note \w|Token \w)', html)
    assert named(html, "Filter for Field Note") == ["?q=field%3Anote"]
    long = "x " * 990
    assert named(page.get(f"/1?q={long}").text, "Filter for Field Note") == []


def test_next_and_previous_stay_within_what_is_shown(page: TrailPage) -> None:
    for number in range(6):
        page.add(number=str(number), action="delete" if number % 2 else "update")
    html = page.get("?q=action:delete").text
    assert 'href="/logs/4?q=action%3Adelete" data-entry' in html
    window = page.get("/4?q=action:delete").text
    assert named(window, "Newer entry") == ["/6?q=action%3Adelete"]
    assert named(window, "Older entry") == ["/2?q=action%3Adelete"]
    assert named(window, "Close") == ["?q=action%3Adelete"]
    assert named(page.get("/6?q=action:delete").text, "Newer entry") == []
    assert named(page.get("/2?q=action:delete").text, "Older entry") == []
    assert named(page.get("/4").text, "Newer entry") == ["/5"]
    assert page.get("/4?q=user:ada").status_code == 422


def test_a_step_to_what_was_not_found_yet_goes_on_searching(
    page: TrailPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audit_trail.search.walking.READ_TOGETHER", 5)
    monkeypatch.setattr("audit_trail.search.walking.SEARCHED_AT_ONCE", 10)
    for number in range(40):
        page.add(number=str(number), action="delete" if number in (0, 20, 39) else "update")
    window = page.get("/21?q=action:delete").text
    assert named(window, "Search older entries") == ["?q=action%3Adelete&before=11"]
    assert named(window, "Search newer entries") == ["?q=action%3Adelete&after=31"]
    (older,) = named(window, "Search older entries")
    assert shown_of(page, older) == {1}


def test_the_history_of_a_record_shows_all_that_happened_to_it(page: TrailPage) -> None:
    for number in range(12):
        page.add(what=changed(name=(f"v{number}", f"v{number + 1}")))
        page.add(number="2")
    html = page.get("/3/history?q=action:delete").text
    assert "History of inbox (#1)" in text(html)
    assert re.findall(r"version (\d+)", html) == [str(each) for each in range(12, 2, -1)]
    assert html.count('<td class="before">') == 10
    (older,) = linked(html, "Older")
    assert older.startswith("/3/history?q=action%3Adelete&before=")
    rest = page.get(older).text
    assert re.findall(r"version (\d+)", rest) == ["2", "1"]
    assert rest.count('<li aria-current="true">') == 1
    assert linked(rest, "Older") == []
    assert linked(rest, "Newest") == ["/3/history?q=action%3Adelete"]
    part = page.get("/3/history", HX_Request="true").text
    assert "<html" not in part
    assert 'data-number="3"' in part


def test_a_history_shows_of_a_long_value_where_it_differs(page: TrailPage) -> None:
    long = "word " * 500
    page.add(what=changed(note=(f"{long}old end", f"{long}new end")))
    html = page.get("/1/history").text
    assert "<del>old</del> end" in html
    assert "there is more in the entry" in html
    assert len(re.findall("word", html)) < 120


def test_what_has_no_history_says_so(page: TrailPage) -> None:
    page.add("export", None)
    assert "History of this record" not in page.get("/1").text
    assert page.get("/1/history").status_code == 404
    assert page.get("/2/history").status_code == 404
    page.add()
    assert page.get("/2/history?before=0").status_code == 422
    assert "Nothing is older than that" in page.get("/2/history?before=1").text


def test_an_entry_is_taken_along_as_a_link_or_as_json(page: TrailPage) -> None:
    page.add(what={"label": "Support"})
    html = page.get("/1?q=inbox").text
    assert 'data-copy-link="/logs/1"' in html
    (address,) = linked(html, "JSON")
    assert address == "/1?as=json"
    answer = page.get(address)
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.json()["what"] == {"label": "Support"}


def test_a_range_of_days_is_asked_by_a_form_that_keeps_the_rest(page: TrailPage) -> None:
    page.add(occurred_at=NOON - 5 * DAY_US)
    page.add(number="2")
    html = page.get("?q=inbox&range=24h&columns=via").text
    (form,) = re.findall(r'<form id="days".*?</form>', html, re.DOTALL)
    assert re.findall(r'name="(\w+)" value="([^"]*)"', form) == [
        ("q", "inbox"),
        ("columns", "activity,via"),
    ]
    assert html.count('form="days" type="date"') == 2
    shown = page.get("?q=inbox&columns=activity,via&since=2023-07-26&until=2023-07-26").text
    assert "1 shown" in shown
    assert "2023-07-26 to 2023-07-26" in text(shown)


def test_a_range_that_ends_before_it_begins_says_so_where_it_is_mended(page: TrailPage) -> None:
    page.add()
    answer = page.get("?q=inbox&since=2023-08-01&until=2023-07-01")
    assert answer.status_code == 422
    said = text(answer.text)
    assert "The range ends (2023-07-01) before it begins (2023-08-01)" in said
    assert 'href="/logs?q=inbox&amp;since=2023-07-01&amp;until=2023-08-01"' in answer.text
    assert answer.text.count('aria-invalid="true" aria-describedby="refused"') == 4
    assert "1 shown" in page.get("?q=inbox&since=2023-07-01&until=2023-08-01").text
    for bad in ("since=soon", "range=2y", "range=1h&since=2023-07-01", "columns=secret"):
        refused = page.get(f"?{bad}")
        assert (refused.status_code, "data-entry" in refused.text) == (422, False)
        told = page.get(f"?{bad}", Accept="application/json")
        assert (told.status_code, told.json()["code"]) == (422, "query_refused")


def test_the_viewer_chooses_the_columns(page: TrailPage) -> None:
    page.add(who={"ip": "203.0.113.9"}, what={"label": "Support"}, request="r-1")
    every = "user,activity,record,time,where,address,via,outcome,request,entry"
    html = page.get(f"?columns={every}").text
    assert (
        "User Activity Record Time Berlin, UTC+2 Where Address Via Outcome Request Entry"
        in text(html)
    )
    for cell in ("Inbox #1 · Support", "203.0.113.9", "Web", "Success", "r-1"):
        assert re.search(rf'<td class="\w+" data-label="\w+">{cell}</td>', html)
    few = page.get("?columns=via&columns=user").text
    assert re.findall(r'<th class="(\w+)"', few)[:3] == ["by", "what", "via"]
    assert 'href="/logs/1?columns=user%2Cactivity%2Cvia"' in few
    assert (
        "columns"
        not in page.get("?columns=user,activity,time,where").text.partition("data-size")[2]
    )


def test_what_stayed_is_folded_where_it_is_long(page: TrailPage) -> None:
    items = [f"item {number}" for number in range(30)]
    document = {f"key {number:02}": number for number in range(30)}
    page.add(
        what=changed(
            names=({"$": "json", "value": items}, {"$": "json", "value": [*items, "last"]}),
            config=(
                {"$": "json", "value": document},
                {"$": "json", "value": document | {"key 15": "other"}},
            ),
            note=("word " * 300 + "ends here", "word " * 300 + "ends there"),
            short=("one two", "one three"),
        )
    )
    html = page.get("/1").text
    assert "<ins>last</ins>" in html
    assert html.count("<summary>30 that stayed</summary>") == 2
    assert html.count("characters that stayed</summary>") == 2 + 2 * 2
    shown = text(re.sub(r"<summary>.*?</summary>", "", html))
    assert shown.count("word " * 299) == 2
    assert all(shown.count(item) >= 2 for item in items)


WAYS = ("begin so: supp* action:delete", "without Action: delete", "instead of Last hour")


def test_nothing_found_says_what_to_do(page: TrailPage) -> None:
    page.add()
    html = page.get("?q=supp action:delete&range=1h").text
    assert "No entry has all of what is asked for." in text(html)
    ways = {words: linked(html, words) for words in WAYS}
    assert [address for (address,) in ways.values()] == [
        "?q=supp%2A+action%3Adelete&range=1h",
        "?q=supp&range=1h",
        "?q=supp+action%3Adelete",
    ]
    assert linked(html, "Show all entries") == [""]
    html = page.get("?since=2020-01-01&until=2020-01-02").text
    assert "Nothing happened then." in text(html)
    assert linked(html, "Show all time instead of 2020-01-01 to 2020-01-02") == ["?"]
    assert "begin so" not in page.get('?q="a b" x* entity:none').text
