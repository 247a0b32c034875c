"""Each of the six entities, created, updated and deleted: its sentence, and its window's panels."""

from typing import Any

import pytest

from audit_trail.record.difference import Shown, panels
from audit_trail.record.entry import read_what
from audit_trail.record.sentence import activity
from live_agent.catalog import CATALOG
from tests.live_agent.office import Place

pytestmark = pytest.mark.both_engines


def written(shown: Shown | None) -> str | None:
    """The value as the window shows it; list items apart by a bar."""
    if shown is None:
        return None
    return " | ".join("".join(span.text for span in run) for run in shown.runs) or shown.shape


def newest(place: Place) -> tuple[str, dict[str, tuple[str | None, str | None]]]:
    services = place.office.services
    services.sequencer_idle()
    size = services.trail.head(str(place.id)).size
    entry = services.trail.entry(str(place.id), size - 1)
    what = read_what(entry.what)
    shown = panels(entry.public, what, CATALOG)
    sides = {panel.label: (written(panel.before), written(panel.after)) for panel in shown}
    return activity(entry.public, what, CATALOG), sides


def story(place: Place, path: str, body: Any, change: Any, unwrap: Any) -> tuple[int, list[Any]]:
    """Create, update and delete one record, and return what each entry says."""
    client = place.client()
    record = int(unwrap(client.post(path, json=body).json())["id"])
    said = [newest(place)]
    client.patch(f"{path}/{record}", json=change).raise_for_status()
    said.append(newest(place))
    client.delete(f"{path}/{record}").raise_for_status()
    return record, [*said, newest(place)]


def bare(answer: Any) -> Any:
    return answer


def test_an_inbox(place: Place) -> None:
    number, (created, updated, deleted) = story(
        place, "/inboxes", {"name": "Support"}, {"greeting_enabled": True}, bare
    )
    assert created[0] == f"Created a new inbox (#{number})"
    assert created[1]["Name"] == (None, "Support")
    assert updated == (
        f"Updated an inbox (#{number})",
        {"Greeting Enabled": ("false", "true")},
    )
    assert deleted[0] == f"Deleted an inbox (#{number})"
    assert deleted[1]["Name"] == ("Support", None)


def test_a_team(place: Place) -> None:
    number, said = story(place, "/teams", {"name": "Tier 1"}, {"name": "Tier 2"}, bare)
    assert said == [
        (
            f"Created a new team (#{number})",
            {"Name": (None, "Tier 1"), "Allow Auto Assign": (None, "true")},
        ),
        (f"Updated a team (#{number})", {"Name": ("Tier 1", "Tier 2")}),
        (
            f"Deleted a team (#{number})",
            {"Name": ("Tier 2", None), "Allow Auto Assign": ("true", None)},
        ),
    ]


def test_an_agent_copilot_bot(place: Place) -> None:
    url = "https://b.example"
    number, said = story(
        place, "/agent_bots", {"name": "Bot", "outgoing_url": url}, {"description": "Sums up"}, bare
    )
    assert said == [
        (
            f"Created a new agent copilot bot (#{number})",
            {"Name": (None, "Bot"), "Endpoint Config URL": (None, url)},
        ),
        (f"Updated an agent copilot bot (#{number})", {"Description": ("empty", "Sums up")}),
        (
            f"Deleted an agent copilot bot (#{number})",
            {
                "Name": ("Bot", None),
                "Description": ("Sums up", None),
                "Endpoint Config URL": (url, None),
            },
        ),
    ]


def test_an_automation_rule(place: Place) -> None:
    rule = {
        "name": "Mute",
        "event_name": "conversation_created",
        "conditions": [
            {"attribute_key": "status", "filter_operator": "equal_to", "values": ["open"]}
        ],
        "actions": [{"action_name": "mute_conversation", "action_params": []}],
    }
    number, (created, updated, deleted) = story(
        place, "/automation_rules", rule, {"active": False}, bare
    )
    assert created[0] == f"Created a new automation rule (#{number})"
    assert created[1]["Conditions"] == (None, "status equal to open")
    assert created[1]["Actions"] == (None, "mute conversation")
    assert updated == (f"Updated an automation rule (#{number})", {"Active": ("true", "false")})
    assert deleted[0] == f"Deleted an automation rule (#{number})"
    assert deleted[1]["Name"] == ("Mute", None)


def test_an_inbox_webhook(place: Place) -> None:
    inbox = place.client().post("/inboxes", json={"name": "Support"}).json()["id"]
    hook = {"url": "https://h.example", "inbox_id": inbox, "subscriptions": ["message_created"]}
    number, (created, updated, deleted) = story(
        place,
        "/webhooks",
        hook,
        {"subscriptions": ["message_created", "message_updated"]},
        lambda answer: answer["payload"]["webhook"],
    )
    assert created[0] == f"Created a new inbox webhook (#{number})"
    assert created[1]["Inbox"] == (None, f"Support (#{inbox})")
    assert created[1]["Signing Secret"] == (None, "hidden")
    assert updated == (
        f"Updated an inbox webhook (#{number})",
        {"Subscriptions": ("message created", "message created | message updated")},
    )
    assert deleted[0] == f"Deleted an inbox webhook (#{number})"
    assert deleted[1]["URL"] == ("https://h.example", None)


def test_an_inbox_collaborator(place: Place) -> None:
    client = place.client()
    first, second = (
        client.post("/inboxes", json={"name": name}).json()["id"] for name in ("Support", "Sales")
    )
    agent = place.people["agent"].id
    client.post("/inbox_members", json={"inbox_id": first, "user_ids": [agent]})
    created = newest(place)
    number = created[0].split("#")[1].rstrip(")")
    assert created[0] == f"Created a new inbox collaborator (#{number})"
    assert created[1]["Inbox"] == (None, f"Support (#{first})")
    assert created[1]["Agent"][1] is not None
    assert created[1]["Agent"][1].endswith(f"(#{agent})")
    with place.office.services.database.transaction() as db:
        db.connection().exec_driver_sql(
            f"UPDATE inbox_members SET inbox_id = {second} WHERE id = {number}"
        )
    assert newest(place) == (
        f"Updated an inbox collaborator (#{number})",
        {"Inbox": (f"Support (#{first})", f"Sales (#{second})")},
    )
    client.request("DELETE", "/inbox_members", json={"inbox_id": second, "user_ids": [agent]})
    deleted = newest(place)
    assert deleted[0] == f"Deleted an inbox collaborator (#{number})"
    assert deleted[1]["Inbox"] == (f"Sales (#{second})", None)
