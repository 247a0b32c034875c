"""`audit-trail run` works off the outbox of any watched database, whatever happens to it."""

import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from subprocess import Popen

import msgspec
import pytest

from audit_trail.capture.sqlalchemy import sync
from audit_trail.capture.watch import Table
from audit_trail.seal.checkpoint import Checkpoint
from audit_trail.seal.note import parse
from tests.capture.host import told
from tests.commands.processes import run
from tests.commands.watched import Watched, until, watched_postgresql, watched_sqlite
from tests.postgresql import Cluster, free_port


@pytest.fixture(params=["sqlite", "postgresql"])
def watched(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Watched]:
    """A watched database on each engine, and a trail on the same."""
    if request.param == "sqlite":
        with watched_sqlite(tmp_path) as made:
            yield made
        return
    with watched_postgresql(request.getfixturevalue("postgresql"), tmp_path) as made:
        yield made


# What depends on no engine is tried on one.
sqlite_alone = pytest.mark.parametrize("watched", ["sqlite"], indirect=True)


def names(watched: Watched, account: str = "1") -> list[str]:
    """The names of the teams that were created, in the order of the trail."""
    return [
        entry.changes["name"][1]
        for entry in map(told, watched.entries(account))
        if entry.action == "create" and entry.entity == "team"
    ]


def create(watched: Watched, *wanted: str, account: int = 1) -> None:
    watched.host.shell(
        *(f"INSERT INTO teams (account_id, name) VALUES ({account}, '{name}')" for name in wanted)
    )


def ended(process: Popen[str], by: signal.Signals) -> int:
    process.send_signal(by)
    return process.wait(30)


def test_once_works_off_what_is_there_and_signs_it(watched: Watched) -> None:
    create(watched, "Support", "Tier 2")
    create(watched, "Elsewhere", account=2)
    watched.host.shell("UPDATE teams SET name = 'Tier 1', token = 's3cret' WHERE name = 'Support'")
    watched.once()
    assert names(watched) == ["Support", "Tier 2"]
    assert names(watched, "2") == ["Elsewhere"]
    changed = told(watched.entries()[-1])
    assert (changed.action, changed.actor) == ("update", "system")
    assert changed.changes["name"] == ("Support", "Tier 1")
    assert changed.changes["token"] == ("changed, hidden",) * 2 or "s3cret" not in str(changed)
    assert watched.host.waiting() == []
    code, verdict = watched.verdict()
    assert code == 0, verdict
    watched.once()
    assert len(watched.entries()) == 3
    folder = watched.folder / "signing"
    assert sorted(each.name for each in folder.iterdir()) == ["heads.log", "signing.key"]
    assert (folder / "signing.key").stat().st_mode & 0o777 == 0o600


def test_a_killed_run_loses_and_doubles_nothing(watched: Watched) -> None:
    wanted = [f"Team {number}" for number in range(60)]
    for start in range(0, 60, 20):
        with watched.running() as process:
            create(watched, *wanted[start : start + 10])
            until(lambda at=start: len(watched_names(watched)) > at, "the first of them")  # type: ignore[misc]
            create(watched, *wanted[start + 10 : start + 20])
            ended(process, signal.SIGKILL)
    watched.once()
    assert names(watched) == wanted
    code, verdict = watched.verdict()
    assert code == 0, verdict


def watched_names(watched: Watched) -> list[str]:
    """The same, while there may be no trail yet."""
    try:
        return names(watched)
    except Exception:  # noqa: BLE001 -- the trail is about to be made by the process
        return []


def test_told_to_stop_it_works_off_what_is_committed(watched: Watched) -> None:
    is_sqlite = "sqlite" in watched.settings["AUDIT_TRAIL_DATABASE_URL"]
    by = signal.SIGINT if is_sqlite else signal.SIGTERM
    wanted = [f"Team {number}" for number in range(500)]
    with watched.running() as process:
        create(watched, "First")
        until(lambda: watched_names(watched) == ["First"], "the first of them")
        with watched.host.engine.begin() as connection:
            for name in wanted:
                connection.exec_driver_sql(
                    f"INSERT INTO teams (account_id, name) VALUES (1, '{name}')"
                )
        assert ended(process, by) == 0, watched.log
    assert names(watched) == ["First", *wanted]
    assert watched.host.waiting() == []
    said = [msgspec.json.decode(line) for line in watched.log.splitlines()]
    assert [each["event"] for each in said][:2] == ["started", "leading"]
    assert [each["event"] for each in said][-2:] == ["stopping", "stopped"]
    assert said[0]["tables"] == 4
    assert said[-1]["entries"] == sum(len(watched.entries(each)) for each in ("0", "1"))
    code, verdict = watched.verdict()
    assert code == 0, verdict


