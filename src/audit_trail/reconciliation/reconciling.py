"""Reconciles watched tables with the trail: first all rows, then again each that seems to differ.

No writer waits for it. A record differs only if, at one moment, its row isn't as its entries imply,
none of its changes waits in the outbox, and no entry about it was added around that moment.
"""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing
from hashlib import sha256
from typing import Final

import msgspec

from audit_trail.capture.outbox import Row
from audit_trail.capture.records import MOST_PENDING, ROWS_TOGETHER, Records
from audit_trail.capture.watch import WatchList
from audit_trail.errors import WatchRefused
from audit_trail.reconciliation.comparing import Asked, States, differences
from audit_trail.reconciliation.folding import Folding, Key, Suspect, parts_of
from audit_trail.reconciliation.report import Difference, Report, TableReport
from audit_trail.record.entry import INSTALLATION
from audit_trail.record.state import Step, former_id
from audit_trail.sequencer.rows import Seen, Unreadable, read_row
from audit_trail.trail import Trail

MOST_NAMED: Final = 1_000
PAUSES_SECONDS: Final = (0.0, 0.1, 0.3, 1.0, 2.0, 4.0)
"""Before each further look at records that change all the while."""

_WHOLE: Final = 2**256


class _Scan(msgspec.Struct):
    """What a scan of one table has counted so far."""

    rows: int = 0
    digest: int = 0
    before_capture: int = 0
    unreadable: int = 0
    differing: int = 0


class Reconciler:
    """Reconciles one database with one trail. `between` is called after each 10,000 rows or entries."""

    def __init__(
        self,
        records: Records,
        trail: Trail,
        watch: WatchList,
        *,
        pause: Callable[[float], object] = time.sleep,
        between: Callable[[], object] = lambda: None,
        most_named: int = MOST_NAMED,
    ) -> None:
        self._records = records
        self._trail = trail
        self._watch = watch
        self._tables = {table.name: table for table in watch.tables}
        self._pause = pause
        self._between = between
        self._most_named = most_named

    def run(self, names: Collection[str] = ()) -> Report:
        """Reconcile these tables, or all that are watched and no part of another.

        Raises `WatchRefused` of a table that isn't watched, and what trail and database raise.
        """
        if unknown := sorted(set(names) - self._tables.keys()):
            known = ", ".join(self._tables)
            raise WatchRefused(f"Not watched: {', '.join(unknown)}; watched are {known}.")
        tables = [
            table
            for table in self._watch.tables
            if not table.part_of and (not names or table.name in names)
        ]
        reports: list[TableReport] = []
        named: list[Difference] = []
        behind = self._behind()
        with closing(Folding(self._trail, tables, self._between)) as folding:
            folding.catch_up()
            for table in tables:
                asked = Asked(table=table, since_us=self._records.columns(table))
                scan = self._scan(asked, folding)
                self._confirm(asked, folding, scan, named)
                reports.append(_reported(asked, scan, folding))
            return Report(
                tables=tuple(reports),
                differences=tuple(named),
                entries=folding.entries,
                behind=behind,
            )

    def _scan(self, asked: Asked, folding: Folding) -> _Scan:
        """Read every row, and suspect what isn't as the trail was when it was read."""
        entity, scan = asked.table.entity, _Scan()
        for known in self._records.baseline(asked.table):
            folding.add_known(entity, [_owned(asked, each) for each in self._read(known, scan)])
        for batch in self._records.rows(asked.table):
            suspects: list[Suspect] = []
            read = list(self._read(batch, scan))
            for seen in read:
                account, record = _place(asked, seen)
                states = folding.states_of(entity, record, None if asked.is_spread else account)
                scan.rows += 1
                scan.digest = (scan.digest + _digest(seen)) % _WHOLE
                scan.before_capture += _is_older(asked, states)
                if any(differences(asked, account, record, _values(seen), states)):
                    suspects.append((account, record))
            folding.see(entity, [_place(asked, seen) for seen in read], is_spread=asked.is_spread)
            folding.suspect(entity, suspects)
            self._between()
        if asked.tells_existence and "delete" in asked.table.operations:
            folding.suspect_unseen(entity, is_spread=asked.is_spread)
        return scan

    def _confirm(
        self, asked: Asked, folding: Folding, scan: _Scan, named: list[Difference]
    ) -> None:
        """Look at the suspects again until each is decided, for some seconds at most."""
        entity = asked.table.entity
        folding.catch_up(touched := set[Key]())
        folding.suspect(
            entity,
            {
                ("" if asked.is_spread else account, record)
                for kind, record, account in touched
                if kind == entity
            },
        )
        for seconds in PAUSES_SECONDS:
            if not folding.count_suspects(entity):
                return
            self._pause(seconds)
            beyond: Suspect = ("", "")
            while chunk := folding.suspects(entity, beyond, ROWS_TOGETHER):
                beyond = chunk[-1]
                for found in self._decided(asked, folding, chunk):
                    scan.differing += 1
                    named += found[: max(0, self._most_named - len(named))]
                self._between()

    def _decided(
        self, asked: Asked, folding: Folding, suspects: Sequence[Suspect]
    ) -> Iterator[list[Difference]]:
        """Yield what differs of each record that is certain; it is suspected no more."""
        table = asked.table
        folding.catch_up()
        with self._records.snapshot() as moment:
            pending = moment.pending()
            if pending is None:
                return
            rows = {
                suspect: moment.rows_of(table, parts)
                for suspect in suspects
                if (parts := parts_of(suspect[1], table.moving)) is not None
            }
        waiting = self._waiting(asked, pending)
        folding.catch_up(touched := set[Key]())
        decided = [
            suspect
            for suspect in suspects
            if suspect[1] not in waiting and not _is_touched(asked, suspect, touched)
        ]
        folding.clear(table.entity, decided)
        for account, record in decided:
            found = self._differences(asked, folding, (account, record), rows)
            if found:
                yield found

    def _differences(
        self,
        asked: Asked,
        folding: Folding,
        suspect: Suspect,
        rows: Mapping[Suspect, Sequence[Row]],
    ) -> list[Difference]:
        account, record = suspect
        entity = asked.table.entity
        mine = [
            seen
            for seen in self._read(rows.get(suspect, ()), _Scan())
            if _place(asked, seen) == suspect
        ]
        # Two rows of one id can't be told apart, nor can a row be found by a digest.
        if len(mine) > 1 or suspect not in rows:
            return []
        states = folding.states_of(entity, record, None if asked.is_spread else account)
        values = _values(mine[0]) if mine else None
        found = list(differences(asked, account, record, values, states))
        if not found or self._is_excused(asked, folding, suspect, found[0], states):
            return []
        return found

    def _is_excused(
        self, asked: Asked, folding: Folding, suspect: Suspect, found: Difference, states: States
    ) -> bool:
        """Tell whether the trail no longer tells, or never could, what would explain it."""
        account, record = suspect
        entity = asked.table.entity
        if found.kind == "missing_in_table" and (entity, account) in folding.moved_unseen:
            return True
        if found.kind == "missing_in_trail" and not asked.owning(states) and not asked.since_us:
            return True
        for each in self._trail.accounts() if asked.is_spread else [account]:
            if self._trail.head(each).first:
                told = states[each].version if each in states else 0
                if self._trail.versions(each, [(entity, record)]).get((entity, record), 0) > told:
                    return True
        return False

    def _waiting(self, asked: Asked, pending: Sequence[Row]) -> set[str]:
        """Return the ids of the records of which a change waits, also those that they had before."""
        identity = asked.table.moving
        found: set[str] = set()
        for seen in self._read([row for row in pending if row.table == asked.table.name], _Scan()):
            found.add(seen.id)
            before = {name: old for name, (old, _) in seen.pairs.items() if old is not None}
            moved = Step(
                index=0,
                version=0,
                occurred_us=0,
                act="leave",
                fields=frozenset(before),
                before=before,
            )
            if (former := former_id(moved, identity, seen.id)) is not None:
                found.add(former)
        return found

    def _read(self, rows: Sequence[Row], scan: _Scan) -> Iterator[Seen]:
        for row in rows:
            try:
                yield read_row(row, self._tables)
            except Unreadable:
                scan.unreadable += 1

    def _behind(self) -> int:
        """Wait for what was in the outbox to be in the trail; return how much of it isn't."""
        waiting: set[int] | None = None
        for seconds in PAUSES_SECONDS:
            with self._records.snapshot() as moment:
                pending = moment.pending()
            if pending is None:
                return MOST_PENDING
            now = {row.id for row in pending}
            waiting = now if waiting is None else waiting & now
            if not waiting:
                break
            self._pause(seconds or PAUSES_SECONDS[1])
        return len(waiting or ())


