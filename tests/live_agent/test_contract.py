"""Each route of the contract: its path, its shape, its status."""

from typing import Any

import httpx2
import pytest

from tests.live_agent.office import Place

pytestmark = pytest.mark.both_engines

RULE = {
    "name": "Escalate",
    "event_name": "conversation_updated",
    "conditions": [
        {
            "attribute_key": "status",
            "filter_operator": "equal_to",
            "values": ["open"],
            "query_operator": None,
        }
    ],
    "actions": [{"action_name": "change_priority", "action_params": ["high"]}],
}


def ok(answer: httpx2.Response) -> Any:
    assert answer.status_code == 200, answer.text
    return answer.json() if answer.content else None


def test_an_inbox_is_a_bare_object_and_the_list_a_payload(place: Place) -> None:
    client = place.client()
    made = ok(
        client.post(
            "/inboxes",
            json={
                "name": "Support",
                "channel": {"type": "api", "webhook_url": "https://a.example/"},
            },
        )
    )
    assert made["channel_id"] == made["id"]
    assert made["channel_type"] == "Channel::Api"
    assert made["webhook_url"] == "https://a.example/"
    assert len(made["inbox_identifier"]) == 32
    assert made["enable_auto_assignment"] is True
    shown = {key: value for key, value in made.items() if key != "hmac_token"}
    assert ok(client.get("/inboxes")) == {"payload": [shown]}
    assert ok(client.get(f"/inboxes/{made['id']}")) == shown


def test_a_channel_s_settings_may_be_changed_as_they_were_created(place: Place) -> None:
    client = place.client()
    inbox = ok(client.post("/inboxes", json={"name": "Support"}))["id"]
    body = {"name": "Help", "channel": {"type": "api", "webhook_url": "https://b.example/"}}
    changed = ok(client.patch(f"/inboxes/{inbox}", json=body))
    assert (changed["name"], changed["webhook_url"]) == ("Help", "https://b.example/")


def test_deletions_answer_an_empty_body(place: Place) -> None:
    client = place.client()
    inbox = ok(client.post("/inboxes", json={"name": "Support"}))["id"]
    answer = client.delete(f"/inboxes/{inbox}")
    assert (answer.status_code, answer.content) == (200, b"")
    assert client.get(f"/inboxes/{inbox}").status_code == 404


@pytest.mark.parametrize("path", ["/inboxes", "/inboxes/", "/teams/", "/agents/", "/audit_logs/"])
def test_paths_work_with_and_without_a_slash_at_their_end(place: Place, path: str) -> None:
    assert place.client().get(path).status_code == 200


def test_fields_may_come_under_the_resource_s_name(place: Place) -> None:
    client = place.client()
    team = ok(client.post("/teams", json={"team": {"name": "Tier 1"}}))
    assert team == {
        "id": team["id"],
        "account_id": place.id,
        "name": "Tier 1",
        "description": None,
        "allow_auto_assign": True,
        "is_member": False,
    }
    hook = {"webhook": {"url": "https://a.example/", "subscriptions": ["message_created"]}}
    assert ok(client.post("/webhooks", json=hook))["payload"]["webhook"]["subscriptions"] == [
        "message_created"
    ]


def test_webhooks_come_in_their_payload_and_show_their_secret_once(place: Place) -> None:
    client = place.client()
    inbox = ok(client.post("/inboxes", json={"name": "Support"}))["id"]
    made = ok(client.post("/webhooks", json={"url": "https://a.example/", "inbox_id": inbox}))
    webhook = made["payload"]["webhook"]
    assert len(webhook.pop("secret")) == 32
    assert webhook == {
        "id": webhook["id"],
        "account_id": place.id,
        "inbox_id": inbox,
        "url": "https://a.example/",
        "subscriptions": [],
    }
    assert ok(client.get("/webhooks")) == {"payload": {"webhooks": [webhook]}}
    changed = ok(client.patch(f"/webhooks/{webhook['id']}", json={"url": "https://b.example/"}))
    assert changed == {"payload": {"webhook": {**webhook, "url": "https://b.example/"}}}
    assert client.delete(f"/webhooks/{webhook['id']}").content == b""


def test_rules_are_created_bare_and_else_come_in_a_payload(place: Place) -> None:
    client = place.client()
    made = ok(client.post("/automation_rules", json=RULE))
    assert {**made, **RULE} == made
    assert made["active"] is True
    path = f"/automation_rules/{made['id']}"
    assert ok(client.get(path)) == {"payload": made}
    assert ok(client.get("/automation_rules")) == {"payload": [made]}
    assert ok(client.patch(path, json={"active": False}))["payload"]["active"] is False
    clone = ok(client.post(f"{path}/clone"))["payload"]
    assert (clone["name"], clone["active"]) == ("Escalate (copy)", False)
    assert ok(client.post(f"{path}/clone"))["payload"]["name"] == "Escalate (copy 2)"
    assert client.delete(path).content == b""