def test_of_two_one_stands_by_and_takes_over(watched: Watched) -> None:
    with watched.running() as first:
        create(watched, "By the first")
        until(lambda: watched_names(watched) == ["By the first"], "the first's entry")
        with watched.running("second") as second:
            until(lambda: "started" in (watched.folder / "second").read_text(), "the second")
            create(watched, "Still by the first")
            until(lambda: len(names(watched)) == 2, "the second entry")
            assert '"leading"' not in (watched.folder / "second").read_text()
            # Beside one that leads, `--once` waits for it, and does nothing itself.
            watched.once()
            ended(first, signal.SIGKILL)
            create(watched, "By the second")
            until(lambda: len(names(watched)) == 3, "the second's entry")
            until(lambda: '"leading"' in (watched.folder / "second").read_text(), "the lead")
            assert ended(second, signal.SIGTERM) == 0
    assert names(watched) == ["By the first", "Still by the first", "By the second"]


def test_a_changed_watch_list_is_followed_without_a_restart(watched: Watched) -> None:
    host = watched.host
    visits = Table(name="visits", entity="visit", label=("name",))
    more = msgspec.structs.replace(host.watch, tables=(*host.watch.tables, visits))
    with watched.running() as process:
        create(watched, "Before")
        until(lambda: watched_names(watched) == ["Before"], "the first entry")
        host.shell("CREATE TABLE visits (id INTEGER PRIMARY KEY, account_id INTEGER, name TEXT)")
        with host.engine.begin() as connection:
            sync(connection, more)
        host.shell("INSERT INTO visits VALUES (7, 1, 'Coco')")
        until(lambda: len(watched.entries()) == 2, "the visit")
        assert ended(process, signal.SIGTERM) == 0
    assert told(watched.entries()[-1])[:3] == ("create", "visit", "7")
    assert "follows a changed watch list" in watched.log


def test_what_is_committed_while_the_trail_is_away_is_there_when_it_is_back(
    postgresql: Cluster, tmp_path: Path
) -> None:
    with watched_postgresql(postgresql, tmp_path) as watched:
        trail = watched.settings["AUDIT_TRAIL_STORE_URL"].rpartition("/")[2]
        with watched.running():
            create(watched, "Before")
            until(lambda: watched_names(watched) == ["Before"], "the first entry")
            postgresql.run(
                f"ALTER DATABASE {trail} ALLOW_CONNECTIONS false",
                f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{trail}'",
            )
            create(watched, "Meanwhile")
            until(lambda: "a round of the sequencer failed" in watched.log, "a failed round")
            postgresql.run(f"ALTER DATABASE {trail} ALLOW_CONNECTIONS true")
            until(lambda: watched_names(watched) == ["Before", "Meanwhile"], "both entries")


def refused(watched: Watched, **settings: str) -> str:
    done = watched.do("run", "--once", **settings)
    assert done.returncode == 1, done.stderr
    assert done.stdout == ""
    said = done.stderr.splitlines()
    assert len(said) == 1, done.stderr
    assert said[0].startswith("audit-trail: ")
    return said[0]


def test_what_can_t_be_run_is_said_in_one_line(postgresql: Cluster, tmp_path: Path) -> None:
    with watched_sqlite(tmp_path) as watched:
        require_refusals(watched, postgresql)


def require_refusals(watched: Watched, postgresql: Cluster) -> None:
    secret = f"postgresql://ada:s3cret@127.0.0.1:{free_port()}/shop"
    empty = watched.folder / "empty.db"
    with closing(sqlite3.connect(empty)) as connection:
        connection.execute("CREATE TABLE teams (id INTEGER PRIMARY KEY)")
    bare = postgresql.database()
    missing = watched.folder / "missing.db"
    cases = [
        ({"AUDIT_TRAIL_DATABASE_URL": f"sqlite:///{missing}"}, f"There is no database {missing}"),
        ({"AUDIT_TRAIL_DATABASE_URL": f"sqlite:///{empty}"}, "keeps no watch list"),
        ({"AUDIT_TRAIL_DATABASE_URL": postgresql.url(bare)}, "keeps no watch list"),
        ({"AUDIT_TRAIL_DATABASE_URL": "mysql://x/y"}, "must look like"),
        ({"AUDIT_TRAIL_DATABASE_URL": secret}, "127.0.0.1"),
        ({"AUDIT_TRAIL_STORE_URL": secret}, "127.0.0.1"),
        ({"AUDIT_TRAIL_STORE_URL": "nonsense"}, "can't be read"),
        ({"AUDIT_TRAIL_STORE_URL": f"sqlite:///{empty}/x/trail.db"}, "can't be made"),
    ]
    for settings, why in cases:
        said = refused(watched, **settings)
        assert why in said
        assert "s3cret" not in said
    assert not missing.exists()