def _reported(asked: Asked, scan: _Scan, folding: Folding) -> TableReport:
    entity = asked.table.entity
    return TableReport(
        table=asked.table.name,
        rows=scan.rows,
        digest=f"{scan.digest:064x}",
        differing=scan.differing,
        undecided=folding.count_suspects(entity),
        before_capture=scan.before_capture,
        has_baseline=bool(asked.since_us),
        unreadable=scan.unreadable + folding.unreadable.get(entity, 0),
    )


def _place(asked: Asked, seen: Seen) -> Suspect:
    """Return the account and id by which a row is compared; spread records have no account."""
    return "" if asked.is_spread else seen.account or INSTALLATION, seen.id


def _owned(asked: Asked, seen: Seen) -> Suspect:
    """Return the account in whose trail the record's creation would be told, and its id."""
    account, record = _place(asked, seen)
    return INSTALLATION if asked.table.account is None else account, record


def _is_older(asked: Asked, states: States) -> bool:
    """Tell whether a row was there before its first entry, as far as anything tells."""
    if not asked.tells_creation:
        return False
    owning = asked.owning(states)
    return all(state.version == 0 for state in owning) if owning else not asked.since_us


def _values(seen: Seen) -> dict[str, bytes]:
    return {name: new for name, (_, new) in seen.pairs.items() if new is not None}


def _digest(seen: Seen) -> int:
    """Return a number of the whole row; those of all rows add up in any order."""
    whole = msgspec.json.encode([seen.id, seen.account, seen.row.changes])
    return int.from_bytes(sha256(whole).digest())


def _is_touched(asked: Asked, suspect: Suspect, touched: set[Key]) -> bool:
    account, record = suspect
    if asked.is_spread:
        return any(key[:2] == (asked.table.entity, record) for key in touched)
    return (asked.table.entity, record, account) in touched
