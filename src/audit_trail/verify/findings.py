"""Judges what a verifier has noted: integrity and completeness, apart and in words."""

from collections.abc import Iterator
from typing import Final

from audit_trail.verify.entries import Entries
from audit_trail.verify.indexes import Indexes
from audit_trail.verify.manifest import Manifest
from audit_trail.verify.verdict import (
    TAMPERED,
    UNDECIDED,
    WHOLE,
    Facts,
    Finding,
    Notes,
    Verdict,
)

# Where only these differ, it is shown all the same that no entry is missing.
_WITHIN_ENTRIES: Final = {"who", "what", "proof", "covering"}


def judged(facts: Facts, manifest: Manifest, entries: Entries, notes: Notes) -> Verdict:
    """Return the verdict: what differs weighs more than what can't be decided."""
    is_undecided = any(notes.doubts.values())
    return Verdict(
        exit_code=TAMPERED if notes.problems else UNDECIDED if is_undecided else WHOLE,
        integrity=_integrity(facts, manifest, entries, notes),
        completeness=_completeness(facts, manifest, entries, notes),
        problems=tuple(notes.problems),
        remarks=tuple(notes.remarks),
        facts=facts,
        untold=notes.untold,
    )


def _integrity(facts: Facts, manifest: Manifest, entries: Entries, notes: Notes) -> Finding:
    doubts = notes.doubts["integrity"]
    if notes.problems:
        says = "What the file holds isn't what was signed."
        return Finding(state="tampered", says=(says, *doubts))
    held = (*_entries(facts), *_parts(manifest, entries))
    if doubts:
        return Finding(state="undecided", says=(*held, *doubts))
    return Finding(
        state="genuine", says=(*held, "The checkpoint is signed by a key that you gave.")
    )


def _entries(facts: Facts) -> Iterator[str]:
    yield (
        "Every entry in the file is as it was hashed, and is one of the "
        f"{facts.size} under the checkpoint of {facts.origin}."
    )


def _parts(manifest: Manifest, entries: Entries) -> Iterator[str]:
    yield f"{entries.shown} sealed parts are shown, each as it was committed to."
    removed, withheld = manifest.removed, manifest.withheld
    for part in ("who", "what"):
        if gone := Indexes(getattr(removed, part)):
            yield f"The {part} parts of {_counted(gone)} were erased, as the trail itself says."
    for part in ("who", "what"):
        if kept := Indexes(getattr(withheld, part)):
            yield f"The {part} parts of {_counted(kept)} are not in the file, as whoever made it chose."


def _completeness(facts: Facts, manifest: Manifest, entries: Entries, notes: Notes) -> Finding:
    if any(problem.part not in _WITHIN_ENTRIES for problem in notes.problems):
        says = "Because of what differs, nothing shows that the range is whole."
        return Finding(state="not_shown", says=(says,))
    found = (*_extent(facts), *_dropped(manifest), *_answer(facts, manifest, entries), *notes.shown)
    doubts = notes.doubts["completeness"]
    if notes.doubts["integrity"]:
        doubts = [*doubts, "All of this is so only if the checkpoint is the trail's."]
    if doubts:
        state = "undecided" if _is_decided(manifest, entries) else "not_provable"
        return Finding(state=state, says=(*found, *doubts))
    is_whole = facts.first == 0 and facts.last + 1 == facts.size
    return Finding(state="whole_account" if is_whole else "whole_range", says=found)


def _extent(facts: Facts) -> Iterator[str]:
    first, last, size = facts.first, facts.last, facts.size
    if first == 0 and last + 1 == size:
        yield f"The file covers the whole account: all {size} entries under the checkpoint, none left out."
        return
    yield f"The file covers entries {first} to {last}, none left out."
    if first:
        yield f"Entries 0 to {first - 1} lie before it, and aren't in the file."
    if last + 1 < size:
        yield f"Entries {last + 1} to {size - 1} lie behind it, and aren't in the file."


def _dropped(manifest: Manifest) -> Iterator[str]:
    if dropped := Indexes(manifest.removed.entry):
        yield (
            f"Only hashes are left of {_counted(dropped)}, dropped when their time was over, as the "
            "trail itself says."
        )
        if manifest.query.filters:
            yield "Whether these matched the query can't be told."


def _is_decided(manifest: Manifest, entries: Entries) -> bool:
    """Tell whether public parts alone say of each entry whether it matches."""
    return manifest.query.person is None and not entries.undecided


def _answer(facts: Facts, manifest: Manifest, entries: Entries) -> Iterator[str]:
    if manifest.query.filters and _is_decided(manifest, entries):
        yield f"All that match the query are among them: {facts.count} entries, found again by this check."


def _counted(indexes: Indexes) -> str:
    return f"{'entry' if len(indexes) == 1 else 'entries'} {indexes}"
