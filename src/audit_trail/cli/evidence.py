"""What `audit-trail evidence` does: it writes a file from a trail that others may be appending to."""

from contextlib import closing
from pathlib import Path

from audit_trail.cli.file import new_file
from audit_trail.cli.store import open_store
from audit_trail.errors import EvidenceRefused
from audit_trail.evidence import Wanted, evidence
from audit_trail.seal.note import parse, signers
from audit_trail.trail import Trail


def write_evidence(
    store_url: str, account: str, first: int, last: int | None, checkpoint: Path | None, out: Path
) -> str:
    """Write the file, and say what it is. Raises `EvidenceRefused`, `EntryNotFound`, `StoreFailed`."""
    earlier = read_checkpoint(checkpoint) if checkpoint else None
    wanted = Wanted(account=account, first=first, last=last, earlier=earlier)
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
