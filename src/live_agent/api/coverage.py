"""What of the account is recorded, since when, and in which times it was not for certain."""

from typing import Any

from litestar import get

from audit_trail.capture.watch import Table
from audit_trail.record.captured import Gap
from audit_trail.server.band import gaps_in
from live_agent.api.asked import TheMember, TheServices
from live_agent.api.audit_items import ACTIONS
from live_agent.catalog import class_name
from live_agent.gate import AUDIT_LOGS
from live_agent.watching import WATCH

_SECOND_US = 1_000_000


@get("/audit_logs/coverage", opt=AUDIT_LOGS, sync_to_thread=True)
def get_audit_logs_coverage(services: TheServices, member: TheMember) -> dict[str, Any]:
    services.fresh()
    account = str(member.account_id)
    gaps = gaps_in(services.trail, account)
    earliest_us = services.trail.earliest(account)
    return {
        "since": None if earliest_us is None else earliest_us // _SECOND_US,
        "complete": all(gap.right_us is not None for gap in gaps),
        "watched": [_watched(table) for table in WATCH.tables if table.account is not None],
        "gaps": [_gap(gap) for gap in gaps],
    }


def _watched(table: Table) -> dict[str, Any]:
    return {
        "auditable_type": class_name(table.entity),
        "actions": [ACTIONS.get(each, each) for each in sorted(table.operations)],
        "secrets": sorted(table.secrets),
        "not_recorded": sorted(table.unwatched),
    }


def _gap(gap: Gap) -> dict[str, Any]:
    """Write a gap no shorter than it was: it began after `good_at` and ended before `right_at`."""
    return {
        "auditable_type": class_name(gap.entity) if gap.entity else None,
        "partial": gap.is_partial,
        "good_at": None if gap.good_us is None else gap.good_us // _SECOND_US,
        "found_at": -(-gap.found_us // _SECOND_US),
        "right_at": None if gap.right_us is None else -(-gap.right_us // _SECOND_US),
        "wrong": gap.wrong,
    }
