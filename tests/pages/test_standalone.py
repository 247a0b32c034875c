"""From a foreign client's SQL to an administrator's browser, without Live Agent."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.commands.processes import Served
from tests.commands.watched import PASSWORD, Watched, watched_postgresql, watched_sqlite
from tests.pages.browsing import overflow, violations

pytestmark = pytest.mark.browser

# What depends on no engine is tried on one.
sqlite_alone = pytest.mark.parametrize("watched", ["sqlite"], indirect=True)

ADA, OPERATOR = "ada@alder.example", "operator@alder.example"
NAMED = "north-west"


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def watched(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Watched]:
    """A watched database that a foreign client wrote to, sequenced, with two administrators."""
    folder = tmp_path_factory.mktemp("standalone")
    made = (
        watched_sqlite(folder)
        if request.param == "sqlite"
        else watched_postgresql(request.getfixturevalue("postgresql"), folder)
    )
    with made as watched:
        watched.host.shell(
            "INSERT INTO teams (account_id, name, token) VALUES (1, 'Support', 's3cret')",
            "INSERT INTO teams (account_id, name) VALUES (2, 'Elsewhere')",
            "UPDATE teams SET name = 'Tier 1', active = 'true' WHERE name = 'Support'",
        )
        watched.once()
        watched.add(ADA, "1")
        watched.add(OPERATOR)
        yield watched


@pytest.fixture(scope="module")
def served(watched: Watched) -> Iterator[Served]:
    with watched.serving() as server:
        yield server


@pytest.fixture
def page(browser: Browser, served: Served) -> Iterator[Page]:
    context = browser.new_context(base_url=served.url, timezone_id="Europe/Berlin")
    context.set_default_timeout(10_000)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert complaints == []


def sign_in(page: Page, email: str, password: str = PASSWORD) -> None:
    page.goto("/")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_an_administrator_reads_what_a_foreign_client_wrote(watched: Watched, page: Page) -> None:
    sign_in(page, ADA, "not this one")
    expect(page.get_by_role("alert")).to_have_text("The e-mail or the password is wrong.")
    sign_in(page, ADA)
    expect(page.get_by_role("heading", level=1)).to_have_text("Audit Logs")
    expect(page.locator(".bar")).to_contain_text("Account 1")
    expect(page.get_by_role("link", name="Other accounts")).to_have_count(0)
    expect(page.locator("table.entries")).not_to_contain_text("Elsewhere")
    page.get_by_role("link", name="Updated a team (#1)").click()
    window = page.get_by_role("dialog")
    expect(window).to_contain_text("Updated By")
    expect(window.locator(".changes")).to_contain_text("Support")
    expect(window.locator(".changes")).to_contain_text("Tier 1")
    expect(window).to_contain_text("Sealed")
    window.get_by_role("button", name="Verify").click()
    expect(window).to_contain_text("Verified")
    page.keyboard.press("Escape")
    expect(window).to_be_hidden()
    assert page.context.request.get("/accounts/2/audit-logs").status == 404
    page.wait_for_url("**/audit-logs")
    page.goto("/accounts")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    page.goto("/accounts/1/audit-logs/1")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_what_is_written_while_a_page_lies_open_is_told_there(watched: Watched, page: Page) -> None:
    sign_in(page, ADA)
    expect(page.locator("table.entries")).to_contain_text("Created a new team")
    page.wait_for_timeout(200)
    watched.host.shell("INSERT INTO teams (account_id, name) VALUES (1, 'Just now')")
    watched.once()
    expect(page.locator("#fresh")).to_contain_text("new entr")
    page.locator("#fresh").click()
    expect(page.locator("table.entries")).to_contain_text("Just now")


def test_an_operator_chooses_among_all_accounts(watched: Watched, page: Page) -> None:
    # SQLite keeps any text in this column; PostgreSQL's holds numbers alone.
    if "sqlite" in watched.settings["AUDIT_TRAIL_DATABASE_URL"]:
        watched.host.shell(f"INSERT INTO teams (account_id, name) VALUES ('{NAMED}', 'Odd')")
        watched.once()
        sign_in(page, OPERATOR)
        page.get_by_role("link", name=NAMED).click()
        expect(page.locator("table.entries")).to_contain_text("Odd")
        assert page.url.endswith(f"/accounts/{NAMED}/audit-logs")
        page.get_by_role("link", name="Created a new team").first.click()
        expect(page.get_by_role("dialog")).to_contain_text("Odd")
        page.keyboard.press("Escape")
        page.get_by_role("link", name="Sign out").or_(
            page.get_by_role("button", name="Sign out")
        ).click()
    sign_in(page, OPERATOR, "not this one")
    expect(page.get_by_role("alert")).to_be_visible()
    sign_in(page, OPERATOR)
    page.get_by_role("link", name="Installation").click()
    expect(page.locator("table.entries")).to_contain_text("Created a new administrator (#2)")
    expect(page.locator("table.entries")).to_contain_text("Failed to sign in")


MODES: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "320 pixels": {"viewport": {"width": 320, "height": 640}},
}


@sqlite_alone
@pytest.mark.parametrize("mode", MODES)
def test_axe_finds_nothing_on_its_pages(
    browser: Browser, watched: Watched, served: Served, mode: str
) -> None:
    context = browser.new_context(base_url=served.url, **MODES[mode])
    page = context.new_page()
    page.goto("/sign-in")
    wrong = violations(page)
    sign_in(page, OPERATOR, "not this one")
    wrong += violations(page)
    sign_in(page, OPERATOR)
    for address in ("/accounts", "/accounts/1/audit-logs", "/accounts/1/audit-logs/1", "/nowhere"):
        page.goto(address)
        if page.locator(".later, .overview").count():
            expect(page.locator(".overview")).to_be_visible()
        wrong += violations(page)
        assert overflow(page) <= 0, address
    context.close()
    assert wrong == []


def test_a_program_reads_with_a_session_until_its_administrator_is_removed(
    watched: Watched, served: Served
) -> None:
    address = f"{served.url}/api/v1/accounts/1/audit_logs/entries"
    assert httpx2.get(address, timeout=30).status_code == 401
    email = "program@alder.example"
    watched.add(email, "1")
    with httpx2.Client(timeout=30) as client:
        form = {"email": email, "password": PASSWORD}
        assert client.post(f"{served.url}/sign-in", data=form).status_code == 303
        found = client.get(address, params={"q": "entity:team", "sort": "asc"}).json()["entries"]
        assert [each["activity"] for each in found][:2] == [
            "Created a new team (#1)",
            "Updated a team (#1)",
        ]
        assert client.get(address.replace("/1/", "/2/")).status_code == 404
        checkpoint = client.get(f"{served.url}/api/v1/accounts/1/audit_logs/checkpoint")
        assert checkpoint.status_code == 200
        evidence = client.get(f"{served.url}/accounts/1/audit-logs/1/evidence")
        assert evidence.status_code == 200
        read = client.get(address, params={"q": f"action:read actor:{email}"}).json()["entries"]
        assert [each["summary"] for each in read] == ["evidence of entry 1"]
        removed = watched.do("administrator", "remove", email)
        assert removed.stdout == f"{email} is removed.\n", removed.stderr
        assert client.get(address).status_code == 401
        refused = client.post(f"{served.url}/sign-in", data=form)
        assert refused.status_code == 401
    listed = watched.do("administrator", "list").stdout
    assert [line.split()[0] for line in listed.splitlines()] == [ADA, OPERATOR]
    watched.once()
    code, verdict = watched.verdict()
    assert code == 0, verdict
    actions = [
        each.public.action
        for each in watched.entries()
        if each.public.entity.type == "administrator" and each.public.entity.id == "3"
    ]
    assert actions == ["create", "sign_in", "delete"]


@sqlite_alone
def test_no_password_or_secret_is_in_the_log_or_in_the_arguments(
    watched: Watched, served: Served
) -> None:
    arguments = Path(f"/proc/{served.process.pid}/cmdline").read_text()
    assert PASSWORD not in arguments + watched.log
    refused = watched.do("administrator", "add", "x@alder.example", "--password", "s3cret")
    assert refused.returncode == 2
    assert "No such option" in refused.stderr


@sqlite_alone
def test_a_server_that_can_t_read_its_trail_doesn_t_start(watched: Watched, tmp_path: Path) -> None:
    missing = f"sqlite:///{tmp_path / 'missing.db'}"
    refused = watched.do("serve", AUDIT_TRAIL_STORE_URL=missing)
    assert refused.returncode == 1
    assert refused.stderr == f"audit-trail: There is no database {tmp_path / 'missing.db'}.\n"
    (tmp_path / "damaged.db").write_bytes(b"no database at all" * 100)
    damaged = watched.do("serve", AUDIT_TRAIL_STORE_URL=f"sqlite:///{tmp_path / 'damaged.db'}")
    assert damaged.returncode == 1
    assert "not a database" in damaged.stderr
    assert damaged.stderr.count("\n") == 1
    taken = watched.do("serve", AUDIT_TRAIL_PORT="1", AUDIT_TRAIL_HOST="192.0.2.1")
    assert (taken.returncode, "Can't listen" in taken.stderr) == (1, True)
