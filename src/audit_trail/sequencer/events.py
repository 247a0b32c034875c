"""Events that changed no row, such as a sign-in, as drafts."""

import msgspec

from audit_trail.capture.outbox import Event, Row
from audit_trail.record.entry import INSTALLATION, Draft, Entity, What
from audit_trail.sequencer.acting import acting
from audit_trail.sequencer.identity import entry_id
from audit_trail.sequencer.rows import (
    LONGEST_ID,
    Unreadable,
    account_of,
    occurred_us,
    read_context,
)


def event_draft(row: Row) -> Draft:
    """Draft the event that a row notes. Raises `Unreadable`."""
    try:
        event = msgspec.json.decode(row.changes or b"", type=Event)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"its event is not ours ({error})") from error
    if max(map(len, (event.action, event.entity_type, event.entity_id or ""))) > LONGEST_ID:
        raise Unreadable("its event has too long a name")
    context = read_context(row)
    happened = occurred_us(row, context)
    what = What(
        label=event.label,
        details=event.details,
        reason=context.reason if context else None,
        ticket=context.ticket if context else None,
    )
    return Draft(
        id=entry_id(row, happened),
        account=account_of(row.account) or INSTALLATION,
        occurred_at=happened,
        action=event.action,
        outcome=event.outcome,
        entity=Entity(type=event.entity_type, id=event.entity_id),
        what=_encoded(what) if what != What() else None,
        **msgspec.structs.asdict(acting(context)),
    )


_encoded = msgspec.json.Encoder(order="sorted").encode
