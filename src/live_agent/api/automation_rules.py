"""Automation rules over REST."""

from litestar import Response, delete, get, patch, post

from live_agent.api.answers import nothing
from live_agent.api.asked import Id, Sent, TheMember, TheServices
from live_agent.api.body import fields_of
from live_agent.api.document import described
from live_agent.api.shapes import Shape, automation_rule_shape
from live_agent.gate import ADMINISTRATOR
from live_agent.settings import automation_rules


@get("/automation_rules", opt=ADMINISTRATOR, sync_to_thread=True)
def list_automation_rules(services: TheServices, member: TheMember) -> dict[str, list[Shape]]:
    with services.database.reading() as db:
        rules = automation_rules.listed(db, member.account_id)
        return {"payload": [automation_rule_shape(rule) for rule in rules]}


@get("/automation_rules/{rule_id:int}", opt=ADMINISTRATOR, sync_to_thread=True)
def get_automation_rule(services: TheServices, member: TheMember, rule_id: Id) -> dict[str, Shape]:
    with services.database.reading() as db:
        rule = automation_rules.get(db, member.account_id, rule_id)
        return {"payload": automation_rule_shape(rule)}


@post(
    "/automation_rules",
    status_code=200,
    opt=ADMINISTRATOR,
    operation_class=described(automation_rules.FIELDS),
    sync_to_thread=True,
)
def create_automation_rule(services: TheServices, member: TheMember, sent: Sent) -> Shape:
    with services.database.transaction(member.account_id) as db:
        values = fields_of(sent, "automation_rule")
        return automation_rule_shape(automation_rules.create(db, member.account_id, values))


@patch(
    "/automation_rules/{rule_id:int}",
    opt=ADMINISTRATOR,
    operation_class=described(automation_rules.FIELDS, partial=True),
    sync_to_thread=True,
)
def update_automation_rule(
    services: TheServices, member: TheMember, rule_id: Id, sent: Sent
) -> dict[str, Shape]:
    with services.database.transaction(member.account_id) as db:
        rule = automation_rules.get(db, member.account_id, rule_id)
        automation_rules.update(db, rule, fields_of(sent, "automation_rule"))
        return {"payload": automation_rule_shape(rule)}


@delete("/automation_rules/{rule_id:int}", status_code=200, opt=ADMINISTRATOR, sync_to_thread=True)
def delete_automation_rule(services: TheServices, member: TheMember, rule_id: Id) -> Response[None]:
    with services.database.transaction(member.account_id) as db:
        automation_rules.delete(db, automation_rules.get(db, member.account_id, rule_id))
    return nothing()


@post(
    "/automation_rules/{rule_id:int}/clone",
    status_code=200,
    opt=ADMINISTRATOR,
    sync_to_thread=True,
)
def clone_automation_rule(
    services: TheServices, member: TheMember, rule_id: Id
) -> dict[str, Shape]:
    with services.database.transaction(member.account_id) as db:
        rule = automation_rules.get(db, member.account_id, rule_id)
        return {"payload": automation_rule_shape(automation_rules.clone(db, rule))}
