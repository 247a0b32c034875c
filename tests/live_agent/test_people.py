"""People: how they come by a password, what they change of themselves, and who may not touch it."""

from typing import Any

import httpx2
import pytest

from live_agent.attempts import Limits
from live_agent.schema import User
from live_agent.site import create_site
from tests.live_agent.office import PASSWORD, Office, Person, Place, serving
from tests.live_agent.test_bad_input import refused
from tests.live_agent.test_contract import ok

NEW = "a new and longer one"


@pytest.fixture
def invited(place: Place) -> dict[str, Any]:
    """An administrator who was added without a password."""
    body = {"name": "Mia", "email": f"mia.{place.id}@alder.example", "role": "administrator"}
    agent: dict[str, Any] = ok(place.client().post("/agents", json=body))
    assert agent["confirmed"] is False
    return agent


def sign_in(place: Place, email: str, password: str) -> int:
    body = {"email": email, "password": password}
    return place.browser().post("/auth/sign_in", json=body).status_code


def change(place: Place, role: str, **values: Any) -> httpx2.Response:
    """Change a person's own profile, by their token."""
    token = {"api_access_token": place.people[role].token}
    return place.browser().patch("/api/v1/profile", json=values, headers=token)


def test_an_administrator_gives_an_invited_person_their_first_password(
    place: Place, invited: dict[str, Any]
) -> None:
    path = f"/agents/{invited['id']}"
    refused(place.client().patch(path, json={"password": "short"}), "password")
    assert sign_in(place, invited["email"], NEW) == 401
    place.look_away()
    assert ok(place.client().patch(path, json={"password": NEW}))["confirmed"] is True
    (item,) = place.news()
    assert (item["auditable_type"], item["action"]) == ("User", "update")
    assert NEW not in str(item)
    assert sign_in(place, invited["email"], NEW) == 200


def test_nobody_gives_a_password_to_somebody_who_has_one(
    place: Place, invited: dict[str, Any]
) -> None:
    client = place.client()
    ok(client.patch(f"/agents/{invited['id']}", json={"password": NEW}))
    for number in (invited["id"], place.people["agent"].id):
        refused(client.patch(f"/agents/{number}", json={"password": "another one"}), "password")
    assert sign_in(place, invited["email"], NEW) == 200


def test_nobody_gives_a_password_to_somebody_of_two_accounts(
    place: Place, elsewhere: Place, invited: dict[str, Any]
) -> None:
    elsewhere.take_in(Person(invited["id"], invited["email"], ""))
    for each in (place, elsewhere):
        answer = each.client().patch(f"/agents/{invited['id']}", json={"password": NEW})
        refused(answer, "password")


def test_an_agent_s_e_mail_is_their_own_to_change(place: Place) -> None:
    person = place.people["agent"]
    path = f"/agents/{person.id}"
    for email in ("notanemail", "other@alder.example", None):
        refused(place.client().patch(path, json={"email": email}), "email")
    ok(place.client().patch(path, json={"email": person.email.upper(), "role": "agent"}))


def test_somebody_of_another_account_is_refused_without_their_name(
    place: Place, elsewhere: Place
) -> None:
    place.look_away()
    person = elsewhere.people["agent"]
    body = {"name": "Mine now", "email": person.email, "role": "agent", "password": NEW}
    said = refused(place.client().post("/agents", json=body), "email")["message"]
    assert said.startswith("E-mail belongs to somebody of another account")
    assert place.client().get(f"/agents/{person.id}").status_code == 404
    elsewhere.signed_in("agent")
    assert place.news() == []


def test_whoever_runs_the_server_adds_somebody_of_another_account(
    place: Place, elsewhere: Place
) -> None:
    person = elsewhere.people["agent"]
    place.take_in(person, "supervisor")
    refused(place.client().patch(f"/agents/{person.id}", json={"name": "Mine now"}), "name")
    assert elsewhere.client("agent").get("/teams").status_code == 200


def test_only_administrators_who_can_come_in_keep_an_account(
    place: Place, invited: dict[str, Any], office: Office
) -> None:
    mine = f"/agents/{place.people['administrator'].id}"
    refused(place.client().delete(mine), "role")
    refused(place.client().patch(mine, json={"role": "agent"}), "role")
    ok(place.client().patch(f"/agents/{invited['id']}", json={"password": NEW}))
    ok(place.client().delete(mine))


def test_a_token_alone_keeps_an_account_too(place: Place, office: Office) -> None:
    supervisor = place.people["supervisor"]
    ok(place.client().patch(f"/agents/{supervisor.id}", json={"role": "administrator"}))
    with office.services.database.transaction() as db:
        db.get_one(User, supervisor.id).password_hash = None
    ok(place.client().delete(f"/agents/{place.people['administrator'].id}"))


