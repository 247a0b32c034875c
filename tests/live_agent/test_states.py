"""What was, over the API: records and roles at a moment, for administrators, in every detail known."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.live_agent.office import PASSWORD, Place
from tests.live_agent.test_contract import ok

pytestmark = pytest.mark.both_engines


def state(place: Place, **given: Any) -> dict[str, Any]:
    place.total()
    found: dict[str, Any] = ok(place.client().get("/audit_logs/state", params=given))
    return found


def roles(place: Place, **given: Any) -> dict[str, str]:
    place.total()
    found = ok(place.client().get("/audit_logs/roles", params=given))
    return {person["id"]: person["role"] for person in found["people"]}


def now() -> str:
    return datetime.now(UTC).isoformat()


def test_a_record_is_told_as_it_was_and_as_it_is(place: Place) -> None:
    client = place.client()
    inbox = ok(client.post("/inboxes", json={"name": "Support"}))["id"]
    created = now()
    ok(client.patch(f"/inboxes/{inbox}", json={"name": "Help", "greeting_enabled": True}))
    then = state(place, type="inbox", id=inbox, at=created)
    assert (then["exists"], then["label"], then["values"]["name"]) == (True, "Support", "Support")
    assert then["values"]["greeting_enabled"] is False
    assert then["values"]["hmac_token"] == "[hidden]"
    assert then["unknown"] == []
    current = state(place, type="inbox", id=inbox)
    assert (current["values"]["name"], current["values"]["greeting_enabled"]) == ("Help", True)
    assert then["then"] == current["by"]
    ok(client.delete(f"/inboxes/{inbox}"))
    gone = state(place, type="inbox", id=inbox)
    assert (gone["exists"], gone["values"], gone["unknown"]) == (False, {}, [])
    assert state(place, type="inbox", id=inbox, at="2020-01-01T00:00:00Z")["exists"] is False


def test_a_person_whose_name_alone_changed_has_no_other_known_field(place: Place) -> None:
    person = place.people["agent"].id
    place.look_away()
    token = {"api_access_token": place.people["agent"].token}
    body = {"name": "Ada", "current_password": PASSWORD}
    ok(place.browser().put("/api/v1/profile", json=body, headers=token))
    found = state(place, type="user", id=person)
    assert (found["exists"], found["values"]) == (True, {"name": "Ada"})
    before = state(place, type="user", id=person, at="2026-01-01T00:00:00Z")
    assert (before["exists"], before["values"]["name"].split()[0]) == (True, "Agent")


def test_a_person_s_sign_in_left_nothing_as_it_is(place: Place) -> None:
    person = place.people["agent"]
    place.signed_in("agent")
    token = {"api_access_token": person.token}
    ok(place.browser().patch("/api/v1/profile", json={"language": "de"}, headers=token))
    changed = place.total() - 1
    place.signed_in("agent")
    assert place.total() == changed + 2
    found = state(place, type="user", id=person.id)
    assert (found["values"], found["by"], found["then"]) == ({"language": "de"}, changed, None)
    earlier = state(place, type="user", id=person.id, at="2020-01-01T00:00:00Z")
    assert (earlier["by"], earlier["then"]) == (None, changed)


def test_who_had_which_role_is_told_of_each_moment(place: Place) -> None:
    people = place.people
    numbers = {role: str(person.id) for role, person in people.items()}
    before = now()
    place.total()
    ok(place.client().patch(f"/agents/{numbers['agent']}", json={"role": "supervisor"}))
    ok(place.client().delete(f"/agents/{numbers['supervisor']}"))
    assert roles(place, at=before) == {numbers[role]: role for role in people}
    assert roles(place) == {
        numbers["agent"]: "supervisor",
        numbers["administrator"]: "administrator",
    }
    assert roles(place, at="2020-01-01T00:00:00+01:00") == {}


def test_whoever_was_renamed_is_listed_by_the_name_of_that_moment(place: Place) -> None:
    agent = place.people["agent"]

    def name(**given: Any) -> str:
        place.total()
        people = ok(place.client().get("/audit_logs/roles", params=given))["people"]
        (found,) = (person["name"] for person in people if person["id"] == str(agent.id))
        return str(found)

    first, before = name(), now()
    ok(place.client().patch(f"/agents/{agent.id}", json={"name": "Mia Okafor-Klein"}))
    renamed = now()
    assert (name(), name(at=before)) == ("Mia Okafor-Klein", first)
    ok(place.client().patch(f"/agents/{agent.id}", json={"name": "Mia Klein"}))
    ok(place.client().patch(f"/agents/{agent.id}", json={"role": "supervisor"}))
    assert (name(), name(at=renamed), name(at=before)) == ("Mia Klein", "Mia Okafor-Klein", first)


@pytest.mark.parametrize("path", ["/audit_logs/state?type=inbox&id=1", "/audit_logs/roles"])
def test_what_was_is_for_administrators_of_the_account_alone(
    place: Place, elsewhere: Place, path: str
) -> None:
    for role in ("agent", "supervisor"):
        assert place.client(role).get(path).status_code == 403
    token = {"api_access_token": elsewhere.people["administrator"].token}
    assert place.client().get(path, headers=token).status_code == 404


def test_a_record_of_another_account_is_unknown(place: Place, elsewhere: Place) -> None:
    theirs = ok(elsewhere.client().post("/teams", json={"name": "Theirs"}))["id"]
    elsewhere.total()
    answer = place.client().get("/audit_logs/state", params={"type": "team", "id": theirs})
    assert answer.status_code == 404
    assert "Theirs" not in answer.text


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"type": "team", "id": "1", "at": "yesterday"}, "at must be a moment"),
        ({"type": "team", "id": "1", "at": "0001-01-01T00:00:00+14:00"}, "at must be a moment"),
        ({"type": "team", "id": "1", "at": "9999-12-31T23:59:59Z"}, "at must be a moment"),
        ({"type": "team", "id": "1", "at": "2026-11-24"}, "at must be a moment"),
        ({"type": "team", "id": "1", "zone": "Nowhere"}, "zone must be"),
        ({"type": "team", "id": ""}, "id must be given"),
        ({"type": "t" * 201, "id": "1"}, "type must be given"),
        ({"type": "team", "id": "1", "when": "now"}, "There is no parameter when"),
    ],
)
def test_what_cannot_be_meant_is_refused(place: Place, given: dict[str, str], says: str) -> None:
    answer = place.client().get("/audit_logs/state", params=given)
    assert answer.status_code == 422
    assert says in answer.json()["message"]


def test_a_moment_without_an_offset_is_by_the_clocks_of_the_zone(place: Place) -> None:
    ok(place.client().patch("", json={"timezone": "Asia/Tokyo"}))
    found = [
        state_at["at"]
        for given in ({}, {"zone": "Europe/Berlin"})
        if (
            state_at := ok(
                place.client().get(
                    "/audit_logs/roles", params={"at": "2026-07-01T09:00:00", **given}
                )
            )
        )
    ]
    assert found == ["2026-07-01T00:00:00Z", "2026-07-01T07:00:00Z"]
