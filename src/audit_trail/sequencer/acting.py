"""Who acted and from where, as the members of a draft."""

from typing import Final

import msgspec

from audit_trail.capture.context import Actor, Context
from audit_trail.record.entry import ActorId, Via, Who
from audit_trail.sequencer.rows import LONGEST_ID

MOST_PRINCIPALS: Final = 20
"""How many of those acted for have room in the public part; the who part names all."""


class Acting(msgspec.Struct, frozen=True, kw_only=True):
    """The members of a draft that say who acted and from where; without context, System."""

    actor: ActorId = ActorId(kind="system")
    via: Via = "database"
    request: str | None = None
    on_behalf_of: tuple[ActorId, ...] = ()
    who: bytes | None = None


def acting(context: Context | None) -> Acting:
    """Return who acted in this context."""
    if context is None:
        return Acting()
    origin, actor = context.origin, context.actor
    who = Who(
        email=actor.email,
        name=actor.name,
        role=actor.role,
        ip=origin.ip,
        forwarded=origin.forwarded,
        address=origin.address,
        user_agent=origin.user_agent,
        session=origin.session,
        token=actor.token,
        client_request=origin.client_request,
        on_behalf_of=tuple(_named(actor) for actor in context.on_behalf_of),
        job=origin.job,
    )
    return Acting(
        actor=_actor_id(actor),
        via=origin.via,
        request=_short(origin.request),
        on_behalf_of=tuple(map(_actor_id, context.on_behalf_of[:MOST_PRINCIPALS])),
        who=_encoded(who) if who != Who() else None,
    )


def _actor_id(actor: Actor) -> ActorId:
    return ActorId(kind=actor.kind, id=_short(actor.id))


def _named(actor: Actor) -> dict[str, str]:
    """Name one of those acted for; its place in the chain tells which one it is."""
    token = (actor.token or {}).get("name")
    names = (("email", actor.email), ("name", actor.name), ("token", token))
    return {name: value for name, value in names if value}


def _short(text: str | None) -> str | None:
    return text[:LONGEST_ID] if text else None


_encoded = msgspec.json.Encoder(order="sorted").encode
