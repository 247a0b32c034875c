"""No row of the outbox can stop the sequencer: what can't be understood says so, sealed whole."""

import json
import uuid
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit_trail.capture.sqlite import outbox
from audit_trail.record.catalog import Catalog
from audit_trail.record.difference import panels
from audit_trail.record.entry import Entry, read_what, read_who
from audit_trail.record.sentence import activity, actor_name, summary, via_name
from audit_trail.record.value import plain
from tests.capture.host import ADA, Host

COLUMNS = (
    "token",
    "nonce",
    "occurred_ms",
    "table_name",
    "operation",
    "account",
    "record_key",
    "record_id",
    "changes",
    "labels",
    "context",
)
GOOD: dict[str, Any] = {
    "token": b"t" * 16,
    "nonce": b"n" * 10,
    "occurred_ms": 1_700_000_000_000,
    "table_name": "teams",
    "operation": "update",
    "account": 1,
    "record_key": "5",
    "record_id": "5",
    "changes": '{"n":[1,2]}',
    "labels": "{}",
    "context": '{"actor":{"kind":"user","id":"7","email":"ada@example.com"},"origin":{"via":"ui"}}',
}


class Bytes(bytes):
    """Bytes to be stored as text, whether or not they are UTF-8."""


def put(host: Host, *rows: dict[str, Any]) -> None:
    with host.foreign() as connection:
        for row in rows:
            marks = ", ".join(
                "CAST(? AS TEXT)" if isinstance(row[name], Bytes) else "?" for name in COLUMNS
            )
            connection.execute(
                f"INSERT OR REPLACE INTO audit_outbox ({', '.join(COLUMNS)}) VALUES ({marks})",
                [bytes(row[n]) if isinstance(row[n], Bytes) else row[n] for n in COLUMNS],
            )


def everywhere(host: Host) -> list[Entry]:
    host.sequencer.drain()
    assert host.waiting() == []
    return [entry for account in ("1", "0") for entry in host.store.slice(account, 0, 99_999)]


def show(entry: Entry) -> None:
    """Do all that a page does with an entry."""
    public, what, who = entry.public, read_what(entry.what), read_who(entry.who)
    activity(public, what, Catalog())
    summary(public, what, Catalog())
    actor_name(public, who.email, who.name)
    via_name(public)
    panels(public, what, Catalog())
    for change in what.changes.values():
        for raw in (change.before, change.after):
            if not isinstance(raw, msgspec.UnsetType):
                plain(bytes(raw))


def raw_of(entry: Entry) -> dict[str, bytes]:
    unreadable = read_what(entry.what).unreadable
    assert unreadable is not None
    assert unreadable["why"].startswith("This outbox row can't be understood: ")
    return {name: bytes.fromhex(value) for name, value in unreadable["hex"].items()}


READ_AS = {"table_name": "table", "occurred_ms": "occurred_us"}

DEEP = "[" * 5_000 + "]" * 5_000


