"""Detaching leaves nothing, loses nothing unasked, and is done whole or not at all."""

import re
import sqlite3
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Event

import msgspec
import psycopg
import pytest
from sqlalchemy import Engine, create_engine

from audit_trail.attaching import attaching, connecting
from audit_trail.capture import sqlalchemy as capture
from audit_trail.capture.postgresql import schema
from audit_trail.capture.url import read_url
from audit_trail.cli.store import open_store
from audit_trail.coverage.looking import looking_around
from audit_trail.errors import AttachRefused, SequencerRunning, UrlRefused, WatchRefused
from audit_trail.record.captured import gaps_of
from audit_trail.record.entry import Entry, read_what
from audit_trail.store.sqlite import SqliteStore
from audit_trail.trail import Trail
from tests.attach.installation import Installation, PostgresqlInstallation, SqliteInstallation
from tests.commands.processes import run
from tests.postgresql import Cluster

CONFIG = "accounts = 1\n[tables.teams]\nlabel = ['name']\n[tables.members]\nreferences = { team_id = 'teams' }\n"
SCHEMA = (
    "CREATE TABLE teams (id INTEGER PRIMARY KEY, name TEXT)",
    "CREATE TABLE members (id INTEGER PRIMARY KEY, team_id INTEGER)",
)


@pytest.fixture
def attached(installation: Installation) -> Installation:
    installation.write(*SCHEMA)
    if not installation.postgresql:
        # So that SQLite has its list of sequences already, which it would keep.
        installation.write("CREATE TABLE counted (id INTEGER PRIMARY KEY AUTOINCREMENT)")
    (installation.folder / "before").write_text(installation.dump())
    ignored = "" if installation.postgresql else "[ignored]\ncounted = 'it counts'\n"
    installation.attach(CONFIG + ignored)
    return installation


def before(installation: Installation) -> str:
    return (installation.folder / "before").read_text()


def test_what_waits_is_not_lost_unasked(attached: Installation) -> None:
    attached.write("INSERT INTO teams VALUES (1, 'x'), (2, 'y')")
    there = attached.dump()
    with pytest.raises(
        AttachRefused, match=r"2 changes wait .* `audit-trail run --once`.* --discard"
    ):
        attached.detach()
    assert attached.dump() == there
    attached.write("INSERT INTO teams VALUES (3, 'z')")
    assert len(attached.entries()) == 3
    attached.write("INSERT INTO teams VALUES (4, 'z')")
    assert attached.detach(discard=True) == 1
    assert attached.dump() == before(attached)
    attached.write("INSERT INTO teams VALUES (5, 'z')")


def test_what_was_detached_can_be_attached_again(attached: Installation) -> None:
    attached.detach()
    with pytest.raises(AttachRefused, match="Nothing is attached"):
        attached.detach()
    attached.attach(attached.folder / "given.toml")
    attached.write("INSERT INTO teams VALUES (1, 'x')")
    assert [each.id for each in attached.told()] == ["1"]


def test_what_was_not_recorded_until_it_is_attached_again_is_told(attached: Installation) -> None:
    given = attached.folder / "given.toml"
    attaching.attach(attached.url, given, looking_around)
    attached.forget()
    attached.write(
        'DROP TRIGGER "00_audit_update" ON teams'
        if attached.postgresql
        else "DROP TRIGGER audit_teams_update"
    )
    done = attaching.attach(attached.url, given, looking_around)
    assert len(done.changed) == 1
    told = attached.told("0")
    assert {each.action for each in told} >= {"capture_stopped", "capture_started"}, told
    assert attached.detach() == 0


def told_in(store: str, account: str) -> list[Entry]:
    with closing(open_store(store)) as opened:
        entries = Trail(opened).entries(account, 0, 99)
    return [each for each in entries if each.public.entity.type == "capture"]


