"""What a policy says: for how long entries are kept, and which are kept beyond that."""

from typing import Any

import msgspec
import pytest

from audit_trail.errors import RetentionRefused
from audit_trail.record.canonical import canonical_bytes
from audit_trail.record.entry import ActorId, Entity, Entry, Public
from audit_trail.retention.policy import (
    DAY_US,
    MOST_HOLDS,
    Hold,
    Pending,
    Policy,
    is_held,
    read,
    stated,
    with_days,
    with_hold,
    without_hold,
)

NOW = 1_790_000_000_000_000


def entry(index: int = 0, **given: Any) -> Entry:
    public = Public(
        v=1,
        id=f"entry-{index}",
        account="1",
        occurred_at=given.get("at", NOW),
        recorded_at=given.get("recorded", given.get("at", NOW)),
        action="update",
        outcome="success",
        entity=Entity(type="inbox", id="12"),
        actor=ActorId(kind="user", id="7"),
        on_behalf_of=given.get("acted_for", ()),
        via="ui",
    )
    return Entry(index=index, version=1, public_bytes=canonical_bytes(public), leaf=bytes(32))


def held_by(hold: Hold, **given: Any) -> bool:
    return is_held(Policy(holds=(hold,)), entry(**given))


def hold(**given: Any) -> Hold:
    return Hold(id=given.pop("id", "a hold"), since=NOW, **given)


def test_a_longer_retention_holds_at_once_and_a_shorter_one_in_a_day() -> None:
    longer = with_days(Policy(), 500, NOW)
    assert (longer.days, longer.pending) == (500, None)
    shorter = with_days(longer, 90, NOW)
    assert shorter.days_at(NOW + DAY_US - 1) == 500
    assert shorter.days_at(NOW + DAY_US) == 90


def test_a_change_counts_from_what_holds_now_and_takes_the_place_of_what_would() -> None:
    pending = with_days(Policy(), 100, NOW)
    assert with_days(pending, 200, NOW + 1) == Policy(
        pending=Pending(days=200, from_us=NOW + 1 + DAY_US)
    )
    assert with_days(pending, 400, NOW + 1) == Policy()
    later = NOW + DAY_US
    assert with_days(pending, 200, later) == Policy(days=200)
    assert with_days(pending, 95, later).days_at(later) == 100


@pytest.mark.parametrize("days", [-1, 0, 89, 36_501, 400])
def test_what_is_too_short_too_long_or_no_change_is_refused(days: int) -> None:
    with pytest.raises(RetentionRefused):
        with_days(Policy(), days, NOW)


def test_asking_again_for_what_is_pending_does_not_put_it_off() -> None:
    with pytest.raises(RetentionRefused, match="100 days already"):
        with_days(with_days(Policy(), 100, NOW), 100, NOW + 5)


@pytest.mark.parametrize(
    ("given", "is_so"),
    [
        ({"entity": Entity(type="inbox", id="12")}, True),
        ({"entity": Entity(type="inbox")}, True),
        ({"entity": Entity(type="inbox", id="1")}, False),
        ({"entity": Entity(type="team", id="12")}, False),
        ({"actor": ActorId(kind="user", id="7")}, True),
        ({"actor": ActorId(kind="user")}, True),
        ({"actor": ActorId(kind="user", id="8")}, False),
        ({"actor": ActorId(kind="system")}, False),
        ({"start": NOW, "end": NOW}, True),
        ({"start": NOW + 1}, False),
        ({"end": NOW - 1}, False),
        ({"actor": ActorId(kind="user", id="7"), "end": NOW - 1}, False),
        ({"actor": ActorId(kind="user", id="7"), "entity": Entity(type="inbox")}, True),
    ],
    ids=repr,
)
def test_a_hold_keeps_what_fits_all_that_it_names(given: dict[str, Any], is_so: bool) -> None:
    assert held_by(hold(**given)) == is_so


def test_a_hold_on_a_person_keeps_what_was_done_for_them() -> None:
    somebody = ActorId(kind="user", id="9")
    assert held_by(hold(actor=somebody), acted_for=(somebody,))


def test_a_time_is_held_by_when_it_happened_and_by_when_it_was_recorded() -> None:
    assert held_by(hold(start=NOW + 9), recorded=NOW + 9)
    assert held_by(hold(end=NOW), recorded=NOW + 9)


def test_the_entries_that_state_the_policy_are_held_too() -> None:
    assert is_held(Policy(stated_by=3), entry(3))
    assert held_by(hold(id="entry-0", end=0))
    assert not is_held(Policy(), entry(3))


def test_a_hold_is_lifted_by_its_id_alone() -> None:
    one, other = hold(id="a", end=1), hold(id="b", end=1)
    both = with_hold(with_hold(Policy(), one), other)
    assert without_hold(both, "a") == Policy(holds=(other,))
    with pytest.raises(RetentionRefused, match="no such hold"):
        without_hold(both, "c")


@pytest.mark.parametrize("wrong", [hold(), hold(start=2, end=1)])
def test_a_hold_that_names_nothing_or_no_time_is_refused(wrong: Hold) -> None:
    with pytest.raises(RetentionRefused):
        with_hold(Policy(), wrong)


def test_there_are_so_many_holds_that_an_entry_can_state_them() -> None:
    full = Policy(holds=tuple(hold(id=f"{number}", end=1) for number in range(MOST_HOLDS)))
    with pytest.raises(RetentionRefused, match="lift one first"):
        with_hold(full, hold(end=1))


def test_what_an_entry_states_is_read_as_it_was() -> None:
    policy = Policy(
        days=90,
        pending=Pending(days=91, from_us=NOW),
        holds=(hold(entity=Entity(type="inbox"), actor=ActorId(kind="user", id="7"), start=1),),
        stated_by=4,
    )
    details = msgspec.json.decode(msgspec.json.encode({"policy": stated(policy)}))
    assert read(details, 4) == policy
    for wrong in ({}, {"policy": 1}, {"policy": {"days": "many"}}):
        assert read(wrong, 4) is None
