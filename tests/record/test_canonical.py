"""The canonical bytes of a public part: RFC 8785 inside the profile, refused outside it."""

import json
from typing import Any

import msgspec
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from audit_trail.errors import EntryTooLarge, NotCanonical
from audit_trail.record.canonical import (
    INTEGER_LIMIT,
    PUBLIC_LIMIT_BYTES,
    canonical_bytes,
    public_bytes,
)
from audit_trail.record.entry import ActorId, Entity, Public, Removed

texts = st.text(max_size=40)
integers = st.integers(-INTEGER_LIMIT, INTEGER_LIMIT)
keys = st.text(st.characters(max_codepoint=127), max_size=12)
values = st.recursive(
    st.none() | st.booleans() | integers | texts,
    lambda each: st.lists(each, max_size=4) | st.dictionaries(keys, each, max_size=4),
    max_leaves=20,
)
actors = st.builds(ActorId, kind=st.sampled_from(["user", "system", "job"]), id=st.none() | texts)
ranges = st.lists(st.tuples(integers, integers), max_size=3).map(tuple)
publics = st.builds(
    Public,
    v=st.just(1),
    id=st.uuids().map(str),
    account=texts,
    occurred_at=integers,
    recorded_at=integers,
    action=texts,
    outcome=st.sampled_from(["success", "failure", "denied"]),
    entity=st.builds(Entity, type=texts, id=st.none() | texts),
    actor=actors,
    via=st.sampled_from(["ui", "api", "database", "import"]),
    request=st.none() | texts,
    cause=st.none() | texts,
    on_behalf_of=st.lists(actors, max_size=3).map(tuple),
    fields=st.lists(texts, max_size=6).map(tuple),
    removed=st.none() | st.builds(Removed, who=ranges, what=ranges, entry=ranges),
    who=st.none() | texts,
    what=st.none() | texts,
)


@given(publics)
def test_a_public_part_equals_rfc_8785_byte_for_byte(public: Public) -> None:
    encoded = public_bytes(public)
    assert encoded == canonical_bytes(public) == rfc8785.dumps(json.loads(encoded))


@given(st.dictionaries(keys, values, max_size=6))
def test_any_value_of_the_profile_equals_rfc_8785_byte_for_byte(value: dict[str, Any]) -> None:
    assert canonical_bytes(value) == rfc8785.dumps(value)


@given(publics)
def test_absent_members_are_left_out_and_never_null(public: Public) -> None:
    decoded = json.loads(canonical_bytes(public))
    assert None not in decoded.values()
    assert None not in decoded["entity"].values()
    assert None not in decoded["actor"].values()


@pytest.mark.parametrize(
    "value",
    [
        1.0,
        0.5,
        float("inf"),
        float("nan"),
        -0.0,
        INTEGER_LIMIT + 1,
        -INTEGER_LIMIT - 1,
        10**40,
        "\ud800",
        "before \udfff after",
        {"é": 1},
        {"\U0001f600": 1},
        {1: "a key that is no text"},
    ],
    ids=repr,
)
@pytest.mark.parametrize("wrap", [lambda v: v, lambda v: [v], lambda v: {"deep": [{"er": v}]}])
def test_what_is_outside_the_profile_is_refused(value: object, wrap: Any) -> None:
    with pytest.raises(NotCanonical):
        canonical_bytes({"member": wrap(value)})


@pytest.mark.parametrize(
    "outside",
    [
        {"occurred_at": INTEGER_LIMIT + 1},
        {"recorded_at": -(10**40)},
        {"action": "\ud800"},
        {"fields": ("a", "\udfff")},
        {"entity": Entity(type="\udfff")},
    ],
    ids=repr,
)
@given(public=publics)
def test_a_public_part_outside_the_profile_is_refused(
    public: Public, outside: dict[str, Any]
) -> None:
    with pytest.raises(NotCanonical):
        public_bytes(msgspec.structs.replace(public, **outside))


def test_the_largest_integers_of_the_profile_are_taken() -> None:
    assert canonical_bytes({"a": INTEGER_LIMIT, "b": -INTEGER_LIMIT}) == (
        b'{"a":9007199254740991,"b":-9007199254740991}'
    )


def test_a_public_part_of_the_largest_size_is_taken_and_one_byte_more_is_refused() -> None:
    frame = len(canonical_bytes({"a": ""}))
    assert len(canonical_bytes({"a": "x" * (PUBLIC_LIMIT_BYTES - frame)})) == PUBLIC_LIMIT_BYTES
    with pytest.raises(EntryTooLarge, match="65536 bytes"):
        canonical_bytes({"a": "x" * (PUBLIC_LIMIT_BYTES - frame + 1)})


def test_astral_letters_stay_as_they_are() -> None:
    assert canonical_bytes({"a": "\U0001f600\u2028"}) == '{"a":"\U0001f600\u2028"}'.encode()
