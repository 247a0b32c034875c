"""Keeps to each account's policy: states it, and drops what is older; every act is an entry."""

import logging
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, Final, NamedTuple

import msgspec

from audit_trail.capture.context import SYSTEM, Context, Origin
from audit_trail.errors import PolicyAltered, PolicyMoved, RetentionRefused
from audit_trail.own import ABOUT_THE_TRAIL, own_draft, own_id
from audit_trail.record.entry import ActorId, Draft, Entity, Entry, Ranges, Removed, read_what
from audit_trail.record.language import say
from audit_trail.record.query import Is, Query
from audit_trail.retention import policy as policies
from audit_trail.retention.policy import DAY_US, Hold, Policy, is_held
from audit_trail.retention.stretches import fitting
from audit_trail.trail import Trail, utc_now_us

STATING: Final = frozenset({"change_retention", "place_hold", "lift_hold"})
"""Actions whose entries state the whole policy, as it is from then on."""

ACTS: Final = STATING | {"drop"}

TIMED: Final = Context(actor=SYSTEM, origin=Origin(via="job", job="retention"))
"""As whom a run acts that nobody asked for."""

ATTEMPTS: Final = 5
MOST_LOOKED_AT: Final = 500
"""Among how many of the trail's newest entries about itself the last acts are looked for."""

_log = logging.getLogger(__name__)


class Run(NamedTuple):
    """What a run dropped, how many older entries it kept, and how many of these were altered."""

    dropped: int
    kept: int
    altered: int


class _Expired(NamedTuple):
    gone: Ranges
    kept: int
    altered: int


