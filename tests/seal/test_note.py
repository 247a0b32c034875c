"""Signed notes: signed and opened as others do, and refused wherever the specification says so."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit_trail.errors import (
    AuditError,
    KeyRefused,
    NoteRefused,
    SignatureRefused,
    SignerUnknown,
)
from audit_trail.seal.encoding import to_base64
from audit_trail.seal.note import (
    NOTE_LIMIT_BYTES,
    Note,
    Signature,
    SigningKey,
    VerifierKey,
    parse,
    sign,
    signers,
)
from tests.seal.mutations import flipped, shifted
from tests.seal.vectors import (
    C2SP_KEY,
    C2SP_NOTE,
    GO_BAD_KEYS,
    GO_KEY,
    GO_LINE,
    GO_SECOND_KEY,
    GO_SECOND_LINE,
    GO_SIGNING_KEY,
    GO_TEXT,
    SUMDB_CHECKPOINT,
    SUMDB_KEY,
)

PETER = VerifierKey.parse(GO_KEY)
ENOCH = VerifierKey.parse(GO_SECOND_KEY)
SIGNED = f"{GO_TEXT}\n{GO_LINE}"
BOTH = SIGNED + GO_SECOND_LINE


def opened(message: str | bytes, *keys: VerifierKey) -> list[VerifierKey]:
    return signers(parse(message.encode() if isinstance(message, str) else message), keys)


@pytest.mark.parametrize(
    ("key", "message"),
    [(C2SP_KEY, C2SP_NOTE), (GO_KEY, SIGNED.encode()), (SUMDB_KEY, SUMDB_CHECKPOINT)],
    ids=["c2sp", "go", "sumdb"],
)
def test_notes_that_others_signed_are_opened(key: str, message: bytes) -> None:
    known = VerifierKey.parse(key)
    assert known.text == key
    assert opened(message, known) == [known]
    assert parse(message).encoded == message


def test_we_sign_what_go_signs() -> None:
    key = SigningKey.parse(GO_SIGNING_KEY)
    assert key.text == GO_SIGNING_KEY
    assert key.verifier == PETER
    assert sign(GO_TEXT, [key]) == SIGNED.encode()
    second = SigningKey(name="EnochRoot", seed=bytes(32))
    assert second.verifier == ENOCH
    assert sign(GO_TEXT, [key, second]) == BOTH.encode()


def test_signatures_of_unknown_keys_are_ignored_and_one_known_key_is_enough() -> None:
    assert opened(BOTH, PETER) == [PETER]
    assert opened(BOTH, ENOCH) == [ENOCH]
    assert opened(BOTH, ENOCH, PETER) == [PETER, ENOCH]
    garbage = GO_SECOND_LINE.replace("rwz+", "rwz/") * 2
    assert opened(SIGNED + garbage, PETER, ENOCH) == [PETER]


def test_a_key_that_shares_only_name_or_id_with_a_known_one_is_unknown() -> None:
    namesake = SigningKey(name="PeterNeumann", seed=bytes(32))
    note = sign(GO_TEXT, [namesake])
    with pytest.raises(SignerUnknown):
        opened(note, PETER)
    renamed = SIGNED.replace("PeterNeumann", "NeumannPeter")
    with pytest.raises(SignerUnknown):
        opened(renamed, PETER)


def test_a_note_without_a_known_signer_is_refused() -> None:
    for keys in ([], [ENOCH]):
        with pytest.raises(SignerUnknown):
            opened(SIGNED, *keys)


def test_a_known_key_s_wrong_signature_refuses_the_whole_note() -> None:
    wrong = GO_SECOND_LINE.replace("rwz+eBzmZa", "rwz+eBzmZb")
    with pytest.raises(SignatureRefused):
        opened(SIGNED + wrong, PETER, ENOCH)
    with pytest.raises(SignatureRefused):
        opened(wrong.join([f"{GO_TEXT}\n", GO_LINE]), PETER, ENOCH)
    longer = Signature(name=PETER.name, key_id=PETER.id, content=bytes(65))
    with pytest.raises(SignatureRefused):
        opened(f"{GO_TEXT}\n{longer.line}\n", PETER)


def test_a_known_key_signs_once() -> None:
    with pytest.raises(NoteRefused, match="twice by PeterNeumann"):
        opened(SIGNED + GO_LINE, PETER)


def test_two_keys_of_one_name_and_id_can_not_be_told_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = VerifierKey(name=PETER.name, public=bytes(32))
    assert opened(SIGNED, PETER, PETER, other) == [PETER]
    monkeypatch.setattr(VerifierKey, "id", property(lambda key: b"same"))
    with pytest.raises(KeyRefused):
        opened(SIGNED, PETER, other)


MALFORMED = {
    "empty": b"",
    "only text": GO_TEXT.encode(),
    "no signature": f"{GO_TEXT}\n".encode(),
    "no blank line": f"{GO_TEXT}{GO_LINE}".encode(),
    "no text": GO_LINE.encode(),
    "no last newline": SIGNED[:-1].encode(),
    "one newline more": f"{SIGNED}\n".encode(),
    "a line that is no signature": f"{SIGNED}Unexpected line.\n".encode(),
    "a tab": f"\t{SIGNED}".encode(),
    "a carriage return": SIGNED.replace("\n", "\r\n").encode(),
    "a null": SIGNED.encode().replace(b"answer", b"an\0wer"),
    "not UTF-8": b"\xff" + SIGNED.encode(),
    "an overlong newline": SIGNED.encode().replace(b"\n\n", b"\xc0\x8a\n"),
    "a lone surrogate": b"\xed\xa0\x80" + SIGNED.encode(),
    "a hyphen for the dash": SIGNED.replace("— ", "- ").encode(),
    "no space behind the dash": SIGNED.replace("— ", "—").encode(),
    "a second space": SIGNED.replace("PeterNeumann ", "PeterNeumann  ").encode(),
    "no name": SIGNED.replace("PeterNeumann", "").encode(),
    "a space in the name": SIGNED.replace("PeterNeumann", "Peter Neumann").encode(),
    "a wide space in the name": SIGNED.replace("PeterNeumann", "Peter\u3000Neumann").encode(),
    "a hard space in the name": SIGNED.replace("PeterNeumann", "Peter\u00a0Neumann").encode(),
    "a plus in the name": SIGNED.replace("PeterNeumann", "Peter+Neumann").encode(),
    "no signature behind the name": f"{GO_TEXT}\n— PeterNeumann\n".encode(),
    "an empty signature": f"{GO_TEXT}\n— PeterNeumann \n".encode(),
    "a signature that is an id alone": f"{GO_TEXT}\n— PeterNeumann x08gow==\n".encode(),
    "base64 of a URL": SIGNED.replace("/", "_").encode(),
    "base64 without padding": SIGNED.replace("=", "").encode(),
    "base64 with spare bits": SIGNED.replace("JnAM=", "JnAN=").encode(),
    "base64 that isn't ASCII": SIGNED.replace("x08g", "ｘ08g").encode(),
    "101 signatures": (SIGNED + GO_SECOND_LINE * 100).encode(),
    "too many bytes": b"x" * NOTE_LIMIT_BYTES + b"\n" + SIGNED.encode(),
}


@pytest.mark.parametrize("message", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_note_is_refused_before_any_signature_counts(message: bytes) -> None:
    with pytest.raises(NoteRefused):
        opened(message, PETER)


def test_a_hundred_signatures_and_blank_lines_in_the_text_are_accepted() -> None:
    assert opened(SIGNED + GO_SECOND_LINE * 99, PETER) == [PETER]
    key = SigningKey(name="a", seed=bytes(32))
    for text in ("\n", "a\n\n", "\n\na\n", f"{SIGNED}", "Größe ✓ \x7f\n"):
        message = sign(text, [key])
        assert parse(message).text == text
        assert opened(message, key.verifier) == [key.verifier]


@settings(deadline=None)
@given(
    st.text().map(lambda text: f"{text}\n"),
    st.lists(st.tuples(st.text(min_size=1), st.binary(min_size=32, max_size=32)), max_size=4),
)
def test_whatever_is_signed_is_opened_and_whatever_is_not_is_refused(
    text: str, named: list[tuple[str, bytes]]
) -> None:
    try:
        keys = [SigningKey(name=name, seed=seed) for name, seed in dict(named).items()]
        message = sign(text, keys)
    except (KeyRefused, NoteRefused):
        return
    assert opened(message, *(key.verifier for key in keys)) == [key.verifier for key in keys]
    assert parse(message).encoded == message


@pytest.mark.parametrize("text", ["", "no newline", "a\tb\n", "a\rb\n", "\ud800\n", "a\n\x00"])
def test_a_text_that_can_be_no_note_is_not_signed(text: str) -> None:
    with pytest.raises(NoteRefused):
        sign(text, [SigningKey(name="a", seed=bytes(32))])


def test_nobody_signs_nothing() -> None:
    with pytest.raises(NoteRefused):
        sign("a\n", [])


def test_no_bit_and_no_byte_of_a_note_can_change() -> None:
    message = sign("example.com\n1\n", [SigningKey(name="example.com/1", seed=bytes(32))])
    key = SigningKey(name="example.com/1", seed=bytes(32)).verifier
    assert opened(message, key) == [key]
    for changed in (*flipped(message), *shifted(message)):
        with pytest.raises((NoteRefused, SignerUnknown, SignatureRefused)):
            opened(changed, key)


@settings(deadline=None)
@given(st.binary())
def test_any_bytes_are_refused_or_read(message: bytes) -> None:
    try:
        note = parse(message)
    except NoteRefused:
        return
    assert note.encoded == message


def test_no_part_and_no_change_of_a_key_is_a_key() -> None:
    for text, kind in ((GO_KEY, VerifierKey), (GO_SIGNING_KEY, SigningKey)):
        for start in range(len(text)):
            for stop in range(start + 1, len(text) + (start > 0)):
                with pytest.raises(KeyRefused):
                    kind.parse(text[start:stop])
        for at, character in enumerate(text):
            with pytest.raises(KeyRefused):
                kind.parse(f"{text[:at]}{chr(ord(character) + 1)}{text[at + 1 :]}")


@pytest.mark.parametrize(
    "text",
    [
        *("", "+", "++", *GO_BAD_KEYS),
        GO_KEY.replace("c74f20a3", "C74F20A3"),
        GO_KEY.replace("c74f20a3", "c74f20a"),
        f"{GO_KEY}\n",
        f" {GO_KEY}",
        GO_KEY.replace("PeterNeumann", "Peter\ud800Neumann"),
        GO_KEY.replace("PeterNeumann", ""),
        "n+00000000+" + to_base64(b"\x01" * 10_000),
    ],
)
def test_a_malformed_key_is_refused(text: str) -> None:
    with pytest.raises(KeyRefused):
        VerifierKey.parse(text)
    with pytest.raises(KeyRefused):
        SigningKey.parse(f"PRIVATE+KEY+{text}")


def test_a_secret_key_is_in_no_message_and_no_representation() -> None:
    key = SigningKey.parse(GO_SIGNING_KEY)
    assert repr(key) == "SigningKey(name='PeterNeumann')"
    with pytest.raises(KeyRefused) as refusal:
        SigningKey.parse(GO_SIGNING_KEY.replace("c74f20a3", "c74f20a4"))
    assert "AYEKFALV" not in str(refusal.value)


def test_every_refusal_is_one_of_the_tree() -> None:
    kinds = (KeyRefused, NoteRefused, SignerUnknown, SignatureRefused)
    assert all(issubclass(kind, AuditError) for kind in kinds)
    assert len({kind.code for kind in kinds}) == 4
    assert Note(text="a\n", signatures=()).encoded == b"a\n\n"
