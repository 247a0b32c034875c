"""What entries imply is what was so: all of it where all is told, and never anything else."""

from collections.abc import Sequence
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from audit_trail.record.entry import Entry
from audit_trail.record.state import (
    NOTHING_KNOWN,
    Identity,
    State,
    Step,
    changed_since,
    folded,
    former_id,
    looking_back,
    step_of,
)
from audit_trail.record.value import NULL, SECRET
from tests.record.entries import entry

FIELDS = ("a", "b", "c")
Row = dict[str, int | None] | None


def told(
    index: int, version: int, action: str, changes: dict[str, tuple[Any, Any]], **given: Any
) -> Entry:
    number = given.pop("number", "7")
    made = entry(changes, action=action, number=number, occurred_at=index * 10, **given)
    return msgspec.structs.replace(made, index=index, version=version)


def erased(each: Entry) -> Entry:
    return msgspec.structs.replace(each, what=None)


rows = st.none() | st.fixed_dictionaries(dict.fromkeys(FIELDS, st.none() | st.integers(0, 2)))
histories = st.lists(rows, max_size=8)


def written(index: int, version: int, before: Row, now: Row) -> Entry | None:
    """The entry of a change from one row to the other, as a trigger and the sequencer make it."""
    if before == now:
        return None
    if before is None or now is None:
        whole = {name: v for name, v in (now or before or {}).items() if v is not None}
        if before is None:
            return told(index, version, "create", {name: (..., v) for name, v in whole.items()})
        return told(index, version, "delete", {name: (v, ...) for name, v in whole.items()})
    changes = {name: (before[name], now[name]) for name in FIELDS if before[name] != now[name]}
    return told(index, version, "update", changes)


def told_of(history: Sequence[Row]) -> list[tuple[Entry, Row]]:
    """Each entry of a history, with the row that it leaves."""
    found: list[tuple[Entry, Row]] = []
    before: Row = None
    for now in history:
        if made := written(3 * len(found), len(found) + 1, before, now):
            found.append((made, now))
            before = now
    return found


def is_so(state: State, row: Row, *, all_of_it: bool) -> None:
    """Hold what is known against the row."""
    if state.exists is None:
        assert not all_of_it
        return
    assert state.exists == (row is not None)
    for name, value in (row or {}).items():
        known = state.value(name)
        assert known == msgspec.json.encode(value) or (known is None and not all_of_it)


@given(histories)
def test_a_whole_trail_tells_everything_at_every_moment(history: Sequence[Row]) -> None:
    steps = [step_of(each) for each, _ in told_of(history)]
    for place, (_, row) in enumerate(told_of(history), 1):
        is_so(folded(steps[:place]), row, all_of_it=True)
        state = looking_back(folded(steps[:place]), steps[place:])
        is_so(state, row, all_of_it=True)
        assert state.index == steps[place - 1].index
    if steps:
        assert looking_back(NOTHING_KNOWN, steps).exists is False


@given(histories, st.data())
def test_what_was_erased_or_dropped_is_unknown_and_never_wrong(
    history: Sequence[Row], data: st.DataObject
) -> None:
    whole = told_of(history)
    gone = data.draw(st.sets(st.integers(0, 8)), "dropped")
    empty = data.draw(st.sets(st.integers(0, 8)), "erased")
    kept = [
        step_of(erased(each) if place in empty else each)
        for place, (each, _) in enumerate(whole)
        if place not in gone
    ]
    for place, (_, row) in enumerate(whole):
        before = [step for step in kept if step.version <= place + 1]
        if place in gone:
            continue
        state = folded(before)
        is_so(state, row, all_of_it=False)
        is_so(looking_back(state, kept[len(before) :]), row, all_of_it=False)


@given(histories, st.integers(0, 8))
def test_later_values_before_tell_what_dropped_entries_left(
    history: Sequence[Row], first: int
) -> None:
    """Of a trail that begins late, a field is known at its beginning where an entry changes it."""
    whole = told_of(history)
    kept = [step_of(each) for each, _ in whole[first:]]
    if not 0 < first < len(whole):
        return
    state = looking_back(State(version=first), kept)
    row = whole[first - 1][1]
    assert state.exists == (row is not None)
    is_so(state, row, all_of_it=False)
    if row is not None and any(step.act == "delete" for step in kept):
        is_so(state, row, all_of_it=True)


def test_a_first_entry_that_is_an_update_leaves_other_fields_unknown() -> None:
    state = folded([step_of(told(0, 1, "update", {"a": (1, 2)}))])
    assert (state.exists, state.value("a"), state.value("b")) == (True, b"2", None)
    assert state.since_us == 0


def test_a_field_that_a_create_does_not_name_is_null() -> None:
    state = folded([step_of(told(0, 1, "create", {"a": (..., 2)}))])
    assert (state.value("a"), state.value("b")) == (b"2", NULL)


def test_of_a_secret_it_is_known_that_it_is_set_and_later_that_it_is_not() -> None:
    steps = [
        step_of(told(0, 1, "create", {"key": (..., SECRET)})),
        step_of(told(1, 2, "update", {"key": (SECRET, None)})),
    ]
    assert folded(steps[:1]).value("key") == SECRET
    assert folded(steps).value("key") == NULL


