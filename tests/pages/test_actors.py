"""Every kind of actor, on real entries: in the list, in the window, and as an item of the API."""

import re
from html import unescape
from typing import Any, NamedTuple

import pytest

from audit_trail.capture.context import ANONYMOUS, SYSTEM, Actor, Origin, acting_as
from audit_trail.capture.jobs import acting_as_job, handed_over
from live_agent.schema import AutomationRule, User
from live_agent.settings import agents, automation_rules, teams
from tests.live_agent.office import Place
from tests.live_agent.test_contract import RULE, ok
from tests.pages.browsing import settings

ADA = Actor(kind="user", id="7", email="ada@example.com", name="Ada")
SAM = Actor(kind="support", id="70", email="sam@support.example", name="Sam")
BOT = Actor(kind="agent_bot", id="3", name="Summaries")
RULED = Actor(kind="automation", id="4", name="Escalate")
TOKEN = Actor(kind="api_token", id="9", name="sync")
AGENT = Actor(kind="ai_agent", id="concierge", name="Concierge")
WITH_TOKEN = Actor(
    kind="user", id="7", email="ada@example.com", token={"id": "12", "name": "crm-sync"}
)
CHAIN = (RULED, TOKEN, SAM, ADA)


def act(place: Place, actor: Actor, origin: Origin, *acted_for: Actor) -> None:
    """Create a team as this actor, in a transaction of the database."""
    database = place.office.services.database
    with acting_as(actor, origin, on_behalf_of=acted_for), database.transaction() as db:
        teams.create(db, place.id, {"name": f"Team of {actor.kind}"})


class Read(NamedTuple):
    """The newest entry as it is read: the list's User column and Where, the window, the item."""

    by: str
    where: str
    facts: list[tuple[str, str]]
    item: dict[str, Any]

    @property
    def named(self) -> dict[str, str]:
        return dict(self.facts)


