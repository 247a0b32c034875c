"""Verifies an evidence file step by step as docs/spec/evidence-1.md has it: bytes in, verdict out."""

from collections.abc import Callable, Sequence
from typing import BinaryIO, Final

from audit_trail.errors import (
    CheckpointRefused,
    EvidenceRefused,
    KeyRefused,
    NoteRefused,
    NotProven,
    ProofRefused,
    TreeRefused,
)
from audit_trail.seal.encoding import number_from, to_base64
from audit_trail.seal.merkle import HASH_BYTES, Range, leaf_hash
from audit_trail.seal.note import VerifierKey
from audit_trail.seal.proof import Proof, verify_inclusion
from audit_trail.verify.archive import Archive
from audit_trail.verify.checkpoints import hashes_in, read_checkpoints
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
    chunk_names,
    entries_in,
    leaves_in,
    read_lines,
)
from audit_trail.verify.verdict import (
    Facts,
    Notes,
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
        self._manifest = manifest = Manifest.parse(archive.read(MANIFEST))
        self._checkpoints = read_checkpoints(archive, manifest, keys, accepted, self._notes)
        self._checkpoint = self._checkpoints.newest
        self._entries = Entries(manifest, self._notes)
        self._edge = self._left()
        """The tree up to the entries that were read, where the file has one."""
        self._roots: dict[int, bytes] = {}
        """Roots of the trees whose sizes were asked for, from the file's own leaves."""
        self._is_proven = False
        """Whether the file's leaves lead to the checkpoint's root."""

    def run(self, report: Report) -> Verdict:
        """Take every step, and judge."""
        if self._read_entries(report):
            self._require_tree()
            self._require_whole()
            self._require_removed()
            self._require_proof()
            self._require_query()
            roots = self._roots if self._is_proven else {}
            self._checkpoints.require_growth(self._manifest, roots, self._notes)
        return judged(self._facts(), self._manifest, self._entries, self._notes)

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
            return Range(stop=first, hashes=hashes_in(self._manifest.left))
        except TreeRefused:
            says = f"The hashes before entry {first} aren't those of {first} entries."
            self._notes.problem("tree", says)
            return None

    def _grown(self, edge: Range, leaves: Sequence[bytes]) -> Range:
        for size in self._checkpoints.sizes:
            if edge.stop < size <= edge.stop + len(leaves):
                self._roots[size] = edge.append(leaves[: size - edge.stop]).after.root
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
            right = Range(start=stop, stop=size, hashes=hashes_in(self._manifest.right))
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
                    hashes_in(line.path),
                )
                told = decode_public(public)
            except (NotProven, *UNREADABLE):
                says = f"Entry {line.index}, shown for what it removed, isn't in the signed tree."
                self._notes.problem("covering", says, line.index)
                continue
            self._entries.removals.add(line.index, told)

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
        if proof.index != first or proof.checkpoint != self._checkpoints.signed:
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
        undecided, is_open = self._entries.undecided, manifest.query.person is not None
        if is_open or undecided:
            self._notes.doubt(
                "completeness",
                "The query looks into sealed parts, so that it found all there is can't be shown.",
            )
        wrong = not (0 if is_open else matching) <= manifest.count <= matching + undecided
        if wrong and not self._entries.altered:
            more = f" to {matching + undecided}" if undecided else ""
            says = (
                f"The query matches {matching}{more} entries, and the file says {manifest.count}."
            )
            self._notes.problem("query", says)

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
            signed_by=self._checkpoints.signed_by,
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
