"""Tables of any shape and name: triggers are generated for them as they are."""

from pathlib import Path

import msgspec
import pytest
from sqlalchemy import create_engine

from audit_trail.capture.sqlalchemy import attach, migrating, require_current, sync
from audit_trail.capture.watch import Membership, Reference, Table, WatchList
from audit_trail.errors import CaptureOutdated, WatchRefused
from audit_trail.record.entry import read_what
from tests.capture.conftest import Making
from tests.capture.host import NOTHING, SCHEMA, WATCH, Host

COMMAND = "live-agent database sync"
ODD = (
    'a "quoted" name',
    "o'clock",
    "größe",
    "select",
    "per%cent:colon?mark",
    "semi;colon",
    "$",
    "{}",
)


@pytest.mark.parametrize("name", ODD)
def test_tables_and_columns_may_have_any_name(tmp_path: Path, name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    column = '"the ' + name.replace('"', '""') + '"'
    watch = WatchList(tables=(Table(name=name, entity="odd", label=(f"the {name}",)),))
    host = Host(
        tmp_path / "odd.db",
        schema=f"CREATE TABLE {quoted} (id INTEGER PRIMARY KEY, account_id, {column} UNIQUE)",
        watch=watch,
    )
    with host.writing() as connection:
        connection.exec_driver_sql(f"INSERT INTO {quoted} VALUES (1, 1, 'a')")
    host.shell(f"REPLACE INTO {quoted} VALUES (2, 1, 'a')", f"UPDATE {quoted} SET {column} = 'b'")
    assert [(each.action, dict(each.changes)) for each in host.told()] == [
        ("create", {f"the {name}": (NOTHING, "a")}),
        ("delete", {f"the {name}": ("a", NOTHING)}),
        ("create", {f"the {name}": (NOTHING, "a")}),
        ("update", {f"the {name}": ("a", "b")}),
    ]
    with host.engine.connect() as connection:
        require_current(connection, watch, COMMAND)
    host.close()


def test_a_table_of_two_hundred_columns_is_watched(tmp_path: Path) -> None:
    names = [f"column_{number}" for number in range(200)]
    host = Host(
        tmp_path / "wide.db",
        schema=f"CREATE TABLE wide (id INTEGER PRIMARY KEY, account_id, {', '.join(names)})",
        watch=WatchList(tables=(Table(name="wide", entity="wide"),)),
    )
    marks = ", ".join("?" * 200)
    with host.foreign() as connection:
        connection.execute(f"INSERT INTO wide VALUES (1, 1, {marks})", range(200))
        connection.execute("UPDATE wide SET " + ", ".join(f"{n} = {n} + 1" for n in names))
    created, updated = host.told()
    assert created.changes == {name: (NOTHING, i) for i, name in enumerate(names)}
    assert updated.changes == {name: (i, i + 1) for i, name in enumerate(names)}
    host.close()


@pytest.mark.parametrize(
    "columns",
    [
        "(id TEXT PRIMARY KEY, account_id, name)",
        "(id TEXT PRIMARY KEY, account_id, name) WITHOUT ROWID",
        "(id ANY PRIMARY KEY, account_id ANY, name TEXT) STRICT",
        "(id, account_id, name, UNIQUE (id, name))",
        "(account_id, id BLOB UNIQUE ON CONFLICT REPLACE, name)",
    ],
)
def test_keys_of_every_kind_name_their_record(tmp_path: Path, columns: str) -> None:
    host = Host(
        tmp_path / "keys.db",
        schema=f"CREATE TABLE things {columns}",
        watch=WatchList(tables=(Table(name="things", entity="thing"),)),
    )
    host.write(
        "INSERT INTO things (id, account_id, name) VALUES ('k-1', 1, 'a')",
    )
    host.write("INSERT OR REPLACE INTO things (id, account_id, name) VALUES ('k-1', 1, 'a')")
    host.write("UPDATE things SET name = 'b'")
    host.write("DELETE FROM things")
    assert [(each.action, each.id) for each in host.told()] == [
        ("create", "k-1"),
        ("update", "k-1"),
        ("delete", "k-1"),
    ]
    host.close()


def test_a_key_too_long_for_the_public_part_is_sealed(tmp_path: Path) -> None:
    host = Host(
        tmp_path / "keys.db",
        schema="CREATE TABLE things (id TEXT PRIMARY KEY, account_id, name)",
        watch=WatchList(tables=(Table(name="things", entity="thing"),)),
    )
    host.write("INSERT INTO things VALUES (hex(zeroblob(50000)), 1, 'a')")
    (entry,) = host.entries()
    assert str(entry.public.entity.id).startswith("sha256:")
    assert read_what(entry.what).details == {"key": "0" * 100_000}
    host.close()


COMPOSITE = """
CREATE TABLE seats (
  row_name text, number integer, account_id integer, guest text, PRIMARY KEY (row_name, number)
)
"""
SEATS = WatchList(tables=(Table(name="seats", entity="seat", key=("row_name", "number")),))


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_a_composite_key_names_its_record_and_tells_what_it_was(
    tmp_path: Path, making: Making, engine: str
) -> None:
    host = (
        Host(tmp_path / "seats.db", schema=COMPOSITE, watch=SEATS)
        if engine == "sqlite"
        else making(COMPOSITE, watch=SEATS)
    )
    host.write("INSERT INTO seats VALUES ('A', 1, 1, 'Ada')")
    host.write("UPDATE seats SET guest = 'Bob'", "UPDATE seats SET guest = 'Kit'")
    host.write("UPDATE seats SET number = 2")
    host.write("DELETE FROM seats")
    assert [(each.action, each.id, dict(each.changes)) for each in host.told()] == [
        ("create", '["A",1]', {"guest": (NOTHING, "Ada")}),
        ("update", '["A",1]', {"guest": ("Ada", "Kit")}),
        ("update", '["A",2]', {"number": (1, 2)}),
        ("delete", '["A",2]', {"guest": ("Kit", NOTHING)}),
    ]
    host.engine.dispose()


PEOPLE = """
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE accounts (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE account_users (
  id INTEGER PRIMARY KEY, account_id INTEGER, user_id INTEGER REFERENCES users (id)
);
"""
PEOPLE_WATCH = WatchList(
    tables=(
        Table(
            name="users",
            entity="user",
            account=Membership(table="account_users", record="user_id", account="account_id"),
            operations=frozenset({"update"}),
        ),
        Table(name="accounts", entity="account", account=None, label=("name",)),
        Table(
            name="account_users",
            entity="account_user",
            identity="user_id",
            references=(Reference(table="users", columns=("user_id",), label="name"),),
            label=("user_id",),
        ),
    )
)


def test_a_person_is_recorded_in_each_account_they_belong_to(tmp_path: Path) -> None:
    host = Host(tmp_path / "people.db", schema=PEOPLE, watch=PEOPLE_WATCH)
    host.shell("INSERT INTO users VALUES (1, 'Ada'), (2, 'Nobody')")
    host.write("INSERT INTO account_users VALUES (1, 5, 1), (2, 6, 1)")
    host.write("UPDATE users SET name = 'Ada L.'")
    five, six, installation = host.entries("5"), host.entries("6"), host.entries("0")
    for found in (five, six):
        assert [each.public.entity.type for each in found] == ["account_user", "user"]
        assert found[0].public.entity.id == "1"
        assert read_what(found[0].what).label == "Ada"
    assert five[1].public.id != six[1].public.id
    assert [each.public.entity.id for each in installation] == ["2"]
    host.close()


def test_an_account_is_born_and_dies_in_the_trail_of_the_installation(tmp_path: Path) -> None:
    host = Host(tmp_path / "people.db", schema=PEOPLE, watch=PEOPLE_WATCH)
    host.write("INSERT INTO accounts VALUES (5, 'Acme')")
    host.write("UPDATE accounts SET name = 'Acme Ltd'")
    host.write("DELETE FROM accounts")
    assert [each.action for each in host.told("0")] == ["create", "delete"]
    assert [each.action for each in host.told("5")] == ["update"]
    assert [read_what(each.what).details for each in host.entries("0")] == [{}, {}]
    host.close()


def test_a_label_of_a_reference_is_the_one_of_that_time(host: Host) -> None:
    host.write(
        "INSERT INTO teams (id, account_id, name) VALUES (1, 1, 'Red'), (2, 1, 'Blue')",
        "INSERT INTO members (id, account_id, team_id, name) VALUES (1, 1, 1, 'Kit')",
    )
    host.write("UPDATE members SET team_id = 2 WHERE id = 1", "UPDATE members SET name = 'Kat'")
    host.write("UPDATE teams SET name = 'Later'  WHERE id = 2")
    moved = next(
        each
        for each in host.entries()
        if each.public.entity.type == "member" and each.public.action == "update"
    )
    what = read_what(moved.what)
    assert what.label == "Kat · Blue"
    assert (what.references["team_id"].before, what.references["team_id"].label) == ("Red", "Blue")


def test_a_table_neither_watched_nor_ignored_is_refused(host: Host) -> None:
    host.shell("CREATE TABLE surprise (id INTEGER)")
    with (
        pytest.raises(WatchRefused, match="Neither watched nor ignored with a reason: surprise"),
        host.engine.begin() as connection,
    ):
        sync(connection, host.watch)


@pytest.mark.parametrize(
    "table",
    [
        Table(name="parrots", entity="parrot", key="no_such"),
        Table(name="parrots", entity="parrot", key="name", account="no_such"),
        Table(name="parrots", entity="parrot", key="name", account=None, label=("no_such",)),
        Table(
            name="parrots",
            entity="parrot",
            key="name",
            account=None,
            secrets=frozenset({"no_such"}),
        ),
        Table(name="missing", entity="x"),
    ],
)
def test_a_watch_list_that_does_not_fit_the_tables_is_refused(host: Host, table: Table) -> None:
    watch = WatchList(tables=(*WATCH.tables, table), ignored=WATCH.ignored)
    with pytest.raises(WatchRefused, match="has no column"), host.engine.begin() as connection:
        sync(connection, watch)


def test_a_secret_may_not_name_what_points_to_it(host: Host) -> None:
    pointing = Reference(table="teams", columns=("name",), label="token")
    table = Table(name="parrots", entity="parrot", key="name", account=None, references=(pointing,))
    watch = WatchList(tables=(*WATCH.tables, table))
    with pytest.raises(WatchRefused, match="A secret of teams"), host.engine.begin() as each:
        sync(each, watch)


def test_a_table_can_not_go_on_without_its_record(host: Host) -> None:
    table = Table(
        name="parrots", entity="parrot", key="name", account=None, when_outbox_fails="go_on"
    )
    with pytest.raises(WatchRefused, match="no sequence"), host.engine.begin() as connection:
        sync(connection, WatchList(tables=(*WATCH.tables, table)))


def test_a_secret_may_not_name_its_records(host: Host) -> None:
    table = Table(
        name="parrots", entity="parrot", key="name", account=None, secrets=frozenset({"name"})
    )
    watch = WatchList(tables=(*WATCH.tables, table), ignored={})
    with pytest.raises(WatchRefused, match="A secret of parrots"), host.engine.begin() as each:
        sync(each, watch)


def test_a_database_in_utf_16_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WatchRefused, match="UTF-16le"):
        Host(tmp_path / "wide.db", schema="PRAGMA encoding = 'UTF-16le';" + SCHEMA)


