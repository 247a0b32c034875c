"""A reconciliation that finds something says so in the trail: to the installation and to the accounts, once."""

from threading import Event
from typing import Any

import pytest

from audit_trail.reconciliation.report import Report
from audit_trail.reconciliation.rounds import Rounds
from audit_trail.record.entry import read_what
from tests.capture.host import Application
from tests.reconciliation.behind import behind

pytestmark = pytest.mark.both_engines


@pytest.fixture
def rounds(each_host: Application) -> Rounds:
    each_host.write(
        "INSERT INTO members (id, account_id, name) VALUES (1, 1, 'Ada'), (2, 2, 'Bob')"
    )
    each_host.sequencer.drain()
    return Rounds(each_host.engine, each_host.trail)


def step(host: Application, rounds: Rounds) -> Report:
    # Taking triggers away was noted, too, and what waits can't be decided.
    host.sequencer.drain()
    return rounds.step()


def news(host: Application, account: str) -> list[tuple[str, dict[str, Any]]]:
    """The entries about it: their action, and their details but for the fingerprint."""
    entries = host.trail.entries(account, 0, 1_000)
    return [
        (
            entry.public.action,
            {k: v for k, v in read_what(entry.what).details.items() if k != "fingerprint"},
        )
        for entry in entries
        if entry.public.entity.type == "audit_log" and entry.public.action.startswith("reconcil")
    ]


def test_what_agrees_is_no_news(each_host: Application, rounds: Rounds) -> None:
    assert step(each_host, rounds).differing == 0
    assert news(each_host, "0") == news(each_host, "1") == []


def test_what_differs_is_told_once_and_again_when_it_agrees(
    each_host: Application, rounds: Rounds
) -> None:
    behind(each_host, "UPDATE members SET name = 'Secret words' WHERE id = 1")
    step(each_host, rounds)
    mine = {"differing": 1, "records": ["members #1: name"]}
    assert news(each_host, "1") == [("reconciliation_failed", mine)]
    assert news(each_host, "0") == [("reconciliation_failed", {**mine, "accounts": ["1"]})]
    assert news(each_host, "2") == []
    step(each_host, rounds)
    assert len(news(each_host, "0")) == len(news(each_host, "1")) == 1
    behind(each_host, "DELETE FROM members WHERE id = 2")
    step(each_host, rounds)
    assert len(news(each_host, "1")) == 1
    assert news(each_host, "2")[-1][1]["records"] == ["members #2: missing in table"]
    assert news(each_host, "0")[-1][1] == {
        "differing": 2,
        "records": ["members #1: name", "members #2: missing in table"],
        "accounts": ["1", "2"],
    }
    behind(
        each_host,
        "UPDATE members SET name = 'Ada'",
        "INSERT INTO members (id, account_id, name) VALUES (2, 2, 'Bob')",
    )
    step(each_host, rounds)
    for account in ("0", "1", "2"):
        assert news(each_host, account)[-1] == ("reconciled", {})
    step(each_host, rounds)
    assert [len(news(each_host, account)) for account in ("0", "1", "2")] == [3, 2, 2]


def test_no_value_of_a_record_is_in_an_entry_or_the_log(
    each_host: Application, rounds: Rounds, caplog: pytest.LogCaptureFixture
) -> None:
    behind(each_host, "UPDATE members SET name = 'Secret words' WHERE id = 1")
    step(each_host, rounds)
    parts = [entry.what.stored for entry in each_host.trail.entries("0", 0, 99) if entry.what]
    assert parts
    assert b"Secret words" not in b"".join(parts)
    assert "1 of 2 records differ" in caplog.text
    assert "Secret words" not in caplog.text


def test_only_who_leads_reconciles_and_a_stop_ends_it(each_host: Application) -> None:
    behind(each_host, "INSERT INTO members (id, account_id) VALUES (1, 1)")
    stop = Event()
    asked: list[bool] = []

    def leads() -> bool:
        asked.append(True)
        if len(asked) >= 3:
            stop.set()
        return False

    Rounds(each_host.engine, each_host.trail, leads=leads, period_seconds=0.01).run(stop)
    assert len(asked) == 3
    assert news(each_host, "0") == []


def test_it_runs_by_its_period_until_it_is_stopped(each_host: Application) -> None:
    behind(each_host, "INSERT INTO members (id, account_id) VALUES (1, 1)")
    each_host.sequencer.drain()
    stop = Event()
    rounds = Rounds(each_host.engine, each_host.trail, leads=lambda: leading(), period_seconds=0.01)

    def leading() -> bool:
        if news(each_host, "1"):
            stop.set()
        return True

    rounds.run(stop)
    assert [action for action, _ in news(each_host, "1")] == ["reconciliation_failed"]
