"""Writes evidence files (docs/spec/evidence-1.md) from a trail, a chunk at a time; it verifies none."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from audit_trail.errors import EntryNotFound, EvidenceRefused
from audit_trail.record.entry import Entry, Part, Public, Removed, read_who
from audit_trail.record.matching import matches
from audit_trail.record.query import Condition
from audit_trail.record.removed import REMOVED_PARTS, RemovedPart, ranges_in
from audit_trail.seal.checkpoint import Checkpoint
from audit_trail.seal.encoding import to_base64
from audit_trail.seal.note import parse
from audit_trail.seal.proof import Path, Proof
from audit_trail.seal.tile import ENTRY_LIMIT_BYTES, bundle_of
from audit_trail.trail import Trail
from audit_trail.verify import manifest as members
from audit_trail.verify.archive import archived
from audit_trail.verify.filter import filter_of
from audit_trail.verify.indexes import Indexes
from audit_trail.verify.manifest import Asked, Covering, Gone, Manifest, Sealed, Shown, chunk_names

CHUNK_ENTRIES: Final = 4_096
CHUNK_BYTES: Final = 16 * 2**20
"""A chunk ends where it has more than either of these."""

READ_TOGETHER: Final = 512

PARTS: Final[tuple[RemovedPart, ...]] = ("who", "what")

Content = Iterator[tuple[str, bytes]]


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What an evidence file shall hold: a range of one account, by default all that is signed.

    All public parts of the range are always in it. `query` says of which entries the sealed parts
    named in `parts` are disclosed, `condition` where that leaves it open, and `question` how it was
    typed; `time_zone` is the one in which it was asked. With `earlier`, a checkpoint from before, the
    file shows that the trail only added to it.
    """

    account: str
    first: int = 0
    last: int | None = None
    query: Asked = Asked()
    condition: Condition | None = None
    question: str = ""
    time_zone: str = "UTC"
    parts: Collection[str] = PARTS
    earlier: bytes | None = None


def questioned(
    wanted: Wanted, condition: Condition | None, question: str, time_zone: str
) -> Wanted:
    """Return the same for the entries of which a condition holds, as it was typed in this zone."""
    return msgspec.structs.replace(
        wanted,
        query=msgspec.structs.replace(wanted.query, where=filter_of(condition)),
        condition=condition,
        question=question,
        time_zone=time_zone,
    )


def evidence(trail: Trail, wanted: Wanted) -> Iterator[bytes]:
    """Return the bytes of an evidence file, piece by piece, as they are read from the trail.

    Raises `EntryNotFound` and `EvidenceRefused` before the first piece, where nothing can be shown.
    """
    return archived(_Evidence(trail, wanted).contents())


