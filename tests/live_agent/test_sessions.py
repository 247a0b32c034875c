"""Sessions, form tokens and access tokens: nobody acts as somebody they are not."""

from pathlib import Path

import httpx2
import pytest

from audit_trail import credentials
from audit_trail.credentials import ABSOLUTE_LIMIT_US, IDLE_LIMIT_US
from live_agent import access
from live_agent.schema import User
from tests.live_agent.office import PASSWORD, Office, Place, serving
from tests.live_agent.test_contract import ok

pytestmark = pytest.mark.both_engines

COOKIE = "live_agent_session"


def test_signing_in_answers_the_person_and_a_cookie(place: Place) -> None:
    browser = place.browser()
    person = place.people["supervisor"]
    answer = browser.post(
        "/auth/sign_in", json={"email": f" {person.email.upper()} ", "password": PASSWORD}
    )
    data = ok(answer)["data"]
    assert (data["id"], data["email"], data["account_id"]) == (person.id, person.email, place.id)
    assert data["access_token"] is None
    cookie = answer.headers["set-cookie"]
    assert {"HttpOnly", "Path=/", "SameSite=lax"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    assert ok(browser.get("/api/v1/profile"))["email"] == person.email


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"email": "nobody@alder.example", "password": PASSWORD}, 401),
        ({"email": "nobody@alder.example\u0000", "password": "x\u0000"}, 401),
        ({"email": "", "password": PASSWORD}, 422),
        ({"email": ["a"], "password": PASSWORD}, 422),
        ({"email": "nobody@alder.example"}, 422),
        ({}, 422),
    ],
)
def test_a_bad_sign_in_is_refused(place: Place, body: dict[str, object], status: int) -> None:
    answer = place.browser().post("/auth/sign_in", json=body)
    assert answer.status_code == status
    assert "set-cookie" not in answer.headers


def test_a_wrong_password_and_an_unknown_person_are_answered_alike(place: Place) -> None:
    browser = place.browser()
    answers = [
        browser.post("/auth/sign_in", json={"email": email, "password": "wrong"}).json()
        for email in (place.people["agent"].email, "nobody@alder.example")
    ]
    assert answers[0] == answers[1]


def test_a_cookie_chosen_by_the_client_is_never_taken_over(place: Place) -> None:
    browser = place.browser()
    browser.cookies.set(COOKIE, "chosen-by-an-attacker")
    answer = browser.post(
        "/auth/sign_in", json={"email": place.people["agent"].email, "password": PASSWORD}
    )
    assert answer.cookies[COOKIE] != "chosen-by-an-attacker"
    attacker = place.browser()
    attacker.cookies.set(COOKIE, "chosen-by-an-attacker")
    assert attacker.get("/api/v1/profile").status_code == 401


def test_signing_in_again_ends_the_session_before(place: Place) -> None:
    browser, _ = place.signed_in()
    before = browser.cookies[COOKIE]
    body = {"email": place.people["administrator"].email, "password": PASSWORD}
    ok(browser.post("/auth/sign_in", json=body))
    assert browser.cookies[COOKIE] != before
    old = place.browser()
    old.cookies.set(COOKIE, before)
    assert old.get("/api/v1/profile").status_code == 401


def test_signing_out_ends_the_session_and_is_an_entry(place: Place) -> None:
    browser, csrf = place.signed_in()
    secret = browser.cookies[COOKIE]
    place.look_away()
    answer = browser.request("DELETE", "/auth/sign_out", headers={"x-csrf-token": csrf})
    assert answer.status_code == 200
    assert "Max-Age=0" in answer.headers["set-cookie"]
    browser.cookies.set(COOKIE, secret)
    assert browser.get("/api/v1/profile").status_code == 401
    (item,) = place.news()
    assert (item["action"], item["auditable_type"], item["auditable_id"]) == (
        "sign_out",
        "User",
        place.people["administrator"].id,
    )


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
def test_a_change_over_a_cookie_needs_the_session_s_form_token(place: Place, method: str) -> None:
    browser, csrf = place.signed_in()
    _, of_another_session = place.signed_in()
    path = f"/api/v1/accounts/{place.id}/teams" + ("" if method == "POST" else "/1")
    for headers in ({}, {"x-csrf-token": ""}, {"x-csrf-token": of_another_session}):
        answer = browser.request(method, path, json={"name": "Tier 1"}, headers=headers)
        assert answer.status_code == 403, headers
    expected = 200 if method == "POST" else 404
    answer = browser.request(method, path, json={"name": "Tier 1"}, headers={"x-csrf-token": csrf})
    assert answer.status_code == expected


def test_the_form_token_may_come_as_a_field_of_a_form(place: Place) -> None:
    browser, csrf = place.signed_in()
    path = f"/api/v1/accounts/{place.id}/teams"
    answer = browser.post(path, data={"csrf_token": csrf, "name": "Tier 1"})
    # The token is accepted; the API itself reads JSON alone.
    assert answer.status_code == 422
    assert browser.post(path, data={"csrf_token": "x", "name": "Tier 1"}).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
