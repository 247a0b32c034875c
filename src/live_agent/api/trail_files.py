"""Checkpoint, tiles, bundles, keys and proofs of the account's trail, beside its audit logs."""

from litestar import Router

from audit_trail.server.trail_files import trail_files_router
from live_agent.api.asked import TheMember
from live_agent.gate import TRAIL_FILES
from live_agent.services import Services


def trail_files(services: Services) -> Router:
    """Return their router; its access rule also lets in tokens made for them alone."""
    router = trail_files_router(
        services.trail, path="/audit_logs", account=_account_of, fresh=services.fresh
    )
    router.opt.update(TRAIL_FILES)
    return router


def _account_of(member: TheMember) -> str:
    return str(member.account_id)
