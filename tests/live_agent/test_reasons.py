"""Why something is done comes with the change, and is kept with all that the change brought about."""

from typing import Any

import pytest

from live_agent.settings.reasons import LONGEST_REASON, LONGEST_TICKET, reasons_sent
from tests.live_agent.office import Place
from tests.live_agent.test_contract import ok


def why(item: dict[str, Any]) -> tuple[str | None, str | None]:
    return item["comment"], item["ticket"]


def test_a_reason_and_a_ticket_come_as_headers_of_any_change(place: Place) -> None:
    client = place.client()
    said = {"X-Audit-Reason": "Merged into Tier 2", "X-Audit-Ticket": "T-42"}
    team = ok(client.post("/teams", json={"name": "Tier 1"}, headers=said))["id"]
    ok(client.patch(f"/teams/{team}", json={"name": "Tier 2"}, headers={"X-Audit-Ticket": "T-43"}))
    ok(client.delete(f"/teams/{team}"))
    assert [why(item) for item in place.news()] == [
        ("Merged into Tier 2", "T-42"),
        (None, "T-43"),
        (None, None),
    ]


def test_what_goes_with_it_carries_the_same_reason(place: Place) -> None:
    client = place.client()
    people = [place.people[role].id for role in ("agent", "supervisor")]
    team = ok(client.post("/teams", json={"name": "Tier 1"}))["id"]
    ok(client.post(f"/teams/{team}/team_members", json={"user_ids": people}))
    place.look_away()
    ok(client.delete(f"/teams/{team}", headers={"X-Audit-Reason": "No longer needed"}))
    assert [why(item) for item in place.news()] == [("No longer needed", None)] * 3


def test_a_reason_of_any_language_is_carried(place: Place) -> None:
    said = {b"X-Audit-Reason": "Löschung auf Wunsch, 削除 \U0001f5d1".encode()}
    ok(place.client().post("/teams", json={"name": "Tier 1"}, headers=said))
    assert why(place.news()[-1]) == ("Löschung auf Wunsch, 削除 \U0001f5d1", None)


def test_a_reason_that_is_no_utf_8_is_kept_as_far_as_it_can_be_read(place: Place) -> None:
    said = {b"X-Audit-Reason": b"a\xffb"}
    ok(place.client().post("/teams", json={"name": "Tier 1"}, headers=said))
    assert why(place.news()[-1]) == ("a\ufffdb", None)


def test_one_that_is_too_long_is_refused_and_nothing_is_changed(place: Place) -> None:
    said = {"X-Audit-Reason": "x" * (LONGEST_REASON + 1), "X-Audit-Ticket": "x" * 101}
    refused = place.client().post("/teams", json={"name": "Tier 1"}, headers=said)
    assert refused.status_code == 422
    assert refused.json()["attributes"] == ["reason", "ticket"]
    assert "Reason must be at most 1,000 characters long." in refused.json()["message"]
    assert place.news() == []


def test_who_may_not_do_it_is_told_so_first(place: Place) -> None:
    said = {"X-Audit-Reason": "x" * 5_000}
    assert place.client("agent").post("/teams", json={}, headers=said).status_code == 403
    assert place.client().get("/teams", headers=said).status_code == 200


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ({}, {}),
        ({"reason": [""], "ticket": ["  "]}, {}),
        (
            {"reason": ["  one\r\ntwo\t "], "ticket": [" T-1 "]},
            {"reason": "one\ntwo", "ticket": "T-1"},
        ),
        ({"reason": ["x" * LONGEST_REASON]}, {"reason": "x" * LONGEST_REASON}),
        ({"ticket": ["x" * LONGEST_TICKET], "other": ["y"]}, {"ticket": "x" * LONGEST_TICKET}),
    ],
)
def test_what_was_said_is_kept_without_the_space_around_it(
    sent: dict[str, list[str]], kept: dict[str, str]
) -> None:
    assert reasons_sent(sent) == (kept, {})


@pytest.mark.parametrize("bad", ["a\x00b", "a\x1bb", "\x7f", "\ud800"])
def test_control_characters_are_refused(bad: str) -> None:
    found = reasons_sent({"reason": [bad], "ticket": [bad]})
    assert found.values == {}
    assert found.errors == {
        "reason": "Reason must not contain control characters.",
        "ticket": "Ticket must not contain control characters.",
    }


def test_a_ticket_is_one_line() -> None:
    assert reasons_sent({"ticket": ["T-1\nT-2"]}).errors
