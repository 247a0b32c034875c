"""What the trail says of each change, literally: six entities, created, updated and deleted."""

from typing import Any

import pytest

from tests.live_agent.office import Place
from tests.live_agent.test_contract import RULE, ok

pytestmark = pytest.mark.both_engines

WEEKDAY = {
    "closed_all_day": False,
    "open_all_day": False,
    "open_hour": 9,
    "open_minutes": 0,
    "close_hour": 17,
    "close_minutes": 0,
}
WEEKEND = {
    "closed_all_day": True,
    "open_all_day": False,
    "open_hour": None,
    "open_minutes": None,
    "close_hour": None,
    "close_minutes": None,
}


def said(item: dict[str, Any]) -> tuple[Any, ...]:
    return (item["auditable_type"], item["auditable_id"], item["action"], item["audited_changes"])


def only(items: list[dict[str, Any]]) -> dict[str, Any]:
    assert len(items) == 1, items
    return items[0]


def test_an_item_says_who_what_where_and_when(place: Place) -> None:
    team = ok(place.client().post("/teams", json={"name": "Tier 1"}))
    administrator = place.people["administrator"]
    item = only(place.news())
    assert isinstance(item.pop("created_at"), int)
    assert len(item.pop("request_uuid")) == 36
    assert item.pop("access_token")["name"] == "tests"
    assert item == {
        "id": 7,
        "auditable_id": team["id"],
        "auditable_type": "Team",
        "auditable": team,
        "associated_id": place.id,
        "associated_type": "Account",
        "user_id": administrator.id,
        "user_type": "User",
        "username": administrator.email,
        "action": "create",
        "audited_changes": {"name": "Tier 1", "allow_auto_assign": True},
        "version": 1,
        "comment": None,
        "remote_address": "127.0.0.1",
        "actor": {"kind": "user", "id": administrator.id},
        "on_behalf_of": [],
        "via": "api",
        "job": None,
        "ticket": None,
        "undoes": None,
        "erased": [],
        "mismatches": [],
    }


def test_an_inbox_from_its_creation_to_its_deletion(place: Place) -> None:
    client = place.client()
    inbox = ok(client.post("/inboxes", json={"name": "Support"}))
    whole = {
        "name": "Support",
        "inbox_identifier": inbox["inbox_identifier"],
        "greeting_enabled": False,
        "enable_auto_assignment": True,
        "allow_reassignment": True,
        "agents_see_all_conversations": False,
        "enable_conversation_count": False,
        "timezone": "UTC",
        "working_hours_enabled": False,
        "working_hours": [
            {"day_of_week": day, **(WEEKEND if day in (0, 6) else WEEKDAY)} for day in range(7)
        ],
        "csat_survey_enabled": False,
        "csat_config": {},
        "lock_to_single_conversation": False,
        "hmac_token": "[hidden]",
    }
    assert said(only(place.news())) == ("Inbox", inbox["id"], "create", whole)

    path = f"/inboxes/{inbox['id']}"
    ok(client.patch(path, json={"name": "Help", "webhook_url": "https://a.example/"}))
    assert said(only(place.news())) == (
        "Inbox",
        inbox["id"],
        "update",
        {"name": ["Support", "Help"], "webhook_url": [None, "https://a.example/"]},
    )

    ok(client.delete(path))
    item = only(place.news())
    gone = {**whole, "name": "Help", "webhook_url": "https://a.example/"}
    assert said(item) == ("Inbox", inbox["id"], "destroy", gone)
    assert (item["auditable"], item["version"]) == (None, 3)


def test_a_team_from_its_creation_to_its_deletion(place: Place) -> None:
    client = place.client()
    team = ok(client.post("/teams", json={"name": "Tier 1", "description": "First"}))["id"]
    ok(client.patch(f"/teams/{team}", json={"allow_auto_assign": False}))
    ok(client.delete(f"/teams/{team}"))
    assert [said(item) for item in place.news()] == [
        (
            "Team",
            team,
            "create",
            {"name": "Tier 1", "description": "First", "allow_auto_assign": True},
        ),
        ("Team", team, "update", {"allow_auto_assign": [True, False]}),
        (
            "Team",
            team,
            "destroy",
            {"name": "Tier 1", "description": "First", "allow_auto_assign": False},
        ),
    ]


def test_a_bot_from_its_creation_to_its_deletion(place: Place) -> None:
    client = place.client()
    inbox = ok(client.post("/inboxes", json={"name": "Support"}))["id"]
    place.look_away()
    bot = ok(client.post("/agent_bots", json={"name": "Sum", "outgoing_url": "https://a.example/"}))
    ok(client.post(f"/inboxes/{inbox}/set_agent_bot", json={"agent_bot": bot["id"]}))
    ok(client.delete(f"/agent_bots/{bot['id']}"))
    made = {"name": "Sum", "outgoing_url": "https://a.example/"}
    assert [said(item) for item in place.news()] == [
        ("AgentBot", bot["id"], "create", made),
        ("AgentBot", bot["id"], "update", {"inbox_id": [None, inbox]}),
        ("AgentBot", bot["id"], "destroy", {**made, "inbox_id": inbox}),
    ]


