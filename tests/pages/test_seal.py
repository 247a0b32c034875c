"""What the window and its JSON say of the seal, where a browser adds nothing."""

import logging
import re
from base64 import b64decode
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from audit_trail.errors import HeadsFailed, HistoryLost, StoreFailed, TreeRefused
from audit_trail.record.entry import Part
from audit_trail.seal.checkpoint import Checkpoint, verify
from audit_trail.seal.note import VerifierKey, parse
from audit_trail.seal.proof import verify_growth, verify_inclusion
from audit_trail.signing.signer import open_signer
from audit_trail.store.memory import MemoryStore
from audit_trail.store.port import Store
from audit_trail.trail import Trail
from audit_trail.verify.evidence import verify as verify_evidence
from tests.pages.trail_page import NOON, TrailPage


@pytest.fixture
def page(tmp_path: Path) -> TrailPage:
    return TrailPage(trail=signed(tmp_path, MemoryStore()))


def signed(folder: Path, store: Store) -> Trail:
    """Return a trail that signs; its key lies in the folder."""
    signer = open_signer(
        store,
        heads=folder / "heads.log",
        key_file=folder / "signing.key",
        seed=None,
        clock=lambda: NOON,
    )
    return Trail(store, signer=signer, clock=lambda: NOON)


def checkpoint_of(trail: Trail) -> Checkpoint:
    note = trail.checkpoint("7")
    assert note is not None
    return Checkpoint.parse(parse(note).text)


def proof(page: TrailPage, number: int, **query: str) -> dict[str, Any]:
    client: TestClient[Any] = page.client
    answer = client.get(f"/logs/{number}/proof", params=query)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    given: dict[str, Any] = answer.json()
    return given


def states(html: str) -> list[str]:
    """Return each state of the seal as it is read."""
    (ol,) = re.findall(r'<ol aria-label="Seal">(.*?)</ol>', html, re.DOTALL)
    return [
        " ".join(re.sub(r"<[^>]+>", " ", item).split())
        for item in re.findall(r"<li.*?</li>", ol, re.DOTALL)
    ]


def test_an_entry_is_durable_and_sealed_and_the_window_tells_both_apart(page: TrailPage) -> None:
    page.add()
    page.add(number="2")
    root = checkpoint_of(page.trail).root.hex()
    (key,) = page.trail.verifier_keys("7")
    html = page.get("/1").text
    assert states(html) == [
        "Durable index 0, recorded 2023-07-31 10:40:00 UTC",
        f"Sealed checkpoint of size 2, root {root[:16]}…, key {key.id.hex()}",
    ]
    for shown in (root, key.text, "the newest of them recorded 2023-07-31"):
        assert shown in html
    assert "itnessed" not in html


def test_without_a_signer_an_entry_is_durable_and_not_sealed_yet() -> None:
    page = TrailPage()
    page.add()
    html = page.get("/1").text
    assert states(html)[1] == "Not sealed yet it is durable, and no checkpoint covers it"
    assert "data-verify>" not in html
    assert "Checkpoint and key" not in html
    given = proof(page, 1)
    assert (given["checkpoint"], given["path"]) == (None, None)
    assert given["refused"] == "The entry is durable, and not sealed yet."


def test_an_entry_above_the_newest_checkpoint_is_not_sealed_yet(tmp_path: Path) -> None:
    store = MemoryStore()
    TrailPage(trail=signed(tmp_path, store)).add()
    page = TrailPage(trail=Trail(store))
    page.add(number="2")
    assert states(page.get("/1").text)[1].startswith("Sealed checkpoint of size 1")
    assert states(page.get("/2").text)[1].startswith("Not sealed yet")
    assert "Index" not in str(proof(page, 1)["refused"])
    assert proof(page, 2)["refused"] == "The index is outside the tree."