class _Evidence:
    """One file being written: what is asked, the checkpoint it stands on, and what was left out."""

    def __init__(self, trail: Trail, wanted: Wanted) -> None:
        self._trail = trail
        self._wanted = wanted
        self._signed = trail.checkpoint(wanted.account) or b""
        if not self._signed:
            raise EvidenceRefused(f"Nothing of account {wanted.account} is signed yet.")
        self._checkpoint = Checkpoint.parse(parse(self._signed).text)
        self._last = self._checkpoint.size - 1 if wanted.last is None else wanted.last
        if not 0 <= wanted.first <= self._last < self._checkpoint.size:
            raise EntryNotFound(
                f"Account {wanted.account} has entries 0 to {self._checkpoint.size - 1} under its "
                f"newest checkpoint, and {wanted.first} to {self._last} were asked for."
            )
        self._consistency = self._from_earlier()
        self._removed = {part: Indexes() for part in REMOVED_PARTS}
        self._declared = {part: Indexes() for part in REMOVED_PARTS}
        self._withheld = {part: Indexes() for part in PARTS}
        self._matching = 0

    def contents(self) -> Content:
        """Yield the members in their order; the manifest is last, since it counts the others."""
        wanted, origin = self._wanted, self._checkpoint.origin
        keys = [key for key in self._trail.verifier_keys(wanted.account) if key.name == origin]
        yield members.CHECKPOINT, self._signed
        yield members.KEYS, "".join(f"{key.text}\n" for key in keys).encode()
        start = wanted.first
        while start <= self._last:
            chunk = self._chunk(start)
            yield from self._chunk_members(start, chunk)
            start += len(chunk)
        if covering := b"".join(self._covering()):
            yield members.COVERING, covering
        if wanted.first == self._last:
            path = self._trail.prove_inclusion(wanted.account, self._last, self._checkpoint.size)
            proof = Proof(index=self._last, path=path, checkpoint=self._signed)
            yield members.PROOF, proof.encoded
        if wanted.earlier is not None:
            yield members.EARLIER, wanted.earlier
        yield members.MANIFEST, self._manifest().encoded

    def _from_earlier(self) -> Path | None:
        if self._wanted.earlier is None:
            return None
        earlier = Checkpoint.parse(parse(self._wanted.earlier).text)
        if earlier.origin != self._checkpoint.origin:
            raise EvidenceRefused(f"The earlier checkpoint is another trail's: {earlier.origin}.")
        if not 0 < earlier.size <= self._checkpoint.size:
            raise EvidenceRefused(
                f"The earlier checkpoint has {earlier.size} entries, and the newest "
                f"{self._checkpoint.size}."
            )
        return self._trail.prove_consistency(
            self._wanted.account, earlier.size, self._checkpoint.size
        )

    def _chunk(self, start: int) -> list[Entry | None]:
        """Read the entries from an index on; None stands for one that isn't there any more."""
        chunk: list[Entry | None] = []
        length, stop = 0, min(self._last + 1, start + CHUNK_ENTRIES)
        while start + len(chunk) < stop and length < CHUNK_BYTES:
            begin = start + len(chunk)
            end = min(stop, begin + READ_TOGETHER)
            found = {
                entry.index: entry
                for entry in self._trail.entries(self._wanted.account, begin, end)
                if _are_bytes(entry.public_bytes) and len(entry.public_bytes) <= ENTRY_LIMIT_BYTES
            }
            chunk += [found.get(index) for index in range(begin, end)]
            length += sum(map(_length, found.values()))
        return chunk

    def _chunk_members(self, start: int, chunk: Sequence[Entry | None]) -> Content:
        names = chunk_names(start)
        leaves = self._trail.leaves(self._wanted.account, start, start + len(chunk))
        sealed = [self._sealed(index, entry) for index, entry in enumerate(chunk, start)]
        yield names[0], bundle_of([entry.public_bytes if entry else b"" for entry in chunk])
        yield names[1], b"".join(leaves)
        yield names[2], members.lines_of(line for line in sealed if line)

    def _sealed(self, index: int, entry: Entry | None) -> Sealed | None:
        """Return the parts of an entry that are disclosed, and take note of those that aren't."""
        if entry is None:
            self._removed["entry"].add(index)
            return None
        public = entry.public
        if public.removed:
            self._declare(public.removed)
        is_match = self._matches(entry, public)
        self._matching += is_match
        who = self._shown("who", index, public.who, entry.who, is_match=is_match)
        what = self._shown("what", index, public.what, entry.what, is_match=is_match)
        return Sealed(index=index, who=who, what=what) if who or what else None

    def _shown(
        self,
        part: RemovedPart,
        index: int,
        commitment: str | None,
        kept: Part | None,
        *,
        is_match: bool,
    ) -> Shown | None:
        is_kept = kept is not None and _are_bytes(kept.stored, kept.salt)
        if kept and is_kept and is_match and part in self._wanted.parts:
            return Shown.of(kept.stored, kept.salt)
        if commitment is not None:
            (self._withheld if is_kept else self._removed)[part].add(index)
        return None

    def _declare(self, removed: Removed) -> None:
        for part, declared in self._declared.items():
            self._declared[part] = declared.joined(Indexes(ranges_in(removed, part)))

    def _covering(self) -> Iterator[bytes]:
        """Yield the entries outside the range that declare what is gone and nothing within does."""
        account, told = self._wanted.account, set()
        for part, removed in self._removed.items():
            while (index := removed.first_beyond(self._declared[part])) is not None:
                by = self._trail.removed_by(account, part, index)
                # What nobody declared is for the verifier to find.
                if by is None or by in told or self._wanted.first <= by <= self._last:
                    break
                if by >= self._checkpoint.size:
                    raise EvidenceRefused("Entries are being removed just now; ask again.")
                told.add(by)
                yield self._covered(by)

    def _covered(self, index: int) -> bytes:
        entry = self._trail.entry(self._wanted.account, index)
        if entry.public.removed:
            self._declare(entry.public.removed)
        path = self._trail.prove_inclusion(self._wanted.account, index, self._checkpoint.size)
        public = entry.public_bytes.decode()
        return members.lines_of([Covering(index=index, public=public, path=_texts(path))])

    def _matches(self, entry: Entry, public: Public) -> bool:
        query = self._wanted.query
        if public.v != 1:
            return False  # It can't be read, and a verifier leaves it out.
        decided = query.decides(public.entity.type, public.occurred_at, entry.public_bytes)
        is_match = matches(self._wanted.condition, entry) if decided is None else decided
        return is_match and (
            query.person is None or query.person.casefold() in read_who(entry.who).person
        )

    def _words(self, last: int) -> str:
        told = self._wanted.query.told(self._wanted.account, self._wanted.first, last)
        return f"{told}; asked as: {self._wanted.question}" if self._wanted.question else told

    def _manifest(self) -> Manifest:
        wanted, last, size = self._wanted, self._last, self._checkpoint.size
        left, right = self._trail.beside(wanted.account, wanted.first, last + 1, size)
        return Manifest(
            format=members.FORMAT,
            words=self._words(last),
            cut=False,
            origin=self._checkpoint.origin,
            account=wanted.account,
            first=wanted.first,
            last=last,
            whole=last + 1 - wanted.first == size,
            query=wanted.query,
            time_zone=wanted.time_zone,
            count=self._matching,
            left=_texts(left.hashes),
            right=_texts(right.hashes),
            consistency=None if self._consistency is None else _texts(self._consistency),
            removed=_gone(self._removed),
            withheld=_gone(self._withheld),
        )


def _are_bytes(*values: object) -> bool:
    """Tell whether the store holds what was put there; what is of another type can't be shown."""
    return all(isinstance(value, bytes) for value in values)


def _length(entry: Entry) -> int:
    parts = (part.stored for part in (entry.who, entry.what) if part)
    return len(entry.public_bytes) + sum(map(len, parts))


def _gone(indexes: Mapping[RemovedPart, Indexes]) -> Gone:
    return Gone(**{part: tuple(each.pairs) for part, each in indexes.items()})


def _texts(hashes: Iterable[bytes]) -> tuple[str, ...]:
    return tuple(map(to_base64, hashes))
