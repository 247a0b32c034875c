"""The browser's verifier and ours, held against the same trees, notes and keys."""

import json
from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from audit_trail.errors import AuditError
from audit_trail.seal.checkpoint import Checkpoint
from audit_trail.seal.merkle import leaf_hash
from audit_trail.seal.note import NOTE_LIMIT_BYTES, SigningKey, VerifierKey, parse, sign, signers
from audit_trail.seal.proof import Proof, prove_consistency, prove_inclusion
from tests.golden.seals import ENTRIES
from tests.pages.browsing import Browsing
from tests.seal.mutations import flipped, shifted
from tests.seal.test_proof import CT_LEAVES, changed_paths, consistent, included
from tests.seal.trees import LEAVES, NODES, TREE, Tree
from tests.seal.vectors import (
    C2SP_KEY,
    C2SP_NOTE,
    CT_CONSISTENCY,
    CT_ENTRIES,
    CT_INCLUSION,
    CT_ROOTS,
    GO_BAD_KEYS,
    GO_KEY,
    GO_LINE,
    GO_SECOND_KEY,
    GO_SECOND_LINE,
    GO_TEXT,
    SUMDB_CHECKPOINT,
    SUMDB_KEY,
)

pytestmark = pytest.mark.browser

GOLDEN: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "golden" / "seal-1.json").read_text(encoding="utf-8")
)

SIZES = ("-1", "+1", "01", " 1", "1.0", "1e3", "", "٣", "0", str(2**63 - 1), str(2**63), "9" * 40)

OTHERS = (
    *(b"other AAAAAAA=", b"other AAAAAA==", b"o+r AAAAAAA=", b" AAAAAAA=", b"other"),
    *(b"other AAAAAAA= A", b"\xff AAAAAAA=", b"other\t AAAAAAA=", b"\xc2\xa0 AAAAAAA="),
)

Leading = tuple[bytes, int, int, bytes, Iterable[bytes]]
Growing = tuple[int, bytes, int, bytes, Iterable[bytes]]


class Verifier:
    """Runs the functions of verify.js in a page of ours; bytes cross in base64."""

    def __init__(self, page: Page) -> None:
        page.goto("/sign-in")
        self._page = page

    def each(self, function: str, cases: Iterable[object]) -> list[Any]:
        """Return for each case what the function gives; what is refused gives False."""
        given: list[Any] = self._page.evaluate(
            """async cases => {
                const it = await import("/static/verify.js");
                const given = [];
                for (const each of cases) {
                    given.push(await (FUNCTION)(it, each).catch(error => {
                        if (error instanceof it.Refused) return false;
                        throw error;
                    }));
                }
                return given;
            }""".replace("FUNCTION", function),
            list(cases),
        )
        return given

    def leads(self, cases: Iterable[Leading]) -> list[bool]:
        """Tell of each leaf, index, size, root and path whether the path leads to the root."""
        return self.each(
            """async (it, [leaf, index, size, root, path]) => it.hex(await it.rootOfPath(
                it.fromBase64(leaf), BigInt(index), BigInt(size), path.map(it.hashFrom)
            )) === root""",
            (
                [told(leaf), str(index), str(size), root.hex(), list(map(told, path))]
                for leaf, index, size, root, path in cases
            ),
        )

    def grows(self, cases: Iterable[Growing]) -> list[bool]:
        """Tell of each two sizes and roots and path whether the second tree adds to the first."""
        return self.each(
            """async (it, [first, old, second, root, path]) => (await it.verifyConsistency(
                BigInt(first), it.hashFrom(old), BigInt(second), it.hashFrom(root),
                path.map(it.hashFrom)
            ), true)""",
            (
                [str(first), told(old), str(second), told(new), list(map(told, path))]
                for first, old, second, new, path in cases
            ),
        )

    def opens(self, messages: Iterable[bytes], *keys: str) -> list[Any]:
        """Return the ids of the keys that signed each note."""
        return self.each(
            """async (it, [message, keys]) => (await it.signers(
                it.openNote(it.fromBase64(message)), await Promise.all(keys.map(it.verifierKey))
            )).map(key => key.id)""",
            ([told(message), keys] for message in messages),
        )