class Retention:
    """The policies of one trail's accounts, and the runs that follow them. `clock` gives µs UTC."""

    def __init__(self, trail: Trail, *, clock: Callable[[], int] = utc_now_us) -> None:
        self._trail = trail
        self._clock = clock

    def policy(self, account: str) -> Policy:
        """Return the policy that the account's newest entry about it states, or the usual one.

        Raises `PolicyAltered` where that entry isn't as it was recorded.
        """
        stating = self._stating(account)
        if stating is None:
            return Policy()
        policy = policies.read(read_what(stating.what).details, stating.index)
        is_sealed = self._trail.sealed_leaves(account).has(stating)
        if policy is None or not is_sealed or self._trail.mismatches(account, stating):
            raise PolicyAltered(
                say(
                    "Entry %(number)s of account %(account)s states its retention, and isn't as it "
                    "was recorded; nothing is dropped.",
                    number=stating.index + 1,
                    account=account,
                )
            )
        return policy

    def change(self, account: str, days: int, context: Context) -> Policy:
        """Keep entries for so many days; why is the context's reason. Raises `RetentionRefused`.

        A longer retention holds at once, a shorter one in 24 hours.
        """

        def changed(before: Policy, _: str) -> tuple[Policy, Mapping[str, Any]]:
            now = self._clock()
            after = policies.with_days(before, days, now)
            from_us = after.pending.from_us if after.pending else now
            return after, {
                "days": {"before": before.days_at(now), "after": days},
                "from_us": from_us,
            }

        return self._state(account, "change_retention", context, changed)

    def place(
        self,
        account: str,
        context: Context,
        *,
        entity: Entity | None = None,
        actor: ActorId | None = None,
        start: int | None = None,
        end: int | None = None,
    ) -> Hold:
        """Keep what fits all that is named, until the hold is lifted; see `change`."""

        def placed(before: Policy, entry_id: str) -> tuple[Policy, Mapping[str, Any]]:
            hold = Hold(
                id=entry_id, since=self._clock(), entity=entity, actor=actor, start=start, end=end
            )
            return policies.with_hold(before, hold), {"hold": msgspec.to_builtins(hold)}

        return self._state(account, "place_hold", context, placed).holds[-1]

    def lift(self, account: str, hold_id: str, context: Context) -> None:
        """Lift a hold: the next run drops what it held, if that is old enough; see `change`."""

        def lifted(before: Policy, _: str) -> tuple[Policy, Mapping[str, Any]]:
            hold = before.hold(hold_id)
            return policies.without_hold(before, hold_id), {"hold": msgspec.to_builtins(hold)}

        self._state(account, "lift_hold", context, lifted)

    def run(
        self,
        account: str,
        context: Context = TIMED,
        is_over: Callable[[], bool] = lambda: False,
    ) -> Run | None:
        """Drop what is older than the policy keeps; None where nothing is.

        The entry that says so is appended first, and carried out after, in batches: what a crash
        leaves is done by the next run or start. Raises `PolicyAltered`.
        """
        self._trail.remove(account, is_over)
        for _ in range(ATTEMPTS):
            size = self._trail.head(account).size
            policy, now = self.policy(account), self._clock()
            dropped = self._trail.dropped(account)
            expired = self._expired(account, policy, now, is_over)
            chosen = fitting(dropped, expired.gone)
            if is_over() or chosen.added == 0:
                return None
            run = Run(chosen.added, expired.kept + chosen.waiting, expired.altered)
            drop = self._drop(account, context, policy, now, run, chosen.ranges)
            try:
                self._append(account, size, drop)
            except PolicyMoved:
                continue
            self._trail.remove(account, is_over)
            return run
        raise PolicyMoved

    def acts(self, account: str, limit: int) -> list[Entry]:
        """Return the entries of the last changes, holds and runs, newest first."""
        newest = islice(self._own(account), MOST_LOOKED_AT)
        return list(islice((each for each in newest if each.public.action in ACTS), limit))

    def _stating(self, account: str) -> Entry | None:
        own = self._own(account)
        return next((each for each in own if each.public.action in STATING), None)

    def _own(self, account: str, start: int = 0) -> Iterator[Entry]:
        query = Query(account=account, where=Is("entity", ABOUT_THE_TRAIL.type), start=start)
        return self._trail.matching(query)

    def _state(
        self,
        account: str,
        action: str,
        context: Context,
        make: Callable[[Policy, str], tuple[Policy, Mapping[str, Any]]],
    ) -> Policy:
        """Append the entry that states the policy as `make` gives it, with its id, and say what changed."""
        if not (context.reason or "").strip():
            raise RetentionRefused(say("Reason is required."))
        for _ in range(ATTEMPTS):
            size = self._trail.head(account).size
            entry_id = own_id(self._clock)
            after, said = make(self.policy(account), entry_id)
            draft = own_draft(
                context,
                account,
                action,
                clock=self._clock,
                details={**said, "policy": policies.stated(after)},
                entry_id=entry_id,
            )
            try:
                self._append(account, size, draft)
            except PolicyMoved:
                continue
            return after
        raise PolicyMoved

    def _append(self, account: str, size: int, draft: Draft) -> None:
        """Append what follows from the trail at this size, unless policy or run came since."""

        def require() -> None:
            if any(each.public.action in ACTS for each in self._own(account, size)):
                raise PolicyMoved

        self._trail.append([draft], require=require)

    def _drop(
        self,
        account: str,
        context: Context,
        policy: Policy,
        now: int,
        run: Run,
        ranges: Ranges,
    ) -> Draft:
        days = policy.days_at(now)
        details = {
            "days": days,
            "older_than_us": now - days * DAY_US,
            "dropped": run.dropped,
            "kept": run.kept,
            "altered": run.altered or None,
            "stated_by": policy.stated_by,
        }
        return own_draft(
            context,
            account,
            "drop",
            clock=self._clock,
            details={name: value for name, value in details.items() if value is not None},
            removed=Removed(entry=ranges),
        )

    def _expired(
        self, account: str, policy: Policy, now: int, is_over: Callable[[], bool]
    ) -> _Expired:
        """Look at each entry that is older than the policy keeps, and tell which of them may go.

        One that isn't as it was hashed into the tree stays, and is none to go by: else a run would
        take the evidence away, and an entry made to look old would take all before it along.
        """
        limit = now - policy.days_at(now) * DAY_US
        leaves = self._trail.sealed_leaves(account)
        gone: list[tuple[int, int]] = []
        kept = altered = 0
        oldest_first = Query(account=account, newest_first=False, stop=leaves.size)
        for entry in self._trail.matching(oldest_first):
            if not leaves.has(entry):
                altered += 1
                _log.error(
                    "entry %d of account %s was altered; it is kept", entry.index + 1, account
                )
                continue
            public = entry.public
            if public.recorded_at >= limit or is_over():
                break
            if public.action == "erase" or is_held(policy, entry):
                kept += 1
            elif gone and gone[-1][1] == entry.index - 1:
                gone[-1] = (gone[-1][0], entry.index)
            else:
                gone.append((entry.index, entry.index))
        return _Expired(tuple(gone), kept, altered)
