"""On PostgreSQL every value is recorded for what it is, whatever a session has set."""

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit_trail.capture.postgresql.schema import drop_triggers
from audit_trail.capture.sqlalchemy import require_current, sync
from audit_trail.capture.watch import Table, WatchList
from audit_trail.record.catalog import Catalog
from audit_trail.record.difference import panels
from audit_trail.record.entry import read_what
from tests.capture.conftest import Making
from tests.capture.host import NOTHING, PostgresqlHost, told
from tests.postgresql import Cluster

SCHEMA = """
CREATE TYPE mood AS ENUM ('sad', 'o''k "really"');
CREATE TYPE point3 AS (x int, y numeric, z text);
CREATE DOMAIN percent AS numeric CHECK (VALUE BETWEEN 0 AND 100);
CREATE DOMAIN shout AS text CHECK (VALUE = upper(VALUE));
CREATE DOMAIN moods AS mood[];
CREATE DOMAIN noon AS timestamptz CHECK (VALUE <> '2000-01-01');
CREATE COLLATION careless (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE things (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, account_id int,
  whole bigint, small smallint, flag boolean, words text, short varchar(20), padded char(5),
  nocase text COLLATE careless, doc json, docb jsonb, exact numeric, bounded numeric(10, 2),
  single real, double double precision, cash money, raw bytea,
  moment timestamptz, noon noon, local timestamp, day date, clock time, zoned timetz, span interval,
  list text[], matrix int[], moments timestamptz[], reals float8[], docs jsonb[],
  feeling mood, feelings mood[], point point3, points point3[],
  rate percent, loud shout, named moods,
  span_of int4range, spans datemultirange, times tstzrange,
  address inet, network cidr, mac macaddr, uid uuid, markup xml, bits bit(5), place point,
  search tsvector, path jsonpath, code "char", secret text,
  doubled numeric GENERATED ALWAYS AS (whole::numeric * 2) STORED
)
"""
WATCH = WatchList(
    tables=(Table(name="things", entity="thing", secrets=frozenset({"secret"}), label=("words",)),)
)
# Whatever a session may have set, the same value reads the same.
STRANGE = (
    "SET TimeZone = 'Asia/Kathmandu'; SET DateStyle = 'German, DMY'; "
    "SET IntervalStyle = 'postgres_verbose'; SET extra_float_digits = -5; "
    "SET bytea_output = 'escape'; SET xmloption = 'document'; SET quote_all_identifiers = on; "
    "SET standard_conforming_strings = off; SET backslash_quote = on; SET search_path = ''; "
)


@pytest.fixture(scope="module")
def things(postgresql: Cluster) -> Iterator[PostgresqlHost]:
    host = PostgresqlHost(postgresql, postgresql.database(), schema=SCHEMA, watch=WATCH)
    yield host
    host.close()


def write(host: PostgresqlHost, column: str, *values: str, settings: str = "") -> list[Any]:
    """Create with the first value, update to each next, delete; return the changes of each entry."""
    known = len(host.entries())
    with host.foreign() as connection:
        if settings:
            connection.execute(settings.encode())
        first, *others = (f"({value})" for value in values)
        connection.execute(
            f"INSERT INTO public.things (account_id, {column}) VALUES (1, {first})".encode()
        )
        for value in others:
            connection.execute(f"UPDATE public.things SET {column} = {value}".encode())
        connection.execute(b"DELETE FROM public.things")
    return [told(each).changes.get(column) for each in host.entries()[known:]]


