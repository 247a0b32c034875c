"""Agent Copilot Bots over REST."""

from litestar import Response, delete, get, patch, post

from live_agent.api.answers import nothing
from live_agent.api.asked import Id, Sent, TheMember, TheServices
from live_agent.api.body import fields_of
from live_agent.api.document import described
from live_agent.api.shapes import Shape, agent_bot_shape
from live_agent.gate import ADMINISTRATOR
from live_agent.settings import agent_bots


@get("/agent_bots", opt=ADMINISTRATOR, sync_to_thread=True)
def list_agent_bots(services: TheServices, member: TheMember) -> list[Shape]:
    with services.database.reading() as db:
        return [agent_bot_shape(bot) for bot in agent_bots.listed(db, member.account_id)]


@get("/agent_bots/{bot_id:int}", opt=ADMINISTRATOR, sync_to_thread=True)
def get_agent_bot(services: TheServices, member: TheMember, bot_id: Id) -> Shape:
    with services.database.reading() as db:
        return agent_bot_shape(agent_bots.get(db, member.account_id, bot_id))


@post(
    "/agent_bots",
    status_code=200,
    opt=ADMINISTRATOR,
    operation_class=described(agent_bots.FIELDS),
    sync_to_thread=True,
)
def create_agent_bot(services: TheServices, member: TheMember, sent: Sent) -> Shape:
    with services.database.transaction(member.account_id) as db:
        bot = agent_bots.create(db, member.account_id, fields_of(sent, "agent_bot"))
        return agent_bot_shape(bot)


@patch(
    "/agent_bots/{bot_id:int}",
    opt=ADMINISTRATOR,
    operation_class=described(agent_bots.FIELDS, partial=True),
    sync_to_thread=True,
)
def update_agent_bot(services: TheServices, member: TheMember, bot_id: Id, sent: Sent) -> Shape:
    with services.database.transaction(member.account_id) as db:
        bot = agent_bots.get(db, member.account_id, bot_id)
        return agent_bot_shape(agent_bots.update(db, bot, fields_of(sent, "agent_bot")))


@delete("/agent_bots/{bot_id:int}", status_code=200, opt=ADMINISTRATOR, sync_to_thread=True)
def delete_agent_bot(services: TheServices, member: TheMember, bot_id: Id) -> Response[None]:
    with services.database.transaction(member.account_id) as db:
        agent_bots.delete(db, agent_bots.get(db, member.account_id, bot_id))
    return nothing()
