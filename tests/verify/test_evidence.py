"""Evidence files as they should be: both verifiers agree, and ours says in words what they show."""

import json
from collections.abc import Callable
from io import BytesIO
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from audit_trail import evidence
from audit_trail.errors import EntryNotFound, EvidenceRefused
from audit_trail.seal.checkpoint import verify as verify_checkpoint
from audit_trail.seal.merkle import leaf_hash
from audit_trail.seal.note import SigningKey, VerifierKey, parse
from audit_trail.seal.note import sign as sign_checkpoint
from audit_trail.seal.proof import Proof
from audit_trail.seal.tile import Bundle, bundle_entries
from audit_trail.signing.keys import trail_key
from audit_trail.verify.archive import Archive
from audit_trail.verify.evidence import verify
from audit_trail.verify.manifest import Asked
from audit_trail.verify.verdict import Verdict
from tests.verify.conftest import Make
from tests.verify.trails import START_US, HandMade, Told, removal
from tests.verify.verifiers import VERIFIERS, Given, Said, packed, unpacked

Case = Callable[[Make], Given]
SECOND_US = 1_000_000


def of(size: int = 20, grown: int = 0, **wanted: Any) -> Case:
    """A file of a trail of this size that then grew on."""

    def case(make: Make) -> Given:
        trail = make(size)
        trail.grow(grown) if grown else None
        return Given(trail.file(**wanted), trail.keys)

    return case


def since(size: int, more: int, *, in_file: bool, **wanted: Any) -> Case:
    """A file of a trail that the verifier has an earlier checkpoint of."""

    def case(make: Make) -> Given:
        trail = make(size)
        earlier = trail.checkpoint
        if more:
            trail.grow(more)
        file = trail.file(earlier=earlier if in_file else None, **wanted)
        return Given(file, trail.keys, earlier)

    return case


def erased(make: Make) -> HandMade:
    """The who parts of 3, 4 and 7 and the what part of 4 are erased; the trail says so twice."""
    trail = make(10).append(removal("erase", who=[(3, 4), (7, 7)])).grow(4)
    trail.append(removal("erase", what=[(4, 4)], who=[(3, 3)])).grow(3)
    trail.trail.remove("1")
    return trail


def dropped(make: Make) -> HandMade:
    """Entries 0 to 5 and 8 are dropped, as the newest entry but one says."""
    trail = make(12).append(removal("drop", entry=[(0, 5), (8, 8)])).grow(1)
    trail.trail.remove("1")
    return trail


def given(trail: HandMade, **wanted: Any) -> Given:
    return Given(trail.file(**wanted), trail.keys)


def repacked(make: Make) -> Given:
    """A file that somebody took apart, and packed anew in another order."""
    trail = make(20)
    file = BytesIO()
    with ZipFile(file, "w", ZIP_DEFLATED) as archive:
        archive.mkdir("entries")
        for name, content in reversed(unpacked(trail.file()).items()):
            archive.writestr(name, content)
    return Given(file.getvalue(), trail.keys)


WHOLE: dict[str, Case] = {
    "a whole account": of(),
    "a trail of one entry": of(1),
    "a range": of(first=3, last=12),
    "the first entry": of(first=0, last=0),
    "an entry": of(first=6, last=6),
    "the newest entry": of(first=19, last=19),
    "a range that was grown over": of(grown=13, first=3, last=12),
    "the beginning": of(last=7),
    "the end": of(first=9),
    "a size that is a power of two": of(32),
    "an account whose name is encoded": lambda make: given(make(5, account="a/b ü+%")),
    "types": of(query=Asked(types=("inbox",))),
    "times": of(query=Asked(since_us=START_US + 4 * SECOND_US, until_us=START_US + 9 * SECOND_US)),
    "nothing that matches": of(query=Asked(types=("webhook", "macro"))),
    "times long ago": of(query=Asked(since_us=-(2**53) + 1)),
    "public parts alone": of(parts=()),
    "names withheld": of(parts=("what",)),
    "an earlier checkpoint, by its proof": since(7, 13, in_file=True, first=9, last=12),
    "an earlier checkpoint, by the entries": since(7, 13, in_file=False),
    "an earlier checkpoint within the range": since(7, 13, in_file=False, first=3),
    "an earlier checkpoint of the same size": since(20, 0, in_file=False),
    "an earlier checkpoint of the same size, with a proof": since(20, 0, in_file=True),
    "an earlier checkpoint of a power of two": since(8, 3, in_file=True),
    "parts erased within the range": lambda make: given(erased(make)),
    "parts erased, as told behind the range": lambda make: given(erased(make), first=2, last=9),
    "a part erased, as told behind the entry": lambda make: given(erased(make), first=4, last=4),
    "entries dropped": lambda make: given(dropped(make)),
    "entries dropped, as told behind the range": lambda make: given(dropped(make), last=9),
    "an entry dropped": lambda make: given(dropped(make), first=3, last=3),
    "parts to be erased": lambda make: given(
        make(5).append(removal("erase", who=[(1, 2)])).grow(1)
    ),
    "bytes that aren't text": lambda make: given(make().append(Told(who=b"\xff\xfe", what=b""))),
    "no sealed parts": lambda make: given(make().append(Told(who=None, what=None))),
    "letters of all kinds": lambda make: given(
        make().append(Told(what='{"ü":"\u2028𝄞"}'.encode()))
    ),
    "packed anew": repacked,
}


