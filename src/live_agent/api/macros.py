"""Macros over REST: the member's own and those for all."""

from typing import Final

from litestar import Response, delete, get, post, put

from live_agent.api.answers import nothing
from live_agent.api.asked import Id, Sent, TheMember, TheServices
from live_agent.api.body import fields_of
from live_agent.api.document import described
from live_agent.api.shapes import Shape, macro_shape
from live_agent.gate import MEMBER
from live_agent.settings import macros


@get("/macros", opt=MEMBER, sync_to_thread=True)
def list_macros(services: TheServices, member: TheMember) -> dict[str, list[Shape]]:
    with services.database.reading() as db:
        return {"payload": [macro_shape(each) for each in macros.listed(db, member)]}


@get("/macros/{macro_id:int}", opt=MEMBER, sync_to_thread=True)
def get_macro(services: TheServices, member: TheMember, macro_id: Id) -> dict[str, Shape]:
    with services.database.reading() as db:
        return {"payload": macro_shape(macros.get(db, member, macro_id))}


@post(
    "/macros",
    status_code=200,
    opt=MEMBER,
    operation_class=described(macros.FIELDS),
    sync_to_thread=True,
)
def create_macro(services: TheServices, member: TheMember, sent: Sent) -> dict[str, Shape]:
    with services.database.transaction(member.account_id) as db:
        macro = macros.create(db, member, fields_of(sent, "macro"))
        db.refresh(macro)  # With whose it is.
        return {"payload": macro_shape(macro)}


@put(
    "/macros/{macro_id:int}",
    opt=MEMBER,
    operation_class=described(macros.FIELDS, partial=True),
    sync_to_thread=True,
)
def update_macro(
    services: TheServices, member: TheMember, macro_id: Id, sent: Sent
) -> dict[str, Shape]:
    with services.database.transaction(member.account_id) as db:
        macro = macros.get(db, member, macro_id)
        macros.update(db, member, macro, fields_of(sent, "macro"))
        return {"payload": macro_shape(macro)}


@delete("/macros/{macro_id:int}", status_code=200, opt=MEMBER, sync_to_thread=True)
def delete_macro(services: TheServices, member: TheMember, macro_id: Id) -> Response[None]:
    with services.database.transaction(member.account_id) as db:
        macros.delete(db, member, macros.get(db, member, macro_id))
    return nothing()


HANDLERS: Final = (list_macros, get_macro, create_macro, update_macro, delete_macro)
