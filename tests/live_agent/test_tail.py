"""The live tail over the API: what is recorded comes by itself, once, to who may read it."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, update

from audit_trail.record.entry import ActorId, Draft, Entity
from live_agent.schema import AccessToken, AccountUser, BrowserSession
from tests.live_agent.listening import Told, listening
from tests.live_agent.office import Place
from tests.live_agent.test_bad_input import refused
from tests.live_agent.test_contract import ok

TAIL = "/audit_logs/entries/tail"
LISTED = "/audit_logs/entries"


@pytest.fixture(autouse=True)
def _impatience() -> Iterator[None]:
    """Let nobody wait as long as people do."""
    with (
        patch("audit_trail.server.tail.LOOK_SECONDS", 0.02),
        patch("audit_trail.server.tail.ADMISSION_SECONDS", 0.05),
        patch("audit_trail.server.tail.HEARTBEAT_SECONDS", 0.05),
    ):
        yield


def make(place: Place, name: str, kind: str = "teams") -> None:
    ok(place.client().post(f"/{kind}", json={"name": name}))


def name_of(told: Told) -> str:
    name: str = told.data["what"]["changes"]["name"]["after"]
    return name


def quiet(place: Place) -> bool:
    """Wait until the server has noticed that nobody listens any more."""
    return any(place.office.services.tails.size() == 0 or _wait() for _ in range(500))


def _wait() -> bool:
    time.sleep(0.02)
    return False


@pytest.mark.both_engines
def test_what_is_recorded_is_told_whole_as_it_comes(place: Place) -> None:
    place.total()
    with listening(place.client(), TAIL) as tail:
        assert tail.next() is not None  # It is told at once where to go on from.
        make(place, "Tier 1")
        make(place, "Tier 2")
        first, second = tail.event(), tail.event()
    assert [name_of(first), name_of(second)] == ["Tier 1", "Tier 2"]
    assert first.name == "entry"
    assert first.data == ok(place.client().get(f"{LISTED}/{first.data['index']}"))
    assert second.data["index"] == first.data["index"] + 1


def test_only_what_is_asked_for_is_told(place: Place) -> None:
    with listening(place.client(), TAIL, params={"q": "entity:inbox support"}) as tail:
        tail.next()
        make(place, "Support")
        make(place, "Sales", "inboxes")
        make(place, "Support", "inboxes")
        assert tail.event().data["public"]["entity"]["type"] == "inbox"


@settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(cuts=st.lists(st.integers(0, 3), min_size=1, max_size=4))
def test_a_reader_who_is_cut_off_loses_and_repeats_nothing(place: Place, cuts: list[int]) -> None:
    begin = place.total()
    last, indexes, params = "", list[int](), {"q": "entity:team"}
    for number, cut in enumerate(cuts):
        headers = {"Last-Event-ID": last} if last else {}
        with listening(place.client(), TAIL, params=params, headers=headers) as tail:
            told = tail.next()
            assert told is not None
            last = told.id
            for each in range(4):
                make(place, f"Team {begin}.{number}.{each}")
            make(place, f"Between {begin}.{number}", "inboxes")
            for _ in range(cut):
                event = tail.event()
                last = event.id
                indexes.append(event.data["index"])
    with listening(place.client(), TAIL, params=params, headers={"Last-Event-ID": last}) as tail:
        while len(indexes) < 4 * len(cuts):
            indexes.append(tail.event().data["index"])
    recorded = place.office.services.trail.entries(str(place.id), begin, begin + 100)
    teams = [each.index for each in recorded if each.public.entity.type == "team"]
    assert indexes == teams


def test_a_tail_goes_on_where_a_list_has_ended_and_the_other_way_round(place: Place) -> None:
    make(place, "Tier 1")
    place.total()
    listed = ok(place.client().get(LISTED, params={"sort": "asc"}))
    make(place, "Tier 2")
    with listening(place.client(), TAIL, params={"cursor": listed["next"]}) as tail:
        event = tail.event()
    assert name_of(event) == "Tier 2"
    make(place, "Tier 3")
    place.total()
    page = ok(place.client().get(LISTED, params={"sort": "asc", "cursor": event.id}))
    assert [entry["what"]["changes"]["name"]["after"] for entry in page["entries"]] == ["Tier 3"]


def test_a_quiet_tail_beats_and_says_how_far_it_has_looked(place: Place) -> None:
    with listening(place.client(), TAIL, params={"q": "entity:inbox"}) as tail:
        first = tail.next()
        make(place, "Tier 1")
        place.total()
        beats = [tail.next() for _ in range(20)]
        assert {beat.name for beat in beats if beat} == {None}
        last = beats[-1]
        assert first and last and first.id != last.id
    size = place.total()
    position = place.office.services.tails.cursors.read(
        str(place.id), bound(q="entity:inbox"), last.id
    )
    assert position.index == size - 1


def bound(**given: str) -> dict[str, str]:
    asked = {"q": "", "range": "", "since": "", "until": "", "sort": "asc", "zone": "UTC"}
    return asked | given


def signed_out(place: Place, _: str) -> None:
    with place.office.services.database.transaction() as db:
        db.execute(delete(BrowserSession).where(BrowserSession.user_id == administrator(place)))


def token_deleted(place: Place, _: str) -> None:
    with place.office.services.database.transaction() as db:
        db.execute(delete(AccessToken).where(AccessToken.user_id == administrator(place)))


def role_taken_away(place: Place, role: str) -> None:
    with place.office.services.database.transaction() as db:
        of_the_person = AccountUser.user_id == administrator(place)
        db.execute(update(AccountUser).where(of_the_person).values(role=role))


def left(place: Place, _: str) -> None:
    with place.office.services.database.transaction() as db:
        db.execute(delete(AccountUser).where(AccountUser.user_id == administrator(place)))


def administrator(place: Place) -> int:
    return place.people["administrator"].id


@pytest.mark.parametrize("is_session", [False, True], ids=["token", "session"])
@pytest.mark.parametrize("happens", [signed_out, token_deleted, role_taken_away, left])
def test_a_tail_ends_when_its_reader_may_no_longer_read(
    place: Place, happens: Any, is_session: bool
) -> None:
    if happens is (token_deleted if is_session else signed_out):
        pytest.skip("it isn't what let the reader in")
    path = f"/api/v1/accounts/{place.id}{TAIL}"
    client = place.signed_in()[0] if is_session else place.browser()
    if not is_session:
        client.headers["api_access_token"] = place.people["administrator"].token
    with listening(client, path) as tail:
        tail.next()
        happens(place, "supervisor")
        assert tail.ends()
    assert client.get(path).status_code in (401, 403, 404)


def test_what_comes_after_a_reader_was_shut_out_is_not_told(place: Place) -> None:
    with (
        patch("audit_trail.server.tail.ADMISSION_SECONDS", 60),
        listening(place.client(), TAIL) as tail,
    ):
        tail.next()
        role_taken_away(place, "supervisor")
        place.office.services.trail.append([draft(0, str(place.id), b"{}")])
        told = next(each for each in iter(tail.next, ...) if each is None or each.name)
    assert told is None


def test_a_tab_that_lies_open_is_no_use_of_the_session(place: Place) -> None:
    browser, _ = place.signed_in()
    with place.office.services.database.reading() as db:
        seen = db.scalar(_last_seen(place))
    place.office.clock.forward(120)
    with listening(browser, f"/api/v1/accounts/{place.id}{TAIL}") as tail:
        tail.next()
        tail.next()
    with place.office.services.database.reading() as db:
        assert db.scalar(_last_seen(place)) == seen
    browser.get(f"/api/v1/accounts/{place.id}{LISTED}")
    with place.office.services.database.reading() as db:
        assert db.scalar(_last_seen(place)) != seen


def _last_seen(place: Place) -> Any:
    of_the_person = BrowserSession.user_id == administrator(place)
    return select(BrowserSession.last_seen_at).where(of_the_person)


def test_a_person_has_so_many_tails_and_no_more_and_a_closed_one_makes_room(place: Place) -> None:
    assert quiet(place)
    with ExitStack() as stack:
        tails = [stack.enter_context(listening(place.client(), TAIL)) for _ in range(4)]
        assert all(tail.next() for tail in tails)
        answer = place.client().get(TAIL)
        assert (answer.status_code, answer.json()["code"]) == (429, "too_many_tails")
        assert int(answer.headers["retry-after"]) > 0
    assert quiet(place)
    with listening(place.client(), TAIL) as tail:
        assert tail.next() is not None


def test_who_takes_nothing_of_what_is_told_is_given_up(place: Place) -> None:
    assert quiet(place)
    start = ok(place.client().get(LISTED, params={"sort": "asc"}))["next"]
    where = urlsplit(f"{place.client().base_url}{TAIL[1:]}?cursor={start}")
    what = json.dumps({"label": "x" * 100_000}).encode()
    drafts = [draft(number, str(place.id), what) for number in range(150)]
    place.office.services.trail.append(drafts)
    with (
        patch("audit_trail.server.tail.DEAF_SECONDS", 0.2),
        socket.create_connection((where.hostname, where.port)) as deaf,
    ):
        lines = [f"GET {where.path}?{where.query} HTTP/1.1", f"Host: {where.netloc}"]
        lines += [f"api_access_token: {place.people['administrator'].token}", "", ""]
        deaf.sendall("\r\n".join(lines).encode())
        assert deaf.recv(1)
        assert any(place.office.services.tails.size() == 1 or _wait() for _ in range(500))
        assert quiet(place)


def draft(number: int, account: str, what: bytes) -> Draft:
    return Draft(
        id=f"large-{account}-{number}",
        account=account,
        occurred_at=1,
        action="update",
        entity=Entity(type="team", id="1"),
        actor=ActorId(kind="system"),
        via="ui",
        what=what,
    )


@pytest.mark.both_engines
def test_an_open_tail_holds_no_connection_to_the_database(place: Place) -> None:
    assert quiet(place)
    with (
        patch("audit_trail.server.tail.ADMISSION_SECONDS", 60),
        listening(place.client(), TAIL) as tail,
    ):
        tail.next()
        assert b"live_agent_tails 1.0" in place.office.services.metrics.exposition()
        pool: Any = place.office.services.database.engine.pool
        assert any(pool.checkedout() == 0 or _wait() for _ in range(100))


def test_what_can_t_be_tailed_is_refused_before_it_begins(place: Place, elsewhere: Place) -> None:
    foreign = ok(elsewhere.client().get(LISTED, params={"sort": "asc"}))["next"]
    for given_cursor in ({"cursor": foreign}, {"cursor": "AQAA"}, {"cursor": "x" * 20_000}):
        assert refused(place.client().get(TAIL, params=given_cursor), "cursor")
    answer = place.client().get(TAIL, headers={"Last-Event-ID": foreign})
    assert refused(answer, "cursor")["code"] == "cursor_refused"
    assert refused(place.client().get(TAIL, params={"q": "user:ada"}), "q")
    assert refused(place.client().get(TAIL, params={"sort": "desc"}))
    assert place.client("agent").get(TAIL).status_code == 403
    assert elsewhere.client().get(f"{place.client().base_url}{TAIL}").status_code == 404


def test_nothing_of_another_account_is_told(place: Place, elsewhere: Place) -> None:
    with listening(place.client(), TAIL) as tail:
        tail.next()
        make(elsewhere, "Theirs")
        elsewhere.total()
        make(place, "Ours")
        assert name_of(tail.event()) == "Ours"
