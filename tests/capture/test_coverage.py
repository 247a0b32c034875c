"""A look tells what is recorded and what isn't; a gap becomes an entry once, with what bounds it."""

import threading
from itertools import count
from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection, create_engine

from audit_trail.capture import sqlalchemy as capture
from audit_trail.capture.look import Look
from audit_trail.capture.outbox import Event
from audit_trail.capture.sqlalchemy import keep_state, migrating
from audit_trail.capture.watch import Table, WatchList
from audit_trail.coverage.looking import kept_of, look_and_note, look_only, looking_around
from audit_trail.coverage.remembered import Remembered
from audit_trail.errors import OutboxFailed, WatchRefused
from audit_trail.record.captured import gaps_of
from audit_trail.record.entry import Entry
from audit_trail.trail import utc_now_us
from tests.capture.host import WATCH, Application, Host
from tests.capture.looks import (
    Clock,
    about_capture,
    actions,
    an_account,
    details,
    drop_update,
    facts,
    gaps,
    of,
    rounds,
    states,
    ticking,
)


def test_a_look_lists_every_table_with_what_is_recorded_of_it(each_host: Application) -> None:
    look, kept = look_only(each_host.engine)
    assert kept is None
    assert look.is_complete
    assert {each.name: each.standing for each in look.tables} == {
        **dict.fromkeys(("teams", "members", "labels", "orders"), "watched"),
        "parrots": "ignored",
    }
    teams = of(look, "teams")
    assert (teams.entity, teams.secrets) == ("team", ("token",))
    assert teams.columns_unwatched == ("created_at", "updated_at")
    assert len(teams.triggers) == (6 if isinstance(each_host, Host) else 4)
    assert of(look, "parrots").reason == "they say nothing of their own"
    assert each_host.rows(f"SELECT count(*) FROM {each_host.outbox_table}") == [(0,)]


def test_a_trigger_dropped_behind_our_back_is_a_gap_until_a_sync(
    each_host: Application, clock: Clock
) -> None:
    an_account(each_host)
    server = rounds(each_host, clock)
    server.step()  # at 1 and 2 s
    assert (actions(each_host, "0"), actions(each_host, "1")) == (["capture_started"], [])
    drop_update(each_host)
    server.step()  # at 3 and 4 s
    (gap,) = gaps(each_host)
    assert (gap.table, gap.entity, set(gap.wrong.values())) == ("teams", "team", {"missing"})
    assert gap.right_us is None
    assert gap.found_us == 4_000_000
    assert gap.good_us is not None
    with looking_around(each_host.engine, clock=clock):  # at 5 to 8 s
        each_host.sync()
    server.step()
    assert actions(each_host, "0") == ["capture_started", "capture_stopped", "capture_started"]
    assert actions(each_host, "1") == ["capture_stopped", "capture_started"]
    (ended,) = gaps(each_host)
    assert ended == msgspec.structs.replace(gap, right_us=8_000_000)
    assert gaps(each_host, "0") == [ended]


def test_without_notes_of_the_schema_a_gap_reaches_back_to_the_last_good_look(
    host: Host, clock: Clock
) -> None:
    an_account(host)
    rounds(host, clock).step()
    drop_update(host)
    rounds(host, clock).step()
    assert gaps(host)[0].good_us == 1_000_000


def test_a_gap_that_sync_mends_before_a_server_looks_is_told_all_the_same(
    each_host: Application, clock: Clock
) -> None:
    an_account(each_host)
    rounds(each_host, clock).step()
    drop_update(each_host)
    with looking_around(each_host.engine, clock=clock):  # at 3 to 6 s
        each_host.sync()
    # Whose trails there are only the server knows.
    assert actions(each_host, "1") == []
    assert actions(each_host, "0")[1:] == ["capture_stopped", "capture_started"]
    rounds(each_host, clock).step()
    assert actions(each_host, "1") == ["capture_stopped", "capture_started"]
    (gap,) = gaps(each_host)
    assert (gap.found_us, gap.right_us) == (4_000_000, 6_000_000)
    rounds(each_host, clock).step()
    assert len(about_capture(each_host, "1")) == 2