def test_bots_are_bare_and_the_inbox_s_bot_is_wrapped(place: Place) -> None:
    client = place.client()
    inbox = ok(client.post("/inboxes", json={"name": "Support"}))["id"]
    first, second = (
        ok(client.post("/agent_bots", json={"name": name, "outgoing_url": "https://a.example/"}))
        for name in ("One", "Two")
    )
    assert ok(client.get("/agent_bots")) == [first, second]
    for bot in (first, second):
        assert client.post(
            f"/inboxes/{inbox}/set_agent_bot", json={"agent_bot": bot["id"]}
        ).is_success
    assert ok(client.get(f"/inboxes/{inbox}/agent_bot")) == {
        "agent_bot": {**second, "inbox_id": inbox}
    }
    assert ok(client.get(f"/agent_bots/{first['id']}"))["inbox_id"] is None


def test_agents_are_bare_and_a_supervisor_is_an_agent_with_a_role_of_their_own(
    place: Place,
) -> None:
    client = place.client("agent")
    found = {agent["email"]: agent for agent in ok(client.get("/agents"))}
    supervisor = found[place.people["supervisor"].email]
    assert (supervisor["role"], supervisor["custom_role"]) == ("agent", {"name": "supervisor"})
    administrator = found[place.people["administrator"].email]
    assert (administrator["role"], administrator["custom_role"]) == ("administrator", None)
    assert ok(client.get(f"/agents/{supervisor['id']}")) == supervisor
    assert {
        "id",
        "name",
        "email",
        "role",
        "availability_status",
        "account_id",
        "confirmed",
        "thumbnail",
    } <= set(supervisor)


def test_team_members_are_a_bare_list(place: Place) -> None:
    client = place.client()
    team = ok(client.post("/teams", json={"name": "Tier 1"}))["id"]
    ids = [place.people["agent"].id, place.people["supervisor"].id]
    path = f"/teams/{team}/team_members"
    assert {member["id"] for member in ok(client.post(path, json={"user_ids": ids}))} == set(ids)
    assert [member["id"] for member in ok(client.patch(path, json={"user_ids": ids[:1]}))] == ids[
        :1
    ]
    answer = client.request("DELETE", path, json={"user_ids": ids[:1]})
    assert (answer.status_code, answer.content) == (200, b"")
    assert ok(client.get(path)) == []


def test_the_account_can_be_read_by_members_and_changed_by_administrators(place: Place) -> None:
    assert ok(place.client("agent").get(""))["timezone"] == "UTC"
    changed = ok(place.client().patch("", json={"timezone": "Europe/Berlin"}))
    assert changed["timezone"] == "Europe/Berlin"


def test_the_document_is_served_without_a_page(place: Place) -> None:
    answer = httpx2.get(f"{place.office.url}/api/openapi.json", timeout=30)
    document = answer.json()
    assert document["openapi"].startswith("3.")
    body = document["paths"]["/api/v1/accounts/{account_id}/teams"]["post"]["requestBody"]
    assert set(body["content"]["application/json"]["schema"]["properties"]) == {
        "name",
        "description",
        "allow_auto_assign",
    }
    assert "422" in document["paths"]["/api/v1/accounts/{account_id}/teams"]["post"]["responses"]
    logs = document["paths"]["/api/v1/accounts/{account_id}/audit_logs"]["get"]["parameters"]
    names = [parameter["name"] for parameter in logs]
    assert names == ["account_id", "page", "q", "types[]", "since", "until", "sort"]
    assert "http" not in document["servers"][0]["url"]


def test_every_answer_carries_the_security_headers(place: Place) -> None:
    for path in ("/teams", "/nothing"):
        headers = place.client().get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cache-control"] == "no-store"


def test_labels_come_in_a_payload_and_canned_responses_and_skills_bare(place: Place) -> None:
    client = place.client("supervisor")
    label = ok(client.post("/labels", json={"title": "Urgent", "color": "#FF0000"}))
    assert label == {
        "id": label["id"],
        "account_id": place.id,
        "title": "urgent",
        "description": None,
        "color": "#ff0000",
        "show_on_sidebar": True,
    }
    assert ok(client.get("/labels")) == {"payload": [label]}
    response = ok(client.post("/canned_responses", json={"short_code": "hi", "content": "Hello"}))
    assert response == {
        "id": response["id"],
        "account_id": place.id,
        "short_code": "hi",
        "content": "Hello",
    }
    assert ok(client.get("/canned_responses")) == [response]
    skill = ok(client.post("/skills", json={"skill": {"name": "French"}}))
    assert ok(client.get(f"/skills/{skill['id']}")) == skill
    agent = place.people["agent"].id
    skilled = ok(client.post(f"/skills/{skill['id']}/agents", json={"user_ids": [agent]}))
    assert [each["id"] for each in skilled] == [agent]
    assert ok(client.get(f"/skills/{skill['id']}/agents")) == skilled


