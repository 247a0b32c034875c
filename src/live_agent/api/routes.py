"""Every route of the contract, and what their handlers may ask for."""

from typing import Final

from litestar import Router

from live_agent.api import (
    account,
    agent_bots,
    agents,
    audit_logs,
    automation_rules,
    conversations,
    coverage,
    entries,
    exports,
    inbox_members,
    inboxes,
    macros,
    resources,
    restorations,
    saved_views,
    sign_in,
    skills,
    teams,
    trail_files,
    webhooks,
)
from live_agent.api.asked import provided
from live_agent.services import Services

ACCOUNT_PATH: Final = "/api/v1/accounts/{account_id:int}"

SETTINGS: Final = (
    account.get_account,
    account.update_account,
    agents.list_agents,
    agents.get_agent,
    agents.create_agent,
    agents.update_agent,
    agents.delete_agent,
    inboxes.list_inboxes,
    inboxes.get_inbox,
    inboxes.create_inbox,
    inboxes.delete_inbox,
    inboxes.get_agent_bot_of_inbox,
    inboxes.update_inbox,
    inboxes.set_agent_bot,
    inbox_members.list_inbox_members,
    inbox_members.add_inbox_members,
    inbox_members.replace_inbox_members,
    inbox_members.remove_inbox_members,
    agent_bots.list_agent_bots,
    agent_bots.get_agent_bot,
    agent_bots.create_agent_bot,
    agent_bots.delete_agent_bot,
    agent_bots.update_agent_bot,
    automation_rules.list_automation_rules,
    automation_rules.get_automation_rule,
    automation_rules.create_automation_rule,
    automation_rules.delete_automation_rule,
    automation_rules.clone_automation_rule,
    automation_rules.update_automation_rule,
    teams.list_teams,
    teams.get_team,
    teams.create_team,
    teams.update_team,
    teams.delete_team,
    teams.list_team_members,
    teams.add_team_members,
    teams.replace_team_members,
    teams.remove_team_members,
    webhooks.list_webhooks,
    webhooks.create_webhook,
    webhooks.delete_webhook,
    webhooks.update_webhook,
    *(each for rest in resources.RESOURCES for each in rest.handlers()),
    *skills.HANDLERS,
    *conversations.HANDLERS,
    *macros.HANDLERS,
)
"""The routes of an account's settings."""


def api_routes(services: Services) -> list[Router]:
    """Return the routers of the API; their paths are the contract's."""
    of_account = Router(
        ACCOUNT_PATH,
        route_handlers=[
            *SETTINGS,
            saved_views.list_saved_views,
            saved_views.create_saved_view,
            saved_views.update_saved_view,
            saved_views.delete_saved_view,
            *(*exports.HANDLERS, *restorations.HANDLERS),
            audit_logs.get_audit_log,
            audit_logs.get_audit_logs_evidence,
            coverage.get_audit_logs_coverage,
            audit_logs.list_audit_logs,
            *entries.entries(services),
            trail_files.trail_files(services),
        ],
        dependencies=provided(),
    )
    of_people = Router(
        "/",
        route_handlers=[
            sign_in.post_sign_in,
            sign_in.delete_session,
            sign_in.get_profile,
            sign_in.change_profile,
        ],
        dependencies=provided(),
    )
    return [of_account, of_people]
