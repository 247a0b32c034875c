"""The account's trail for programs, beside the contract's audit logs: entries, and what was."""

from typing import Any

from litestar import Request, Router

from audit_trail.server.entries_router import entries_router
from audit_trail.server.states_router import states_router
from audit_trail.server.viewer import Reader
from live_agent.api.asked import TheMember, TheServices
from live_agent.catalog import CATALOG
from live_agent.gate import AUDIT_LOGS, admission, opens
from live_agent.schema import Account
from live_agent.services import Services
from live_agent.watching import IDENTITIES, ROLES


def entries(services: Services) -> list[Router]:
    """Return their routers. Their access rule lets administrators in, and records who isn't."""
    routers = [
        entries_router(
            services.trail,
            path="/audit_logs/entries",
            reader=_reader,
            fresh=services.fresh,
            catalog=CATALOG,
            tails=services.tails,
            clock=services.clock,
        ),
        states_router(
            services.trail,
            path="/audit_logs",
            reader=_reader,
            fresh=services.fresh,
            identities=IDENTITIES,
            roles=ROLES,
            clock=services.clock,
        ),
    ]
    for router in routers:
        router.opt.update(AUDIT_LOGS)
    return routers


def _reader(services: TheServices, member: TheMember, request: Request[Any, Any, Any]) -> Reader:
    with services.database.reading() as db:
        zone = db.get_one(Account, member.account_id).timezone
    return Reader(
        account=str(member.account_id),
        zone=zone,
        person=member.user_id,
        opens=opens(services, member),
        is_admitted=admission(services, request.scope),
    )
