"""Conversations over REST, as far as their deletion is concerned."""

from collections.abc import Mapping
from typing import Any, Final

from litestar import Request, Response, delete, get, post

from live_agent.api.answers import nothing
from live_agent.api.asked import Id, Sent, TheMember, TheServices
from live_agent.api.body import fields_of
from live_agent.api.document import asked_by, described
from live_agent.api.shapes import Shape, conversation_shape
from live_agent.errors import Invalid
from live_agent.gate import ADMINISTRATOR, MEMBER
from live_agent.settings import conversations

LARGEST_PAGE: Final = 10_000


@get(
    "/conversations",
    opt=MEMBER,
    operation_class=asked_by({"page": "The page, from 1"}),
    sync_to_thread=True,
)
def list_conversations(
    services: TheServices, member: TheMember, request: Request[Any, Any, Any]
) -> dict[str, Any]:
    page = _page(request.query_params.get("page", "1"))
    with services.database.reading() as db:
        found = conversations.listed(db, member.account_id, page)
        return {"data": {"payload": [conversation_shape(each) for each in found]}}


@get("/conversations/{conversation_id:int}", opt=MEMBER, sync_to_thread=True)
def get_conversation(services: TheServices, member: TheMember, conversation_id: Id) -> Shape:
    with services.database.reading() as db:
        return conversation_shape(conversations.get(db, member.account_id, conversation_id))


@post(
    "/conversations",
    status_code=200,
    opt=MEMBER,
    operation_class=described(conversations.FIELDS),
    sync_to_thread=True,
)
def create_conversation(services: TheServices, member: TheMember, sent: Sent) -> Shape:
    values = _with_contact(fields_of(sent, "conversation"))
    with services.database.transaction(member.account_id) as db:
        return conversation_shape(conversations.create(db, member.account_id, values))


@delete(
    "/conversations/{conversation_id:int}", status_code=200, opt=ADMINISTRATOR, sync_to_thread=True
)
def delete_conversation(
    services: TheServices, member: TheMember, conversation_id: Id
) -> Response[None]:
    with services.database.transaction(member.account_id) as db:
        found = conversations.get(db, member.account_id, conversation_id)
        conversations.delete(db, found)
    return nothing()


def _with_contact(values: dict[str, Any]) -> dict[str, Any]:
    """Return the fields, also those that stand in the contact."""
    contact = values.get("contact")
    if not isinstance(contact, Mapping):
        return values
    of_contact = {f"contact_{name}": contact[name] for name in ("name", "email") if name in contact}
    return {**values, **of_contact}


def _page(text: str) -> int:
    is_number = text.isascii() and text.isdecimal() and len(text) < len("100000")
    if not is_number or not 1 <= int(text) <= LARGEST_PAGE:
        raise Invalid({"page": f"page must be a whole number from 1 to {LARGEST_PAGE:,}."})
    return int(text)


HANDLERS: Final = (
    list_conversations,
    get_conversation,
    create_conversation,
    delete_conversation,
)
