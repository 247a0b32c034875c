"""What may befall an application's transaction: whatever becomes of it becomes of its entries."""

import os
import random
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import OperationalError

from audit_trail.capture.context import Actor, acting_as
from audit_trail.capture.postgresql import outbox as postgresql_outbox
from audit_trail.capture.sqlalchemy import attach
from audit_trail.capture.sqlite import outbox as sqlite_outbox
from audit_trail.errors import ChangeRefused
from tests.attack.lasting import PATIENCE_SECONDS, ROOT, require_whole, working
from tests.capture.host import ADA, BOB, Application, PostgresqlHost, origin
from tests.capture.team import seeded, team
from tests.proxy import deaf_to_commits

WRITERS = 4
TRANSACTIONS = 30
TEAMS = 5
BOB_SAYS = "bob@example.com"


def add(connection: Connection, team: int, amount: int) -> None:
    connection.exec_driver_sql(f"UPDATE teams SET n = n + {amount} WHERE id = {team}")


def test_the_loser_of_a_deadlock_leaves_nothing_and_its_retry_each_change_once(
    postgresql_host: PostgresqlHost,
) -> None:
    host = postgresql_host
    seeded(host)
    both_hold = threading.Barrier(2, timeout=PATIENCE_SECONDS)
    lost: list[Actor] = []

    def write(actor: Actor, first: int, second: int, amount: int) -> None:
        try:
            with host.writing(actor) as connection:
                add(connection, first, amount)
                both_hold.wait()
                add(connection, second, amount)
        except OperationalError:
            lost.append(actor)
            with host.writing(actor) as connection:
                add(connection, first, amount)
                add(connection, second, amount)

    in_parallel((write, ADA, 1, 2, 10), (write, BOB, 2, 1, 100))
    (loser,) = lost
    winner, won = (BOB, 100) if loser == ADA else (ADA, 10)
    by, again = str(winner.email), str(loser.email)
    found = host.told()
    assert sorted(found[:2]) == [
        team("update", 1, by, n=(1, 1 + won)),
        team("update", 2, by, n=(2, 2 + won)),
    ]
    assert sorted(found[2:]) == [
        team("update", 1, again, n=(1 + won, 111)),
        team("update", 2, again, n=(2 + won, 112)),
    ]


def test_a_transaction_that_was_overtaken_leaves_nothing_and_its_retry_each_change_once(
    each_host: Application,
) -> None:
    host = each_host
    seeded(host)
    # On SQLite a transaction that began as a reader is overtaken, where capture's own waits.
    overtakable = host.engine.execution_options(
        **{"isolation_level": "REPEATABLE READ"}
        if host.engine.dialect.name == "postgresql"
        else {"audit_read_only": True}
    )
    with acting_as(ADA, origin()), overtakable.connect() as connection:
        connection.exec_driver_sql("SELECT n FROM teams").all()
        with host.writing(BOB) as other:
            add(other, 1, 100)
        with pytest.raises(OperationalError, match=r"locked|concurrent update"):
            add(connection, 1, 10)
        connection.rollback()
    with host.writing(ADA) as connection:
        add(connection, 1, 10)
    assert host.told() == [
        team("update", 1, BOB_SAYS, n=(1, 101)),
        team("update", 1, n=(101, 111)),
    ]


def test_a_transaction_refused_at_its_commit_leaves_nothing(
    postgresql_host: PostgresqlHost,
) -> None:
    """Each read what the other wrote: PostgreSQL lets only one of them commit."""
    host = postgresql_host
    seeded(host)
    strict = host.engine.execution_options(isolation_level="SERIALIZABLE")
    copy = "UPDATE teams SET n = (SELECT n FROM teams WHERE id = {}) WHERE id = {}"
    with strict.connect() as first, strict.connect() as second:
        with acting_as(ADA, origin()):
            first.exec_driver_sql(copy.format(1, 2))
        with acting_as(BOB, origin()):
            second.exec_driver_sql(copy.format(2, 1))
        first.commit()
        with pytest.raises(OperationalError, match="could not serialize"):
            second.commit()
    assert host.told() == [team("update", 2, n=(2, 1))]