def test_the_trail_says_that_it_was_taken_out_until_it_is_attached_again(
    attached: Installation,
) -> None:
    store = f"sqlite:///{attached.folder / 'trail.db'}"
    given = str(attached.folder / "given.toml")

    def do(verb: str, *options: str) -> list[str]:
        done = run(verb, attached.url, *options, program="audit-trail")
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    do("attach", "--config", given)
    attached.write("INSERT INTO teams VALUES (1, 'x')")
    do("run", "--store", store, "--once")
    said = do("detach", "--store", store, "--reason", "Moved elsewhere")
    assert said == [
        "Nothing of capture is left.",
        "The trail says so: the installation's, and those of 1 account.",
    ]
    (gap,) = gaps_of(told_in(store, "1"))
    for account in ("0", "1"):
        stopped = told_in(store, account)[-1]
        assert gaps_of([stopped]) == [gap]
        assert (gap.table, gap.wrong) == ("", {"the outbox": "detached"})
        assert gap.good_us and gap.good_us <= gap.found_us
        assert (stopped.public.action, stopped.public.via) == ("capture_stopped", "cli")
        assert read_what(stopped.what).reason == "Moved elsewhere"
    do("attach", "--config", given)
    do("run", "--store", store, "--once")
    (ended,) = gaps_of(reversed(told_in(store, "1")))
    assert ended == msgspec.structs.replace(gap, right_us=ended.right_us)
    assert ended.right_us and ended.right_us > ended.found_us


def test_a_trail_that_does_not_know_the_database_is_not_told(attached: Installation) -> None:
    store = f"sqlite:///{attached.folder / 'trail.db'}"
    SqliteStore(attached.folder / "trail.db").close()
    said = run("detach", attached.url, "--store", store, program="audit-trail").stdout
    assert "The trail isn't told: it knows of no database by the name" in said
    assert told_in(store, "0") == []


def test_a_trail_that_can_not_be_opened_keeps_all_as_it_was(attached: Installation) -> None:
    there = attached.dump()
    missing = f"sqlite:///{attached.folder / 'elsewhere.db'}"
    refused = run("detach", attached.url, "--store", missing, program="audit-trail")
    assert refused.returncode == 1
    assert "elsewhere.db" in refused.stderr and refused.stdout == ""
    assert attached.dump() == there


def test_while_a_process_works_on_the_outbox_it_is_not_taken_away(attached: Installation) -> None:
    engine = create_engine(read_url(attached.url))
    with capture.outbox(engine).leading(), pytest.raises(SequencerRunning):
        attached.detach()
    engine.dispose()
    assert attached.detach() == 0
    assert not list(attached.folder.glob("*.sequencer"))


def test_what_is_not_ours_is_never_taken_away(on_postgresql: PostgresqlInstallation) -> None:
    on_postgresql.write(*SCHEMA)
    on_postgresql.attach(CONFIG)
    on_postgresql.write("CREATE VIEW mine AS SELECT * FROM audit_trail.outbox")
    with pytest.raises(AttachRefused, match="other objects depend on it"):
        on_postgresql.detach()
    on_postgresql.write("DROP VIEW mine", "CREATE TABLE audit_trail.mine (id int)")
    with pytest.raises(AttachRefused, match="other objects depend on it"):
        on_postgresql.detach()
    on_postgresql.write("INSERT INTO teams VALUES (1, 'x')")
    assert [each.id for each in on_postgresql.told()] == ["1"]
    on_postgresql.write("DROP TABLE audit_trail.mine")
    assert on_postgresql.detach() == 0


def test_a_table_that_only_has_the_name_of_ours_is_left_alone(sqlite: SqliteInstallation) -> None:
    sqlite.write(*SCHEMA, "CREATE TABLE audit_outbox (id INTEGER PRIMARY KEY, mail TEXT)")
    there = sqlite.dump()
    with pytest.raises(
        WatchRefused, match="The table audit_outbox isn't capture's, but has its na"
    ):
        sqlite.attach(CONFIG)
    with pytest.raises(WatchRefused, match="isn't capture's"):
        sqlite.detach(discard=True)
    assert sqlite.dump() == there


