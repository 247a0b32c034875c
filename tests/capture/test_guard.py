"""The context stays inside its transaction: it never leaks to the next writer."""

import sqlite3
import threading
from contextvars import copy_context
from pathlib import Path

import pytest
from sqlalchemy import create_engine, event, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from audit_trail.capture.context import Actor, acting_as, current_context
from audit_trail.capture.sqlalchemy import attach
from audit_trail.errors import ContextRefused
from audit_trail.record.entry import read_who
from tests.capture.host import ADA, BOB, Host, origin

INSERT = "INSERT INTO teams (account_id) VALUES (1)"
IS_SET = "SELECT token, context, guard FROM audit_context"


def test_a_commit_that_forgets_to_clear_the_context_fails(host: Host) -> None:
    with host.foreign(foreign_keys=True) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE audit_context SET token = x'01', context = '{}', guard = 1")
        connection.execute(INSERT)
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute("COMMIT")
        connection.execute("ROLLBACK")
        assert connection.execute(IS_SET).fetchall() == [(None, None, None)]
    assert host.waiting() == []


def test_the_context_can_not_be_set_outside_a_transaction(host: Host) -> None:
    with host.foreign(foreign_keys=True) as connection:
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute("UPDATE audit_context SET context = '{}', guard = 1")
        assert connection.execute(IS_SET).fetchall() == [(None, None, None)]


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO audit_guard (id) VALUES (1)",
        "INSERT INTO audit_guard (id) VALUES (NULL)",
        "INSERT INTO audit_guard DEFAULT VALUES",
    ],
)
def test_nothing_can_satisfy_the_guard(host: Host, statement: str) -> None:
    with host.foreign(foreign_keys=True) as connection:
        try:
            connection.execute(statement)
        except sqlite3.IntegrityError:
            return
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute("UPDATE audit_context SET guard = 1")


def test_there_is_one_context(host: Host) -> None:
    with host.foreign(foreign_keys=True) as connection, pytest.raises(sqlite3.IntegrityError):
        connection.execute("INSERT INTO audit_context (one) VALUES (2)")


def test_without_foreign_keys_the_context_is_refused(host: Host) -> None:
    event.listen(
        host.engine, "checkout", lambda driver, *_: driver.execute("PRAGMA foreign_keys = OFF")
    )
    with pytest.raises(ContextRefused, match="foreign_keys"):
        host.write(INSERT)
    assert host.waiting() == []


def test_an_old_sqlite_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sqlite3.sqlite_version_info", (3, 39, 4))
    with pytest.raises(ContextRefused, match=r"3\.40 or later"):
        attach(create_engine(f"sqlite:///{tmp_path / 'old.db'}"))


def test_a_rollback_restores_the_context(host: Host) -> None:
    with acting_as(ADA, origin()), Session(host.engine) as session:
        session.execute(text(INSERT))
        assert session.execute(text(IS_SET)).one()[2] == 1
        session.rollback()
        assert session.execute(text(IS_SET)).one() == (None, None, None)
        session.execute(text(INSERT))
        session.commit()
    assert [each.actor for each in host.told()] == ["ada@example.com"]


@pytest.mark.parametrize("ended", ["commit", "rollback", "close"])
def test_the_next_writer_of_a_pooled_connection_acts_for_itself(host: Host, ended: str) -> None:
    with acting_as(ADA, origin()), Session(host.engine) as session:
        session.execute(text(INSERT))
        getattr(session, ended)()
    with host.engine.begin() as connection:
        connection.exec_driver_sql(INSERT)
    host.write(INSERT, actor=BOB)
    host.shell(INSERT)
    ada = ["ada@example.com"] if ended == "commit" else []
    assert [each.actor for each in host.told()] == [*ada, "system", "bob@example.com", "system"]


def test_each_transaction_has_a_token_of_its_own(host: Host) -> None:
    for _ in range(3):
        host.write(INSERT, INSERT)
    tokens = [row[4] for row in host.waiting()]
    assert [tokens.count(token) for token in tokens] == [2] * 6
    assert {len(token) for token in tokens} == {16}


