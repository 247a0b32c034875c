"""Where an installation's exports lie, and which of them may still be handed out."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec

from audit_trail.export.manifest import SUFFIX, Manifest
from audit_trail.record.query import Is, Query
from audit_trail.record.removed import ERASED_PARTS, overlap, ranges_in
from audit_trail.trail import Trail
from live_agent.errors import NotFound
from live_agent.schema import Export


class Shelf:
    """The exports' files, a folder for each, in one folder of the data directory."""

    def __init__(self, folder: Path, trail: Trail) -> None:
        self.folder = folder
        self._trail = trail

    def place(self, export: Export) -> Path:
        """Return where the file lies once it is whole, as it is called where it is saved."""
        name = f"audit-logs-{export.account_id}-{export.id}.{export.format}"
        return self.folder / str(export.id) / name

    def make_room(self, export: Export) -> Path:
        """Return where the file is to lie; what was begun of it before is gone."""
        place = self.place(export)
        if not place.is_file():
            self.discard(export.id)
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            place.parent.mkdir(mode=0o700, exist_ok=True)
        return place

    def discard(self, export_id: int) -> None:
        """Let the export's files go, if there are any."""
        shutil.rmtree(self.folder / str(export_id), ignore_errors=True)

    def manifest(self, export: Export) -> Manifest | None:
        """Return the manifest of a whole file; None where there isn't one here."""
        place = self.place(export)
        try:
            told = place.with_name(place.name + SUFFIX).read_bytes()
            return msgspec.json.decode(told, type=Manifest) if place.is_file() else None
        except (OSError, msgspec.DecodeError):
            return None

    def handed_out(self, export: Export) -> tuple[Path, Manifest]:
        """Return the file, and what it is. Raises `NotFound`, and says why there is none."""
        if export.state in ("waiting", "running"):
            raise NotFound("The export is still being written.")
        if export.state == "removed" or (export.state == "done" and self.is_outdated(export)):
            raise NotFound("What the export holds was erased since; export it anew.")
        manifest = self.manifest(export) if export.state == "done" else None
        if manifest is None:
            raise NotFound("There is no file of this export here; export it anew.")
        return self.place(export), manifest

    def is_outdated(self, export: Export) -> bool:
        """Tell whether a part that the export may hold was erased since.

        Entries that the retention drops meanwhile stay in it, for the days that it is kept.
        """
        held = ((0, export.total - 1),)
        later = Query(
            account=str(export.account_id), where=Is("entity", "audit_log"), start=export.checked
        )
        return any(
            overlap([*held, *ranges_in(removed, part)])
            for entry in self._trail.matching(later)
            if (removed := entry.public.removed)
            for part in ERASED_PARTS
        )

    def size(self, account_id: int) -> int:
        """Return the size of the account's trail."""
        return self._trail.head(str(account_id)).size

    def numbers(self) -> Iterator[int]:
        """Yield the ids of the exports that have a folder."""
        if self.folder.is_dir():
            yield from (int(each.name) for each in self.folder.iterdir() if each.name.isdecimal())
