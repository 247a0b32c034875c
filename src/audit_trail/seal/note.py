"""Signed notes of C2SP signed-note, with Ed25519 keys; a note says who signed, not what it means."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from audit_trail.errors import AuditError, KeyRefused, NoteRefused, SignatureRefused, SignerUnknown
from audit_trail.seal.encoding import from_base64, to_base64

ED25519: Final = b"\x01"
"""The signature type. Others, as of witnesses, are other keys and so unknown here."""

KEY_BYTES: Final = 32
KEY_ID_BYTES: Final = 4
# A verifier must accept 16 signatures and should limit them; the largest kind has 5 kB.
SIGNATURE_LIMIT: Final = 100
NOTE_LIMIT_BYTES: Final = 1_000_000

_DASH: Final = "— "
# Neither contains a lone surrogate, which UTF-8 can't hold.
_NAME: Final = re.compile(r"[^\s+\x00-\x1f\ud800-\udfff]+")
_TEXT: Final = re.compile(r"[^\x00-\x09\x0b-\x1f\ud800-\udfff]*\n")


@dataclass(frozen=True, kw_only=True, slots=True)
class VerifierKey:
    """A name and the 32 bytes of an Ed25519 public key (RFC 8032)."""

    name: str
    public: bytes

    def __post_init__(self) -> None:
        _require_key(self.name, self.public)

    @property
    def id(self) -> bytes:
        """The first 4 bytes of SHA-256(name ‖ newline ‖ 0x01 ‖ public key)."""
        return sha256(self.name.encode() + b"\n" + ED25519 + self.public).digest()[:KEY_ID_BYTES]

    @property
    def text(self) -> str:
        """The key as <name>+<id in hexadecimal>+<base64 of type and public key>."""
        return f"{self.name}+{self.id.hex()}+{to_base64(ED25519 + self.public)}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the key that `text` spells; raises `KeyRefused`."""
        name, key_id, public = _key_parts(text)
        key = cls(name=name, public=public)
        if key.id.hex() != key_id:
            raise KeyRefused("The key's id isn't that of its name and bytes.")
        return key

    def verifies(self, signature: bytes, content: bytes) -> bool:
        """Tell whether the signature is this key's over the content."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, content)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, kw_only=True)
class SigningKey:
    """A name and the 32 secret bytes of an Ed25519 key. Drawing them is the caller's.

    What follows from them is computed once, since a key signs for many trails.
    """

    name: str
    seed: bytes = field(repr=False)

    def __post_init__(self) -> None:
        _require_key(self.name, self.seed)

    @cached_property
    def verifier(self) -> VerifierKey:
        """The public half, under the same name."""
        return VerifierKey(name=self.name, public=self._private.public_key().public_bytes_raw())

    @property
    def text(self) -> str:
        """The key as PRIVATE+KEY+<name>+<id>+<base64 of type and seed>, as Go's note writes it."""
        return f"PRIVATE+KEY+{self.name}+{self.verifier.id.hex()}+{to_base64(ED25519 + self.seed)}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the key that `text` spells; raises `KeyRefused`, which never shows the key."""
        secret = text.removeprefix("PRIVATE+KEY+")
        if secret == text:
            raise KeyRefused("A signing key begins with PRIVATE+KEY+.")
        name, key_id, seed = _key_parts(secret)
        key = cls(name=name, seed=seed)
        if key.verifier.id.hex() != key_id:
            raise KeyRefused("The key's id isn't that of its name and bytes.")
        return key

    def sign(self, content: bytes) -> bytes:
        """Return the 64 bytes of the signature; the same for the same content."""
        return self._private.sign(content)

    @cached_property
    def _private(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)


def _key_parts(text: str) -> tuple[str, str, bytes]:
    name, _, rest = text.partition("+")
    key_id, _, encoded = rest.partition("+")
    typed = from_base64(encoded, KeyRefused)
    if not typed.startswith(ED25519):
        raise KeyRefused("The key isn't an Ed25519 key.")
    return name, key_id, typed.removeprefix(ED25519)


def _require_key(name: str, content: bytes) -> None:
    _require_name(name, KeyRefused)
    if len(content) != KEY_BYTES:
        raise KeyRefused("An Ed25519 key has 32 bytes.")


