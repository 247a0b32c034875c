"""How long an account's entries are kept, and what is kept beyond that: values, and no store."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from audit_trail.errors import RetentionRefused
from audit_trail.record.entry import ActorId, Entity, Entry, Public
from audit_trail.record.language import grouped, say

DAY_US: Final = 86_400_000_000
DEFAULT_DAYS: Final = 400
LEAST_DAYS: Final = 90
MOST_DAYS: Final = 36_500
GRACE_US: Final = DAY_US
"""A shorter retention holds only from then on, so that somebody may notice it."""

MOST_HOLDS: Final = 200


class Hold(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A legal hold on the entries that fit all it names; times are µs UTC, both included.

    An entity without an id is every record of the type, an actor without one all of the kind.
    `id` is that of the entry that placed it, which says who did so and why.
    """

    id: str
    since: int
    entity: Entity | None = None
    actor: ActorId | None = None
    start: int | None = None
    end: int | None = None

    @property
    def names_nothing(self) -> bool:
        """Tell whether it would hold everything."""
        return (self.entity, self.actor, self.start, self.end) == (None, None, None, None)


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """A shorter retention, and the time (µs UTC) from which on it holds."""

    days: int
    from_us: int


class Policy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An account's retention. `stated_by` is the index of the entry that says so, if any does."""

    days: int = DEFAULT_DAYS
    pending: Pending | None = None
    holds: tuple[Hold, ...] = ()
    stated_by: int | None = None

    def days_at(self, now_us: int) -> int:
        """Return for how many days entries are kept at this time."""
        pending = self.pending
        return pending.days if pending and now_us >= pending.from_us else self.days

    def hold(self, hold_id: str) -> Hold:
        """Return the hold of this id. Raises `RetentionRefused`."""
        for hold in self.holds:
            if hold.id == hold_id:
                return hold
        raise RetentionRefused(say("There is no such hold; it may have been lifted."))


def is_held(policy: Policy, entry: Entry) -> bool:
    """Tell whether an entry must be neither dropped nor erased: by a hold, or as what states it.

    Without the entries that state the policy, nobody could tell who placed a hold, and why.
    """
    return entry.index == policy.stated_by or fits_a_hold(policy, entry)


def fits_a_hold(policy: Policy, entry: Entry) -> bool:
    """Tell whether a hold keeps the entry, or was placed by it."""
    if not policy.holds:  # Reading an entry costs more than all else that a run does with it.
        return False
    public = entry.public
    return any(_fits(hold, public) for hold in policy.holds)


def with_days(policy: Policy, days: int, now_us: int) -> Policy:
    """Return the policy with another retention: a longer one at once, a shorter one in 24 hours.

    Raises `RetentionRefused`.
    """
    if not LEAST_DAYS <= days <= MOST_DAYS:
        raise RetentionRefused(
            say(
                "Days must be a whole number from %(least)s to %(most)s.",
                least=LEAST_DAYS,
                most=grouped(MOST_DAYS),
            )
        )
    now = policy.days_at(now_us)
    is_pending = policy.pending is not None and now_us < policy.pending.from_us
    if days == (policy.pending.days if policy.pending and is_pending else now):
        raise RetentionRefused(say("The retention is %(days)s days already.", days=days))
    shorter = Pending(days=days, from_us=now_us + GRACE_US) if days < now else None
    return msgspec.structs.replace(policy, days=now if shorter else days, pending=shorter)


def with_hold(policy: Policy, hold: Hold) -> Policy:
    """Return the policy with one hold more. Raises `RetentionRefused`."""
    if hold.names_nothing:
        raise RetentionRefused(say("A hold must name a record, an actor or a time."))
    if hold.start is not None and hold.end is not None and hold.end < hold.start:
        raise RetentionRefused(say("A hold must end after it begins."))
    if len(policy.holds) >= MOST_HOLDS:
        raise RetentionRefused(
            say("There are %(count)s holds already; lift one first.", count=MOST_HOLDS)
        )
    return msgspec.structs.replace(policy, holds=(*policy.holds, hold))


def without_hold(policy: Policy, hold_id: str) -> Policy:
    """Return the policy without this hold. Raises `RetentionRefused`."""
    lifted = policy.hold(hold_id)
    left = tuple(hold for hold in policy.holds if hold != lifted)
    return msgspec.structs.replace(policy, holds=left)


def stated(policy: Policy) -> dict[str, Any]:
    """Return the policy as the details of an entry say it."""
    said: dict[str, Any] = msgspec.to_builtins(msgspec.structs.replace(policy, stated_by=None))
    return said


def read(details: Mapping[str, Any], index: int) -> Policy | None:
    """Read the policy that the details of the entry at this index state; None if they state none."""
    try:
        policy = msgspec.convert(details.get("policy"), Policy)
    except msgspec.ValidationError:
        return None
    return msgspec.structs.replace(policy, stated_by=index)


def _fits(hold: Hold, public: Public) -> bool:
    return hold.id == public.id or (
        (hold.entity is None or _is_of(hold.entity, public.entity))
        and (hold.actor is None or _acted(hold.actor, public))
        and (_is_within(hold, public.occurred_at) or _is_within(hold, public.recorded_at))
    )


def _is_of(held: Entity, entity: Entity) -> bool:
    return held.type == entity.type and held.id in (None, entity.id)


def _acted(held: ActorId, public: Public) -> bool:
    """Whoever acted for somebody else acted as well, and so did they."""
    return any(
        held.kind == actor.kind and held.id in (None, actor.id)
        for actor in (public.actor, *public.on_behalf_of)
    )


def _is_within(hold: Hold, time_us: int) -> bool:
    return (hold.start is None or time_us >= hold.start) and (
        hold.end is None or time_us <= hold.end
    )