def test_an_automation_rule_from_its_creation_to_its_deletion(place: Place) -> None:
    client = place.client()
    rule = ok(client.post("/automation_rules", json=RULE))["id"]
    actions = [{"action_name": "add_label", "action_params": ["late"]}]
    ok(client.patch(f"/automation_rules/{rule}", json={"actions": actions, "active": False}))
    ok(client.delete(f"/automation_rules/{rule}"))
    assert [said(item) for item in place.news()] == [
        ("AutomationRule", rule, "create", {**RULE, "active": True}),
        (
            "AutomationRule",
            rule,
            "update",
            {"actions": [RULE["actions"], actions], "active": [True, False]},
        ),
        ("AutomationRule", rule, "destroy", {**RULE, "actions": actions, "active": False}),
    ]


def test_an_inbox_webhook_from_its_creation_to_its_deletion(place: Place) -> None:
    client = place.client()
    inbox = ok(client.post("/inboxes", json={"name": "Support"}))["id"]
    place.look_away()
    body = {"url": "https://a.example/", "subscriptions": ["message_created"], "inbox_id": inbox}
    webhook = ok(client.post("/webhooks", json=body))["payload"]["webhook"]
    path = f"/webhooks/{webhook['id']}"
    ok(client.patch(path, json={"subscriptions": ["message_created", "contact_created"]}))
    ok(client.patch(path, json={"secret": "a-new-secret-of-ours"}))
    ok(client.delete(path))
    both = ["message_created", "contact_created"]
    assert [said(item) for item in place.news()] == [
        ("Webhook", webhook["id"], "create", {**body, "secret": "[hidden]"}),
        ("Webhook", webhook["id"], "update", {"subscriptions": [["message_created"], both]}),
        ("Webhook", webhook["id"], "update", {"secret": ["[hidden]", "[hidden]"]}),
        (
            "Webhook",
            webhook["id"],
            "destroy",
            {**body, "subscriptions": both, "secret": "[hidden]"},
        ),
    ]


def test_a_collaborator_comes_and_goes(place: Place) -> None:
    client, agent = place.client(), place.people["agent"].id
    inbox = ok(client.post("/inboxes", json={"name": "Support"}))["id"]
    place.look_away()
    ok(client.post("/inbox_members", json={"inbox_id": inbox, "user_ids": [agent]}))
    ok(client.request("DELETE", "/inbox_members", json={"inbox_id": inbox, "user_ids": [agent]}))
    came, went = place.news()
    assert (came["auditable_type"], came["action"]) == ("InboxMember", "create")
    assert came["audited_changes"] == {"inbox_id": inbox, "user_id": agent}
    assert (went["auditable_id"], went["action"]) == (came["auditable_id"], "destroy")
    assert went["audited_changes"] == came["audited_changes"]


def test_a_moved_collaborator_s_inbox_is_an_update(place: Place) -> None:
    """No route moves one, but a shell can: the entry says so, by System."""
    client, agent = place.client(), place.people["agent"].id
    first, second = (ok(client.post("/inboxes", json={"name": name}))["id"] for name in ("A", "B"))
    ok(client.post("/inbox_members", json={"inbox_id": first, "user_ids": [agent]}))
    place.look_away()
    with place.office.services.database.transaction() as db:
        db.connection().exec_driver_sql(
            f"UPDATE inbox_members SET inbox_id = {second} WHERE inbox_id = {first}"
        )
    item = only(place.news())
    assert (item["username"], item["user_id"], item["user_type"]) == ("System", None, None)
    assert said(item)[2:] == ("update", {"inbox_id": [first, second]})


def test_two_collaborators_are_two_entries_of_one_request(place: Place) -> None:
    client = place.client()
    ids = [place.people["agent"].id, place.people["supervisor"].id]
    inbox = ok(client.post("/inboxes", json={"name": "Support"}))["id"]
    place.look_away()
    ok(client.patch("/inbox_members", json={"inbox_id": inbox, "user_ids": ids}))
    items = place.news()
    assert [item["audited_changes"]["user_id"] for item in items] == ids
    assert len({item["request_uuid"] for item in items}) == 1


def test_a_change_that_changes_nothing_is_no_entry(place: Place) -> None:
    client = place.client()
    inbox = ok(client.post("/inboxes", json={"name": "Support"}))
    rule = ok(client.post("/automation_rules", json=RULE))
    place.look_away()
    ok(
        client.patch(
            f"/inboxes/{inbox['id']}",
            json={key: inbox[key] for key in ("name", "working_hours", "csat_config")},
        )
    )
    ok(client.patch(f"/automation_rules/{rule['id']}", json=RULE))
    assert place.news() == []


