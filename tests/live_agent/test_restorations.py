"""Former values come back by the settings' own rules, and the entry says what it undoes."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
import pytest

from audit_trail.record.entry import read_what
from live_agent.schema import Conversation, Inbox, Macro, Webhook
from live_agent.services import Services
from live_agent.settings import agents
from tests.live_agent.office import Office, Place
from tests.live_agent.test_contract import RULE, ok

both_engines = pytest.mark.both_engines

HOURS = [
    {"day_of_week": 1, "closed_all_day": False, "open_all_day": True},
]


def newest(place: Place, action: str, entity: str) -> int:
    """Return the index of the newest entry of this action and entity."""
    for index in range(place.total() - 1, -1, -1):
        public = place.office.services.trail.entry(str(place.id), index).public
        if (public.action, public.entity.type) == (action, entity):
            return index
    raise AssertionError(f"no {action} of {entity}")


def path_of(index: int) -> str:
    return f"/audit_logs/entries/{index}/restoration"


def preview(place: Place, index: int) -> dict[str, Any]:
    return ok(place.client().get(path_of(index)))


def by_name(shown: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["field"]: each for each in shown["fields"]}


def restore(place: Place, index: int, **chosen: Any) -> httpx2.Response:
    """Confirm what is shown now: of an update all that can be restored, of a deletion all with it."""
    shown = preview(place, index)
    body = {
        "digest": shown["digest"],
        "fields": [
            each["field"]
            for each in shown["fields"]
            if not each["refusal"] and shown["activity"].startswith("Updated")
        ],
        "with_it": [each["index"] for each in shown["with_it"] if not each["refusal"]],
    }
    return place.client().post(path_of(index), json=body | chosen)


def made(client: httpx2.Client, name: str, **given: Any) -> dict[str, Any]:
    """Make an inbox, and return it as everybody sees it."""
    number = ok(client.post("/inboxes", json={"name": name, **given}))["id"]
    return ok(client.get(f"/inboxes/{number}"))


def details(place: Place, index: int) -> dict[str, Any]:
    entry = place.office.services.trail.entry(str(place.id), index)
    return read_what(entry.what).details


@both_engines
def test_an_update_is_undone_and_the_entry_names_what_it_undoes(place: Place) -> None:
    client = place.client()
    inbox = made(client, "Support", webhook_url="https://a.example")
    changed = {"name": "Sales", "webhook_url": None, "working_hours": HOURS}
    ok(client.patch(f"/inboxes/{inbox['id']}", json=changed))
    index = newest(place, "update", "inbox")
    shown = by_name(preview(place, index))
    assert shown["name"] == {
        "field": "name",
        "label": "Name",
        "then": "Support",
        "now": "Sales",
        "set_to": "Sales",
        "after": "Support",
        "changed_since": False,
        "refusal": None,
    }
    assert preview(place, index)["digest"] == preview(place, index)["digest"]
    assert ok(client.get(f"/inboxes/{inbox['id']}"))["name"] == "Sales", "a rehearsal keeps nothing"
    size = place.total()
    assert size == index + 1, "and is no entry"
    ok(restore(place, index))
    assert ok(client.get(f"/inboxes/{inbox['id']}")) == inbox
    assert place.total() == size + 1
    entry = place.office.services.trail.entry(str(place.id), size)
    undone = place.office.services.trail.entry(str(place.id), index)
    assert details(place, size) == {"undoes": {"index": index, "id": undone.public.id}}
    assert set(entry.public.fields) == {"name", "webhook_url", "working_hours"}
    item = ok(client.get(f"/audit_logs/entries/{size}"))
    assert item["activity"] == f"Updated an inbox (#{inbox['id']})"
    assert item["summary"].endswith(f"undoes entry #{index + 1}")
    found = ok(client.get("/audit_logs/entries", params={"q": f"undoes:{index + 1}"}))
    assert [each["index"] for each in found["entries"]] == [size]


def test_only_the_chosen_fields_are_restored(place: Place) -> None:
    client = place.client()
    team = ok(client.post("/teams", json={"name": "Tier 1", "description": "First"}))
    ok(client.patch(f"/teams/{team['id']}", json={"name": "Tier 2", "description": "Second"}))
    ok(restore(place, newest(place, "update", "team"), fields=["description"]))
    after = ok(client.get(f"/teams/{team['id']}"))
    assert (after["name"], after["description"]) == ("Tier 2", "First")


def test_a_field_that_was_changed_since_is_told_and_restored_only_when_chosen(
    place: Place,
) -> None:
    client = place.client()
    team = ok(client.post("/teams", json={"name": "Tier 1", "description": "First"}))
    ok(client.patch(f"/teams/{team['id']}", json={"name": "Tier 2", "description": "Second"}))
    index = newest(place, "update", "team")
    ok(client.patch(f"/teams/{team['id']}", json={"description": "Third"}))
    place.total()
    shown = by_name(preview(place, index))
    assert not shown["name"]["changed_since"]
    assert shown["description"]["changed_since"]
    assert (shown["description"]["set_to"], shown["description"]["now"]) == ("Second", "Third")
    ok(restore(place, index, fields=["description"]))
    assert ok(client.get(f"/teams/{team['id']}"))["description"] == "First"


@both_engines
def test_what_changed_between_preview_and_confirmation_is_refused(place: Place) -> None:
    client = place.client()
    team = ok(client.post("/teams", json={"name": "Tier 1"}))
    ok(client.patch(f"/teams/{team['id']}", json={"name": "Tier 2"}))
    index = newest(place, "update", "team")
    shown = preview(place, index)
    ok(client.patch(f"/teams/{team['id']}", json={"name": "Tier 3"}))
    size = place.total()
    answer = client.post(path_of(index), json={"digest": shown["digest"], "fields": ["name"]})
    assert (answer.status_code, answer.json()["code"]) == (409, "changed_meanwhile")
    assert place.total() == size
    assert ok(client.get(f"/teams/{team['id']}"))["name"] == "Tier 3"


@both_engines
def test_of_two_who_confirm_at_once_one_restores(place: Place) -> None:
    client = place.client()
    inbox = made(client, "Support")
    ok(client.delete(f"/inboxes/{inbox['id']}"))
    index = newest(place, "delete", "inbox")
    body = {"digest": preview(place, index)["digest"]}
    clients = [place.client() for _ in range(4)]
    with ThreadPoolExecutor(len(clients)) as pool:
        answers = list(pool.map(lambda each: each.post(path_of(index), json=body), clients))
    assert sorted(each.status_code for each in answers) == [200, 422, 422, 422]
    assert [each["id"] for each in ok(client.get("/inboxes"))["payload"]] == [inbox["id"]]


@both_engines
def test_a_deleted_inbox_returns_under_its_id_with_all_that_went_with_it(place: Place) -> None:
    client = place.client()
    inbox = made(client, "Support", greeting_message="Hello")
    people = [place.people["agent"].id, place.people["supervisor"].id]
    ok(client.post("/inbox_members", json={"inbox_id": inbox["id"], "user_ids": people}))
    hook = {
        "url": "https://h.example",
        "inbox_id": inbox["id"],
        "subscriptions": ["message_created"],
    }
    webhook = ok(client.post("/webhooks", json=hook))["payload"]["webhook"]
    bot = ok(client.post("/agent_bots", json={"name": "Bot", "inbox_id": inbox["id"]}))
    with place.office.services.database.reading() as db:
        secrets = (
            db.get_one(Inbox, inbox["id"]).hmac_token,
            db.get_one(Webhook, webhook["id"]).secret,
        )
    ok(client.delete(f"/inboxes/{inbox['id']}"))
    index = newest(place, "delete", "inbox")
    shown = preview(place, index)
    assert shown["refusal"] is None
    assert shown["new_secrets"] == ["hmac_token"]
    assert "hmac_token" not in by_name(shown)
    assert sorted(each["activity"].split(" (#")[0] for each in shown["with_it"]) == [
        "Deleted an inbox collaborator",
        "Deleted an inbox collaborator",
        "Deleted an inbox webhook",
        "Updated an agent copilot bot",
    ]
    assert {each["refusal"] for each in shown["with_it"]} == {None}
    place.look_away()
    ok(restore(place, index))
    assert ok(client.get(f"/inboxes/{inbox['id']}")) == inbox
    members = ok(client.get(f"/inbox_members/{inbox['id']}"))["payload"]
    assert sorted(each["id"] for each in members) == sorted(people)
    hooks = ok(client.get("/webhooks"))["payload"]["webhooks"]
    assert [(each["id"], each["url"]) for each in hooks] == [(webhook["id"], "https://h.example")]
    assert ok(client.get(f"/agent_bots/{bot['id']}"))["inbox_id"] == inbox["id"]
    with place.office.services.database.reading() as db:
        drawn = db.get_one(Inbox, inbox["id"]).hmac_token, db.get_one(Webhook, webhook["id"]).secret
    assert all(new and new != old for new, old in zip(drawn, secrets, strict=True))
    news = place.news()
    assert news[0]["auditable_type"] == "Inbox", "first what the others belong to"
    assert sorted(each["action"] for each in news) == ["create"] * 4 + ["update"]
    undone = [details(place, each["id"] - 1)["undoes"]["index"] for each in news]
    assert undone == [index, *(each["index"] for each in shown["with_it"])]
    assert len({each["request_uuid"] for each in news}) == 1, "in one transaction"
    # The next one is numbered on, as if nothing had been restored.
    assert ok(client.post("/inboxes", json={"name": "Next"}))["id"] > inbox["id"]


@both_engines
def test_what_went_with_a_record_may_stay_away(place: Place) -> None:
    client = place.client()
    team = ok(client.post("/teams", json={"name": "Tier 1"}))
    people = [place.people["agent"].id, place.people["supervisor"].id]
    ok(client.post(f"/teams/{team['id']}/team_members", json={"user_ids": people}))
    ok(client.delete(f"/teams/{team['id']}"))
    index = newest(place, "delete", "team")
    first, _ = preview(place, index)["with_it"]
    ok(restore(place, index, with_it=[first["index"]]))
    assert len(ok(client.get(f"/teams/{team['id']}/team_members"))) == 1
    # And return later, by an entry of its own.
    other = newest(place, "delete", "team_member")
    ok(restore(place, other))
    assert len(ok(client.get(f"/teams/{team['id']}/team_members"))) == 2


@both_engines
def test_a_removed_agent_returns_with_role_inboxes_and_teams(place: Place) -> None:
    client, person = place.client(), place.people["supervisor"]
    inbox = ok(client.post("/inboxes", json={"name": "Support"}))
    ok(client.post("/inbox_members", json={"inbox_id": inbox["id"], "user_ids": [person.id]}))
    ok(client.delete(f"/agents/{person.id}"))
    index = newest(place, "delete", "account_user")
    ok(restore(place, index))
    agent = ok(client.get(f"/agents/{person.id}"))
    assert (agent["role"], agent["custom_role"]) == ("agent", {"name": "supervisor"})
    assert len(ok(client.get(f"/inbox_members/{inbox['id']}"))["payload"]) == 1
    assert preview(place, index)["refusal"] == "The record is there again."


def test_a_removed_agent_who_is_somebody_else_s_by_now_is_refused(
    place: Place, elsewhere: Place
) -> None:
    person = place.people["supervisor"]
    ok(place.client().delete(f"/agents/{person.id}"))
    elsewhere.take_in(person)
    index = newest(place, "delete", "account_user")
    assert "another account" in preview(place, index)["refusal"]
    answer = place.client().post(path_of(index), json={"digest": "x"})
    assert answer.status_code in (409, 422)
    assert place.client().get(f"/agents/{person.id}").status_code == 404


def test_the_last_administrator_stays_one(place: Place) -> None:
    client, admin = place.client(), place.people["administrator"]
    other = place.people["agent"]
    ok(client.patch(f"/agents/{other.id}", json={"role": "administrator"}))
    ok(client.patch(f"/agents/{other.id}", json={"role": "agent"}))
    ok(client.patch(f"/agents/{other.id}", json={"role": "administrator"}))
    promoted = newest(place, "update", "account_user")
    second = place.client("agent")
    ok(second.patch(f"/agents/{admin.id}", json={"role": "agent"}))
    place.total()
    shown = ok(second.get(path_of(promoted)))
    assert "only administrator" in by_name(shown)["role"]["refusal"]
    body = {"digest": shown["digest"], "fields": ["role"]}
    answer = second.post(path_of(promoted), json=body)
    assert answer.status_code == 422
    assert client.get(path_of(promoted)).status_code == 403, "the role was taken meanwhile"
    assert client.post(path_of(promoted), json=body).status_code == 403


@both_engines
def test_one_whose_role_is_taken_while_they_wait_for_their_turn_restores_nothing(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, admin = place.client(), place.people["administrator"]
    team = ok(client.post("/teams", json={"name": "Tier 1"}))["id"]
    ok(client.patch(f"/teams/{team}", json={"name": "Tier 2"}))
    index = newest(place, "update", "team")
    body = {"digest": preview(place, index)["digest"], "fields": ["name"]}

    def take_role(services: Services) -> None:
        with services.database.transaction() as db:
            agents.get(db, place.id, admin.id).role = "supervisor"

    monkeypatch.setattr(Services, "fresh", take_role)
    assert client.post(path_of(index), json=body).status_code == 403
    assert ok(client.get(f"/teams/{team}"))["name"] == "Tier 2"


@both_engines
def test_names_that_are_taken_and_records_that_are_gone_are_told(place: Place) -> None:
    client = place.client()
    team = ok(client.post("/teams", json={"name": "Tier 1"}))
    ok(client.patch(f"/teams/{team['id']}", json={"name": "Tier 2"}))
    renamed = newest(place, "update", "team")
    ok(client.post("/teams", json={"name": "Tier 1"}))
    place.total()
    assert "already in use" in by_name(preview(place, renamed))["name"]["refusal"]
    assert restore(place, renamed, fields=["name"]).status_code == 422
    ok(client.delete(f"/teams/{team['id']}"))
    deleted = newest(place, "delete", "team")
    assert preview(place, renamed)["refusal"].endswith(
        f"restore it from entry #{deleted + 1} first."
    )
    ok(client.post("/teams", json={"name": "Tier 2"}))
    place.total()
    assert "already in use" in preview(place, deleted)["refusal"]
    answer = client.post(path_of(deleted), json={"digest": "0"})
    assert answer.status_code == 409


def test_a_reference_that_is_gone_is_named(place: Place) -> None:
    client = place.client()
    inbox = ok(client.post("/inboxes", json={"name": "Support"}))
    hook = {"url": "https://h.example", "inbox_id": inbox["id"]}
    webhook = ok(client.post("/webhooks", json=hook))["payload"]["webhook"]
    ok(client.patch(f"/webhooks/{webhook['id']}", json={"inbox_id": None}))
    moved = newest(place, "update", "webhook")
    ok(client.delete(f"/inboxes/{inbox['id']}"))
    place.total()
    gone = f"The inbox Support (#{inbox['id']}) is gone. Restore it first."
    assert by_name(preview(place, moved))["inbox_id"]["refusal"] == gone
    ok(restore(place, newest(place, "delete", "inbox")))
    ok(restore(place, moved))
    hooks = ok(client.get("/webhooks"))["payload"]["webhooks"]
    assert hooks[0]["inbox_id"] == inbox["id"]


def test_what_is_deleted_twice_is_restored_from_the_later_entry(place: Place) -> None:
    client = place.client()
    team = ok(client.post("/teams", json={"name": "Tier 1"}))
    ok(client.delete(f"/teams/{team['id']}"))
    first = newest(place, "delete", "team")
    ok(restore(place, first))
    ok(client.delete(f"/teams/{team['id']}"))
    second = newest(place, "delete", "team")
    assert preview(place, first)["refusal"].endswith(f"restore it from entry #{second + 1}.")
    ok(restore(place, second))
    # The restorations themselves can't be undone by this way.
    again = newest(place, "create", "team")
    assert "is a creation" in preview(place, again)["refusal"]


def test_an_undo_of_an_undo_and_what_would_change_nothing_are_refused(place: Place) -> None:
    client = place.client()
    team = ok(client.post("/teams", json={"name": "Tier 1"}))
    ok(client.patch(f"/teams/{team['id']}", json={"name": "Tier 2"}))
    index = newest(place, "update", "team")
    ok(restore(place, index))
    undo = newest(place, "update", "team")
    assert f"it undoes entry #{index + 1}" in preview(place, undo)["refusal"]
    assert "nothing would change" in preview(place, index)["refusal"]
    answer = client.post(path_of(undo), json={"digest": "0", "fields": ["name"]})
    assert (answer.status_code, answer.json()["code"]) == (422, "restoration_refused")


def test_creations_events_and_secrets_have_nothing_to_restore(place: Place) -> None:
    client = place.client()
    hook = ok(client.post("/webhooks", json={"url": "https://h.example"}))["payload"]["webhook"]
    ok(client.patch(f"/webhooks/{hook['id']}", json={"secret": "s" * 20}))
    place.signed_in()
    place.total()
    assert "is a creation" in preview(place, newest(place, "create", "webhook"))["refusal"]
    assert "Of a secret" in preview(place, newest(place, "update", "webhook"))["refusal"]
    assert "former values" in preview(place, newest(place, "sign_in", "user"))["refusal"]


def test_a_saved_view_is_refused_with_the_reason(place: Place) -> None:
    client = place.client()
    view = ok(client.post("/audit_logs/views", json={"name": "Mine", "question": "inbox"}))
    ok(client.delete(f"/audit_logs/views/{view['id']}"))
    assert "its owner" in preview(place, newest(place, "delete", "saved_view"))["refusal"]


@both_engines
def test_every_other_setting_can_be_undone(place: Place) -> None:
    client = place.client()
    rule = ok(client.post("/automation_rules", json=RULE))
    bot = ok(client.post("/agent_bots", json={"name": "Bot"}))
    ok(client.delete(f"/automation_rules/{rule['id']}"))
    ok(client.delete(f"/agent_bots/{bot['id']}"))
    ok(client.patch("", json={"name": "Renamed", "timezone": "Europe/Berlin"}))
    agent = place.people["agent"]
    ok(client.patch(f"/agents/{agent.id}", json={"name": "Renamed"}))
    for action, entity in [
        ("delete", "automation_rule"),
        ("delete", "agent_bot"),
        ("update", "account"),
        ("update", "user"),
    ]:
        ok(restore(place, newest(place, action, entity)))
    assert ok(client.get(f"/automation_rules/{rule['id']}"))["payload"]["name"] == RULE["name"]
    assert ok(client.get(f"/agent_bots/{bot['id']}"))["name"] == "Bot"
    assert ok(client.get(""))["name"].startswith("Account ")
    assert ok(client.get(f"/agents/{agent.id}"))["name"].startswith("Agent ")


def test_only_administrators_of_the_account_restore(place: Place, elsewhere: Place) -> None:
    client = place.client()
    team = ok(client.post("/teams", json={"name": "Tier 1"}))
    ok(client.patch(f"/teams/{team['id']}", json={"name": "Tier 2"}))
    index = newest(place, "update", "team")
    digest = preview(place, index)["digest"]
    body = {"digest": digest, "fields": ["name"]}
    for role in ("agent", "supervisor"):
        assert place.client(role).get(path_of(index)).status_code == 403
        assert place.client(role).post(path_of(index), json=body).status_code == 403
    stranger = elsewhere.client()
    foreign = f"{place.office.url}/api/v1/accounts/{place.id}{path_of(index)}"
    assert stranger.get(foreign).status_code == 404
    assert stranger.post(foreign, json=body).status_code == 404
    browser, csrf = place.signed_in()
    assert browser.post(foreign, json=body).status_code == 403, "a browser needs its form's token"
    assert ok(client.get(f"/teams/{team['id']}"))["name"] == "Tier 2"
    assert ok(browser.post(foreign, json=body, headers={"X-CSRF-Token": csrf}))["index"] == index
    assert ok(client.get(f"/teams/{team['id']}"))["name"] == "Tier 1"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "digest"),
        ({"digest": None}, "digest"),
        ({"digest": "{digest}", "fields": []}, "fields"),
        ({"digest": "{digest}", "fields": ["account_id"]}, "fields"),
        ({"digest": "{digest}", "fields": "name"}, "fields"),
        ({"digest": "{digest}", "fields": ["name"], "with_it": [1]}, "with_it"),
        ({"digest": "{digest}", "fields": ["name"], "with_it": ["x"]}, "with_it"),
    ],
)
def test_a_choice_that_was_not_offered_is_refused(
    place: Place, body: dict[str, Any], field: str
) -> None:
    client = place.client()
    team = ok(client.post("/teams", json={"name": "Tier 1"}))
    ok(client.patch(f"/teams/{team['id']}", json={"name": "Tier 2"}))
    index = newest(place, "update", "team")
    digest = preview(place, index)["digest"]
    sent = {key: digest if value == "{digest}" else value for key, value in body.items()}
    answer = client.post(path_of(index), json=sent)
    assert answer.status_code == 422
    assert answer.json()["attributes"] == [field]
    for unknown in (-1, 10**6, 10**30):
        assert client.get(path_of(unknown)).status_code == 404


def test_the_reason_stands_in_the_entry_and_the_evidence_verifies(
    place: Place, tmp_path: Path
) -> None:
    client = place.client()
    team = ok(client.post("/teams", json={"name": "Tier 1"}))
    ok(client.delete(f"/teams/{team['id']}"))
    index = newest(place, "delete", "team")
    shown = preview(place, index)
    said = {"X-Audit-Reason": "Deleted by mistake", "X-Audit-Ticket": "T-9"}
    ok(client.post(path_of(index), json={"digest": shown["digest"]}, headers=said))
    place.total()
    item = ok(client.get(f"/audit_logs/entries/{newest(place, 'create', 'team')}"))
    assert (item["what"]["reason"], item["what"]["ticket"]) == ("Deleted by mistake", "T-9")
    assert item["mismatches"] == []
    content = client.get("/audit_logs/evidence").content
    file = tmp_path / "audit-logs.evidence.zip"
    file.write_bytes(content)
    verifier = Path(__file__).parents[2] / "docs" / "spec" / "verify_evidence.py"
    keys = place.office.services.trail.verifier_keys(str(place.id))
    known = [f"--key={key.text}" for key in keys]
    done = subprocess.run(
        [sys.executable, str(verifier), *known, str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "whole" in done.stdout, done.stdout + done.stderr


@both_engines
def test_what_else_an_account_has_is_restored_by_its_rules(place: Place) -> None:
    client, agent = place.client(), place.people["agent"]
    label = ok(client.post("/labels", json={"title": "billing"}))
    answer = ok(client.post("/canned_responses", json={"short_code": "hi", "content": "Hello"}))
    skill = ok(client.post("/skills", json={"name": "French"}))
    ok(client.post(f"/skills/{skill['id']}/agents", json={"user_ids": [agent.id]}))
    ok(client.delete(f"/labels/{label['id']}"))
    ok(client.delete(f"/canned_responses/{answer['id']}"))
    ok(client.delete(f"/skills/{skill['id']}"))
    for entity in ("label", "canned_response", "skill"):
        ok(restore(place, newest(place, "delete", entity)))
    assert ok(client.get(f"/labels/{label['id']}"))["title"] == "billing"
    assert [each["id"] for each in ok(client.get("/canned_responses"))] == [answer["id"]]
    assert [each["id"] for each in ok(client.get(f"/skills/{skill['id']}/agents"))] == [agent.id]


def test_a_macro_for_everybody_returns_to_its_owner_and_a_personal_one_is_theirs(
    place: Place,
) -> None:
    client, other = place.client(), place.client("supervisor")
    muting = {"actions": [{"action_name": "mute_conversation", "action_params": []}]}
    for name, visibility in (("Shared", "global"), ("Own", "personal")):
        asked = {"name": name, "visibility": visibility, **muting}
        macro = ok(other.post("/macros", json=asked))["payload"]
        ok(other.delete(f"/macros/{macro['id']}"))
        index = newest(place, "delete", "macro")
        if visibility == "personal":
            assert "its owner's" in preview(place, index)["refusal"]
        else:
            ok(restore(place, index))
            found = ok(client.get(f"/macros/{macro['id']}"))["payload"]
            assert found["created_by"]["id"] == place.people["supervisor"].id


def test_a_deleted_inbox_returns_without_its_conversations_which_are_counted(place: Place) -> None:
    client = place.client()
    inbox = made(client, "Support")
    with place.office.services.database.transaction() as db:
        for number in range(3):
            db.add(
                Conversation(account_id=place.id, inbox_id=inbox["id"], contact_name=f"C {number}")
            )
    ok(client.delete(f"/inboxes/{inbox['id']}"))
    shown = preview(place, newest(place, "delete", "inbox"))
    assert (shown["others"], shown["with_it"]) == (3, [])
    index = newest(place, "delete", "conversation")
    assert "not what was said" in preview(place, index)["refusal"]


def test_who_looks_at_what_would_change_has_read_the_entry(office: Office) -> None:
    with closing(office.open(reads=True)) as place:
        client = place.client()
        team = ok(client.post("/teams", json={"name": "Tier 1"}))
        ok(client.delete(f"/teams/{team['id']}"))
        index = place.total() - 1
        preview(place, index)
        read = place.total() - 1
        assert details(place, read) == {"index": index, "as": "entry"}


def test_a_macro_without_an_owner_returns_without_one(place: Place) -> None:
    client = place.client()
    asked = {"name": "All", "visibility": "global"}
    number = ok(client.post("/macros", json=asked))["payload"]["id"]
    with place.office.services.database.transaction() as db:
        db.get_one(Macro, number).user_id = None
    ok(client.delete(f"/macros/{number}"))
    ok(restore(place, newest(place, "delete", "macro")))
    with place.office.services.database.reading() as db:
        assert db.get_one(Macro, number).user_id is None
