"""Settings > Audit Logs > Views: one's own and the shared ones, and what they are."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

from litestar import Response, Router, get, post
from litestar.params import FromPath
from sqlalchemy.orm import Session

from audit_trail.record.language import marked, say, say_many, told
from audit_trail.server.viewer import View, Views
from live_agent.access import Member
from live_agent.pages.desk import AnyRequest, Desk, Sent, TheForm, Visit, settings_path
from live_agent.pages.form import Form, edited, form_of
from live_agent.schema import Account, SavedView
from live_agent.services import Services
from live_agent.settings import saved_views
from live_agent.settings.fields import from_form

PATH: Final = "audit-logs/views"
FIELDS: Final = tuple(saved_views.FIELDS)
RANGES: Final = (
    ("", marked("All, or the days below")),
    ("1h", marked("Last hour")),
    ("24h", marked("Last 24 hours")),
    ("7d", marked("Last 7 days")),
    ("30d", marked("Last 30 days")),
    ("90d", marked("Last 90 days")),
)
PERIODS: Final = {
    60: marked("1 minute"),
    300: marked("5 minutes"),
    900: marked("15 minutes"),
    3_600: marked("1 hour"),
    14_400: marked("4 hours"),
    86_400: marked("1 day"),
}


def views_of(db: Session, member: Member, asked: Mapping[str, Sequence[str]]) -> Views:
    """Return what the Audit Logs page offers: the views, and to keep what it shows now."""
    log = f"{settings_path(member.account_id)}/audit-logs"
    shown = {
        name: ",".join(asked[name]) if name == "columns" else asked[name][-1]
        for name in _ADDRESSED
        if asked.get(name)
    }
    now = urlencode({name: value for name, value in shown.items() if value})
    found = saved_views.listed(db, member.account_id, member.user_id)
    return Views(
        items=[
            View(
                name=each.name,
                address=f"{log}?{parameters}",
                is_shared=each.is_shared,
                is_current=bool(now) and parameters == now,
            )
            for each in found
            for parameters in [saved_views.parameters(each)]
        ],
        save=f"{log}/views/new?{now}",
        all=f"{log}/views",
    )


_ADDRESSED: Final = {"q": "question", **{name: name for name in ("range", "since", "until")}} | {
    "columns": "columns"
}
"""The page's parameters, in the order of a view's own address, and which field each is."""


def saved_views_router(services: Services, desk: Desk) -> Router:
    """Return the router of these pages."""
    pages = _Pages(services, desk)

    @get("/", sync_to_thread=True)
    def view_list(request: AnyRequest) -> Response[Any]:
        return pages.listed(request)

    @get("/new", sync_to_thread=True)
    def view_new(request: AnyRequest) -> Response[Any]:
        return pages.show_new(request)

    @post("/new", sync_to_thread=True)
    def view_create(request: AnyRequest, sent: TheForm) -> Response[Any]:
        return pages.create(request, sent)

    @get("/{view_id:int}", sync_to_thread=True)
    def view(request: AnyRequest, view_id: FromPath[int]) -> Response[Any]:
        return pages.show(request, view_id)

    @post("/{view_id:int}", sync_to_thread=True)
    def view_update(request: AnyRequest, view_id: FromPath[int], sent: TheForm) -> Response[Any]:
        return pages.update(request, view_id, sent)

    @get("/{view_id:int}/delete", sync_to_thread=True)
    def view_ending(request: AnyRequest, view_id: FromPath[int]) -> Response[Any]:
        return pages.show_deletion(request, view_id)

    @post("/{view_id:int}/delete", sync_to_thread=True)
    def view_delete(request: AnyRequest, view_id: FromPath[int], sent: TheForm) -> Response[Any]:
        return pages.delete(request, view_id, sent)

    handlers = [view_list, view_new, view_create, view, view_update, view_ending, view_delete]
    return Router(f"/{PATH}", route_handlers=handlers)


class _Pages:
    """Draws them, and carries out what they ask."""

    def __init__(self, services: Services, desk: Desk) -> None:
        self._trail = services.trail
        self._desk = desk

    def listed(self, request: AnyRequest) -> Response[Any]:
        with self._desk.visit(request) as visit:
            found = saved_views.listed(visit.db, visit.account_id, visit.member.user_id)
            return visit.page(
                "views.html",
                views=[
                    (each, saved_views.parameters(each), _is_failing(visit, each)) for each in found
                ],
            )

    def show_new(self, request: AnyRequest) -> Response[Any]:
        """Begin with what the Audit Logs page showed."""
        with self._desk.visit(request) as visit:
            asked = {
                field: (request.query_params.get(name) or "",) for name, field in _ADDRESSED.items()
            }
            account = visit.db.get_one(Account, visit.account_id)
            begun = {
                **asked,
                "columns": tuple(filter(None, asked["columns"][0].split(","))),
                "timezone": (visit.member.timezone or account.timezone,),
                "period_seconds": ("3600",),
            }
            return _draw(visit, None, Form(values=begun))

    def create(self, request: AnyRequest, sent: Sent) -> Response[Any]:
        def make(visit: Visit) -> Response[Any]:
            record = saved_views.create(
                visit.db,
                visit.account_id,
                visit.member.user_id,
                _given(from_form(saved_views.FIELDS, sent, FIELDS)),
                position=self._position(visit),
            )
            return _kept(visit, record, None, "created")

        return self._desk.change(request, sent, make, lambda visit, form: _draw(visit, None, form))

    def show(self, request: AnyRequest, view_id: int) -> Response[Any]:
        with self._desk.visit(request) as visit:
            record = _view(visit, view_id)
            return _draw(visit, record, form_of(record, FIELDS))

    def update(self, request: AnyRequest, view_id: int, sent: Sent) -> Response[Any]:
        def make(visit: Visit) -> Response[Any]:
            record = _view(visit, view_id)
            secret = record.webhook_secret
            values = edited(saved_views.FIELDS, form_of(record, FIELDS), sent, FIELDS)
            saved_views.update(
                visit.db,
                record,
                visit.member.user_id,
                _given(values),
                position=self._position(visit),
            )
            return _kept(visit, record, secret, "saved")

        return self._desk.change(
            request, sent, make, lambda visit, form: _draw(visit, _view(visit, view_id), form)
        )

    def show_deletion(self, request: AnyRequest, view_id: int) -> Response[Any]:
        with self._desk.visit(request) as visit:
            return _draw_deletion(visit, view_id, Form())

    def delete(self, request: AnyRequest, view_id: int, sent: Sent) -> Response[Any]:
        def make(visit: Visit) -> Response[Any]:
            saved_views.delete(visit.db, _view(visit, view_id))
            return visit.done(PATH, "deleted")

        return self._desk.change(
            request, sent, make, lambda visit, form: _draw_deletion(visit, view_id, form)
        )

    def _position(self, visit: Visit) -> int:
        return self._trail.head(str(visit.account_id)).size


def _view(visit: Visit, view_id: int) -> SavedView:
    return saved_views.get(visit.db, visit.account_id, visit.member.user_id, view_id)


def _given(values: Mapping[str, object]) -> dict[str, object]:
    """Leave out what a form sends empty and has a default."""
    return {
        name: value
        for name, value in values.items()
        if value is not None or name not in ("timezone", "period_seconds")
    }


def _kept(visit: Visit, record: SavedView, secret: str | None, said: str) -> Response[Any]:
    """Show a secret that was made, now and never again; else lead back to the list."""
    if record.webhook_secret and record.webhook_secret != secret:
        return visit.page("view_secret.html", view=record)
    return visit.done(PATH, said)


def _is_failing(visit: Visit, record: SavedView) -> bool:
    delivery = saved_views.delivery_of(visit.db, record)
    return delivery is not None and delivery.failed_at is not None


def _draw(visit: Visit, record: SavedView | None, form: Form) -> Response[Any]:
    periods = {seconds: told(title) for seconds, title in PERIODS.items()}
    if record is not None:
        periods.setdefault(
            record.period_seconds,
            say_many("%(count)s second", "%(count)s seconds", record.period_seconds),
        )
    return visit.page(
        "view.html",
        view=record,
        form=form,
        ranges=[(name, told(title)) for name, title in RANGES],
        periods=sorted(periods.items()),
        is_failing=record is not None and _is_failing(visit, record),
    )


def _draw_deletion(visit: Visit, view_id: int, form: Form) -> Response[Any]:
    record = _view(visit, view_id)
    consequence = say("The view is deleted, and its webhook tells nothing more.")
    if record.is_shared:
        lost = say("No administrator of the account can use it any more.")
        consequence = say("%(one)s %(other)s", one=consequence, other=lost)
    return visit.page(
        "delete.html",
        form=form,
        title=say("Delete %(name)s?", name=record.name),
        consequence=consequence,
        verb=say("Delete view"),
        asks_name=False,
        name=record.name,
        back=f"{visit.path}/{PATH}",
        back_name=say("Views"),
    )