def require(host: Host) -> None:
    with host.engine.connect() as connection:
        require_current(connection, host.watch, COMMAND)


def test_what_sync_made_is_current_and_may_be_made_again(host: Host) -> None:
    require(host)
    with host.engine.begin() as connection:
        sync(connection, host.watch)
    require(host)


FORGED = "CREATE TRIGGER {} AFTER {} BEGIN DELETE FROM audit_outbox; END"


@pytest.mark.parametrize(
    ("statements", "named"),
    [
        (["DROP TRIGGER audit_teams_update"], "audit_teams_update"),
        (
            [
                "DROP TRIGGER audit_teams_delete",
                FORGED.format("audit_teams_delete", "DELETE ON teams"),
            ],
            "audit_teams_delete",
        ),
        ([FORGED.format("audit_more", "INSERT ON parrots")], "audit_more"),
        (["ALTER TABLE labels ADD COLUMN colour TEXT"], "audit_labels_update"),
        (["ALTER TABLE labels RENAME COLUMN name TO title"], "no column name"),
        (["CREATE UNIQUE INDEX by_name ON labels (name)"], "audit_labels_replace"),
    ],
)
def test_triggers_that_differ_from_the_generated_ones_are_detected(
    host: Host, statements: list[str], named: str
) -> None:
    host.shell(*statements)
    with pytest.raises((CaptureOutdated, WatchRefused), match=named) as caught:
        require(host)
    assert isinstance(caught.value, WatchRefused) or COMMAND in str(caught.value)


