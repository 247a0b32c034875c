"""Settings > Audit Logs > Retention: for how long entries are kept, and which are held."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, Final, get_args

import msgspec
from litestar import Response, Router, get, post
from litestar.params import FromPath

from audit_trail.capture.context import SYSTEM, Context, Origin, current_context, stating
from audit_trail.errors import PolicyAltered, PolicyMoved, RetentionRefused
from audit_trail.record.entry import ActorId, ActorKind, Entity, Entry, read_what, read_who
from audit_trail.record.language import grouped, say, told
from audit_trail.record.retained import said_hold
from audit_trail.record.sentence import activity, actor_called, kind_name, summary
from audit_trail.retention.policy import LEAST_DAYS, MOST_DAYS, Hold, Policy
from audit_trail.server.beginning import begin_of
from audit_trail.server.zone import Zone, moment, zone_title
from live_agent.catalog import CATALOG
from live_agent.errors import NotFound
from live_agent.gate import AUDIT_LOGS
from live_agent.pages.desk import AnyRequest, Desk, Sent, TheForm, Visit
from live_agent.pages.form import Form, refused
from live_agent.services import Services
from live_agent.settings import fields
from live_agent.settings.fields import Checked, Field, checked, from_form
from live_agent.settings.reasons import reasons_sent

PATH: Final = "audit-logs/retention"
SHOWN_ACTS: Final = 10
LONGEST_NUMBER: Final = 200
LAST_YEAR: Final = 2999


def _days(value: object) -> int:
    if not isinstance(value, int) or not LEAST_DAYS <= value <= MOST_DAYS:
        raise ValueError(
            say(
                "must be a whole number from %(least)s to %(most)s",
                least=LEAST_DAYS,
                most=grouped(MOST_DAYS),
            )
        )
    return value


def _date(value: object) -> date | None:
    if value is None:
        return None
    try:
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", str(value)):
            raise ValueError
        day = date.fromisoformat(str(value))
        if not 1970 <= day.year <= LAST_YEAR:
            raise ValueError
        return day
    except ValueError:
        raise ValueError(say("must be a day, such as %(day)s", day="2026-01-31")) from None


_TYPES: Final = [(name, kind.name) for name, kind in CATALOG.kinds.items()]
_KINDS: Final = get_args(ActorKind)
_NUMBER: Final = fields.text(limit=LONGEST_NUMBER)
DAYS: Final = {"days": Field(label="Days", check=_days, required=True, form="number")}
HOLD: Final = {
    "type": Field(
        label="Record", check=fields.optional(fields.one_of(*(name for name, _ in _TYPES)))
    ),
    "number": Field(label="Record's number", check=_NUMBER),
    "kind": Field(label="Actor", check=fields.optional(fields.one_of(*_KINDS))),
    "actor": Field(label="Actor's number", check=_NUMBER),
    "start": Field(label="Since", check=_date),
    "end": Field(label="Until", check=_date),
}


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of the trail about its own retention, in words."""

    number: int
    at: str
    person: str
    sentence: str
    summary: str
    reason: str


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A hold in words, and the entry that placed it."""

    id: str
    words: str
    placed: Act | None


def retention(services: Services, desk: Desk) -> Router:
    """Return the page's router, for administrators alone; who else asks is recorded."""
    pages = _Pages(services, desk)

    @get("/", sync_to_thread=True)
    def retention_page(request: AnyRequest) -> Response[Any]:
        return pages.show(request)

    @post("/", sync_to_thread=True)
    def retention_change(request: AnyRequest, sent: TheForm) -> Response[Any]:
        return pages.change(request, sent)

    @get("/hold", sync_to_thread=True)
    def hold_new(request: AnyRequest) -> Response[Any]:
        return pages.show_new_hold(request)

    @post("/hold", sync_to_thread=True)
    def hold_place(request: AnyRequest, sent: TheForm) -> Response[Any]:
        return pages.place(request, sent)

    @get("/holds/{hold_id:str}/lift", sync_to_thread=True)
    def hold_lifting(request: AnyRequest, hold_id: FromPath[str]) -> Response[Any]:
        return pages.show_lifting(request, hold_id)

    @post("/holds/{hold_id:str}/lift", sync_to_thread=True)
    def hold_lift(request: AnyRequest, hold_id: FromPath[str], sent: TheForm) -> Response[Any]:
        return pages.lift(request, hold_id, sent)

    handlers = [retention_page, retention_change, hold_new, hold_place, hold_lifting, hold_lift]
    return Router(f"/{PATH}", route_handlers=handlers, opt=AUDIT_LOGS)