def _require_name(name: str, refusal: type[AuditError]) -> None:
    if _NAME.fullmatch(name) is None:
        raise refusal("A key's name is empty, or holds a space, a plus or a control character.")


@dataclass(frozen=True, kw_only=True, slots=True)
class Signature:
    """One line of a note: what a key of this name and id says to have signed."""

    name: str
    key_id: bytes
    content: bytes

    @property
    def line(self) -> str:
        """— <name> base64(id ‖ signature)"""
        return f"{_DASH}{self.name} {to_base64(self.key_id + self.content)}"

    @classmethod
    def parse(cls, line: str) -> Self:
        """Return the signature in a line; raises `NoteRefused`."""
        name, _, encoded = line.removeprefix(_DASH).partition(" ")
        if not line.startswith(_DASH):
            raise NoteRefused("A line under the note isn't a signature.")
        _require_name(name, NoteRefused)
        content = from_base64(encoded, NoteRefused)
        if len(content) <= KEY_ID_BYTES:
            raise NoteRefused("A signature is too short.")
        return cls(name=name, key_id=content[:KEY_ID_BYTES], content=content[KEY_ID_BYTES:])


@dataclass(frozen=True, kw_only=True, slots=True)
class Note:
    """A text that ends with a newline, and signatures that nobody has verified yet."""

    text: str
    signatures: tuple[Signature, ...]

    @property
    def encoded(self) -> bytes:
        """The text, a blank line, and a line for each signature, as UTF-8."""
        return "\n".join([self.text, *(each.line for each in self.signatures), ""]).encode()


def parse(message: bytes) -> Note:
    """Take a note apart, and trust nothing in it yet. Raises `NoteRefused`."""
    if len(message) > NOTE_LIMIT_BYTES:
        raise NoteRefused(f"The note has more than {NOTE_LIMIT_BYTES} bytes.")
    try:
        whole = message.decode()
    except UnicodeDecodeError:
        raise NoteRefused("The note isn't UTF-8.") from None
    _require_text(whole)
    # The last blank line divides, because the text may hold blank lines of its own.
    text, blank, lines = whole.removesuffix("\n").rpartition("\n\n")
    if not blank or lines.count("\n") >= SIGNATURE_LIMIT:
        raise NoteRefused("The note has no signatures, or too many.")
    return Note(text=text + "\n", signatures=tuple(map(Signature.parse, lines.split("\n"))))


def _require_text(text: str) -> None:
    if _TEXT.fullmatch(text) is None:
        raise NoteRefused("The note doesn't end with a newline, or holds a control character.")


def signers(note: Note, keys: Iterable[VerifierKey]) -> list[VerifierKey]:
    """Return which of the known keys have signed the note; its text may then be believed.

    An unknown key's signature says nothing, even under a known name or id. A known key's must
    verify, and appear once. Raises `SignatureRefused`, `SignerUnknown`, `NoteRefused`.
    """
    known = _by_name_and_id(keys)
    content = note.text.encode()
    found: list[VerifierKey] = []
    for signature in note.signatures:
        key = known.get((signature.name, signature.key_id))
        if key is None:
            continue
        if key in found:
            raise NoteRefused(f"The note is signed twice by {key.name}.")
        if not key.verifies(signature.content, content):
            raise SignatureRefused(f"The signature by {key.name} is wrong.")
        found.append(key)
    if not found:
        raise SignerUnknown
    return found


def _by_name_and_id(keys: Iterable[VerifierKey]) -> dict[tuple[str, bytes], VerifierKey]:
    known: dict[tuple[str, bytes], VerifierKey] = {}
    for key in keys:
        # Four bytes collide easily, and which of two keys is meant couldn't be told.
        if known.setdefault((key.name, key.id), key) != key:
            raise KeyRefused(f"Two keys share the name {key.name} and its id.")
    return known


def sign(text: str, keys: Sequence[SigningKey]) -> bytes:
    """Return the note of this text, signed by each key in turn. Raises `NoteRefused`."""
    _require_text(text)
    if not keys:
        raise NoteRefused("A note needs a signature.")
    content = text.encode()
    signatures = tuple(
        Signature(name=key.name, key_id=key.verifier.id, content=key.sign(content)) for key in keys
    )
    return Note(text=text, signatures=signatures).encoded
