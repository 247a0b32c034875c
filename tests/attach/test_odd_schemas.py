"""Whatever tables, columns and types an application has, its writes go on as ever and are recorded."""

import sqlite3 as driver
from typing import Any

import psycopg
import pytest

from audit_trail.errors import ConfigRefused, WatchRefused
from audit_trail.record.entry import read_what
from tests.attach.installation import Installation, PostgresqlInstallation, SqliteInstallation
from tests.capture.host import NOTHING

LONG = "ü" * 31
ODD = [
    "a b\"c'd",
    "Camel",
    "camel",
    "100%",
    "$audit0$",
    "naïve.ünï",
    "select",
    "back\\slash",
    LONG + "x",
    LONG + "y",
]


def toml(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def test_names_of_every_kind_are_recorded_and_leave_no_trace(installation: Installation) -> None:
    # SQLite takes names that differ in their case alone for the same.
    names = [name for name in ODD if installation.postgresql or name != "Camel"]
    for name in names:
        columns = ", ".join(f"{quoted(each)} TEXT" for each in names)
        installation.write(
            f"CREATE TABLE {quoted(name)} ({quoted('the id')} INTEGER PRIMARY KEY, {columns})"
        )
    if not installation.postgresql:
        # So that SQLite has its list of sequences already, which it would keep.
        installation.write("CREATE TABLE counted (id INTEGER PRIMARY KEY AUTOINCREMENT)")
    before = installation.dump()
    installation.attach(installation.draft())
    for name in names:
        columns = ", ".join(map(quoted, names))
        values = ", ".join("'old'" for _ in names)
        last = quoted(names[-1])
        installation.write(
            f"INSERT INTO {quoted(name)} ({quoted('the id')}, {columns}) VALUES (1, {values})",
            f"UPDATE {quoted(name)} SET {last} = 'new'",
            f"DELETE FROM {quoted(name)} WHERE {last} = 'new'",
        )
        installation.write(
            f"INSERT INTO {quoted(name)} ({quoted('the id')}, {last}) VALUES (2, 'it')"
        )
    told = installation.told()
    assert {each.changes[names[-1]] for each in told if each.id == "2"} == {(NOTHING, "it")}
    assert len([each for each in told if each.id == "2"]) == len(names)
    assert read_what(installation.entries()[0].what).details == {}
    assert installation.detach() == 0
    assert installation.dump() == before


@pytest.mark.parametrize("many", [200, 1_600])
def test_as_many_columns_as_postgresql_allows_are_recorded(
    on_postgresql: PostgresqlInstallation, many: int
) -> None:
    wide(on_postgresql, many)


@pytest.mark.parametrize("many", [250, 2_000])
def test_as_many_columns_as_sqlite_allows_are_recorded(
    sqlite: SqliteInstallation, many: int
) -> None:
    wide(sqlite, many)


def wide(installation: Installation, many: int) -> None:
    columns = ", ".join(f"c{number} INTEGER" for number in range(1, many))
    installation.write(f"CREATE TABLE wide (id INTEGER PRIMARY KEY, {columns})")
    installation.attach("accounts = 1\n[tables.wide]")
    installation.act(f"INSERT INTO wide (id, c1, c{many - 1}) VALUES (1, 1, 2)")
    installation.act(f"UPDATE wide SET c{many - 1} = 3")
    installation.act("DELETE FROM wide")
    assert [each.changes for each in installation.told()] == [
        {"c1": (NOTHING, 1), f"c{many - 1}": (NOTHING, 2)},
        {f"c{many - 1}": (2, 3)},
        {"c1": (1, NOTHING), f"c{many - 1}": (3, NOTHING)},
    ]


def test_keys_that_are_texts_several_columns_or_no_primary_key(installation: Installation) -> None:
    kind = "uuid" if installation.postgresql else "TEXT"
    installation.write(
        f"CREATE TABLE by_uuid (id {kind} PRIMARY KEY, n INTEGER)",
        "CREATE TABLE by_two (a INTEGER, b TEXT, n INTEGER, PRIMARY KEY (a, b))",
        "CREATE TABLE by_index (code TEXT NOT NULL, n INTEGER)",
        "CREATE UNIQUE INDEX one_code ON by_index (code)",
        "CREATE TABLE by_nothing (user_id INTEGER, team_id INTEGER)",
    )
    installation.attach(installation.draft())
    uuid = "7f1d1b34-0000-4000-8000-000000000001"
    installation.act(
        f"INSERT INTO by_uuid VALUES ('{uuid}', 1)",
        "INSERT INTO by_two VALUES (1, 'x', 1)",
        "INSERT INTO by_index VALUES ('DE', 1)",
        # Two alike are two, where nothing tells them apart.
        "INSERT INTO by_nothing VALUES (1, 2), (1, 2)",
    )
    installation.act("DELETE FROM by_nothing")
    told = [(each.action, each.entity, each.id) for each in installation.told()]
    assert told[:3] == [
        ("create", "by_uuid", uuid),
        ("create", "by_two", '[1,"x"]'),
        ("create", "by_index", "DE"),
    ]
    assert [(action, id_) for action, _, id_ in told[3:]] == [
        *[("create", "[1,2]")] * 2,
        *[("delete", "[1,2]")] * 2,
    ]


def test_postgresql_s_types_tables_and_views(on_postgresql: PostgresqlInstallation) -> None:
    on_postgresql.write(
        "CREATE TYPE mood AS ENUM ('sad', 'glad')",
        "CREATE EXTENSION IF NOT EXISTS hstore",
        "CREATE TABLE odd (id uuid PRIMARY KEY, m mood, tags text[], h hstore, j jsonb, r int4range, "
        "p point, b box, i inet, iv interval, d numeric(10,2), doubled int GENERATED ALWAYS AS (n * 2) STORED, "
        "n int, bits bit(3), x xml, ts tsvector)",
        "CREATE TABLE visits (id int, year int, what text, PRIMARY KEY (id, year)) PARTITION BY LIST (year)",
        "CREATE TABLE visits_1 PARTITION OF visits FOR VALUES IN (1)",
        "CREATE VIEW glad AS SELECT * FROM odd WHERE m = 'glad'",
        "CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM odd",
    )
    before = on_postgresql.dump()
    on_postgresql.attach(on_postgresql.draft())
    on_postgresql.act(
        "INSERT INTO glad (id, m, tags, h, j, r, p, b, i, iv, d, n, bits, x, ts) VALUES "
        "('7f1d1b34-0000-4000-8000-000000000001', 'sad', '{a,b}', 'k=>v', '{\"a\": [1]}', '[1,5)', '(1,2)', "
        "'((0,0),(1,1))', '10.0.0.1', '1 day', 1.50, 21, '101', '<a/>', 'cat')",
        "INSERT INTO visits VALUES (1, 1, 'home')",
    )
    first, visit = on_postgresql.told()
    told: dict[str, Any] = {name: after for name, (_, after) in first.changes.items()}
    assert told["m"] == "sad"
    assert told["tags"] == ["a", "b"]
    assert told["j"] == {"a": [1]}
    assert (told["h"], told["r"], told["p"]) == ('"k"=>"v"', "[1,5)", "(1,2)")
    assert (told["i"], told["d"], told["doubled"]) == ("10.0.0.1", "1.50", 42)
    assert (visit.entity, visit.id) == ("visit", "[1,1]")
    assert on_postgresql.detach() == 0
    assert on_postgresql.dump() == before


def test_sqlite_s_tables_of_every_kind(sqlite: SqliteInstallation) -> None:
    sqlite.write(
        "CREATE TABLE strict_one (id INTEGER PRIMARY KEY, n INT, a ANY) STRICT",
        "CREATE TABLE without_one (code TEXT PRIMARY KEY, n INT) WITHOUT ROWID",
        "CREATE TABLE generated (id INTEGER PRIMARY KEY, n INT, twice INT AS (n * 2) STORED, thrice INT AS (n * 3))",
        "CREATE VIRTUAL TABLE texts USING fts5(body)",
        "CREATE VIEW seen AS SELECT * FROM strict_one",
    )
    before = sqlite.dump()
    sqlite.attach(sqlite.draft())
    sqlite.act(
        "INSERT INTO strict_one VALUES (1, 2, x'00ff')",
        "INSERT INTO without_one VALUES ('a', 1)",
        "INSERT INTO generated (id, n) VALUES (1, 5)",
        "INSERT INTO texts VALUES ('words')",
    )
    assert [(each.entity, each.id) for each in sqlite.told()] == [
        ("strict_one", "1"),
        ("without_one", "a"),
        ("generated", "1"),
    ]
    assert sqlite.told()[2].changes["thrice"] == (NOTHING, 15)
    config = sqlite.draft_text().replace("\n[ignored]", "\n[tables.texts]\n[ignored]", 1)
    lines = [line for line in config.splitlines() if not line.startswith("texts =")]
    with pytest.raises(ConfigRefused, match="it is a virtual table, on which SQLite has no trigg"):
        sqlite.attach("\n".join(lines))
    sqlite.drain()
    assert sqlite.detach() == 0
    # SQLite keeps its own list of sequences, once there was one.
    assert (
        sqlite.dump().replace(
            "\n('table', 'sqlite_sequence', 'sqlite_sequence', 'CREATE TABLE sqlite_sequence(name,seq)')",
            "",
        )
        == before
    )
    assert sqlite.rows("SELECT * FROM sqlite_sequence") == []


CHANGING = """
accounts = 1
when_outbox_fails = "go_on"
[tables.teams]
label = ["name"]
"""


def test_on_postgresql_a_dropped_column_lets_writes_pass_and_tells_what_was_lost(
    on_postgresql: PostgresqlInstallation,
) -> None:
    on_postgresql.write("CREATE TABLE teams (id int PRIMARY KEY, name text, note text)")
    on_postgresql.attach(CHANGING)
    on_postgresql.write("ALTER TABLE teams ADD extra int")
    on_postgresql.write("INSERT INTO teams VALUES (1, 'a', 'b', 1)")
    on_postgresql.write("ALTER TABLE teams DROP note")
    on_postgresql.write("INSERT INTO teams VALUES (2, 'a', 1)")
    on_postgresql.write("UPDATE teams SET name = 'c'")
    assert [each.id for each in on_postgresql.told()] == ["1"]
    lost = [each for each in on_postgresql.told("0") if each.action == "capture_lost"]
    (what,) = (
        read_what(entry.what)
        for entry in on_postgresql.entries("0")
        if entry.public.action == "capture_lost"
    )
    assert len(lost) == 1
    assert what.details == {"table": "teams", "writes": 3}
    on_postgresql.attach(CHANGING)
    on_postgresql.write("UPDATE teams SET extra = 5 WHERE id = 2")
    assert on_postgresql.told()[-1].changes == {"extra": (1, 5)}


def test_on_postgresql_a_table_that_must_be_recorded_refuses_writes_until_attached_again(
    on_postgresql: PostgresqlInstallation,
) -> None:
    refusing = CHANGING.replace("go_on", "refuse")
    on_postgresql.write("CREATE TABLE teams (id int PRIMARY KEY, name text, note text)")
    on_postgresql.attach(refusing)
    on_postgresql.write("ALTER TABLE teams RENAME note TO remark")
    with pytest.raises(psycopg.Error, match="note"):
        on_postgresql.write("INSERT INTO teams VALUES (1, 'a', 'b')")
    on_postgresql.attach(refusing)
    on_postgresql.write("INSERT INTO teams VALUES (1, 'a', 'b')")
    assert on_postgresql.told()[0].changes["remark"] == (NOTHING, "b")


def test_on_sqlite_a_watched_column_can_not_be_dropped_unnoticed(
    sqlite: SqliteInstallation,
) -> None:
    config = CHANGING.replace('when_outbox_fails = "go_on"', "")
    sqlite.write("CREATE TABLE teams (id INTEGER PRIMARY KEY, name TEXT, note TEXT)")
    sqlite.attach(config)
    with pytest.raises(driver.OperationalError, match="no such column"):
        sqlite.write("ALTER TABLE teams DROP COLUMN note")
    sqlite.write("ALTER TABLE teams ADD COLUMN extra INTEGER")
    sqlite.write("INSERT INTO teams VALUES (1, 'a', 'b', 2)")
    assert "extra" not in sqlite.told()[0].changes
    sqlite.attach(config)
    sqlite.write("UPDATE teams SET extra = 3")
    assert sqlite.told()[-1].changes == {"extra": (2, 3)}
    with pytest.raises(WatchRefused, match="can't go on without its record"):
        sqlite.attach(CHANGING)
    sqlite.drain()
    sqlite.detach()
    sqlite.write("ALTER TABLE teams DROP COLUMN note")


def test_a_table_that_goes_is_to_be_taken_out_of_the_file(installation: Installation) -> None:
    installation.write(
        "CREATE TABLE teams (id INTEGER PRIMARY KEY, name TEXT)",
        "CREATE TABLE others (id INTEGER PRIMARY KEY)",
    )
    config = "accounts = 1\n[tables.teams]\n[tables.others]\n"
    installation.attach(config)
    installation.write("DROP TABLE others", "INSERT INTO teams VALUES (1, 'x')")
    with pytest.raises(ConfigRefused, match="there is no table others"):
        installation.attach(config)
    installation.attach("accounts = 1\n[tables.teams]\n")
    assert [each.entity for each in installation.told()] == ["teams"]
    assert installation.watch().table("others") is None


def test_who_takes_the_context_away_is_the_system_by_the_database(
    installation: Installation,
) -> None:
    installation.write("CREATE TABLE teams (id INTEGER PRIMARY KEY, name TEXT)")
    installation.attach("accounts = 1\n[tables.teams]\n")
    clearing = (
        "SELECT set_config('audit.context', '', true)"
        if installation.postgresql
        else "UPDATE audit_context SET token = NULL, context = NULL, guard = NULL"
    )
    installation.act(clearing, "INSERT INTO teams VALUES (1, 'x')")
    (entry,) = installation.entries()
    assert (entry.public.actor.kind, entry.public.via) == ("system", "database")


def test_a_reference_to_a_column_of_another_type_is_refused(
    on_postgresql: PostgresqlInstallation,
) -> None:
    on_postgresql.write(
        "CREATE TABLE teams (id int PRIMARY KEY, name text)",
        "CREATE TABLE members (id int PRIMARY KEY, team_id text)",
    )
    config = "accounts = 1\n[tables.teams]\n[tables.members]\nreferences = { team_id = 'teams' }"
    with pytest.raises(WatchRefused, match="operator does not exist"):
        on_postgresql.attach(config)
