"""Writes the exports that were asked for, one after the other, and puts away what has expired.

What is done is kept with each export, so a restart begins those anew that weren't finished. Of
several servers the one that writes an export's row first goes on with it.
"""

import logging
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from threading import Event
from typing import Any, Final

from sqlalchemy import select, update

from audit_trail.capture.context import SYSTEM, Origin, acting_as
from audit_trail.capture.jobs import acting_as_job
from audit_trail.errors import AuditError, ExportCancelled, ExportRefused
from audit_trail.export.exporting import Progress, export_to
from audit_trail.export.manifest import Manifest
from audit_trail.export.wanted import Wanted
from audit_trail.trail import Trail
from live_agent.catalog import CATALOG
from live_agent.database import Database
from live_agent.errors import LiveAgentError
from live_agent.exporting.shelf import Shelf
from live_agent.schema import Export
from live_agent.settings.exports import KEPT_US, UNFINISHED, wanted_by

POLL_SECONDS: Final = 0.5
LEASE_US: Final = 20_000_000
"""For how long an export is left to a server that says nothing."""

PAUSE_US: Final = 60_000_000
"""How long to wait where the trail couldn't be read."""

BEAT_SECONDS: Final = 1.0
"""How often its progress is written, and whether it was cancelled is looked up."""

REST_SECONDS: Final = 0.002
"""How long it lets requests go first, after some entries each time."""

SWEEP_SECONDS: Final = 30.0
MOST_ATTEMPTS: Final = 5
SPARED_BYTES: Final = 256 * 2**20
"""What an export leaves free on the disk: the databases may lie there, too."""

_log = logging.getLogger(__name__)


class Rounds:
    """One round after the other; several may run at once."""

    def __init__(
        self, database: Database, trail: Trail, shelf: Shelf, *, clock: Callable[[], int]
    ) -> None:
        self._database = database
        self._trail = trail
        self._shelf = shelf
        self._clock = clock

    def run(self, stop: Event) -> None:
        """Work until `stop` is set."""
        swept = -SWEEP_SECONDS
        while not stop.wait(POLL_SECONDS):
            try:
                if time.monotonic() - swept >= SWEEP_SECONDS:
                    self.sweep()
                    swept = time.monotonic()
                self.step(stop)
            except (AuditError, LiveAgentError, OSError):
                _log.exception("a round of the exports failed; trying again")

    def step(self, stop: Event | None = None) -> bool:
        """Write the next export that waits, and tell whether there was one."""
        export = self._claimed()
        if export is None:
            return False
        _Writing(self, export, stop or Event()).write()
        return True

    def sweep(self) -> None:
        """Put away what has expired, what was erased since, and what belongs to no export."""
        now_us, numbers = self._clock(), [*self._shelf.numbers()]
        with self._database.reading() as db:
            known = {export.id: export for export in db.scalars(select(Export))}
        for export in known.values():
            if export.expires_at is not None and export.expires_at <= now_us:
                self._shelf.discard(export.id)
                self._delete(export)
            elif export.state == "done":
                self._look_for_erasures(export)
        for number in numbers:
            if number not in known or known[number].state not in (*UNFINISHED, "done"):
                self._shelf.discard(number)

    def write_down(self, export: Export, turn: int, **values: Any) -> bool:
        """Write the row if it is as it was at that turn, and tell whether it was."""
        change = (
            update(Export)
            .where(Export.id == export.id, Export.turn == turn)
            .values(**values, turn=turn + 1)
        )
        with _as_ourselves(), self._database.transaction(export.account_id) as db:
            return db.connection().execute(change).rowcount == 1

    @property
    def tools(self) -> tuple[Trail, Shelf, Callable[[], int]]:
        """What an export is written with."""
        return self._trail, self._shelf, self._clock

    def _claimed(self) -> Export | None:
        """Return the next export, ours from now on; of one account, one at a time."""
        now_us = self._clock()
        with self._database.reading() as db:
            wanted = select(Export).where(Export.state.in_(UNFINISHED)).order_by(Export.id)
            found: Sequence[Export] = db.scalars(wanted).all()
        held = {each.account_id for each in found if each.due_at > now_us}
        for export in found:
            if export.account_id in held:
                continue
            attempts = export.attempts + 1
            begun = {"state": "running", "attempts": attempts, "due_at": now_us + LEASE_US}
            if attempts > MOST_ATTEMPTS:
                why = f"It was begun {MOST_ATTEMPTS} times, and never finished."
                begun = {"state": "failed", "failure": why, "handed": None}
                begun["expires_at"] = now_us + KEPT_US
            if self.write_down(export, export.turn, **begun, written=0, looked_at=0):
                if attempts > MOST_ATTEMPTS:
                    self._shelf.discard(export.id)
                    continue
                export.turn += 1
                export.attempts = attempts
                return export
        return None

    def _look_for_erasures(self, export: Export) -> None:
        size = self._shelf.size(export.account_id)
        if size <= export.checked:
            return
        if self._shelf.is_outdated(export):
            self._shelf.discard(export.id)
            self.write_down(export, export.turn, state="removed")
        else:
            self.write_down(export, export.turn, checked=size)

    def _delete(self, export: Export) -> None:
        with _as_ourselves(), self._database.transaction(export.account_id) as db:
            if record := db.get(Export, export.id):
                db.delete(record)