def test_another_site_s_page_can_t_sign_a_browser_in(place: Place, headers: dict[str, str]) -> None:
    body = {"email": place.people["agent"].email, "password": PASSWORD}
    answer = place.browser().post("/auth/sign_in", json=body, headers=headers)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_where_a_token_and_a_cookie_come_together_the_token_counts(place: Place) -> None:
    browser, _ = place.signed_in("administrator")
    browser.headers["api_access_token"] = place.people["agent"].token
    assert ok(browser.get("/api/v1/profile"))["email"] == place.people["agent"].email
    path = f"/api/v1/accounts/{place.id}/teams"
    assert browser.post(path, json={"name": "Tier 1"}).status_code == 403
    for bad in ("wrong", "", "\u00e9"):
        browser.headers["api_access_token"] = bad
        assert browser.get("/api/v1/profile").status_code == 401


def test_a_token_needs_no_form_token_and_has_no_session_to_end(place: Place) -> None:
    headers = {"api_access_token": place.people["administrator"].token}
    answer = httpx2.delete(f"{place.office.url}/auth/sign_out", headers=headers)
    assert answer.status_code == 422


def test_an_idle_session_ends(place: Place, office: Office) -> None:
    browser, _ = place.signed_in()
    office.clock.forward(IDLE_LIMIT_US / 1_000_000 - 60)
    assert browser.get("/api/v1/profile").status_code == 200
    office.clock.forward(IDLE_LIMIT_US / 1_000_000 - 60)
    assert browser.get("/api/v1/profile").status_code == 200
    office.clock.forward(IDLE_LIMIT_US / 1_000_000 + 60)
    assert browser.get("/api/v1/profile").status_code == 401


def test_a_session_in_use_ends_too_when_it_is_too_old(place: Place, office: Office) -> None:
    browser, _ = place.signed_in()
    half = IDLE_LIMIT_US / 1_000_000 / 2
    for _ in range(int(ABSOLUTE_LIMIT_US / 1_000_000 / half) - 1):
        office.clock.forward(half)
        assert browser.get("/api/v1/profile").status_code == 200
    office.clock.forward(half + 60)
    assert browser.get("/api/v1/profile").status_code == 401


def test_a_new_password_ends_every_session(place: Place, office: Office) -> None:
    browsers = [place.signed_in("agent")[0] for _ in range(2)]
    password_hash = credentials.hash_password("another password")
    with office.services.database.transaction() as db:
        access.set_password(db, db.get_one(User, place.people["agent"].id), password_hash)
    assert [each.get("/api/v1/profile").status_code for each in browsers] == [401, 401]
    item = place.news()[-1]
    assert item["audited_changes"] == {"password_hash": ["[hidden]", "[hidden]"]}


def test_a_new_role_ends_the_person_s_sessions(place: Place) -> None:
    browser, _ = place.signed_in("agent")
    other, _ = place.signed_in("supervisor")
    path = f"/agents/{place.people['agent'].id}"
    ok(place.client().patch(path, json={"availability": "busy"}))
    assert browser.get("/api/v1/profile").status_code == 200
    ok(place.client().patch(path, json={"role": "supervisor"}))
    assert browser.get("/api/v1/profile").status_code == 401
    assert other.get("/api/v1/profile").status_code == 200


def test_the_files_hold_no_usable_secret(
    place: Place, office: Office, request: pytest.FixtureRequest
) -> None:
    browser, _ = place.signed_in()
    secrets = [browser.cookies[COOKIE], place.people["administrator"].token, PASSWORD]
    folder = office.services.database.path.parent
    if office.services.database.is_postgresql:
        server = request.getfixturevalue("postgresql")
        server.run("CHECKPOINT")
        folder = server.folder
    # Every file is searched as bytes, so that free pages, logs and values that are no text count too.
    held = {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert b"$argon2id$" in b"".join(held.values())
    for name, content in held.items():
        assert [each for each in secrets if each.encode() in content] == [], name


def test_over_https_the_cookie_is_bound_to_the_host(tmp_path: Path) -> None:
    with serving(tmp_path, secure_cookies=True) as office:
        place = office.open()
        answer = place.browser().post(
            "/auth/sign_in", json={"email": place.people["agent"].email, "password": PASSWORD}
        )
        place.close()
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-live_agent_session=")
    assert {"Secure", "HttpOnly", "Path=/"} <= set(cookie.split("; "))
    assert "Domain" not in cookie


def test_a_password_that_nobody_has_chosen_opens_nothing() -> None:
    assert credentials.verify_password(None, "") is False
    assert credentials.verify_password("not a hash", "x") is False