class _Pages:
    """Draws the pages, and carries out what their forms ask for."""

    def __init__(self, services: Services, desk: Desk) -> None:
        self._trail = services.trail
        self._retention = services.retention
        self._clock = services.clock
        self._desk = desk

    def show(self, request: AnyRequest) -> Response[Any]:
        with self._desk.visit(request) as visit:
            return self._draw(visit, Form())

    def change(self, request: AnyRequest, sent: Sent) -> Response[Any]:
        found = checked(DAYS, from_form(DAYS, sent, DAYS))

        def act(account: str, context: Context) -> None:
            self._retention.change(account, found.values["days"], context)

        return self._act(request, sent, found.errors, act, self._draw, "saved", "days")

    def show_new_hold(self, request: AnyRequest) -> Response[Any]:
        with self._desk.visit(request) as visit:
            return self._draw_hold(visit, Form())

    def place(self, request: AnyRequest, sent: Sent) -> Response[Any]:
        found = checked(HOLD, from_form(HOLD, sent, HOLD))
        values = found.values
        if values.get("number") and not values.get("type"):
            found.errors.setdefault("type", "Record must be chosen where its number is given.")
        if values.get("actor") and not values.get("kind"):
            found.errors.setdefault("kind", "Actor must be chosen where its number is given.")

        def act(account: str, context: Context) -> None:
            with self._desk.visit(request) as visit:
                zone = visit.zone
            self._retention.place(account, context, **_held(values, zone))

        return self._act(request, sent, found.errors, act, self._draw_hold, "held", "type")

    def show_lifting(self, request: AnyRequest, hold_id: str) -> Response[Any]:
        with self._desk.visit(request) as visit:
            return self._draw_lifting(visit, hold_id, Form())

    def lift(self, request: AnyRequest, hold_id: str, sent: Sent) -> Response[Any]:
        def act(account: str, context: Context) -> None:
            self._retention.lift(account, hold_id, context)

        def draw(visit: Visit, form: Form) -> Response[Any]:
            return self._draw_lifting(visit, hold_id, form)

        return self._act(request, sent, {}, act, draw, "lifted", "")

    def _act(
        self,
        request: AnyRequest,
        sent: Sent,
        errors: Mapping[str, str],
        act: Callable[[str, Context], None],
        draw: Callable[[Visit, Form], Response[Any]],
        said: str,
        blamed: str,
    ) -> Response[Any]:
        """Do it and lead on, or draw the form again, as it was sent and why not."""
        why = _why(sent)
        wrong = {**errors, **why.errors}
        if not wrong:
            try:
                with stating(**why.values):
                    act(str(request.user.account_id), current_context() or _NOBODY)
            except (PolicyAltered, PolicyMoved) as error:
                wrong = {"": str(error)}
            except RetentionRefused as error:
                wrong = {blamed: str(error)}
        with self._desk.visit(request) as visit:
            if not wrong:
                return visit.done(PATH, said)
            response = draw(visit, refused(sent, wrong, ""))
            response.status_code = 422
            return response

    def _draw(self, visit: Visit, form: Form) -> Response[Any]:
        account, zone = str(visit.account_id), visit.zone
        altered, policy = None, Policy()
        try:
            policy = self._retention.policy(account)
        except PolicyAltered as error:
            altered = str(error)
        beginning = self._trail.beginning(account)
        acts = [self._said(each, zone) for each in self._retention.acts(account, SHOWN_ACTS)]
        pending = policy.pending if policy.days_at(self._clock()) == policy.days else None
        return visit.page(
            "retention.html",
            form=form,
            altered=altered,
            days=policy.days_at(self._clock()),
            pending=pending,
            pending_at=moment(pending.from_us, zone) if pending else None,
            holds=[self._hold(account, each, zone) for each in policy.holds],
            beginning=begin_of(beginning, zone) if beginning else None,
            acts=acts,
            zone=zone_title(zone, [moment(self._clock(), zone)]),
            least=LEAST_DAYS,
            most=MOST_DAYS,
        )

    def _draw_hold(self, visit: Visit, form: Form) -> Response[Any]:
        zone = visit.zone
        return visit.page(
            "hold.html",
            form=form,
            types=[("", say("Any record")), *((name, told(title)) for name, title in _TYPES)],
            kinds=[("", say("Anybody")), *((kind, kind_name(kind)) for kind in _KINDS)],
            zone=zone_title(zone, [moment(self._clock(), zone)]),
        )

    def _draw_lifting(self, visit: Visit, hold_id: str, form: Form) -> Response[Any]:
        account = str(visit.account_id)
        held = [each for each in self._retention.policy(account).holds if each.id == hold_id]
        if not held:
            raise NotFound
        return visit.page(
            "hold_lift.html", form=form, hold=self._hold(account, held[0], visit.zone)
        )

    def _hold(self, account: str, hold: Hold, zone: Zone) -> Held:
        entry = self._trail.by_id(account, hold.id)
        words = said_hold(msgspec.to_builtins(hold), CATALOG)
        return Held(id=hold.id, words=words, placed=self._said(entry, zone) if entry else None)

    def _said(self, entry: Entry, zone: Zone) -> Act:
        public = entry.public
        who, what = read_who(entry.who, public.who), read_what(entry.what, public.what)
        return Act(
            number=entry.index + 1,
            at=moment(public.occurred_at, zone).local,
            person=actor_called(public, who).name,
            sentence=activity(public, what, CATALOG),
            summary=summary(public, what, CATALOG),
            reason=what.reason or "",
        )


_NOBODY: Final = Context(actor=SYSTEM, origin=Origin(via="ui"))


def _why(sent: Mapping[str, Sequence[str]]) -> Checked:
    """Return reason and ticket; here a reason is required."""
    why = reasons_sent(sent)
    if "reason" not in why.values and "reason" not in why.errors:
        why.errors["reason"] = say("%(label)s is required.", label=say("Reason"))
    return why


def _held(values: Mapping[str, Any], zone: Zone) -> dict[str, Any]:
    """Return what the form names as a hold's; its days begin and end in the viewer's zone."""
    type_, kind, start, end = (values.get(name) for name in ("type", "kind", "start", "end"))
    return {
        "entity": Entity(type=type_, id=_stripped(values.get("number"))) if type_ else None,
        "actor": ActorId(kind=kind, id=_stripped(values.get("actor"))) if kind else None,
        "start": _midnight(start, zone) if start else None,
        "end": _midnight(end + timedelta(days=1), zone) - 1 if end else None,
    }


def _stripped(text: str | None) -> str | None:
    return text.strip().lstrip("#") or None if text else None


def _midnight(day: date, zone: Zone) -> int:
    at = datetime.combine(day, time(), zone.info)
    return int(at.timestamp()) * 1_000_000