class _Writing:
    """One export being written, and the turn in which it is ours."""

    def __init__(self, rounds: Rounds, export: Export, stop: Event) -> None:
        self._rounds = rounds
        self._export = export
        self._stop = stop
        self._turn = export.turn
        self._is_lost = False
        self._beaten = time.monotonic()
        self._trail, self._shelf, self._clock = rounds.tools

    def write(self) -> None:
        """Write it, or say why not. A server that stops leaves it to the next one."""
        export, wanted = self._export, wanted_by(self._export)
        if wanted is None:
            self._fail("It was asked for in another release; ask for it anew.")
            return
        try:
            place = self._shelf.make_room(export)
            # Whole, but a crash kept that from being written down.
            self._finish(self._shelf.manifest(export) or self._written(wanted, place))
        except ExportCancelled:
            self._shelf.discard(export.id)
            if not self._is_lost:
                self._note(state="waiting", due_at=0, attempts=export.attempts - 1)
        except (ExportRefused, OSError) as error:
            _log.warning("export %s can't be written: %s", export.id, error)
            self._fail(_said(error, self._shelf.folder))
        except AuditError:
            _log.exception("export %s can't be written; trying again", export.id)
            self._note(due_at=self._clock() + PAUSE_US)

    def _written(self, wanted: Wanted, place: Path) -> Manifest:
        with acting_as_job(self._export.handed or "", job="export") as context:
            return export_to(
                self._trail,
                wanted,
                place,
                context,
                catalog=CATALOG,
                clock=self._clock,
                report=self._report,
                is_cancelled=self._is_over,
            )

    def _is_over(self) -> bool:
        """Tell whether to stop, after a rest in which requests may go first."""
        return self._is_lost or self._stop.wait(REST_SECONDS)

    def _report(self, progress: Progress) -> None:
        if time.monotonic() - self._beaten < BEAT_SECONDS:
            return
        self._beaten = time.monotonic()
        free = _free_bytes(self._shelf.folder)
        if free < SPARED_BYTES:
            raise ExportRefused(f"Only {free // 2**20:,} MiB are free on the disk.")
        due_at = self._clock() + LEASE_US
        self._note(written=progress.written, looked_at=progress.looked_at, due_at=due_at)

    def _finish(self, manifest: Manifest) -> None:
        done = {
            "state": "done",
            "written": manifest.count,
            "looked_at": self._export.total,
            "bytes": manifest.file.bytes,
            "sha256": manifest.file.sha256,
            "expires_at": self._clock() + KEPT_US,
            "handed": None,
        }
        if not self._note(**done):
            self._shelf.discard(self._export.id)

    def _fail(self, why: str) -> None:
        self._shelf.discard(self._export.id)
        expires_at = self._clock() + KEPT_US
        self._note(state="failed", failure=why, expires_at=expires_at, handed=None)

    def _note(self, **values: Any) -> bool:
        if not self._rounds.write_down(self._export, self._turn, **values):
            # It was cancelled, or another server took it over.
            self._is_lost = True
            return False
        self._turn += 1
        return True


def _said(error: Exception, folder: Path) -> str:
    """Say what went wrong without where it lies on the server."""
    if isinstance(error, OSError):
        return f"It can't be written: {error.strerror}."
    return str(error).replace(f"{folder}/", "")


def _free_bytes(folder: Path) -> int:
    return shutil.disk_usage(folder).free


def _as_ourselves() -> AbstractContextManager[Any]:
    return acting_as(SYSTEM, Origin(via="job", job="export"))
