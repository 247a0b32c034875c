"""Whatever is written, erased and dropped under capture: nothing differs; and while it is written."""

import random
import sqlite3
import threading
from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy.exc import IntegrityError

from audit_trail.capture.context import Context
from audit_trail.own import own_draft
from audit_trail.record.entry import Ranges, Removed
from audit_trail.record.removed import ranges_of
from tests.capture.host import ADA, NOW_US, Application, origin
from tests.reconciliation.behind import behind, found, reconciler, report

pytestmark = pytest.mark.both_engines
REFUSED = (IntegrityError, sqlite3.IntegrityError, psycopg.IntegrityError)
BY = Context(actor=ADA, origin=origin(), reason="Because.")


def drawn(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 -- the same histories at every run


def statements(chance: random.Random) -> Iterator[str]:
    """Yield writes of every kind, of few records, so that they meet."""
    while True:
        one, other = chance.randint(1, 6), chance.randint(1, 6)
        name = chance.choice(["'a'", "'b'", "NULL", "'" + "x" * 40 + "'"])
        yield chance.choice(
            [
                f"INSERT INTO teams (id, account_id, note, n, token) VALUES ({one}, {chance.randint(1, 2)}, {name}, {other}, {name})",
                f"INSERT INTO members (id, account_id, team_id, name) VALUES ({one}, 1, {other}, {name})",
                f"INSERT INTO labels (id, account_id, team_id, name) VALUES ({one}, 2, {other}, {name})",
                f"UPDATE teams SET note = {name}, n = {other}, active = {chance.choice(['true', 'false'])} WHERE id = {one}",
                f"UPDATE teams SET token = {name} WHERE id >= {one}",
                f"UPDATE members SET name = {name} WHERE id >= {one}",
                f"UPDATE members SET id = id + 10 WHERE id = {one}",
                f"UPDATE labels SET id = {other} WHERE id = {one}",
                f"UPDATE teams SET account_id = {chance.randint(1, 3)} WHERE id = {one}",
                f"UPDATE labels SET id = {other}, account_id = {chance.randint(1, 3)} WHERE id = {one}",
                f"DELETE FROM teams WHERE id = {one}",
                f"DELETE FROM members WHERE id >= {other}",
                f"DELETE FROM labels WHERE id = {one}",
            ]
        )


def write(host: Application, chance: random.Random, count: int) -> None:
    """Write so many transactions, some by a shell; what the database refuses is no write."""
    made = statements(chance)
    for _ in range(count):
        work = [next(made) for _ in range(chance.randint(1, 4))]
        try:
            if chance.random() < 0.2:
                host.shell(work[0])
            else:
                host.write(*work)
        except REFUSED:
            continue


def remove(host: Application, account: str, part: str, ranges: Ranges) -> None:
    """Declare and carry out that parts were erased, or entries dropped."""
    if not ranges:
        return
    removed = Removed(**{part: ranges})
    host.trail.append(
        [own_draft(BY, account, "drop", clock=lambda: NOW_US, details={}, removed=removed)]
    )
    host.trail.remove(account)


@pytest.mark.parametrize("seed", range(6))
def test_after_any_history_nothing_differs(each_host: Application, seed: int) -> None:
    chance = drawn(seed)
    write(each_host, chance, 40)
    told = report(each_host)
    assert (told.differences, told.undecided, told.behind) == ((), 0, 0)


@pytest.mark.parametrize("seed", range(4))
def test_what_was_erased_or_dropped_is_no_difference(each_host: Application, seed: int) -> None:
    chance = drawn(seed + 100)
    kept = 0
    for _ in range(3):
        write(each_host, chance, 20)
        each_host.sequencer.drain()
        size = each_host.trail.head("1").size
        erased = sorted(chance.sample(range(kept, size), min(size - kept, 8)))
        remove(each_host, "1", "what", ranges_of(erased))
        kept = each_host.trail.head("1").size
        assert found(each_host) == set()
    last = chance.randint(1, kept - 1)
    # Holds keep some of what is old, even where newer entries go.
    held = chance.randint(0, last)
    ranges = tuple((a, b) for a, b in ((0, held - 1), (held + 1, last)) if a <= b)
    remove(each_host, "1", "entry", ranges)
    assert found(each_host) == set()
    write(each_host, chance, 10)
    assert found(each_host) == set()


def test_behind_the_back_is_still_seen_where_entries_were_dropped(each_host: Application) -> None:
    each_host.write(
        "INSERT INTO members (id, account_id, name) VALUES (1, 1, 'Ada'), (2, 1, 'Bob')"
    )
    each_host.write("UPDATE members SET name = 'Bo' WHERE id = 2")
    each_host.sequencer.drain()
    remove(each_host, "1", "entry", ((0, 1),))
    assert found(each_host) == set()
    behind(
        each_host,
        "UPDATE members SET name = 'Eve'",
        "INSERT INTO members (id, account_id, name) VALUES (3, 1, 'Mal')",
    )
    # Of the first nothing is told any more.
    assert found(each_host) == {
        ("members", "2", "name", "Bo", "Eve"),
        ("members", "3", "missing_in_trail"),
    }


def test_while_writers_run_nothing_differs_but_what_does(each_host: Application) -> None:
    each_host.write("INSERT INTO members (id, account_id, name) VALUES (99, 1, 'Ada')")
    each_host.sequencer.drain()
    behind(each_host, "UPDATE members SET name = 'Eve' WHERE id = 99")
    stop = threading.Event()

    def writing(number: int) -> None:
        chance = drawn(number)
        while not stop.wait(0.002):
            record = number * 1_000 + chance.randint(1, 20)
            try:
                each_host.write(
                    chance.choice(
                        [
                            f"INSERT INTO labels (id, account_id, name) VALUES ({record}, 1, 'n')",
                            f"UPDATE labels SET name = 'x{chance.random()}' WHERE id = {record}",
                            f"DELETE FROM labels WHERE id = {record}",
                        ]
                    )
                )
            except IntegrityError:
                continue

    def sequencing() -> None:
        while not stop.wait(0.02):
            each_host.sequencer.step()

    threads = [
        *(threading.Thread(target=writing, args=(number,)) for number in range(2)),
        threading.Thread(target=sequencing),
    ]
    for thread in threads:
        thread.start()
    try:
        for _ in range(3):
            told = reconciler(
                each_host,
            ).run()
            assert [(each.table, each.id) for each in told.differences] == [("members", "99")]
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert found(each_host) == {("members", "99", "name", "Ada", "Eve")}
