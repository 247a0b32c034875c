"""Saved views of the audit logs over REST: the person's own, and the shared ones."""

from typing import Any

from litestar import Response, delete, get, patch, post
from sqlalchemy.orm import Session

from live_agent.api.answers import nothing
from live_agent.api.asked import Id, Sent, TheMember, TheServices
from live_agent.api.body import fields_of
from live_agent.api.document import described
from live_agent.api.shapes import Shape, saved_view_shape
from live_agent.gate import ADMINISTRATOR
from live_agent.schema import SavedView
from live_agent.settings import saved_views


@get("/audit_logs/views", opt=ADMINISTRATOR, sync_to_thread=True)
def list_saved_views(services: TheServices, member: TheMember) -> dict[str, Any]:
    with services.database.reading() as db:
        found = saved_views.listed(db, member.account_id, member.user_id)
        return {"payload": [_shape(db, each) for each in found]}


@post(
    "/audit_logs/views",
    status_code=200,
    opt=ADMINISTRATOR,
    operation_class=described(saved_views.FIELDS),
    sync_to_thread=True,
)
def create_saved_view(services: TheServices, member: TheMember, sent: Sent) -> Shape:
    values, position = fields_of(sent, "view"), services.trail.head(str(member.account_id)).size
    with services.database.transaction(member.account_id) as db:
        view = saved_views.create(db, member.account_id, member.user_id, values, position=position)
        return _shape(db, view) | _secret(view)


@patch(
    "/audit_logs/views/{view_id:int}",
    opt=ADMINISTRATOR,
    operation_class=described(saved_views.FIELDS, partial=True),
    sync_to_thread=True,
)
def update_saved_view(services: TheServices, member: TheMember, view_id: Id, sent: Sent) -> Shape:
    values, position = fields_of(sent, "view"), services.trail.head(str(member.account_id)).size
    with services.database.transaction(member.account_id) as db:
        view = saved_views.get(db, member.account_id, member.user_id, view_id)
        before = view.webhook_secret
        saved_views.update(db, view, member.user_id, values, position=position)
        return _shape(db, view) | (_secret(view) if view.webhook_secret != before else {})


@delete("/audit_logs/views/{view_id:int}", status_code=200, opt=ADMINISTRATOR, sync_to_thread=True)
def delete_saved_view(services: TheServices, member: TheMember, view_id: Id) -> Response[None]:
    with services.database.transaction(member.account_id) as db:
        view = saved_views.get(db, member.account_id, member.user_id, view_id)
        saved_views.delete(db, view)
    return nothing()


def _shape(db: Session, view: SavedView) -> Shape:
    return saved_view_shape(view, saved_views.delivery_of(db, view))


def _secret(view: SavedView) -> Shape:
    """The secret is shown when it is made, and to nobody later."""
    return {"webhook_secret": view.webhook_secret}
