"""What a database shell left in a column is an entry, and stops nobody from reading."""

import sqlite3
from typing import Any

import pytest

from live_agent.watching import WATCH
from tests.live_agent.office import Office, Place

ODD = {
    "a blob": "x'00ff'",
    "infinity": "9e999",
    "no UTF-8": "CAST(x'61ff' AS TEXT)",
    "no JSON": "'{bad'",
    "JSON of another shape": "'5'",
    "an object": "'{\"a\": [1]}'",
    "a lone surrogate": "'[\"\\ud800\"]'",
    "a number too large": f"'[{10**40}]'",
    "no number": "'[NaN, Infinity]'",
    "JSON too deep": f"'{'[' * 700}{']' * 700}'",
    "NUL": "char(97, 0, 98)",
}
PATHS = (
    "/inboxes",
    "/inboxes/{inbox}",
    "/teams",
    "/automation_rules",
    "/webhooks",
    "/agent_bots",
    "/agents",
    "/audit_logs",
    "/inbox_members/{inbox}",
)
# Keys, and the role, which decides who may read at all.
KEPT = {"id", "account_id", "user_id", "inbox_id", "team_id", "role", "created_at", "updated_at"}


@pytest.fixture
def records(place: Place) -> dict[str, int]:
    """One record of each kind."""
    client = place.client()
    inbox = client.post("/inboxes", json={"name": "Support"}).json()["id"]
    client.post("/inbox_members", json={"inbox_id": inbox, "user_ids": [place.people["agent"].id]})
    client.post("/teams", json={"name": "Tier 1"})
    client.post("/webhooks", json={"url": "https://h.example", "inbox_id": inbox})
    client.post("/agent_bots", json={"name": "Bot", "outgoing_url": "https://b.example"})
    rule: dict[str, Any] = {
        "name": "Rule",
        "event_name": "conversation_created",
        "conditions": [],
        "actions": [],
    }
    rule["actions"] = [{"action_name": "mute_conversation", "action_params": []}]
    rule["conditions"] = [
        {"attribute_key": "status", "filter_operator": "equal_to", "values": ["open"], "query_operator": None}
    ]  # fmt: skip
    client.post("/automation_rules", json=rule)
    return {"inbox": inbox}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD.keys())
def test_odd_values_in_every_column_are_recorded_and_every_list_is_still_answered(
    office: Office, place: Place, records: dict[str, int], odd: str
) -> None:
    before = place.total()
    connection = sqlite3.connect(office.services.database.path, isolation_level=None)
    written = 0
    for table in WATCH.tables:
        if table.name in ("users", "accounts"):
            continue
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table.name})")]
        for column in columns:
            if column not in KEPT:
                written += connection.execute(
                    f"UPDATE {table.name} SET {column} = {odd} "
                    f"WHERE account_id = ? AND id = (SELECT max(id) FROM {table.name} WHERE account_id = ?)",
                    (place.id, place.id),
                ).rowcount
    connection.close()
    assert written > 30
    client = place.client()
    for path in PATHS:
        answer = client.get(path.format(**records))
        assert answer.status_code < 500, f"{path}: {answer.text}"
    assert client.get("/audit_logs").status_code == 200
    assert before < place.total() <= before + written
