"""Exports of the audit logs over REST: asked for, watched, cancelled, fetched, let go."""

from typing import Any, Final

from litestar import Response, delete, get, post
from litestar.response import File

from live_agent.api.answers import nothing
from live_agent.api.asked import Id, Sent, TheMember, TheServices
from live_agent.api.body import fields_of
from live_agent.api.document import described
from live_agent.api.shapes import Shape, export_shape
from live_agent.exporting.handing import handed_file, handed_manifest
from live_agent.gate import AUDIT_LOGS
from live_agent.settings import exports


@get("/audit_logs/exports", opt=AUDIT_LOGS, sync_to_thread=True)
def list_exports(services: TheServices, member: TheMember) -> dict[str, Any]:
    with services.database.reading() as db:
        return {
            "payload": [export_shape(each) for each in exports.listed(db, member.account_id)],
        }


@post(
    "/audit_logs/exports",
    status_code=200,
    opt=AUDIT_LOGS,
    operation_class=described(exports.FIELDS),
    sync_to_thread=True,
)
def create_export(services: TheServices, member: TheMember, sent: Sent) -> Shape:
    services.fresh()
    values, size = fields_of(sent, "export"), services.exports.size(member.account_id)
    with services.database.transaction(member.account_id) as db:
        made = exports.create(
            db,
            member.account_id,
            member.user_id,
            values,
            size=size,
            now_us=services.clock(),
        )
        return export_shape(made)


@get("/audit_logs/exports/{export_id:int}", opt=AUDIT_LOGS, sync_to_thread=True)
def get_export(services: TheServices, member: TheMember, export_id: Id) -> Shape:
    with services.database.reading() as db:
        return export_shape(exports.get(db, member.account_id, export_id))


@delete("/audit_logs/exports/{export_id:int}", status_code=200, opt=AUDIT_LOGS, sync_to_thread=True)
def delete_export(services: TheServices, member: TheMember, export_id: Id) -> Response[None]:
    with services.database.transaction(member.account_id) as db:
        exports.end(db, exports.get(db, member.account_id, export_id), services.clock())
    return nothing()


@get(
    "/audit_logs/exports/{export_id:int}/file",
    opt=AUDIT_LOGS,
    media_type="application/octet-stream",
    sync_to_thread=True,
)
def get_export_file(services: TheServices, member: TheMember, export_id: Id) -> File:
    with services.database.reading() as db:
        found = exports.get(db, member.account_id, export_id)
    return handed_file(found, services.exports, services.trail, services.clock)


@get("/audit_logs/exports/{export_id:int}/manifest", opt=AUDIT_LOGS, sync_to_thread=True)
def get_export_manifest(services: TheServices, member: TheMember, export_id: Id) -> Response[Any]:
    with services.database.reading() as db:
        found = exports.get(db, member.account_id, export_id)
    return handed_manifest(found, services.exports)


HANDLERS: Final = (
    list_exports,
    create_export,
    get_export,
    delete_export,
    get_export_file,
    get_export_manifest,
)
