"""What an entry alone shows: which of its values can come back, and why others can't."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_trail.record.entry import Entry, Part
from audit_trail.trail import Trail
from live_agent.errors import RestorationRefused
from live_agent.restoring.former import former_of
from live_agent.restoring.resources import RESTORABLE, TABLES, WHY_NOT
from live_agent.watching import WATCH
from tests.record.entries import SALT, entry


class Trusting(Trail):
    """A trail that takes every entry for the one it recorded."""

    def __init__(self, *mismatches: str) -> None:
        self._mismatches = mismatches

    def mismatches(self, account: str, entry: Entry) -> tuple[str, ...]:
        return self._mismatches


def why(given: Entry, *mismatches: str) -> str:
    with pytest.raises(RestorationRefused) as refused:
        former_of(Trusting(*mismatches), "1", given)
    return str(refused.value)


def renamed(**given: Any) -> Entry:
    return entry(**{"number": "5", "changes": {"name": ("Old", "New")}, **given})


def test_every_kind_of_record_is_restored_or_said_why_not() -> None:
    assert {each.entity for each in WATCH.tables} == RESTORABLE.keys() | WHY_NOT.keys()


def test_the_columns_of_a_kind_are_those_of_its_table() -> None:
    for entity, kind in RESTORABLE.items():
        assert kind.model.__tablename__ == TABLES[entity].name
        assert set(kind.kept) <= set(kind.model.__table__.columns.keys())


def test_values_are_read_as_their_columns_have_them() -> None:
    hours = b'{"$":"json","value":[{"day":1}]}'
    found = former_of(
        Trusting(), "1", renamed(changes={"name": ("A", "B"), "hours": (hours, None)})
    )
    assert found.before["hours"].plain == [{"day": 1}]
    assert (found.before["name"].plain, found.after["name"].plain) == ("A", "B")
    assert (found.record_id, found.undone.index) == (5, 0)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (b'{"$":"secret"}', "Of a secret"),
        (b'{"$":"cut","size":9,"text":"x"}', "isn't kept whole"),
        (b'{"$":"blob","sha256":"00","size":2}', "isn't kept whole"),
        (b'{"$":"invalid","why":"not UTF-8","text":"x"}', "isn't kept whole"),
        (..., "isn't kept"),
    ],
)
def test_what_is_not_kept_whole_is_unknown(value: Any, said: str) -> None:
    found = former_of(Trusting(), "1", renamed(changes={"name": (value, "New")}))
    assert said in (found.before["name"].unknown or "")


def test_what_cannot_be_undone_is_refused_with_the_reason() -> None:
    assert "is a creation" in why(renamed(action="create"))
    assert "former values" in why(renamed(action="sign_in"))
    assert "altered" in why(renamed(), "Its what part is not what was hashed.")
    assert "erased" in why(msgspec.structs.replace(renamed(), what=None))
    assert "can't be read" in why(renamed(unreadable={"why": "It is odd."}))
    assert "can't be read" in why(msgspec.structs.replace(renamed(), what=Part(b"{", SALT)))
    assert "it undoes entry #8" in why(renamed(details={"undoes": {"index": 7, "id": "x"}}))
    assert "no record" in why(renamed(number=None))
    assert "no record" in why(renamed(number="0"))
    assert "no record" in why(renamed(number="9" * 19))
    assert "an access token only" in why(renamed(type="access_token"))
    assert "Nothing here can restore an audit log" in why(renamed(type="audit_log"))


values = st.one_of(
    st.binary(max_size=9).map(
        lambda raw: b'{"$":"json","value":' + msgspec.json.encode(raw.hex()) + b"}"
    ),
    st.sampled_from(
        [b"null", b"true", b"7", b'"text"', b'{"$":"real","text":"1"}', b'{"$":5}', b"{}"]
    ),
)


@given(
    action=st.sampled_from(["create", "update", "delete", "read"]),
    kind=st.sampled_from([*RESTORABLE, *WHY_NOT, "unknown"]),
    number=st.none() | st.text(max_size=25),
    changes=st.dictionaries(
        st.sampled_from(["name", "url", "inbox_id", "x"]), st.tuples(values, values)
    ),
    details=st.dictionaries(
        st.sampled_from(["undoes", "other"]), st.none() | st.integers() | st.text()
    ),
)
def test_whatever_an_entry_holds_it_is_read_or_refused(
    action: str, kind: str, number: str | None, changes: dict[str, Any], details: dict[str, Any]
) -> None:
    given = entry(action=action, type=kind, number=number, changes=changes, details=details)
    try:
        found = former_of(Trusting(), "1", given)
    except RestorationRefused:
        return
    assert found.before.keys() == changes.keys()
