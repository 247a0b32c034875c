"""The benchmarks run, and say what they measured; no test judges a time."""

from bench.paired import Ratio, ratio_of
from bench.saves import measure
from bench.visibility import commit_to_visible, newest_page


def test_the_benchmarks_measure_saves_visibility_and_the_newest_page():
    cost = measure(100, rounds=9)
    assert cost.ratio.low <= cost.ratio.median <= cost.ratio.high
    assert cost.without_us > 0
    visible = commit_to_visible(20)
    assert 0 < visible.p50_ms <= visible.p99_ms
    assert newest_page(100, 5).p50_ms > 0


def test_the_interval_of_nine_pairs_leaves_out_the_extremes_only_as_far_as_it_may():
    pairs = [(value, 1.0) for value in (9, 1, 8, 2, 7, 3, 6, 4, 5)]
    assert ratio_of(pairs) == Ratio(5.0, 2.0, 8.0)


def test_a_verdict_is_given_only_where_the_interval_tells():
    assert Ratio(1.1, 1.0, 1.2).verdict(1.25) == "met"
    assert Ratio(1.4, 1.3, 1.5).verdict(1.25) == "missed"
    assert Ratio(1.2, 1.1, 1.3).verdict(1.25) == "not distinguishable"
