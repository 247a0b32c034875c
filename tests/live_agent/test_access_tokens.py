"""A token that is limited to the audit trail opens its files in one account, and nothing else."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from litestar.routes import HTTPRoute
from sqlalchemy import select

from audit_trail.credentials import digest
from live_agent import founding
from live_agent.access import create_token
from live_agent.errors import Invalid
from live_agent.gate import Rule
from live_agent.schema import AccessToken
from live_agent.site import create_site
from tests.live_agent.monitor import Monitor
from tests.live_agent.office import Office, Place, serving
from tests.live_agent.test_contract import ok
from tests.live_agent.test_roles import TRAIL_FILES

pytestmark = pytest.mark.both_engines

EXAMPLES = {"int": "1", "str": "x", "path": "0/000.p/1"}


def token_for(place: Place, role: str = "administrator") -> str:
    database = place.office.services.database
    return founding.create_token(
        database, place.id, place.people[role].email, "Birch Audit", "audit_trail"
    )


def status(place: Place, token: str, path: str = "/audit_logs/checkpoint") -> int:
    url = f"{place.office.url}/api/v1/accounts/{place.id}{path}"
    return httpx2.get(url, headers={"api_access_token": token}, timeout=30).status_code


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Office]:
    with serving(tmp_path, create_site) as running:
        yield running


def requests_of(office: Office, account_id: int) -> Iterator[tuple[str, str, Rule]]:
    """Every method of every route, with an address that it would answer."""
    for route in office.app.routes:
        assert isinstance(route, HTTPRoute)
        path = route.path.replace("{account_id:int}", str(account_id))
        path = re.sub(r"\{\w+:(\w+)\}", lambda found: EXAMPLES[found[1]], path)
        for handler in route.route_handlers:
            for method in handler.http_methods - {"OPTIONS"}:
                yield method, path, handler.opt["access"]


def test_no_other_route_of_the_whole_site_opens_to_it(site: Office) -> None:
    place = site.open()
    client = place.browser()
    client.headers["api_access_token"] = token_for(place)
    place.total()
    answers: dict[str, set[int]] = {"open": set(), "shut": set()}
    for method, path, rule in requests_of(site, place.id):
        if rule.who != "anybody":
            answer = client.request(method, path)
            answers["open" if rule.scope else "shut"].add(answer.status_code)
    place.close()
    # The proofs that are asked for without numbers are 422.
    assert answers == {"open": {200, 422}, "shut": {403}}


def test_it_reads_the_trail_s_files_and_verifies_them(place: Place) -> None:
    token = token_for(place)
    size = place.total()
    for path in TRAIL_FILES.values():
        assert status(place, token, path) == 200, path
    url = f"{place.office.url}/api/v1/accounts/{place.id}/audit_logs"
    assert Monitor(url, token).checkpoint().size == size


def test_it_finds_no_other_account_not_even_one_of_its_person(
    place: Place, elsewhere: Place
) -> None:
    token = token_for(place)
    elsewhere.take_in(place.people["administrator"], "administrator")
    assert status(elsewhere, place.people["administrator"].token) == 200
    before = elsewhere.total()
    assert status(elsewhere, token) == 404
    assert status(elsewhere, token, "/audit_logs") == 404
    assert elsewhere.total() == before


def test_what_it_may_not_read_of_the_audit_logs_is_an_entry_that_says_why(place: Place) -> None:
    token = token_for(place)
    place.look_away()
    assert status(place, token, "/audit_logs") == 403
    (refusal,) = place.news()
    assert refusal["action"] == "read_denied"
    assert refusal["comment"] == "The access token is limited to another use"
    assert refusal["access_token"]["name"] == "Birch Audit"


def test_it_is_good_while_its_person_is_an_administrator(place: Place) -> None:
    token, person = token_for(place), place.people["administrator"]
    supervisor = f"/agents/{place.people['supervisor'].id}"
    ok(place.client().patch(supervisor, json={"role": "administrator"}))
    assert status(place, token) == 200
    other = place.client("supervisor")
    ok(other.patch(f"/agents/{person.id}", json={"role": "agent"}))
    assert status(place, token) == 403
    ok(other.delete(f"/agents/{person.id}"))
    assert status(place, token) == 401
    place.take_in(person, "administrator")
    assert status(place, token) == 401


def test_it_is_made_and_revoked_with_an_entry_and_without_its_secret(place: Place) -> None:
    place.look_away()
    database = place.office.services.database
    token = token_for(place)
    ((number, scope),) = [(each.id, each.scope) for each in founding.tokens(database, place.id)]
    assert scope == "audit_trail"
    founding.revoke_token(database, place.id, number)
    assert status(place, token) == 401
    assert founding.tokens(database, place.id) == []
    made, revoked = place.news()
    assert (made["auditable_type"], made["auditable_id"]) == ("AccessToken", number)
    assert (made["action"], revoked["action"]) == ("create", "destroy")
    assert made["username"] == "System" and made["via"] == "cli"
    assert made["audited_changes"]["name"] == "Birch Audit"
    assert made["audited_changes"]["scope"] == "audit_trail"
    for secret in (token, digest(token)):
        assert secret not in str(made) + str(revoked)
    found = ok(place.client().get("/audit_logs?types[]=AccessToken"))
    assert [item["action"] for item in found["audit_logs"][:2]] == ["destroy", "create"]


def test_it_goes_with_its_person_and_the_entry_says_so(place: Place) -> None:
    supervisor = f"/agents/{place.people['supervisor'].id}"
    ok(place.client().patch(supervisor, json={"role": "administrator"}))
    token_for(place, "supervisor")
    place.look_away()
    ok(place.client().delete(supervisor))
    gone = {item["auditable_type"]: item for item in place.news()}
    assert gone["AccessToken"]["action"] == "destroy"
    assert place.cause_of(gone["AccessToken"]) == place.entry_id(gone["AccountUser"])


def test_only_an_administrator_of_the_account_can_have_one(place: Place, elsewhere: Place) -> None:
    database = place.office.services.database
    ada, theirs = place.people["administrator"].email, elsewhere.people["administrator"].email
    refusals: list[tuple[tuple[Any, ...], str]] = [
        ((place.id, place.people["agent"].email, "x1", "audit_trail"), "an administrator's"),
        ((place.id, theirs, "x1", "audit_trail"), "belongs to this account"),
        ((place.id, "nobody@alder.example", "x1", "audit_trail"), "nobody with this e-mail"),
        ((place.id, ada, "x1", "everything"), "Scope must"),
        ((place.id, ada, " ", "audit_trail"), "Name is required"),
        ((10**9, ada, "x1", "audit_trail"), "There is no account"),
    ]
    for arguments, said in refusals:
        with pytest.raises(Invalid, match=said):
            founding.create_token(database, *arguments)
    token_for(elsewhere)
    (foreign,) = founding.tokens(database, elsewhere.id)
    for number in (foreign.id, 0, -1, 10**9, 2**70):
        with pytest.raises(Invalid, match="has no token"):
            founding.revoke_token(database, place.id, number)
    with pytest.raises(Invalid, match="There is no account"):
        founding.tokens(database, 10**9)


def test_one_that_changes_nothing_lets_no_last_administrator_go(place: Place) -> None:
    """Whoever holds nothing else could not sign in and run the account."""
    token_for(place)
    database, person = place.office.services.database, place.people["administrator"]
    invited = {"name": "Mia", "email": f"mia.{place.id}@alder.example", "role": "administrator"}
    ok(place.client().post("/agents", json=invited))
    founding.create_token(database, place.id, invited["email"], "x1", "audit_trail")
    refused = place.client().delete(f"/agents/{person.id}")
    assert (refused.status_code, refused.json()["attributes"]) == (422, ["role"])


def test_a_token_without_a_scope_is_recorded_in_each_account_that_it_opens(
    place: Place, elsewhere: Place
) -> None:
    database, person = place.office.services.database, place.people["agent"]
    elsewhere.take_in(person)
    place.look_away()
    elsewhere.look_away()
    before = place.office.services.trail.head("0").size
    with database.transaction() as db:
        create_token(db, person.id, "second")
    with database.transaction() as db:
        db.delete(db.scalars(select(AccessToken).filter_by(user_id=person.id, name="second")).one())
    for each in (place, elsewhere):
        made, deleted = each.news()
        assert (made["auditable_type"], made["action"]) == ("AccessToken", "create")
        assert made["audited_changes"]["name"] == "second"
        assert made["auditable_id"] == deleted["auditable_id"]
        assert deleted["action"] == "destroy"
    assert place.office.services.trail.head("0").size == before


def test_a_token_with_a_scope_is_recorded_in_its_own_account_alone(
    place: Place, elsewhere: Place
) -> None:
    elsewhere.take_in(place.people["administrator"], "administrator")
    elsewhere.look_away()
    token_for(place)
    assert elsewhere.news() == []
