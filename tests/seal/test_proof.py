"""Proofs: what the definitions give is accepted, and anything else, however near, is not."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit_trail.errors import (
    CheckpointOlder,
    NoteRefused,
    NotProven,
    OriginRefused,
    ProofRefused,
    SignatureRefused,
    SignerUnknown,
    TreeRefused,
)
from audit_trail.seal.checkpoint import Checkpoint, sign
from audit_trail.seal.merkle import EMPTY_ROOT, Range, leaf_hash, leaf_hashes
from audit_trail.seal.note import SigningKey
from audit_trail.seal.proof import (
    PROOF_LIMIT_BYTES,
    Proof,
    prove_consistency,
    prove_inclusion,
    verify_consistency,
    verify_growth,
    verify_inclusion,
)
from tests.seal.mutations import flipped, shifted
from tests.seal.trees import LEAVES, NODES, TREE, Tree
from tests.seal.vectors import CT_CONSISTENCY, CT_ENTRIES, CT_INCLUSION, CT_ROOTS

HUGE = 2**200
CT_LEAVES = leaf_hashes(CT_ENTRIES)
CT_TREE = Tree(CT_LEAVES)
KEY = SigningKey(name="example.com/1", seed=bytes(32))
sizes = st.integers(1, len(LEAVES))


def included(leaf: bytes, index: int, size: int, root: bytes, path: tuple[bytes, ...]) -> bool:
    try:
        verify_inclusion(leaf, index, size, root, path)
    except NotProven:
        return False
    return True


def consistent(first: int, old: bytes, second: int, new: bytes, path: tuple[bytes, ...]) -> bool:
    try:
        verify_consistency(first, old, second, new, path)
    except NotProven:
        return False
    return True


def checkpoint_of(size: int) -> Checkpoint:
    return Checkpoint(origin="example.com/1", size=size, root=TREE.mth(0, size))


@pytest.mark.parametrize(("at", "path"), CT_INCLUSION.items())
def test_published_inclusion_proofs_are_made_and_verified(
    at: tuple[int, int], path: tuple[bytes, ...]
) -> None:
    index, size = at
    assert prove_inclusion(index, size, CT_TREE.nodes) == path
    verify_inclusion(CT_LEAVES[index], index, size, CT_ROOTS[size], path)


@pytest.mark.parametrize(("cuts", "path"), CT_CONSISTENCY.items())
def test_published_consistency_proofs_are_made_and_verified(
    cuts: tuple[int, int], path: tuple[bytes, ...]
) -> None:
    first, second = cuts
    assert prove_consistency(first, second, CT_TREE.nodes) == path
    verify_consistency(first, CT_ROOTS[first], second, CT_ROOTS[second], path)


def places(size: int) -> list[int]:
    """Every index of a small tree; of a larger one a tenth, and those where its shape turns."""
    turns = {0, size - 1} | {(1 << level) + off for level in range(9) for off in (-1, 0)}
    tenth = range(size % 10, size, 10)
    return sorted(range(size) if size < 40 else {at for at in turns if at < size}.union(tenth))


def test_entries_of_every_size_up_to_300_are_proven_to_be_in_the_tree() -> None:
    for size in range(1, 301):
        root = TREE.mth(0, size)
        for index in places(size):
            path = prove_inclusion(index, size, NODES)
            assert list(path) == TREE.path(index, 0, size)
            verify_inclusion(LEAVES[index], index, size, root, path)
            # The proof holds for no neighbour.
            assert not included(LEAVES[index], index + 1, size, root, path)
            assert not included(LEAVES[index + 1], index, size, root, path)


def test_trees_of_every_size_up_to_300_are_proven_to_grow_out_of_those_before() -> None:
    for second in range(1, 301):
        root = TREE.mth(0, second)
        for first in (index + 1 for index in places(second)):
            path = prove_consistency(first, second, NODES)
            assert list(path) == TREE.subproof(first, 0, second, True)
            verify_consistency(first, TREE.mth(0, first), second, root, path)
            assert not consistent(first, TREE.mth(0, first + 1), second, root, path)
            assert not consistent(first + 1, TREE.mth(0, first), second, root, path)


@settings(deadline=None)
@given(st.tuples(sizes, sizes).map(sorted), st.data())
def test_any_larger_size_is_proven(cuts: list[int], data: st.DataObject) -> None:
    first, second = cuts
    path = prove_consistency(first, second, NODES)
    assert list(path) == TREE.subproof(first, 0, second, True)
    verify_consistency(first, TREE.mth(0, first), second, TREE.mth(0, second), path)
    index = data.draw(st.integers(0, second - 1))
    inclusion = prove_inclusion(index, second, NODES)
    assert list(inclusion) == TREE.path(index, 0, second)
    verify_inclusion(LEAVES[index], index, second, TREE.mth(0, second), inclusion)


@pytest.mark.parametrize(("index", "size"), [(0, 1), (0, 2), (6, 7), (3, 8), (4, 11), (10, 11)])
def test_no_bit_of_an_inclusion_proof_can_change(index: int, size: int) -> None:
    leaf, root, path = LEAVES[index], TREE.mth(0, size), prove_inclusion(index, size, NODES)
    assert included(leaf, index, size, root, path)
    assert not any(included(changed, index, size, root, path) for changed in flipped(leaf))
    assert not any(included(leaf, index, size, changed, path) for changed in flipped(root))
    for changed in changed_paths(path):
        assert not included(leaf, index, size, root, changed)


@pytest.mark.parametrize(("first", "second"), [(1, 1), (1, 2), (2, 7), (6, 7), (4, 8), (7, 11)])
def test_no_bit_of_a_consistency_proof_can_change(first: int, second: int) -> None:
    old, new, path = (
        TREE.mth(0, first),
        TREE.mth(0, second),
        prove_consistency(first, second, NODES),
    )
    assert consistent(first, old, second, new, path)
    assert not any(consistent(first, changed, second, new, path) for changed in flipped(old))
    assert not any(consistent(first, old, second, changed, path) for changed in flipped(new))
    for changed in changed_paths(path):
        assert not consistent(first, old, second, new, changed)


def changed_paths(path: tuple[bytes, ...]) -> list[tuple[bytes, ...]]:
    """The path with a bit turned, a hash left out, put in, doubled, cut, swapped, or resized."""
    found = []
    for at, node in enumerate(path):
        before, after = path[:at], path[at + 1 :]
        found += [(*before, changed, *after) for changed in flipped(node)]
        found += [(*before, *after), (*before, node, node, *after)]
        found += [(*before, resized, *after) for resized in (b"", node[:-1], node + b"\0")]
    found += [(*path[:at], bytes(32), *path[at:]) for at in range(len(path) + 1)]
    if len(path) > 1:
        found += [path[:-2], path[::-1], (b"".join(path),)]
        found += [
            (*path[:at], right, left, *path[at + 2 :])
            for at, (left, right) in enumerate(pairwise(path))
        ]
    return found


@pytest.mark.parametrize("size", range(1, 17))
def test_a_proof_holds_for_its_own_index_and_size_alone(size: int) -> None:
    """The root binds the size only by the signature over both: other sizes have other roots."""
    for index in range(size):
        path = prove_inclusion(index, size, NODES)
        held = [
            (other, of)
            for of in range(20)
            for other in range(-1, 20)
            if included(LEAVES[index], other, of, TREE.mth(0, of), path)
        ]
        assert held == [(index, size)]


@pytest.mark.parametrize(
    ("index", "size"),
    [(0, 0), (1, 1), (-1, 1), (5, 4), (HUGE, HUGE + 1), (0, HUGE), (-HUGE, 8), (0, 2**63)],
)
def test_an_index_outside_the_tree_is_refused(index: int, size: int) -> None:
    for path in ((), (bytes(32),) * 3, (bytes(32),) * 100_000):
        with pytest.raises(NotProven):
            verify_inclusion(LEAVES[0], index, size, LEAVES[0], path)
    with pytest.raises(TreeRefused):
        prove_inclusion(index, size, NODES)


@pytest.mark.parametrize(
    ("first", "second"), [(0, 0), (0, 8), (-1, 8), (9, 8), (HUGE, HUGE), (1, HUGE), (1, 2**63)]
)
def test_sizes_that_are_not_of_one_growing_tree_are_refused(first: int, second: int) -> None:
    for root in (EMPTY_ROOT, LEAVES[0]):
        for path in ((), (root,), (root,) * 100_000):
            with pytest.raises(NotProven):
                verify_consistency(first, root, second, root, path)
    with pytest.raises(TreeRefused):
        prove_consistency(first, second, NODES)


def test_a_proof_of_endless_hashes_is_left_at_the_root() -> None:
    endless = (bytes(32),) * 1_000_000
    with pytest.raises(NotProven, match="left over"):
        verify_inclusion(LEAVES[0], 0, 2**63 - 1, LEAVES[0], endless)
    with pytest.raises(NotProven, match="left over"):
        verify_consistency(1, LEAVES[0], 2**63 - 1, LEAVES[0], endless)


def test_a_shorter_trail_a_fork_and_another_s_growth_are_told_apart() -> None:
    path = prove_consistency(5, 9, NODES)
    verify_growth(checkpoint_of(5), checkpoint_of(9), path)
    verify_growth(checkpoint_of(5), checkpoint_of(5), ())
    with pytest.raises(CheckpointOlder):
        verify_growth(checkpoint_of(9), checkpoint_of(5), path)
    with pytest.raises(NotProven):
        verify_growth(
            checkpoint_of(5), Checkpoint(origin="example.com/1", size=5, root=LEAVES[0]), ()
        )
    other = Checkpoint(origin="example.com/2", size=9, root=TREE.mth(0, 9))
    with pytest.raises(OriginRefused):
        verify_growth(checkpoint_of(5), other, path)


def proof_of(index: int, size: int, extra: bytes | None = None) -> Proof:
    path = prove_inclusion(index, size, NODES)
    return Proof(index=index, path=path, checkpoint=sign(checkpoint_of(size), [KEY]), extra=extra)


@pytest.mark.parametrize("extra", [None, b"a salt"])
@pytest.mark.parametrize(("index", "size"), [(0, 1), (6, 7), (299, 300)])
def test_a_proof_is_written_as_lines_and_read_back(
    index: int, size: int, extra: bytes | None
) -> None:
    proof = proof_of(index, size, extra)
    assert Proof.parse(proof.encoded) == proof
    checkpoint = Proof.parse(proof.encoded).verify(LEAVES[index], "example.com/1", [KEY.verifier])
    assert checkpoint == checkpoint_of(size)
    head, _, rest = proof.encoded.partition(b"\n\n")
    assert rest == proof.checkpoint
    lines = head.decode().split("\n")
    assert lines[0] == "c2sp.org/tlog-proof@v1"
    assert lines[-len(proof.path) - 1 :][0] == f"index {index}"
    assert ("extra YSBzYWx0" in lines) == (extra is not None)


def test_a_proof_is_refused_for_another_leaf_origin_or_key() -> None:
    proof = proof_of(3, 7)
    for leaf, origin, key, refusal in (
        (LEAVES[4], "example.com/1", KEY, NotProven),
        (LEAVES[3], "example.com/2", KEY, OriginRefused),
        (LEAVES[3], "example.com/1", SigningKey(name=KEY.name, seed=b"1" * 32), SignerUnknown),
    ):
        with pytest.raises(refusal):
            proof.verify(leaf, origin, [key.verifier])


def test_no_bit_and_no_byte_of_a_proof_s_text_can_change() -> None:
    encoded = proof_of(3, 4).encoded
    refusals = (ProofRefused, NotProven, NoteRefused, SignerUnknown, SignatureRefused)
    for changed in (*flipped(encoded), *shifted(encoded)):
        with pytest.raises(refusals):
            Proof.parse(changed).verify(LEAVES[3], "example.com/1", [KEY.verifier])


HEAD = "c2sp.org/tlog-proof@v1\n"
NODE = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
TAIL = "\n\no\n7\nroot\n"


@pytest.mark.parametrize(
    "text",
    [
        *("", "\n\n", HEAD, f"{HEAD}index 0", f"{HEAD}index 0\n", f"{HEAD}\nindex 0{TAIL}"),
        f"c2sp.org/tlog-proof@v2\nindex 0{TAIL}",
        f"{HEAD[:-1]}{TAIL}",
        f" {HEAD}index 0{TAIL}",
        *(f"{HEAD}index{TAIL}", f"{HEAD}index {TAIL}", f"{HEAD}Index 0{TAIL}"),
        *(f"{HEAD}index 00{TAIL}", f"{HEAD}index 01{TAIL}", f"{HEAD}index -1{TAIL}"),
        *(f"{HEAD}index  1{TAIL}", f"{HEAD}index 1 {TAIL}", f"{HEAD}index １{TAIL}"),
        *(f"{HEAD}index {2**63}{TAIL}"),
        *(f"{HEAD}extra {TAIL}", f"{HEAD}extra \nindex 0{TAIL}", f"{HEAD}extra\nindex 0{TAIL}"),
        *(f"{HEAD}extra YQ\nindex 0{TAIL}", f"{HEAD}extra YR==\nindex 0{TAIL}"),
        f"{HEAD}extra YQ==\nextra YQ==\nindex 0{TAIL}",
        f"{HEAD}index 0\nextra YQ=={TAIL}",
        f"{HEAD}index 0\nindex 0{TAIL}",
        *(f"{HEAD}index 0\n{NODE[:-1]}{TAIL}", f"{HEAD}index 0\n{NODE} {TAIL}"),
        *(f"{HEAD}index 0\n{NODE[:-2]}9={TAIL}", f"{HEAD}index 0\nAAAA{TAIL}"),
        f"{HEAD}index 0\r\n{NODE}{TAIL}",
        f"{HEAD}index 0\nß{TAIL}",
    ],
)
def test_a_malformed_proof_is_refused(text: str) -> None:
    with pytest.raises(ProofRefused):
        Proof.parse(text.encode())


def test_a_proof_without_end_is_refused() -> None:
    digits = f"{HEAD}index {'9' * 100_000}{TAIL}"
    lines = HEAD + "index 0\n" + f"{NODE}\n" * (PROOF_LIMIT_BYTES // 45) + TAIL
    for text in (digits, lines):
        with pytest.raises(ProofRefused):
            Proof.parse(text.encode())


def test_a_checkpoint_within_a_proof_is_as_strict_as_one_alone() -> None:
    proof = proof_of(3, 7)
    for checkpoint, refusal in (
        (b"", NoteRefused),
        (proof.checkpoint[:-1], NoteRefused),
        (proof.checkpoint.replace(b"\n7\n", b"\n8\n"), SignatureRefused),
    ):
        changed = Proof(index=3, path=proof.path, checkpoint=checkpoint)
        with pytest.raises(refusal):
            Proof.parse(changed.encoded).verify(LEAVES[3], "example.com/1", [KEY.verifier])


@settings(deadline=None)
@given(st.binary() | st.binary().map(lambda rest: HEAD.encode() + rest))
def test_any_bytes_are_refused_or_read(content: bytes) -> None:
    try:
        proof = Proof.parse(content)
    except ProofRefused:
        return
    assert proof.encoded == content


def test_a_whole_range_is_proven_by_the_ranges_beside_it() -> None:
    """What lies left and right of a range are few hashes, and the three merged give the root."""
    left, right = Range.read(0, 100, NODES), Range.read(250, 300, NODES)
    middle = Range(start=100, stop=100).append(LEAVES[100:250]).after
    assert left.merge(middle).merge(right).root == TREE.mth(0, 300)
    other = [*LEAVES[100:180], leaf_hash(b"another"), *LEAVES[181:250]]
    forged = Range(start=100, stop=100).append(other).after
    assert left.merge(forged).merge(right).root != TREE.mth(0, 300)
