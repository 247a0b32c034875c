"""Entries that the trail writes about itself, such as an erasure; it appends none."""

import secrets
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from audit_trail.capture.context import Context
from audit_trail.record.entry import Change, Draft, Entity, Outcome, Removed, What
from audit_trail.sequencer.acting import acting
from audit_trail.sequencer.identity import uuid7

ABOUT_THE_TRAIL: Final = Entity(type="audit_log")
_encoded = msgspec.json.Encoder(order="sorted").encode


def own_id(clock: Callable[[], int]) -> str:
    """Return the id of an entry that is about to be drafted, so that it can name itself."""
    return uuid7(clock(), secrets.randbits(80))


def own_draft(
    context: Context,
    account: str,
    action: str,
    *,
    clock: Callable[[], int],
    details: Mapping[str, Any],
    removed: Removed | None = None,
    entry_id: str | None = None,
    entity: Entity = ABOUT_THE_TRAIL,
    label: str | None = None,
    changes: Mapping[str, Change] | None = None,
    outcome: Outcome = "success",
) -> Draft:
    """Return the draft of an entry that says who did this to the account's trail, and why.

    Reason and ticket are the context's. `clock` gives µs UTC.
    """
    what = What(
        label=label,
        changes=dict(changes or {}),
        reason=context.reason,
        ticket=context.ticket,
        details=dict(details),
    )
    return Draft(
        id=entry_id or own_id(clock),
        account=account,
        occurred_at=clock(),
        action=action,
        outcome=outcome,
        entity=entity,
        fields=tuple(changes or ()),
        removed=removed,
        what=_encoded(what) if what != What() else None,
        **msgspec.structs.asdict(acting(context)),
    )
