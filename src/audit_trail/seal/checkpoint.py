"""Checkpoints of C2SP tlog-checkpoint: a trail's name, size and root, as the text of a note."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from audit_trail.errors import CheckpointRefused, OriginRefused
from audit_trail.seal import note
from audit_trail.seal.encoding import hash_from, number_from, to_base64
from audit_trail.seal.merkle import EMPTY_ROOT, HASH_BYTES, SIZE_LIMIT


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """Whose tree, how large, and its root. Raises `CheckpointRefused` for what no log can have."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for line in (self.origin, *self.extensions):
            if not line or "\n" in line:
                raise CheckpointRefused("Origin and extensions are lines, and none is empty.")
        if not 0 <= self.size <= SIZE_LIMIT or len(self.root) != HASH_BYTES:
            raise CheckpointRefused("The size is out of bounds, or the root isn't a hash.")
        if not self.size and self.root != EMPTY_ROOT:
            raise CheckpointRefused("An empty tree has another root.")

    @property
    def text(self) -> str:
        """The lines of the note: origin, size, root, and extensions if any."""
        lines = (self.origin, str(self.size), to_base64(self.root), *self.extensions, "")
        return "\n".join(lines)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the checkpoint that a note's text spells; raises `CheckpointRefused`."""
        lines = text.split("\n")
        if len(lines) < 4 or lines.pop():
            raise CheckpointRefused("A checkpoint has three lines or more.")
        origin, size, root, *extensions = lines
        return cls(
            origin=origin,
            size=number_from(size, CheckpointRefused),
            root=hash_from(root, CheckpointRefused),
            extensions=tuple(extensions),
        )


def sign(checkpoint: Checkpoint, keys: Sequence[note.SigningKey]) -> bytes:
    """Return the signed checkpoint. That it never goes backwards is the caller's to see to."""
    return note.sign(checkpoint.text, keys)


def verify(message: bytes, origin: str, keys: Iterable[note.VerifierKey]) -> Checkpoint:
    """Return the checkpoint of this origin that one of its keys has signed.

    `keys` are the trail's own: a witness's alone would say nothing about the trail. Raises what
    `note.parse` and `note.signers` raise, `CheckpointRefused`, and `OriginRefused`.
    """
    opened = note.parse(message)
    note.signers(opened, keys)
    checkpoint = Checkpoint.parse(opened.text)
    if checkpoint.origin != origin:  # One key may sign for many accounts.
        raise OriginRefused
    return checkpoint
