"""Where a trail begins, in words."""

import msgspec

from audit_trail.record.entry import read_what
from audit_trail.record.language import say
from audit_trail.server.zone import Moment, Zone, moment
from audit_trail.trail import Beginning


class Begins(msgspec.Struct, frozen=True, kw_only=True):
    """The number and time of the first entry, and the run that dropped what was older."""

    number: int
    at: Moment
    days: str
    run: int
    kept: int


def begin_of(beginning: Beginning, zone: Zone) -> Begins:
    """Return what the page says at the end of the list."""
    days = read_what(beginning.declaring.what).details.get("days")
    return Begins(
        number=beginning.entry.index + 1,
        at=moment(beginning.entry.public.recorded_at, zone),
        days=say("%(days)s days", days=days) if isinstance(days, int) else say("then"),
        run=beginning.declaring.index + 1,
        kept=beginning.kept,
    )