DIGEST = sha256(b"\x00\xff").hexdigest()
VALUES: list[tuple[str, str, Any]] = [
    ("whole", "9223372036854775807", 2**63 - 1),
    ("whole", "-9223372036854775808", -(2**63)),
    ("small", "-1", -1),
    ("flag", "true", True),
    ("flag", "false", False),
    ("words", "''", ""),
    ("words", "E'\\'\"\\\\\\n\\t\\u2028\\U0001f600{}[]'", "'\"\\\n\t\u2028\U0001f600{}[]"),
    ("words", '\'{"$":"secret"}\'', '{"$":"secret"}'),
    ("words", "E'\\x01\\x1f\\x7f'", "\x01\x1f\x7f"),
    ("short", "'a\"b'", 'a"b'),
    ("padded", "'ab'", "ab"),
    ("nocase", "'Red'", "Red"),
    ("doc", '\'{"a": [1, 2.50], "a": 1}\'', {"a": 1}),
    ("doc", "'null'", None),
    ("docb", '\'{"b": 1.10, "a": "é"}\'', {"a": "é", "b": 1.1}),
    ("docb", "'\"text\"'", "text"),
    ("exact", "'1.10'", "1.10"),
    ("exact", "'NaN'", "NaN"),
    ("exact", "'-Infinity'", "-Infinity"),
    (
        "exact",
        "'123456789012345678901234567890.000000001'",
        "123456789012345678901234567890.000000001",
    ),
    ("exact", "'1e30'", "1" + "0" * 30),
    ("bounded", "7", "7.00"),
    ("single", "0.1", "0.1"),
    ("double", "0.1::float8 + 0.2::float8", "0.30000000000000004"),
    ("double", "'-0'", "-0.0"),
    ("double", "'NaN'", "nan"),
    ("double", "'Infinity'", "Infinity"),
    ("double", "1e300", "1e+300"),
    ("raw", "decode('00ff', 'hex')", {"sha256": DIGEST, "size": 2}),
    ("moment", "'2026-03-29 01:30:00.123456+00'", "2026-03-29T01:30:00.123456+00:00"),
    ("moment", "'infinity'", "infinity"),
    ("moment", "'-infinity'", "-infinity"),
    ("moment", "'0044-03-15 12:00:00.5+00 BC'", "0044-03-15T12:00:00.5+00:00 BC"),
    ("moment", "'0001-01-01 00:00:00+00'", "0001-01-01T00:00:00+00:00"),
    ("moment", "'294276-12-31 23:59:59.999999+00'", "294276-12-31T23:59:59.999999+00:00"),
    ("local", "'2026-03-29 02:30:00'", "2026-03-29T02:30:00"),
    ("day", "'2026-12-31'", "2026-12-31"),
    ("day", "'0044-03-15 BC'", "0044-03-15 BC"),
    ("clock", "'23:59:59.5'", "23:59:59.5"),
    ("zoned", "'12:00:00+05:45'", "12:00:00+05:45"),
    ("span", "'1 year 2 days 03:04:05.5'", "P1Y2DT3H4M5.5S"),
    ("list", "ARRAY['a,b', NULL, 'c\"d']", ["a,b", None, 'c"d']),
    ("list", "'{}'", []),
    ("matrix", "'{{1,2},{3,4}}'", [[1, 2], [3, 4]]),
    ("moments", "'{2026-01-01 00:00:00+00}'", ["2026-01-01T00:00:00+00:00"]),
    ("reals", "'{0.1,NaN}'", [0.1, "NaN"]),
    ("docs", "ARRAY['{\"a\": 1}'::jsonb]", [{"a": 1}]),
    ("feeling", "'sad'", "sad"),
    ("feeling", "'o''k \"really\"'", 'o\'k "really"'),
    ("feelings", "'{sad}'", ["sad"]),
    ("point", "ROW(1, 2.50, 'a')::public.point3", {"x": 1, "y": 2.5, "z": "a"}),
    ("point", "ROW(NULL, NULL, NULL)::public.point3", {"x": None, "y": None, "z": None}),
    ("points", "ARRAY[ROW(1, 2.50, 'a')::public.point3]", [{"x": 1, "y": 2.5, "z": "a"}]),
    ("rate", "12.50", "12.50"),
    ("loud", "'HEY'", "HEY"),
    ("named", "'{sad}'", ["sad"]),
    ("span_of", "'[1,5]'", "[1,6)"),
    ("spans", "'{[2026-01-01,2026-02-01)}'", "{[2026-01-01,2026-02-01)}"),
    ("times", "'[2026-01-01 00:00+00,)'", '["2026-01-01 00:00:00+00",)'),
    ("address", "'192.0.2.7'", "192.0.2.7"),
    ("address", "'192.0.2.7/24'", "192.0.2.7/24"),
    ("address", "'2001:db8::1'", "2001:db8::1"),
    ("network", "'192.0.2.0/24'", "192.0.2.0/24"),
    ("mac", "'08:00:2b:01:02:03'", "08:00:2b:01:02:03"),
    ("uid", "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    ("markup", "'<a b=\"c\"/>'", '<a b="c"/>'),
    ("bits", "B'10101'", "10101"),
    ("place", "'(1.5,2)'", "(1.5,2)"),
    ("search", "'cat:3A'", "'cat':3A"),
    ("path", "'$.a[*]'", '$."a"[*]'),
    ("code", "'x'", "x"),
]


@pytest.mark.parametrize("settings", ["", STRANGE], ids=["usual", "strange"])
@pytest.mark.parametrize(("column", "value", "recorded"), VALUES, ids=lambda v: str(v)[:30])
def test_a_value_is_recorded_for_what_it_is(
    things: PostgresqlHost, column: str, value: str, recorded: Any, settings: str
) -> None:
    if settings and value.startswith("E"):
        settings = ""
    created, deleted = write(things, column, value, settings=settings)
    assert created == (NOTHING, recorded)
    assert deleted == (recorded, NOTHING)


def test_a_moment_reads_as_the_server_writes_it_in_utc(things: PostgresqlHost) -> None:
    known = len(things.entries())
    with things.foreign() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(
            "CREATE TEMP TABLE m AS SELECT '4700-01-01 BC'::timestamptz "
            "+ n * interval '61 years 1234567.654321 s' AS moment FROM generate_series(0, 200) AS n"
        )
        wanted = [row[0] for row in connection.execute("SELECT to_json(moment) FROM m").fetchall()]
        connection.execute("SET TimeZone = 'America/St_Johns'")
        connection.execute(
            "INSERT INTO public.things (account_id, moment, noon) SELECT 1, moment, moment FROM m"
        )
        connection.execute("DELETE FROM public.things")
    entries = [told(each).changes for each in things.entries()[known:]]
    assert [entry["moment"][1] for entry in entries[:201]] == wanted
    assert [entry["noon"][1] for entry in entries[:201]] == wanted
    assert "BC" in wanted[0] and "BC" not in wanted[-1]


def test_money_keeps_its_amount(things: PostgresqlHost) -> None:
    assert write(things, "cash", "'12.50'::text::money")[0] == (NOTHING, "12.50")


def test_a_null_is_left_out_of_creations_and_deletions(things: PostgresqlHost) -> None:
    assert write(things, "words", "NULL", "'a'", "NULL") == [None, (None, "a"), ("a", None), None]
    assert write(things, "point", "NULL", "ROW(NULL, NULL, NULL)::point3")[1] == (
        None,
        {"x": None, "y": None, "z": None},
    )


@pytest.mark.parametrize(
    ("column", "before", "after", "recorded"),
    [
        ("nocase", "'Red'", "'RED'", ("Red", "RED")),
        ("exact", "1.0", "1.00", ("1.0", "1.00")),
        ("double", "0.0", "'-0'", ("0.0", "-0.0")),
        ("span", "'1 day'", "'24 hours'", ("P1D", "PT24H")),
        ("doc", "'[1]'", "'[1,2]'", ([1], [1, 2])),
        ("points", "'{}'", "ARRAY[ROW(1, 1.0, 'a')::point3]", ([], [{"x": 1, "y": 1.0, "z": "a"}])),
        ("zoned", "'12:00+00'", "'13:00+01'", ("12:00:00+00", "13:00:00+01")),
        ("address", "'10.0.0.1'", "'10.0.0.1/8'", ("10.0.0.1", "10.0.0.1/8")),
    ],
)
def test_a_change_is_seen_though_the_type_calls_the_values_equal(
    things: PostgresqlHost, column: str, before: str, after: str, recorded: object
) -> None:
    assert write(things, column, before, after)[1] == recorded


@pytest.mark.parametrize(
    ("column", "before", "after"),
    [
        ("padded", "'a'", "'a   '"),
        ("docb", "'{\"a\":1}'", "'{\"a\": 1}'"),
        ("moment", "'2026-01-01 00:00+00'", "'2026-01-01 01:00+01'"),
    ],
)
def test_what_the_database_stores_the_same_is_no_change(
    things: PostgresqlHost, column: str, before: str, after: str
) -> None:
    assert len(write(things, column, before, after)) == 2


@pytest.mark.parametrize("column", ["words", "doc", "docb", "list"])
def test_a_value_of_ten_megabytes_is_cut_and_committed_whole(
    things: PostgresqlHost, column: str
) -> None:
    value = {
        "words": "repeat('€', 3500000) || '{}'",
        "doc": "('\"' || repeat('€', 3500000) || '{}' || '\"')::json",
        "docb": "('\"' || repeat('€', 3500000) || '{}' || '\"')::jsonb",
        "list": "ARRAY[repeat('€', 3500000) || '{}']",
    }[column]
    created, updated, _ = write(things, column, value.format("a"), value.format("b"))
    recorded = created[1]
    assert 10_000_000 < recorded["size"] < 10_600_000
    assert len(recorded["text"].encode()) <= 1_048_576
    assert updated[0]["sha256"] == recorded["sha256"] != updated[1]["sha256"]


def test_deep_json_is_recorded_beside_the_other_changes(things: PostgresqlHost) -> None:
    known = len(things.entries())
    things.shell(
        "INSERT INTO things (account_id, whole, doc) "
        "VALUES (1, 5, (repeat('[', 3000) || repeat(']', 3000))::json)",
        "DELETE FROM things",
    )
    entry = told(things.entries()[known])
    assert entry.changes["whole"] == (NOTHING, 5)
    assert entry.changes["doc"][1]["why"] == "nested deeper than 100"


@pytest.mark.parametrize("text", ['["\\ud83d", ",["]', '"\\u0000"', "1e400", "-0", '{"a":1,"a":2}'])
def test_json_that_readers_dislike_hides_no_other_change(things: PostgresqlHost, text: str) -> None:
    known = len(things.entries())
    with things.foreign() as connection:
        connection.execute(
            "INSERT INTO things (account_id, whole, doc) VALUES (1, 5, %s::json)", (text,)
        )
        connection.execute("DELETE FROM things")
    entry = things.entries()[known]
    what = read_what(entry.what)
    assert what.unreadable is None
    assert bytes(what.changes["whole"].after) == b"5"  # type: ignore[arg-type]
    panels(entry.public, what, Catalog())


@pytest.mark.parametrize("secret", ["hunter2", "\u00e9'\\\"hunter", "x" * 3_000_000 + "hunter"])
def test_a_secret_is_never_copied_only_that_it_changed(things: PostgresqlHost, secret: str) -> None:
    known = len(things.entries())
    with things.foreign() as connection:
        connection.execute("INSERT INTO things (account_id, secret) VALUES (1, %s)", (secret,))
        connection.execute("UPDATE things SET secret = %s", (secret + "!",))
        connection.execute("UPDATE things SET secret = NULL")
        connection.execute("UPDATE things SET secret = %s", (secret,))
        connection.execute("UPDATE things SET secret = secret")
        connection.execute("TRUNCATE things")
    copied = str(things.rows("SELECT * FROM audit_trail.outbox"))
    assert copied.count("[hidden]") == 0 and copied.count("secret") >= 5
    found = things.entries()[known:]
    assert [told(each).changes.get("secret") for each in found] == [
        (NOTHING, "[hidden]"),
        ("[hidden]", "[hidden]"),
        ("[hidden]", None),
        (None, "[hidden]"),
        ("[hidden]", NOTHING),
    ]
    assert "hunter" not in copied + repr(found)


storable = {
    "whole": st.integers(-(2**63), 2**63 - 1),
    "words": st.text(
        st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20
    ),
    "double": st.floats(),
    "exact": st.decimals(allow_nan=False),
    "raw": st.binary(max_size=20),
    "list": st.lists(st.text("a\"',{}\\ é", max_size=5), max_size=3),
}


@settings(
    max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(st.lists(st.fixed_dictionaries({}, optional=storable), min_size=1, max_size=4))
def test_whatever_is_written_the_write_goes_through_and_can_be_shown(
    things: PostgresqlHost, writes: list[dict[str, object]]
) -> None:
    known = len(things.entries())
    with things.foreign() as connection:
        connection.execute("INSERT INTO things (account_id) VALUES (1)")
        for values in writes:
            for column, value in values.items():
                connection.execute(f"UPDATE things SET {column} = %s".encode(), (value,))
        connection.execute("DELETE FROM things")
    for entry in things.entries()[known:]:
        what = read_what(entry.what)
        assert what.unreadable is None
        panels(entry.public, what, Catalog())


ODD = (
    'a "quoted" name',
    "o'clock",
    "größe",
    "select",
    "per%cent:colon?mark %s %(x)s %%",
    "semi;colon -- /* ",
    "back\\slash\\'",
    "$audit0$ $$ $1",
    "old",
    "audit_changes",
    "é" * 31 + "z",
)


@pytest.mark.parametrize("name", ODD)
def test_tables_and_columns_may_have_any_name(making: Making, name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    watch = WatchList(
        tables=(Table(name=name, entity="odd", key="id", label=(name,), secrets=frozenset({"s"})),)
    )
    host = making(
        f"CREATE TABLE {quoted} (id int PRIMARY KEY, account_id int, {quoted} text, s text)",
        watch=watch,
    )
    for strings in ("on", "off"):
        session = f"SET standard_conforming_strings = {strings};"
        with host.engine.begin() as connection:
            drop_triggers(connection)
            connection.exec_driver_sql(session)
            sync(connection, watch)
        host.shell(
            f"{session} INSERT INTO {quoted} VALUES (1, 1, 'a', 'x')",
            f"{session} UPDATE {quoted} SET {quoted} = 'b'",
            f"{session} TRUNCATE {quoted}",
        )
    once = [
        ("create", {name: (NOTHING, "a"), "s": (NOTHING, "[hidden]")}),
        ("update", {name: ("a", "b")}),
        ("delete", {name: ("b", NOTHING), "s": ("[hidden]", NOTHING)}),
    ]
    assert [(each.action, dict(each.changes)) for each in host.told()] == once * 2
    with host.engine.connect() as connection:
        require_current(connection, watch, "sync")


def test_a_table_of_as_many_columns_as_there_can_be_is_watched(making: Making) -> None:
    names = [f"c{number}" for number in range(1_598)]
    columns = ", ".join(f"{name} boolean" for name in names)
    host = making(
        f"CREATE TABLE wide (id int PRIMARY KEY, account_id int, {columns})",
        watch=WatchList(tables=(Table(name="wide", entity="wide"),)),
    )
    host.shell(
        f"INSERT INTO wide VALUES (1, 1, {', '.join(['true'] * len(names))})",
        f"UPDATE wide SET {', '.join(f'{name} = false' for name in names)}",
        "TRUNCATE wide",
    )
    created, updated, deleted = host.told()
    assert created.changes == dict.fromkeys(names, (NOTHING, True))
    assert updated.changes == dict.fromkeys(names, (True, False))
    assert deleted.changes == dict.fromkeys(names, (False, NOTHING))


def test_two_long_names_that_begin_alike_are_told_apart(making: Making) -> None:
    names = ["x" * 62 + end for end in "ab"]
    watch = WatchList(tables=tuple(Table(name=name, entity=name[-1]) for name in names))
    host = making(
        "".join(f"CREATE TABLE {name} (id int PRIMARY KEY, account_id int);" for name in names),
        watch=watch,
    )
    host.shell(*(f"INSERT INTO {name} VALUES (1, 1)" for name in names))
    assert [each.entity for each in host.told()] == ["a", "b"]
