"""What `audit-trail evidence` does: it writes a file from a trail that others may be appending to."""

from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from audit_trail.cli.file import new_file
from audit_trail.cli.store import open_store
from audit_trail.errors import EvidenceRefused, QueryRefused
from audit_trail.evidence import PARTS, Wanted, evidence
from audit_trail.record.query import Condition
from audit_trail.record.question import understand
from audit_trail.seal.note import parse, signers
from audit_trail.trail import Trail, utc_now_us
from audit_trail.verify.manifest import Asked

SECOND_US: Final = 1_000_000


def asked(
    types: Sequence[str], since: datetime | None, until: datetime | None, person: str | None
) -> Asked:
    """Return what was asked of a range; times are UTC, and the second of the last one counts whole."""
    return Asked(
        types=tuple(types),
        since_us=_us(since) if since else None,
        until_us=_us(until) + SECOND_US - 1 if until else None,
        person=person,
    )


def condition_of(question: str, zone: str) -> Condition | None:
    """Return what a question asks for, its days those of the zone. Raises `QueryRefused`."""
    try:
        info = ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        raise QueryRefused(
            f"There is no time zone {zone}; it may be Europe/Berlin or UTC."
        ) from None
    return understand(question, zone=info, now_us=utc_now_us()).where


def disclosed(without: Sequence[str]) -> Sequence[str]:
    """Return which sealed parts are disclosed. Raises `EvidenceRefused` for others than there are."""
    if unknown := set(without) - set(PARTS):
        raise EvidenceRefused(f"There is no part {min(unknown)}; it may be {' or '.join(PARTS)}.")
    return [part for part in PARTS if part not in without]


def _us(at: datetime) -> int:
    return int(at.replace(tzinfo=UTC).timestamp()) * SECOND_US


def write_evidence(store_url: str, wanted: Wanted, out: Path) -> str:
    """Write the file, and say what it is. Raises `EvidenceRefused`, `EntryNotFound`, `StoreFailed`."""
    account = wanted.account
    with closing(open_store(store_url)) as store, new_file(out, EvidenceRefused) as file:
        trail = Trail(store)
        for piece in evidence(trail, wanted):
            file.write(piece)
        signed = parse(trail.checkpoint(account) or b"")
        key = signers(signed, trail.verifier_keys(account))[0].text
    return (
        f"{out} is written. Whoever gets it needs the trail's key from you on another way, and verifies "
        f"it by:\naudit-trail verify {out} --key '{key}'"
    )


def read_checkpoint(path: Path) -> bytes:
    """Return a checkpoint's bytes. Raises `EvidenceRefused`."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise EvidenceRefused(f"{path} can't be read: {error.strerror}.") from error
