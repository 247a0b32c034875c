"""The comparison runs, with ours alone; it judges as its page says, and ours misses nothing."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from bench.engines import KINDS, Kind, place
from bench.paired import Ratio
from bench.peers import cores, page
from bench.peers.cost import Cost, Costs, Way
from bench.peers.found import APART, Found
from bench.peers.levels import Level
from bench.peers.news import News
from bench.peers.run import SMOKE, STACKS, found_on
from bench.peers.verdicts import ADA, Event, Fact, Snapshot, judge, told_by
from bench.run import machine
from tests.postgresql import Cluster

ROOT = Path(__file__).parents[2]
CHANGED = Fact("update", "ticket", 7, {"priority": 1}, {"priority": 2})


def told(
    before: object = "1", after: object = "2", actor: str | None = ADA, operation: str = "update"
) -> Event:
    sides = {"priority": before, "name": "Given"}, {"priority": after}
    return Event(operation, "ticket", "7", *sides, actor)


@pytest.mark.parametrize(
    ("facts", "events", "verdict"),
    [
        ([CHANGED], [told()], "recorded"),
        ([], [], "none"),
        ([CHANGED], [], "missed"),
        ([], [told()], "ghost"),
        ([CHANGED], [told(before=5)], "wrong"),
        ([CHANGED], [told(actor=None)], "no actor"),
        ([CHANGED], [told(actor="bob@example.com")], "wrong actor"),
        ([CHANGED], [told(), told()], "ghost"),
        ([CHANGED], [told(operation="delete")], "missed and ghost"),
        ([CHANGED._replace(actor=None)], [told(actor=None)], "recorded"),
        ([CHANGED], [told(before=5), told()], "ghost"),
        ([CHANGED, CHANGED], [told(), told(after=3)], "wrong"),
        ([CHANGED], [told()._replace(after={})], "wrong"),
    ],
)
def test_a_log_is_judged_by_what_happened(
    facts: list[Fact], events: list[Event], verdict: str
) -> None:
    assert judge(facts, events) == verdict


def test_snapshots_are_read_with_the_one_before() -> None:
    snapshots = [
        Snapshot(operation, "ticket", key, {"priority": value}, ADA)
        for operation, key, value in [
            ("create", 7, 1),
            ("create", 8, 5),
            ("update", 7, 2),
            ("delete", 7, 2),
        ]
    ]
    born, _, changed, gone = told_by(snapshots)
    assert (born.before, born.after) == ({}, {"priority": 1})
    assert judge([CHANGED], [changed]) == "recorded"
    assert (gone.before, gone.after) == ({"priority": 2}, {})


def test_what_is_new_in_a_log_is_found_in_any_order() -> None:
    news = News()
    assert news.among([told(1, 2)]) == [told(1, 2)]
    assert news.among([told(2, 3), told(1, 2), told(1, 2)]) == [told(2, 3), told(1, 2)]
    assert news.among([told(1, 2), told(1, 2), told(2, 3)]) == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_ours_misses_nothing_on_any_path(kind: Kind) -> None:
    stacks = {stack: libraries[:2] for stack, libraries in STACKS.items()}
    with place(kind) as where:
        found = found_on(where, stacks, SMOKE)
    assert list(found.verdicts) == [("django", "ours"), ("sqlalchemy", "ours")]
    for verdicts in found.verdicts.values():
        assert len(verdicts) >= 19
        assert {path: said for path, said in verdicts.items() if said not in page.SOUND} == {}
        assert verdicts["save before a kill -9"] == "recorded"
        assert verdicts["rollback"] == "none"
    parted = kind == "PostgreSQL" and len(cores.cores()) > 1
    assert set(found.costs) == {*STACKS, *(stack + APART for stack in STACKS if parted)}
    assert {len(costs) for costs in found.costs.values()} == {3}
    assert all(each.sequencer_us for costs in found.costs.values() for each in costs)
    assert len(found.levels) == (3 if kind == "PostgreSQL" else 0)
    assert bool(found.trail_bytes) == (kind == "PostgreSQL")


def test_a_server_is_kept_apart_from_its_clients_and_let_go(postgresql: Cluster) -> None:
    with subprocess.Popen(["sleep", "60"]) as client:
        try:
            with cores.apart(postgresql, [client.pid]) as are_apart:
                assert are_apart == (len(cores.cores()) > 1)
                kept = [set(os.sched_getaffinity(pid)) for pid in (client.pid, postgresql.pid)]
                assert not are_apart or kept[0].isdisjoint(kept[1])
            for pid in (client.pid, postgresql.pid):
                assert sorted(os.sched_getaffinity(pid)) == cores.cores()
        finally:
            client.kill()


def found_by_hand(kind: Kind, theirs: Ratio, verdict: str = "recorded") -> Found:
    one = Ratio(1, 1, 1)
    costs = [Cost("ours", 100, Ratio(10, 9, 11), None), Cost("django-auditlog", 100, one, theirs)]
    return Found(
        kind,
        {
            ("django", "ours"): {"create": verdict},
            ("django", "django-auditlog"): {"create": "missed"},
        },
        {"django": [Costs(Way("update", 100, 100), costs, 42.0)]},
        {"INSERT": [Level("ours", 50, one, None), Level("django-pghistory", 50, one, theirs)]},
        {("django", "ours"): 700, ("django", "django-auditlog"): 900},
        1_000,
    )


def test_the_page_says_what_was_met_and_what_was_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "docs").mkdir()
    written = tmp_path / "docs" / "comparison.md"
    written.write_text((ROOT / "docs" / "comparison.md").read_text())
    monkeypatch.setattr(page, "ROOT", tmp_path)
    met, missed = Ratio(20, 16, 24), Ratio(0.5, 0.4, 0.6)
    runs = [found_by_hand("SQLite", met), found_by_hand("PostgreSQL", missed, "wrong")]
    assert len(list(page.write(runs, False))) == 5
    assert written.read_text() == (ROOT / "docs" / "comparison.md").read_text()
    assert list(page.write(runs, False, is_brief=True)) == [page.paths(runs)]
    list(page.write(runs, True))
    text = written.read_text()
    assert "| PostgreSQL, django: create: wrong | missed |" in text
    assert "15 times what ours adds to a save | 20.00 (95 %: 16.00 to 24.00) | met |" in text
    assert "15 times what ours adds to a save | 0.50 (95 %: 0.40 to 0.60) | missed |" in text
    assert "django-auditlog adds 0.50 (95 %: 0.40 to 0.60) times what ours adds." in text
    assert "An entry of django-auditlog takes 900 bytes, one of our trail 1,000." in text
    assert "| create | wrong | missed |\n| **amiss** | **1** | **1** |" in text
    assert "On SQLite, of 2 that work there: ours, Django: create: recorded." in text
    assert "takes 42 µs an entry" in text
    assert "make peers" in page.taken() and machine() in text


def test_every_library_that_is_compared_is_locked_and_named() -> None:
    locked = re.findall(r'^name = "([^"]+)"$', (ROOT / "uv.lock").read_text(), re.MULTILINE)
    text = (ROOT / "docs" / "comparison.md").read_text()
    for libraries in STACKS.values():
        for name in libraries[2:]:
            assert name in locked and name in page.PACKAGES and name in text
