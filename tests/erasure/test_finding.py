"""What a trail holds of a person is found in every part of an entry, and no more than that."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_trail.erasure.finding import Found, find
from audit_trail.erasure.subject import Subject
from audit_trail.record.entry import ActorId
from audit_trail.retention.policy import Hold, Policy
from audit_trail.store.memory import MemoryStore
from audit_trail.trail import Trail
from tests.erasure.trails import ANN, draft

ANN_7 = ActorId(kind="user", id="7")
BOB = {"email": "bob@example.com", "ip": "203.0.113.20"}


def found(*drafts: Any, terms: tuple[str, ...] = (ANN,), actor: ActorId | None = None) -> Found:
    trail = Trail(MemoryStore())
    trail.append(drafts)
    return find(trail, "1", Subject.of(terms, actor))


def changed(before: object, after: object) -> dict[str, object]:
    return {"changes": {"note": {"before": before, "after": after}}}


@pytest.mark.parametrize(
    ("what", "kind"),
    [
        ({"label": f"Inbox of {ANN}"}, "name of a record"),
        ({"references": {"user_id": {"table": "users", "label": ANN}}}, "name of a record"),
        ({"references": {"user_id": {"table": "users", "before": ANN}}}, "name of a record"),
        (changed(ANN, None), "value"),
        (changed(None, f"Ask {ANN}."), "value"),
        (changed(None, {"$": "json", "value": {"to": [{"mail": ANN}]}}), "value"),
        (changed(None, {"$": "json", "value": {ANN: 1}}), "value"),
        (changed(None, json.dumps({"by": ANN}).replace("@", "\\u0040")), "value"),
        (changed(None, {"$": "cut", "size": 9, "text": f"{ANN} "}), "value"),
        (changed(None, {"$": "invalid", "why": "not UTF-8", "text": ANN}), "value"),
        ({"reason": f"{ANN} left"}, "reason"),
        ({"ticket": ANN}, "reason"),
        ({"details": {"count": 2, "tried": [ANN]}}, "detail"),
        ({"unreadable": {"why": "no JSON", "hex": {"context": ANN.encode().hex()}}}, "detail"),
    ],
)  # fmt: skip
def test_a_value_that_names_them_is_found_wherever_it_is(what: dict[str, Any], kind: str) -> None:
    seen = found(draft("8", who=BOB, what=what), draft("8", who=BOB, what={"label": "Support"}))
    assert (seen.who, seen.what, dict(seen.kinds)) == ([], [0], {kind: 1})
    assert seen.examples[0][:2] == (1, kind)


def test_escapes_hide_nothing() -> None:
    letters = "".join(f"\\u{ord(letter):04x}" for letter in ANN)
    what = f'{{"changes":{{"note":{{"after":"{letters}"}}}}}}'.encode()
    assert found(draft("8", what=what)).what == [0]


@given(st.text(max_size=20), st.text(max_size=20), st.booleans())
def test_however_json_spells_its_neighbours_a_term_is_found(
    before: str, after: str, ascii_only: bool
) -> None:
    text = f"{before} {ANN} {after}"
    what = json.dumps({"label": text}, ensure_ascii=ascii_only).encode(errors="replace")
    assert found(draft("8", what=what)).what == [0]


def test_a_part_that_is_no_json_any_more_is_searched_as_it_is() -> None:
    assert found(draft("8", what=b'{"label": "ann.lee@example.com')).what == [0]


def test_all_that_they_did_is_found_by_who_they_are() -> None:
    who = {"email": "old@example.com", "name": "Ann", "ip": "203.0.113.9", "user_agent": "Firefox"}
    support = draft(
        "3",
        who={"email": "sam@support.example", "on_behalf_of": [{"email": "old@example.com"}]},
        on_behalf_of=(ANN_7,),
    )
    seen = found(
        draft("7", who=who), draft("8", who=BOB), support, draft(None, who=BOB), actor=ANN_7
    )
    assert seen.who == [0, 2]
    assert seen.kinds.keys() == {"e-mail", "name", "address", "user agent"}
    assert seen.called == {"old@example.com", "Ann"}
    assert dict(seen.actors) == {ANN_7: 2, ActorId(kind="user", id="3"): 1}


def test_a_failed_sign_in_with_their_e_mail_is_theirs() -> None:
    seen = found(draft(None, who={"email": ANN, "ip": "203.0.113.9"}))
    assert (seen.who, set(seen.kinds)) == ([0], {"e-mail", "address"})


@pytest.mark.parametrize(
    "who", [{"user_agent": f"Bot (+{ANN})"}, {"token": {"name": f"{ANN} laptop"}}, {"job": ANN}]
)
def test_what_names_them_where_others_acted_is_found(who: dict[str, Any]) -> None:
    assert found(draft("8", who=BOB | who)).who == [0]


def test_an_address_that_others_use_too_is_told_and_stays() -> None:
    shared = "203.0.113.9"
    seen = found(
        draft("7", who={"email": ANN, "ip": shared}),
        draft("8", who=BOB | {"ip": shared}),
        draft("8", who=BOB | {"ip": shared}),
        draft(None, who={"ip": shared}),
        terms=(ANN, shared),
    )
    assert (seen.who, seen.shared) == ([0, 3], {shared: 2})


def test_held_entries_stay_and_are_counted() -> None:
    trail = Trail(MemoryStore())
    trail.append([draft(number, who={"email": ANN}) for number in ("7", "8", "7")])
    hold = Hold(id="x", since=0, actor=ActorId(kind="user", id="8"))
    seen = find(trail, "1", Subject.of([ANN]), policy=Policy(holds=(hold,)))
    assert (seen.who, seen.held) == ([0, 2], 1)


def test_what_states_the_retention_now_stays_until_another_does() -> None:
    said = {"action": "change_retention", "what": {"reason": f"{ANN} asked"}}
    seen = found(draft("8", **said), draft("8", **said), draft("8", what={"label": ANN}))
    assert (seen.what, seen.stating) == ([0, 2], 1)


def test_progress_is_told_to_the_end() -> None:
    trail = Trail(MemoryStore())
    trail.append([draft() for _ in range(2_500)])
    told: list[tuple[str, int, int]] = []
    find(trail, "1", Subject.of([ANN]), report=lambda *step: told.append(step))
    assert told == [("1", 1_000, 2_500), ("1", 2_000, 2_500), ("1", 2_500, 2_500)]