def test_a_read_sets_no_context(host: Host) -> None:
    with host.writing() as connection:
        connection.exec_driver_sql("SELECT * FROM teams")
        connection.exec_driver_sql("  select 1")
        assert connection.exec_driver_sql(IS_SET).one() == (None, None, None)


def test_after_commit_is_called_for_what_carried_a_context(host: Host) -> None:
    woken: list[int] = []
    engine = create_engine(f"sqlite:///{host.path}")
    attach(engine, after_commit=lambda: woken.append(1))
    with engine.begin() as connection:
        connection.exec_driver_sql(INSERT)
    with acting_as(ADA, origin()), engine.connect() as connection:
        connection.exec_driver_sql(INSERT)
        connection.rollback()
    assert woken == []
    with acting_as(ADA, origin()), engine.begin() as connection:
        connection.exec_driver_sql(INSERT)
    assert woken == [1]
    engine.dispose()


def test_a_thread_acts_as_system_unless_the_context_is_copied_into_it(host: Host) -> None:
    def work() -> None:
        with host.engine.begin() as connection:
            connection.exec_driver_sql(INSERT)

    with acting_as(ADA, origin()):
        copied = copy_context()
        for target in (work, lambda: copied.run(work)):
            thread = threading.Thread(target=target)
            thread.start()
            thread.join()
    assert [each.actor for each in host.told()] == ["system", "ada@example.com"]


def test_writers_at_once_are_never_taken_for_each_other(host: Host) -> None:
    def work(actor: object, number: int) -> None:
        for each in range(10):
            with acting_as(actor, origin()), host.engine.begin() as connection:  # type: ignore[arg-type]
                connection.exec_driver_sql(
                    "INSERT INTO teams (account_id, n) VALUES (1, ?)", (number * 100 + each,)
                )

    threads = [threading.Thread(target=work, args=pair) for pair in ((ADA, 1), (BOB, 2))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = host.told()
    assert len(found) == 20
    for each in found:
        ada = each.changes["n"][1] < 200
        assert each.actor == ("ada@example.com" if ada else "bob@example.com")


def test_acting_inside_acting_is_undone_at_its_end() -> None:
    assert current_context() is None
    with acting_as(ADA, origin()) as outer:
        with acting_as(BOB, origin()) as inner:
            assert current_context() is inner
        assert current_context() is outer
    assert current_context() is None


def test_only_an_import_may_say_when_something_happened(host: Host) -> None:
    with (
        pytest.raises(ValueError, match="occurred_at may be set only by an import"),
        acting_as(ADA, origin("api"), occurred_at=5),
    ):
        pass
    with host.writing(origin=origin("import"), occurred_at=1_600_000_000_123_456) as connection:
        connection.exec_driver_sql(INSERT)
    (entry,) = host.entries()
    assert entry.public.occurred_at == 1_600_000_000_123_456
    assert (entry.public.via, entry.public.request) == ("import", "r-1")


@pytest.mark.parametrize("name", ["a\x00b", "\ud800", "'; DROP TABLE teams; --", "é\U0001f600"])
def test_a_name_of_any_letters_is_carried(host: Host, name: str) -> None:
    with host.writing(Actor(kind="user", id="9", name=name), reason=name) as connection:
        connection.exec_driver_sql(INSERT)
    (entry,) = host.entries()
    assert read_who(entry.who).name == name.replace("\ud800", "?")


def test_a_statement_refused_midway_leaves_the_transaction_attributed(host: Host) -> None:
    with host.writing() as connection:
        connection.exec_driver_sql("INSERT INTO teams (id, account_id) VALUES (1, 1)")
        with pytest.raises(IntegrityError):
            connection.exec_driver_sql("INSERT INTO teams (id, account_id) VALUES (2, 1), (1, 1)")
        connection.exec_driver_sql("INSERT INTO teams (id, account_id) VALUES (3, 1)")
    assert [(each.id, each.actor) for each in host.told()] == [
        ("1", "ada@example.com"),
        ("3", "ada@example.com"),
    ]
