"""Looks whether saved views with a webhook have new entries, and tells the receivers.

What was read and what is to be sent is kept with each view, so a restart repeats at most a message,
under the same id. Of several servers the one that writes a view's row first goes on with it.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from secrets import token_hex
from threading import Event
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import exists, or_, select, update

from audit_trail.capture.context import SYSTEM, Origin, acting_as
from audit_trail.capture.outbox import Event as Noted
from audit_trail.capture.sqlalchemy import note
from audit_trail.errors import AuditError
from audit_trail.record.entry import Entry, read_what
from audit_trail.record.query import Query
from audit_trail.record.question import understand
from audit_trail.record.sentence import activity
from audit_trail.trail import Trail
from live_agent.catalog import CATALOG
from live_agent.database import Database
from live_agent.errors import DeliveryFailed, LiveAgentError
from live_agent.schema import AccountUser, SavedView, ViewDelivery
from live_agent.telling.posting import Post
from live_agent.telling.signature import signed_headers

POLL_SECONDS: Final = 1.0
LOOK_SECONDS: Final = 0.05
ANSWER_SECONDS: Final = 10.0
"""How long a receiver may take for all of its answer, and how long it can hold up the others."""

LEASE_US: Final = 60_000_000
"""For how long a message is left to the server that is sending it."""

BACK_OFF_SECONDS: Final = (5, 60, 300, 1_800, 7_200, 18_000, 36_000)
"""How long to wait after each attempt that failed; after one more the view is failing."""

MOST_TOGETHER: Final = 32
READ_TOGETHER: Final = 10_000
"""How many entries are read for one view before the next one has its turn."""

MOST_TOLD: Final = 10

_log = logging.getLogger(__name__)


class Telling(NamedTuple):
    """A message that is this server's to send, and the row's turn that says so."""

    view: SavedView
    delivery: ViewDelivery
    turn: int


class Rounds:
    """One round after the other. `site` is what the addresses of entries begin with."""

    def __init__(
        self,
        database: Database,
        trail: Trail,
        *,
        clock: Callable[[], int],
        site: str = "",
        to_private: bool = False,
    ) -> None:
        self._database = database
        self._trail = trail
        self._clock = clock
        self._site = site.rstrip("/")
        self._to_private = to_private
        self.delivered = 0
        """How many messages were taken by their receivers since the start."""
        self.failed = 0
        """How many attempts failed since the start."""

    def run(self, stop: Event) -> None:
        """Work until `stop` is set."""
        while not stop.wait(POLL_SECONDS):
            try:
                self.step(stop.is_set)
            except (AuditError, LiveAgentError):
                _log.exception("a round of the webhooks failed; trying again")

    def step(self, is_over: Callable[[], bool] = lambda: False) -> None:
        """Look at each view that is due, and send what there is to tell."""
        heads: dict[int, int] = {}
        tellings: list[Telling] = []
        for view, delivery in self._due():
            if is_over():
                return
            account = view.account_id
            if account not in heads:
                heads[account] = self._trail.head(str(account)).size
            try:
                telling = self._look(view, delivery, heads[account])
            except AuditError:
                # Of one account alone, such as a question that an older release understood.
                _log.exception("view %s can't be read; trying again", view.id)
                continue
            if telling:
                tellings.append(telling)
        for start in range(0, len(tellings), MOST_TOGETHER):
            self._send(tellings[start : start + MOST_TOGETHER], is_over)

    def _due(self) -> Sequence[tuple[SavedView, ViewDelivery]]:
        """Return the views to look at. A private one is its owner's as long as they may see it."""
        is_owned = exists().where(
            AccountUser.account_id == SavedView.account_id,
            AccountUser.user_id == SavedView.user_id,
            AccountUser.role == "administrator",
        )
        wanted = (
            select(SavedView, ViewDelivery)
            .join(ViewDelivery, ViewDelivery.view_id == SavedView.id)
            .where(
                SavedView.webhook_url.is_not(None),
                SavedView.webhook_secret.is_not(None),
                ViewDelivery.failed_at.is_(None),
                ViewDelivery.due_at <= self._clock(),
                or_(SavedView.is_shared, is_owned),
            )
            .order_by(ViewDelivery.due_at, SavedView.id)
        )
        with self._database.reading() as db:
            return [(view, delivery) for view, delivery in db.execute(wanted)]

    def _look(self, view: SavedView, delivery: ViewDelivery, size: int) -> Telling | None:
        """Read on where the view stands; return what is to be told when all is read."""
        leased = {"due_at": self._clock() + LEASE_US}
        if delivery.message is not None:
            return self._telling(view, delivery, leased)
        if delivery.position >= size:
            return None
        stop = min(size, delivery.position + READ_TOGETHER)
        matched, newest = self._read(view, delivery, stop)
        read = {"position": stop, "matched": matched, "newest": newest}
        if not matched or stop < size:
            self._written(view, delivery, read)
            return None
        message = self._message(view, matched, newest)
        composed = {"message_id": f"msg_{token_hex(16)}", "message": message, "attempts": 0}
        return self._telling(
            view, delivery, leased | composed | {"position": stop, "matched": 0, "newest": []}
        )

    def _telling(
        self, view: SavedView, delivery: ViewDelivery, values: Mapping[str, Any]
    ) -> Telling | None:
        if not self._written(view, delivery, values):
            return None  # Another server tells it, or the view was changed.
        for name, value in values.items():
            setattr(delivery, name, value)
        return Telling(view, delivery, delivery.turn + 1)

    def _read(self, view: SavedView, delivery: ViewDelivery, stop: int) -> tuple[int, list[int]]:
        """Return how many entries there are to tell of, and the newest ones' indexes."""
        asked = understand(
            view.question or "",
            zone=ZoneInfo(view.timezone),
            now_us=self._clock(),
            catalog=CATALOG,
        )
        query = Query(
            account=str(view.account_id),
            where=asked.where,
            start=delivery.position,
            stop=stop,
            newest_first=False,
        )
        matched, newest = delivery.matched, list(delivery.newest)
        for entry in self._trail.matching(query):
            matched += 1
            newest = [*newest, entry.index][-MOST_TOLD:]
        return matched, newest

    def _message(self, view: SavedView, matched: int, newest: Sequence[int]) -> str:
        """Say how many there are, and of the newest ones what was done; never a value."""
        page = f"{self._site}/app/accounts/{view.account_id}/settings/audit-logs"
        entries = [
            told(entry, page)
            for index in reversed(newest)
            for entry in self._trail.entries(str(view.account_id), index, index + 1)
        ]
        at = datetime.fromtimestamp(self._clock() // 1_000_000, UTC)
        message = {
            "type": "saved_view.new_entries",
            "timestamp": at.isoformat().replace("+00:00", "Z"),
            "data": {
                "account_id": view.account_id,
                "view": {"id": view.id, "name": view.name},
                "matched": matched,
                "entries": entries,
            },
        }
        return msgspec.json.encode(message).decode()

    def _send(self, tellings: Sequence[Telling], is_over: Callable[[], bool]) -> None:
        """Send these at once, and wait until each is answered or its time is over."""
        answered: SimpleQueue[Post] = SimpleQueue()
        posts = {self._post(telling, answered.put): telling for telling in tellings}
        for post in posts:
            post.start()
        deadline = time.monotonic() + ANSWER_SECONDS
        while posts and not is_over() and time.monotonic() < deadline:
            try:
                post = answered.get(timeout=LOOK_SECONDS)
            except Empty:
                continue
            self._settle(posts.pop(post), post.failure)
        for post, telling in posts.items():
            post.abort()
            # A server that stops leaves its messages to the next one, when the lease is over.
            if not is_over():
                self._settle(telling, DeliveryFailed("The receiver didn't answer in time."))

    def _post(self, telling: Telling, answered: Callable[[Post], None]) -> Post:
        view, delivery, _ = telling
        body = (delivery.message or "").encode()
        headers = signed_headers(
            view.webhook_secret or "", delivery.message_id or "", self._clock(), body
        )
        return Post(
            view.webhook_url or "", headers, body, to_private=self._to_private, answered=answered
        )

    def _settle(self, telling: Telling, failure: DeliveryFailed | None) -> None:
        view, delivery, turn = telling
        now_us, attempts = self._clock(), delivery.attempts + 1
        if failure is None:
            self.delivered += 1
            due_at = now_us + view.period_seconds * 1_000_000
            sent = {"message_id": None, "message": None, "attempts": 0, "due_at": due_at}
            self._written(view, delivery, sent, turn)
            return
        self.failed += 1
        _log.warning("the webhook of view %s failed: %s", view.id, failure)
        if failure.is_final or attempts > len(BACK_OFF_SECONDS):
            self._give_up(telling, failure, attempts)
            return
        due_at = now_us + BACK_OFF_SECONDS[attempts - 1] * 1_000_000
        self._written(view, delivery, {"attempts": attempts, "due_at": due_at}, turn)

    def _give_up(self, telling: Telling, failure: DeliveryFailed, attempts: int) -> None:
        """Send no more until the view is saved again, and enter that in the trail."""
        view = telling.view
        given_up = Noted(
            action="view_failed",
            account=str(view.account_id),
            entity_type="saved_view",
            entity_id=str(view.id),
            outcome="failure",
            label=view.name,
            details={
                "reason": f"{failure} {attempts} {'attempt' if attempts == 1 else 'attempts'}"
            },
        )
        values = {"attempts": attempts, "failed_at": self._clock()}
        self._written(view, telling.delivery, values, telling.turn, given_up)

    def _written(
        self,
        view: SavedView,
        delivery: ViewDelivery,
        values: Mapping[str, Any],
        turn: int | None = None,
        event: Noted | None = None,
    ) -> bool:
        """Write the row if it is as it was at that turn, and tell whether it was."""
        turn = delivery.turn if turn is None else turn
        change = (
            update(ViewDelivery)
            .where(ViewDelivery.view_id == view.id, ViewDelivery.turn == turn)
            .values(**values, turn=turn + 1)
        )
        with _as_ourselves(), self._database.transaction(view.account_id) as db:
            is_written = db.connection().execute(change).rowcount == 1
            if is_written and event:
                note(db.connection(), event)
        return is_written


def told(entry: Entry, page: str) -> dict[str, Any]:
    """Return what a message says of an entry."""
    public = entry.public
    return {
        "number": entry.index + 1,
        "activity": activity(public, read_what(entry.what, public.what), CATALOG),
        "url": f"{page}/{entry.index + 1}",
    }


def _as_ourselves() -> AbstractContextManager[Any]:
    return acting_as(SYSTEM, Origin(via="job", job="webhooks"))