@pytest.mark.parametrize("verb", ["attach", "detach"])
def test_a_failure_at_the_end_leaves_all_as_it_was(
    attached: Installation, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    if verb == "attach":
        attached.detach()
    there = attached.dump()

    # The transaction ends by the interruption, after all was done inside it.
    begin = Engine.begin

    class Interrupted:
        def __init__(self, context: object) -> None:
            self._context = context

        def __enter__(self) -> object:
            return self._context.__enter__()  # type: ignore[attr-defined]

        def __exit__(self, *error: object) -> object:
            interruption = KeyboardInterrupt()
            return self._context.__exit__(KeyboardInterrupt, interruption, None)  # type: ignore[attr-defined]

    monkeypatch.setattr(Engine, "begin", lambda engine: Interrupted(begin(engine)))
    if verb == "attach":
        attached.attach(attached.folder / "given.toml")
    else:
        attached.detach()
    monkeypatch.undo()
    assert attached.dump() == there


@pytest.fixture
def roles(postgresql: Cluster, tmp_path: Path) -> Iterator[PostgresqlInstallation]:
    """Roles apart: the owner of the tables, the capture role, and who may only write rows."""
    postgresql.run("CREATE ROLE att_capture", "CREATE ROLE att_owner LOGIN IN ROLE att_capture")
    postgresql.run("CREATE ROLE att_writer LOGIN")
    database = postgresql.database(owner="att_owner")
    postgresql.run(
        "ALTER SCHEMA public OWNER TO att_owner",
        "REVOKE ALL ON SCHEMA public FROM PUBLIC",
        "GRANT USAGE ON SCHEMA public TO att_writer",
        database=database,
    )
    made = PostgresqlInstallation(postgresql, tmp_path, database=database, user="att_owner")
    made.write(*SCHEMA, "GRANT ALL ON ALL TABLES IN SCHEMA public TO att_writer")
    yield made
    postgresql.run(f"DROP DATABASE {database} WITH (FORCE)")
    postgresql.run("DROP ROLE att_owner", "DROP ROLE att_capture", "DROP ROLE att_writer")


def test_the_owner_of_the_tables_alone_attaches_and_detaches(roles: PostgresqlInstallation) -> None:
    there = roles.dump()
    roles.attach(CONFIG)
    writer = PostgresqlInstallation(
        roles.cluster, roles.folder, database=roles.database, user="att_writer"
    )
    writer.act("INSERT INTO teams VALUES (1, 'x')", "INSERT INTO members VALUES (1, 1)")
    with pytest.raises(psycopg.Error, match="permission denied"):
        writer.rows("SELECT * FROM audit_trail.outbox")
    assert [each.entity for each in roles.told()] == ["teams", "members"]
    assert roles.detach() == 0
    assert roles.dump() == there


def test_with_a_capture_role_apart_what_it_was_granted_is_taken_back(
    roles: PostgresqlInstallation,
) -> None:
    there = roles.dump()
    roles.cluster.run(
        "CREATE SCHEMA audit_trail AUTHORIZATION att_capture", database=roles.database
    )
    roles.attach(CONFIG)
    assert "GRANT SELECT ON TABLE public.teams TO att_capture" in roles.dump()
    assert "GRANT USAGE ON SCHEMA public TO att_capture" in roles.dump()
    roles.write("INSERT INTO teams VALUES (1, 'x')")
    assert roles.detach(discard=True) == 1
    assert roles.dump() == there


def test_who_may_only_write_rows_is_told_whom_to_connect_as(roles: PostgresqlInstallation) -> None:
    there = roles.dump()
    writer = PostgresqlInstallation(
        roles.cluster, roles.folder, database=roles.database, user="att_writer"
    )
    with pytest.raises(AttachRefused, match="Connect as the owner of the tables"):
        writer.attach(CONFIG)
    roles.cluster.run(
        f"GRANT CREATE ON DATABASE {roles.database} TO att_writer", database=roles.database
    )
    with pytest.raises(AttachRefused, match=r"must be owner|permission denied"):
        writer.attach(CONFIG)
    assert roles.dump() == there
    roles.attach(CONFIG)
    with pytest.raises(AttachRefused, match="permission denied"):
        writer.detach()


def test_while_others_hold_a_table_it_gives_way_and_says_so(
    roles: PostgresqlInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connecting, "ATTEMPTS", 2)
    monkeypatch.setattr(connecting, "PAUSE_SECONDS", 0.01)
    there = roles.dump()
    with psycopg.connect(roles.url) as holder:
        holder.execute("INSERT INTO members VALUES (9, 9)")
        with pytest.raises(AttachRefused, match=r"others are writing.* run it again"):
            roles.attach(CONFIG)
    assert roles.dump() == there


def test_who_writes_meanwhile_is_not_disturbed_and_recorded_from_then_on(
    on_postgresql: PostgresqlInstallation,
) -> None:
    on_postgresql.write(*SCHEMA)
    stop = Event()

    def keep_writing(start: int) -> int:
        """Insert into both tables in each transaction, and return the last id."""
        last = start
        while not stop.is_set() and last < start + 5_000:
            last += 1
            with on_postgresql.connection() as connection:
                connection.execute(f"INSERT INTO teams (id) VALUES ({last})")
                connection.execute(f"INSERT INTO members (id) VALUES ({last})")
        return last

    with ThreadPoolExecutor(2) as writers:
        one = writers.submit(keep_writing, 0)
        other = writers.submit(keep_writing, 100_000)
        try:
            on_postgresql.attach(CONFIG)
            on_postgresql.write("INSERT INTO teams VALUES (1000000, 'x')")
        finally:
            stop.set()
        last, other_last = one.result(30), other.result(30)
    told = {(each.entity, int(each.id or 0)) for each in on_postgresql.told()}
    for entity in ("teams", "members"):
        for begin, end in ((0, last), (100_000, other_last)):
            recorded = sorted(id_ for name, id_ in told if name == entity and begin < id_ <= end)
            # All, from some one on.
            assert recorded == list(range(recorded[0] if recorded else end + 1, end + 1))
    assert ("teams", 1_000_000) in told


def test_a_locked_file_is_told_and_left(
    sqlite: SqliteInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connecting, "BUSY_SECONDS", 0.05)
    monkeypatch.setattr(connecting, "PAUSE_SECONDS", 0.01)
    sqlite.write(*SCHEMA)
    with sqlite.connection() as holder:
        holder.execute("INSERT INTO teams VALUES (1, 'x')")
        with pytest.raises(AttachRefused, match=r"others are writing.*locked"):
            sqlite.attach(CONFIG)
    assert "audit" not in sqlite.dump()


def test_what_is_too_old_or_encoded_otherwise_is_refused(
    postgresql: Cluster, sqlite: SqliteInstallation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = postgresql.database(encoding="'LATIN1'", locale="'C'", template="template0")
    latin = PostgresqlInstallation(postgresql, tmp_path, database=database)
    latin.write(*SCHEMA)
    with pytest.raises(WatchRefused, match="encoded in LATIN1; capture needs UTF8"):
        latin.attach(CONFIG)
    monkeypatch.setattr(schema, "SMALLEST_POSTGRESQL", 99)
    with pytest.raises(WatchRefused, match="too old; 15 or later"):
        latin.attach(CONFIG)
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 39, 4))
    with pytest.raises(AttachRefused, match=r"too old; 3\.40 or later"):
        sqlite.attach(CONFIG)