@pytest.mark.parametrize(
    ("column", "garbage"),
    [
        ("operation", None),
        ("operation", "drop"),
        ("operation", b"\xff"),
        ("operation", Bytes(b"\xff")),
        ("operation", "note"),
        ("table_name", None),
        ("table_name", b"teams"),
        ("table_name", Bytes(b"\xff\xfe")),
        ("table_name", "t" * 100_000),
        ("occurred_ms", "yesterday"),
        ("occurred_ms", -1),
        ("occurred_ms", 2**53),
        ("occurred_ms", b"\x00"),
        ("occurred_ms", 1.5),
        ("occurred_ms", Bytes(b"\xff")),
        ("record_key", None),
        ("record_id", None),
        ("record_id", ""),
        ("record_id", "{"),
        ("record_id", '{"$":"hex","hex":"0"}'),
        ("record_id", '{"$":"real"}'),
        ("record_id", DEEP),
        ("changes", None),
        ("changes", ""),
        ("changes", "null"),
        ("changes", "[]"),
        ("changes", '{"n":1}'),
        ("changes", '{"n":[1]}'),
        ("changes", '{"n":[1,2,3]}'),
        ("changes", '{"n":[1,{"no":"tag"}]}'),
        ("changes", '{"n":[1,{"$":"unknown"}]}'),
        ("changes", '{"n":[1,{"$":"cut"}]}'),
        ("changes", '{"n":[1,{"$":"json"}]}'),
        ("changes", '{"n":[1,[2]]}'),
        ("changes", '{"n":[1,{"$":"hex","hex":"zz","size":1}]}'),
        ("changes", '{"n":[1,{"$":"hex","hex":[],"size":{}}]}'),
        ("changes", '{"n":[1,{"$":"real","text":[]}]}'),
        ("changes", '{"n":[1,2]'),
        ("changes", Bytes(b'{"\xff":[1,2]}')),
        ("changes", DEEP),
        ("changes", "1" * 10_000),
        ("labels", "7"),
        ("labels", '{"a":7}'),
        ("labels", DEEP),
        ("context", "{}"),
        ("context", "null"),
        ("context", b"\xff"),
        ("context", DEEP),
        ("context", '{"actor":{"kind":"wizard"},"origin":{"via":"ui"}}'),
        (
            "context",
            '{"actor":{"kind":"user"},"origin":{"via":"import"},"occurred_at":' + "9" * 30 + "}",
        ),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_row_that_can_not_be_understood_is_sealed_as_it_was(
    host: Host, column: str, garbage: Any
) -> None:
    neighbour = {**GOOD, "token": None, "record_key": "6", "record_id": "6", "nonce": b"m" * 10}
    put(host, neighbour, {**GOOD, column: garbage}, {**neighbour, "record_key": "7", "nonce": b"o"})
    first, entry, last = everywhere(host)
    assert (first.public.action, last.public.action) == ("update", "update")
    assert read_what(first.what).unreadable is None and read_what(last.what).unreadable is None
    if column == "occurred_ms" and isinstance(garbage, int):
        garbage *= 1_000
    wanted = garbage if isinstance(garbage, bytes) else str(garbage).encode()
    assert raw_of(entry).get(READ_AS.get(column, column)) == (
        None if garbage is None else bytes(wanted)
    )
    show(entry)
    if column != "context":
        assert read_who(entry.who).email == "ada@example.com", "who did it is not lost with it"


@pytest.mark.parametrize(
    ("column", "oddity"),
    [
        ("token", None),
        ("token", "text"),
        ("token", 5),
        ("token", Bytes(b"\xff")),
        ("token", b""),
        ("nonce", b""),
        ("nonce", "text"),
        ("nonce", Bytes(b"\xff")),
        ("nonce", 5),
        ("labels", None),
        ("context", None),
        ("record_key", b"\xff"),
        ("record_id", b"\xff"),
        ("record_id", "9" * 5_000),
        ("record_id", '"' + "x" * 5_000 + '"'),
        ("record_id", '"\\ud800"'),
        ("record_id", "[1,2]"),
        ("changes", '{"n":[1,1e400]}'),
        ("changes", '{"n":[1,' + "9" * 5_000 + "]}"),
        ("changes", '{"n":[1,"\\ud800"]}'),
        ("changes", '{"n":[1,{"$":"json","value":' + DEEP + "}]}"),
        ("changes", Bytes(b'{"n":[1,"\xff"]}')),
        ("table_name", "unheard_of"),
        ("table_name", 7),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_is_odd_but_can_be_understood_is_an_ordinary_entry(
    host: Host, column: str, oddity: Any
) -> None:
    put(host, {**GOOD, column: oddity})
    (entry,) = everywhere(host)
    assert read_what(entry.what).unreadable is None
    assert entry.public.action == "update"
    show(entry)


@pytest.mark.parametrize(
    "account", [None, 0, -5, "", "x" * 65, b"1", 1.0, "1 ", Bytes(b"\xff"), "²"]
)
def test_an_account_that_is_none_leads_to_the_trail_of_the_installation(
    host: Host, account: Any
) -> None:
    put(host, {**GOOD, "account": account})
    (entry,) = everywhere(host)
    assert entry.public.account == "0"
    assert "unresolved_account" in read_what(entry.what).details


def test_an_unreadable_row_met_again_after_a_crash_is_the_same_entry(host: Host) -> None:
    for occurred in ("never", 1_700_000_000_000):
        put(
            host,
            {
                **GOOD,
                "changes": "?",
                "occurred_ms": occurred,
                "nonce": b"%10d" % host.outbox.high_water(),
            },
        )
    rows = host.outbox.take().rows
    times = iter(range(5_000_000, 9_000_000, 1_000_000))
    host.sequencer._drafter._clock = lambda: next(times)
    again = [host.sequencer._drafter.drafts(rows) for _ in range(2)]
    assert [each.id for each in again[0]] == [each.id for each in again[1]]


def test_a_huge_transaction_of_garbage_is_worked_off(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "HUGE_ROWS", 3)
    for table in (None, 7, b"teams", "teams", Bytes(b"\xff"), "teams"):
        put(
            host,
            *[{**GOOD, "table_name": table, "nonce": bytes([i]) * 10} for i in range(5)],
        )
    with host.foreign() as connection:
        connection.execute("UPDATE audit_outbox SET nonce = randomblob(10)")
    assert len(everywhere(host)) >= 21


EVENT = '{"action":"sign_in","account":"1","entity_type":"user"%s}'


@pytest.mark.parametrize(
    ("changes", "readable"),
    [
        (EVENT % "", True),
        (EVENT % ',"details":{"went_with":[1],"count":{},"reason":[2]}', True),
        (EVENT % ',"unknown":1', True),
        (EVENT % (',"entity_id":"' + "x" * 300 + '"'), False),
        (EVENT % (',"details":' + DEEP), False),
        (EVENT % (',"details":{"a":' + DEEP + "}"), False),
        (EVENT % ',"outcome":"perhaps"', False),
        ('{"action":"' + "x" * 70_000 + '","account":"1","entity_type":"user"}', False),
        ("{}", False),
        (None, False),
    ],
    ids=lambda value: repr(value)[:60],
)
def test_an_event_that_is_none_is_an_entry_that_says_so(
    host: Host, changes: Any, readable: bool
) -> None:
    put(host, {**GOOD, "operation": "note", "changes": changes})
    (entry,) = everywhere(host)
    assert (read_what(entry.what).unreadable is None) == readable
    show(entry)


garbage = (
    st.none()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.binary(max_size=30)
    | st.binary(max_size=30).map(Bytes)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.floats(),
        lambda each: (
            st.lists(each, max_size=3)
            | st.dictionaries(
                st.sampled_from(["$", "value", "text", "size", "hex", "why", "n", "name", "actor"]),
                each | st.sampled_from(["json", "hex", "real", "cut", "blob", "invalid", "secret"]),
                max_size=4,
            )
        ),
        max_leaves=12,
    ).map(json.dumps)
)
pairs = st.dictionaries(
    st.sampled_from(["n", "name", "id", "account_id", "team_id", "$"]),
    st.lists(garbage.filter(lambda g: isinstance(g, str)), min_size=2, max_size=2),
    max_size=3,
).map(lambda found: "{" + ",".join(f'"{k}":[{v[0]!s},{v[1]!s}]' for k, v in found.items()) + "}")
rows = st.fixed_dictionaries(
    {
        "operation": st.sampled_from(["create", "update", "delete", "note"]) | garbage,
        "table_name": st.sampled_from(["teams", "members", "labels"]) | garbage,
        "record_key": st.sampled_from(["5", "6"]) | garbage,
        "token": st.sampled_from([b"a", b"b"]) | garbage,
        "changes": pairs | garbage,
        "labels": pairs | garbage,
        "account": st.sampled_from([1, "1"]) | garbage,
        "context": st.just(GOOD["context"]) | garbage,
        "record_id": st.just("5") | garbage,
        "occurred_ms": st.just(GOOD["occurred_ms"]) | garbage.filter(lambda g: g is not None),
    }
)


@settings(
    max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(st.lists(rows, min_size=1, max_size=6))
def test_rows_of_any_garbage_never_stop_the_sequencer_and_touch_no_neighbour(
    host: Host, given_: Sequence[dict[str, Any]]
) -> None:
    fresh = [{**row, "nonce": uuid.uuid4().bytes[:10]} for row in given_]
    put(host, *fresh)
    number = 1_000_000 + host.outbox.high_water()
    host.write(f"INSERT INTO teams (id, account_id, n) VALUES ({number}, 1, 77)", actor=ADA)
    host.sequencer.drain()
    assert host.waiting() == []
    newest = host.store.slice("1", 0, 10**9)[-1]
    assert newest.public.entity.id == str(number)
    for account in list(host.store._accounts):  # type: ignore[attr-defined]
        for entry in host.store.slice(account, 0, 10**9)[-12:]:
            show(entry)
