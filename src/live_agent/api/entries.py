"""The entries of the account's trail for programs, beside the contract's audit logs."""

from typing import Any

from litestar import Request, Router

from audit_trail.server.entries_router import entries_router
from audit_trail.server.viewer import Reader
from live_agent.api.asked import TheMember, TheServices
from live_agent.catalog import CATALOG
from live_agent.gate import AUDIT_LOGS, admission, opens
from live_agent.schema import Account
from live_agent.services import Services


def entries(services: Services) -> Router:
    """Return their router. Its access rule lets administrators in, and records who isn't."""
    router = entries_router(
        services.trail,
        path="/audit_logs/entries",
        reader=_reader,
        fresh=services.fresh,
        catalog=CATALOG,
        tails=services.tails,
        clock=services.clock,
    )
    router.opt.update(AUDIT_LOGS)
    return router


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