def test_a_person_changes_their_own_name_e_mail_and_password(place: Place) -> None:
    browser, _ = place.signed_in("agent")
    email = f"new.{place.people['agent'].email}"
    place.look_away()
    changed = ok(
        change(
            place,
            "agent",
            profile={"name": "Ana", "email": email, "password": NEW, "current_password": PASSWORD},
        )
    )
    assert (changed["name"], changed["email"]) == ("Ana", email)
    assert browser.get("/api/v1/profile").status_code == 401
    (item,) = place.news()
    assert (item["auditable_type"], item["action"], item["user_id"]) == (
        "User",
        "update",
        place.people["agent"].id,
    )
    assert set(item["audited_changes"]) == {"name", "email", "password_hash"}
    assert NEW not in str(item)
    assert [sign_in(place, email, each) for each in (PASSWORD, NEW)] == [401, 200]


def test_a_new_name_ends_no_session_and_is_told_in_each_account(
    place: Place, elsewhere: Place
) -> None:
    elsewhere.take_in(place.people["agent"])
    browser, csrf = place.signed_in("agent")
    place.look_away()
    elsewhere.look_away()
    body = {"name": "Ana", "current_password": PASSWORD}
    ok(browser.put("/api/v1/profile", json=body, headers={"x-csrf-token": csrf}))
    assert ok(browser.get("/api/v1/profile"))["name"] == "Ana"
    for each in (place, elsewhere):
        (item,) = each.news()
        assert list(item["audited_changes"]) == ["name"]


def test_language_and_zone_are_chosen_without_the_password_and_told_in_each_account(
    place: Place, elsewhere: Place
) -> None:
    elsewhere.take_in(place.people["agent"])
    token = {"api_access_token": place.people["agent"].token}
    before = ok(place.browser().get("/api/v1/profile", headers=token))
    assert (before["language"], before["timezone"]) == (None, None)
    place.look_away()
    elsewhere.look_away()
    changed = ok(change(place, "agent", language="ja", timezone="Asia/Tokyo"))
    assert (changed["language"], changed["timezone"]) == ("ja", "Asia/Tokyo")
    assert ok(place.browser().get("/api/v1/profile", headers=token)) == changed
    for each in (place, elsewhere):
        (item,) = each.news()
        assert item["audited_changes"] == {
            "language": [None, "ja"],
            "timezone": [None, "Asia/Tokyo"],
        }
    back = ok(change(place, "agent", language=None, timezone=None))
    assert (back["language"], back["timezone"]) == (None, None)
    # With anything else the password is asked for.
    refused(change(place, "agent", language="de", name="Ana"), "current_password")


@pytest.mark.parametrize(
    ("values", "field"),
    [
        *(({"language": each}, "language") for each in ("tlh", "DE", "", 7, ["de"], "de\0")),
        *(({"timezone": each}, "timezone") for each in ("Nowhere/Land", "../etc", "", 7, "+02:00")),
    ],
)
def test_an_unknown_language_or_zone_is_refused(
    place: Place, values: dict[str, Any], field: str
) -> None:
    place.look_away()
    refused(change(place, "agent", **values), field)
    assert place.news() == []


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": "Ana"}, "current_password"),
        ({"name": "Ana", "current_password": "wrong"}, "current_password"),
        ({"name": "Ana", "current_password": ["a"]}, "current_password"),
        ({"name": "", "current_password": PASSWORD}, "name"),
        ({"email": "nobody", "current_password": PASSWORD}, "email"),
        ({"email": "TAKEN", "current_password": PASSWORD}, "email"),
        ({"password": "short", "current_password": PASSWORD}, "password"),
    ],
)
def test_a_profile_that_can_t_be_is_refused(
    place: Place, values: dict[str, Any], field: str
) -> None:
    if values.get("email") == "TAKEN":
        values = {**values, "email": place.people["supervisor"].email}
    browser, _ = place.signed_in("agent")
    refused(change(place, "agent", **values), field)
    assert browser.get("/api/v1/profile").status_code == 200


def test_nobody_guesses_a_password_at_the_profile(tmp_path: Any) -> None:
    with serving(tmp_path, make=create_site, limits=Limits(an_email=3, an_address=9)) as office:
        place = office.open()
        place.look_away()
        answers = [change(place, "agent", current_password=f"guess {n}") for n in range(5)]
        assert [answer.status_code for answer in answers] == [422, 422, 422, 429, 429]
        assert place.news()[0]["action"] == "sign_in_failed"
        place.close()