def test_the_same_state_is_told_once_and_what_is_worse_again(
    each_host: Application, clock: Clock
) -> None:
    an_account(each_host)
    server = rounds(each_host, clock)
    server.step()
    drop_update(each_host)
    server.step()
    server.step()
    assert actions(each_host, "1") == ["capture_stopped"]
    each_host.shell(
        "DROP TRIGGER audit_teams_delete"
        if isinstance(each_host, Host)
        else 'DROP TRIGGER "00_audit_delete" ON teams'
    )
    server.step()
    assert actions(each_host, "1") == ["capture_stopped", "capture_stopped"]
    (gap,) = gaps(each_host)
    assert (gap.found_us, len(gap.wrong)) == (4_000_000, 2)


def test_a_server_that_starts_again_knows_how_far_back_all_was_right(
    each_host: Application, clock: Clock
) -> None:
    an_account(each_host)
    rounds(each_host, clock).step()
    rounds(each_host, clock).step()
    kept = kept_of(each_host.engine)
    assert kept is not None
    assert kept.looked_us == 3_000_000
    drop_update(each_host, "members")
    rounds(each_host, clock).step()
    (gap,) = gaps(each_host)
    assert gap.good_us is not None
    assert 3_000_000 <= gap.good_us <= gap.found_us == 6_000_000