def text(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", "", html.replace("<span", " <span"))).split())


def newest(place: Place) -> Read:
    number = place.total()
    browser, _ = place.signed_in()  # The sign-in is the entry after it.
    place.office.services.sequencer_idle()
    listed = browser.get(settings(place, "audit-logs")).text
    row = listed.partition(f'id="entry-{number}"')
    by = row[0].rpartition('<td class="by">')[2].partition("</td>")[0]
    by = re.sub(r'<span class="face".*?</span>', "", by, flags=re.DOTALL)
    where = re.search(r'<td class="where">(.*?)</td>', row[2])
    window = browser.get(settings(place, f"audit-logs/{number}")).text
    facts = re.findall(r"<dt>(.*?)</dt>\s*<dd>(.*?)</dd>", window, re.DOTALL)
    return Read(
        text(by),
        text(where[1]) if where else "",
        [(label, text(value)) for label, value in facts],
        place.client().get(f"/audit_logs/{number}").json(),
    )


@pytest.mark.parametrize(
    ("actor", "via", "by", "window", "user"),
    [
        (ADA, "ui", "ada@example.com", "ada@example.com", (7, "User", "ada@example.com")),
        (
            WITH_TOKEN,
            "api",
            "ada@example.com by token crm-sync",
            "ada@example.com",
            (7, "User", "ada@example.com"),
        ),
        (TOKEN, "api", "sync API token", "sync · API token", (None, None, "sync")),
        (BOT, "api", "Summaries Agent bot", "Summaries · Agent bot", (None, None, "Summaries")),
        (
            RULED,
            "automation",
            "Escalate Automation",
            "Escalate · Automation",
            (None, None, "Escalate"),
        ),
        (AGENT, "api", "Concierge AI agent", "Concierge · AI agent", (None, None, "Concierge")),
        (SYSTEM, "database", "System", "System", (None, None, "System")),
        (ANONYMOUS, "ui", "Anonymous", "Anonymous", (None, None, "Anonymous")),
    ],
    ids=lambda value: value.kind if isinstance(value, Actor) else None,
)
def test_each_kind_of_actor_is_called_what_it_is(
    place: Place, actor: Actor, via: Any, by: str, window: str, user: tuple[Any, ...]
) -> None:
    act(place, actor, Origin(via=via, ip="203.0.113.9"))
    read = newest(place)
    assert read.by == by
    assert read.named["Created By"] == window
    assert (read.item["user_id"], read.item["user_type"], read.item["username"]) == user
    assert (read.item["actor"]["kind"], read.item["via"]) == (actor.kind, via)
    assert read.item["on_behalf_of"] == []
    assert "On behalf of" not in read.named


def test_a_token_is_named_with_its_number_and_a_session_by_its_name(place: Place) -> None:
    act(place, WITH_TOKEN, Origin(via="api", session="5e55"))
    read = newest(place)
    assert read.named["Access token"] == "crm-sync · #12"
    assert read.named["Session"] == "5e55"
    assert read.item["access_token"] == {"id": "12", "name": "crm-sync"}


def test_of_an_impersonation_the_real_person_stands_first(place: Place) -> None:
    act(place, SAM, Origin(via="ui", ip="203.0.113.9"), ADA)
    read = newest(place)
    assert read.by == "sam@support.example Support acting as ada@example.com"
    assert read.facts[:2] == [
        ("Created By", "sam@support.example · Support"),
        ("On behalf of", "ada@example.com"),
    ]
    assert read.item["username"] == "sam@support.example"
    assert read.item["user_id"] is None
    assert read.item["on_behalf_of"] == [{"kind": "user", "id": 7, "username": "ada@example.com"}]


def test_a_chain_is_read_from_who_acted_to_whom_it_was_for(place: Place) -> None:
    act(place, AGENT, Origin(via="api"), *CHAIN)
    read = newest(place)
    assert read.by == "Concierge AI agent on behalf of Escalate, sync and 2 more"
    assert read.facts[:5] == [
        ("Created By", "Concierge · AI agent"),
        ("On behalf of", "Escalate · Automation"),
        ("On behalf of", "sync · API token"),
        ("On behalf of", "sam@support.example · Support"),
        ("On behalf of", "ada@example.com"),
    ]
    assert [each["kind"] for each in read.item["on_behalf_of"]] == [
        *("automation", "api_token", "support", "user"),
    ]


def test_more_than_the_public_part_has_room_for_are_all_named(place: Place) -> None:
    act(place, AGENT, Origin(via="api"), *(RULED,) * 20, WITH_TOKEN)
    read = newest(place)
    assert [label for label, _ in read.facts].count("On behalf of") == 21
    assert read.facts[21] == ("On behalf of", "ada@example.com · by token crm-sync")
    assert len(read.item["on_behalf_of"]) == 20


def test_a_job_s_entry_shows_the_person_who_asked_and_the_job(place: Place) -> None:
    with acting_as(ADA, Origin(via="ui", request="r-1", ip="203.0.113.9")):
        handed = handed_over()
    with acting_as_job(handed, job="clean-up"), place.office.services.database.transaction() as db:
        teams.create(db, place.id, {"name": "Tier 1"})
    read = newest(place)
    assert read.by == "ada@example.com by job clean-up"
    assert read.where == "203.0.113.9 · Job"
    assert read.named["Via"] == "Job · clean-up"
    assert read.named["Request"] == "r-1"
    item = read.item
    assert (item["user_id"], item["username"], item["via"], item["job"]) == (
        *(7, "ada@example.com", "job", "clean-up"),
    )


def test_a_job_of_its_own_is_called_by_its_name(place: Place) -> None:
    with acting_as_job("", job="retention"), place.office.services.database.transaction() as db:
        teams.create(db, place.id, {"name": "Tier 1"})
    read = newest(place)
    assert read.by == "retention Job"
    assert read.named["Created By"] == "retention · Job"
    assert (read.item["username"], read.item["user_id"]) == ("retention", None)


def test_where_shows_the_client_and_the_window_the_way(place: Place) -> None:
    way = {"ip": "10.0.0.2", "forwarded": ("6.6.6.6", "203.0.113.9"), "address": "203.0.113.9"}
    act(place, ADA, Origin(via="ui", **way))  # type: ignore[arg-type]
    read = newest(place)
    assert read.where == "203.0.113.9 · Web"
    assert read.named["Where"] == "203.0.113.9 · Web"
    assert read.named["Proxy"] == "10.0.0.2 · said to come from 6.6.6.6, 203.0.113.9"
    assert read.item["remote_address"] == "203.0.113.9"


def test_names_stay_when_the_person_and_the_record_are_gone(place: Place) -> None:
    """Labels are what they were at the change, and nothing is looked up when they are read."""
    person = place.people["agent"]
    client, database = place.client(), place.office.services.database
    rule = ok(client.post("/automation_rules", json=RULE))["id"]
    actor = Actor(kind="user", id=str(person.id), email=person.email, name="Agent")
    ruled = Actor(kind="automation", id=str(rule), name=str(RULE["name"]))
    with (
        acting_as(ruled, Origin(via="automation"), on_behalf_of=(actor,)),
        database.transaction() as db,
    ):
        team = teams.create(db, place.id, {"name": "Tier 1"}).id
    before = newest(place)
    number = before.item["id"]
    with database.transaction() as db:
        teams.delete(db, teams.get(db, place.id, team))
        automation_rules.delete(db, db.get_one(AutomationRule, rule))
        agents.remove(db, agents.get(db, place.id, person.id))
        db.delete(db.get_one(User, person.id))
    browser, _ = place.signed_in()
    window = text(browser.get(settings(place, f"audit-logs/{number}")).text)
    item = client.get(f"/audit_logs/{number}").json()
    assert item == {**before.item, "auditable": None}
    assert f"Created By {RULE['name']} · Automation" in window
    assert f"On behalf of {person.email}" in window
    assert f"ID {team} · Tier 1" in window
