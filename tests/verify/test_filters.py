"""A question's filter in an evidence file: what public parts decide of it, is asked again by both verifiers."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit_trail.record.matching import matches
from audit_trail.record.query import (
    All,
    At,
    By,
    Changed,
    Condition,
    During,
    Holds,
    Is,
    Named,
    Not,
    Value,
    Words,
)
from audit_trail.record.query import Any as AnyOf
from audit_trail.verify.filter import DEEPEST, Filter, filter_of, read_seen
from audit_trail.verify.manifest import Asked
from tests.verify.conftest import Make
from tests.verify.test_evidence import verdict
from tests.verify.trails import START_US, HandMade, Told
from tests.verify.verifiers import VERIFIERS, Given, Said, packed, unpacked, with_manifest

kinds = st.sampled_from(["inbox", "team", "te", "ü"])
texts = st.sampled_from(["ada", "Ada Lovelace", "user", "7", "user/7", "agent", "up", "Ω"])
leaves: st.SearchStrategy[Condition] = st.one_of(
    st.builds(
        Is, st.sampled_from(["action", "via", "outcome", "id", "request"]), texts, st.booleans()
    ),
    st.builds(Is, st.just("action"), st.sampled_from(["update", "delete", "CREATE"])),
    st.builds(Is, st.just("entity"), kinds, st.booleans()),
    st.builds(Is, st.just("ip"), st.just("192.0.2.0/24")),
    st.builds(By, texts, st.booleans(), st.booleans()),
    st.builds(Words, texts, st.booleans()),
    st.builds(Named, texts),
    st.builds(Holds, st.just("after"), texts),
    st.builds(At, st.just(0), st.just(720), st.just(()), st.just("UTC")),
    st.builds(
        Changed,
        st.none() | st.sampled_from(["role", "name"]),
        st.none(),
        st.none() | st.builds(Value, texts),
    ),
    st.builds(
        During,
        st.none() | st.integers(START_US - 1, START_US + 9_000_000),
        st.none() | st.integers(START_US - 1, START_US + 9_000_000),
    ),
)
conditions = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3).map(lambda of: All(tuple(of)))
        | st.lists(inner, min_size=1, max_size=3).map(lambda of: AnyOf(tuple(of)))
        | inner.map(Not)
    ),
    max_leaves=6,
)
told = st.builds(
    Told,
    st.fixed_dictionaries(
        {
            "action": st.sampled_from(["create", "update", "delete", "sign_in"]),
            "actor": st.sampled_from(
                [{"kind": "user", "id": "7"}, {"kind": "system"}, {"kind": "job", "id": "ada"}]
            ),
            "entity": st.sampled_from([{"type": "team", "id": "7"}, {"type": "inbox"}]),
        },
        optional={
            "fields": st.sampled_from([["role"], ["name", "role"]]),
            "request": st.just("7"),
        },
    ),
    st.none() | st.sampled_from([b'{"email":"ada@example.com"}', b'{"name":"User Omega"}']),
    st.none() | st.just(b'{"changes":{"role":{"after":"agent"}},"label":"Up"}'),
)


def asked(condition: Condition) -> dict[str, Any]:
    return {"query": Asked(where=filter_of(condition)), "condition": condition}


def file(trail: HandMade, condition: Condition, **more: Any) -> Given:
    return Given(trail.file(**asked(condition), **more), trail.keys)


@settings(max_examples=40, deadline=None)
@given(entries=st.lists(told, min_size=1, max_size=8), condition=conditions)
def test_both_verifiers_agree_on_every_question_and_on_what_is_open(
    entries: list[Told], condition: Condition
) -> None:
    with TemporaryDirectory() as folder:
        trail = HandMade(Path(folder)).append(*entries)
        where = filter_of(condition)
        assert where
        kept = trail.trail.entries("1", 0, 99)
        decided = [where.decides(read_seen(each.public_bytes)) for each in kept]
        for entry, found in zip(kept, decided, strict=True):
            if found is not None and "user/7" not in repr(condition):
                assert found == matches(condition, entry)
        given_ = file(trail, condition)
        count = json.loads(unpacked(given_.file)["manifest.json"])["count"]
        assert decided.count(True) <= count <= len(kept) - decided.count(False)
        expected = Said(2 if None in decided else 0)
        assert {name: each(given_) for name, each in VERIFIERS.items()} == dict.fromkeys(
            VERIFIERS, expected
        )
        for wrong in (decided.count(True) - 1, len(kept) - decided.count(False) + 1):
            if wrong >= 0:
                lying = packed(with_manifest(unpacked(given_.file), count=wrong))
                asked_again = given_._replace(file=lying)
                assert {each(asked_again) for each in VERIFIERS.values()} == {Said(1)}


def test_a_question_that_public_parts_answer_is_proven_and_says_so(make: Make) -> None:
    trail = make(20)
    question = All((Is("entity", "inbox"), Not(Is("action", "delete")), By("user/7")))
    said = verdict(file(trail, question, question="entity:inbox -action:deleted actor:user/7"))
    assert (said.exit_code, said.completeness.state) == (0, "whole_account")
    assert said.completeness.says[-1] == (
        "All that match the query are among them: 10 entries, found again by this check."
    )
    assert said.facts and said.facts.query == (
        'account 1, entries 0 to 19; where (entity "inbox" and not action "delete" and actor "user/7")'
    )


def test_a_question_about_sealed_values_discloses_what_it_found_and_is_not_provable(
    make: Make,
) -> None:
    trail = make(4).append(Told(who=b'{"email":"ben@example.com"}'))
    found = file(trail, By("ben"), question="actor:ben")
    members = unpacked(found.file)
    assert [json.loads(each)["index"] for each in members["sealed/0.jsonl"].splitlines()] == [4]
    assert json.loads(members["manifest.json"])["words"].endswith("; asked as: actor:ben")
    said = verdict(found)
    assert (said.integrity.state, said.completeness.state) == ("genuine", "not_provable")
    assert said.facts and said.facts.count == 1


NESTED: dict[str, Any] = {"undecided": True}
for _ in range(DEEPEST):
    NESTED = {"not": NESTED}

MALFORMED: dict[str, Any] = {
    "nothing": {},
    "two tests": {"since_us": 1, "until_us": 2},
    "an empty list": {"all": []},
    "an unknown test": {"near": ["action", "update"]},
    "an unknown aspect": {"is": ["name", "ada"]},
    "a comparison with more": {"is": ["action", "update", "x"]},
    "a comparison with a number": {"is": ["id", 7]},
    "false": {"undecided": False},
    "a text for a time": {"since_us": "1"},
    "a time beyond all": {"until_us": 2**53},
    "a filter that is none": {"any": ["update"]},
    "a list": [],
    "deep nesting": NESTED,
}


@pytest.mark.parametrize("verifier", VERIFIERS)
@pytest.mark.parametrize("case", MALFORMED)
def test_a_filter_that_is_none_makes_no_evidence_file(case: str, verifier: str, make: Make) -> None:
    trail = make(3)
    members = with_manifest(unpacked(trail.file()), query={"where": MALFORMED[case]})
    assert VERIFIERS[verifier](Given(packed(members), trail.keys)) == Said(3)


@pytest.mark.parametrize("verifier", VERIFIERS)
def test_members_of_other_types_match_nothing(verifier: str, make: Make) -> None:
    odd = {
        "actor": "user",
        "outcome": 7,
        "request": ["7"],
        "fields": "role",
        "entity": {"type": "x", "id": 7},
    }
    trail = make(3).append(Told(odd, who=None, what=None))
    for aspect in ("actor", "outcome", "request", "field", "id"):
        where = Filter(any=(Filter(begins=(aspect, "user")), Filter(begins=(aspect, "7"))))
        given_ = Given(trail.file(query=Asked(where=where)), trail.keys)
        assert VERIFIERS[verifier](given_).code in (0, 2)


def test_a_filter_is_spelled_in_one_way() -> None:
    where = filter_of(AnyOf((Not(Is("via", "ui")), Is("id", "4", goes_on=True))))
    encoded = msgspec.json.encode(where, order="sorted")
    assert encoded == b'{"any":[{"not":{"is":["via","ui"]}},{"begins":["id","4"]}]}'
    assert msgspec.json.decode(encoded, type=Filter) == where
