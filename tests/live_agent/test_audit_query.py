"""The parameters of the audit logs: pages, types, people, times, order."""

from typing import Any

import pytest

from live_agent.catalog import class_name
from tests.live_agent.office import Place
from tests.live_agent.test_contract import ok


def logs(place: Place, **params: Any) -> dict[str, Any]:
    place.total()
    answer: dict[str, Any] = ok(place.client().get("/audit_logs", params=params))
    return answer


def names(answer: dict[str, Any]) -> list[Any]:
    return [item["audited_changes"].get("name") for item in answer["audit_logs"]]


def test_pages_are_newest_first_and_count_all(place: Place) -> None:
    client = place.client()
    for number in range(30):
        ok(client.post("/teams", json={"name": f"Team {number}"}))
    first, second = logs(place), logs(place, page=2)
    assert (first["per_page"], first["total_entries"], first["current_page"]) == (25, 36, 1)
    assert [item["id"] for item in first["audit_logs"]] == list(range(36, 11, -1))
    assert [item["id"] for item in second["audit_logs"]] == list(range(11, 0, -1))
    assert logs(place, page=3)["audit_logs"] == []


def test_the_order_may_be_turned_round(place: Place) -> None:
    ok(place.client().post("/teams", json={"name": "Tier 1"}))
    ids = [item["id"] for item in logs(place, sort="asc")["audit_logs"]]
    assert ids == [1, 2, 3, 4, 5, 6, 7]


def test_types_are_the_contract_s_class_names(place: Place) -> None:
    client = place.client()
    ok(client.post("/teams", json={"name": "Tier 1"}))
    ok(client.post("/inboxes", json={"name": "Support"}))
    assert names(logs(place, **{"types[]": "Team"})) == ["Tier 1"]
    both = ok(client.get("/audit_logs?types[]=Team&types[]=Inbox"))
    assert (names(both), both["total_entries"]) == (["Support", "Tier 1"], 2)


def test_people_are_found_by_part_of_their_e_mail_or_name_whatever_the_case(place: Place) -> None:
    ok(place.client().post("/teams", json={"name": "Tier 1"}))
    assert names(logs(place, q="ADMINISTRATOR.")) == ["Tier 1"]
    assert names(logs(place, q="supervisor")) == []
    assert names(logs(place, q="%")) == []


def test_times_are_inclusive(place: Place) -> None:
    ok(place.client().post("/teams", json={"name": "Tier 1"}))
    at = logs(place)["audit_logs"][0]["created_at"]
    assert "Tier 1" in names(logs(place, since=at, until=at))
    assert names(logs(place, since=at + 2)) == []
    assert names(logs(place, until=at - 60)) == []


@pytest.mark.parametrize(
    "params",
    [
        {"page": "0"},
        {"page": "-1"},
        {"page": "two"},
        {"page": "9" * 30},
        {"since": "yesterday"},
        {"since": "-1"},
        {"until": "9" * 17},
        {"until": "1.5"},
        {"sort": "up"},
        {"types[]": "Contact"},
        {"types[]": "inbox"},
        {"q": "a" * 255},
    ],
)
def test_what_can_t_be_understood_is_refused(place: Place, params: dict[str, str]) -> None:
    answer = place.client().get("/audit_logs", params=params)
    assert answer.status_code == 422
    assert answer.json()["message"] == answer.json()["error"]


@pytest.mark.parametrize("sort", ["asc", "desc"])
def test_a_page_far_beyond_the_end_is_empty(place: Place, sort: str) -> None:
    assert logs(place, page=10**9, sort=sort)["audit_logs"] == []


@pytest.mark.parametrize("entry", ["0", "5000", "9" * 18, "9" * 30, "x", "-1"])
def test_an_unknown_entry_is_not_found(place: Place, entry: str) -> None:
    assert place.client().get(f"/audit_logs/{entry}").status_code == 404


def test_an_entry_s_own_address_answers_its_item(place: Place) -> None:
    newest = logs(place)["audit_logs"][0]
    assert ok(place.client().get(f"/audit_logs/{newest['id']}")) == newest


def test_an_unknown_entity_type_is_spelled_as_a_class() -> None:
    assert class_name("canned_response") == "CannedResponse"


def test_one_s_own_change_is_there_at_once(place: Place) -> None:
    client = place.client()
    for number in range(10):
        ok(client.post("/teams", json={"name": f"Team {number}"}))
        newest = ok(client.get("/audit_logs"))["audit_logs"][0]
        assert newest["audited_changes"]["name"] == f"Team {number}"
