"""Agents over REST: the people of an account."""

from typing import Any

from litestar import Response, delete, get, patch, post

from live_agent.api.answers import nothing
from live_agent.api.asked import Id, Sent, TheMember, TheServices
from live_agent.api.body import fields_of
from live_agent.api.document import described
from live_agent.api.shapes import Shape, agent_shape, agents_shape
from live_agent.gate import ADMINISTRATOR, MEMBER
from live_agent.settings import agents


@get("/agents", opt=MEMBER, sync_to_thread=True)
def list_agents(services: TheServices, member: TheMember) -> list[Shape]:
    with services.database.reading() as db:
        return agents_shape(agents.listed(db, member.account_id))


@get("/agents/{agent_id:int}", opt=MEMBER, sync_to_thread=True)
def get_agent(services: TheServices, member: TheMember, agent_id: Id) -> Shape:
    with services.database.reading() as db:
        return agent_shape(agents.get(db, member.account_id, agent_id))


@post(
    "/agents",
    status_code=200,
    opt=ADMINISTRATOR,
    operation_class=described(agents.FIELDS),
    sync_to_thread=True,
)
def create_agent(services: TheServices, member: TheMember, sent: Sent) -> Shape:
    values = _values(sent)
    password_hash = agents.password_hash_of(values)
    with services.database.transaction() as db:
        agent = agents.create(db, member.account_id, values, password_hash=password_hash)
        return agent_shape(agent)


@patch(
    "/agents/{agent_id:int}",
    opt=ADMINISTRATOR,
    operation_class=described(agents.FIELDS, partial=True),
    sync_to_thread=True,
)
def update_agent(services: TheServices, member: TheMember, agent_id: Id, sent: Sent) -> Shape:
    values = _values(sent)
    password_hash = agents.password_hash_of(values)
    with services.database.transaction() as db:
        agent = agents.get(db, member.account_id, agent_id)
        return agent_shape(agents.update(db, agent, values, password_hash=password_hash))


@delete("/agents/{agent_id:int}", status_code=200, opt=ADMINISTRATOR, sync_to_thread=True)
def delete_agent(services: TheServices, member: TheMember, agent_id: Id) -> Response[None]:
    with services.database.transaction() as db:
        agents.remove(db, agents.get(db, member.account_id, agent_id))
    return nothing()


def _values(sent: Sent) -> dict[str, Any]:
    """Return the fields; the contract's answer calls the availability a status."""
    values = fields_of(sent, "agent")
    if "availability_status" in values:
        values.setdefault("availability", values["availability_status"])
    return values