def test_deleting_a_team_with_two_members_is_three_entries_with_their_cause(place: Place) -> None:
    client = place.client()
    ids = [place.people["agent"].id, place.people["supervisor"].id]
    team = ok(client.post("/teams", json={"name": "Tier 1"}))["id"]
    ok(client.post(f"/teams/{team}/team_members", json={"user_ids": ids}))
    place.look_away()
    ok(client.delete(f"/teams/{team}"))
    deleted, *members = place.news()
    assert said(deleted)[:3] == ("Team", team, "destroy")
    assert [(item["auditable_type"], item["action"]) for item in members] == [
        ("TeamMember", "destroy")
    ] * 2
    assert {place.cause_of(item) for item in members} == {place.entry_id(deleted)}
    assert {item["username"] for item in members} == {place.people["administrator"].email}


def test_deleting_an_inbox_takes_its_webhooks_and_releases_its_bots(place: Place) -> None:
    client = place.client()
    inbox = ok(client.post("/inboxes", json={"name": "Support"}))["id"]
    ok(client.post("/webhooks", json={"url": "https://a.example/", "inbox_id": inbox}))
    ok(client.post("/agent_bots", json={"name": "Sum", "inbox_id": inbox}))
    place.look_away()
    ok(client.delete(f"/inboxes/{inbox}"))
    deleted, *others = place.news()
    assert {said(item)[0::2][:2] for item in others} == {
        ("Webhook", "destroy"),
        ("AgentBot", "update"),
    }
    assert {place.cause_of(item) for item in others} == {place.entry_id(deleted)}


def test_a_removed_agent_leaves_inboxes_and_teams_with_the_cause(place: Place) -> None:
    client, agent = place.client(), place.people["agent"].id
    inbox = ok(client.post("/inboxes", json={"name": "Support"}))["id"]
    team = ok(client.post("/teams", json={"name": "Tier 1"}))["id"]
    ok(client.post("/inbox_members", json={"inbox_id": inbox, "user_ids": [agent]}))
    ok(client.post(f"/teams/{team}/team_members", json={"user_ids": [agent]}))
    place.look_away()
    ok(client.delete(f"/agents/{agent}"))
    removed, *others = place.news()
    assert said(removed)[:3] == ("AccountUser", agent, "destroy")
    assert {item["auditable_type"] for item in others} == {"InboxMember", "TeamMember"}
    assert {place.cause_of(item) for item in others} == {place.entry_id(removed)}


def test_agents_are_entries_under_the_id_that_the_api_gives_them(place: Place) -> None:
    client = place.client()
    email = f"mia.{place.id}@alder.example"
    agent = ok(client.post("/agents", json={"name": "Mia", "email": email, "role": "agent"}))["id"]
    ok(client.patch(f"/agents/{agent}", json={"role": "supervisor", "availability": "busy"}))
    ok(client.patch(f"/agents/{agent}", json={"name": "Mia O."}))
    hired, changed, renamed = place.news()
    assert said(hired) == (
        "AccountUser",
        agent,
        "create",
        {"user_id": agent, "role": "agent", "availability": "offline"},
    )
    assert said(changed)[2:] == (
        "update",
        {"role": ["agent", "supervisor"], "availability": ["offline", "busy"]},
    )
    assert said(renamed) == ("User", agent, "update", {"name": ["Mia", "Mia O."]})


def test_account_settings_are_entries(place: Place) -> None:
    ok(place.client().patch("", json={"timezone": "Europe/Berlin"}))
    assert said(only(place.news())) == (
        "Account",
        place.id,
        "update",
        {"timezone": ["UTC", "Europe/Berlin"]},
    )


def test_a_refused_change_is_no_entry(place: Place) -> None:
    client = place.client()
    ok(client.post("/teams", json={"name": "Tier 1"}))
    place.look_away()
    assert client.post("/teams", json={"name": "Tier 1"}).status_code == 422
    assert place.client("agent").post("/teams", json={"name": "Tier 2"}).status_code == 403
    assert place.news() == []


def test_a_session_s_change_is_recorded_as_its_person_by_name_of_the_session(place: Place) -> None:
    browser, csrf = place.signed_in()
    place.look_away()
    path = f"/api/v1/accounts/{place.id}/teams"
    ok(browser.post(path, json={"name": "Tier 1"}, headers={"x-csrf-token": csrf}))
    item = only(place.news())
    entry = place.office.services.trail.entry(str(place.id), item["id"] - 1)
    assert item["username"] == place.people["administrator"].email
    assert entry.public.via == "ui"
    assert entry.who is not None
    assert b'"session":"' in entry.who.stored


def test_a_token_s_change_names_the_token_but_never_shows_it(place: Place) -> None:
    ok(place.client().post("/teams", json={"name": "Tier 1"}))
    item = only(place.news())
    entry = place.office.services.trail.entry(str(place.id), item["id"] - 1)
    assert entry.public.via == "api"
    assert entry.who is not None
    assert b'"name":"tests"' in entry.who.stored
    assert place.people["administrator"].token.encode() not in entry.who.stored


def test_secrets_are_in_no_item(place: Place) -> None:
    client = place.client()
    inbox = ok(client.post("/inboxes", json={"name": "Support"}))
    webhook = ok(client.post("/webhooks", json={"url": "https://a.example/"}))["payload"]["webhook"]
    place.total()
    text = client.get("/audit_logs").text
    assert inbox["hmac_token"] not in text
    assert webhook["secret"] not in text