@pytest.fixture
def verifier(browsing: Browsing) -> Verifier:
    return Verifier(browsing.stranger())


def told(content: bytes) -> str:
    return b64encode(content).decode()


def test_leaves_are_those_of_the_format_and_of_others(verifier: Verifier) -> None:
    entries = [*ENTRIES, *CT_ENTRIES]
    leaves = verifier.each(
        "async (it, entry) => it.hex(await it.leafHash(it.fromBase64(entry)))", map(told, entries)
    )
    assert leaves == [leaf_hash(entry).hex() for entry in entries]


def test_the_formats_proofs_and_checkpoints_are_verified(verifier: Verifier) -> None:
    notes = [note.encode() for note in GOLDEN["checkpoints"].values()]
    key_id = GOLDEN["verifier_key"].split("+")[1]
    assert verifier.opens(notes, GOLDEN["verifier_key"]) == [[key_id]] * len(notes)
    proofs = [Proof.parse(text.encode()) for text in GOLDEN["proofs"].values()]
    checkpoints = [Checkpoint.parse(parse(proof.checkpoint).text) for proof in proofs]
    assert verifier.each(
        """async (it, note) => {
            const found = await it.checkpointIn(it.openNote(it.fromBase64(note)).text);
            return [found.origin, String(found.size), it.hex(found.root)];
        }""",
        (told(proof.checkpoint) for proof in proofs),
    ) == [[each.origin, str(each.size), each.root.hex()] for each in checkpoints]
    tree = Tree([leaf_hash(entry) for entry in ENTRIES])
    assert all(
        verifier.leads(
            (leaf_hash(ENTRIES[proof.index]), proof.index, each.size, each.root, proof.path)
            for proof, each in zip(proofs, checkpoints, strict=True)
        )
    )
    assert all(
        verifier.grows(
            (first, tree.mth(0, first), second, tree.mth(0, second), map(bytes.fromhex, path))
            for at, path in GOLDEN["consistency"].items()
            for first, second in [map(int, at.split())]
        )
    )


def test_published_proofs_are_verified(verifier: Verifier) -> None:
    assert verifier.leads(
        (CT_LEAVES[index], index, size, CT_ROOTS[size], path)
        for (index, size), path in CT_INCLUSION.items()
    ) == [True] * len(CT_INCLUSION)
    assert verifier.grows(
        (first, CT_ROOTS[first], second, CT_ROOTS[second], path)
        for (first, second), path in CT_CONSISTENCY.items()
    ) == [True] * len(CT_CONSISTENCY)


def test_notes_that_others_signed_are_opened(verifier: Verifier) -> None:
    assert verifier.opens([C2SP_NOTE], C2SP_KEY) == [["530d903a"]]
    assert verifier.opens([SUMDB_CHECKPOINT], SUMDB_KEY) == [["033de0ae"]]
    both = f"{GO_TEXT}\n{GO_LINE}{GO_SECOND_LINE}".encode()
    assert verifier.opens([both], GO_KEY, GO_SECOND_KEY) == [["c74f20a3", "af0cfe78"]]
    assert verifier.opens([both], GO_SECOND_KEY) == [["af0cfe78"]]
    twice = f"{GO_TEXT}\n{GO_LINE}{GO_LINE}".encode()
    assert verifier.opens([twice], GO_KEY) == [False]
    assert verifier.opens([both], GO_KEY, GO_KEY) == [["c74f20a3"]]
    assert verifier.opens([both], C2SP_KEY) == [False]
    for bad in GO_BAD_KEYS:
        assert verifier.opens([both], bad) == [False]


@pytest.mark.parametrize(("index", "size"), [(0, 1), (6, 7), (3, 8), (10, 11)])
def test_both_accept_the_same_inclusion_proofs(verifier: Verifier, index: int, size: int) -> None:
    root, path = TREE.mth(0, size), prove_inclusion(index, size, NODES)
    paths = [path, *changed_paths(path)]
    cases = [(LEAVES[index], index, size, root, each) for each in paths]
    assert verifier.leads(cases) == [included(*case) for case in cases]


