"""The entries of the trail over the API: whose they are, and that what the page shows is in them."""

from pathlib import Path
from typing import Any

import pytest

from audit_trail.server.cursor import Position
from live_agent.app import build_services
from tests.live_agent.office import Place
from tests.live_agent.test_bad_input import refused
from tests.live_agent.test_contract import ok

pytestmark = pytest.mark.both_engines
PATH = "/audit_logs/entries"


def entries(place: Place, **given: Any) -> dict[str, Any]:
    place.total()
    found: dict[str, Any] = ok(place.client().get(PATH, params=given))
    return found


def test_an_entry_is_read_whole_as_it_was_recorded(place: Place) -> None:
    team = ok(place.client().post("/teams", json={"name": "Tier 1"}))
    (entry,) = entries(place, q=f'entity:team id:{team["id"]} "tier 1"', range="1h")["entries"]
    assert entry["activity"] == f"Created a new team (#{team['id']})"
    assert entry["public"]["actor"]["id"] == str(place.people["administrator"].id)
    assert entry["who"]["email"] == place.people["administrator"].email
    assert entry["what"]["changes"]["name"]["after"] == "Tier 1"
    item = ok(place.client().get(f"/audit_logs/{entry['index'] + 1}"))
    assert (item["request_uuid"], item["version"]) == (entry["public"]["request"], entry["version"])
    assert ok(place.client().get(f"{PATH}/{entry['index']}")) == entry


def test_pages_go_on_by_cursor_to_the_first_entry(place: Place) -> None:
    for number in range(5):
        ok(place.client().post("/teams", json={"name": f"Team {number}"}))
    page, found = entries(place, limit=3), list[int]()
    while True:
        found += [entry["index"] for entry in page["entries"]]
        if not page["has_more"]:
            break
        ok(place.client().post("/teams", json={"name": f"Later {len(found)}"}))
        page = entries(place, limit=3, cursor=page["next"])
    assert found == list(range(10, -1, -1))


def test_in_ascending_order_the_last_page_s_cursor_waits_for_news(place: Place) -> None:
    last = entries(place, sort="asc", q="entity:team")
    assert (last["entries"], last["has_more"]) == ([], False)
    ok(place.client().post("/inboxes", json={"name": "Support"}))
    ok(place.client().post("/teams", json={"name": "Tier 1"}))
    news = entries(place, sort="asc", q="entity:team", cursor=last["next"])
    assert [entry["public"]["entity"]["type"] for entry in news["entries"]] == ["team"]
    assert news["next"] != last["next"]


def test_facets_and_timeline_are_of_the_same_entries(place: Place) -> None:
    for name in ("Tier 1", "Tier 2"):
        ok(place.client().post("/teams", json={"name": name}))
    place.total()
    given = {"q": "entity:team", "range": "1h"}
    facets = ok(place.client().get(f"{PATH}/facets", params=given))
    assert facets["total"] == {"number": 2, "is_exact": True}
    assert facets["facets"]["action"] == [{"value": "create", "count": 2}]
    bars = ok(place.client().get(f"{PATH}/timeline", params=given))["bars"]
    assert sum(bar["create"] for bar in bars) == 2
    assert bars[0]["since"] < bars[0]["until"] == bars[1]["since"]


@pytest.mark.parametrize("path", ["", "/0", "/facets", "/timeline"])
def test_administrators_alone_may_read_and_who_is_refused_is_an_entry(
    place: Place, elsewhere: Place, path: str
) -> None:
    place.look_away()
    assert place.browser().get(f"{place.client().base_url}{PATH}{path}").status_code == 401
    assert place.client("supervisor").get(PATH + path).status_code == 403
    assert [item["action"] for item in place.news()] == ["read_denied"]
    foreign = f"{place.client().base_url}{PATH}{path}"
    assert elsewhere.client().get(foreign).status_code == 404
    assert place.news() == []


def test_a_cursor_of_another_account_is_refused(place: Place, elsewhere: Place) -> None:
    cursor = entries(place, limit=1)["next"]
    answer = elsewhere.client().get(PATH, params={"limit": 1, "cursor": cursor})
    assert refused(answer, "cursor")["code"] == "cursor_refused"
    answer = place.client().get(PATH, params={"limit": 1, "cursor": cursor[:-1] + "-"})
    assert refused(answer, "cursor")["code"] == "cursor_refused"


def test_a_wrong_question_is_answered_with_its_place_and_what_may_be_meant(place: Place) -> None:
    body = refused(place.client().get(PATH, params={"q": "team user:ada"}), "q")
    assert body["code"] == "question_refused"
    assert body["question"] == {"at": [5, 10], "understood": "team", "suggestion": "team actor:ada"}


def test_what_a_page_can_t_show_is_refused_and_says_why(place: Place) -> None:
    answer = place.client().get(PATH, params={"since": "2026-11-02", "until": "2026-11-01"})
    assert "exchange" in refused(answer)["message"]
    assert "zone must be" in refused(place.client().get(PATH, params={"zone": "x"}))["message"]


def test_days_are_of_the_account_s_zone_unless_another_is_named(place: Place) -> None:
    ok(place.client().patch("/", json={"timezone": "Pacific/Kiritimati"}))
    bars = ok(place.client().get(f"{PATH}/timeline"))["bars"]
    assert bars[0]["since"].endswith("+14:00")
    assert ok(place.client().get(f"{PATH}/timeline?zone=UTC"))["bars"][0]["since"].endswith("Z")


def test_the_document_describes_the_parameters(place: Place) -> None:
    document = ok(place.browser().get("/api/openapi.json"))
    listed = document["paths"]["/api/v1/accounts/{account_id}/audit_logs/entries"]["get"]
    by_name = {each["name"]: each for each in listed["parameters"]}
    assert {"q", "range", "since", "until", "zone", "sort", "limit", "cursor"} <= by_name.keys()
    assert by_name["range"]["required"] is False
    assert by_name["q"]["schema"]["maxLength"] == 2_000


def test_a_server_knows_its_cursors_again_after_a_restart(tmp_path: Path) -> None:
    written, position = [], Position(7, 1)
    for _ in range(2):
        services = build_services(tmp_path)
        written.append(services.tails.cursors.write("1", {}, position))
        assert services.tails.cursors.read("1", {}, written[0]) == position
        services.close()
    assert written[0] == written[1]