def test_a_trigger_of_the_application_is_left_alone_whatever_its_name(host: Host) -> None:
    host.shell("CREATE TRIGGER audit_own AFTER INSERT ON teams BEGIN DELETE FROM parrots; END")
    require(host)
    with host.engine.begin() as connection:
        sync(connection, host.watch)
    with host.foreign() as connection:
        found = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'audit_own'")
        assert found.fetchall() == [(1,)]


def test_a_table_rebuilt_in_a_migration_leaves_no_row_and_its_triggers_come_back(
    host: Host,
) -> None:
    host.write(
        "INSERT INTO teams (id, account_id, name) VALUES (1, 1, 'Red')",
        "INSERT INTO members (id, account_id, team_id) VALUES (1, 1, 1)",
    )
    host.forget()
    with migrating(host.engine, host.watch) as connection:
        connection.exec_driver_sql(
            "CREATE TABLE teams_new (id INTEGER PRIMARY KEY, account_id INTEGER, name TEXT, "
            "token TEXT, motto TEXT)"
        )
        connection.exec_driver_sql(
            "INSERT INTO teams_new (id, account_id, name) SELECT id, account_id, name FROM teams"
        )
        connection.exec_driver_sql("DROP TABLE teams")
        connection.exec_driver_sql("ALTER TABLE teams_new RENAME TO teams")
    assert host.waiting() == []
    require(host)
    host.write("UPDATE teams SET motto = 'on'")
    host.write("DELETE FROM teams")
    assert [each.action for each in host.told()] == ["update", "delete", "delete"]


