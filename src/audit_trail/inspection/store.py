"""Inspects the accounts of a store, one after the other."""

from collections.abc import Collection
from typing import Final

from audit_trail.inspection.account import Report, inspect_account, unreported
from audit_trail.inspection.given import Given
from audit_trail.inspection.verdict import StoreVerdict, judged_together
from audit_trail.store.port import Store

NOTHING_GIVEN: Final = Given()


def inspect(
    store: Store,
    given: Given = NOTHING_GIVEN,
    accounts: Collection[str] = (),
    report: Report = unreported,
) -> StoreVerdict:
    """Return the verdict on these accounts, or on all that the store or anything kept elsewhere names."""
    named = accounts or store.mentioned() | given.accounts()
    ordered = sorted(named, key=lambda account: (len(account), account))
    return judged_together([inspect_account(store, each, given, report) for each in ordered])
