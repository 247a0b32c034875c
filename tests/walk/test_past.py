"""What was is asked of the trail in every store, and is what a plain model remembers."""

import json
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit_trail.past import Past, Roles, recorded_since, state_of, states_at
from audit_trail.record.entry import ActorId, Draft, Entity
from audit_trail.server.states import people_at
from audit_trail.store.port import Store
from audit_trail.store.sqlite import SqliteStore
from audit_trail.trail import Trail

pytestmark = pytest.mark.both_engines
START = 1_764_000_000_000_000
FIELDS = ("a", "b")
Row = dict[str, int | None]
Rows = dict[str, Row]


class Told(NamedTuple):
    """Writes drafts one by one, a second apart."""

    trail: Trail
    account: str

    def tell(self, record: str, action: str, **changes: tuple[Any, Any]) -> int:
        """Append an entry, and return when it happened; `...` is no side."""
        size = self.trail.head(self.account).size
        at = START + size * 1_000_000
        sides = {
            name: {
                side: value
                for side, value in zip(("before", "after"), pair, strict=True)
                if value is not ...
            }
            for name, pair in changes.items()
        }
        draft = Draft(
            id=f"{self.account}-{size}",
            account=self.account,
            occurred_at=at,
            action=action,
            entity=Entity(type="inbox", id=record),
            actor=ActorId(kind="system"),
            via="database",
            fields=tuple(changes),
            what=json.dumps({"label": f"L{size}", "changes": sides}).encode(),
        )
        self.trail.append([draft])
        return at

    def at(self, record: str, at_us: int | None = None, index: int | None = None) -> Past:
        return state_of(
            self.trail, self.account, "inbox", record, identities={}, at_us=at_us, index=index
        )


rows = st.fixed_dictionaries({name: st.none() | st.integers(0, 2) for name in FIELDS})
acts = st.tuples(st.sampled_from("123"), st.none() | rows | st.sampled_from("123"))


def acted(told: Told, state: Rows, record: str, act: Any) -> Rows:
    """Tell of one act, and return what is so then: a row to have, none, or another id to take."""
    before = state.get(record)
    now = dict(state)
    match act:
        case str() as other:
            if before is None or other in state:
                return state
            told.tell(other, "update", id=(int(record), int(other)))
            now[other] = now.pop(record)
        case None:
            if before is None:
                return state
            told.tell(record, "delete", **{n: (v, ...) for n, v in before.items() if v is not None})
            del now[record]
        case row:
            if before is None:
                told.tell(
                    record, "create", **{n: (..., v) for n, v in row.items() if v is not None}
                )
            elif before == row:
                return state
            else:
                changes = {n: (before[n], row[n]) for n in FIELDS if before[n] != row[n]}
                told.tell(record, "update", **changes)
            now[record] = row
    return now


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(acts, max_size=12))
def test_every_moment_of_any_history_is_as_it_was(history: list[tuple[str, Any]]) -> None:
    with TemporaryDirectory() as folder, closing(SqliteStore(Path(folder) / "trail.db")) as store:
        told = Told(Trail(store), "1")
        moments: list[Rows] = []
        state: Rows = {}
        for record, act in history:
            state = acted(told, state, record, act)
            if told.trail.head("1").size > len(moments):
                moments.append(state)
        for index, wanted in enumerate(moments):
            for record in "123":
                for past in (
                    told.at(record, at_us=START + index * 1_000_000 + 5),
                    told.at(record, index=index),
                ):
                    as_it_was(past, wanted.get(record))
            listed = states_at(
                told.trail, "1", "inbox", at_us=START + index * 1_000_000, identities={}
            )
            assert {r for r, past in listed.items() if past.state.exists} == set(wanted)


def as_it_was(past: Past, row: Row | None) -> None:
    if past.by is None and past.then is None:
        assert row is None
        return
    assert past.state.exists == (row is not None)
    for name, value in (row or {}).items():
        known = past.state.value(name)
        # Who took another's id brought values along that its own entries don't name.
        assert known is None or json.loads(known) == value


def test_a_record_is_told_at_a_moment_by_its_own_account_s_trail_alone(store: Store) -> None:
    trail = Trail(store)
    told, other = Told(trail, "1"), Told(trail, "2")
    created = told.tell("7", "create", a=(..., 1))
    other.tell("7", "create", a=(..., 9))
    changed = told.tell("7", "update", a=(1, 2), b=(None, "x"))
    told.tell("70", "create", a=(..., 5))
    told.tell("A7", "create", a=(..., 6))
    gone = told.tell("7", "delete", a=(2, ...), b=("x", ...))
    assert told.at("7", created - 1).state.exists is False
    first, second, last = (told.at("7", at) for at in (created, changed, gone))
    assert (first.state.value("a"), first.state.value("b")) == (b"1", b"null")
    assert (second.state.value("a"), second.state.value("b")) == (b"2", b'"x"')
    assert (last.state.exists, last.state.since_us) == (False, gone)
    assert [(past.by, past.then, past.label) for past in (first, second, last)] == [
        (0, 1, "L0"),
        (1, 4, "L1"),
        (4, None, "L4"),
    ]
    assert told.at("a7").by is None  # Searches ignore letters' case; ids don't.
    assert told.at("7", index=1).state == second.state
    assert recorded_since(trail, "1") == created
    assert recorded_since(trail, "3") is None


def test_a_record_that_went_to_another_account_under_a_new_id_is_gone_under_the_old_one(
    store: Store,
) -> None:
    trail = Trail(store)
    told, other = Told(trail, "1"), Told(trail, "2")
    created = told.tell("7", "create", a=(..., 1))
    moved = told.tell("8", "update", id=(7, 8), account_id=(1, 2))
    came = other.tell("8", "update", id=(7, 8), account_id=(1, 2))
    assert [told.at("7", at).state.exists for at in (created, moved)] == [True, False]
    assert [told.at("8", at).state.exists for at in (created, moved)] == [False, False]
    assert [other.at("8", at).state.exists for at in (came - 1, came)] == [False, True]
    assert (other.at("7", came).by, other.at("7", came).then) == (None, None)
    assert [
        {
            record
            for record, past in states_at(
                trail, account, "inbox", at_us=moved + came, identities={}
            ).items()
            if past.state.exists
        }
        for account in ("1", "2")
    ] == [set(), {"8"}]


def test_who_is_listed_with_a_role_was_a_member_then_or_may_have_been(store: Store) -> None:
    told = Told(Trail(store), "1")
    told.tell("1", "create", role=(..., "agent"))
    told.tell("2", "create", role=(..., "agent"))
    moment = told.tell("3", "update", name=("x", "y"))
    told.tell("1", "update", role=("agent", "administrator"))
    told.tell("2", "delete", role=("agent", ...))
    told.tell("4", "update", role=("supervisor", "agent"))
    told.tell("5", "create", role=(..., "agent"))

    def listed(at_us: int) -> list[tuple[str, str | None]]:
        found = people_at(told.trail, "1", at_us, Roles("inbox", "role"), {})
        return [(each.id, each.role) for each in found]

    assert sorted(listed(moment)) == [
        ("1", "agent"),
        ("2", "agent"),
        ("3", None),
        ("4", "supervisor"),
    ]
    assert sorted(listed(moment + 10**9)) == [
        ("1", "administrator"),
        ("3", None),
        ("4", "agent"),
        ("5", "agent"),
    ]
