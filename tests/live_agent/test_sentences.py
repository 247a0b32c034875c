"""Each of the six entities, created, updated and deleted: its line and its whole window, literally."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from audit_trail.record.entry import read_what
from audit_trail.record.query import Query
from audit_trail.record.sentence import summary
from audit_trail.server.asked import Asked
from audit_trail.server.changes import Field, Side
from audit_trail.server.window import Window, window_of
from audit_trail.server.zone import Zone
from live_agent.catalog import CATALOG
from tests.live_agent.office import Place

BERLIN = ZoneInfo("Europe/Berlin")

pytestmark = pytest.mark.both_engines


def newest(place: Place) -> list[str]:
    """The newest entry: its sentence, its quiet line, its facts, and − and + for each field.

    Where the act came from, its request and the entry's number are told by other tests.
    """
    services, account = place.office.services, str(place.id)
    services.sequencer_idle()
    trail = services.trail
    entry = trail.entry(account, trail.head(account).size - 1)
    asked = Asked(given={}, query=Query(account=account))
    window = window_of(trail, entry, asked, CATALOG, Zone("Berlin", BERLIN), "/audit-logs")
    at = datetime.fromtimestamp(entry.public.occurred_at / 1_000_000, UTC).astimezone(BERLIN)
    offset = (at.utcoffset() or at - at).seconds // 3_600
    facts = [
        line.replace(f"{at:%b %d, %Y %I:%M %p}, Berlin (UTC+{offset})", "NOW")
        for line in told(window)
    ]
    quiet = summary(entry.public, read_what(entry.what), CATALOG)
    return [window.title, quiet, *facts, *(panel(field) for field in window.fields)]


def told(window: Window) -> list[str]:
    """Who, when, the action, and the record with its name."""
    person, time, action, number = window.facts[:4]
    return [
        *(f"{fact.label}: {fact.value}" for fact in (person, time, action)),
        f"{number.label}: {number.value} · {number.quiet}",
    ]


def panel(field: Field) -> str:
    sides = [f"− {written(field.before)}"] if field.before else []
    sides += [f"+ {written(field.after)}"] if field.after else []
    return f"{field.label}: {' '.join(sides)}"


def written(side: Side) -> str:
    """The value as the window shows it; list items apart by a bar."""
    return " | ".join("".join(piece.text for piece in run) for run in side.runs) or side.shape


def story(
    place: Place, path: str, body: dict[str, Any], change: dict[str, Any], *inside: str
) -> tuple[dict[str, Any], list[list[str]]]:
    """Create, update and delete one record; return it, and what each entry says."""
    client = place.client()
    record = client.post(path, json=body).json()
    for name in inside:
        record = record[name]
    said = [newest(place)]
    method = "PUT" if path == "/macros" else "PATCH"
    client.request(method, f"{path}/{record['id']}", json=change).raise_for_status()
    said.append(newest(place))
    client.delete(f"{path}/{record['id']}").raise_for_status()
    return record, [*said, newest(place)]


def administrator(place: Place) -> str:
    return place.people["administrator"].email


def test_an_inbox(place: Place) -> None:
    url = "https://desk.example/handover/liveagent"
    change = {"name": "Support Europe", "greeting_enabled": True, "channel": {"webhook_url": url}}
    it, (created, updated, deleted) = story(place, "/inboxes", {"name": "Support"}, change)
    who, number = administrator(place), it["id"]
    assert created == [
        f"Created a new inbox (#{number})",
        "Support",
        f"Created By: {who}",
        "Created At: NOW",
        "Action: create",
        f"ID: {number} · Support",
        "Name: + Support",
        f"Inbox ID: + {it['inbox_identifier']}",
        "Greeting Enabled: + false",
        "Allow Auto Assignment: + true",
        "Allow Reassignment: + true",
        "Agents See All Conversations: + false",
        "Enable Conversation Count: + false",
        "Time Zone: + UTC",
        "Working Hours Enabled: + false",
        "Working Hours: + Monday to Friday, 09:00–17:00 | Saturday to Sunday, closed",
        "CSAT Survey Enabled: + false",
        "CSAT Survey: + empty object",
        "Lock To Single Conversation: + false",
        "Signing Secret: + hidden",
    ]
    assert updated == [
        f"Updated an inbox (#{number})",
        "Support Europe · name, webhook URL, greeting enabled",
        f"Updated By: {who}",
        "Updated At: NOW",
        "Action: update",
        f"ID: {number} · Support Europe",
        "Name: − Support + Support Europe",
        f"Webhook URL: − none + {url}",
        "Greeting Enabled: − false + true",
    ]
    assert deleted == [
        f"Deleted an inbox (#{number})",
        "Support Europe",
        f"Deleted By: {who}",
        "Deleted At: NOW",
        "Action: delete",
        f"ID: {number} · Support Europe",
        "Name: − Support Europe",
        f"Webhook URL: − {url}",
        f"Inbox ID: − {it['inbox_identifier']}",
        "Greeting Enabled: − true",
        "Allow Auto Assignment: − true",
        "Allow Reassignment: − true",
        "Agents See All Conversations: − false",
        "Enable Conversation Count: − false",
        "Time Zone: − UTC",
        "Working Hours Enabled: − false",
        "Working Hours: − Monday to Friday, 09:00–17:00 | Saturday to Sunday, closed",
        "CSAT Survey Enabled: − false",
        "CSAT Survey: − empty object",
        "Lock To Single Conversation: − false",
        "Signing Secret: − hidden",
    ]


def test_a_team(place: Place) -> None:
    it, (created, updated, deleted) = story(place, "/teams", {"name": "Tier 1"}, {"name": "Tier 2"})
    who, number = administrator(place), it["id"]
    assert created == [
        f"Created a new team (#{number})",
        "Tier 1",
        f"Created By: {who}",
        "Created At: NOW",
        "Action: create",
        f"ID: {number} · Tier 1",
        "Name: + Tier 1",
        "Allow Auto Assign: + true",
    ]
    assert updated == [
        f"Updated a team (#{number})",
        "Tier 2 · name",
        f"Updated By: {who}",
        "Updated At: NOW",
        "Action: update",
        f"ID: {number} · Tier 2",
        "Name: − Tier 1 + Tier 2",
    ]
    assert deleted == [
        f"Deleted a team (#{number})",
        "Tier 2",
        f"Deleted By: {who}",
        "Deleted At: NOW",
        "Action: delete",
        f"ID: {number} · Tier 2",
        "Name: − Tier 2",
        "Allow Auto Assign: − true",
    ]


def test_an_agent_copilot_bot(place: Place) -> None:
    bot = {"name": "Bot", "outgoing_url": "https://b.example"}
    it, (created, updated, deleted) = story(place, "/agent_bots", bot, {"description": "Sums up"})
    who, number = administrator(place), it["id"]
    assert created == [
        f"Created a new agent copilot bot (#{number})",
        "Bot",
        f"Created By: {who}",
        "Created At: NOW",
        "Action: create",
        f"ID: {number} · Bot",
        "Name: + Bot",
        "Endpoint Config URL: + https://b.example",
    ]
    assert updated == [
        f"Updated an agent copilot bot (#{number})",
        "Bot · description",
        f"Updated By: {who}",
        "Updated At: NOW",
        "Action: update",
        f"ID: {number} · Bot",
        "Description: − none + Sums up",
    ]
    assert deleted == [
        f"Deleted an agent copilot bot (#{number})",
        "Bot",
        f"Deleted By: {who}",
        "Deleted At: NOW",
        "Action: delete",
        f"ID: {number} · Bot",
        "Name: − Bot",
        "Description: − Sums up",
        "Endpoint Config URL: − https://b.example",
    ]


def test_an_automation_rule(place: Place) -> None:
    condition = {"attribute_key": "status", "filter_operator": "equal_to", "values": ["open"]}

    def actions(team: object, *labels: str) -> list[dict[str, Any]]:
        return [
            {"action_name": "assign_team", "action_params": [team]},
            {"action_name": "add_label", "action_params": labels},
        ]

    rule = {
        "name": "Escalate",
        "event_name": "conversation_created",
        "conditions": [condition],
        "actions": actions(2, "a", "b"),
    }
    it, (created, updated, deleted) = story(
        place, "/automation_rules", rule, {"active": False, "actions": actions("2", "a, b")}
    )
    who, number = administrator(place), it["id"]
    assert created == [
        f"Created a new automation rule (#{number})",
        "Escalate",
        f"Created By: {who}",
        "Created At: NOW",
        "Action: create",
        f"ID: {number} · Escalate",
        "Name: + Escalate",
        "Event: + conversation_created",
        "Conditions: + status equal to open",
        "Actions: + assign team 2 | add label a, b",
        "Active: + true",
    ]
    assert updated == [
        f"Updated an automation rule (#{number})",
        "Escalate · actions, active",
        f"Updated By: {who}",
        "Updated At: NOW",
        "Action: update",
        f"ID: {number} · Escalate",
        'Actions: − assign team 2 | add label a, b + assign team "2" | add label "a, b"',
        "Active: − true + false",
    ]
    assert deleted == [
        f"Deleted an automation rule (#{number})",
        "Escalate",
        f"Deleted By: {who}",
        "Deleted At: NOW",
        "Action: delete",
        f"ID: {number} · Escalate",
        "Name: − Escalate",
        "Event: − conversation_created",
        "Conditions: − status equal to open",
        'Actions: − assign team "2" | add label "a, b"',
        "Active: − false",
    ]


def test_an_inbox_webhook(place: Place) -> None:
    inbox = place.client().post("/inboxes", json={"name": "Support"}).json()["id"]
    hook = {"url": "https://h.example", "inbox_id": inbox, "subscriptions": ["message_created"]}
    change = {"subscriptions": ["message_created", "message_updated"]}
    it, (created, updated, deleted) = story(place, "/webhooks", hook, change, "payload", "webhook")
    who, number = administrator(place), it["id"]
    assert created == [
        f"Created a new inbox webhook (#{number})",
        "Support · https://h.example",
        f"Created By: {who}",
        "Created At: NOW",
        "Action: create",
        f"ID: {number} · Support · https://h.example",
        f"Inbox: + Support (#{inbox})",
        "URL: + https://h.example",
        "Subscriptions: + message created",
        "Signing Secret: + hidden",
    ]
    assert updated == [
        f"Updated an inbox webhook (#{number})",
        "Support · https://h.example · subscriptions",
        f"Updated By: {who}",
        "Updated At: NOW",
        "Action: update",
        f"ID: {number} · Support · https://h.example",
        "Subscriptions: − message created + message created | message updated",
    ]
    assert deleted == [
        f"Deleted an inbox webhook (#{number})",
        "Support · https://h.example",
        f"Deleted By: {who}",
        "Deleted At: NOW",
        "Action: delete",
        f"ID: {number} · Support · https://h.example",
        f"Inbox: − Support (#{inbox})",
        "URL: − https://h.example",
        "Subscriptions: − message created | message updated",
        "Signing Secret: − hidden",
    ]


def test_a_label(place: Place) -> None:
    it, (created, updated, deleted) = story(
        place, "/labels", {"title": "Urgent"}, {"color": "#FF0000", "show_on_sidebar": False}
    )
    number = it["id"]
    assert created[0:2] == [f"Created a new label (#{number})", "urgent"]
    assert created[6:] == ["Title: + urgent", "Color: + #1f93ff", "Show On Sidebar: + true"]
    assert updated[0:2] == [
        f"Updated a label (#{number})",
        "urgent · color, show on sidebar",
    ]
    assert updated[6:] == ["Color: − #1f93ff + #ff0000", "Show On Sidebar: − true + false"]
    assert deleted[0:2] == [f"Deleted a label (#{number})", "urgent"]
    assert deleted[6:] == ["Title: − urgent", "Color: − #ff0000", "Show On Sidebar: − false"]


def test_a_canned_response(place: Place) -> None:
    body = {"short_code": "hello", "content": "Hello,\nhow can we help?"}
    it, (created, updated, deleted) = story(place, "/canned_responses", body, {"content": "Hello"})
    number = it["id"]
    assert created[0:2] == [f"Created a new canned response (#{number})", "hello"]
    assert created[6:] == ["Short Code: + hello", "Content: + Hello,\nhow can we help?"]
    assert updated[0:2] == [f"Updated a canned response (#{number})", "hello · content"]
    assert updated[6:] == ["Content: − Hello,\nhow can we help? + Hello"]
    assert deleted[0:2] == [f"Deleted a canned response (#{number})", "hello"]


def test_a_macro(place: Place) -> None:
    actions = [
        {"action_name": "add_label", "action_params": ["urgent"]},
        {"action_name": "mute_conversation"},
    ]
    change = {"visibility": "global", "actions": actions[1:]}
    body = {"name": "Calm", "actions": actions}
    it, (created, updated, deleted) = story(place, "/macros", body, change, "payload")
    number, person = it["id"], place.people["administrator"].id
    name = place.client().get(f"/agents/{person}").json()["name"]
    assert created[0:2] == [f"Created a new macro (#{number})", "Calm"]
    assert created[6:] == [
        f"Owner: + {name} (#{person})",
        "Name: + Calm",
        "Visibility: + personal",
        "Actions: + add label urgent | mute conversation",
    ]
    assert updated[0:2] == [f"Updated a macro (#{number})", "Calm · visibility, actions"]
    assert updated[6:] == [
        "Visibility: − personal + global",
        "Actions: − add label urgent | mute conversation + mute conversation",
    ]
    assert deleted[0:2] == [f"Deleted a macro (#{number})", "Calm"]


def test_a_skill_and_the_agents_who_have_it(place: Place) -> None:
    client, agent = place.client(), place.people["agent"]
    name = client.get(f"/agents/{agent.id}").json()["name"]
    skill = client.post("/skills", json={"name": "French"}).json()["id"]
    assert newest(place)[0:2] == [f"Created a new skill (#{skill})", "French"]
    client.post(f"/skills/{skill}/agents", json={"user_ids": [agent.id]}).raise_for_status()
    created = newest(place)
    number = created[0].split("#")[1].rstrip(")")
    assert created[0:2] == [f"Created a new agent skill (#{number})", f"{name} · French"]
    assert created[6:] == [f"Skill: + French (#{skill})", f"Agent: + {name} (#{agent.id})"]
    client.patch(f"/skills/{skill}", json={"description": "B2"}).raise_for_status()
    assert newest(place)[0:2] == [f"Updated a skill (#{skill})", "French · description"]
    client.delete(f"/skills/{skill}").raise_for_status()
    # What it took with it follows it.
    assert newest(place)[0:2] == [
        f"Deleted an agent skill (#{number})",
        f"{name} · French · went with its skill",
    ]


def test_an_inbox_collaborator(place: Place) -> None:
    client = place.client()
    first, second = (
        client.post("/inboxes", json={"name": name}).json()["id"] for name in ("Support", "Sales")
    )
    agent, who = place.people["agent"], administrator(place)
    name = client.get(f"/agents/{agent.id}").json()["name"]
    client.post("/inbox_members", json={"inbox_id": first, "user_ids": [agent.id]})
    created = newest(place)
    number = created[0].split("#")[1].rstrip(")")
    assert created == [
        f"Created a new inbox collaborator (#{number})",
        f"{name} · Support",
        f"Created By: {who}",
        "Created At: NOW",
        "Action: create",
        f"ID: {number} · {name} · Support",
        f"Inbox: + Support (#{first})",
        f"Agent: + {name} (#{agent.id})",
    ]
    # No page or route moves a collaborator; a shell can.
    with place.office.services.database.transaction() as db:
        db.connection().exec_driver_sql(
            f"UPDATE inbox_members SET inbox_id = {second} WHERE id = {number}"
        )
    assert newest(place) == [
        f"Updated an inbox collaborator (#{number})",
        f"{name} · Sales · inbox",
        "Updated By: System",
        "Updated At: NOW",
        "Action: update",
        f"ID: {number} · {name} · Sales",
        f"Inbox: − Support (#{first}) + Sales (#{second})",
    ]
    client.request("DELETE", "/inbox_members", json={"inbox_id": second, "user_ids": [agent.id]})
    assert newest(place) == [
        f"Deleted an inbox collaborator (#{number})",
        f"{name} · Sales",
        f"Deleted By: {who}",
        "Deleted At: NOW",
        "Action: delete",
        f"ID: {number} · {name} · Sales",
        f"Inbox: − Sales (#{second})",
        f"Agent: − {name} (#{agent.id})",
    ]
