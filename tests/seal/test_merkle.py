"""The tree's hashes and ranges, held against published answers and the RFC's own definitions."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit_trail.errors import TreeRefused
from audit_trail.seal.merkle import (
    EMPTY_ROOT,
    SIZE_LIMIT,
    Range,
    leaf_hash,
    leaf_hashes,
    node_hash,
    parents,
    subtrees,
)
from tests.seal.trees import LEAVES, NODES, TREE
from tests.seal.vectors import CT_ENTRIES, CT_ROOTS, LEAF_OF_L123456, NODE_OF_N123_N456

sizes = st.integers(0, len(LEAVES))


def test_leaf_and_node_are_hashed_as_published() -> None:
    assert leaf_hash(b"L123456").hex() == LEAF_OF_L123456
    assert node_hash(b"N123", b"N456").hex() == NODE_OF_N123_N456
    assert parents([b"N123", b"N456", b"alone"]) == [node_hash(b"N123", b"N456")]


@pytest.mark.parametrize("size", range(9))
def test_the_roots_are_those_of_certificate_transparency(size: int) -> None:
    leaves = leaf_hashes(CT_ENTRIES[:size])
    assert Range().append(leaves).after.root == CT_ROOTS[size]
    assert leaves == [leaf_hash(entry) for entry in CT_ENTRIES[:size]]


def test_the_empty_tree_has_the_hash_of_nothing_as_its_root() -> None:
    assert Range().root == EMPTY_ROOT == CT_ROOTS[0]
    assert Range().append([]).after == Range()


def test_every_root_up_to_300_is_the_definition_s_however_the_leaves_came() -> None:
    edge = Range()
    for size in range(301):
        assert edge.root == TREE.mth(0, size)
        assert Range().append(LEAVES[:size]).after == edge == Range.read(0, size, NODES)
        edge = edge.append([LEAVES[size]]).after


@settings(deadline=None)
@given(st.lists(st.integers(0, 400), max_size=8))
def test_any_batches_make_the_same_tree(batches: list[int]) -> None:
    edge = Range()
    for batch in batches:
        edge = edge.append(LEAVES[edge.stop : edge.stop + batch]).after
    assert edge == Range.read(0, edge.stop, NODES)
    assert edge.root == TREE.mth(0, edge.stop)


@settings(deadline=None)
@given(st.tuples(sizes, sizes, sizes).map(sorted))
def test_a_range_grows_the_same_by_leaves_and_by_merging(cuts: list[int]) -> None:
    start, middle, stop = cuts
    left, right = Range.read(start, middle, NODES), Range.read(middle, stop, NODES)
    whole = Range.read(start, stop, NODES)
    assert left.append(LEAVES[middle:stop]).after == left.merge(right) == whole
    assert Range(start=middle, stop=middle).append(LEAVES[middle:stop]).after == right


@settings(deadline=None)
@given(st.tuples(sizes, sizes).map(sorted))
def test_an_append_tells_every_node_that_it_completes(cuts: list[int]) -> None:
    before, after = cuts
    growth = Range.read(0, before, NODES).append(LEAVES[before:after])
    told = {
        (level, (before >> level) + place): node
        for level, row in enumerate(growth.rows)
        for place, node in enumerate(row)
    }
    completed = [
        (level, index) for level in range(12) for index in range(before >> level, after >> level)
    ]
    assert told == {at: NODES(*at) for at in completed}


@settings(deadline=None)
@given(st.tuples(st.integers(0, SIZE_LIMIT), st.integers(0, SIZE_LIMIT)).map(sorted))
def test_a_range_of_any_size_is_covered_by_few_subtrees(cuts: list[int]) -> None:
    start, stop = cuts
    found = list(subtrees(start, stop))
    assert len(found) <= 126
    at = start
    for level, index in found:
        assert index << level == at
        at += 1 << level
    assert at == stop


@pytest.mark.parametrize(
    ("start", "stop", "hashes"),
    [
        (1, 0, ()),
        (-1, 0, ()),
        (0, 1, ()),
        (0, 2, (bytes(32), bytes(32))),
        (0, 0, (bytes(32),)),
        (0, 1, (bytes(31),)),
        (0, 2**63, (bytes(32),)),
        (1, 2**10_000, (bytes(32),)),
        (-(2**10_000), 2**10_000, ()),
    ],
)
def test_hashes_that_are_no_range_are_refused(
    start: int, stop: int, hashes: tuple[bytes, ...]
) -> None:
    with pytest.raises(TreeRefused):
        Range(start=start, stop=stop, hashes=hashes)


def test_ranges_that_do_not_touch_are_not_merged_and_a_later_one_has_no_root() -> None:
    with pytest.raises(TreeRefused):
        Range.read(0, 5, NODES).merge(Range.read(6, 9, NODES))
    with pytest.raises(TreeRefused):
        _ = Range.read(1, 2, NODES).root


def test_a_tree_stops_growing_at_the_limit() -> None:
    full = Range.read(0, SIZE_LIMIT, lambda level, index: bytes(32))
    with pytest.raises(TreeRefused):
        full.append([bytes(32)])
