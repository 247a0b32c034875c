"""What a database shell left in a column stops no page, and outlives the saving of its neighbours."""

import sqlite3
from typing import NamedTuple

import pytest
from playwright.sync_api import expect

from tests.live_agent.office import PASSWORD, Office, Place
from tests.live_agent.test_odd_values import ODD
from tests.pages.browsing import Browsing, settings

COLUMNS = {
    "inboxes": ("working_hours", "csat_config", "timezone", "greeting_message", "greeting_enabled"),
    "automation_rules": ("conditions", "actions", "event_name", "description", "active"),
    "webhooks": ("subscriptions", "url"),
    "teams": ("description", "allow_auto_assign"),
}


KEPT = ("a blob", "an object", "NUL")


class Odd(NamedTuple):
    """One record of each kind, its columns as a shell left them."""

    inbox: int
    team: int
    webhook: int
    rule: int


def odd_records(office: Office, place: Place, odd: str) -> Odd:
    client = place.client()
    inbox = client.post("/inboxes", json={"name": "Support"}).json()["id"]
    team = client.post("/teams", json={"name": "Tier 1"}).json()["id"]
    hook = client.post("/webhooks", json={"url": "https://h.example", "inbox_id": inbox})
    webhook = hook.json()["payload"]["webhook"]["id"]
    with office.services.database.transaction() as db:
        db.connection().exec_driver_sql(
            "INSERT INTO automation_rules (account_id, name, event_name) VALUES (?, 'Rule', 'x')",
            (place.id,),
        )
    connection = sqlite3.connect(office.services.database.path, isolation_level=None)
    for table, columns in COLUMNS.items():
        for column in columns:
            connection.execute(
                f"UPDATE {table} SET {column} = {odd} WHERE account_id = ?", (place.id,)
            )
    (rule,) = connection.execute(
        "SELECT id FROM automation_rules WHERE account_id = ?", (place.id,)
    ).fetchone()
    connection.close()
    return Odd(inbox, team, webhook, rule)


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD.keys())
def test_every_page_is_still_drawn(office: Office, place: Place, odd: str) -> None:
    records = odd_records(office, place, odd)
    browser = place.browser()
    email = place.people["administrator"].email
    browser.post("/sign-in", data={"email": email, "password": PASSWORD})
    inbox = f"inboxes/{records.inbox}"
    paths = (
        "agents", "teams", f"teams/{records.team}", "inboxes", inbox, f"{inbox}/collaborators",
        f"{inbox}/configuration", f"{inbox}/webhooks/{records.webhook}", f"{inbox}/bots",
        "automation-rules", f"automation-rules/{records.rule}", "audit-logs",
    )  # fmt: skip
    entries = [f"audit-logs/{number}" for number in range(1, place.total() + 1)]
    assert len(entries) > sum(map(len, COLUMNS.values()))
    restorations = [each.replace("/", "/restorations/") for each in entries]
    for path in (*paths, *entries, *restorations):
        answer = browser.get(f"/app/accounts/{place.id}/settings/{path}")
        assert answer.status_code == 200, f"{path}: {answer.status_code}"


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD.keys())
def test_what_is_gone_with_odd_values_can_be_looked_at(
    office: Office, place: Place, odd: str
) -> None:
    odd_records(office, place, odd)
    connection = sqlite3.connect(office.services.database.path, isolation_level=None)
    connection.execute("PRAGMA foreign_keys = ON")
    before = place.total()
    for table in COLUMNS:
        connection.execute(f"DELETE FROM {table} WHERE account_id = ?", (place.id,))
    connection.close()
    browser, _ = place.signed_in()
    numbers = range(before + 1, place.total() + 1)
    assert len(numbers) > len(COLUMNS)
    for number in numbers:
        answer = browser.get(settings(place, f"audit-logs/restorations/{number}"))
        assert answer.status_code == 200, f"{number}: {answer.status_code}"


@pytest.mark.browser
@pytest.mark.parametrize("odd", KEPT)
def test_saving_rewrites_nothing_that_nobody_touched(
    office: Office, place: Place, browsing: Browsing, odd: str
) -> None:
    records = odd_records(office, place, ODD[odd])
    before = kept(office, place)
    page = browsing.member(place)
    place.look_away()
    for path, label in (
        (f"inboxes/{records.inbox}", "Name"),
        (f"inboxes/{records.inbox}/configuration", "Project ID"),
        (f"inboxes/{records.inbox}/webhooks/{records.webhook}", None),
        (f"teams/{records.team}", "Name"),
        (f"automation-rules/{records.rule}", "Name"),
    ):
        page.goto(settings(place, path))
        if label:
            page.get_by_label(label, exact=True).fill("Touched")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("status").first).to_have_text("Saved.")
    assert kept(office, place) == before
    assert [list(item["audited_changes"]) for item in place.news()] == [
        *(["name"], ["project_id"], ["name"], ["name"])
    ]


def kept(office: Office, place: Place) -> dict[str, list[tuple[object, ...]]]:
    """Return the columns byte for byte."""
    connection = sqlite3.connect(office.services.database.path)
    found = {}
    for table, columns in COLUMNS.items():
        shown = ", ".join(f"typeof({each}), hex({each})" for each in columns)
        query = f"SELECT {shown} FROM {table} WHERE account_id = ?"
        found[table] = connection.execute(query, (place.id,)).fetchall()
    connection.close()
    return found
