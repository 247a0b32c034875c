"""Rows of a store against the bytes in them, column by column; it reads no store.

Every comparison is one of whole columns, which are equal but where somebody altered one.
"""

from collections.abc import Sequence
from hashlib import sha256
from operator import attrgetter
from typing import Any, Final

import msgspec

from audit_trail.errors import NotCanonical
from audit_trail.record.canonical import public_bytes
from audit_trail.record.entry import SALT_BYTES, Part, Public, read_person
from audit_trail.record.removed import REMOVED_PARTS, RemovedPart
from audit_trail.seal.merkle import leaf_hashes
from audit_trail.store.port import Row
from audit_trail.verify.entries import PREDATED_US
from audit_trail.verify.indexes import Indexes
from audit_trail.verify.manifest import UNREADABLE
from audit_trail.verify.times import moment
from audit_trail.verify.verdict import MOST_TOLD, Notes

_decode: Final = msgspec.json.Decoder(Public).decode
_NO_COMMITMENT: Final = "no bytes"
"""Stands for the commitment of a part or salt that isn't bytes; no entry has it."""

# By column: what its entry's bytes say of it.
_REPEATED: Final = {
    "id": attrgetter("id"),
    "occurred_at": attrgetter("occurred_at"),
    "entity_type": attrgetter("entity.type"),
    "entity_id": attrgetter("entity.id"),
}


class Entries:
    """What is learned from an account's rows, slice by slice."""

    def __init__(self, account: str, notes: Notes) -> None:
        self._account = account
        self._notes = notes
        self._recorded_at = 0
        self.absent: dict[RemovedPart, Indexes] = {part: Indexes() for part in REMOVED_PARTS}
        """Where a committed part, or all of an entry, isn't in the store."""
        self.noted: dict[RemovedPart, Indexes] = {part: Indexes() for part in REMOVED_PARTS}
        """Of what the store says that it is removed, or about to be; no proof of it."""
        self.unfinished: dict[RemovedPart, Indexes] = {part: Indexes() for part in REMOVED_PARTS}
        """What of it is there all the same."""
        self._declaring: list[tuple[int, Public]] = []

    def check(self, start: int, stop: int, rows: Sequence[Row]) -> list[bytes | None]:
        """Hold the rows of a slice against their bytes; return each leaf, None where no entry is."""
        placed = self._placed(start, stop, rows)
        if not placed:
            return [None] * (stop - start)
        kept = _columns(placed)
        contents = self._bytes_of(kept)
        leaves = leaf_hashes(contents)
        self._compare("leaf", kept.idx, leaves, kept.leaf)
        self._note_unfinished("entry", kept.idx, kept.public)
        self._read(placed, kept, contents)
        if len(placed) == stop - start:
            return list(leaves)
        found = dict(zip(kept.idx, leaves, strict=True))
        return [found.get(index) for index in range(start, stop)]

    def take_declaring(self) -> list[tuple[int, Public]]:
        """Return the entries that declare others as removed, those read since the last time."""
        taken, self._declaring = self._declaring, []
        return taken

    def _placed(self, start: int, stop: int, rows: Sequence[Row]) -> Sequence[Row]:
        """Return one row for each index; note those that aren't there, and those that are too much."""
        if [row.idx for row in rows] == list(range(start, stop)):
            return rows
        placed: dict[int, Row] = {}
        for row in rows:
            if row.idx in placed or not isinstance(row.idx, int):
                says = f"Another row stands beside that of entry {row.idx}."
                self._notes.problem("entry", says, int(row.idx))
            else:
                placed[row.idx] = row
        for index in range(start, stop):
            if index not in placed:
                self.absent["entry"].add(index)
        return list(placed.values())

    def _bytes_of(self, kept: Any) -> Sequence[bytes]:
        """Return the public parts; a shell may have put text where bytes belong."""
        if set(map(type, kept.public)) == {bytes}:
            contents: Sequence[bytes] = kept.public
            return contents
        return [each if isinstance(each, bytes) else b"" for each in kept.public]

    def _read(self, placed: Sequence[Row], kept: Any, contents: Sequence[bytes]) -> None:
        """Compare what can be read, and note what can't."""
        try:
            publics = [_decode(each) for each in contents]
        except UNREADABLE:
            found = [self._decoded(*each) for each in zip(kept.idx, contents, strict=True)]
            publics = [public for public in found if public]
            if not publics:
                return
            kept = _columns([row for row, public in zip(placed, found, strict=True) if public])
        self._compare_columns(kept, publics)
        self._compare_parts(kept, publics)
        self._follow_times(kept.idx, publics)
        self._declaring += [
            (index, public)
            for index, public in zip(kept.idx, publics, strict=True)
            if public.removed is not None
        ]

    def _decoded(self, index: int, content: bytes) -> Public | None:
        try:
            return _decode(content)
        except UNREADABLE:
            says = f"The public part of entry {index} isn't one of format 1."
            self._notes.problem("public", says, index)
            return None

    def _compare_columns(self, kept: Any, publics: Sequence[Public]) -> None:
        # The one encoding of each: what has another has a member twice, or one that nobody reads.
        for index in _differing(kept.idx, [_encoded(each) for each in publics], kept.public):
            says = f"The public part of entry {index} isn't spelled in the canonical way."
            self._notes.problem("public", says, index)
        accounts = [public.account for public in publics]
        for index in _differing(kept.idx, accounts, [self._account] * len(accounts)):
            self._notes.problem("account", f"Entry {index} is of another account.", index)
        for column, said in _REPEATED.items():
            self._compare(column, kept.idx, [said(each) for each in publics], getattr(kept, column))
        if kept.recorded_at[0] is not None:
            times = [public.recorded_at for public in publics]
            self._compare("recorded_at", kept.idx, times, kept.recorded_at)

    def _compare_parts(self, kept: Any, publics: Sequence[Public]) -> None:
        parts: Sequence[tuple[RemovedPart, Any, Any, list[str | None]]] = (
            ("who", kept.who, kept.who_salt, [public.who for public in publics]),
            ("what", kept.what, kept.what_salt, [public.what for public in publics]),
        )
        for part, stored, salts, committed in parts:
            self._note_unfinished(part, kept.idx, stored)
            found = _commitments(stored, salts)
            if found != committed:
                self._part(part, kept.idx, found, committed)
        # Many entries are of the same people, in the same sessions.
        persons = {each: _person(each) for each in set(kept.who)}
        self._compare("person", kept.idx, [persons[each] for each in kept.who], kept.person)

    def _note_unfinished(self, part: RemovedPart, indexes: Sequence[int], stored: Any) -> None:
        """Note what of these is still there, though the store has noted that it goes."""
        if not self.noted[part]:
            return
        first, last = indexes[0], indexes[-1]
        going = {
            index
            for start, end in self.noted[part].pairs
            if start <= last and end >= first
            for index in range(max(start, first), min(end, last) + 1)
        }
        for index, each in zip(indexes, stored, strict=True):
            if index in going and each is not None:
                self.unfinished[part].add(index)

    def _part(
        self,
        part: RemovedPart,
        indexes: Sequence[int],
        found: Sequence[str | None],
        committed: Sequence[str | None],
    ) -> None:
        for index, is_there, belongs in zip(indexes, found, committed, strict=True):
            if is_there == belongs:
                continue
            if is_there is None:
                self.absent[part].add(index)
            elif belongs is None:
                says = f"Entry {index} was recorded without a {part} part, and has one."
                self._notes.problem(part, says, index)
            else:
                says = f"The {part} part of entry {index} is not what was committed to."
                self._notes.problem(part, says, index)

    def _follow_times(self, indexes: Sequence[int], publics: Sequence[Public]) -> None:
        times = [self._recorded_at, *(public.recorded_at for public in publics)]
        if times != sorted(times):
            for index, before, time in zip(indexes, times, times[1:], strict=False):
                if time < before:
                    says = (
                        f"Entry {index} says to be recorded at {moment(time)}, before the one before "
                        "it."
                    )
                    self._notes.problem("recorded_at", says, index)
        self._recorded_at = times[-1]
        odd = [
            (index, public)
            for index, public in zip(indexes, publics, strict=True)
            if not -PREDATED_US <= public.recorded_at - public.occurred_at <= PREDATED_US
            and public.via != "import"
        ]
        # After a day without a sequencer there are many, and one sentence is much like another.
        self._notes.untold += len(odd[MOST_TOLD:])
        for index, public in odd[:MOST_TOLD]:
            self._remark_time(index, public)

    def _remark_time(self, index: int, public: Public) -> None:
        self._notes.remark(
            "time",
            f"Entry {index} says that it happened at {moment(public.occurred_at)}, and was recorded "
            f"at {moment(public.recorded_at)}.",
            index,
        )

    def _compare(
        self, column: str, indexes: Sequence[int], said: Sequence[Any], kept: Sequence[Any]
    ) -> None:
        for index in _differing(indexes, said, kept):
            says = f"The column {column} of entry {index} isn't what its bytes say."
            self._notes.problem(column, says, index)


