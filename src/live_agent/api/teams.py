"""Teams over REST, with their members."""

from litestar import Response, delete, get, patch, post

from live_agent.api.answers import nothing
from live_agent.api.asked import Id, Sent, TheMember, TheServices
from live_agent.api.body import fields_of
from live_agent.api.document import described
from live_agent.api.shapes import Shape, agents_shape, team_shape
from live_agent.gate import ADMINISTRATOR, MEMBER
from live_agent.settings import membership, team_members, teams


@get("/teams", opt=MEMBER, sync_to_thread=True)
def list_teams(services: TheServices, member: TheMember) -> list[Shape]:
    with services.database.reading() as db:
        mine = team_members.teams_of(db, member.account_id, member.user_id)
        return [
            team_shape(team, is_member=team.id in mine)
            for team in teams.listed(db, member.account_id)
        ]


@get("/teams/{team_id:int}", opt=MEMBER, sync_to_thread=True)
def get_team(services: TheServices, member: TheMember, team_id: Id) -> Shape:
    with services.database.reading() as db:
        team = teams.get(db, member.account_id, team_id)
        mine = team_members.teams_of(db, member.account_id, member.user_id)
        return team_shape(team, is_member=team.id in mine)


@post(
    "/teams",
    status_code=200,
    opt=ADMINISTRATOR,
    operation_class=described(teams.FIELDS),
    sync_to_thread=True,
)
def create_team(services: TheServices, member: TheMember, sent: Sent) -> Shape:
    with services.database.transaction(member.account_id) as db:
        team = teams.create(db, member.account_id, fields_of(sent, "team"))
        return team_shape(team, is_member=False)


@patch(
    "/teams/{team_id:int}",
    opt=ADMINISTRATOR,
    operation_class=described(teams.FIELDS, partial=True),
    sync_to_thread=True,
)
def update_team(services: TheServices, member: TheMember, team_id: Id, sent: Sent) -> Shape:
    with services.database.transaction(member.account_id) as db:
        team = teams.get(db, member.account_id, team_id)
        mine = team_members.teams_of(db, member.account_id, member.user_id)
        teams.update(db, team, fields_of(sent, "team"))
        return team_shape(team, is_member=team.id in mine)


@delete("/teams/{team_id:int}", status_code=200, opt=ADMINISTRATOR, sync_to_thread=True)
def delete_team(services: TheServices, member: TheMember, team_id: Id) -> Response[None]:
    with services.database.transaction(member.account_id) as db:
        teams.delete(db, teams.get(db, member.account_id, team_id))
    return nothing()


@get("/teams/{team_id:int}/team_members", opt=MEMBER, sync_to_thread=True)
def list_team_members(services: TheServices, member: TheMember, team_id: Id) -> list[Shape]:
    with services.database.reading() as db:
        return agents_shape(team_members.listed(db, member.account_id, team_id))


@post(
    "/teams/{team_id:int}/team_members",
    status_code=200,
    opt=ADMINISTRATOR,
    operation_class=described(membership.FIELDS),
    sync_to_thread=True,
)
def add_team_members(
    services: TheServices, member: TheMember, team_id: Id, sent: Sent
) -> list[Shape]:
    with services.database.transaction(member.account_id) as db:
        user_ids = sent.get("user_ids")
        return agents_shape(team_members.add(db, member.account_id, team_id, user_ids))


@patch(
    "/teams/{team_id:int}/team_members",
    opt=ADMINISTRATOR,
    operation_class=described(membership.FIELDS),
    sync_to_thread=True,
)
def replace_team_members(
    services: TheServices, member: TheMember, team_id: Id, sent: Sent
) -> list[Shape]:
    with services.database.transaction(member.account_id) as db:
        user_ids = sent.get("user_ids")
        return agents_shape(team_members.replace(db, member.account_id, team_id, user_ids))


@delete(
    "/teams/{team_id:int}/team_members",
    status_code=200,
    opt=ADMINISTRATOR,
    operation_class=described(membership.FIELDS),
    sync_to_thread=True,
)
def remove_team_members(
    services: TheServices, member: TheMember, team_id: Id, sent: Sent
) -> Response[None]:
    with services.database.transaction(member.account_id) as db:
        team_members.remove(db, member.account_id, team_id, sent.get("user_ids"))
    return nothing()