@sqlite_alone
def test_another_application_s_trail_is_refused_unless_it_is_meant(
    watched: Watched, tmp_path: Path
) -> None:
    watched.once()
    elsewhere = tmp_path / "other"
    elsewhere.mkdir()
    with watched_sqlite(elsewhere) as other:
        create(other, "Stranger")
        theirs = {"AUDIT_TRAIL_DATABASE_URL": other.settings["AUDIT_TRAIL_DATABASE_URL"]}
        said = refused(watched, **theirs)
        assert "already records" in said
        assert "--shared" in said
        assert watched.entries() == []
        shared = watched.do("run", "--once", "--shared", **theirs)
        assert shared.returncode == 0, shared.stderr
        assert names(watched) == ["Stranger"]


def signed(watched: Watched) -> bool:
    """Whether the newest checkpoint covers all of the account's entries."""
    with watched.store() as store:
        head = store.head("1")
    checkpoint = head.seal.checkpoint
    return checkpoint is not None and (Checkpoint.parse(parse(checkpoint).text).size == head.size)


def test_what_serve_notes_is_signed_by_run(watched: Watched) -> None:
    create(watched, "Support")
    watched.once()
    assert signed(watched)
    watched.add("ada@alder.example", "1")
    assert not signed(watched), "the command has no key"
    with watched.running():
        until(lambda: signed(watched), "the start's checkpoint")
        watched.add("bob@birch.example", "1")
        until(lambda: signed(watched), "the next checkpoint")
    code, verdict = watched.verdict()
    assert code == 0, verdict


def test_a_key_is_listed_rotated_and_a_lost_trail_begun_anew(watched: Watched) -> None:
    create(watched, "Support")
    with watched.running():
        until(lambda: watched_names(watched) == ["Support"], "the first entry")
        busy = watched.do("key", "rotate")
        assert (busy.returncode, "Another process" in busy.stderr) == (1, True), busy.stderr
    before = watched.do("key", "list").stdout.splitlines()
    assert watched.do("key", "rotate").returncode == 0
    create(watched, "Tier 2")
    watched.once()
    after = watched.do("key", "list").stdout.splitlines()
    assert (len(before), len(after), after[0]) == (1, 2, before[0])
    begun = watched.do("key", "begin-epoch", "--reason", "Restored from Monday")
    assert begun.returncode == 0, begun.stderr
    watched.once()
    actions = [each.public.action for each in watched.entries("0")]
    assert "rotate_key" in actions
    assert "begin_epoch" in actions
    code, verdict = watched.verdict()
    assert code == 0, verdict


@sqlite_alone
def test_the_retention_of_any_trail_is_set_and_entries_are_held(watched: Watched) -> None:
    create(watched, "Support")
    watched.once()

    def retention(*command: str) -> str:
        done = watched.do("retention", *command)
        assert done.returncode == 0, done.stderr
        return done.stdout

    account = ("--account", "1")
    assert "kept for 400 days" in retention("show", *account)
    why = ("--reason", "The law asks for it")
    assert "kept for 3650 days" in retention("set", *account, "--days", "3650", *why)
    held = retention("hold", *account, "--record", "team:1", *why).rpartition(" ")[2].strip()
    assert held in retention("show", *account)
    assert "lifted" in retention("lift", held, *account, *why)
    assert "nothing to drop" in retention("run", *account)
    mistyped = watched.do("retention", "show", "--account", "11")
    assert (mistyped.returncode, "no trail of account 11" in mistyped.stderr) == (1, True)
    code, verdict = watched.verdict()
    assert code == 0, verdict


@sqlite_alone
def test_a_key_that_isn_t_the_trail_s_is_refused(watched: Watched) -> None:
    create(watched, "Support")
    watched.once()
    said = refused(watched, AUDIT_TRAIL_SIGNING=str(watched.folder / "elsewhere"))
    assert "doesn't hold the newest signing key" in said


def test_a_trail_that_was_set_back_isn_t_signed(tmp_path: Path) -> None:
    with watched_sqlite(tmp_path) as watched:
        create(watched, "Support")
        watched.once()
        trail = tmp_path / "trail.db"
        before = trail.read_bytes()
        create(watched, "Tier 2")
        watched.once()
        for path in tmp_path.glob("trail.db-*"):
            path.unlink()
        trail.write_bytes(before)
        assert "was signed with 2 entries" in refused(watched)


def test_who_may_not_read_the_outbox_is_told_so(postgresql: Cluster, tmp_path: Path) -> None:
    with watched_postgresql(postgresql, tmp_path) as watched:
        name = watched.settings["AUDIT_TRAIL_DATABASE_URL"].rpartition("/")[2]
        postgresql.run("DROP ROLE IF EXISTS outsider", "CREATE ROLE outsider LOGIN")
        said = refused(watched, AUDIT_TRAIL_DATABASE_URL=postgresql.url(name, "outsider"))
        assert "permission denied" in said
        assert "owns the outbox" in said


def test_wrong_arguments_are_a_usage_error() -> None:
    for command in (
        ["run"],
        ["serve", "--port", "70000"],
        ["administrator", "add"],
        ["run", "--x"],
    ):
        wrong = run(*command, program="audit-trail")
        assert wrong.returncode == 2, wrong.stderr
        assert "Traceback" not in wrong.stderr
