"""What capture records of a database as it stands, and what it doesn't; each engine looks itself."""

from collections.abc import Collection, Mapping, Sequence
from hashlib import sha256
from typing import Final, Literal

import msgspec

from audit_trail.capture.watch import Table, WatchList

State = Literal["missing", "disabled", "outdated", "unfit", "altered"]
"""What may be wrong. *Outdated* is as some sync made it, and the table has got columns since; *unfit*
is so too, but the table has no longer what it records; *altered* is as no sync that anybody looked
at made it."""

Width = Literal["same", "wider", "other"]
"""A table's columns beside those that it had when all was right: *wider* has all of these first."""

Standing = Literal["watched", "ignored", "unwatched"]

OF_ALL: Final = ""
"""The table's name where what is wrong concerns every table."""

GONE: Final = "gone"
"""Stands for the fingerprint where it is the table itself that is missing."""


class Trigger(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One trigger, or another part of capture: its name, and what is wrong with it, if anything."""

    name: str
    state: State | None = None


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """One table of the database, and what is recorded of it.

    `of_accounts` tells whether its records lie in the trails of accounts, and not in the
    installation's alone.
    """

    name: str
    standing: Standing
    reason: str = ""
    entity: str = ""
    of_accounts: bool = True
    operations: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    columns_unwatched: tuple[str, ...] = ()
    triggers: tuple[Trigger, ...] = ()

    @property
    def wrong(self) -> tuple[Trigger, ...]:
        """The triggers that aren't as they must be."""
        return tuple(each for each in self.triggers if each.state)


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """A way to write to this database, or to change what it records: whether a trigger sees it."""

    is_seen: bool
    says: str


class Mark(msgspec.Struct, frozen=True, array_like=True):
    """A part of a trigger: which writing of its row in the catalog is the newest, and if a sync's."""

    trigger: str
    written: str
    by_sync: bool


Marks = Mapping[str, Mapping[str, Mark]]
"""By table, then by what stands for the part in this very database."""


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """What was found at one moment: each table, what of capture itself is wrong, and the facts.

    `harmless` is what a sync would put right, and keeps nothing from being recorded: triggers that
    nothing asks for, and event triggers.
    `prints` are the fingerprints of what is as it must be, for later looks; `marks` tell them
    whether it was so all the time, where the database shows that.
    """

    engine: str
    watch: WatchList
    tables: tuple[Looked, ...]
    parts: tuple[Trigger, ...] = ()
    harmless: tuple[Trigger, ...] = ()
    facts: tuple[Fact, ...] = ()
    prints: Mapping[str, str] = {}
    marks: Marks = {}

    @property
    def unwatched(self) -> tuple[str, ...]:
        """The tables that are neither watched nor ignored with a reason."""
        return tuple(each.name for each in self.tables if each.standing == "unwatched")

    @property
    def wrong(self) -> dict[str, tuple[Trigger, ...]]:
        """What is wrong, by table; what concerns all of them under `OF_ALL`."""
        found = {each.name: each.wrong for each in self.tables if each.wrong}
        return ({OF_ALL: self.parts} if self.parts else {}) | found

    @property
    def is_complete(self) -> bool:
        return not self.wrong and not self.unwatched


def fingerprint(text: object) -> str:
    """Return what tells a trigger from another, short enough to be kept for each."""
    return sha256(repr(text).encode()).hexdigest()[:16]


def compared(
    wanted: Mapping[str, str],
    installed: Mapping[str, str],
    known: Mapping[str, str],
    disabled: Collection[str] = (),
    *,
    width: Width,
) -> tuple[Trigger, ...]:
    """Hold triggers against those that must be there, by their fingerprints.

    `known` are the fingerprints of when each was last as it had to be, and `width` compares the
    table's columns with those of then: what an earlier release made for the same is as good.
    What is wanted without a fingerprint is what a table lacks to be watched.
    """

    since: dict[Width, State | None] = {"same": None, "wider": "outdated", "other": "unfit"}

    def state(name: str) -> State | None:
        if name not in installed:
            return "missing" if wanted[name] else "unfit"
        if name in disabled:
            return "disabled"
        if installed[name] == wanted[name]:
            return None
        if installed[name] != known.get(name):
            return "altered"
        return since[width]

    return tuple(Trigger(name=name, state=state(name)) for name in wanted)


def touched(before: Marks, now: Marks) -> dict[str, list[str]]:
    """Return, by table, the triggers that somebody has written anew since; a sync may do so."""
    found = {
        table: sorted(
            {
                mark.trigger
                for place, mark in marks.items()
                if not mark.by_sync
                and before.get(table, {}).get(place, mark).written != mark.written
            }
        )
        for table, marks in now.items()
    }
    return {table: names for table, names in found.items() if names}


def columns_print(table: str, columns: Sequence[object]) -> dict[str, str]:
    """Return the fingerprint of a table's columns, under a name that no trigger has."""
    return {f"the columns of {table}": f"{len(columns)} {fingerprint(columns)}"}


def width_of(table: str, columns: Sequence[object], known: Mapping[str, str]) -> Width:
    """Compare a table's columns with those of which `known` has the fingerprint."""
    (name,) = columns_print(table, columns)
    before = known.get(name, "")
    counted, _, _ = before.partition(" ")
    count = int(counted) if counted.isdecimal() else 0
    if columns_print(table, columns[:count])[name] != before:
        return "other"
    return "same" if len(columns) == count else "wider"


def sound(
    triggers: Sequence[Trigger], installed: Mapping[str, str], columns: Mapping[str, str]
) -> dict[str, str]:
    """Return the fingerprints to remember: of what is as it must be, and of a table that has all."""
    good = {each.name: installed[each.name] for each in triggers if each.state is None}
    return {**good, **columns} if len(good) == len(triggers) else good


def left_over(installed: Mapping[str, str], wanted: Mapping[str, str]) -> tuple[Trigger, ...]:
    """Return triggers that nothing asks for, unless a table that can't be watched has left them."""
    if {"", GONE}.intersection(wanted.values()):
        return ()
    names = sorted(installed.keys() - wanted.keys())
    return tuple(Trigger(name=name, state="outdated") for name in names)


def watched(table: Table, columns: Sequence[str], triggers: tuple[Trigger, ...]) -> Looked:
    """Return a watched table with the columns that it has."""
    return Looked(
        name=table.name,
        standing="watched",
        entity=table.entity,
        of_accounts=table.account not in (None, 0),
        operations=tuple(sorted(table.operations)),
        secrets=tuple(sorted(table.secrets)),
        columns_unwatched=tuple(each for each in columns if each in table.unwatched),
        triggers=triggers,
    )


def others(watch: WatchList, names: Sequence[str]) -> list[Looked]:
    """Return the tables that aren't watched: ignored with the reason why, or nobody said why."""
    watched_names = {each.name for each in watch.tables}
    return [
        Looked(name=name, standing="ignored", reason=watch.ignored[name])
        if name in watch.ignored
        else Looked(name=name, standing="unwatched")
        for name in names
        if name not in watched_names
    ]