@pytest.mark.parametrize("size", [1, 2, 7, 8])
def test_an_inclusion_proof_holds_for_its_own_index_and_size_alone(
    verifier: Verifier, size: int
) -> None:
    places = [(index, of) for of in range(12) for index in range(-1, 12)]
    for index in range(size):
        path = prove_inclusion(index, size, NODES)
        held = verifier.leads(
            (LEAVES[index], other, of, TREE.mth(0, of), path) for other, of in places
        )
        assert [place for place, holds in zip(places, held, strict=True) if holds] == [
            (index, size)
        ]


@pytest.mark.parametrize(("first", "second"), [(1, 1), (2, 7), (6, 7), (4, 8)])
def test_both_accept_the_same_consistency_proofs(
    verifier: Verifier, first: int, second: int
) -> None:
    old, new = TREE.mth(0, first), TREE.mth(0, second)
    path = prove_consistency(first, second, NODES)
    cases = [
        (first, old, second, new, each) for each in (path, *changed_paths(path), (), (old,), (new,))
    ]
    cases += [(other, old, second, new, path) for other in range(-1, second + 2)]
    cases += [
        (first, *roots, path)
        for roots in ((bytes(32), second, new), (old, second, bytes(32)), (new, second, old))
    ]
    assert verifier.grows(cases) == [consistent(*case) for case in cases]


def test_both_open_the_same_notes_however_they_were_changed(verifier: Verifier) -> None:
    note = GOLDEN["checkpoints"]["300"].encode()
    key = VerifierKey.parse(GOLDEN["verifier_key"])
    notes = [note, *flipped(note), *shifted(note), b"\xef\xbb\xbf" + note, b"\n" + note, b""]
    # Others may sign too, each by a line of its own that says what it must.
    notes += [note + b"\xe2\x80\x94 " + line + b"\n" for line in OTHERS]
    notes += [note + b"\xe2\x80\x94 other AAAAAAA=\n" * count for count in (99, 100)]
    notes.append(note + b"- other AAAAAAA=\n")
    signing = SigningKey.parse(GOLDEN["signing_key"])
    notes += [sign("x" * (NOTE_LIMIT_BYTES - more) + "\n", [signing]) for more in (200, 0)]
    assert verifier.opens(notes, key.text) == [_opened(each, key) for each in notes]


def _opened(message: bytes, key: VerifierKey) -> list[str] | bool:
    try:
        return [each.id.hex() for each in signers(parse(message), [key])]
    except AuditError:
        return False


def test_both_read_the_same_checkpoints_and_keys(verifier: Verifier) -> None:
    texts = [GOLDEN["checkpoints"][size].partition("\n\n")[0] + "\n" for size in ("0", "300")]
    texts += [text.replace("\n300\n", f"\n{size}\n") for text in texts for size in SIZES]
    texts += [
        "",
        "\n",
        "a\n1\n",
        f"{texts[1]}more\n",
        f"{texts[1]}\n",
        texts[1][:-1],
        f"\n{texts[1]}",
    ]
    texts += [texts[0].replace("47DE", "57DE")]
    assert verifier.each(
        "async (it, text) => String((await it.checkpointIn(text)).size)", texts
    ) == [_size(text) for text in texts]
    key = GOLDEN["verifier_key"].encode()
    keys = [each.decode(errors="replace") for each in (key, *flipped(key), *shifted(key))]
    keys += [*GO_BAD_KEYS, GO_KEY, GO_SECOND_KEY]
    keys += [spelled(name) for name in ("a", "a b", "", "a\x01", "ä", "a\u2028b")]
    assert verifier.each("async (it, text) => (await it.verifierKey(text)).id", keys) == [
        _key(text) for text in keys
    ]


def spelled(name: str) -> str:
    """Return a verifier key of this name with the id that belongs to it, be it lawful or not."""
    typed = b"\x01" + bytes(32)
    key_id = sha256(f"{name}\n".encode() + typed).hexdigest()[:8]
    return f"{name}+{key_id}+{told(typed)}"


def _size(text: str) -> str | bool:
    try:
        return str(Checkpoint.parse(text).size)
    except AuditError:
        return False


def _key(text: str) -> str | bool:
    try:
        return VerifierKey.parse(text).id.hex()
    except AuditError:
        return False