def _columns(rows: Sequence[Row]) -> Any:
    """Return the rows turned round: each field has the values of all of them."""
    return Row._make(zip(*rows, strict=True))


def _differing(indexes: Sequence[int], said: Sequence[Any], kept: Sequence[Any]) -> Sequence[int]:
    if said == list(kept):
        return ()
    pairs = zip(indexes, said, kept, strict=True)
    return [index for index, one, other in pairs if one != other]


def _encoded(public: Public) -> bytes:
    try:
        return public_bytes(public)
    except NotCanonical:
        return b""


def _commitments(stored: Sequence[bytes | None], salts: Sequence[bytes | None]) -> list[str | None]:
    """Return the commitment of each part; none where both part and salt are gone."""
    digest = sha256
    try:
        if {len(salt) for salt in salts if salt is not None} - {SALT_BYTES}:
            return [_commitment(part, salt) for part, salt in zip(stored, salts, strict=True)]
        return [
            None if part is None is salt else digest(salt + part).hexdigest()  # type: ignore[operator]  # What isn't bytes is told apart below.
            for part, salt in zip(stored, salts, strict=True)
        ]
    except TypeError:
        return [_commitment(part, salt) for part, salt in zip(stored, salts, strict=True)]


def _commitment(part: object, salt: object) -> str | None:
    # A salt of another length could have given bytes to the part, or taken some.
    if isinstance(part, bytes) and isinstance(salt, bytes) and len(salt) == SALT_BYTES:
        return Part(part, salt).commitment
    return None if part is None is salt else _NO_COMMITMENT


def _person(who: bytes | None) -> str | None:
    """Return what people are looked up by; of a part that can't be read nothing is known."""
    if who is None:
        return "\n"
    try:
        return read_person(Part(who, b""))
    except UNREADABLE:
        return None
