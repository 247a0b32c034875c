"""What `audit-trail verify --store` does: it walks a store that others may be appending to."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from audit_trail.capture.url import is_postgresql, name_of, read_url
from audit_trail.cli.evidence import read_checkpoint
from audit_trail.cli.store import open_store
from audit_trail.cli.verifying import known_keys, print_told, reporting, told_finding
from audit_trail.errors import AuditError
from audit_trail.inspection.given import Earlier, Given, KeptHeads
from audit_trail.inspection.given import read_checkpoint as parse_checkpoint
from audit_trail.inspection.store import inspect
from audit_trail.inspection.verdict import AccountVerdict, StoreVerdict, unreadable_store
from audit_trail.signing import heads as files

HEADS: Final = "heads.log"
"""The file of signed heads, where it lies beside an SQLite trail."""


def verify_store(
    store_url: str,
    accounts: Sequence[str],
    keys: Sequence[str],
    key_files: Sequence[Path],
    checkpoints: Sequence[Path],
    heads: Path | None,
    *,
    is_quiet: bool,
) -> StoreVerdict:
    """Return the verdict on a store; what can't be read is a verdict too."""
    try:
        # What was signed is read before the store, which is never behind it.
        given = Given(
            keys=known_keys(keys, key_files),
            checkpoints=[_earlier(each) for each in checkpoints],
            heads=_heads(heads or _beside(store_url)),
        )
        with closing(open_store(store_url)) as store, reporting(is_shown=not is_quiet) as report:
            return inspect(store, given, accounts, lambda account, done, of: report(done, of))
    except AuditError as error:
        return unreadable_store(str(error))


def _earlier(path: Path) -> Earlier:
    return parse_checkpoint(read_checkpoint(path))


def _beside(store_url: str) -> Path | None:
    """Return the file of signed heads beside an SQLite trail, if there is one."""
    url = read_url(store_url)
    path = Path(name_of(url)).with_name(HEADS) if not is_postgresql(url) else None
    return path if path and path.is_file() else None


def _heads(path: Path | None) -> KeptHeads | None:
    return KeptHeads(*files.read(path)) if path else None


def print_store_verdict(verdict: StoreVerdict, *, as_json: bool) -> None:
    """Print the verdict on a store, in words or as JSON."""
    print_told(verdict, _told(verdict), as_json=as_json)


def _told(verdict: StoreVerdict) -> Iterator[str]:
    yield verdict.name.upper()
    yield from told_finding("Integrity", verdict.integrity)
    yield from told_finding("Completeness", verdict.completeness)
    for account in verdict.accounts:
        yield from _told_account(account)


def _told_account(verdict: AccountVerdict) -> Iterator[str]:
    extent = verdict.extent
    yield f"Account {verdict.account}: {verdict.name}, {extent.size} entries, {extent.signed} signed"
    yield from (f"  - {each.says}" for each in verdict.problems)
    if verdict.exit_code:
        for finding in (verdict.integrity, verdict.completeness):
            yield from (f"  {says}" for says in finding.says)
    yield from (f"  Remark: {each.says}" for each in verdict.remarks)
    if verdict.untold:
        yield f"  {verdict.untold} more of these aren't told."
