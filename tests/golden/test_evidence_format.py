"""Evidence format 1: every release verifies the file of the first one, and still writes the same."""

from io import BytesIO
from pathlib import Path

import pytest

from audit_trail.seal.note import VerifierKey
from audit_trail.verify.evidence import verify
from tests.golden.evidences import golden
from tests.verify.verifiers import VERIFIERS, Given, Said, unpacked

HERE = Path(__file__).parent
FILE = (HERE / "evidence-1.zip").read_bytes()
KEY = (HERE / "evidence-1.key").read_text(encoding="utf-8").strip()


def test_the_same_trail_gives_the_same_bytes(tmp_path: Path) -> None:
    assert golden(tmp_path) == (FILE, KEY)


@pytest.mark.parametrize("verifier", VERIFIERS)
def test_the_file_is_whole(verifier: str) -> None:
    assert VERIFIERS[verifier](Given(FILE, [VerifierKey.parse(KEY)])) == Said(0)


def test_the_file_has_all_that_a_range_may_have() -> None:
    assert set(unpacked(FILE)) == {
        *("checkpoint", "keys", "entries/2", "leaves/2", "sealed/2.jsonl"),
        *("covering.jsonl", "earlier-checkpoint", "manifest.json"),
    }


def test_the_verdict_says_what_the_file_shows() -> None:
    said = verify(BytesIO(FILE), [VerifierKey.parse(KEY)])
    assert said.integrity.says[1:] == (
        "5 sealed parts are shown, each as it was committed to.",
        "The who parts of entries 2 to 3 were erased, as the trail itself says.",
        "The who parts of entries 5, 7, 9 are not in the file, as whoever made it chose.",
        "The what parts of entries 3, 5, 9 are not in the file, as whoever made it chose.",
        "The checkpoint is signed by a key that you gave.",
    )
    assert said.completeness.says == (
        "The file covers entries 2 to 9, none left out.",
        "Entries 0 to 1 lie before it, and aren't in the file.",
        "Entries 10 to 11 lie behind it, and aren't in the file.",
        "Only hashes are left of entry 8, dropped when their time was over, as the trail itself says.",
        "Whether these matched the query can't be told.",
        "All that match the query are among them: 3 entries, found again by this check.",
        "Of the 4 entries under the earlier checkpoint none was removed or changed since.",
    )
    assert [remark.index for remark in said.remarks] == [5]
