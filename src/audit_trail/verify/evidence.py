"""Verifies an evidence file step by step as docs/spec/evidence-1.md has it: bytes in, verdict out."""

from collections.abc import Callable, Sequence
from typing import BinaryIO, Final

from audit_trail.errors import (
    CheckpointOlder,
    CheckpointRefused,
    EvidenceRefused,
    KeyRefused,
    NoteRefused,
    NotProven,
    OriginRefused,
    ProofRefused,
    SignatureRefused,
    SignerUnknown,
    TreeRefused,
)
from audit_trail.seal import note as notes_of
from audit_trail.seal.checkpoint import Checkpoint
from audit_trail.seal.encoding import hash_from, number_from, to_base64
from audit_trail.seal.merkle import HASH_BYTES, Range, leaf_hash
from audit_trail.seal.note import Note, VerifierKey
from audit_trail.seal.proof import Path, Proof, verify_growth, verify_inclusion
from audit_trail.verify.archive import Archive
from audit_trail.verify.entries import (
    PARTS,
    Entries,
    decode_public,
)
from audit_trail.verify.findings import judged
from audit_trail.verify.indexes import Indexes
from audit_trail.verify.manifest import (
    CHECKPOINT,
    CHUNK_LIMIT_ENTRIES,
    COVERING,
    COVERING_LIMIT_LINES,
    EARLIER,
    KEYS,
    MANIFEST,
    PROOF,
    UNREADABLE,
    Covering,
    Manifest,
    Sealed,
    account_in,
    chunk_names,
    entries_in,
    leaves_in,
    read_lines,
)
from audit_trail.verify.verdict import (
    Facts,
    Notes,
    Side,
    Verdict,
    unreadable,
)

Report = Callable[[int, int], None]
"""Told how many entries are verified, and of how many."""

MALFORMED: Final = (EvidenceRefused, KeyRefused, NoteRefused, CheckpointRefused, ProofRefused)
"""Errors that leave nothing to say of a file."""


def unreported(done: int, of: int) -> None:
    """Report to nobody."""


def verify(
    file: BinaryIO,
    keys: Sequence[VerifierKey] = (),
    accepted: bytes | None = None,
    report: Report = unreported,
) -> Verdict:
    """Return the verdict on an evidence file, which can be read at any place.

    `keys` are what the caller knows to be the trail's; those inside the file prove nothing by
    themselves. `accepted` is a checkpoint that the caller has from before.
    """
    try:
        return _Verification(Archive(file), keys, accepted).run(report)
    except MALFORMED as error:
        return unreadable(str(error))


