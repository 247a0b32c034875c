"""The server of its own lets in whom it knows, to what was given to them, and records who came."""

import re
from typing import Any

import msgspec
import pytest
from litestar.testing import TestClient

from audit_trail.capture.context import Origin
from audit_trail.cli import administering
from audit_trail.credentials import ABSOLUTE_LIMIT_US, IDLE_LIMIT_US
from audit_trail.errors import AdministratorRefused, StoreFailed
from audit_trail.record.entry import read_what, read_who
from audit_trail.standalone import administrators, attempts
from audit_trail.standalone.app import create_standalone
from audit_trail.standalone.attempts import WINDOW_US, Attempt, Limits
from tests.standalone.conftest import PASSWORD, Standing, sign_in

ADA, BOB = "ada@alder.example", "bob@birch.example"
ENTRIES = "/api/v1/accounts/{}/audit_logs/entries"


def told(standing: Standing, account: str) -> list[tuple[str, str, str]]:
    """What an account's trail says of administrators: action, outcome, and who acted."""
    return [
        (
            each.public.action,
            each.public.outcome,
            read_who(each.who).email or each.public.actor.kind,
        )
        for each in standing.entries(account)
        if each.public.entity.type == "administrator"
    ]


def token(browser: TestClient[Any]) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', browser.get("/accounts").text)
    assert found
    return found[1]


def test_every_route_asks_who_comes_but_the_door(standing: Standing) -> None:
    app = create_standalone(standing.trail, standing.known).app
    rules = {
        route.path: handler.opt.get("access")
        for route in app.routes
        for handler in getattr(route, "route_handlers", [])
        if handler.http_methods != {"OPTIONS"}  # The framework's own, which only list methods.
    }
    assert set(rules.values()) == {"anybody", "administrator", "account"}
    open_to_all = {path for path, rule in rules.items() if rule == "anybody"}
    assert open_to_all == {"/sign-in", "/health/ready", "/static/{file_path:path}"}
    assert all("account_id" in path for path, rule in rules.items() if rule == "account")


@pytest.mark.parametrize(
    "address",
    [ENTRIES.format(1), ENTRIES.format(1) + "/tail", "/api/v1/accounts/1/audit_logs/checkpoint"],
)
def test_a_program_that_isn_t_signed_in_is_told_so(standing: Standing, address: str) -> None:
    refused = standing.browser().get(address)
    assert (refused.status_code, refused.json()["code"]) == (401, "not_signed_in")


def test_a_person_is_led_to_the_sign_in_and_back(standing: Standing) -> None:
    standing.add(ADA, "1")
    browser = standing.browser()
    led = browser.get("/accounts/1/audit-logs?q=entity:parcel")
    address = led.headers["location"]
    assert (led.status_code, address) == (
        303,
        "/sign-in?return=%2Faccounts%2F1%2Faudit-logs%3Fq%3Dentity%3Aparcel",
    )
    assert 'value="/accounts/1/audit-logs?q=entity:parcel"' in browser.get(address).text
    back = sign_in(browser, ADA, **{"return": "/accounts/1/audit-logs?q=entity:parcel"})
    assert back.headers["location"] == "/accounts/1/audit-logs?q=entity:parcel"
    assert "Created a new parcel (#3)" in browser.get(back.headers["location"]).text


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example", "/\\evil.example", "/accounts/\\@x"]
)
def test_nobody_is_led_to_another_site(standing: Standing, elsewhere: str) -> None:
    standing.add(ADA, "1")
    answer = sign_in(standing.browser(), ADA, **{"return": elsewhere})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_the_cookie_is_the_browser_s_alone_and_no_secret_is_kept(standing: Standing) -> None:
    standing.add(ADA, "1")
    cookie = sign_in(standing.browser(), ADA).headers["set-cookie"]
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))
    secret = cookie.partition(";")[0].partition("=")[2]
    kept = b"".join(each.read_bytes() for each in standing.known.path.parent.iterdir())
    assert b"$argon2id$" in kept
    assert secret.encode() not in kept
    assert PASSWORD.encode() not in kept
    assert standing.known.path.stat().st_mode & 0o777 == 0o600
    safe = sign_in(standing.browser(secure_cookies=True), ADA).headers["set-cookie"]
    assert safe.startswith("__Host-audit_trail_session=")
    assert "Secure" in safe.split("; ")


