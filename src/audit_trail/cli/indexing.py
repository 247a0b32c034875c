"""Brings the search index of a trail up to date, or makes it anew."""

from collections.abc import Sequence
from contextlib import closing

from audit_trail.cli.store import open_store
from audit_trail.errors import StoreFailed
from audit_trail.trail import Trail


def index_store(store_url: str, accounts: Sequence[str], *, rebuild: bool) -> str:
    """Do it for these accounts, or for all, and say what was done. Raises `StoreFailed`."""
    with closing(open_store(store_url, writes=True)) as store:
        trail = Trail(store)
        known = store.accounts()
        if unknown := set(accounts) - set(known):
            raise StoreFailed(f"There are no entries of account {min(unknown)}.")
        if rebuild:
            for account in accounts or known:
                trail.rebuild_index(account)
        made = trail.index()
    if made is None:
        return (
            "A server makes the search index, anew where that was asked."
            if rebuild
            else "A server keeps the search index up to date."
        )
    return f"The search index is up to date; {made:,} segments were made."
