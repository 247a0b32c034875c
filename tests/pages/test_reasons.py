"""The pages ask why before something is deleted, and the window says it again."""

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import httpx2
import pytest

from tests.live_agent.office import Place
from tests.live_agent.test_contract import RULE, ok
from tests.pages.browsing import settings

SAID = {"reason": "Merged\r\ninto Tier 2", "ticket": "T-42"}

Prepare = Callable[[httpx2.Client, Place], tuple[str, dict[str, str], str]]
"""Makes what is deleted, and returns its page, what is typed there, and the type of its entry."""


def an_inbox(client: httpx2.Client, place: Place) -> tuple[str, dict[str, str], str]:
    number = ok(client.post("/inboxes", json={"name": "Support"}))["id"]
    agent = place.people["agent"].id
    ok(client.post("/inbox_members", json={"inbox_id": number, "user_ids": [agent]}))
    ok(client.post("/webhooks", json={"url": "https://a.example/", "inbox_id": number}))
    return f"inboxes/{number}/delete", {"name": "Support"}, "Inbox"


def a_team(client: httpx2.Client, place: Place) -> tuple[str, dict[str, str], str]:
    number = ok(client.post("/teams", json={"name": "Tier 1"}))["id"]
    people = [place.people[role].id for role in ("agent", "supervisor")]
    ok(client.post(f"/teams/{number}/team_members", json={"user_ids": people}))
    return f"teams/{number}/delete", {"name": "Tier 1"}, "Team"


def a_rule(client: httpx2.Client, place: Place) -> tuple[str, dict[str, str], str]:
    number = ok(client.post("/automation_rules", json=RULE))["id"]
    return f"automation-rules/{number}/delete", {}, "AutomationRule"


def a_bot(client: httpx2.Client, place: Place) -> tuple[str, dict[str, str], str]:
    inbox = ok(client.post("/inboxes", json={"name": "Support"}))["id"]
    number = ok(client.post("/agent_bots", json={"name": "Sum", "inbox_id": inbox}))["id"]
    return f"inboxes/{inbox}/bots/{number}/delete", {}, "AgentBot"


def a_webhook(client: httpx2.Client, place: Place) -> tuple[str, dict[str, str], str]:
    inbox = ok(client.post("/inboxes", json={"name": "Support"}))["id"]
    made = ok(client.post("/webhooks", json={"url": "https://a.example/", "inbox_id": inbox}))
    return f"inboxes/{inbox}/webhooks/{made['payload']['webhook']['id']}/delete", {}, "Webhook"


def an_agent(client: httpx2.Client, place: Place) -> tuple[str, dict[str, str], str]:
    team = ok(client.post("/teams", json={"name": "Tier 1"}))["id"]
    agent = place.people["agent"].id
    ok(client.post(f"/teams/{team}/team_members", json={"user_ids": [agent]}))
    return f"agents/{agent}/remove", {}, "AccountUser"


def a_collaborator(client: httpx2.Client, place: Place) -> tuple[str, dict[str, str], str]:
    page, _, _ = an_inbox(client, place)
    return page.replace("delete", "collaborators"), {}, "InboxMember"


def a_member(client: httpx2.Client, place: Place) -> tuple[str, dict[str, str], str]:
    page, _, _ = a_team(client, place)
    return (
        page.removesuffix("/delete"),
        {"name": "Tier 1", "allow_auto_assign": "true"},
        "TeamMember",
    )


def field(html: str, name: str) -> str:
    """Return the field's markup with its notes."""
    found = re.search(rf'<div class="line">\s*<label for="field-{name}".*?</div>', html, re.DOTALL)
    assert found, f"there is no field {name}"
    return unescape(found[0])


def read(browser: httpx2.Client, address: str) -> str:
    answer = browser.get(address)
    assert answer.status_code == 200
    return unescape(" ".join(re.sub(r"<[^>]+>", " ", answer.text).split()))


@pytest.mark.parametrize(
    "prepare",
    [an_inbox, a_team, a_rule, a_bot, a_webhook, an_agent, a_collaborator, a_member],
    ids=lambda each: each.__name__,
)
def test_each_destructive_page_asks_why_and_the_entries_say_it(
    place: Place, prepare: Prepare
) -> None:
    page, typed, kind = prepare(place.client(), place)
    browser, csrf = place.signed_in()
    place.look_away()
    asked = browser.get(settings(place, page)).text
    assert "Optional" in field(asked, "reason")
    assert "Optional" in field(asked, "ticket")
    answer = browser.post(
        settings(place, page), data={"csrf_token": csrf, **typed, **SAID}, follow_redirects=False
    )
    assert answer.status_code == 303, answer.text
    items = place.news()
    assert [item["auditable_type"] for item in items][:1] == [kind]
    assert {(item["comment"], item["ticket"]) for item in items} == {
        ("Merged\ninto Tier 2", "T-42")
    }
    window = read(browser, settings(place, f"audit-logs/{items[-1]['id']}"))
    assert "Reason Merged into Tier 2 Ticket T-42" in window


def test_everything_wrong_is_said_beside_its_field_and_nothing_typed_is_lost(place: Place) -> None:
    page, _, _ = a_team(place.client(), place)
    browser, csrf = place.signed_in()
    place.look_away()
    reason, ticket = "<b>" + "x" * 1_000, "T-1\x00"
    sent: dict[str, Any] = {"name": "Tier 3", "reason": reason, "ticket": ticket}
    answer = browser.post(settings(place, page), data={"csrf_token": csrf, **sent})
    assert answer.status_code == 422
    assert "This isn't the name" in field(answer.text, "name")
    assert "Reason must be at most 1,000 characters long." in field(answer.text, "reason")
    assert reason in field(answer.text, "reason")
    assert "Ticket must not contain control characters." in field(answer.text, "ticket")
    assert "3 things need your attention" in answer.text
    assert place.news() == []


@pytest.mark.parametrize(
    ("typed", "wrong"),
    [
        ({"name": "Tier 3", **SAID}, "name"),
        ({"name": "Tier 1", "reason": "fine", "ticket": "x" * 101}, "ticket"),
    ],
)
def test_what_was_right_is_kept_when_another_field_is_wrong(
    place: Place, typed: dict[str, str], wrong: str
) -> None:
    page, _, _ = a_team(place.client(), place)
    browser, csrf = place.signed_in()
    place.look_away()
    answer = browser.post(settings(place, page), data={"csrf_token": csrf, **typed})
    assert answer.status_code == 422
    for name, text in typed.items():
        assert text.replace("\r\n", "\n") in field(answer.text, name).replace("\r\n", "\n")
        assert ('aria-invalid="true"' in field(answer.text, name)) == (name == wrong)
    assert place.news() == []


def test_an_agent_stays_where_the_reason_is_refused(place: Place) -> None:
    page, _, _ = an_agent(place.client(), place)
    browser, csrf = place.signed_in()
    place.look_away()
    sent = {"csrf_token": csrf, "reason": "x" * 1_001}
    assert browser.post(settings(place, page), data=sent).status_code == 422
    assert place.news() == []


def test_nobody_has_to_say_why(place: Place) -> None:
    page, typed, _ = a_team(place.client(), place)
    browser, csrf = place.signed_in()
    place.look_away()
    sent = {"csrf_token": csrf, "reason": " ", "ticket": "", **typed}
    assert browser.post(settings(place, page), data=sent, follow_redirects=False).status_code == 303
    items = place.news()
    assert {(item["comment"], item["ticket"]) for item in items} == {(None, None)}
    assert "Reason" not in read(browser, settings(place, f"audit-logs/{items[0]['id']}"))
