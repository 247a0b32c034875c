"""What is shown, as an export of all of it."""

from audit_trail.export.wanted import Form, Wanted
from audit_trail.server.asked import Asked
from audit_trail.server.zone import Zone


def wanted_of(asked: Asked, form: Form, zone: Zone) -> Wanted:
    """Return the export of what is asked for; times are told in the zone."""
    during = asked.during
    return Wanted(
        query=asked.query,
        form=form,
        question=asked.given.get("q", ""),
        understood=tuple(piece.label for piece in asked.pieces),
        zone=getattr(zone.info, "key", "UTC"),
        since_us=during.since_us if during else None,
        until_us=during.until_us if during else None,
    )
