"""Settings > Audit Logs > Exports: asked for, watched, cancelled, downloaded, let go."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from litestar import Response, Router, get, post
from litestar.params import FromPath

from audit_trail.export.wanted import NAMES
from audit_trail.record.language import marked, say, told
from audit_trail.server.audit_logs import ZONE_COOKIE
from audit_trail.server.browser import CSRF_FIELD
from audit_trail.server.viewer import Exports
from audit_trail.server.zone import moment, zone_of
from live_agent.access import Member
from live_agent.exporting.handing import handed_file, handed_manifest
from live_agent.gate import AUDIT_LOGS
from live_agent.pages.desk import AnyRequest, Desk, Sent, TheForm, Visit, settings_path
from live_agent.pages.form import Form
from live_agent.schema import Export, User
from live_agent.services import Services
from live_agent.settings import exports
from live_agent.settings.exports import KEPT_DAYS, UNFINISHED, wanted_by
from live_agent.settings.fields import from_form

PATH: Final = "audit-logs/exports"
_NAMES: Final[Mapping[str, str]] = dict(NAMES.items())
_STATES: Final = {
    "waiting": marked("Waiting"),
    "running": marked("Being written"),
    "done": marked("Whole"),
    "failed": marked("Failed"),
    "cancelled": marked("Cancelled"),
    "removed": marked("Removed, since data in it was erased"),
}


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """One export as its row shows it."""

    id: int
    search: str
    form: str
    person: str
    at: str
    state: str
    failure: str
    is_unfinished: bool
    is_whole: bool
    written: int
    looked_at: int
    total: int
    bytes: int


def exports_of(member: Member) -> Exports:
    """Return where the Audit Logs page has its exports made."""
    path = f"{settings_path(member.account_id)}/{PATH}"
    return Exports(make=path, all=path, hidden={CSRF_FIELD: member.csrf or ""})


def exports_router(services: Services, desk: Desk) -> Router:
    """Return the router of these pages. The access rule records who isn't let in."""
    pages = _Pages(services, desk)

    @get("/", sync_to_thread=True)
    def export_list(request: AnyRequest) -> Response[Any]:
        return pages.listed(request, "exports.html")

    @get("/rows", sync_to_thread=True, opt={"polled": True})
    def export_rows(request: AnyRequest) -> Response[Any]:
        return pages.listed(request, "exports_rows.html")

    @post("/", sync_to_thread=True)
    def export_create(request: AnyRequest, sent: TheForm) -> Response[Any]:
        return pages.create(request, sent)

    @post("/{export_id:int}/end", sync_to_thread=True)
    def export_end(request: AnyRequest, export_id: FromPath[int], sent: TheForm) -> Response[Any]:
        return pages.end(request, export_id, sent)

    @get("/{export_id:int}/file", sync_to_thread=True)
    def export_file(request: AnyRequest, export_id: FromPath[int]) -> Response[Any]:
        found = pages.found(request, export_id)
        return handed_file(found, services.exports, services.trail, services.clock)

    @get("/{export_id:int}/manifest", sync_to_thread=True)
    def export_manifest(request: AnyRequest, export_id: FromPath[int]) -> Response[Any]:
        return handed_manifest(pages.found(request, export_id), services.exports)

    handlers = [export_list, export_rows, export_create, export_end, export_file, export_manifest]
    return Router(f"/{PATH}", route_handlers=handlers, opt=AUDIT_LOGS)


class _Pages:
    """Draws them, and carries out what they ask."""

    def __init__(self, services: Services, desk: Desk) -> None:
        self._services = services
        self._desk = desk

    def listed(self, request: AnyRequest, template: str) -> Response[Any]:
        with self._desk.visit(request) as visit:
            return _draw(visit, Form(), template)

    def found(self, request: AnyRequest, export_id: int) -> Export:
        with self._desk.visit(request) as visit:
            return exports.get(visit.db, visit.account_id, export_id)

    def create(self, request: AnyRequest, sent: Sent) -> Response[Any]:
        self._services.fresh()
        zone = zone_of(request.user.timezone, request.cookies.get(ZONE_COOKIE))

        def make(visit: Visit) -> Response[Any]:
            values = from_form(
                exports.FIELDS, sent, [each for each in exports.FIELDS if each in sent]
            )
            name = getattr(zone.info, "key", None)
            exports.create(
                visit.db,
                visit.account_id,
                visit.member.user_id,
                values if name is None else {"timezone": name, **values},
                size=self._services.exports.size(visit.account_id),
                now_us=self._services.clock(),
            )
            return visit.done(PATH, "exporting")

        return self._desk.change(request, sent, make, lambda visit, form: _draw(visit, form))

    def end(self, request: AnyRequest, export_id: int, sent: Sent) -> Response[Any]:
        def make(visit: Visit) -> Response[Any]:
            record = exports.get(visit.db, visit.account_id, export_id)
            said = "cancelled" if record.state in UNFINISHED else "deleted"
            exports.end(visit.db, record, self._services.clock())
            return visit.done(PATH, said)

        return self._desk.change(request, sent, make, lambda visit, form: _draw(visit, form))


def _draw(visit: Visit, form: Form, template: str = "exports.html") -> Response[Any]:
    zone = visit.zone
    rows = [
        Listed(
            id=each.id,
            search=_search(each),
            form=_NAMES.get(each.format, each.format),
            person=_person(visit, each),
            at=moment(each.created_at, zone).local,
            state=told(_STATES[each.state]),
            failure=each.failure or "",
            is_unfinished=each.state in UNFINISHED,
            is_whole=each.state == "done",
            written=each.written,
            looked_at=each.looked_at,
            total=each.total,
            bytes=each.bytes or 0,
        )
        for each in exports.listed(visit.db, visit.account_id)
    ]
    return visit.page(
        template,
        form=form,
        rows=rows,
        is_any_unfinished=any(row.is_unfinished for row in rows),
        days=KEPT_DAYS,
        path=f"{visit.path}/{PATH}",
    )


def _search(export: Export) -> str:
    wanted = wanted_by(export)
    return wanted.question if wanted else say("Asked in another release")


def _person(visit: Visit, export: Export) -> str:
    user = visit.db.get(User, export.user_id) if export.user_id is not None else None
    return user.email if user else say("Somebody who left")
