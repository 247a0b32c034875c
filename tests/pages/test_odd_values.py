"""What a database shell left in a column stops no page."""

import sqlite3

import pytest

from tests.live_agent.office import PASSWORD, Office, Place
from tests.live_agent.test_odd_values import ODD

pytestmark = [pytest.mark.xdist_group("browser")]

COLUMNS = {
    "inboxes": ("working_hours", "csat_config", "timezone", "greeting_message", "greeting_enabled"),
    "automation_rules": ("conditions", "actions", "event_name", "description", "active"),
    "webhooks": ("subscriptions", "url"),
    "teams": ("description", "allow_auto_assign"),
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD.keys())
def test_every_page_is_still_drawn(office: Office, place: Place, odd: str) -> None:
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

    browser = place.browser()
    email = place.people["administrator"].email
    browser.post("/sign-in", data={"email": email, "password": PASSWORD})
    paths = (
        "agents", "teams", f"teams/{team}", "inboxes", f"inboxes/{inbox}",
        f"inboxes/{inbox}/collaborators", f"inboxes/{inbox}/configuration",
        f"inboxes/{inbox}/webhooks/{webhook}", f"inboxes/{inbox}/bots",
        "automation-rules", f"automation-rules/{rule}", "audit-logs",
    )  # fmt: skip
    entries = [f"audit-logs/{number}" for number in range(1, place.total() + 1)]
    assert len(entries) > sum(map(len, COLUMNS.values()))
    for path in (*paths, *entries):
        answer = browser.get(f"/app/accounts/{place.id}/settings/{path}")
        assert answer.status_code == 200, f"{path}: {answer.status_code}"
