"""What `audit-trail evidence` does: it writes a file from a trail that others may be appending to."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import BinaryIO

from audit_trail.cli.store import open_store
from audit_trail.errors import EvidenceRefused
from audit_trail.evidence import Wanted, evidence
from audit_trail.trail import Trail


def write_evidence(
    store_url: str, account: str, first: int, last: int | None, checkpoint: Path | None, out: Path
) -> str:
    """Write the file, and say what it is. Raises `EvidenceRefused`, `EntryNotFound`, `StoreFailed`."""
    earlier = read_checkpoint(checkpoint) if checkpoint else None
    wanted = Wanted(account=account, first=first, last=last, earlier=earlier)
    with closing(open_store(store_url)) as store, _new(out) as file:
        trail = Trail(store)
        for piece in evidence(trail, wanted):
            file.write(piece)
        key = trail.verifier_keys(account)[-1].text
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


@contextmanager
def _new(path: Path) -> Iterator[BinaryIO]:
    """Open a file that takes its name only when it is whole, and that its owner alone may read."""
    unfinished = path.with_name(f"{path.name}.part")
    try:
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise EvidenceRefused(f"{unfinished} can't be written: {error.strerror}.") from error
    try:
        with open(descriptor, "wb") as file:
            yield file
        os.link(unfinished, path)
    except FileExistsError:
        raise EvidenceRefused(f"{path} is there already.") from None
    except OSError as error:
        raise EvidenceRefused(f"{path} can't be written: {error.strerror}.") from error
    finally:
        unfinished.unlink(missing_ok=True)
