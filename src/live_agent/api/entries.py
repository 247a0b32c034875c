"""The entries of the account's trail for programs, beside the contract's audit logs."""

from litestar import Router

from audit_trail.server.entries import entries_router
from audit_trail.server.viewer import Reader
from live_agent.api.asked import TheMember, TheServices
from live_agent.catalog import CATALOG
from live_agent.gate import AUDIT_LOGS
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
        cursor_key=services.cursor_key,
        clock=services.clock,
    )
    router.opt.update(AUDIT_LOGS)
    return router


def _reader(services: TheServices, member: TheMember) -> Reader:
    with services.database.reading() as db:
        zone = db.get_one(Account, member.account_id).timezone
    return Reader(account=str(member.account_id), zone=zone)
