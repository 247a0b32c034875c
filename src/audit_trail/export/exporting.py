"""Takes an export of a trail: piece by piece, or into a file with its manifest and an entry."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from audit_trail.capture.context import Context
from audit_trail.errors import ExportCancelled, ExportRefused
from audit_trail.export import manifest as members
from audit_trail.export.cells import Cells, told_time
from audit_trail.export.file import whole_file
from audit_trail.export.lines import Lines
from audit_trail.export.manifest import Manifest, Range, Taken
from audit_trail.export.wanted import NAMES, Wanted
from audit_trail.own import own_draft
from audit_trail.record.catalog import Catalog
from audit_trail.record.entry import Entry
from audit_trail.trail import Trail, utc_now_us

ACTION: Final = "export"
PACKAGE: Final = "live-agent-audit-logs"


class Progress(NamedTuple):
    """How many entries are written, and how many were looked at, of how many."""

    written: int
    looked_at: int
    of: int


Report = Callable[[Progress], None]


def unreported(_progress: Progress) -> None:
    """Tell nobody."""


def never() -> bool:
    """Go on to the end."""
    return False


class Encoding(Protocol):
    """How entries become a file: each answers the next bytes of it."""

    def begin(self) -> bytes: ...

    def add(self, entries: Sequence[Entry]) -> bytes: ...

    def end(self) -> bytes: ...


class Export:
    """One export of the trail as it is now: what is appended from here on isn't in it.

    What is removed meanwhile may be in it or not.
    """

    def __init__(self, trail: Trail, wanted: Wanted, catalog: Catalog) -> None:
        query = wanted.query
        size = trail.head(query.account).size
        signed = trail.checkpoint(query.account)
        stop = size if query.stop is None else min(query.stop, size)
        self._trail = trail
        self._wanted = wanted
        self._query = msgspec.structs.replace(query, stop=stop)
        self._first = max(query.start or 0, 0)
        self._of = max(stop - self._first, 0)
        self._taken = Taken(size=size, checkpoint=signed.decode() if signed else None)
        self._encoding = _encoding(wanted, catalog)
        self._digest = sha256()
        self._bytes = 0
        self._count = 0

    def pieces(
        self, report: Report = unreported, is_cancelled: Callable[[], bool] = never
    ) -> Iterator[bytes]:
        """Yield the file, some entries at a time. Raises `ExportCancelled`."""
        yield from self._counted(self._encoding.begin())
        for batch in self._trail.batches(self._query):
            if is_cancelled():
                raise ExportCancelled
            if batch.entries:
                self._count += len(batch.entries)
                yield from self._counted(self._encoding.add(batch.entries))
            report(Progress(self._count, self._looked_at(batch.reached), self._of))
        yield from self._counted(self._encoding.end())
        if is_cancelled():
            raise ExportCancelled
        report(Progress(self._count, self._of, self._of))

    def manifest(self, name: str, taken_at_us: int) -> Manifest:
        """Return what the export is, once all pieces were taken; `name` is the file's."""
        wanted, query = self._wanted, self._query
        return Manifest(
            account=query.account,
            file=members.File(
                name=name, form=wanted.form, bytes=self._bytes, sha256=self._digest.hexdigest()
            ),
            query=members.Asked(
                question=wanted.question,
                understood=wanted.understood,
                condition=msgspec.to_builtins(query.where) if query.where else None,
                order="newest first" if query.newest_first else "oldest first",
                zone=wanted.zone,
                since=_told(wanted.since_us),
                until=_told(wanted.until_us),
            ),
            count=self._count,
            looked_at=Range(first=self._first, last=self._first + self._of - 1)
            if self._of
            else None,
            trail=self._taken,
            taken_at=told_time(taken_at_us, UTC),
            program=program(),
        )

    def _counted(self, piece: bytes) -> Iterator[bytes]:
        if piece:
            self._digest.update(piece)
            self._bytes += len(piece)
            yield piece

    def _looked_at(self, reached: int) -> int:
        newest = self._first + self._of - 1
        return newest - reached + 1 if self._query.newest_first else reached - self._first + 1


def export_to(
    trail: Trail,
    wanted: Wanted,
    path: Path,
    context: Context,
    *,
    catalog: Catalog,
    clock: Callable[[], int] = utc_now_us,
    report: Report = unreported,
    is_cancelled: Callable[[], bool] = never,
) -> Manifest:
    """Write the file and its manifest beside it, after an entry that says so; or nothing.

    The entry comes before the files have their names: without it nothing is handed out. Raises
    `ExportRefused`, `ExportCancelled`, and what the trail raises.
    """
    about = path.with_name(path.name + members.SUFFIX)
    for each in (path, about):
        if each.exists():
            raise ExportRefused(f"{each} is there already.")
    export = Export(trail, wanted, catalog)
    is_told = False
    try:
        with whole_file(path) as file:
            for piece in export.pieces(report, is_cancelled):
                file.write(piece)
            manifest = export.manifest(path.name, clock())
            # Written before the entry is, for here a full disk shows; named before the entries are.
            file.flush()
            with whole_file(about) as said:
                said.write(manifest.encoded)
                said.flush()
                note_export(trail, manifest, context, clock)
            is_told = True
    except BaseException:
        if is_told:
            about.unlink(missing_ok=True)
        raise
    return manifest


def note_export(
    trail: Trail, manifest: Manifest, context: Context, clock: Callable[[], int]
) -> None:
    """Append the entry that says what was exported, by whom."""
    query = manifest.query
    details: dict[str, Any] = {
        "exported": manifest.count,
        "format": NAMES[manifest.file.form],
        "search": query.question,
        "since": query.since,
        "until": query.until,
        "zone": query.zone,
        "sha256": manifest.file.sha256,
    }
    said = {name: value for name, value in details.items() if value not in (None, "")}
    trail.append([own_draft(context, manifest.account, ACTION, clock=clock, details=said)])


def note_download(
    trail: Trail, manifest: Manifest, context: Context, clock: Callable[[], int]
) -> None:
    """Append the entry that says who took an export that was kept for others, too."""
    said = {"downloaded": manifest.file.name, "sha256": manifest.file.sha256}
    trail.append([own_draft(context, manifest.account, ACTION, clock=clock, details=said)])


def program() -> str:
    """Return the name and version of what writes this."""
    try:
        return f"{PACKAGE} {version(PACKAGE)}"
    except PackageNotFoundError:  # It runs from a source tree that nobody installed.
        return PACKAGE


def _encoding(wanted: Wanted, catalog: Catalog) -> Encoding:
    match wanted.form:
        case "jsonl":
            return Lines()
        case "csv":
            return Cells(catalog, wanted.zone)
        case "parquet":
            # Loading it takes longer than most exports.
            from audit_trail.export.parquet import Columns

            return Columns(catalog)


def _told(at_us: int | None) -> str | None:
    return None if at_us is None else told_time(at_us, UTC)