def test_an_event_of_the_record_changes_nothing_of_it() -> None:
    steps = [
        step_of(told(0, 1, "create", {"a": (..., 1)})),
        step_of(told(1, 2, "sign_in", {})),
        step_of(told(2, 3, "update", {"a": (9, 3)}, outcome="failure")),
        step_of(told(3, 4, "update", {"b": (None, 5)})),
    ]
    state = folded(steps)
    assert (state.value("a"), state.value("b"), state.version) == (b"1", b"5", 4)


def test_a_record_that_takes_another_ones_id_leaves_that_one_gone() -> None:
    create = told(0, 1, "create", {"a": (..., 1)}, number="7")
    move = told(1, 1, "update", {"id": (7, 8)}, number="8")
    left = folded([step_of(create, record="7"), step_of(move, record="7")])
    assert (left.exists, left.since_us, left.version) == (False, 10, 1)
    step = step_of(move)
    assert (step.act, former_id(step, Identity(), "8")) == ("arrive", "7")
    assert folded([step]).value("a") is None
    assert looking_back(NOTHING_KNOWN, [step]).exists is False


def test_a_key_of_several_columns_has_its_former_id_as_a_list() -> None:
    step = step_of(
        told(0, 1, "update", {"b": ("x", "y")}, number='[1,"y"]'), Identity(fields=("a", "b"))
    )
    assert former_id(step, Identity(fields=("a", "b")), '[1,"y"]') == '[1,"x"]'


def test_a_record_that_goes_to_another_account_has_left_this_one_and_come_to_that_one() -> None:
    move = told(1, 1, "update", {"account_id": (1, 2)})
    assert step_of(move).act == "leave"
    assert step_of(told(1, 1, "update", {"account_id": (2, 1)})).act == "arrive"
    assert step_of(erased(move)).act == "unknown"
    assert folded([step_of(erased(move))]).exists is None


def test_what_changed_since_is_named_with_the_first_entry_that_did() -> None:
    steps = [
        step_of(told(place, place + 1, "update", {name: (1, 2)}))
        for place, name in enumerate(("a", "b", "a", "b"))
    ]
    assert changed_since(steps, 0) == {"b": 1, "a": 2}
    assert folded(steps).told_by == {"a": 2, "b": 3}


def test_an_erased_update_that_had_too_many_fields_to_name_leaves_nothing_known() -> None:
    step = Step(index=1, version=2, occurred_us=10, act="update", is_told=False)
    state = folded([step_of(told(0, 1, "create", {"a": (..., 1)})), step])
    assert (state.exists, state.value("a"), state.value("b")) == (True, None, None)


def test_a_life_begins_with_its_creation_and_not_with_a_later_change() -> None:
    steps = [
        step_of(told(0, 1, "create", {"a": (..., 1)})),
        step_of(told(1, 2, "update", {"a": (1, 2)})),
        step_of(told(2, 3, "delete", {"a": (2, ...)})),
        step_of(told(3, 4, "create", {})),
    ]
    assert [folded(steps[: place + 1]).since_us for place in range(4)] == [0, 0, 20, 30]


def test_beyond_what_was_dropped_a_later_value_before_tells_nothing() -> None:
    state = folded([step_of(told(0, 1, "update", {"a": (0, 1)}))])
    later = [step_of(told(2, 3, "update", {"b": (2, 3)}))]
    assert looking_back(state, later).value("b") is None
    assert looking_back(state, [msgspec.structs.replace(later[0], version=2)]).value("b") == b"2"


def test_what_an_erased_change_hid_is_not_told_by_the_next_one() -> None:
    state = folded([step_of(told(0, 1, "update", {"a": (0, 1)}))])
    hidden = step_of(erased(told(1, 2, "update", {"b": (1, 2)})))
    again = step_of(told(2, 3, "update", {"b": (2, 3), "c": (4, 5)}))
    found = looking_back(state, [hidden, again])
    assert (found.value("b"), found.value("c")) == (None, b"4")
    gone = step_of(told(3, 4, "delete", {"a": (1, ...)}))
    found = looking_back(state, [hidden, again, gone])
    assert (found.value("b"), found.value("c"), found.value("d")) == (None, b"4", NULL)
    nulled = step_of(told(2, 3, "delete", {"a": (1, ...)}))
    assert looking_back(state, [hidden, nulled]).value("b") is None


def test_an_erased_deletion_that_names_no_field_tells_of_none() -> None:
    state = folded([step_of(told(0, 1, "update", {"a": (0, 1)}))])
    gone = Step(index=1, version=2, occurred_us=10, act="delete", is_told=False)
    assert looking_back(state, [gone]).value("b") is None


def test_what_was_dropped_in_between_may_have_changed_every_other_field() -> None:
    steps = [
        step_of(told(0, 1, "create", {"a": (..., 1)})),
        step_of(told(2, 3, "update", {"b": (2, 3)})),
    ]
    state = folded(steps)
    assert (state.exists, state.value("a"), state.value("b"), state.value("c")) == (
        True,
        None,
        b"3",
        None,
    )
    assert state.since_us == 20


def test_a_part_that_is_told_of_after_its_owner_is_gone_does_not_bring_it_back() -> None:
    history = [
        told(0, 1, "create", {"a": (..., 1), "channel.url": (..., "x")}),
        told(3, 2, "delete", {"a": (1, ...)}),
        told(6, 3, "update", {"channel.url": ("x", "y")}),
    ]
    assert folded(map(step_of, history)).exists is False
    history.append(told(9, 4, "update", {"a": (None, 2)}))
    assert folded(map(step_of, history)).exists is True
