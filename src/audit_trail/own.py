"""Entries that the trail writes about itself, such as an erasure; it appends none."""

import secrets
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from audit_trail.capture.context import Context
from audit_trail.record.entry import Draft, Entity, Removed, What
from audit_trail.sequencer.acting import acting
from audit_trail.sequencer.identity import uuid7

ABOUT_THE_TRAIL: Final = Entity(type="audit_log")
_encoded = msgspec.json.Encoder(order="sorted").encode


def own_draft(
    context: Context,
    account: str,
    action: str,
    *,
    clock: Callable[[], int],
    details: Mapping[str, Any],
    removed: Removed | None = None,
) -> Draft:
    """Return the draft of an entry that says who did this to the account's trail, and why.

    Reason and ticket are the context's. `clock` gives µs UTC.
    """
    now = clock()
    what = What(reason=context.reason, ticket=context.ticket, details=dict(details))
    return Draft(
        id=uuid7(now, secrets.randbits(80)),
        account=account,
        occurred_at=now,
        action=action,
        entity=ABOUT_THE_TRAIL,
        removed=removed,
        what=_encoded(what) if what != What() else None,
        **msgspec.structs.asdict(acting(context)),
    )
