"""The benchmarks run, and say what they measured; no test judges a time."""

from pathlib import Path

import pytest

from bench import run
from bench.paired import Ratio, median_with_interval, ratio_of

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.parametrize("part", ["SQLite", "PostgreSQL"])
def test_a_short_run_tells_every_figure_of_the_engine(part: str) -> None:
    taken = list(run.figures(run.SMOKE._replace(rows=100, rounds=3), only=part))
    assert [each.what.removeprefix(f"{part}: ") for each in taken] == [
        "ORM save, 1 a transaction",
        "ORM save, 100 a transaction",
        "a row of a 1,000-row UPDATE",
        "outbox to trail / raw bulk insert of the same rows",
        "bytes an entry, all indexes included",
        "commit to visible, and sealed, at 200 changes a second",
        "outbox to sealed trail / raw bulk insert of the same rows",
        "append of 1,000 entries of 1 account, sealed / not",
        "append of 1,000 entries of 100 accounts, sealed / not",
        "outbox to sealed and indexed trail / raw insert with the engine's text indexes",
        "a trail of 500 entries, appended and indexed",
        "a trail of 1,000 entries, appended and indexed",
        "newest page",
        "page of a user",
        "page of a record",
        "page of a user and month",
        "page of a rare word",
        "page of a frequent word",
        "page of a transition",
        "page 250 entries deep, by its number",
        "page 250 entries deep, by its cursor",
        "facets",
        "facets of a user",
        "timeline",
        "timeline of a user",
        "a retention run over 300 expired entries",
        "erasing a person with 50 entries among 500",
    ]
    assert all(each.measured for each in taken)
    assert "; at most 1.5 times that of the smallest" in taken[-9].aim


def test_a_short_run_tells_what_hashing_takes() -> None:
    hashing, sealed = run.figures(run.SMOKE, only="hashing")
    assert "a second" in hashing.measured
    assert sealed.measured.startswith("32.1 in tiles; 211 for")


def test_a_short_run_tells_what_an_evidence_file_takes() -> None:
    (figure,) = run.figures(run.SMOKE, only="evidence")
    assert figure.what == "an evidence file of 2,000 entries with both parts, verified"
    assert "bytes an entry" in figure.measured


@pytest.mark.slow
def test_a_short_run_tells_what_a_person_waits_for() -> None:
    taken = list(run.figures(run.SMOKE, only="product"))
    assert len(taken) == 6
    assert "p50" in taken[0].measured


def test_the_figures_are_put_between_the_markers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "docs").mkdir()
    for name in ("README.md", "docs/benchmarks.md"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    monkeypatch.setattr(run, "ROOT", tmp_path)
    run.write([run.Figure("found", "3", table="finding")])
    run.write([run.Figure("a", "1", "met", short=True), run.Figure("b", "2")])
    readme, page = ((tmp_path / n).read_text() for n in ("README.md", "docs/benchmarks.md"))
    assert "| a | 1 | met |" in readme and "| b | 2 |  |" not in readme
    assert "| a | 1 | met |\n| b | 2 |  |" in page
    assert "|---|---|---|\n| found | 3 |  |\n\n" in page
    assert "PostgreSQL 1" in page and "make bench" in page


def test_the_interval_of_nine_pairs_leaves_out_the_extremes_only_as_far_as_it_may() -> None:
    pairs = [(value, 1.0) for value in (9, 1, 8, 2, 7, 3, 6, 4, 5)]
    assert ratio_of(pairs) == Ratio(5.0, 2.0, 8.0)
    assert median_with_interval([value for value, _ in pairs]) == Ratio(5.0, 2.0, 8.0)


def test_a_verdict_is_given_only_where_the_interval_tells() -> None:
    assert Ratio(1.1, 1.0, 1.2).verdict(1.25) == "met"
    assert Ratio(1.4, 1.3, 1.5).verdict(1.25) == "missed"
    assert Ratio(1.2, 1.1, 1.3).verdict(1.25) == "not distinguishable"
    assert Ratio(0.5, 0.45, 0.6).at_least(0.4) == "met"
    assert Ratio(0.3, 0.2, 0.39).at_least(0.4) == "missed"
    assert Ratio(0.4, 0.3, 0.5).at_least(0.4) == "not distinguishable"