def test_the_proof_is_what_an_independent_verifier_needs(page: TrailPage) -> None:
    seen = []
    for number in range(5):
        page.add(number=str(number), who={"email": "ada@example.com"}, what={"label": "Support"})
        seen.append(checkpoint_of(page.trail))
    given = proof(page, 2, since="3")
    keys = [VerifierKey.parse(key) for key in given["keys"]]
    checkpoint = verify(b64decode(given["checkpoint"]), keys[-1].name, keys)
    path = [b64decode(each) for each in given["path"]]
    assert (given["account"], given["index"], given["refused"]) == ("7", 1, None)
    verify_inclusion(b64decode(given["leaf"]), 1, checkpoint.size, checkpoint.root, path)
    entry = page.trail.entry("7", 1)
    assert b64decode(given["public"]) == entry.public_bytes
    for name, part in (("who", entry.who), ("what", entry.what)):
        assert part == Part(b64decode(given[name]["stored"]), b64decode(given[name]["salt"]))
    verify_growth(seen[2], checkpoint, [b64decode(each) for each in given["consistency"]])


@pytest.mark.parametrize("since", ["0", "6", "9007199254740991"])
def test_a_size_to_which_nothing_can_lead_has_no_consistency(page: TrailPage, since: str) -> None:
    for number in range(5):
        page.add(number=str(number))
    given = proof(page, 1, since=since)
    assert (given["consistency"], given["refused"]) == (None, None)
    assert given["path"]


def test_a_part_that_is_not_there_is_null(page: TrailPage) -> None:
    page.add()
    given = proof(page, 1)
    assert (given["who"], given["what"]) == (None, None)


@pytest.mark.parametrize("bad", ["0", "2", "-1", "x", "1.5", "٣"])
def test_there_is_no_proof_of_what_is_no_entry(page: TrailPage, bad: str) -> None:
    page.add()
    for part in ("proof", "evidence"):
        assert page.get(f"/{bad}/{part}").status_code == 404
    assert page.get("/1/proof?since=x").status_code == 422


@pytest.mark.parametrize("error", [HistoryLost("Account 7 was signed with 9."), TreeRefused()])
def test_a_seal_that_cannot_be_shown_says_why_and_the_entry_is_read_all_the_same(
    page: TrailPage,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
) -> None:
    page.add()
    monkeypatch.setattr(page.trail, "checkpoint", raising(error))
    assert states(page.get("/1").text)[1] == f"The seal is refused {error}".replace("'", "&#39;")
    assert proof(page, 1)["refused"] == str(error)
    said = f"the seal of account 7 can't be shown: {error}"
    assert [each.getMessage() for each in caplog.records if each.levelno == logging.ERROR] == [
        said,
        said,
    ]


def test_a_file_of_ours_is_named_in_the_log_alone(
    page: TrailPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    page.add()
    monkeypatch.setattr(page.trail, "checkpoint", raising(HeadsFailed("/var/lib/heads.log failed")))
    assert "/var/lib" not in page.get("/1").text
    assert "/var/lib" not in str(proof(page, 1))


def test_a_store_that_fails_is_not_said_to_be_a_seal_that_is_refused(
    page: TrailPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    page.add()
    monkeypatch.setattr(page.trail, "checkpoint", raising(StoreFailed("gone")))
    assert page.get("/1").status_code == 500  # It is the application's to answer.


def raising(error: Exception) -> Any:
    def raise_it(_: str) -> bytes:
        raise error

    return raise_it


def test_the_evidence_of_an_entry_is_whole_for_who_knows_the_key(tmp_path: Path) -> None:
    page = TrailPage(trail=signed(tmp_path, MemoryStore()))
    page.add()
    page.add(number="2")
    assert 'href="/logs/2/evidence" download' in page.get("/2").text
    answer = page.get("/2/evidence")
    verdict = verify_evidence(BytesIO(answer.content), page.trail.verifier_keys("7"))
    assert verdict.exit_code == 0 and verdict.facts
    assert (verdict.facts.first, verdict.facts.last) == (1, 1)
    assert answer.headers["content-disposition"].startswith("attachment; filename=")
    assert answer.headers["cache-control"] == "no-store"


def test_evidence_is_not_offered_where_nothing_is_signed() -> None:
    page = TrailPage()
    page.add()
    assert "Download evidence" not in page.get("/1").text
    answer = page.get("/1/evidence")
    assert answer.status_code == 409
    assert "Nothing of account 7 is signed yet" in answer.text
