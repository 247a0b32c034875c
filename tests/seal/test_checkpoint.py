"""Checkpoints: three lines, strictly; of the right origin; signed by the trail's own key."""

from base64 import b64encode

import pytest

from audit_trail.errors import (
    CheckpointRefused,
    NoteRefused,
    OriginRefused,
    SignatureRefused,
    SignerUnknown,
)
from audit_trail.seal import note
from audit_trail.seal.checkpoint import Checkpoint, sign, verify
from audit_trail.seal.merkle import EMPTY_ROOT, SIZE_LIMIT
from audit_trail.seal.note import SigningKey, VerifierKey
from tests.seal.mutations import flipped, shifted
from tests.seal.vectors import C2SP_CHECKPOINT_TEXT, SUMDB_CHECKPOINT, SUMDB_KEY, SUMDB_ORIGIN

ROOT = bytes(range(32))
KEY = SigningKey(name="example.com/1", seed=bytes(32))
CHECKPOINT = Checkpoint(origin="example.com/1", size=7, root=ROOT)
HASH = b64encode(ROOT).decode()


def test_a_checkpoint_that_the_go_checksum_database_served_is_verified() -> None:
    checkpoint = verify(SUMDB_CHECKPOINT, SUMDB_ORIGIN, [VerifierKey.parse(SUMDB_KEY)])
    assert (checkpoint.origin, checkpoint.size) == ("go.sum database tree", 35_225_469)
    assert checkpoint.text.encode() == SUMDB_CHECKPOINT.partition(b"\n\n")[0] + b"\n"


def test_the_specification_s_example_is_read_and_written_the_same() -> None:
    checkpoint = Checkpoint.parse(C2SP_CHECKPOINT_TEXT)
    assert checkpoint.size == 20_852_163
    assert checkpoint.text == C2SP_CHECKPOINT_TEXT


def test_what_is_signed_is_verified_extensions_and_all() -> None:
    extended = Checkpoint(origin="a b+c", size=0, root=EMPTY_ROOT, extensions=("one", "two"))
    for checkpoint in (CHECKPOINT, extended):
        message = sign(checkpoint, [KEY])
        assert verify(message, checkpoint.origin, [KEY.verifier]) == checkpoint


def test_another_trail_s_checkpoint_is_refused_though_the_same_key_signed_it() -> None:
    message = sign(CHECKPOINT, [KEY])
    with pytest.raises(OriginRefused):
        verify(message, "example.com/2", [KEY.verifier])


def test_a_witness_alone_is_no_signer_of_the_trail() -> None:
    witness = SigningKey(name="witness.example", seed=bytes([1]) * 32)
    message = sign(CHECKPOINT, [witness])
    with pytest.raises(SignerUnknown):
        verify(message, CHECKPOINT.origin, [KEY.verifier])
    both = sign(CHECKPOINT, [witness, KEY])
    assert verify(both, CHECKPOINT.origin, [KEY.verifier]) == CHECKPOINT


def test_a_checkpoint_forged_with_another_key_of_the_name_is_refused() -> None:
    message = sign(CHECKPOINT, [SigningKey(name=KEY.name, seed=bytes([1]) * 32)])
    with pytest.raises(SignerUnknown):
        verify(message, CHECKPOINT.origin, [KEY.verifier])


@pytest.mark.parametrize(
    "text",
    [
        *("", "\n", "o\n7\n", f"o\n7\n{HASH}", f"\n7\n{HASH}\n", f"o\n\n{HASH}\n", "o\n7\n\n"),
        *(f"o\n07\n{HASH}\n", f"o\n00\n{HASH}\n", f"o\n+7\n{HASH}\n", f"o\n-7\n{HASH}\n"),
        *(f"o\n 7\n{HASH}\n", f"o\n7 \n{HASH}\n", f"o\n7.0\n{HASH}\n", f"o\n0x7\n{HASH}\n"),
        *(f"o\n1_0\n{HASH}\n", f"o\n７\n{HASH}\n", f"o\n{2**63}\n{HASH}\n"),
        *(f"o\n7\n{HASH[:-1]}\n", f"o\n7\n{HASH}=\n", f"o\n7\n{HASH} \n", f"o\n7\n {HASH}\n"),
        f"o\n7\n{HASH[:-2]}9=\n",
        f"o\n7\n{b64encode(bytes(31)).decode()}\n",
        f"o\n7\n{b64encode(bytes(33)).decode()}\n",
        *(f"o\n7\n{HASH}\n\n", f"o\n7\n{HASH}\nextension", f"o\n7\n{HASH}\na\n\nb\n"),
        f"o\n0\n{HASH}\n",
    ],
)
def test_a_malformed_checkpoint_is_refused_though_signed(text: str) -> None:
    with pytest.raises(CheckpointRefused):
        Checkpoint.parse(text)
    if text.endswith("\n"):
        with pytest.raises(CheckpointRefused):
            verify(note.sign(text, [KEY]), "o", [KEY.verifier])


def test_a_size_of_endless_digits_is_refused_before_it_is_a_number() -> None:
    with pytest.raises(CheckpointRefused):
        Checkpoint.parse(f"o\n{'9' * 900_000}\n{HASH}\n")


def test_the_largest_size_is_read() -> None:
    assert Checkpoint.parse(f"o\n{SIZE_LIMIT}\n{HASH}\n").size == SIZE_LIMIT


@pytest.mark.parametrize(
    "wrong",
    [
        *({"origin": ""}, {"origin": "a\nb"}, {"extensions": ("",)}, {"extensions": ("a\nb",)}),
        *({"size": -1}, {"size": SIZE_LIMIT + 1}, {"size": 0}, {"root": bytes(31)}),
    ],
)
def test_a_checkpoint_that_no_trail_can_have_is_never_made(wrong: dict) -> None:
    given = {"origin": "o", "size": 7, "root": ROOT} | wrong
    with pytest.raises(CheckpointRefused):
        Checkpoint(**given)


def test_an_origin_with_a_control_character_is_not_signed() -> None:
    with pytest.raises(NoteRefused):
        sign(Checkpoint(origin="a\tb", size=7, root=ROOT), [KEY])


def test_no_bit_and_no_byte_of_a_checkpoint_can_change() -> None:
    message = sign(CHECKPOINT, [KEY])
    for changed in (*flipped(message), *shifted(message)):
        with pytest.raises((NoteRefused, SignerUnknown, SignatureRefused)):
            verify(changed, CHECKPOINT.origin, [KEY.verifier])
