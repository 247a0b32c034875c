"""What an operator does to the retention of a trail, and how it is told; it knows no application."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from audit_trail.capture.context import SYSTEM, Context, Origin
from audit_trail.errors import RetentionRefused
from audit_trail.keyring import Signing
from audit_trail.record.catalog import Catalog
from audit_trail.record.entry import ActorId, ActorKind, Entity
from audit_trail.record.retained import said_hold, said_time
from audit_trail.retention.keeping import Retention
from audit_trail.retention.policy import DAY_US
from audit_trail.store.port import Store
from audit_trail.trail import Trail, utc_now_us

FIRST_YEAR: Final = 1970
LAST_YEAR: Final = 2999


@contextmanager
def retaining(
    store: Store,
    signing: Signing,
    clock: Callable[[], int] = utc_now_us,
    catalog: Catalog | None = None,
) -> Iterator["Retaining"]:
    """Open the retention of the trail in this store, whose entries are signed as the server's.

    The catalog says what records are called; without one their own names do.
    """
    trail = Trail(store, signer=signing.signer(store, clock), clock=clock)
    yield Retaining(trail, Retention(trail, clock=clock), clock, catalog or Catalog())


class Retaining:
    """An operator's view of the retention."""

    def __init__(
        self, trail: Trail, retention: Retention, clock: Callable[[], int], catalog: Catalog
    ) -> None:
        self._trail = trail
        self._retention = retention
        self._clock = clock
        self._catalog = catalog

    def shown(self, account: str) -> Iterator[str]:
        """Say the policy, the holds with their ids, and where the trail begins, a line each."""
        self._require(account)
        policy = self._retention.policy(account)
        now = self._clock()
        yield f"Entries of account {account} are kept for {policy.days_at(now)} days."
        if policy.pending and now < policy.pending.from_us:
            yield f"From {said_time(policy.pending.from_us)} on: {policy.pending.days} days."
        for hold in policy.holds:
            yield f"Held: {said_hold(msgspec.to_builtins(hold), self._catalog)}; id {hold.id}"
        beginning = self._trail.beginning(account)
        if beginning is None:
            yield "Nothing was dropped yet."
            return
        at = said_time(beginning.entry.public.recorded_at)
        yield f"The trail begins at entry {beginning.entry.index + 1} of {at}."
        yield f"Older ones that are kept: {beginning.kept}."

    def change(self, account: str, days: int, reason: str, ticket: str | None) -> str:
        """Change the retention, and say from when on it holds. Raises `RetentionRefused`."""
        self._require(account)
        policy = self._retention.change(account, days, _operator(reason, ticket))
        if policy.pending is None:
            return f"Entries of account {account} are kept for {days} days."
        return f"From {said_time(policy.pending.from_us)} on they are kept for {days} days."

    def place(self, account: str, reason: str, ticket: str | None, **named: Any) -> str:
        """Place a hold, and say its id. Raises `RetentionRefused`."""
        self._require(account)
        hold = self._retention.place(account, _operator(reason, ticket), **named)
        return f"Held: {said_hold(msgspec.to_builtins(hold), self._catalog)}; id {hold.id}"

    def lift(self, account: str, hold_id: str, reason: str, ticket: str | None) -> str:
        """Lift a hold. Raises `RetentionRefused`."""
        self._require(account)
        self._retention.lift(account, hold_id, _operator(reason, ticket))
        return "The hold is lifted."

    def run(self, account: str | None) -> Iterator[str]:
        """Run the retention of one account or of all, and say what went."""
        for each in [account] if account else sorted(self._trail.accounts()):
            run = self._retention.run(each, _OPERATOR)
            if run is None:
                yield f"Account {each}: nothing to drop."
                continue
            yield f"Account {each}: {run.dropped} dropped, {run.kept} older ones kept." + (
                f" {run.altered} aren't as they were recorded, and stay." if run.altered else ""
            )

    def _require(self, account: str) -> None:
        """A mistyped account would be given a trail of its own."""
        if not self._trail.head(account).size:
            raise RetentionRefused(f"There is no trail of account {account}.")


def named(
    record: str | None,
    actor: str | None,
    since: datetime | None,
    until: datetime | None,
    kinds: Collection[str] = (),
) -> dict[str, Any]:
    """Return what a hold names: "inbox:12" or "inbox", "user:7", and days in UTC, both included.

    Raises `RetentionRefused`, also for a record that is none of these `kinds`, if any are given.
    """
    entity_type, entity_id = _parted(record)
    kind, actor_id = _parted(actor)
    if entity_type and kinds and entity_type not in kinds:
        known = ", ".join(sorted(kinds))
        raise RetentionRefused(
            f"There is no such kind of record: {entity_type}; it may be {known}."
        )
    try:
        return {
            "entity": Entity(type=entity_type, id=entity_id) if entity_type else None,
            "actor": ActorId(kind=msgspec.convert(kind, ActorKind), id=actor_id) if kind else None,
            "start": _us(since) if since else None,
            "end": _us(until) + DAY_US - 1 if until else None,
        }
    except msgspec.ValidationError:
        raise RetentionRefused(f"There is no such kind of actor: {kind}.") from None


_OPERATOR: Final = Context(actor=SYSTEM, origin=Origin(via="cli", job="retention"))


def _operator(reason: str, ticket: str | None) -> Context:
    return Context(actor=SYSTEM, origin=Origin(via="cli"), reason=reason, ticket=ticket)


def _parted(text: str | None) -> tuple[str, str | None]:
    head, _, rest = (text or "").partition(":")
    if text is not None and not head.strip():
        raise RetentionRefused(
            f'"{text}" names nothing; say a kind, or a kind and an id: inbox:12.'
        )
    return head.strip(), rest.strip().removeprefix("#") or None


def _us(at: datetime) -> int:
    if not FIRST_YEAR <= at.year <= LAST_YEAR:
        raise RetentionRefused(f"Days must lie in the years {FIRST_YEAR} to {LAST_YEAR}.")
    return int(at.replace(tzinfo=UTC).timestamp()) * 1_000_000