def test_administrators_see_the_accounts_they_were_given(standing: Standing) -> None:
    ada = standing.signed_in(ADA, "1")
    assert ada.get("/").headers["location"] == "/accounts/1/audit-logs"
    listed = ada.get("/accounts").text
    assert "/accounts/1/audit-logs" in listed
    assert "/accounts/2/" not in listed
    own, foreign = ada.get(ENTRIES.format(1)), ada.get(ENTRIES.format(2))
    assert [each["public"]["account"] for each in own.json()["entries"]] == ["1"] * 4
    assert (foreign.status_code, foreign.json()["code"]) == (404, "not_found")
    assert foreign.json() == ada.get(ENTRIES.format(77)).json()
    for address in ("/accounts/2/audit-logs", "/accounts/2/audit-logs/1", "/accounts/0/audit-logs"):
        assert ada.get(address).status_code == 404
    every = standing.signed_in(BOB)
    assert every.get("/").headers["location"] == "/accounts"
    assert every.get(ENTRIES.format(2)).status_code == 200
    assert every.get("/accounts/0/audit-logs").status_code == 200
    assert every.get("/accounts/77/audit-logs").status_code == 404


def test_what_happens_at_the_door_is_in_the_trails_it_concerns(standing: Standing) -> None:
    browser = standing.signed_in(ADA, "1")
    browser.post("/sign-out", data={"csrf_token": token(browser)})
    standing.remove(ADA)
    happened = [
        ("create", "success", "system"),
        ("sign_in", "success", ADA),
        ("sign_out", "success", ADA),
        ("delete", "success", "system"),
    ]
    assert told(standing, "1") == happened
    assert told(standing, "0") == happened
    assert told(standing, "2") == []
    signed_in = next(each for each in standing.entries("1") if each.public.action == "sign_in")
    assert signed_in.public.actor.id == "administrator:1"
    assert signed_in.public.entity.id == "1"
    assert read_who(signed_in.who).session


def test_which_other_accounts_somebody_may_read_is_no_account_s_business(
    standing: Standing,
) -> None:
    standing.add(ADA, "1", "2")
    (one,), (all_,) = (
        [each for each in standing.entries(account) if each.public.entity.type == "administrator"]
        for account in ("1", "0")
    )
    assert set(read_what(one.what).changes) == {"email", "all_accounts"}
    accounts = read_what(all_.what).changes["accounts"].after
    assert isinstance(accounts, msgspec.Raw) and b'["1","2"]' in bytes(accounts)


def test_who_is_removed_is_out_at_once(standing: Standing) -> None:
    browser = standing.signed_in(ADA, "1")
    assert browser.get(ENTRIES.format(1)).status_code == 200
    standing.remove(ADA)
    assert browser.get(ENTRIES.format(1)).status_code == 401
    assert browser.get("/accounts/1/audit-logs").status_code == 303
    assert sign_in(browser, ADA).status_code == 401


def test_a_new_password_ends_the_sessions_and_is_in_no_entry(standing: Standing) -> None:
    browser = standing.signed_in(ADA, "1")
    administering.change_password(standing.trail, standing.known, ADA, lambda: "another battery")
    assert browser.get(ENTRIES.format(1)).status_code == 401
    assert sign_in(browser, ADA).status_code == 401
    assert sign_in(browser, ADA, "another battery").status_code == 303
    (changed,) = [each for each in standing.entries("1") if each.public.action == "update"]
    assert changed.what and b"battery" not in changed.what.stored
    assert changed.public.fields == ("password",)


def test_a_session_survives_a_restart_and_ends_when_it_is_signed_out(standing: Standing) -> None:
    first = standing.signed_in(ADA, "1")
    cookies = dict(first.cookies)
    second = standing.browser()
    second.cookies.update(cookies)
    assert second.get(ENTRIES.format(1)).status_code == 200
    assert second.post("/sign-out", data={"csrf_token": token(second)}).status_code == 303
    assert first.get(ENTRIES.format(1)).status_code == 401