class _Verification:
    """One file under verification. Each step notes what it finds, and the last one judges."""

    def __init__(
        self, archive: Archive, keys: Sequence[VerifierKey], accepted: bytes | None
    ) -> None:
        self._archive = archive
        self._notes = Notes()
        self._starts = _starts_in(archive)
        self._manifest = Manifest.parse(archive.read(MANIFEST))
        own = _keys_in(archive.read(KEYS), self._manifest.origin)
        self._keys, self._are_given = keys or own, bool(keys)
        if not keys:
            self._notes.doubt(
                "integrity",
                "No key was given. Those in the file prove nothing by themselves: compare them with "
                "what the trail's operator has published, and give the right ones.",
            )
        self._signed = archive.read(CHECKPOINT)
        note, self._checkpoint = _opened(self._signed)
        self._signed_by = self._signers(note, "checkpoint", "integrity")
        self._earlier = self._earlier_of_file()
        self._accepted = self._earlier_of_caller(accepted)
        self._entries = Entries(self._manifest, self._notes)
        self._edge = self._left()
        """The tree up to the entries that were read, where the file has one."""
        self._roots: dict[int, bytes] = {}
        """Roots of the trees whose sizes were asked for, from the file's own leaves."""
        self._is_proven = False
        """Whether the file's leaves lead to the checkpoint's root."""

    def run(self, report: Report) -> Verdict:
        """Take every step, and judge."""
        self._require_origin()
        if self._read_entries(report):
            self._require_tree()
            self._require_whole()
            self._require_removed()
            self._require_proof()
            self._require_query()
            self._require_growth()
        return judged(self._facts(), self._manifest, self._entries, self._notes)

    # The signed checkpoint.

    def _signers(self, note: Note, part: str, side: Side = "completeness") -> tuple[str, ...]:
        """Return which known keys have signed, and note where none has or one is wrong."""
        try:
            return tuple(key.text for key in notes_of.signers(note, self._keys))
        except SignatureRefused as error:
            self._notes.problem(part, f"The {part}'s signature is wrong. {error}")
        except SignerUnknown:
            self._notes.doubt(side, f"No known key has signed the {part}.")
        return ()

    def _require_origin(self) -> None:
        account = account_in(self._manifest.account)
        told, signed = self._manifest.origin, self._checkpoint.origin
        if signed != told:
            self._notes.problem(
                "checkpoint", f"The checkpoint is another trail's: {signed}, not {told}."
            )
        elif told.rpartition("/")[2] != account:
            self._notes.problem(
                "checkpoint", f"The checkpoint {signed} isn't of account {account}."
            )

    # The entries and their tree.

    def _read_entries(self, report: Report) -> bool:
        """Check the entries chunk by chunk; tell whether the chunks are those of the range."""
        manifest = self._manifest
        at, stop = manifest.first, manifest.last + 1
        for start in self._starts:
            if start != at:
                says = f"The file goes on with entry {start} where entry {at} should stand."
                self._notes.problem("range", says, min(at, start))
                return False
            at += self._read_chunk(start)
            report(at - manifest.first, stop - manifest.first)
        if at != stop:
            says = f"The file says that it ends with entry {stop - 1}, and ends with {at - 1}."
            self._notes.problem("range", says, min(at, stop))
        return at == stop

    def _read_chunk(self, start: int) -> int:
        """Check one chunk's entries, and add its leaves to the tree; return how many it has."""
        names = chunk_names(start)
        limit = CHUNK_LIMIT_ENTRIES * HASH_BYTES
        leaves = leaves_in(self._archive.read(names[1], limit), names[1])
        entries = entries_in(self._archive.read(names[0]), names[0], len(leaves))
        lines = read_lines(self._archive.read(names[2]), Sealed, names[2], len(leaves))
        self._entries.check(start, entries, leaves, lines)
        if self._edge:
            self._edge = self._grown(self._edge, leaves)
        return len(leaves)

    def _left(self) -> Range | None:
        first = self._manifest.first
        try:
            return Range(stop=first, hashes=_hashes(self._manifest.left))
        except TreeRefused:
            says = f"The hashes before entry {first} aren't those of {first} entries."
            self._notes.problem("tree", says)
            return None

    def _grown(self, edge: Range, leaves: Sequence[bytes]) -> Range:
        for each in (self._earlier, self._accepted):
            if each and edge.stop < each.size <= edge.stop + len(leaves):
                self._roots[each.size] = edge.append(leaves[: each.size - edge.stop]).after.root
        return edge.append(leaves).after

    def _require_tree(self) -> None:
        """Require that the leaves lead to the signed root. The size is the checkpoint's alone."""
        first, stop, size = self._manifest.first, self._manifest.last + 1, self._checkpoint.size
        if stop > size:
            says = (
                f"The checkpoint covers {size} entries, and the file goes on to entry {stop - 1}."
            )
            self._notes.problem("range", says, max(size, first))
            return
        if self._edge is None:
            return
        try:
            right = Range(start=stop, stop=size, hashes=_hashes(self._manifest.right))
        except TreeRefused:
            says = (
                f"The hashes behind entry {stop - 1} aren't those of the entries up to {size - 1}."
            )
            self._notes.problem("tree", says)
            return
        if self._edge.merge(right).root == self._checkpoint.root:
            self._is_proven = True
            return
        self._notes.problem(
            "tree",
            "The leaves of the entries don't lead to the root that was signed. Entries, leaves or "
            "the hashes beside them were replaced; which ones can't be told from the file.",
        )

    def _require_whole(self) -> None:
        manifest, size = self._manifest, self._checkpoint.size
        if not manifest.whole:
            return
        if manifest.first:
            self._notes.problem(
                "range", "The file says to be of the whole account, and lacks entry 0.", 0
            )
        if manifest.last + 1 < size:
            says = f"The file says to be of the whole account, and lacks entries {manifest.last + 1} to {size - 1}."
            self._notes.problem("range", says, manifest.last + 1)

    # What isn't there, and why.

    def _require_removed(self) -> None:
        self._read_covering()
        entries, manifest = self._entries, self._manifest
        for part in (*PARTS, "entry"):
            absent, removed = entries.absent[part], Indexes(getattr(manifest.removed, part))
            told = removed.joined(Indexes(getattr(manifest.withheld, part)))
            silent = absent.first_beyond(told)
            if silent is not None:
                self._problem_of_part(part, silent, "is missing, and the file doesn't say why")
            spurious = told.first_beyond(absent.joined(entries.altered))
            if spurious is not None:
                self._problem_of_part(part, spurious, "is told to be missing, and isn't")
            hidden = removed.first_beyond(entries.removals.of(part))
            if hidden is not None:
                says = "is gone, and no entry of the trail says that it was erased or dropped"
                self._problem_of_part(part, hidden, says)

    def _problem_of_part(self, part: str, index: int, says: str) -> None:
        subject = f"Entry {index}" if part == "entry" else f"The {part} part of entry {index}"
        self._notes.problem(part, f"{subject} {says}.", index)

    def _read_covering(self) -> None:
        """Take in what entries outside the range say was removed, if they are in the tree."""
        if COVERING not in self._archive.names:
            return
        manifest, checkpoint = self._manifest, self._checkpoint
        content = self._archive.read(COVERING)
        for line in read_lines(content, Covering, COVERING, COVERING_LIMIT_LINES):
            if manifest.first <= line.index <= manifest.last:
                raise EvidenceRefused(f"{COVERING} holds entry {line.index} of the range itself.")
            public = line.public.encode()
            try:
                verify_inclusion(
                    leaf_hash(public),
                    line.index,
                    checkpoint.size,
                    checkpoint.root,
                    _hashes(line.path),
                )
                told = decode_public(public)
            except (NotProven, *UNREADABLE):
                says = f"Entry {line.index}, shown for what it removed, isn't in the signed tree."
                self._notes.problem("covering", says, line.index)
                continue
            self._entries.removals.add(line.index, told)

    # The single entry's own proof, and the query.

    def _require_proof(self) -> None:
        """Require of a single entry that its proof, as other tools read it, says the same."""
        first = self._manifest.first
        if (PROOF in self._archive.names) != (first == self._manifest.last):
            raise EvidenceRefused(f"A file of one entry has {PROOF}, and no other has.")
        if first != self._manifest.last:
            return
        proof = Proof.parse(self._archive.read(PROOF))
        if proof.extra is not None:
            raise EvidenceRefused(f"{PROOF} has an extra line.")
        if proof.index != first or proof.checkpoint != self._signed:
            self._notes.problem(
                "proof", f"{PROOF} is of entry {proof.index}, or of another checkpoint.", first
            )
            return
        leaf, checkpoint = self._archive.read(chunk_names(first)[1]), self._checkpoint
        try:
            verify_inclusion(leaf, first, checkpoint.size, checkpoint.root, proof.path)
        except NotProven as error:
            self._notes.problem("proof", f"{PROOF} doesn't show entry {first}. {error}", first)

    def _require_query(self) -> None:
        manifest, matching = self._manifest, self._entries.matching
        if manifest.query.person is not None:
            self._notes.doubt(
                "completeness",
                "The query looks into sealed parts, so that it found all there is can't be shown.",
            )
            wrong = manifest.count > matching
        else:
            wrong = manifest.count != matching
        if wrong and not self._entries.altered:
            says = f"The query matches {matching} entries, and the file says {manifest.count}."
            self._notes.problem("query", says)

    # Earlier checkpoints.

    def _earlier_of_file(self) -> Checkpoint | None:
        if (EARLIER in self._archive.names) != (self._manifest.consistency is not None):
            raise EvidenceRefused(f"{EARLIER} and the proof from it aren't both there.")
        if self._manifest.consistency is None:
            return None
        note, earlier = _opened(self._archive.read(EARLIER))
        return earlier if self._signers(note, "earlier checkpoint in the file") else None

    def _earlier_of_caller(self, accepted: bytes | None) -> Checkpoint | None:
        if accepted is None:
            return None
        note, earlier = _opened(accepted)
        return earlier if self._signers(note, "earlier checkpoint") else None

    def _require_growth(self) -> None:
        """Require that the trail only added to each earlier checkpoint."""
        if self._earlier:
            self._growth_from(self._earlier, _hashes(self._manifest.consistency or ()))
        if self._accepted:
            accepted, earlier = self._accepted, self._earlier
            is_same = earlier and (earlier.size, earlier.root) == (accepted.size, accepted.root)
            self._growth_from(
                accepted, _hashes(self._manifest.consistency or ()) if is_same else None
            )

    def _growth_from(self, earlier: Checkpoint, path: Path | None) -> None:
        if not earlier.size:
            says = "A checkpoint of no entries shows nothing of what came after it."
            self._notes.doubt("completeness", says)
            return
        before = f"the {earlier.size} entries under the earlier checkpoint"
        try:
            is_shown = self._adds_to(earlier, path)
        except (OriginRefused, CheckpointOlder, NotProven) as error:
            says = f"The trail doesn't only add to {before}. {error}"
            self._notes.problem("consistency", says)
            return
        if is_shown:
            self._notes.show(f"Of {before} none was removed or changed since.")
        else:
            says = f"The file has no proof that the trail only added to {before}. Ask for one."
            self._notes.doubt("completeness", says)

    def _adds_to(self, earlier: Checkpoint, path: Path | None) -> bool:
        """Tell whether growth is shown: by the proof given, or by the file's own leaves."""
        newer = self._checkpoint
        if path is None and earlier.origin == newer.origin and earlier.size < newer.size:
            root = self._roots.get(earlier.size) if self._is_proven else None
            if root is not None and root != earlier.root:
                raise NotProven("The file's entries lead to another root of that size.")
            return root is not None
        verify_growth(earlier, newer, path or ())
        return True

    def _facts(self) -> Facts:
        manifest, checkpoint = self._manifest, self._checkpoint
        return Facts(
            origin=checkpoint.origin,
            account=manifest.account,
            first=manifest.first,
            last=manifest.last,
            size=checkpoint.size,
            root=to_base64(checkpoint.root),
            query=manifest.told,
            time_zone=manifest.time_zone,
            count=manifest.count,
            signed_by=self._signed_by if self._are_given else (),
        )


def _starts_in(archive: Archive) -> list[int]:
    """Return where the chunks begin; raises `EvidenceRefused` for members that no file has."""
    before, names = "entries/", archive.names
    starts = sorted(
        number_from(name.removeprefix(before), EvidenceRefused)
        for name in names
        if name.startswith(before)
    )
    chunks = {name for start in starts for name in chunk_names(start)}
    optional = names & {COVERING, PROOF, EARLIER}
    if names != {CHECKPOINT, KEYS, MANIFEST} | chunks | optional:
        raise EvidenceRefused("The file lacks members of an evidence file, or has others.")
    return starts


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


def _hashes(texts: Sequence[str]) -> Path:
    return tuple(hash_from(text, EvidenceRefused) for text in texts)
