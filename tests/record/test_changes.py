"""Several writes to one record become one: nothing dropped, whatever order they were recorded in."""

import random
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from audit_trail.record.changes import Write, chained
from audit_trail.record.value import NULL, SECRET

State = dict[str, bytes] | None
FIELDS = ("a", "b", "c")


def created(**values: bytes) -> Write:
    return Write(existed=False, exists=True, pairs={n: (None, v) for n, v in values.items()})


def deleted(**values: bytes) -> Write:
    return Write(existed=True, exists=False, pairs={n: (v, None) for n, v in values.items()})


def updated(**pairs: tuple[bytes, bytes]) -> Write:
    return Write(existed=True, exists=True, pairs=pairs)


def written(before: State, after: State) -> Write:
    """The write as a trigger records it: nulls left out of a creation and of a deletion."""
    if before is None:
        assert after is not None
        return created(**{name: value for name, value in after.items() if value != NULL})
    if after is None:
        return deleted(**{name: value for name, value in before.items() if value != NULL})
    return updated(**{n: (before[n], after[n]) for n in FIELDS if before[n] != after[n]})


def applied(state: State, write: Write) -> State:
    """Apply a write to the state that it must follow."""
    assert write.existed == (state is not None)
    for name, (old, _) in write.pairs.items():
        assert old is None if state is None else old == state[name]
    if not write.exists:
        return None
    return {**(state or dict.fromkeys(FIELDS, NULL))} | {
        name: new for name, (_, new) in write.pairs.items() if new is not None
    }


def test_two_updates_become_one() -> None:
    assert chained([updated(a=(b"1", b"2")), updated(a=(b"2", b"3"), b=(b"4", b"5"))]) == [
        updated(a=(b"1", b"3"), b=(b"4", b"5"))
    ]


def test_a_write_recorded_before_the_one_that_fired_it_is_chained_after_it() -> None:
    nested, outer = updated(a=(b"2", b"3")), updated(a=(b"1", b"2"))
    assert chained([nested, outer]) == [updated(a=(b"1", b"3"))]


def test_what_was_changed_and_changed_back_leaves_nothing() -> None:
    assert chained([updated(a=(b"1", b"2")), updated(a=(b"2", b"1"))]) == []


def test_what_was_created_and_deleted_leaves_nothing() -> None:
    assert chained([created(a=b"1"), updated(a=(b"1", b"2")), deleted(a=b"2")]) == []


def test_a_creation_and_an_update_of_it_are_a_creation() -> None:
    assert chained([created(a=b"1"), updated(b=(NULL, b"2"))]) == [created(a=b"1", b=b"2")]


def test_an_update_and_a_deletion_are_a_deletion_of_what_was_there_before() -> None:
    assert chained([updated(a=(b"1", b"2")), deleted(a=b"2", b=b"3")]) == [deleted(a=b"1", b=b"3")]


def test_a_replaced_record_is_an_update() -> None:
    assert chained([deleted(a=b"1", b=b"2"), created(a=b"1", c=b"3")]) == [
        updated(b=(b"2", NULL), c=(NULL, b"3"))
    ]


def test_a_record_replaced_by_its_like_leaves_nothing() -> None:
    assert chained([deleted(a=b"1"), created(a=b"1")]) == []


def test_writes_that_do_not_chain_stay_apart() -> None:
    apart = [updated(a=(b"1", b"2")), updated(a=(b"7", b"8"))]
    assert chained(apart) == apart
    assert chained([deleted(a=b"1"), deleted(a=b"2")]) == [deleted(a=b"1"), deleted(a=b"2")]


def test_a_changed_secret_stays_though_its_two_values_read_the_same() -> None:
    secret = updated(a=(SECRET, SECRET))
    assert chained([secret, secret]) == [secret]


def test_a_text_changed_beyond_where_it_was_cut_stays() -> None:
    cut = b'{"$":"cut","size":2000000,"text":"aaa"}'
    assert chained([updated(a=(cut, cut))]) == [updated(a=(cut, cut))]


def test_a_blob_changed_beyond_where_it_was_digested_stays() -> None:
    blob = b'{"$":"blob","digest_of_first":1048576,"sha256":"00","size":2000000}'
    assert chained([updated(a=(blob, blob))]) == [updated(a=(blob, blob))]


def test_no_write_is_no_write() -> None:
    assert chained([]) == []


values = st.sampled_from([NULL, b"1", b"2", b"3"])
states = st.none() | st.fixed_dictionaries(dict.fromkeys(FIELDS, values))


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[State], list[Write]]:
    """A true sequence of states, each different from the one before, and its writes."""
    found: list[State] = [draw(states)]
    for state in draw(st.lists(states, max_size=7)):
        if state != found[-1]:
            found.append(state)
    return found, [written(*pair) for pair in pairwise(found)]


def nested(writes: Sequence[Write], draw: random.Random) -> list[Write]:
    """An order that AFTER triggers can cause: what a write fired is recorded before it."""
    if not writes:
        return []
    fired = draw.randint(0, len(writes) - 1)
    return [*nested(writes[1 : 1 + fired], draw), writes[0], *nested(writes[1 + fired :], draw)]


def net(before: State, after: State) -> Mapping[str, Any] | None:
    if before == after:
        return None
    write = written(before, after)
    return {"existed": write.existed, "exists": write.exists, "pairs": dict(write.pairs)}


def told(writes: Sequence[Write]) -> list[Mapping[str, Any]]:
    return [
        {"existed": each.existed, "exists": each.exists, "pairs": dict(each.pairs)}
        for each in writes
    ]


@given(histories())
def test_in_true_order_the_net_is_the_true_net(history: tuple[list[State], list[Write]]) -> None:
    true, writes = history
    wanted = net(true[0], true[-1])
    assert told(chained(writes)) == ([] if wanted is None else [wanted])


@given(histories(), st.randoms(use_true_random=False))
def test_in_an_order_that_triggers_cause_the_net_is_the_true_net(
    history: tuple[list[State], list[Write]], draw: random.Random
) -> None:
    true, writes = history
    wanted = net(true[0], true[-1])
    assert told(chained(nested(writes, draw))) == ([] if wanted is None else [wanted])


@given(histories())
def test_the_merged_writes_lead_from_the_first_state_to_the_last(
    history: tuple[list[State], list[Write]],
) -> None:
    true, writes = history
    state = true[0]
    for write in chained(writes):
        state = applied(state, write)
    assert state == true[-1]
