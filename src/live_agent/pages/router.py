"""Composes the pages: their routes, templates and files, and errors as pages."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from jinja2 import FileSystemLoader
from litestar import Router
from litestar.di import Provide

from audit_trail.server.assets import STATIC, Assets, page_templates
from live_agent.catalog import called, called_within
from live_agent.gate import ADMINISTRATOR, AUDIT_LOGS, PUBLIC, form_sent
from live_agent.pages.access_tokens import access_tokens_router
from live_agent.pages.account import AccountSettings
from live_agent.pages.agents import Agents
from live_agent.pages.audit_logs import audit_logs
from live_agent.pages.automation_rules import AutomationRules, RuleStates
from live_agent.pages.bots import Bots
from live_agent.pages.configuration import Configuration
from live_agent.pages.desk import Desk
from live_agent.pages.exports import exports_router
from live_agent.pages.inboxes import Inboxes
from live_agent.pages.macros import Macros
from live_agent.pages.personal_data import personal_data
from live_agent.pages.profile import profile_router
from live_agent.pages.reading import Reading
from live_agent.pages.records import RECORDS
from live_agent.pages.refusals import Refusals
from live_agent.pages.restorations import restorations
from live_agent.pages.retention import retention
from live_agent.pages.saved_views import saved_views_router
from live_agent.pages.signing import signing_routes
from live_agent.pages.teams import Teams
from live_agent.services import Services

HERE: Final = Path(__file__).parent
LOCALE: Final = HERE / "locale"
STATIC_PATH: Final = "/static"
SETTINGS_PATH: Final = "/app/accounts/{account_id:int}/settings"


class Pages(NamedTuple):
    """The routers of the pages, and what draws an error as one."""

    routers: list[Router]
    refusals: Refusals


def pages(services: Services, locales: Sequence[Path] = (LOCALE,)) -> Pages:
    """Return every page of Live Agent; in `locales` lie the files of its languages."""
    assets = Assets(STATIC_PATH, [HERE / "static", STATIC])
    templates = page_templates(assets, FileSystemLoader(HERE / "templates"), locales=locales)
    templates.globals |= {"called": called}
    templates.filters["called_within"] = called_within
    desk = Desk(services.database, templates)
    static = assets.router()
    static.opt.update(PUBLIC)
    log = audit_logs(services, templates)
    log.opt.update(AUDIT_LOGS)
    reading = Reading(templates)
    settings = Router(
        SETTINGS_PATH,
        route_handlers=[
            Agents,
            Teams,
            Inboxes,
            Configuration,
            Bots,
            AutomationRules,
            RuleStates,
            AccountSettings,
            Macros,
            *(records.router(desk) for records in RECORDS),
            access_tokens_router(services, desk),
            log,
            retention(services, desk),
            personal_data(services, desk),
            saved_views_router(services, desk),
            exports_router(services, desk),
            profile_router(services, desk),
            restorations(services, desk),
        ],
        opt=ADMINISTRATOR,
        middleware=[reading],
        dependencies={
            "desk": Provide(lambda: desk, sync_to_thread=False),
            "sent": Provide(form_sent),
        },
        include_in_schema=False,
    )
    signing = Router(
        "/",
        route_handlers=signing_routes(services, templates),
        middleware=[reading],
        dependencies={"sent": Provide(form_sent)},
        include_in_schema=False,
    )
    return Pages([static, settings, signing], Refusals(services.database, templates))
