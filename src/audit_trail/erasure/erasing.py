"""Erases a person's data from an account: declared by an entry, carried out, wiped from the files."""

import secrets
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final

import msgspec

from audit_trail.capture.context import Context
from audit_trail.erasure.finding import Found, find
from audit_trail.erasure.subject import Matcher, Subject
from audit_trail.errors import ErasureRefused, PolicyMoved, RemovalRefused
from audit_trail.own import own_draft
from audit_trail.record.entry import ActorId, Draft, Removed
from audit_trail.record.language import say, say_many
from audit_trail.record.removed import ERASED_PARTS, RemovedPart, ranges_of
from audit_trail.retention.keeping import Retention
from audit_trail.retention.policy import Policy
from audit_trail.store.port import Wiped
from audit_trail.trail import Trail
from audit_trail.trees import Report, unreported

ACTION: Final = "erase"
ATTEMPTS: Final = 5
DECLARED_BYTES: Final = 48_000
"""How much of a public part (65,535 bytes) ranges may take; the rest is who acted, and for whom."""

# Without digits and letters that people take for others.
_ALPHABET: Final = "23456789abcdefghjkmnpqrstuvwxyz"
_PSEUDONYM_LETTERS: Final = 10


class Erased(msgspec.Struct, frozen=True, kw_only=True):
    """What was erased, of whom by a pseudonym, by which entry, and whether the bytes are gone.

    Without an entry nothing was there to erase.
    """

    pseudonym: str
    found: Found
    index: int | None
    wiped: Wiped


def erase(
    trail: Trail,
    account: str,
    subject: Subject,
    context: Context,
    *,
    clock: Callable[[], int],
    report: Report = unreported,
) -> Erased:
    """Erase what the account's entries hold of the person; who does it and why is in the context.

    It is declared whole before anything goes, so that what a crash interrupts, the next start
    carries out. Raises `ErasureRefused` without a reason, or where the reason names the person or
    somebody would erase their own traces.
    """
    _require_reason(context, Matcher(subject))
    pseudonym, retention = new_pseudonym(), Retention(trail, clock=clock)
    for _ in range(ATTEMPTS):
        # What an earlier erasure declared is emptied first, or it would be found and be refused.
        trail.remove(account)
        policy = retention.policy(account)
        found = find(trail, account, subject, policy=policy, report=report)
        require_anothers(found, context)
        drafts = list(_declarations(account, found, pseudonym, context, clock))
        try:
            trail.append(drafts, require=partial(_require_same, policy, retention, account))
        except (RemovalRefused, PolicyMoved):
            continue
        trail.remove(account)
        wiped = trail.wipe()
        first = trail.by_id(account, drafts[0].id) if drafts else None
        index = first.index if first else None
        return Erased(pseudonym=pseudonym, found=found, index=index, wiped=wiped)
    raise RemovalRefused(f"Other erasures were faster, {ATTEMPTS} times in a row; try again.")


def new_pseudonym() -> str:
    """Draw what the trail calls the person from now on; nothing leads back from it."""
    return "person-" + "".join(secrets.choice(_ALPHABET) for _ in range(_PSEUDONYM_LETTERS))


def require_anothers(found: Found, context: Context) -> None:
    """Raise `ErasureRefused` where somebody would erase traces of their own (ISO 27001, A.8.15)."""
    actor = ActorId(kind=context.actor.kind, id=context.actor.id)
    if context.actor.id is not None and found.actors[actor]:
        count = found.actors[actor]
        raise ErasureRefused(
            say_many(
                "This would erase traces of what you did yourself (%(count)s entry). Another "
                "administrator must do it, or whoever runs the server.",
                "This would erase traces of what you did yourself (%(count)s entries). Another "
                "administrator must do it, or whoever runs the server.",
                count,
            )
        )


def _require_same(held: Policy, retention: Retention, account: str) -> None:
    """A hold that was placed since the search keeps what was found before it."""
    if retention.policy(account) != held:
        raise PolicyMoved


def _require_reason(context: Context, matcher: Matcher) -> None:
    if not context.reason:
        raise ErasureRefused(say("An erasure needs a reason, which the trail keeps."))
    for name, text in (("reason", context.reason), ("ticket", context.ticket)):
        if text and matcher.is_in(text):
            raise ErasureRefused(
                f"The {name} names the person, and it stays in the trail. Say it without the name."
            )


def _declarations(
    account: str,
    found: Found,
    pseudonym: str,
    context: Context,
    clock: Callable[[], int],
) -> Iterator[Draft]:
    """Return as many entries as the ranges need room; all of one request, and appended together."""
    pieces = list(_pieces(found))
    for number, removed in enumerate(pieces, 1):
        details = {
            "person": pseudonym,
            "kinds_of_data": sorted(found.kinds),
            "entries": found.entries,
            "who_parts": len(found.who),
            "what_parts": len(found.what),
        }
        if len(pieces) > 1:
            details["declaration"] = f"{number} of {len(pieces)}"
        yield own_draft(context, account, ACTION, clock=clock, details=details, removed=removed)


def _pieces(found: Found) -> Iterator[Removed]:
    """Part the ranges so that each piece has room in a public part."""
    taken: dict[RemovedPart, list[tuple[int, int]]] = {"who": [], "what": []}
    room = DECLARED_BYTES
    for part in ERASED_PARTS:
        for first, last in ranges_of(getattr(found, part)):
            size = len(f"[{first},{last}],")
            if size > room:
                yield _removed(taken["who"], taken["what"])
                taken, room = {"who": [], "what": []}, DECLARED_BYTES
            taken[part].append((first, last))
            room -= size
    if taken["who"] or taken["what"]:
        yield _removed(taken["who"], taken["what"])


def _removed(who: Sequence[tuple[int, int]], what: Sequence[tuple[int, int]]) -> Removed:
    return Removed(who=tuple(who), what=tuple(what))
