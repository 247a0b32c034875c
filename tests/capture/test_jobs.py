"""The context goes with the work: into threads, pools and tasks, and to jobs of other processes."""

import asyncio
import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from audit_trail.capture.context import (
    Actor,
    Context,
    Origin,
    acting_as,
    current_context,
    importing,
    stating,
)
from audit_trail.capture.jobs import CarryingThreadPool, acting_as_job, carried, handed_over
from audit_trail.capture.sqlalchemy import attach
from audit_trail.errors import HandoverRefused
from audit_trail.record.entry import Entry, read_what, read_who
from tests import loops
from tests.capture.host import ADA, BOB, Host, origin

ROOT = Path(__file__).parents[2]
SUPPORT = Actor(kind="support", id="70", email="sam@example.com")


def insert(host: Host, number: int = 0) -> None:
    with host.engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO teams (account_id, n) VALUES (1, ?)", (number,))


def actors(host: Host) -> list[str]:
    return [each.actor for each in host.told()]


def test_a_pool_that_carries_works_for_whoever_submitted(host: Host) -> None:
    with CarryingThreadPool(1) as pool:
        with acting_as(ADA, origin()):
            pool.submit(insert, host, 1).result()
            list(pool.map(insert, [host, host], [2, 3]))
        with acting_as(BOB, origin()):
            pool.submit(insert, host, number=4).result()
        pool.submit(insert, host).result()
    ada, bob = ADA.email, BOB.email
    assert actors(host) == [ada, ada, ada, bob, "system"]


def test_an_ordinary_pool_forgets_and_a_carried_function_does_not(host: Host) -> None:
    with ThreadPoolExecutor(2) as pool, acting_as(ADA, origin()):
        pool.submit(insert, host).result()
        remembered = carried(insert)
        pool.submit(remembered, host).result()
        with acting_as(BOB, origin()):
            remembered(host)
    assert actors(host) == ["system", ADA.email, ADA.email]


