"""A trail in a store, and entries of people in it whose parts are given as objects."""

import json
from itertools import count
from typing import Any

from audit_trail.capture.context import Actor, Context, Origin
from audit_trail.record.entry import ActorId, Draft, Entity

_numbers = count()

NOW = 1_700_000_000_000_000
ANN = "ann.lee@example.com"


def draft(actor: str | None = "7", *, who: Any = None, what: Any = None, **more: Any) -> Draft:
    """Return an entry's draft; `who` and `what` may be bytes, to say how they are spelled."""
    given: dict[str, Any] = {
        "account": "1",
        "action": "update",
        "entity": Entity(type="inbox", id="1"),
        "actor": ActorId(kind="user", id=actor) if actor else ActorId(kind="anonymous"),
        "via": "ui",
    }
    return Draft(
        id=f"{next(_numbers):036d}",
        occurred_at=NOW,
        who=_bytes(who),
        what=_bytes(what),
        **(given | more),
    )


def _bytes(part: Any) -> bytes | None:
    return part if part is None or isinstance(part, bytes) else json.dumps(part).encode()


def by(actor: str | None = "9", reason: str | None = "Request 12 of May", **more: Any) -> Context:
    """Return the context of an administrator who erases."""
    person = (
        Actor(kind="user", id=actor, email="eve@example.com") if actor else Actor(kind="system")
    )
    return Context(actor=person, origin=Origin(via="ui", request="r1"), reason=reason, **more)
