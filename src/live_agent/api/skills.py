"""The agents who have a skill, over REST."""

from typing import Any, Final

from litestar import delete, get, patch, post

from live_agent.api.asked import Id, Sent, TheMember, TheServices
from live_agent.api.document import described
from live_agent.api.shapes import Shape, agents_shape
from live_agent.gate import MEMBER, SUPERVISOR
from live_agent.settings import membership
from live_agent.settings.skills import SKILLS

PATH: Final = "/skills/{skill_id:int}/agents"


@get(PATH, opt=MEMBER, sync_to_thread=True)
def list_skilled(services: TheServices, member: TheMember, skill_id: Id) -> list[Shape]:
    with services.database.reading() as db:
        skill = SKILLS.get(db, member.account_id, skill_id)
        return agents_shape(membership.agents_of(db, skill))


@post(
    PATH,
    status_code=200,
    opt=SUPERVISOR,
    operation_class=described(membership.FIELDS),
    sync_to_thread=True,
)
def add_skilled(services: TheServices, member: TheMember, skill_id: Id, sent: Sent) -> list[Shape]:
    return _changed(services, member, skill_id, sent, membership.add)


@patch(
    PATH,
    opt=SUPERVISOR,
    operation_class=described(membership.FIELDS),
    sync_to_thread=True,
)
def replace_skilled(
    services: TheServices, member: TheMember, skill_id: Id, sent: Sent
) -> list[Shape]:
    return _changed(services, member, skill_id, sent, membership.replace)


@delete(
    PATH,
    status_code=200,
    opt=SUPERVISOR,
    operation_class=described(membership.FIELDS),
    sync_to_thread=True,
)
def remove_skilled(
    services: TheServices, member: TheMember, skill_id: Id, sent: Sent
) -> list[Shape]:
    return _changed(services, member, skill_id, sent, membership.remove)


def _changed(
    services: TheServices, member: TheMember, skill_id: int, sent: Sent, change: Any
) -> list[Shape]:
    with services.database.transaction(member.account_id) as db:
        skill = SKILLS.get(db, member.account_id, skill_id)
        return agents_shape(change(db, skill, sent.get("user_ids")))


HANDLERS: Final = (list_skilled, add_skilled, replace_skilled, remove_skilled)