def test_two_servers_that_look_at_once_tell_it_once(each_host: Application) -> None:
    an_account(each_host)
    clock = ticking()
    rounds(each_host, clock).step()
    drop_update(each_host)
    ready = threading.Barrier(4)

    def look() -> None:
        ready.wait()
        rounds(each_host, clock).step()

    threads = [threading.Thread(target=look) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(30)
    assert actions(each_host, "1") == ["capture_stopped"]
    assert actions(each_host, "0") == ["capture_started", "capture_stopped"]


def test_nobody_waits_to_write_while_a_file_is_looked_at(
    host: Host, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked, usual = count(1), capture.look

    def look(connection: Connection, known: dict[str, str]) -> Look:
        host.shell(f"INSERT INTO parrots VALUES ({next(looked)})")
        return usual(connection, known)

    monkeypatch.setattr(capture, "look", look)
    rounds(host, clock).step()
    assert host.rows("SELECT name FROM parrots") == [("1",)]


def test_a_server_that_stands_by_does_not_look(each_host: Application, clock: Clock) -> None:
    stop, asked = threading.Event(), count()

    def leads() -> bool:
        if next(asked) == 3:
            stop.set()
        return False

    rounds(each_host, clock, leads=leads, period_seconds=0.001).run(stop)
    assert kept_of(each_host.engine) is None


def test_a_crash_before_it_is_kept_leaves_nothing_and_the_next_look_tells_it(
    each_host: Application, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    an_account(each_host)
    server = rounds(each_host, clock)
    server.step()
    drop_update(each_host)

    def crash(*_: object) -> None:
        raise OutboxFailed("The disk is gone.")

    monkeypatch.setattr(capture, "keep_state", crash)
    with pytest.raises(OutboxFailed):
        server.step()
    monkeypatch.setattr(capture, "keep_state", keep_state)
    assert actions(each_host, "1") == []
    server.step()
    server.step()
    assert actions(each_host, "1") == ["capture_stopped"]


def test_a_look_that_fails_is_counted_and_the_next_one_goes_on(
    each_host: Application, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop, looked = threading.Event(), count()

    def fail(*_: object) -> None:
        if next(looked) == 2:
            stop.set()
        raise OutboxFailed("The server is away.")

    monkeypatch.setattr(capture, "look", fail)
    server = rounds(each_host, clock, period_seconds=0.001)
    server.run(stop)
    assert server.errors == 3


ALTERED = {
    "sqlite": (
        "DROP TRIGGER audit_teams_update",
        (
            "CREATE TRIGGER audit_teams_update AFTER UPDATE ON teams WHEN old.name <> 'Secret' "
            "BEGIN INSERT INTO audit_outbox (operation) VALUES ('update'); END"
        ),
    ),
    "postgresql": (
        (
            'CREATE OR REPLACE FUNCTION audit_trail."teams update"() RETURNS trigger LANGUAGE plpgsql '
            "SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'BEGIN RETURN NULL; END'"
        ),
    ),
}


def test_an_altered_trigger_is_told_from_one_that_is_older_than_its_table(
    each_host: Application, clock: Clock
) -> None:
    an_account(each_host)
    server = rounds(each_host, clock)
    server.step()
    each_host.shell(*ALTERED["sqlite" if isinstance(each_host, Host) else "postgresql"])
    each_host.shell("ALTER TABLE members ADD COLUMN motto text")
    look = server.step()
    assert states(look, "teams") == {"altered"}
    assert states(look, "members") == {"outdated"}
    partial = {gap.table: gap.is_partial for gap in gaps(each_host)}
    assert partial == {"teams": False, "members": True}
    with looking_around(each_host.engine, clock=clock):
        each_host.sync()
    assert look_only(each_host.engine)[0].is_complete


def test_what_an_earlier_release_made_is_no_gap_while_the_table_is_the_same(
    each_host: Application, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = rounds(each_host, clock)
    server.step()
    engine = "sqlite" if isinstance(each_host, Host) else "postgresql"
    # What the next release writes into its triggers is another text.
    monkeypatch.setattr(f"audit_trail.capture.{engine}.columns.LIMIT_BYTES", 1_000_000)
    assert server.step().is_complete
    each_host.shell("ALTER TABLE teams ADD COLUMN motto text")
    look = server.step()
    assert states(look, "teams") == {"outdated"}
    assert states(look, "members") == set()


def test_a_table_that_nobody_watches_is_told_when_it_comes_and_when_it_is_decided(
    each_host: Application, clock: Clock
) -> None:
    an_account(each_host)
    server = rounds(each_host, clock)
    server.step()
    each_host.shell('CREATE TABLE "odd ""name" (id integer PRIMARY KEY, account_id integer)')
    look = server.step()
    assert (look.unwatched, look.wrong, look.is_complete) == (('odd "name',), {}, False)
    assert server.wrong() == 1
    each_host.watch = WatchList(
        tables=(*WATCH.tables, Table(name='odd "name', entity="oddity")), ignored=WATCH.ignored
    )
    with looking_around(each_host.engine, clock=clock):
        each_host.sync()
    server.step()
    assert [details(each) for each in about_capture(each_host, "1")] == [
        {"unwatched": ['odd "name']},
        {"watched": ['odd "name']},
    ]
    assert server.wrong() == 0
    each_host.sequencer = each_host.new_sequencer()
    each_host.write('INSERT INTO "odd ""name" VALUES (5, 1)')
    assert each_host.told()[-1][:3] == ("create", "oddity", "5")


def test_a_watch_list_that_changed_is_told_line_by_line(
    each_host: Application, clock: Clock
) -> None:
    an_account(each_host)
    server = rounds(each_host, clock)
    server.step()
    teams, members, labels, _ = WATCH.tables
    each_host.watch = WatchList(
        tables=(msgspec.structs.replace(teams, label=()), members, labels),
        ignored={**WATCH.ignored, "orders": "the shop keeps its own log"},
    )
    with looking_around(each_host.engine, clock=clock):
        each_host.sync()
    server.step()
    (entry,) = about_capture(each_host, "1")
    assert details(entry) == {
        "ignored": ["orders"],
        "no_longer_watched": ["orders"],
        "watched_otherwise": ["teams"],
    }


def test_a_table_that_is_gone_is_a_gap(each_host: Application, clock: Clock) -> None:
    an_account(each_host)
    server = rounds(each_host, clock)
    server.step()
    each_host.shell("DROP TABLE orders")
    look = server.step()
    assert [(each.name, each.state) for each in of(look, "orders").wrong] == [
        ("the table orders", "missing")
    ]
    assert [(gap.table, gap.is_partial) for gap in gaps(each_host)] == [("orders", False)]


def test_a_gap_of_what_notes_are_written_to_is_told_once_it_is_mended(
    each_host: Application, clock: Clock
) -> None:
    an_account(each_host)
    server = rounds(each_host, clock)
    server.step()
    each_host.shell(f"DROP TABLE {each_host.outbox_table}")
    server.attempt()
    assert server.errors == 1
    with looking_around(each_host.engine, clock=clock):
        each_host.sync()
    server.step()
    (gap,) = gaps(each_host)
    assert (gap.table, gap.good_us) == ("", 1_000_000)
    assert gap.right_us is not None
    assert actions(each_host, "1") == ["capture_stopped", "capture_started"]


def test_an_application_that_tells_of_gaps_is_believed_and_coverage_looks_for_itself(
    each_host: Application, clock: Clock
) -> None:
    an_account(each_host)
    rounds(each_host, clock).step()
    said = {"table": "teams", "wrong": {"all of it": "missing"}, "found_us": 5}
    event = Event(
        action="capture_stopped", account="1", entity_type="capture", details={"gaps": [said]}
    )
    with each_host.engine.begin() as connection:
        capture.note(connection, event)
    assert [gap.wrong for gap in gaps(each_host)] == [{"all of it": "missing"}]
    assert look_only(each_host.engine)[0].is_complete


def test_a_migration_is_no_gap(each_host: Application, clock: Clock) -> None:
    server = rounds(each_host, clock)
    server.step()
    with (
        looking_around(each_host.engine, clock=clock),
        migrating(each_host.engine, each_host.watch) as connection,
    ):
        connection.exec_driver_sql("ALTER TABLE teams ADD COLUMN motto text")
    assert server.step().is_complete
    assert actions(each_host, "0") == ["capture_started"]


def test_what_concerns_no_account_is_told_to_the_installation_alone(host: Host) -> None:
    host.shell("CREATE TABLE accounts (id INTEGER PRIMARY KEY, name TEXT)")
    host.watch = WatchList(
        tables=(*WATCH.tables, Table(name="accounts", entity="account", account=None)),
        ignored=WATCH.ignored,
    )
    host.sync()
    an_account(host)
    server = rounds(host, ticking())
    server.step()
    drop_update(host, "accounts")
    server.step()
    assert (actions(host, "1"), len(gaps(host, "0"))) == ([], 1)
    drop_update(host)
    server.step()
    assert [gap.table for gap in gaps(host)] == ["teams"]


def test_a_database_without_a_watch_list_says_what_to_do(tmp_path: Any) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'new.db'}")
    with pytest.raises(WatchRefused, match="keeps no watch list yet"):
        look_only(engine)
    engine.dispose()


def test_an_sqlite_that_is_too_old_is_refused(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audit_trail.capture.sqlite.looking.SMALLEST_SQLITE", (99,))
    with pytest.raises(WatchRefused, match="is too old"):
        look_only(host.engine)


def test_a_trigger_of_ours_that_nothing_asks_for_is_no_gap(host: Host, clock: Clock) -> None:
    server = rounds(host, clock)
    server.step()
    host.shell(
        "CREATE TRIGGER audit_extra AFTER INSERT ON parrots "
        "BEGIN INSERT INTO audit_outbox (operation) VALUES ('?'); END"
    )
    look = server.step()
    assert ([each.name for each in look.harmless], look.is_complete) == (["audit_extra"], True)


def test_what_is_kept_for_looks_is_missed_where_an_earlier_release_synced(
    each_host: Application,
) -> None:
    name = "audit_coverage" if isinstance(each_host, Host) else "audit_trail.coverage"
    each_host.shell(f"DROP TABLE {name}")
    look, kept = look_only(each_host.engine)
    assert (kept, look.is_complete) == (None, False)
    assert [each.name.rpartition("_")[2] for each in look.parts] in (
        ["coverage"],
        ["the table coverage"],
    )
    each_host.sync()
    assert look_only(each_host.engine)[0].is_complete


def test_what_an_index_on_an_expression_hides_is_told_only_where_there_is_one(host: Host) -> None:
    assert "expression" not in facts(host, is_seen=False)
    host.shell("CREATE UNIQUE INDEX by_lower ON members (lower(name))")
    assert "an expression, in members." in facts(host, is_seen=False)


def empty(host: Application) -> None:
    name = "audit_coverage" if isinstance(host, Host) else "audit_trail.coverage"
    host.shell(f"DELETE FROM {name}")


@pytest.mark.parametrize("by_sync", [False, True])
def test_what_was_kept_of_looks_and_is_gone_leaves_a_gap_in_every_account(
    each_host: Application, by_sync: bool
) -> None:
    """As after capture was taken out of the database and put in again, or by somebody's hand."""
    an_account(each_host)
    clock = ticking(utc_now_us())
    server = rounds(each_host, clock)
    server.step()
    (begun,) = about_capture(each_host, "0")
    empty(each_host)
    if by_sync:
        with looking_around(each_host.engine, clock=clock):
            each_host.sync()
        each_host.sequencer.drain()
    server.step()
    server.step()
    (gap,) = gaps(each_host)
    assert (gap.table, gap.wrong) == ("", {"what looks keep": "missing"})
    assert gap.good_us == begun.public.occurred_at
    assert gap.right_us == gap.found_us > gap.good_us
    assert len(actions(each_host, "0")) == 3


def test_a_look_that_nobody_can_read_counts_as_none(each_host: Application, clock: Clock) -> None:
    with each_host.engine.begin() as connection:
        keep_state(connection, '{"looked_us": "never"}')
    assert kept_of(each_host.engine) is None
    look_and_note(each_host.engine, clock=clock)
    assert actions(each_host, "0") == ["capture_started"]


def told_without_an_outbox(host: Application, account: str) -> list[Entry]:
    """The entries about capture, where there is no outbox left to sequence."""
    entries = host.trail.entries(account, 0, 999)
    return [each for each in entries if each.public.entity.type == "capture"]


def take_out(host: Application) -> None:
    """Do what `audit-trail detach` does."""
    with host.engine.begin() as connection:
        capture.remove(connection)


def test_capture_that_is_taken_out_behind_a_server_s_back_is_told_by_the_trail_itself(
    each_host: Application,
) -> None:
    an_account(each_host)
    clock = ticking(utc_now_us())
    server = rounds(each_host, clock)
    server.step()
    kept = kept_of(each_host.engine)
    each_host.entries()
    take_out(each_host)
    for process in (server, server, rounds(each_host, clock)):
        process.attempt()
        assert process.wrong() == 1
    (gap,) = gaps_of(told_without_an_outbox(each_host, "1"))
    for account in ("0", "1"):
        stopped = told_without_an_outbox(each_host, account)[-1]
        assert gaps_of([stopped]) == [gap]
        assert stopped.public.action == "capture_stopped"
        assert (gap.table, gap.wrong) == ("", {"the outbox": "missing"})
        assert kept and gap.good_us == kept.looked_us < gap.found_us
    each_host.sync()
    for process in (rounds(each_host, clock), server):
        process.step()
    assert server.wrong() == 0
    assert actions(each_host, "1") == ["capture_stopped", "capture_started"]
    assert actions(each_host, "0") == [
        *("capture_started", "capture_stopped", "capture_started", "capture_started")
    ]
    (ended,) = gaps(each_host)
    assert ended == msgspec.structs.replace(gap, right_us=ended.right_us)
    assert ended.right_us and ended.right_us > ended.found_us


def test_what_looks_keep_may_be_gone_alone(each_host: Application) -> None:
    an_account(each_host)
    clock = ticking(utc_now_us())
    server = rounds(each_host, clock)
    server.step()
    each_host.entries()
    name = "audit_coverage" if isinstance(each_host, Host) else "audit_trail.coverage"
    each_host.shell(f"DROP TABLE {name}")
    server.attempt()
    each_host.sync()
    server.step()
    (gap,) = gaps(each_host)
    assert gap.wrong == {"what looks keep": "missing"}
    assert gap.right_us and gap.right_us > gap.found_us


def test_where_capture_never_began_or_nothing_can_be_reached_nothing_is_told(
    each_host: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    an_account(each_host)
    other = Remembered(each_host.trail, "another database of this trail", utc_now_us)
    clock = ticking(utc_now_us())
    server = rounds(each_host, clock)
    assert not other.tell_gone(["1"], {"the outbox": "missing"}, None)
    server.step()
    each_host.entries()

    def away(*_: object, **__: object) -> None:
        raise OutboxFailed("The database failed: it is away")

    with monkeypatch.context() as patched:
        patched.setattr("audit_trail.coverage.rounds.missing_from", away)
        patched.setattr("audit_trail.coverage.rounds.look_and_note", away)
        server.attempt()
    other.tell_back(["1"])
    assert (server.errors, server.wrong()) == (1, 0)
    assert actions(each_host, "1") == []
    assert actions(each_host, "0") == ["capture_started"]