def test_one_carried_function_may_run_in_many_threads_at_once() -> None:
    together, seen = threading.Barrier(3, timeout=30), []

    def look() -> None:
        together.wait()
        seen.append(current_context())

    with acting_as(ADA, origin()) as context:
        remembered = carried(look)
    threads = [threading.Thread(target=remembered) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert seen == [context] * 3


def test_what_is_carried_from_nobody_acts_as_system(host: Host) -> None:
    remembered = carried(insert)
    with acting_as(ADA, origin()):
        remembered(host)
        assert current_context() is not None
    assert actors(host) == ["system"]


def test_tasks_and_to_thread_carry_the_context_by_themselves(host: Host) -> None:
    async def change(number: int) -> None:
        await asyncio.to_thread(insert, host, number)

    async def request(actor: Actor, number: int) -> None:
        with acting_as(actor, origin()):
            async with asyncio.TaskGroup() as group:
                group.create_task(change(number))
                group.create_task(change(number + 1))

    async def both() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(request(ADA, 10))
            group.create_task(request(BOB, 20))

    loops.run(both())
    found = {each.changes["n"][1]: each.actor for each in host.told()}
    assert found == {10: ADA.email, 11: ADA.email, 20: BOB.email, 21: BOB.email}


def work(host: Host, *arguments: str) -> None:
    """Run this module as a worker of another process, which knows only what it was handed."""
    command = [sys.executable, "-m", "tests.capture.test_jobs", str(host.path), *arguments]
    subprocess.run(command, check=True, cwd=ROOT, timeout=60)


def main(path: str, handed: str | None = None) -> None:
    engine = create_engine(f"sqlite:///{path}")
    attach(engine)
    statement = "INSERT INTO teams (account_id) VALUES (1)"
    if handed is None:
        with engine.begin() as connection:
            connection.exec_driver_sql(statement)
        return
    with acting_as_job(handed, job="nightly clean-up"), closing(engine.connect()) as connection:
        connection.exec_driver_sql(statement)
        connection.commit()


def one(host: Host) -> Entry:
    (entry,) = host.entries()
    return entry


def test_a_job_of_another_process_acts_for_the_person_who_asked(host: Host) -> None:
    asked = Origin(via="api", request="r-7", ip="192.0.2.7", address="203.0.113.5", session="s")
    with acting_as(SUPPORT, asked, on_behalf_of=(ADA,), reason="asked to", ticket="T-1"):
        handed = handed_over()
    work(host, handed)
    entry = one(host)
    public, who, what = entry.public, read_who(entry.who), read_what(entry.what)
    assert (public.actor.kind, public.actor.id) == ("support", "70")
    assert (public.via, public.request) == ("job", "r-7")
    assert [(each.kind, each.id) for each in public.on_behalf_of] == [("user", "7")]
    assert (who.email, who.ip, who.nearest) == ("sam@example.com", "192.0.2.7", "203.0.113.5")
    assert (who.job, who.session) == ("nightly clean-up", "s")
    assert who.on_behalf_of == ({"email": "ada@example.com", "name": "Ada"},)
    assert (what.reason, what.ticket) == ("asked to", "T-1")


def test_a_job_that_nobody_asked_for_is_the_actor(host: Host) -> None:
    work(host, "")
    entry = one(host)
    assert (entry.public.actor.kind, entry.public.actor.id) == ("job", "nightly clean-up")
    assert (entry.public.via, entry.public.request) == ("job", None)
    assert read_who(entry.who).name == "nightly clean-up"


def test_a_job_that_forgets_says_system_via_database(host: Host) -> None:
    work(host)
    entry = one(host)
    assert (entry.public.actor.kind, entry.public.via, entry.who) == ("system", "database", None)


def test_a_job_of_a_job_still_acts_for_the_first_who_asked() -> None:
    with acting_as(ADA, origin()), acting_as_job(handed_over(), job="first"):
        handed = handed_over()
    with acting_as_job(handed, job="second") as context:
        assert (context.actor, context.origin.request, context.origin.job) == (ADA, "r-1", "second")
    assert current_context() is None


def test_a_job_happens_when_it_runs() -> None:
    with importing(5), acting_as(ADA, origin()):
        handed = handed_over()
    with acting_as_job(handed, job="late") as context:
        assert (context.occurred_at, context.origin.via) == (None, "job")


def test_nothing_is_handed_over_where_nobody_acts() -> None:
    assert handed_over() == ""


@pytest.mark.parametrize(
    "handed",
    [
        "{}",
        "null",
        "[]",
        "nonsense",
        '{"actor":{"kind":"emperor"},"origin":{"via":"ui"}}',
        "[" * 9_999,
    ],
)
def test_what_is_no_context_is_refused(handed: str) -> None:
    with pytest.raises(HandoverRefused, match="no context of ours"), acting_as_job(handed, job="x"):
        pass


def test_a_context_survives_the_way_whatever_it_says() -> None:
    actor = Actor(
        kind="user", id="1", name="Größe \U0001f600 \x00", token={"id": "3", "name": "ci"}
    )
    with acting_as(actor, origin("ui")) as context:
        handed = handed_over()
    assert json.loads(handed)
    with acting_as_job(handed, job="j") as received:
        assert received.actor == context.actor


def test_why_is_added_to_the_context_for_a_while(host: Host) -> None:
    with acting_as(ADA, origin(), ticket="T-1") as outer:
        with stating(reason="too old"):
            insert(host)
            assert current_context() == Context(
                actor=ADA, origin=origin(), reason="too old", ticket="T-1"
            )
        assert current_context() is outer
    with stating(reason="nobody is there to say it"):
        assert current_context() is None
    what = read_what(one(host).what)
    assert (what.reason, what.ticket) == ("too old", "T-1")


if __name__ == "__main__":
    main(*sys.argv[1:])
