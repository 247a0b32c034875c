"""The checkpoints around an evidence file: whose they are, who signed them, and that the trail grew."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from audit_trail.errors import (
    AuditError,
    CheckpointOlder,
    EvidenceRefused,
    NotProven,
    OriginRefused,
    SignatureRefused,
    SignerUnknown,
)
from audit_trail.seal import note as notes_of
from audit_trail.seal.checkpoint import Checkpoint
from audit_trail.seal.encoding import hash_from
from audit_trail.seal.note import Note, VerifierKey
from audit_trail.seal.proof import Path, verify_growth
from audit_trail.verify.archive import Archive
from audit_trail.verify.manifest import CHECKPOINT, EARLIER, KEYS, Manifest, account_in
from audit_trail.verify.verdict import Notes, Side


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoints:
    """The file's checkpoint, and the earlier ones that a known key has signed."""

    newest: Checkpoint
    signed: bytes
    """The newest one as the note that it is."""
    signed_by: tuple[str, ...]
    """Which of the keys that the caller knows have signed it."""
    earlier: Checkpoint | None
    accepted: Checkpoint | None

    @property
    def sizes(self) -> set[int]:
        """The sizes of which a root is of use."""
        return {each.size for each in (self.earlier, self.accepted) if each}

    def require_growth(self, manifest: Manifest, roots: Mapping[int, bytes], notes: Notes) -> None:
        """Note whether the trail only added to each earlier checkpoint.

        `roots` are those of smaller trees, from leaves that were shown to be the trail's.
        """
        proof = hashes_in(manifest.consistency or ())
        if self.earlier:
            self._growth_from(self.earlier, proof, roots, notes)
        if self.accepted:
            has_proof = self.earlier and self.earlier.size == self.accepted.size
            self._growth_from(self.accepted, proof if has_proof else None, roots, notes)

    def _growth_from(
        self, earlier: Checkpoint, path: Path | None, roots: Mapping[int, bytes], notes: Notes
    ) -> None:
        if not earlier.size:
            says = "A checkpoint of no entries shows nothing of what came after it."
            notes.doubt("completeness", says)
            return
        before = f"the {earlier.size} entries under the earlier checkpoint"
        try:
            is_shown = self._adds_to(earlier, path, roots.get(earlier.size))
        except (OriginRefused, CheckpointOlder, NotProven) as error:
            says = f"The trail doesn't only add to {before}. {error}"
            notes.problem("consistency", says)
            return
        if is_shown:
            notes.show(f"Of {before} none was removed or changed since.")
        else:
            says = f"The file has no proof that the trail only added to {before}. Ask for one."
            notes.doubt("completeness", says)

    def _adds_to(self, earlier: Checkpoint, path: Path | None, root: bytes | None) -> bool:
        """Tell whether growth is shown: by the proof given, or by the file's own leaves."""
        newest = self.newest
        if path is None and earlier.origin == newest.origin and earlier.size < newest.size:
            if root is not None and root != earlier.root:
                raise NotProven("The file's entries lead to another root of that size.")
            return root is not None
        verify_growth(earlier, newest, path or ())
        return True


def read_checkpoints(
    archive: Archive,
    manifest: Manifest,
    keys: Sequence[VerifierKey],
    accepted: bytes | None,
    notes: Notes,
) -> Checkpoints:
    """Read the file's checkpoints and the caller's, and note what is wrong or unknown about them.

    Raises `EvidenceRefused` and what malformed keys and notes raise.
    """
    own = _keys_in(archive.read(KEYS), manifest.origin)
    if not keys:
        notes.doubt(
            "integrity",
            "No key was given. Those in the file prove nothing by themselves: compare them with what "
            "the trail's operator has published, and give the right ones.",
        )
    known = keys or own
    signed = archive.read(CHECKPOINT)
    note, newest = _opened(signed)
    signed_by = _signers(note, newest, known, notes, "checkpoint", "integrity")
    _require_origin(newest, manifest, notes)
    return Checkpoints(
        newest=newest,
        signed=signed,
        signed_by=signed_by if keys else (),
        earlier=_earlier_in(archive, manifest, known, notes),
        accepted=_accepted(accepted, known, notes),
    )


def _signers(
    note: Note,
    checkpoint: Checkpoint,
    keys: Sequence[VerifierKey],
    notes: Notes,
    part: str,
    side: Side,
) -> tuple[str, ...]:
    """Return which known keys have signed, and note where none has or one is wrong.

    A trail's key is named by the origin, or by the trail's name alone, as it is for all accounts:
    that another party has signed says nothing of the trail.
    """
    own = [named for key in keys if (named := _under(checkpoint.origin, key))]
    try:
        return tuple(key.text for key in notes_of.signers(note, own))
    except SignatureRefused as error:
        notes.problem("checkpoint", f"The {part}'s signature is wrong. {error}")
    except SignerUnknown:
        notes.doubt(side, f"No known key has signed the {part}.")
    return ()


def _under(origin: str, key: VerifierKey) -> VerifierKey | None:
    """Return the key as it signs under the origin, if it is that trail's."""
    if key.name == origin:
        return key
    is_the_trail_s = key.name == origin.rpartition("/")[0]
    return VerifierKey(name=origin, public=key.public) if is_the_trail_s else None


def _require_origin(newest: Checkpoint, manifest: Manifest, notes: Notes) -> None:
    told, signed = manifest.origin, newest.origin
    if signed != told:
        notes.problem("checkpoint", f"The checkpoint is another trail's: {signed}, not {told}.")
    elif told.rpartition("/")[2] != account_in(manifest.account):
        says = f"The checkpoint {signed} isn't of account {manifest.account}."
        notes.problem("checkpoint", says)


def _earlier_in(
    archive: Archive, manifest: Manifest, keys: Sequence[VerifierKey], notes: Notes
) -> Checkpoint | None:
    if (EARLIER in archive.names) != (manifest.consistency is not None):
        raise EvidenceRefused(f"{EARLIER} and the proof from it aren't both there.")
    if manifest.consistency is None:
        return None
    note, earlier = _opened(archive.read(EARLIER))
    part = "earlier checkpoint in the file"
    return earlier if _signers(note, earlier, keys, notes, part, "completeness") else None


def _accepted(
    message: bytes | None, keys: Sequence[VerifierKey], notes: Notes
) -> Checkpoint | None:
    if message is None:
        return None
    try:
        note, earlier = _opened(message)
    except AuditError as error:
        raise EvidenceRefused(f"The earlier checkpoint can't be read. {error}") from None
    part = "earlier checkpoint"
    return earlier if _signers(note, earlier, keys, notes, part, "completeness") else None


def _keys_in(content: bytes, origin: str) -> list[VerifierKey]:
    """Return the keys that the file shows, which prove nothing by themselves."""
    try:
        *lines, rest = content.decode().split("\n")
    except UnicodeDecodeError:
        raise EvidenceRefused(f"{KEYS} isn't text.") from None
    keys = [VerifierKey.parse(line) for line in lines]
    if rest or not keys or any(key.name != origin for key in keys):
        raise EvidenceRefused(f"{KEYS} doesn't hold keys of {origin}.")
    return keys


def _opened(message: bytes) -> tuple[Note, Checkpoint]:
    note = notes_of.parse(message)
    return note, Checkpoint.parse(note.text)


def hashes_in(texts: Sequence[str]) -> Path:
    """Return hashes as a manifest or a line spells them. Raises `EvidenceRefused`."""
    return tuple(hash_from(text, EvidenceRefused) for text in texts)
