"""The one evidence file that every release must verify: a trail of 12 entries, told by hand.

`python -m tests.golden.evidences FOLDER` writes it with its key; the files beside this were made so, once.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from audit_trail.verify.manifest import Asked
from tests.verify.trails import START_US, HandMade, Told, removal

PREDATED = {"occurred_at": START_US - 86_400_000_000}


def golden(folder: Path) -> tuple[bytes, str]:
    """The file, of entries 2 to 9, and the verifier key."""
    trail = HandMade(folder).grow(4)
    earlier = trail.checkpoint
    trail.append(Told(what=b"\xff"), Told(PREDATED))
    trail.append(removal("erase", who=[(1, 3)]), Told(what=None))
    trail.grow(2).append(removal("drop", entry=[(0, 0), (8, 8)])).grow(1)
    trail.trail.remove("1")
    query = Asked(types=("inbox", "audit_log"), since_us=START_US)
    file = trail.file(first=2, last=9, earlier=earlier, query=query, time_zone="Europe/Berlin")
    return file, trail.keys[0].text


def write(folder: Path) -> None:
    """Write both files."""
    with TemporaryDirectory() as scratch:
        file, key = golden(Path(scratch))
    (folder / "evidence-1.zip").write_bytes(file)
    (folder / "evidence-1.key").write_text(f"{key}\n")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
