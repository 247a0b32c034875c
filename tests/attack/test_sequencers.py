"""What may befall a sequencer: rivals, pauses, lost answers, clocks, restored databases."""

import signal
from collections.abc import Callable
from contextlib import nullcontext
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from audit_trail.errors import StoreFailed
from audit_trail.sequencer import loop
from audit_trail.store.postgresql.store import PostgresqlStore
from audit_trail.trail import Trail
from tests.attack.lasting import is_stopped, require_whole, sequencing, until, working
from tests.capture.host import Application, Host, PostgresqlHost
from tests.proxy import deaf_to_commits

DAY_US = 86_400_000_000


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "STANDBY_SECONDS", 0.02)
    monkeypatch.setattr(loop, "POLL_SECONDS", 0.02)


def write(host: Application, first: int, last: int) -> None:
    """Create teams, each in a transaction of its own and renamed by the next."""
    for number in range(first, last + 1):
        host.write(
            f"UPDATE teams SET note = '{number}' WHERE id = {number - 1}",
            f"INSERT INTO teams (id, account_id, n) VALUES ({number}, 1, 0)",
        )


def size(host: Application) -> int:
    return host.store.head("1").size


def is_empty(host: Application) -> bool:
    return not host.waiting()


@pytest.mark.parametrize("believing", [False, True], ids=["locked", "both believing to lead"])
def test_two_sequencers_in_one_process_append_each_entry_once(
    lasting: Application, monkeypatch: pytest.MonkeyPatch, believing: bool
) -> None:
    host = lasting
    if believing:
        monkeypatch.setattr(host.outbox, "leading", nullcontext)
    with working(host, host.sequencer, host.new_sequencer()):
        write(host, 1, 30)
        until(lambda: is_empty(host))
    assert len(require_whole(host)) == 59


@pytest.mark.slow
def test_two_sequencers_in_two_processes_append_each_entry_once_though_one_is_killed(
    lasting: Application, place: str
) -> None:
    host = lasting
    with sequencing(host, place) as first, sequencing(host, place):
        write(host, 1, 10)
        until(lambda: is_empty(host))
        write(host, 11, 20)
        first.kill()
        write(host, 21, 30)
        until(lambda: is_empty(host))
    assert len(require_whole(host)) == 59


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["append", "delete"])
def test_a_sequencer_that_was_paused_while_another_took_over_is_fenced_when_it_wakes(
    lasting: Application, place: str, moment: str, tmp_path: Path
) -> None:
    host = lasting
    write(host, 1, 5)
    log = tmp_path / "log"
    with log.open("wb") as file, sequencing(host, place, moment, log=file) as paused:
        until(lambda: is_stopped(paused), "it never came so far")
        take_the_lead_from_it(host)
        with working(host):
            until(lambda: is_empty(host))
            stale = size(host)
            paused.send_signal(signal.SIGCONT)
            write(host, 6, 10)
            until(lambda: is_empty(host))
            assert size(host) > stale
        # Nobody leads now but, in the end, the one that woke.
        write(host, 11, 12)
        until(lambda: is_empty(host))
    assert log.read_text().count("another sequencer took over the outbox") == 1
    assert "Traceback" not in log.read_text()
    assert len(require_whole(host)) == 23


def take_the_lead_from_it(host: Application) -> None:
    """What an operator would do by mistake, and a network by breaking: the lock is free."""
    if isinstance(host, Host):
        Path(f"{host.path}.sequencer").unlink()
    else:
        host.shell(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory' "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )


def test_a_crash_between_append_and_delete_leaves_each_entry_once(
    lasting: Application, place: str
) -> None:
    host = lasting
    write(host, 1, 5)
    host.shell("UPDATE teams SET n = 1")
    with sequencing(host, place, "delete") as killed:
        until(lambda: is_stopped(killed), "it never came so far")
        kept = host.store.slice("1", 0, 99)
        assert len(kept) == 14 and not is_empty(host)
        killed.kill()
    write(host, 6, 6)
    assert require_whole(host)[: len(kept)] == kept, "salts are never drawn again"


def test_an_append_whose_answer_was_lost_is_found_by_its_ids(
    postgresql_host: PostgresqlHost, url: str
) -> None:
    host = postgresql_host
    port = host.cluster.port
    write(host, 1, 5)
    with deaf_to_commits(port, times=3) as deaf:  # The term's, and an append's.
        host.store = PostgresqlStore(url.replace(f":{port}/", f":{deaf}/"))
        host.trail = Trail(host.store)
        host.sequencer = host.new_sequencer()
        failures = until_it_succeeds(host.sequencer.step)
        assert failures == 3
        assert len(require_whole(host)) == 9
        host.store.close()


def test_an_append_that_failed_after_it_was_kept_is_found_by_its_ids(lasting: Application) -> None:
    host = lasting
    write(host, 1, 5)
    append, times = host.store.append, count()

    def failing(tails: Any, lead: Any = None) -> None:
        append(tails, lead)
        if next(times) < 2:
            raise StoreFailed

    host.store.append = failing  # type: ignore[method-assign]
    assert until_it_succeeds(host.sequencer.step) == 2
    assert len(require_whole(host)) == 9


def until_it_succeeds(act: Callable[[], object]) -> int:
    """Return how often it failed before."""
    for failures in range(10):
        try:
            act()
        except StoreFailed:
            continue
        return failures
    raise AssertionError("it failed ten times")


def test_clocks_set_back_move_no_entry_and_repeat_no_id(lasting: Application) -> None:
    host = lasting
    now = 1_800_000_000_000_000
    times = iter([now, now - DAY_US, now + 5, now - 2 * DAY_US])
    host.trail = Trail(host.store, clock=lambda: next(times))
    host.sequencer = host.new_sequencer()
    set_back = (
        "UPDATE audit_trail.outbox SET occurred_at = occurred_at - {} * interval '1 day'"
        if isinstance(host, PostgresqlHost)
        else "UPDATE audit_outbox SET occurred_ms = occurred_ms - {} * 86400000"
    )
    for day in range(4):
        write(host, day * 3 + 1, day * 3 + 3)
        host.shell(set_back.format(day))
        host.sequencer.drain()
    entries = require_whole(host)
    recorded = [each.public.recorded_at - now for each in entries]
    assert sorted(set(recorded)) == [0, 5]
    occurred = [each.public.occurred_at for each in entries]
    assert occurred != sorted(occurred), "each says when its own database thought that it was"
