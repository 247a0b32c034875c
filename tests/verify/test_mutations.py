"""Whatever happens to a file on its way: never a traceback, and whole only where it says the same."""

from collections.abc import Callable
from io import BytesIO

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from audit_trail.errors import EvidenceRefused
from audit_trail.verify.archive import Archive
from audit_trail.verify.evidence import verify
from audit_trail.verify.manifest import Asked
from audit_trail.verify.verdict import Verdict
from tests.verify.conftest import Make
from tests.verify.test_evidence import dropped, erased
from tests.verify.verifiers import VERIFIERS, Given, packed, unpacked

EXAMPLES = 300
Change = Callable[[bytes], bytes]


@st.composite
def changes(draw: st.DrawFn) -> Change:
    """A bit turned, bytes taken away, put in, doubled or replaced, somewhere."""
    place = draw(st.floats(0, 1, exclude_max=True))
    kind = draw(st.sampled_from(["turn", "cut", "insert", "double", "replace"]))
    length = draw(st.sampled_from([1, 1, 1, 2, 32, 33, 100]))
    bit = draw(st.integers(0, 7))
    put = draw(st.binary(min_size=1, max_size=4) | st.sampled_from([b"0", b",", b"}", b"\n", b'"']))

    def change(content: bytes) -> bytes:
        at = int(place * len(content))
        before, taken, after = content[:at], content[at : at + length], content[at + length :]
        return (
            before
            + {
                "turn": bytes([taken[0] ^ 1 << bit]) + taken[1:] if taken else b"",
                "cut": b"",
                "insert": put + taken,
                "double": taken + taken,
                "replace": put[: len(taken)] + taken[len(put) :],
            }[kind]
            + after
        )

    return change


@pytest.fixture
def honest(make: Make) -> list[Given]:
    """Files with everything in them that a file may have."""
    grown, gone, fewer = make(9), erased(make), dropped(make)
    earlier = grown.checkpoint
    grown.grow(6)
    return [
        Given(grown.file(first=4, last=12, earlier=earlier), grown.keys, earlier),
        Given(grown.file(first=6, last=6), grown.keys),
        Given(gone.file(query=Asked(types=("inbox",), since_us=0)), gone.keys),
        Given(fewer.file(), fewer.keys),
    ]


def verdict(asked: Given) -> Verdict:
    return verify(BytesIO(asked.file), asked.keys, asked.accepted)


def test_no_change_of_a_file_s_bytes_passes(honest: list[Given]) -> None:
    told = [without_time_zone(verdict(asked)) for asked in honest]

    @settings(max_examples=EXAMPLES)
    @given(which=st.integers(0, len(honest) - 1), change=changes())
    def holds(which: int, change: Change) -> None:
        asked = honest[which]._replace(file=change(honest[which].file))
        require_verdict(asked, told[which])

    holds()


def test_no_change_of_a_member_passes(honest: list[Given]) -> None:
    members = [unpacked(asked.file) for asked in honest]
    told = [without_time_zone(verdict(asked)) for asked in honest]

    @settings(max_examples=2 * EXAMPLES)
    @given(which=st.integers(0, len(honest) - 1), place=st.integers(0, 20), change=changes())
    def holds(which: int, place: int, change: Change) -> None:
        name = sorted(members[which])[place % len(members[which])]
        file = packed({**members[which], name: change(members[which][name])})
        asked = honest[which]._replace(file=file)
        require_verdict(asked, told[which])

    holds()


def require_verdict(asked: Given, told: Verdict) -> None:
    """Both verifiers agree, but that one may find malformed what the other takes a step further.

    Neither says "whole" of a file that says anything else than the honest one did.
    """
    found = {name: each(asked) for name, each in VERIFIERS.items()}
    assert len({said for said in found.values() if said.code != 3}) < 2, found
    if any(said.code == 0 for said in found.values()):
        assert without_time_zone(verdict(asked)) == told, found


def without_time_zone(said: Verdict) -> Verdict:
    """The verdict without what nothing in the file can prove."""
    assert said.facts
    facts = msgspec.structs.replace(said.facts, time_zone="")
    return msgspec.structs.replace(said, facts=facts)


@settings(max_examples=EXAMPLES)
@given(content=st.binary(max_size=200))
@example(content=b"PK\5\6" + bytes(18))
def test_no_bytes_are_too_odd(content: bytes) -> None:
    assert verify(BytesIO(content)).exit_code == 3
    with pytest.raises(EvidenceRefused):
        Archive(BytesIO(content)).read("manifest.json")


@settings(max_examples=EXAMPLES)
@given(
    members=st.dictionaries(
        st.sampled_from(["manifest.json", "checkpoint", "keys", "entries/0", "leaves/0"]),
        st.binary(max_size=60),
    )
)
def test_no_members_are_too_odd(members: dict[str, bytes]) -> None:
    found = {each(Given(packed(members))).code for each in VERIFIERS.values()}
    assert found == {3}