def test_a_file_of_utf_16_or_none_at_all_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "wide"
    folder.mkdir()
    driver = sqlite3.connect(folder / "app.db")
    driver.execute("PRAGMA encoding = 'UTF-16'")
    driver.execute("CREATE TABLE teams (id INTEGER PRIMARY KEY)")
    driver.close()
    with pytest.raises(WatchRefused, match="encoded in UTF-16le; capture needs UTF-8"):
        SqliteInstallation(folder).attach("accounts = 1\n[tables.teams]\n")
    (folder / "app.db").write_bytes(b"no database at all, but a text of some length" * 99)
    with pytest.raises(AttachRefused, match="file is not a database"):
        connecting.in_transaction(f"sqlite:///{folder}/app.db", lambda _: None)


def told_by(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return run(*arguments, program="audit-trail", **environment)


def test_the_commands_tell_what_they_did(sqlite: SqliteInstallation, tmp_path: Path) -> None:
    sqlite.write(*SCHEMA)
    config = tmp_path / "drafted.toml"
    drafted = told_by("attach", sqlite.url, "--draft", str(config))
    assert drafted.stdout.startswith(f"Wrote {config}: 2 tables to record, 0 to ignore.\n")
    assert told_by("attach", sqlite.url, "--config", str(config)).stdout.endswith(
        "2 tables are recorded, 0 are ignored.\n"
    )
    sqlite.write("INSERT INTO teams VALUES (1, 'x')")
    refused = told_by("detach", AUDIT_TRAIL_DATABASE_URL=sqlite.url)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert re.match(r"audit-trail: \d changes wait in the outbox", refused.stderr)
    done = told_by("detach", sqlite.url, "--discard")
    assert re.search(r"is left\. \d changes were waiting, and are lost\.\n$", done.stdout)
    missing = told_by("attach", sqlite.url, "--config", "no.toml")
    assert missing.returncode == 1
    assert "There is no file no.toml." in missing.stderr


def test_an_address_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UrlRefused):
        connecting.in_transaction("mysql://x/y", lambda _: None)
    with pytest.raises(AttachRefused, match="There is no database"):
        connecting.in_transaction(f"sqlite:///{tmp_path}/none.db", lambda _: None)
    with pytest.raises(AttachRefused, match="secret-less"):
        connecting.in_transaction("postgresql://u:pass@127.0.0.1:1/secret-less", lambda _: None)
