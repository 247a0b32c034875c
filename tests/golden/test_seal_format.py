"""Seal format 1: the same entries have the same tree, notes and proofs for ever, as the spec says."""

import json
from base64 import b64decode
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from audit_trail.seal.checkpoint import verify
from audit_trail.seal.merkle import leaf_hash
from audit_trail.seal.note import VerifierKey
from audit_trail.seal.proof import Proof, verify_consistency
from tests.golden.seals import ENTRIES, ORIGIN, vectors
from tests.seal.trees import Tree

HERE = Path(__file__).parent
GOLDEN: dict[str, Any] = json.loads((HERE / "seal-1.json").read_text(encoding="utf-8"))
KEY = VerifierKey.parse(GOLDEN["verifier_key"])
ROOTS = {int(size): bytes.fromhex(root) for size, root in GOLDEN["roots"].items()}


def test_the_same_entries_and_key_give_the_same_bytes() -> None:
    assert vectors() == GOLDEN


def test_the_roots_follow_from_the_rfc_with_nothing_of_ours() -> None:
    tree = Tree([sha256(b"\x00" + entry).digest() for entry in ENTRIES])
    assert {size: tree.mth(0, size) for size in ROOTS} == ROOTS


def test_tiles_and_bundles_follow_from_the_specification_with_nothing_of_ours() -> None:
    leaves = [sha256(b"\x00" + entry).digest() for entry in ENTRIES]
    root = ROOTS[256]
    assert GOLDEN["tiles"] == {
        "tile/0/000": sha256(b"".join(leaves[:256])).hexdigest(),
        "tile/0/001.p/44": sha256(b"".join(leaves[256:])).hexdigest(),
        "tile/1/000.p/1": sha256(root).hexdigest(),
    }
    lengths = [bytes(divmod(len(entry), 256)) + entry for entry in ENTRIES]
    assert GOLDEN["bundles"] == {
        "tile/entries/000": sha256(b"".join(lengths[:256])).hexdigest(),
        "tile/entries/001.p/44": sha256(b"".join(lengths[256:])).hexdigest(),
    }


@pytest.mark.parametrize("size", GOLDEN["checkpoints"])
def test_checkpoints_follow_from_the_specification_with_nothing_of_ours(size: str) -> None:
    text, _, line = GOLDEN["checkpoints"][size].partition("\n\n")
    assert text.split("\n")[:2] == [ORIGIN, size]
    assert b64decode(text.split("\n")[2]).hex() == GOLDEN["roots"][size]
    name, _, rest = GOLDEN["verifier_key"].partition("+")
    key_id, _, typed = rest.partition("+")
    public = b64decode(typed)[1:]
    dash, signer, signature = line.removesuffix("\n").split(" ")
    assert (dash, signer) == ("—", name)
    assert b64decode(signature)[:4].hex() == key_id
    assert sha256(f"{name}\n\x01".encode() + public).hexdigest()[:8] == key_id
    Ed25519PublicKey.from_public_bytes(public).verify(
        b64decode(signature)[4:], f"{text}\n".encode()
    )


@pytest.mark.parametrize("at", GOLDEN["proofs"])
def test_a_proof_of_the_format_is_verified(at: str) -> None:
    index, size = map(int, at.split())
    proof = Proof.parse(GOLDEN["proofs"][at].encode())
    assert proof.index == index
    checkpoint = proof.verify(leaf_hash(ENTRIES[index]), ORIGIN, [KEY])
    assert (checkpoint.size, checkpoint.root) == (size, ROOTS.get(size))


@pytest.mark.parametrize("at", GOLDEN["consistency"])
def test_a_consistency_proof_of_the_format_is_verified(at: str) -> None:
    first, second = map(int, at.split())
    tree = Tree([leaf_hash(entry) for entry in ENTRIES])
    path = [bytes.fromhex(node) for node in GOLDEN["consistency"][at]]
    verify_consistency(first, tree.mth(0, first), second, tree.mth(0, second), path)


@pytest.mark.parametrize("size", GOLDEN["checkpoints"])
def test_a_checkpoint_of_the_format_is_verified(size: str) -> None:
    checkpoint = verify(GOLDEN["checkpoints"][size].encode(), ORIGIN, [KEY])
    assert (checkpoint.size, checkpoint.root) == (int(size), ROOTS[int(size)])