def witnessed(make: Make) -> Given:
    """A checkpoint that a witness has signed, and the trail not."""
    trail, witness = make(20), SigningKey(name="witness.example", seed=bytes(range(32)))
    members = unpacked(trail.file())
    signed = sign_checkpoint(parse(members["checkpoint"]).text, [witness])
    return Given(packed({**members, "checkpoint": signed}), [*trail.keys, witness.verifier])


UNDECIDED: dict[str, Case] = {
    "a witness's signature alone": witnessed,
    "no key": lambda make: Given(make(20).file()),
    "another's key": lambda make: Given(make(20).file(), make(1, seed=bytes(32)).keys),
    "a key of another account": lambda make: Given(make(20).file(), make(1, account="2").keys),
    "a person": of(query=Asked(person="ada")),
    "an earlier checkpoint without a proof": since(7, 13, in_file=False, first=9),
    "an earlier checkpoint right before the range": since(9, 13, in_file=False, first=9),
    "an earlier checkpoint that another signed": lambda make: Given(
        make(20).file(), make(1).keys, make(5, seed=bytes(32)).checkpoint
    ),
}


@pytest.mark.parametrize("verifier", VERIFIERS)
@pytest.mark.parametrize("case", WHOLE)
def test_a_file_as_it_should_be_is_whole(case: str, verifier: str, make: Make) -> None:
    assert VERIFIERS[verifier](WHOLE[case](make)) == Said(0)


@pytest.mark.parametrize("verifier", VERIFIERS)
@pytest.mark.parametrize("case", UNDECIDED)
def test_what_is_given_may_not_decide(case: str, verifier: str, make: Make) -> None:
    assert VERIFIERS[verifier](UNDECIDED[case](make)) == Said(2)


def verdict(asked: Given) -> Verdict:
    return verify(BytesIO(asked.file), asked.keys, asked.accepted)


def test_the_same_content_has_the_same_bytes(make: Make) -> None:
    assert make(20).file(first=3) == make(20).file(first=3)


@pytest.mark.parametrize("case", WHOLE)
def test_any_tool_unpacks_a_file(case: str, make: Make) -> None:
    with ZipFile(BytesIO(WHOLE[case](make).file)) as archive:
        assert archive.testzip() is None


def test_other_tools_read_entries_and_proof(make: Make) -> None:
    trail = make(20)
    members = unpacked(trail.file(first=6, last=6))
    entries = bundle_entries(Bundle(number=0, width=1), members["entries/6"])
    proof = Proof.parse(members["entry.tlog-proof"])
    checkpoint = proof.verify(leaf_hash(entries[0]), trail.keys[0].name, trail.keys)
    assert checkpoint == verify_checkpoint(members["checkpoint"], trail.keys[0].name, trail.keys)
    assert (proof.index, checkpoint.size) == (6, 20)


def test_a_long_range_is_written_and_read_in_chunks(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidence, "CHUNK_ENTRIES", 7)
    asked = Given(make(40).file(first=3), make(1).keys)
    chunks = sorted(name for name in Archive(BytesIO(asked.file)).names if "entries" in name)
    assert chunks == [
        "entries/10",
        "entries/17",
        "entries/24",
        "entries/3",
        "entries/31",
        "entries/38",
    ]
    assert {name: each(asked) for name, each in VERIFIERS.items()} == dict.fromkeys(
        VERIFIERS, Said(0)
    )


def test_a_chunk_ends_where_it_has_many_bytes(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence, "CHUNK_BYTES", 1)
    monkeypatch.setattr(evidence, "READ_TOGETHER", 3)
    asked = Given(make(8).file(), make(1).keys)
    assert {"entries/0", "entries/3", "entries/6"} < Archive(BytesIO(asked.file)).names
    assert verdict(asked).name == "whole"


def test_the_verdict_tells_integrity_and_completeness_apart(make: Make) -> None:
    said = verdict(since(7, 13, in_file=True, first=9, last=12)(make))
    assert said.integrity.state == "genuine"
    assert said.completeness.state == "whole_range"
    assert said.completeness.says == (
        "The file covers entries 9 to 12, none left out.",
        "Entries 0 to 8 lie before it, and aren't in the file.",
        "Entries 13 to 19 lie behind it, and aren't in the file.",
        "Of the 7 entries under the earlier checkpoint none was removed or changed since.",
    )
    assert said.facts
    assert (said.facts.size, said.facts.count) == (20, 4)