@pytest.mark.parametrize(("pause", "status"), [(IDLE_LIMIT_US - 1, 200), (IDLE_LIMIT_US, 401)])
def test_an_idle_session_ends(standing: Standing, pause: int, status: int) -> None:
    browser = standing.signed_in(ADA, "1")
    standing.now_us += pause
    assert browser.get(ENTRIES.format(1)).status_code == status


def test_no_session_lasts_for_ever(standing: Standing) -> None:
    browser = standing.signed_in(ADA, "1")
    for _ in range(ABSOLUTE_LIMIT_US // (IDLE_LIMIT_US - 1)):
        standing.now_us += IDLE_LIMIT_US - 1
        assert browser.get(ENTRIES.format(1)).status_code == 200
    standing.now_us += IDLE_LIMIT_US - 1
    assert browser.get(ENTRIES.format(1)).status_code == 401


def test_a_change_needs_the_session_s_token_and_our_own_page(standing: Standing) -> None:
    browser = standing.signed_in(ADA, "1")
    good = token(browser)
    assert browser.post("/sign-out").status_code == 403
    assert browser.post("/sign-out", data={"csrf_token": "x"}).status_code == 403
    elsewhere = {"Sec-Fetch-Site": "cross-site"}
    refused = browser.post("/sign-out", data={"csrf_token": good}, headers=elsewhere)
    assert refused.status_code == 403
    from_there = browser.post("/sign-in", headers={"Origin": "https://evil.example"})
    assert from_there.status_code == 403
    garbage = {"Content-Type": "application/x-www-form-urlencoded; charset=nonsense"}
    assert browser.post("/sign-out", content=b"a=b", headers=garbage).status_code in (403, 422)
    assert browser.get("/accounts").status_code == 200, "none of them signed anybody out"
    assert browser.post("/sign-out", data={"csrf_token": good}).status_code == 303


def test_too_many_failures_are_refused_whatever_the_password(standing: Standing) -> None:
    standing.limits = Limits(an_email=3, an_address=100)
    standing.add(ADA, "1")
    standing.add(BOB, "1")
    browser = standing.browser()
    statuses = [sign_in(browser, ADA, "a wrong guess").status_code for _ in range(4)]
    assert statuses == [401, 401, 401, 429]
    assert sign_in(browser, ADA.upper()).status_code == 429
    assert sign_in(browser, BOB).status_code == 303, "it is the e-mail that is limited"
    standing.now_us += WINDOW_US
    assert sign_in(browser, ADA).status_code == 303


def test_a_stranger_locks_no_administrator_out_from_elsewhere(standing: Standing) -> None:
    limits = Limits(an_email=1, an_email_anywhere=3, an_address=100)

    def is_admitted(address: str) -> bool:
        attempt = Attempt(email=ADA, administrator=None, origin=Origin(via="ui", ip=address))
        with standing.known.writing() as db:
            return attempts.is_admitted(db, attempt, standing.now_us, limits)

    assert [is_admitted(f"2001:db8:0:1::{each}") for each in (1, 2)] == [True, False]
    assert [is_admitted(f"203.0.113.{each}") for each in (5, 6, 7)] == [True, True, False]


def test_an_address_may_fail_only_so_often_for_all_e_mails(standing: Standing) -> None:
    standing.limits = Limits(an_email=100, an_address=2)
    browser = standing.browser()
    emails = [f"{number}@alder.example" for number in range(3)]
    assert [sign_in(browser, each).status_code for each in emails] == [401, 401, 429]


def test_failures_can_t_flood_the_trail_and_their_number_is_kept(standing: Standing) -> None:
    standing.add(ADA, "1")
    browser = standing.browser()
    for _ in range(4):
        sign_in(browser, ADA, "a wrong guess")
    assert told(standing, "1")[1:] == [("sign_in_failed", "failure", ADA)]
    standing.now_us += WINDOW_US
    sign_in(browser, ADA, "a wrong guess")
    failures = [each for each in standing.entries("1") if each.public.action == "sign_in_failed"]
    assert [read_what(each.what).details for each in failures] == [
        {"reason": "Wrong password"},
        {"reason": "Wrong password", "count": 3},
        {"reason": "Wrong password"},
    ]
    assert {each.public.actor.kind for each in failures} == {"anonymous"}


def test_an_unknown_e_mail_is_in_the_installation_s_trail_alone(standing: Standing) -> None:
    standing.add(ADA, "1")
    for email in ("nobody@alder.example", "\0", "x" * 3_000, ""):
        assert sign_in(standing.browser(), email).status_code == 401
    assert [each[0] for each in told(standing, "1")] == ["create"]
    (failed,) = [each for each in told(standing, "0") if each[0] == "sign_in_failed"]
    assert failed == ("sign_in_failed", "failure", "nobody@alder.example")


def test_nobody_is_let_in_while_the_trail_can_t_say_so(
    standing: Standing, monkeypatch: pytest.MonkeyPatch
) -> None:
    standing.add(ADA, "1")
    browser = standing.browser()

    def fail(*_: Any, **__: Any) -> None:
        raise StoreFailed

    monkeypatch.setattr(standing.store, "append", fail)
    assert sign_in(browser, ADA).status_code == 503
    with pytest.raises(StoreFailed):
        standing.remove(ADA)
    monkeypatch.undo()
    assert browser.get(ENTRIES.format(1)).status_code == 401
    with standing.known.reading() as db:
        assert [each.email for each in administrators.all_of(db)] == [ADA]
        assert db.execute("SELECT count(*) FROM sessions").fetchone() == (0,)


@pytest.mark.parametrize(
    ("email", "accounts", "password", "why"),
    [
        ("ada", ["1"], PASSWORD, "look like"),
        ("ada@", ["1"], PASSWORD, "look like"),
        ("a da@alder.example", ["1"], PASSWORD, "look like"),
        ("a@b@alder.example", ["1"], PASSWORD, "look like"),
        ("ada\n@alder.example", ["1"], PASSWORD, "look like"),
        ("x" * 250 + "@alder.example", ["1"], PASSWORD, "254"),
        (ADA, ["11"], PASSWORD, "no trail of account 11"),
        (ADA, ["1"], "short", "12 to 1,000"),
        (ADA, ["1"], "\udcff" * 12, "UTF-8"),
        (BOB.upper(), ["1"], PASSWORD, "already"),
    ],
)
def test_what_is_no_administrator_is_refused_and_leaves_nothing(
    standing: Standing, email: str, accounts: list[str], password: str, why: str
) -> None:
    standing.add(BOB, "2")
    before = standing.trail.head("0").size
    with pytest.raises(AdministratorRefused, match=why):
        administering.add_administrator(
            standing.trail, standing.known, email, accounts, lambda: password
        )
    assert standing.trail.head("0").size == before
    with standing.known.reading() as db:
        assert [each.email for each in administrators.all_of(db)] == [BOB]


def test_who_isn_t_there_can_t_be_removed_or_given_a_password(standing: Standing) -> None:
    with pytest.raises(AdministratorRefused, match="no administrator"):
        standing.remove(ADA)
    with pytest.raises(AdministratorRefused, match="no administrator"):
        administering.change_password(standing.trail, standing.known, ADA, lambda: PASSWORD)


def test_pages_speak_the_language_and_bear_the_headers(standing: Standing) -> None:
    browser = standing.browser()
    for address in ("/sign-in", "/nowhere", "/"):
        headers = browser.get(address).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
    assert browser.get("/nowhere").status_code == 404
    assert browser.delete("/sign-in").status_code == 405
    assert browser.post("/sign-in", data={"email": "x" * 70_000}).status_code == 413


def test_many_accounts_are_searched(standing: Standing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audit_trail.standalone.pages.MOST_LISTED", 2)
    browser = standing.signed_in(ADA)
    listed = browser.get("/accounts").text
    assert "2 more accounts are not shown" in listed
    found = browser.get("/accounts", params={"q": "NORTH"}).text
    assert "/accounts/north-west/" in found
    assert "/accounts/1/" not in found
    assert "No account is called so" in browser.get("/accounts?q=zzz").text


def test_health_tells_whether_the_trail_can_be_read(
    standing: Standing, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = standing.browser()
    assert browser.get("/health/ready").status_code == 200

    def fail(*_: Any) -> None:
        raise StoreFailed("The trail's database s3cret failed")

    monkeypatch.setattr(standing.store, "head", fail)
    failing = browser.get("/health/ready")
    assert (failing.status_code, "s3cret" in failing.text) == (503, False)