WRITE_AND_WAIT = """
import sys
from sqlalchemy import create_engine
from audit_trail.capture.context import acting_as
from audit_trail.capture.postgresql import outbox as postgresql_outbox
from audit_trail.capture.sqlalchemy import attach
from audit_trail.capture.sqlite import outbox as sqlite_outbox
from tests.capture.host import ADA, origin
engine = create_engine(sys.argv[1])
attach(engine)
with acting_as(ADA, origin()), engine.begin() as connection:
    connection.exec_driver_sql("UPDATE teams SET n = 70")
    if sys.argv[2] == "committed":
        connection.commit()
    print("written", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("state", ["written", "committed"])
def test_an_application_killed_in_mid_transaction_leaves_all_of_it_or_nothing(
    each_host: Application, state: str
) -> None:
    host = each_host
    seeded(host)
    url = host.engine.url.render_as_string(hide_password=False)
    with subprocess.Popen(
        [sys.executable, "-c", WRITE_AND_WAIT, url, state],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == b"written\n"
        os.kill(process.pid, signal.SIGKILL)
        process.wait(PATIENCE_SECONDS)
    # Who comes next waits for what the server has yet to roll back, and inherits no context.
    host.shell("UPDATE teams SET n = 80 WHERE id = 1")
    before = {1: 70} if state == "committed" else {1: 1}
    expected = [team("update", 1, "system", n=(before[1], 80))]
    if state == "committed":
        expected = [team("update", i, n=(i, 70)) for i in (1, 2, 3)] + expected
    assert host.told() == expected


def test_a_commit_whose_answer_was_lost_is_recorded_once_whether_or_not_it_is_tried_again(
    postgresql_host: PostgresqlHost,
) -> None:
    host = postgresql_host
    with deaf_to_commits(host.cluster.port, times=1) as port:
        engine = create_engine(host.engine.url.set(port=port))
        attach(engine)
        insert = "INSERT INTO teams (id, account_id) VALUES (1, 1) ON CONFLICT DO NOTHING"
        for outcome in (pytest.raises(OperationalError, match="closed"), nullcontext()):
            with outcome, acting_as(ADA, origin()), engine.begin() as connection:
                connection.exec_driver_sql(insert)
        engine.dispose()
    assert host.told() == [team("create", 1)]


@pytest.mark.parametrize("way", ["transaction", "alone", "no actor"])
def test_a_change_that_can_not_be_recorded_is_refused_and_says_what_to_do(
    each_host: Application, way: str
) -> None:
    host = each_host
    seeded(host)
    host.shell(f"DROP TABLE {host.outbox_table}")
    level = {"isolation_level": "AUTOCOMMIT"} if way == "alone" else {}
    acting = nullcontext() if way == "no actor" else acting_as(ADA, origin())
    with (
        pytest.raises(ChangeRefused, match=r"can't be recorded: .*outbox.*\. Sync capture"),
        acting,
        host.engine.execution_options(**level).begin() as connection,
    ):
        add(connection, 1, 1)
    assert host.rows("SELECT n FROM teams WHERE id = 1") == [(1,)]
    host.sync()
    host.write("UPDATE teams SET n = 2 WHERE id = 1")
    assert host.told() == [team("update", 1, n=(1, 2))]


def test_a_transaction_taken_in_parts_keeps_its_causes_though_another_commits_between(
    postgresql_host: PostgresqlHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = postgresql_host
    monkeypatch.setattr(postgresql_outbox, "HUGE_ROWS", 3)
    seeded(host)
    host.write("INSERT INTO members (account_id, team_id) SELECT 1, 1 FROM generate_series(1, 8)")
    host.forget()
    with host.writing(BOB) as slower:
        add(slower, 2, 1)
        host.write("DELETE FROM teams WHERE id = 1")
        host.sequencer.step()
    gone, *members = (each.public for each in host.entries() if each.public.action == "delete")
    assert gone.entity.type == "team"
    assert [each.cause for each in members] == [gone.id] * 8


@pytest.mark.slow
@pytest.mark.parametrize("window", ["wide", "narrow"])
def test_whatever_many_writers_do_to_the_same_records_their_histories_chain(
    lasting: Application, window: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if window == "narrow":
        # Each round sees a part of what waits, and takes most transactions in parts.
        for engine in (postgresql_outbox, sqlite_outbox):
            monkeypatch.setattr(engine, "BATCH_ROWS", 4)
            monkeypatch.setattr(engine, "HUGE_ROWS", 3)
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 - pytest shows it when the test fails
    with working(lasting):
        in_parallel(
            *((write_at_random, lasting, f"{number}", seed + number) for number in range(WRITERS))
        )
    entries = require_whole(lasting)
    assert len(entries) > WRITERS * TRANSACTIONS / 4
    assert lasting.sequencer.errors == 0


def write_at_random(host: Application, name: str, seed: int) -> None:
    """Write to the shared teams, with savepoints and rollbacks; who loses a race goes on."""
    chance = random.Random(seed)  # noqa: S311 - chance, not a secret
    for number in range(TRANSACTIONS):
        try:
            with host.writing(chance.choice((ADA, BOB))) as connection:
                for _ in range(chance.randint(1, 4)):
                    nested = connection.begin_nested()
                    connection.exec_driver_sql(statement(chance, f"{name}-{number}"))
                    nested.rollback() if chance.random() < 0.3 else nested.commit()
                if chance.random() < 0.2:
                    connection.rollback()
        except OperationalError as error:
            if "deadlock" not in str(error):
                raise


def statement(chance: random.Random, name: str) -> str:
    team = chance.randint(1, TEAMS)
    upsert = "ON CONFLICT (id) DO UPDATE SET n = teams.n + 1, note = excluded.note"
    return chance.choice(
        (
            f"INSERT INTO teams (id, account_id, n) VALUES ({team}, 1, 0) ON CONFLICT DO NOTHING",
            f"INSERT INTO teams (id, account_id, n, note) VALUES ({team}, 1, 5, '{name}') {upsert}",
            f"UPDATE teams SET n = coalesce(n, 0) + 1 WHERE id >= {team}",
            f"UPDATE teams SET note = '{name}', n = {chance.randint(0, 3)} WHERE id = {team}",
            f"DELETE FROM teams WHERE id = {team}",
        )
    )


def in_parallel(*calls: tuple[Any, ...]) -> None:
    """Make the calls side by side, and raise what any of them raised."""
    with ThreadPoolExecutor(len(calls)) as pool:
        for task in [pool.submit(*call) for call in calls]:
            task.result(PATIENCE_SECONDS)