def test_a_macro_comes_in_a_payload_and_is_one_s_own_until_it_is_for_all(place: Place) -> None:
    agent, supervisor = place.client("agent"), place.client("supervisor")
    actions = [{"action_name": "resolve_conversation", "action_params": []}]
    macro = ok(agent.post("/macros", json={"name": "Close", "actions": actions}))["payload"]
    assert (macro["visibility"], macro["actions"]) == ("personal", actions)
    assert macro["created_by"]["email"] == place.people["agent"].email
    path = f"/macros/{macro['id']}"
    assert ok(agent.get("/macros")) == {"payload": [macro]}
    assert ok(supervisor.get("/macros")) == {"payload": []}
    assert supervisor.get(path).status_code == supervisor.delete(path).status_code == 404
    assert agent.put(path, json={"visibility": "global"}).status_code == 403
    shared = ok(supervisor.post("/macros", json={"name": "All", "visibility": "global"}))["payload"]
    assert ok(agent.get(f"/macros/{shared['id']}"))["payload"] == shared
    assert agent.put(f"/macros/{shared['id']}", json={"name": "Mine"}).status_code == 403
    administrator = place.client()
    refusal = administrator.put(f"/macros/{shared['id']}", json={"visibility": "personal"})
    assert refusal.json()["attributes"] == ["visibility"]


def test_of_a_macro_s_owner_who_left_the_account_nothing_is_told(place: Place) -> None:
    supervisor, client = place.people["supervisor"], place.client()
    shared = place.client("supervisor").post(
        "/macros", json={"name": "All", "visibility": "global"}
    )
    path = f"/macros/{ok(shared)['payload']['id']}"
    ok(client.delete(f"/agents/{supervisor.id}"))
    assert ok(client.get(path))["payload"]["created_by"] is None
    place.take_in(supervisor)
    assert ok(client.get(path))["payload"]["created_by"]["email"] == supervisor.email


def test_a_removed_agent_s_own_macros_go_with_them(place: Place) -> None:
    agent, client = place.client("agent"), place.client()
    ok(agent.post("/macros", json={"name": "Close"}))
    place.look_away()
    ok(client.delete(f"/agents/{place.people['agent'].id}"))
    gone = [item["auditable_type"] for item in place.news() if item["action"] == "destroy"]
    assert gone == ["Macro", "AccountUser"]


def test_an_account_says_more_of_itself_and_its_change_is_an_entry(place: Place) -> None:
    client = place.client()
    before = ok(client.get(""))
    change = {
        "name": "Alder",
        "locale": "pt_BR",
        "domain": "alder.example",
        "support_email": "help@alder.example",
        "auto_resolve_duration": 14,
        "audit_reads": True,
    }
    place.look_away()
    assert ok(client.patch("", json=change)) == {**before, **change}
    (item,) = place.news()
    assert item["auditable_type"] == "Account"
    assert item["auditable"] == {**before, **change}
    assert item["audited_changes"] == {name: [before[name], change[name]] for name in change}


def test_a_conversation_s_deletion_is_an_entry_and_nothing_else_of_it(place: Place) -> None:
    client = place.client()
    inbox = ok(client.post("/inboxes", json={"name": "Support"}))["id"]
    place.look_away()
    body = {"inbox_id": inbox, "contact": {"name": "Mia", "email": "Mia@mail.example"}}
    made = ok(place.client("agent").post("/conversations", json=body))
    assert (made["contact_name"], made["contact_email"]) == ("Mia", "mia@mail.example")
    assert ok(client.get("/conversations")) == {"data": {"payload": [made]}}
    assert client.get("/conversations?page=0").json()["attributes"] == ["page"]
    assert place.news() == []
    path = f"/conversations/{made['id']}"
    ok(client.delete(path, headers={"x-audit-reason": "Asked for by the customer"}))
    assert client.get(path).status_code == 404
    (item,) = place.news()
    assert (item["auditable_type"], item["auditable_id"]) == ("Conversation", made["id"])
    assert (item["action"], item["comment"]) == ("destroy", "Asked for by the customer")
    assert item["audited_changes"] == {
        "inbox_id": inbox,
        "status": "open",
        "contact_name": "Mia",
        "contact_email": "mia@mail.example",
    }


def test_conversations_go_with_their_inbox_and_say_so(place: Place) -> None:
    client = place.client()
    inbox = ok(client.post("/inboxes", json={"name": "Support"}))["id"]
    for name in ("Mia", "Noor"):
        ok(client.post("/conversations", json={"inbox_id": inbox, "contact_name": name}))
    place.look_away()
    ok(client.delete(f"/inboxes/{inbox}"))
    gone, *conversations = place.news()
    assert gone["auditable_type"] == "Inbox"
    assert [each["audited_changes"]["contact_name"] for each in conversations] == ["Mia", "Noor"]
    for each in conversations:
        assert (each["auditable_type"], each["action"]) == ("Conversation", "destroy")
        assert place.cause_of(each) == place.entry_id(gone)
