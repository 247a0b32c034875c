"""Webhooks of saved views: what is told, once, to whom, how often, and when it is given up."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from live_agent.errors import DeliveryFailed
from live_agent.telling import rounds as telling
from live_agent.telling.posting import STEP_SECONDS, Post, is_public
from tests.live_agent.conftest import ENGINES
from tests.live_agent.office import Office, Place, installed, serving
from tests.live_agent.receiver import Received, Receiver, receiving
from tests.live_agent.test_contract import ok

VIEWS = "/audit_logs/views"


@pytest.fixture(scope="module", params=ENGINES)
def office(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Office]:
    """A server whose own rounds wait until the tests are over: each test steps rounds itself."""
    folder = tmp_path_factory.mktemp("telling")
    places = (
        installed(request.getfixturevalue("postgresql"), "telling", folder)
        if request.param == "postgresql"
        else folder
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(telling, "POLL_SECONDS", 3_600)
        with serving(places) as running:
            yield running


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


def rounds_of(office: Office, *, to_private: bool = True) -> telling.Rounds:
    """Return rounds of our own, as a server has them."""
    services = office.services
    return telling.Rounds(
        services.database,
        services.trail,
        clock=office.clock,
        site="https://live.example/",
        to_private=to_private,
    )


class Watched:
    """A view with a webhook, and what makes news for it."""

    def __init__(self, place: Place, receiver: Receiver, **values: Any) -> None:
        self.place = place
        self.client = place.client()
        place.total()
        view = {
            "name": "New inboxes",
            "question": "entity:inbox action:create",
            "webhook_url": f"{receiver.url}/hook?a=1",
            **values,
        }
        made = ok(self.client.post(VIEWS, json=view))
        self.id, self.secret = made["id"], made["webhook_secret"]

    def create_inboxes(self, *names: str) -> None:
        for name in names:
            ok(self.client.post("/inboxes", json={"name": name}))
        self.place.total()

    def is_failing(self) -> bool:
        views = ok(self.client.get(VIEWS))["payload"]
        return any(each["is_failing"] for each in views if each["id"] == self.id)


def test_a_message_says_what_matched_and_no_value(
    office: Office, place: Place, receiver: Receiver
) -> None:
    watched, rounds = Watched(place, receiver), rounds_of(office)
    watched.create_inboxes("Secret project")
    ok(watched.client.post("/teams", json={"name": "Tier 1"}))
    rounds.step()
    (received,) = receiver.received
    assert received.is_signed_with(watched.secret)
    assert received.headers["content-type"] == "application/json"
    assert received.path == "/hook?a=1"
    (entry,) = received.data["entries"]
    assert received.data == {
        "account_id": place.id,
        "view": {"id": watched.id, "name": "New inboxes"},
        "matched": 1,
        "entries": [entry],
    }
    assert entry["activity"].startswith("Created a new inbox (#")
    assert entry["url"] == (
        f"https://live.example/app/accounts/{place.id}/settings/audit-logs/{entry['number']}"
    )
    assert b"Secret project" not in received.body
    assert rounds.delivered == 1


def test_at_most_one_message_a_period_tells_of_all_that_came_in_it(
    office: Office, place: Place, receiver: Receiver
) -> None:
    watched, rounds = Watched(place, receiver, period_seconds=600), rounds_of(office)
    watched.create_inboxes("A")
    rounds.step()
    watched.create_inboxes(*(f"B{number}" for number in range(12)))
    rounds.step()
    assert len(receiver.received) == 1
    office.clock.forward(601)
    rounds.step()
    rounds.step()
    assert [each.data["matched"] for each in receiver.received] == [1, 12]
    numbers = [each["number"] for each in receiver.received[1].data["entries"]]
    assert len(numbers) == telling.MOST_TOLD
    assert numbers == sorted(numbers, reverse=True)


def test_a_restart_repeats_nothing_and_loses_nothing(
    office: Office, place: Place, receiver: Receiver
) -> None:
    watched = Watched(place, receiver, period_seconds=60)
    watched.create_inboxes("A")
    rounds_of(office).step()
    watched.create_inboxes("B")
    office.clock.forward(61)
    rounds_of(office).step()
    rounds_of(office).step()
    assert [each.data["matched"] for each in receiver.received] == [1, 1]


def test_a_message_that_failed_comes_again_under_the_same_id(
    office: Office, place: Place, receiver: Receiver
) -> None:
    watched, rounds = Watched(place, receiver), rounds_of(office)
    receiver.answers = [500, 302]
    watched.create_inboxes("A")
    rounds.step()
    rounds.step()  # Too early.
    assert len(receiver.received) == 1
    for seconds in telling.BACK_OFF_SECONDS[:2]:
        office.clock.forward(seconds + 1)
        rounds.step()
    ids = {each.headers["webhook-id"] for each in receiver.received}
    stamps = {each.headers["webhook-timestamp"] for each in receiver.received}
    bodies = {each.body for each in receiver.received}
    assert (len(receiver.received), len(ids), len(bodies), len(stamps)) == (3, 1, 1, 3)
    assert all(each.is_signed_with(watched.secret) for each in receiver.received)
    assert {each.path for each in receiver.received} == {"/hook?a=1"}, "a redirect was followed"
    assert (rounds.delivered, rounds.failed) == (1, 2)


def test_a_receiver_that_keeps_failing_is_given_up_and_tried_again_once_it_is_saved(
    office: Office, place: Place, receiver: Receiver
) -> None:
    watched, rounds = Watched(place, receiver), rounds_of(office)
    receiver.answers = [500] * (len(telling.BACK_OFF_SECONDS) + 1)
    watched.create_inboxes("A")
    place.look_away()
    rounds.step()
    for seconds in telling.BACK_OFF_SECONDS:
        assert not watched.is_failing()
        office.clock.forward(seconds + 1)
        rounds.step()
    assert watched.is_failing()
    (given_up,) = place.news()
    assert (given_up["action"], given_up["auditable_id"]) == ("view_failed", watched.id)
    assert given_up["comment"] == "The receiver answered 500. 8 attempts"
    office.clock.forward(86_400)
    rounds.step()
    assert len(receiver.received) == 8
    ok(watched.client.patch(f"{VIEWS}/{watched.id}", json={"period_seconds": 60}))
    rounds.step()
    assert len({each.headers["webhook-id"] for each in receiver.received}) == 1
    assert not watched.is_failing()


def test_a_receiver_that_is_gone_is_given_up_at_once(
    office: Office, place: Place, receiver: Receiver
) -> None:
    watched = Watched(place, receiver)
    receiver.answers = [410]
    watched.create_inboxes("A")
    rounds_of(office).step()
    assert watched.is_failing()


def test_of_several_servers_one_tells(office: Office, place: Place, receiver: Receiver) -> None:
    watched = Watched(place, receiver)
    watched.create_inboxes("A")
    servers = [threading.Thread(target=rounds_of(office).step) for _ in range(4)]
    for server in servers:
        server.start()
    for server in servers:
        server.join(20)
    assert len(receiver.received) == 1


def test_a_message_that_a_server_died_over_is_another_s_when_the_lease_is_over(
    office: Office, place: Place, receiver: Receiver
) -> None:
    watched = Watched(place, receiver)
    receiver.hold.clear()
    watched.create_inboxes("A")
    began = time.monotonic()
    stopped = threading.Event()

    def is_over() -> bool:
        if receiver.received:
            stopped.set()
        return stopped.is_set()

    rounds_of(office).step(is_over)
    assert time.monotonic() - began < STEP_SECONDS
    receiver.hold.set()
    rounds_of(office).step()
    assert len(receiver.received) == 1
    office.clock.forward(telling.LEASE_US / 1_000_000 + 1)
    rounds_of(office).step()
    assert len({each.headers["webhook-id"] for each in receiver.received}) == 1
    assert len(receiver.received) == 2


def test_a_slow_receiver_fails_and_the_others_are_told(
    office: Office, place: Place, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "ANSWER_SECONDS", 0.5)
    with receiving() as slow:
        slow.hold.clear()
        Watched(place, slow, name="Slow")
        watched = Watched(place, receiver)
        watched.create_inboxes("A")
        rounds = rounds_of(office)
        rounds.step()
        assert (rounds.delivered, rounds.failed) == (1, 1)


def test_a_demoted_owner_s_private_view_is_silent_and_a_shared_one_is_not(
    office: Office, place: Place, receiver: Receiver
) -> None:
    supervisor = f"/agents/{place.people['supervisor'].id}"
    ok(place.client().patch(supervisor, json={"role": "administrator"}))
    for name, is_shared in (("Mine", False), ("Ours", True)):
        view = {"name": name, "is_shared": is_shared, "webhook_url": receiver.url}
        ok(place.client("supervisor").post(VIEWS, json=view))
    ok(place.client().patch(supervisor, json={"role": "agent"}))
    place.total()
    rounds_of(office).step()
    assert [each.data["view"]["name"] for each in receiver.received] == ["Ours"]


def test_a_view_of_one_account_hears_nothing_of_another(
    office: Office, place: Place, elsewhere: Place, receiver: Receiver
) -> None:
    Watched(place, receiver)
    ok(elsewhere.client().post("/inboxes", json={"name": "Theirs"}))
    elsewhere.total()
    rounds_of(office).step()
    assert receiver.received == []


def test_a_private_network_is_reached_only_where_the_operator_lets_it(
    office: Office, place: Place, receiver: Receiver
) -> None:
    watched, rounds = Watched(place, receiver), rounds_of(office, to_private=False)
    watched.create_inboxes("A")
    rounds.step()
    assert (receiver.received, rounds.failed) == ([], 1)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",  # noqa: S104 -- nothing listens on it
        "224.0.0.1",
        "::1",
        "::",
        "fe80::1",
        "fc00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "2002:7f00:1::",
    ],
)
def test_what_is_no_public_address_is_known(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:4700::1111", "64:ff9b::5db8:d822"])
def test_a_public_address_is_known(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost/",
        "http://[::1]/",
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f.1/",
        "https://[fe80::1%25lo]/",
    ],
)
def test_no_spelling_of_this_machine_gets_through(url: str) -> None:
    answered: list[Post] = []
    arrived = threading.Event()

    def take(post: Post) -> None:
        answered.append(post)
        arrived.set()

    Post(url, {}, b"", to_private=False, answered=take).start()
    assert arrived.wait(20)
    assert isinstance(answered[0].failure, DeliveryFailed)


def test_the_signature_is_that_of_the_specification_s_own_libraries() -> None:
    """The example of the published test vectors of its reference libraries."""
    from live_agent.telling.signature import signed_headers

    body = b'{"test": 2432232314}'
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    headers = signed_headers(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330_000_000, body)
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert Received(headers, body, "/").is_signed_with(secret)


def test_an_administrator_added_outside_office_hours_is_told(
    office: Office, place: Place, receiver: Receiver
) -> None:
    question = "entity:agent to:administrator"
    at_night = f"{question} (time:18:00..08:00 OR day:sat,sun)"
    Watched(place, receiver, name="At any time", question=question)
    watched = Watched(place, receiver, name="At night", question=at_night)
    watched.client.post(
        "/agents",
        json={
            "name": "Mia",
            "email": f"mia.{place.id}@night.example",
            "role": "administrator",
        },
    )
    place.total()
    (entry,) = office.services.trail.entries(str(place.id), place.total() - 1, place.total())
    moment = datetime.fromtimestamp(entry.public.occurred_at // 1_000_000, UTC)
    is_outside = not 8 <= moment.hour < 18 or moment.weekday() >= 5
    rounds_of(office).step()
    told = {each.data["view"]["name"] for each in receiver.received}
    assert told == ({"At any time", "At night"} if is_outside else {"At any time"})
