"""Saved views: whose they are, what they accept, and what the trail says of them."""

from typing import Any

import httpx2
import pytest

from tests.live_agent.office import Place
from tests.live_agent.test_contract import ok

pytestmark = pytest.mark.both_engines

VIEWS = "/audit_logs/views"
VIEW = {"name": "New administrators", "question": "field:role to:administrator"}
HOOK = "https://hooks.example/audit"


def names(client: httpx2.Client) -> list[str]:
    return [each["name"] for each in ok(client.get(VIEWS))["payload"]]


def attributes(answer: httpx2.Response) -> list[str]:
    assert answer.status_code == 422, answer.text
    found: list[str] = answer.json()["attributes"]
    return found


def second_administrator(place: Place) -> httpx2.Client:
    path = f"/agents/{place.people['supervisor'].id}"
    ok(place.client().patch(path, json={"role": "administrator"}))
    return place.client("supervisor")


def test_a_view_keeps_what_the_page_shows(place: Place) -> None:
    client = place.client()
    made = ok(client.post(VIEWS, json={**VIEW, "range": "7d", "columns": ["user", "time"]}))
    assert made == {
        "id": made["id"],
        "account_id": place.id,
        "user_id": place.people["administrator"].id,
        **VIEW,
        "range": "7d",
        "since": None,
        "until": None,
        "columns": ["user", "time"],
        "timezone": "UTC",
        "is_shared": False,
        "webhook_url": None,
        "webhook_secret": None,
        "period_seconds": 3600,
        "is_failing": False,
    }
    changed = ok(client.patch(f"{VIEWS}/{made['id']}", json={"range": None, "since": "2026-11-01"}))
    assert (changed["range"], changed["since"]) == (None, "2026-11-01")
    client.delete(f"{VIEWS}/{made['id']}")
    assert names(client) == []


def test_each_change_of_a_view_is_an_entry_without_its_secret(place: Place) -> None:
    client = place.client()
    place.look_away()
    made = ok(client.post(VIEWS, json={**VIEW, "webhook_url": HOOK}))
    ok(client.patch(f"{VIEWS}/{made['id']}", json={"is_shared": True}))
    client.delete(f"{VIEWS}/{made['id']}")
    created, updated, deleted = place.news()
    assert [each["action"] for each in (created, updated, deleted)] == [
        "create",
        "update",
        "destroy",
    ]
    assert created["auditable_type"] == "SavedView"
    assert created["audited_changes"]["webhook_secret"] == "[hidden]"
    assert updated["audited_changes"] == {"is_shared": [False, True]}


def test_the_secret_is_shown_once_and_goes_with_the_url(place: Place) -> None:
    client = place.client()
    made = ok(client.post(VIEWS, json={**VIEW, "webhook_url": HOOK}))
    assert made["webhook_secret"].startswith("whsec_")
    path = f"{VIEWS}/{made['id']}"
    assert "webhook_secret" not in ok(client.patch(path, json={"name": "Admins"}))
    assert "secret" not in client.get(VIEWS).text
    ok(client.patch(path, json={"webhook_url": None}))
    renewed = ok(client.patch(path, json={"webhook_url": HOOK}))
    assert renewed["webhook_secret"] != made["webhook_secret"]


def test_a_private_view_is_its_owner_s_alone(place: Place) -> None:
    client, other = place.client(), second_administrator(place)
    mine = ok(client.post(VIEWS, json=VIEW))
    assert names(other) == []
    assert other.patch(f"{VIEWS}/{mine['id']}", json={"name": "x"}).status_code == 404
    assert other.delete(f"{VIEWS}/{mine['id']}").status_code == 404
    ok(other.post(VIEWS, json=VIEW))  # Each has names of their own.
    assert names(client) == names(other) == [VIEW["name"]]


def test_a_shared_view_is_every_administrator_s_but_only_its_owner_takes_it_back(
    place: Place,
) -> None:
    client, other = place.client(), second_administrator(place)
    shared = ok(client.post(VIEWS, json={**VIEW, "is_shared": True}))
    path = f"{VIEWS}/{shared['id']}"
    assert names(other) == [VIEW["name"]]
    assert attributes(other.post(VIEWS, json={**VIEW, "is_shared": True})) == ["name"]
    ok(other.patch(path, json={"name": "Admins"}))
    assert attributes(other.patch(path, json={"is_shared": False})) == ["is_shared"]
    ok(client.patch(path, json={"is_shared": False}))
    assert names(other) == []


def test_another_account_finds_nothing_of_it(place: Place, elsewhere: Place) -> None:
    shared = ok(place.client().post(VIEWS, json={**VIEW, "is_shared": True}))
    stranger = elsewhere.client()
    assert names(stranger) == []
    assert stranger.patch(f"{VIEWS}/{shared['id']}", json={}).status_code == 404
    ok(stranger.post(VIEWS, json={**VIEW, "is_shared": True}))


def test_whoever_leaves_the_account_leaves_the_shared_views_alone_behind(place: Place) -> None:
    other = second_administrator(place)
    ok(other.post(VIEWS, json={"name": "Mine"}))
    ok(other.post(VIEWS, json={"name": "Ours", "is_shared": True}))
    place.look_away()
    place.client().delete(f"/agents/{place.people['supervisor'].id}")
    gone = [each for each in place.news() if each["auditable_type"] == "SavedView"]
    assert [each["action"] for each in gone] == ["destroy"]
    assert names(place.client()) == ["Ours"]


def test_whoever_loses_the_role_reaches_no_view(place: Place) -> None:
    other = second_administrator(place)
    ok(other.post(VIEWS, json={"name": "Mine"}))
    path = f"/agents/{place.people['supervisor'].id}"
    ok(place.client().patch(path, json={"role": "supervisor"}))
    assert other.get(VIEWS).status_code == 403
    ok(place.client().patch(path, json={"role": "administrator"}))
    assert names(place.client("supervisor")) == ["Mine"]


@pytest.mark.parametrize(
    ("values", "wrong"),
    [
        ({"name": ""}, "name"),
        ({"question": "colour:red"}, "question"),
        ({"question": "x" * 20_000}, "question"),
        ({"range": "5y"}, "range"),
        ({"range": "7d", "since": "2026-11-01"}, "range"),
        ({"since": "2026-02-30"}, "since"),
        ({"since": "2026-11-02", "until": "2026-11-01"}, "until"),
        ({"columns": ["<b>"]}, "columns"),
        ({"timezone": "Mars/Base"}, "timezone"),
        ({"webhook_url": "ftp://a.example"}, "webhook_url"),
        ({"period_seconds": 59}, "period_seconds"),
        ({"period_seconds": 86_401}, "period_seconds"),
        ({"is_shared": "perhaps"}, "is_shared"),
    ],
)
def test_what_can_t_be_kept_is_refused_by_its_field(
    place: Place, values: dict[str, Any], wrong: str
) -> None:
    assert attributes(place.client().post(VIEWS, json={**VIEW, **values})) == [wrong]
