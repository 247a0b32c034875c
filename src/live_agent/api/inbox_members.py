"""Inbox collaborators over REST."""

from collections.abc import Callable
from typing import Any, Final

from litestar import Response, delete, get, patch, post

from live_agent.api.answers import nothing
from live_agent.api.asked import Id, Sent, TheMember, TheServices
from live_agent.api.document import described
from live_agent.api.shapes import agents_shape
from live_agent.gate import ADMINISTRATOR, MEMBER
from live_agent.settings import inbox_members, membership
from live_agent.settings.fields import Field, checked, integer
from live_agent.settings.lookup import require

INBOX: Final = {"inbox_id": Field(label="Inbox", check=integer, required=True, form="number")}
FIELDS: Final = {**INBOX, **membership.FIELDS}


@get("/inbox_members/{inbox_id:int}", opt=MEMBER, sync_to_thread=True)
def list_inbox_members(services: TheServices, member: TheMember, inbox_id: Id) -> dict[str, Any]:
    with services.database.reading() as db:
        return {"payload": agents_shape(inbox_members.listed(db, member.account_id, inbox_id))}


@post(
    "/inbox_members",
    status_code=200,
    opt=ADMINISTRATOR,
    operation_class=described(FIELDS),
    sync_to_thread=True,
)
def add_inbox_members(services: TheServices, member: TheMember, sent: Sent) -> dict[str, Any]:
    return _changed(services, member, sent, inbox_members.add)


@patch("/inbox_members", opt=ADMINISTRATOR, operation_class=described(FIELDS), sync_to_thread=True)
def replace_inbox_members(services: TheServices, member: TheMember, sent: Sent) -> dict[str, Any]:
    return _changed(services, member, sent, inbox_members.replace)


@delete(
    "/inbox_members",
    status_code=200,
    opt=ADMINISTRATOR,
    operation_class=described(FIELDS),
    sync_to_thread=True,
)
def remove_inbox_members(services: TheServices, member: TheMember, sent: Sent) -> Response[None]:
    _changed(services, member, sent, inbox_members.remove)
    return nothing()


def _changed(
    services: TheServices, member: TheMember, sent: Sent, change: Callable[..., Any]
) -> dict[str, Any]:
    accepted, errors = checked(INBOX, sent)
    require(errors)
    with services.database.transaction(member.account_id) as db:
        agents = change(db, member.account_id, accepted["inbox_id"], sent.get("user_ids"))
        return {"payload": agents_shape(agents)}
