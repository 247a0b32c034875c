"""Inboxes over REST, with the bot that serves each."""

from typing import Any, Final

from litestar import Response, delete, get, patch, post

from live_agent.api.answers import nothing
from live_agent.api.asked import Id, Sent, TheMember, TheServices
from live_agent.api.body import inbox_fields
from live_agent.api.document import described
from live_agent.api.shapes import agent_bot_shape, inbox_shape
from live_agent.gate import ADMINISTRATOR, MEMBER
from live_agent.settings import agent_bots, inboxes
from live_agent.settings.fields import Field, checked, integer, optional
from live_agent.settings.lookup import require

BOT: Final = {
    "agent_bot": Field(label="Agent bot", check=optional(integer), required=True, form="number")
}


@get("/inboxes", opt=MEMBER, sync_to_thread=True)
def list_inboxes(services: TheServices, member: TheMember) -> dict[str, Any]:
    with services.database.reading() as db:
        return {"payload": [inbox_shape(each) for each in inboxes.listed(db, member.account_id)]}


@get("/inboxes/{inbox_id:int}", opt=MEMBER, sync_to_thread=True)
def get_inbox(services: TheServices, member: TheMember, inbox_id: Id) -> dict[str, Any]:
    with services.database.reading() as db:
        return inbox_shape(inboxes.get(db, member.account_id, inbox_id))


@post(
    "/inboxes",
    status_code=200,
    opt=ADMINISTRATOR,
    operation_class=described(inboxes.FIELDS),
    sync_to_thread=True,
)
def create_inbox(services: TheServices, member: TheMember, sent: Sent) -> dict[str, Any]:
    with services.database.transaction(member.account_id) as db:
        inbox = inboxes.create(db, member.account_id, inbox_fields(sent))
    # The secret is shown to whoever creates the inbox, and to nobody later.
    return {**inbox_shape(inbox), "hmac_token": inbox.hmac_token}


@patch(
    "/inboxes/{inbox_id:int}",
    opt=ADMINISTRATOR,
    operation_class=described(inboxes.FIELDS, partial=True),
    sync_to_thread=True,
)
def update_inbox(
    services: TheServices, member: TheMember, inbox_id: Id, sent: Sent
) -> dict[str, Any]:
    with services.database.transaction(member.account_id) as db:
        inbox = inboxes.get(db, member.account_id, inbox_id)
        return inbox_shape(inboxes.update(db, inbox, inbox_fields(sent)))


@delete("/inboxes/{inbox_id:int}", status_code=200, opt=ADMINISTRATOR, sync_to_thread=True)
def delete_inbox(services: TheServices, member: TheMember, inbox_id: Id) -> Response[None]:
    with services.database.transaction(member.account_id) as db:
        inboxes.delete(db, inboxes.get(db, member.account_id, inbox_id))
    return nothing()


@get("/inboxes/{inbox_id:int}/agent_bot", opt=ADMINISTRATOR, sync_to_thread=True)
def get_agent_bot_of_inbox(
    services: TheServices, member: TheMember, inbox_id: Id
) -> dict[str, Any]:
    with services.database.reading() as db:
        inbox = inboxes.get(db, member.account_id, inbox_id)
        bots = agent_bots.listed(db, member.account_id, inbox.id)
        return {"agent_bot": agent_bot_shape(bots[0]) if bots else {}}


@post(
    "/inboxes/{inbox_id:int}/set_agent_bot",
    status_code=200,
    opt=ADMINISTRATOR,
    operation_class=described(BOT),
    sync_to_thread=True,
)
def set_agent_bot(
    services: TheServices, member: TheMember, inbox_id: Id, sent: Sent
) -> Response[None]:
    accepted, errors = checked(BOT, sent)
    require(errors)
    bot_id = accepted["agent_bot"]
    with services.database.transaction(member.account_id) as db:
        inbox = inboxes.get(db, member.account_id, inbox_id)
        bot = None if bot_id is None else agent_bots.get(db, member.account_id, bot_id)
        agent_bots.give(db, inbox, bot)
    return nothing()
