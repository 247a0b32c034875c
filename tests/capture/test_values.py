"""No value makes a trigger refuse a write, and every value is recorded for what it is."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit_trail.capture.watch import Table, WatchList
from audit_trail.record.catalog import Catalog
from audit_trail.record.difference import panels
from audit_trail.record.entry import read_what
from tests.capture.host import NOTHING, Host

SCHEMA = """
CREATE TABLE things (
  id INTEGER PRIMARY KEY, account_id, whole INTEGER, words TEXT, real REAL, raw BLOB,
  loose, flag BOOLEAN, doc JSON, nocase TEXT COLLATE NOCASE, secret TEXT,
  doubled INTEGER GENERATED ALWAYS AS (whole * 2) VIRTUAL
)
"""
WATCH = WatchList(
    tables=(Table(name="things", entity="thing", secrets=frozenset({"secret"}), label=("words",)),)
)
COLUMNS = ("whole", "words", "real", "raw", "loose", "flag", "doc", "nocase", "secret")


@pytest.fixture
def things(tmp_path: Path) -> Iterator[Host]:
    host = Host(tmp_path / "things.db", schema=SCHEMA, watch=WATCH)
    yield host
    host.close()


def write(host: Host, column: str, *values: object) -> Any:
    """Create with the first value, update to each next, delete; return the changes of each entry."""
    with host.foreign() as connection:
        connection.execute(f"INSERT INTO things (account_id, {column}) VALUES (1, ?)", values[:1])
        for value in values[1:]:
            connection.execute(f"UPDATE things SET {column} = ?", (value,))
        connection.execute("DELETE FROM things")
    return [each.changes.get(column) for each in host.told()]


def invalid_text(host: Host, column: str, content: bytes) -> Any:
    with host.foreign() as connection:
        connection.execute(
            f"INSERT INTO things (account_id, {column}) VALUES (1, CAST(? AS TEXT))", (content,)
        )
    (entry,) = host.told()
    return entry.changes[column][1]


@pytest.mark.parametrize(
    ("column", "value", "recorded"),
    [
        ("whole", 2**63 - 1, 2**63 - 1),
        ("whole", -(2**63), -(2**63)),
        ("whole", "twelve", "twelve"),
        ("words", "", ""),
        ("words", "a\x00b", "a\x00b"),
        ("words", "'\"\\\n\t\u2028\U0001f600{}[]", "'\"\\\n\t\u2028\U0001f600{}[]"),
        ("words", '{"$":"secret"}', '{"$":"secret"}'),
        ("words", "\x01\x1f\x7f", "\x01\x1f\x7f"),
        ("real", 0.1, "0.1"),
        ("real", float("inf"), "Infinity"),
        ("real", float("-inf"), "-Infinity"),
        ("real", 1e300, "1e+300"),
        ("raw", b"\x00\xff", {"sha256": sha256(b"\x00\xff").hexdigest(), "size": 2}),
        ("raw", b"", {"sha256": sha256(b"").hexdigest(), "size": 0}),
        ("words", b"\xff", {"sha256": sha256(b"\xff").hexdigest(), "size": 1}),
        ("loose", 1, 1),
        ("loose", 1.0, "1.0"),
        ("flag", 1, True),
        ("flag", 0, False),
        ("flag", 2, 2),
        ("flag", "maybe", "maybe"),
        ("flag", 0.5, "0.5"),
        ("doc", '{"a": [1, 2.50]}', {"a": [1, 2.5]}),
        ("doc", "[]", []),
        ("doc", "null", None),
        ("doc", '"text"', "text"),
        ("doc", "7", 7),
        ("doc", "{broken", {"why": "not JSON", "text": "{broken"}),
        ("doc", b"\x00", {"sha256": sha256(b"\x00").hexdigest(), "size": 1}),
    ],
    ids=repr,
)
def test_a_value_is_recorded_for_what_it_is(
    things: Host, column: str, value: object, recorded: Any
) -> None:
    created, deleted = write(things, column, value)
    assert created == (NOTHING, recorded)
    assert deleted == (recorded, NOTHING)


def test_a_null_is_left_out_of_creations_and_deletions(things: Host) -> None:
    assert write(things, "words", None, "a", None) == [None, (None, "a"), ("a", None), None]


@pytest.mark.parametrize(
    ("column", "before", "after", "recorded"),
    [
        ("nocase", "Red", "RED", ("Red", "RED")),
        ("words", "a", "a ", ("a", "a ")),
        ("loose", 1, 1.0, (1, "1.0")),
        ("loose", "1", 1, ("1", 1)),
        ("raw", 1, 1.0, (1, "1.0")),
        ("flag", 1, 0, (True, False)),
        ("doc", "[1]", "[1,2]", ([1], [1, 2])),
    ],
    ids=repr,
)
def test_a_change_is_seen_whatever_the_collation_and_type(
    things: Host, column: str, before: object, after: object, recorded: object
) -> None:
    assert write(things, column, before, after)[1] == recorded


@pytest.mark.parametrize(
    ("column", "before", "after"),
    [("whole", 1, 1.0), ("real", 1, 1.0), ("words", 1, "1"), ("doc", "[1]", "[ 1 ]")],
)
def test_what_the_database_stores_the_same_is_no_change(
    things: Host, column: str, before: object, after: object
) -> None:
    assert len(write(things, column, before, after)) == 2


@pytest.mark.parametrize("column", ["words", "nocase", "loose", "doc", "flag", "whole"])
@pytest.mark.parametrize("content", [b"\xff", b"caf\xe9", b"\xe2\x82", b"\xed\xa0\x80", b"[\xff]"])
def test_text_that_is_not_utf_8_is_marked(things: Host, column: str, content: bytes) -> None:
    recorded = invalid_text(things, column, content)
    assert recorded["why"] in ("not UTF-8", "not JSON")
    assert content[:3].decode(errors="backslashreplace") in recorded["text"]


def test_a_record_whose_label_is_not_utf_8_still_has_its_entry(things: Host) -> None:
    invalid_text(things, "words", b"caf\xe9")
    (entry,) = things.entries()
    assert entry.public.action == "create"
    assert "caf" in (read_what(entry.what).label or "")


@pytest.mark.parametrize("letter", ["x", "€", "\U0001f600", "\x01"])
def test_a_text_of_two_megabytes_is_cut_and_says_how_long_it_was(things: Host, letter: str) -> None:
    value = letter * (2_000_000 // len(letter.encode()))
    created, *_ = write(things, "words", value, value + "!")
    recorded = created[1]
    assert recorded["size"] == len(value.encode())
    assert value.startswith(recorded["text"])
    assert len(recorded["text"].encode()) > 1_048_576 - 4


@pytest.mark.parametrize("column", ["words", "loose", "doc"])
def test_a_text_that_changes_beyond_the_cut_is_a_change(things: Host, column: str) -> None:
    value = '"' + "x" * 1_500_000
    assert len(write(things, column, value + 'a"', value + 'b"')) == 3


def test_a_blob_that_changes_beyond_what_is_digested_is_a_change(things: Host) -> None:
    value = bytes(1_500_000)
    created, updated, _ = write(things, "raw", value + b"a", value + b"b")
    assert created[1]["digest_of_first"] == 1_048_576
    assert updated[0] == updated[1]


@pytest.mark.parametrize("depth", [99, 500, 995])
def test_deep_json_is_recorded_beside_the_other_changes(things: Host, depth: int) -> None:
    with things.foreign() as connection:
        connection.execute(
            "INSERT INTO things (account_id, whole, doc) VALUES (1, 5, ?)",
            ("[" * depth + "]" * depth,),
        )
    (entry,) = things.told()
    assert entry.changes["whole"] == (NOTHING, 5)
    if depth > 100:
        assert entry.changes["doc"][1]["why"] == "nested deeper than 100"


def test_a_lone_surrogate_in_json_hides_no_other_change(things: Host) -> None:
    with things.foreign() as connection:
        connection.execute(
            "INSERT INTO things (account_id, whole, doc) VALUES (1, 5, ?)", ('["\\ud83d", ",["]',)
        )
    (entry,) = things.told()
    assert entry.changes["whole"] == (NOTHING, 5)
    assert '["\\ud83d",",["]' in entry.changes["doc"][1]["text"]


@pytest.mark.parametrize("account", [b"\xff", "x\x00y", "'; --", "", 1.5, b"1", 0, -1, "a" * 65])
def test_an_account_that_is_none_is_kept_in_the_trail_of_the_installation(
    things: Host, account: object
) -> None:
    with things.foreign() as connection:
        value = "CAST(? AS TEXT)" if account == b"\xff" else "?"
        connection.execute(
            f"INSERT INTO things (account_id, whole) VALUES ({value}, 5)", (account,)
        )
        connection.execute("INSERT INTO things (account_id, whole) VALUES (1, 6)")
    (unresolved,) = things.entries("0")
    what = read_what(unresolved.what)
    assert bytes(what.changes["whole"].after) == b"5"  # type: ignore[arg-type]
    assert what.details["unresolved_account"]
    assert [each.changes["whole"][1] for each in things.told()] == [6]


def test_a_secret_is_never_copied_only_that_it_changed(things: Host) -> None:
    assert write(things, "secret", "hunter2", "hunter3", None, "hunter4") == [
        (NOTHING, "[hidden]"),
        ("[hidden]", "[hidden]"),
        ("[hidden]", None),
        (None, "[hidden]"),
        ("[hidden]", NOTHING),
    ]
    assert "hunter" not in repr(things.entries())


storable = (
    st.none()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
    | st.binary(max_size=20)
)


@settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(st.lists(st.dictionaries(st.sampled_from(COLUMNS), storable), min_size=1, max_size=4))
def test_whatever_is_written_the_write_goes_through_and_can_be_shown(
    things: Host, writes: list[dict[str, object]]
) -> None:
    known = len(things.entries())
    with things.foreign() as connection:
        connection.execute("INSERT INTO things (id, account_id) VALUES (1, 1)")
        for values in writes:
            for column, value in values.items():
                connection.execute(f"UPDATE things SET {column} = ?", (value,))
        connection.execute("DELETE FROM things")
    for entry in things.entries()[known:]:
        what = read_what(entry.what)
        assert what.unreadable is None
        panels(entry.public, what, Catalog())


@settings(
    max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(st.floats(-1e150, 1e150, allow_subnormal=False))
def test_a_real_loses_no_digit(things: Host, number: float) -> None:
    known = len(things.entries())
    with things.foreign() as connection:
        connection.execute("INSERT INTO things (account_id, real) VALUES (1, ?)", (number,))
    recorded = things.told()[known].changes["real"][1]
    assert float(recorded) == number
