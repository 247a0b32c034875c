"""What an export of a whole account takes, and whether its memory stays flat."""

import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Final, NamedTuple

from audit_trail.export.exporting import Export
from audit_trail.export.wanted import Form, Wanted
from audit_trail.record.catalog import Catalog
from audit_trail.record.entry import ActorId, Draft, Entity
from audit_trail.record.query import Query
from audit_trail.store.sqlite import SqliteStore
from audit_trail.trail import Trail
from bench.engines import Place
from bench.sealing import BATCH, WHAT, WHO

FEW: Final = 10_000
"""After so many entries memory is looked at first."""


class Exported(NamedTuple):
    """Entries written in so many seconds, into so many bytes; by how much memory grew meanwhile."""

    entries: int
    seconds: float
    bytes: int
    grown_bytes: int

    @property
    def per_second(self) -> float:
        return self.entries / self.seconds


def exports_of_an_account(where: Place, entries: int, forms: list[Form]) -> dict[Form, Exported]:
    """Fill a trail, and write all of it in each form, each in a process of its own."""
    path = where.new_file()
    store = SqliteStore(path)
    trail = Trail(store)
    for start in range(0, entries, BATCH):
        trail.append([_draft(number) for number in range(start, min(start + BATCH, entries))])
    store.close()
    return {form: _exported(path, form, entries) for form in forms}


def _exported(path: Path, form: Form, entries: int) -> Exported:
    run = subprocess.run(
        [sys.executable, "-m", "bench.exporting", path, form],
        check=True,
        capture_output=True,
        text=True,
    )
    seconds, written, grown = run.stdout.split()
    return Exported(entries, float(seconds), int(written), int(grown))


def _draft(number: int) -> Draft:
    """An entry with both sealed parts, of which no two are alike."""
    end = b',"x":"%016x"}' % number
    return Draft(
        id=f"01900000-0000-7000-8000-{number:012x}",
        account="1",
        occurred_at=1_790_000_000_000_000 + number,
        action="update",
        entity=Entity(type="inbox", id=str(number % 500)),
        actor=ActorId(kind="user", id="7"),
        via="ui",
        request=f"{number:032x}",
        fields=("name",),
        who=WHO[:-1] + end,
        what=WHAT[:-1] + end,
    )


def _export(path: Path, form: Form) -> None:
    """Write all of a trail to a file, and print seconds, bytes, and by how many memory grew."""
    trail = Trail(SqliteStore(path))
    few = Wanted(query=Query(account="1", stop=FEW), form=form)
    for _ in Export(trail, few, Catalog()).pieces():
        pass
    before, written = _peak_bytes(), 0
    started = time.perf_counter()
    with path.with_suffix(f".{form}").open("wb") as file:
        for piece in Export(trail, Wanted(query=Query(account="1"), form=form), Catalog()).pieces():
            written += file.write(piece)
    print(time.perf_counter() - started, written, _peak_bytes() - before)


def _peak_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


if __name__ == "__main__":
    _export(Path(sys.argv[1]), sys.argv[2])  # type: ignore[arg-type]  # only we call it