def test_a_migration_that_leaves_orphans_is_undone_as_a_whole(host: Host) -> None:
    host.write(
        "INSERT INTO teams (id, account_id, name) VALUES (1, 1, 'Red')",
        "INSERT INTO members (id, account_id, team_id) VALUES (1, 1, 1)",
    )
    host.forget()
    with pytest.raises(WatchRefused, match="1 rows"), migrating(host.engine, host.watch) as each:
        each.exec_driver_sql("DELETE FROM teams")
    require(host)
    host.write("UPDATE members SET name = 'Kit'")
    assert [each.action for each in host.told()] == ["update"]
    with host.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1
        assert connection.exec_driver_sql("SELECT count(*) FROM teams").scalar_one() == 1


def test_the_watch_list_lies_beside_the_outbox(host: Host) -> None:
    with host.foreign() as connection:
        ((definition,),) = connection.execute("SELECT definition FROM audit_watch").fetchall()
    assert msgspec.json.decode(definition, type=WatchList) == host.watch


def test_parents_come_before_what_points_to_them() -> None:
    def pointing(name: str, *others: str) -> Table:
        return Table(
            name=name,
            entity=name,
            references=tuple(Reference(table=o, columns=(f"{o}_id",), label="x") for o in others),
        )

    watch = WatchList(
        tables=(pointing("c", "b", "c"), pointing("b", "a"), pointing("a"), pointing("d", "z"))
    )
    assert watch.parents() == ("a", "b", "c", "z")


def test_an_engine_may_be_attached_after_its_first_connection(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'early.db'}")
    with engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1")
    attach(engine)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1
    engine.dispose()
