"""The published client of the contract drives the server unchanged."""

import httpx2
import pytest
from chatwoot.exceptions import (
    ChatwootAPIError,
    ChatwootAuthError,
    ChatwootNotFoundError,
    ChatwootPermissionError,
)
from chatwoot.types.common import AvailabilityStatus

from tests.live_agent.office import Place

pytestmark = pytest.mark.both_engines


def test_it_reads_the_profile(place: Place) -> None:
    profile = place.sdk("supervisor").profile.get()
    assert profile.email == place.people["supervisor"].email
    assert profile.account_id == place.id
    assert profile.role.value == "agent"
    assert [account.id for account in profile.accounts] == [place.id]


def test_it_creates_reads_and_updates_inboxes(place: Place) -> None:
    sdk = place.sdk()
    made = sdk.inboxes.create(
        place.id, "Support", "api", webhook_url="https://alder.example/handover/liveagent"
    )
    assert made.channel_type == "Channel::Api"
    assert made.webhook_url == "https://alder.example/handover/liveagent"
    assert made.enable_auto_assignment is True
    changed = sdk.inboxes.update(place.id, made.id, name="Help", enable_auto_assignment=False)
    assert (changed.name, changed.enable_auto_assignment) == ("Help", False)
    assert sdk.inboxes.get(place.id, made.id).name == "Help"
    assert [inbox.name for inbox in sdk.inboxes.list(place.id)] == ["Help"]


def test_it_sets_and_releases_the_bot_of_an_inbox(place: Place) -> None:
    sdk, client = place.sdk(), place.client()
    inbox = sdk.inboxes.create(place.id, "Support", "api")
    bot = client.post("/agent_bots", json={"name": "Summaries"}).json()
    sdk.inboxes.set_agent_bot(place.id, inbox.id, bot["id"])
    answer = sdk.inboxes.get_agent_bot(place.id, inbox.id)
    assert answer is not None
    assert answer["agent_bot"]["name"] == "Summaries"
    sdk.inboxes.set_agent_bot(place.id, inbox.id, None)
    assert sdk.inboxes.get_agent_bot(place.id, inbox.id) == {"agent_bot": {}}


def test_it_changes_the_collaborators_of_an_inbox(place: Place) -> None:
    sdk, client = place.sdk(), place.client()
    inbox = sdk.inboxes.create(place.id, "Support", "api")
    agent, supervisor = place.people["agent"].id, place.people["supervisor"].id

    def collaborators() -> set[int]:
        # The client unwraps the payload and then looks for it, so its own answer is empty.
        payload = client.get(f"/inbox_members/{inbox.id}").json()["payload"]
        return {member["id"] for member in payload}

    sdk.inboxes.agents.add(place.id, inbox.id, [agent])
    assert collaborators() == {agent}
    sdk.inboxes.agents.update(place.id, inbox.id, [supervisor])
    assert collaborators() == {supervisor}
    sdk.inboxes.agents.remove(place.id, inbox.id, [supervisor])
    assert collaborators() == set()


def test_it_creates_changes_and_deletes_teams_with_members(place: Place) -> None:
    sdk = place.sdk("administrator")
    team = sdk.teams.create(place.id, "Tier 1", description="First answer", allow_auto_assign=False)
    assert (team.account_id, team.allow_auto_assign, team.is_member) == (place.id, False, False)
    assert sdk.teams.update(place.id, team.id, name="Tier one").name == "Tier one"
    agent = place.people["agent"]
    sdk.teams.agents.add(place.id, team.id, [agent.id])
    assert [member.email for member in sdk.teams.agents.list(place.id, team.id)] == [agent.email]
    assert place.sdk("agent").teams.get(place.id, team.id).is_member is True
    sdk.teams.agents.remove(place.id, team.id, [agent.id])
    assert sdk.teams.agents.list(place.id, team.id) == []
    sdk.teams.delete(place.id, team.id)
    assert sdk.teams.list(place.id) == []


def test_it_adds_changes_and_removes_agents(place: Place) -> None:
    sdk = place.sdk()
    added = sdk.agents.add(place.id, "Mia Okafor", f"mia.{place.id}@alder.example", "agent")
    assert (added.role.value, added.availability_status, added.confirmed) == (
        "agent",
        AvailabilityStatus.OFFLINE,
        False,
    )
    changed = sdk.agents.update(
        place.id, added.id, name="Mia O.", role="administrator", availability="busy"
    )
    assert (changed.name, changed.role.value) == ("Mia O.", "administrator")
    assert sdk.agents.get(place.id, added.id).availability_status is AvailabilityStatus.BUSY
    sdk.agents.remove(place.id, added.id)
    assert added.id not in {agent.id for agent in sdk.agents.list(place.id)}


def test_it_understands_the_errors(place: Place, elsewhere: Place) -> None:
    with pytest.raises(ChatwootPermissionError, match="role"):
        place.sdk("agent").teams.create(place.id, "Tier 1")
    with pytest.raises(ChatwootNotFoundError):
        place.sdk().teams.get(place.id, 10**6)
    with pytest.raises(ChatwootNotFoundError):
        place.sdk().teams.list(elsewhere.id)
    with pytest.raises(ChatwootAPIError, match=r"\[422\].*name: Name must not start with =\."):
        place.sdk().teams.create(place.id, "=Tier 1")


def test_a_bad_token_is_an_authentication_error(place: Place) -> None:
    place.people["agent"] = place.people["agent"]._replace(token="wrong")
    with pytest.raises(ChatwootAuthError):
        place.sdk("agent").profile.get()


def test_plain_http_may_send_the_token_as_a_bearer(place: Place) -> None:
    token = place.people["agent"].token
    answer = httpx2.get(
        f"{place.office.url}/api/v1/profile",
        headers={"Authorization": f"Bearer {token}"},
        timeout=30,
    )
    assert (answer.status_code, answer.json()["access_token"]) == (200, token)


def test_it_begins_and_reads_conversations(place: Place) -> None:
    sdk = place.sdk("agent")
    inbox = place.sdk().inboxes.create(place.id, "Support", "api")
    made = sdk.conversations.create(place.id, "site-7", inbox.id, contact_name="Mia")
    assert (made.inbox_id, made.status.value) == (inbox.id, "open")
    assert sdk.conversations.get(place.id, made.id).id == made.id
    assert [each.id for each in sdk.conversations.list(place.id)] == [made.id]