def test_a_filter_on_public_fields_is_asked_again(make: Make) -> None:
    said = verdict(of(query=Asked(types=("inbox",)))(make))
    assert said.completeness.state == "whole_account"
    assert said.completeness.says[-1] == (
        "All that match the query are among them: 10 entries, found again by this check."
    )
    assert "The who parts of entries 1, 3, 5, 7, 9" in said.integrity.says[2]


def test_a_filter_on_sealed_values_is_not_provable(make: Make) -> None:
    said = verdict(of(query=Asked(person="ADA"))(make))
    assert (said.integrity.state, said.completeness.state) == ("genuine", "not_provable")
    assert said.facts
    assert said.facts.count == 20


def test_what_was_erased_dropped_and_withheld_is_said(make: Make) -> None:
    said = verdict(given(erased(make), parts=("what",)))
    assert "The who parts of entries 3 to 4, 7 were erased, as the trail itself says." in (
        said.integrity.says
    )
    assert any(
        "are not in the file, as whoever made it chose" in each for each in said.integrity.says
    )
    said = verdict(given(dropped(make), query=Asked(types=("inbox",))))
    assert said.completeness.says[1].startswith(
        "Only hashes are left of entries 0 to 5, 8, dropped"
    )
    assert said.completeness.says[2] == "Whether these matched the query can't be told."


@pytest.mark.parametrize("name", VERIFIERS)
def test_the_trail_s_own_key_serves_for_each_of_its_accounts(name: str, make: Make) -> None:
    trail = make(20)
    own = [trail_key(key) for key in trail.trail.public_keys()]
    assert VERIFIERS[name](Given(trail.file(), own)) == Said(0)
    other = [VerifierKey(name="0" * 32, public=key.public) for key in own]
    assert VERIFIERS[name](Given(trail.file(), other)).code == 2


def test_keys_in_the_file_prove_nothing(make: Make) -> None:
    said = verdict(Given(make(20).file()))
    assert (said.integrity.state, said.completeness.state) == ("undecided", "undecided")
    assert said.integrity.says[-1].startswith("No key was given.")
    assert said.facts
    assert not said.facts.signed_by


def test_an_entry_dated_back_is_remarked_upon_with_both_times(make: Make) -> None:
    back = {"occurred_at": START_US - 3_600 * SECOND_US}
    trail = make(2).append(Told(back), Told({**back, "via": "import"})).grow(2)
    said = verdict(given(trail))
    assert said.name == "whole"
    assert [remark.index for remark in said.remarks] == [2]
    assert "happened at 2026-03-01T07:00:00.000000Z" in said.remarks[0].says
    assert "recorded at 2026-03-01T08:00:02.002000Z" in said.remarks[0].says
    assert "bounded by witnesses alone" in said.remarks[0].says


def test_an_entry_recorded_before_the_one_before_it_is_remarked_upon(make: Make) -> None:
    trail = make(2).append(Told({"recorded_at": START_US})).grow(2)
    said = verdict(given(trail))
    assert (said.name, [remark.index for remark in said.remarks]) == ("whole", [2])
    assert said.remarks[0].says == "Entry 2 says to be recorded before the one before it."


def test_many_remarks_are_counted(make: Make) -> None:
    trail = make().append(*[Told({"occurred_at": 0})] * 150)
    said = verdict(given(trail))
    assert (len(said.remarks), said.untold) == (100, 50)


def test_the_manifest_says_what_was_asked(make: Make) -> None:
    query = Asked(types=("inbox", "team"), since_us=START_US, person="ada")
    told = json.loads(
        unpacked(make(20).file(query=query, time_zone="Europe/Berlin"))["manifest.json"]
    )
    assert told["words"] == (
        "account 1, entries 0 to 19; types inbox, team; since 2026-03-01T08:00:00.000000Z; person ada"
    )
    assert (told["time_zone"], told["count"], told["cut"], told["whole"]) == (
        "Europe/Berlin",
        20,
        False,
        True,
    )


def test_more_than_is_signed_is_not_shown(make: Make) -> None:
    trail = make(20)
    for wanted in ({"last": 20}, {"first": 20}, {"first": 7, "last": 6}):
        with pytest.raises(EntryNotFound):
            trail.file(**wanted)
    with pytest.raises(EvidenceRefused, match="Nothing of account 1 is signed yet"):
        make().file()


def test_an_earlier_checkpoint_of_another_trail_or_of_more_is_refused(make: Make) -> None:
    with pytest.raises(EvidenceRefused, match="another trail's"):
        make(20).file(earlier=make(5, account="2").checkpoint)
    with pytest.raises(EvidenceRefused, match="has 25 entries"):
        make(20).file(earlier=make(25).checkpoint)


def test_progress_is_told_chunk_by_chunk(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence, "CHUNK_ENTRIES", 8)
    told: list[tuple[int, int]] = []
    verify(BytesIO(make(20).file()), (), None, lambda done, of: told.append((done, of)))
    assert told == [(8, 20), (16, 20), (20, 20)]


def test_packing_changes_nothing(make: Make) -> None:
    file = make(20).file()
    assert packed(unpacked(file)) == file
