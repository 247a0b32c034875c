"""A row is read the same, whether its values can be taken as they stand or are read one by one."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_trail.capture.outbox import Row
from audit_trail.capture.watch import Table, WatchList
from audit_trail.sequencer.drafts import Drafter
from audit_trail.sequencer.rows import Unreadable, read_row, record_id

TABLES = {"teams": Table(name="teams", entity="team")}
BESIDE = b'"beside":[{"$":"secret"},{"$":"secret"}]'
VALUES = st.sampled_from(
    [
        *(b"null", b"true", b"-7", b"1.50", b" 1", b"9" * 40, b"1e400", b"007", b"", b"[1]", b"{}"),
        *(b'"x"', b'"[{"', '"Größe"'.encode(), b'"\xff"', b'"\\ud800"', b'"a\tb"'),
        *(b'{"$":"secret"}', b'{"$":"real","text":"0.10000000000000001"}'),
        *(b'{"$":"hex","hex":"00ff","size":2}', b'{"$":"cut","size":9,"text":"a\xc3"}'),
        b'{"$":"json","value":[1,{"a":[]}]}',
    ]
)


def row(**given: Any) -> Row:
    ordinary: dict[str, Any] = {
        "id": 1,
        "token": b"t",
        "nonce": b"n" * 10,
        "occurred_us": 1_700_000_000_000_000,
        "table": "teams",
        "operation": "update",
        "account": 1,
        "record_key": b"5",
        "record_id": b"5",
        "changes": b"{}",
        "labels": b"{}",
        "context": None,
    }
    return Row(**ordinary | given)


def read(operation: str, *members: bytes) -> object:
    changes = b"{%s}" % b",".join(members)
    try:
        return read_row(row(operation=operation, changes=changes), TABLES).pairs
    except Unreadable:
        return None


@given(
    operation=st.sampled_from(["create", "update", "delete"]),
    values=st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=4),
)
def test_a_value_is_read_the_same_whatever_stands_beside_it(
    operation: str, values: list[tuple[bytes, bytes]]
) -> None:
    members = [b'"%d":[%s,%s]' % (place, *pair) for place, pair in enumerate(values)]
    one_by_one = read(operation, *members, BESIDE)
    if isinstance(one_by_one, dict):
        del one_by_one["beside"]
    assert read(operation, *members) == one_by_one


@given(st.integers() | st.from_regex(rb"[0-9]{1,25}", fullmatch=True))
def test_a_key_of_digits_is_the_number_that_its_json_is(given: int | bytes) -> None:
    raw = given if isinstance(given, bytes) else b"%d" % given
    spaced = raw + b" "
    try:
        as_json = record_id(spaced)
    except Unreadable:
        as_json = None
    if as_json is None:
        with pytest.raises(Unreadable):
            record_id(raw)
    else:
        assert record_id(raw) == as_json


@pytest.mark.parametrize("key", [b"5", b"[1]", b"[1,2,3]", b'{"a":1}', b"?"])
def test_a_key_that_is_none_of_its_table_stops_nothing(key: bytes) -> None:
    watch = WatchList(tables=(Table(name="seats", entity="seat", key=("team", "place")),))
    odd = row(table="seats", record_key=key, changes=b'{"place":[1,2]}')
    drafts = Drafter(watch, lambda: 0).drafts([odd, row(id=2, changes=b'{"n":[1,2]}')])
    assert [draft.entity.type for draft in drafts] == ["seat", "teams"]
    assert b"unreadable" in (drafts[0].what or b"")
