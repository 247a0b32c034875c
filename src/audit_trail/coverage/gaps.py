"""What a look tells beside the one before it: gaps that begin and end; it looks at nothing itself."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from audit_trail.capture.look import OF_ALL, Look, Looked, Marks, fingerprint, touched
from audit_trail.capture.watch import Table
from audit_trail.record.captured import Gap

STARTED: Final = "capture_started"
STOPPED: Final = "capture_stopped"
CHANGED: Final = "capture_changed"


class Telling(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an entry says: gaps, or other details; or, at `begins_us`, that this is the first look."""

    action: str
    gaps: tuple[Gap, ...] = ()
    details: dict[str, Any] = {}
    begins_us: int | None = None

    def details_for(self, *, is_installation: bool) -> dict[str, Any] | None:
        """Return what is told to the installation, or to an account; None where it's told nothing."""
        gaps = self.gaps if is_installation else tuple(gap for gap in self.gaps if gap.of_accounts)
        if (self.gaps and not gaps) or not (is_installation or self.begins_us is None):
            return None
        return self.details | ({"gaps": msgspec.to_builtins(gaps)} if gaps else {})


class Kept(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one look leaves to the next.

    `looked_us` is when it began: what it found right was right then. `listed` is the watch list by
    the fingerprint of each table's line. `untold` is what accounts have still to be told.
    """

    looked_us: int
    gaps: tuple[Gap, ...] = ()
    unwatched: tuple[str, ...] = ()
    listed: dict[str, str] = {}
    prints: dict[str, str] = {}
    marks: Marks = {}
    untold: tuple[Telling, ...] = ()

    @property
    def wrong(self) -> int:
        """How many tables are not recorded as they should be."""
        return len(self.gaps) + len(self.unwatched)


class Noticed(NamedTuple):
    """What is kept of a look, and what it tells."""

    kept: Kept
    tellings: tuple[Telling, ...]


def noticed(
    before: Kept | None,
    look: Look,
    began_us: int,
    ended_us: int,
    altered_us: Mapping[str, int] | None = None,
    *,
    database: str = "",
) -> Noticed:
    """Return what a look at this database tells that lay between these two moments (µs UTC).

    `altered_us` is when the schema of which table was first altered since the look before.
    """
    gaps = tuple(_gaps(before, look, ended_us, altered_us or {}))
    kept = Kept(
        looked_us=began_us,
        gaps=gaps,
        unwatched=look.unwatched,
        listed=_listed(look),
        prints={**(before.prints if before else {}), **look.prints},
        marks=look.marks,
        untold=before.untold if before else (),
    )
    between = tuple(_between(before, look, ended_us, altered_us or {}))
    return Noticed(kept, tuple(_told(before, kept, look, between, ended_us, database)))


def begun_again(telling: Telling, earlier_us: int) -> Telling:
    """Return what a first look means where there was an earlier one, at the latest at this moment.

    What it had kept is gone, as after capture was taken out or by somebody's hand, so of the time
    since nothing is known.
    """
    at_us = telling.begins_us or 0
    lost = Gap(
        table=OF_ALL,
        wrong={"what looks keep": "missing"},
        good_us=min(earlier_us, at_us),
        found_us=at_us,
        right_us=at_us,
    )
    return Telling(action=STARTED, gaps=(lost,))


def _gaps(
    before: Kept | None, look: Look, found_us: int, altered_us: Mapping[str, int]
) -> Iterator[Gap]:
    """Yield what is wrong now; what was so already keeps its bounds."""
    known = {gap.table: gap for gap in before.gaps} if before else {}
    tables = {each.name: each for each in look.tables}
    for name, triggers in look.wrong.items():
        wrong = {each.name: str(each.state) for each in triggers}
        if name in known:
            yield msgspec.structs.replace(known[name], wrong=wrong)
            continue
        table = tables.get(name, Looked(name=OF_ALL, standing="watched"))
        yield Gap(
            table=name,
            entity=table.entity,
            of_accounts=table.of_accounts,
            wrong=wrong,
            good_us=_good_us(before, altered_us.get(name), found_us),
            found_us=found_us,
        )


def _between(
    before: Kept | None, look: Look, found_us: int, altered_us: Mapping[str, int]
) -> Iterator[Gap]:
    """Yield what was right before and is right now, though somebody has touched it in between."""
    if before is None or OF_ALL in look.wrong:
        return
    known = {*look.wrong, *(gap.table for gap in before.gaps)}
    tables = {each.name: each for each in look.tables}
    for name, triggers in touched(before.marks, look.marks).items():
        if name in tables and not known.intersection((name, OF_ALL)):
            yield Gap(
                table=name,
                entity=tables[name].entity,
                of_accounts=tables[name].of_accounts,
                wrong=dict.fromkeys(triggers, "touched"),
                good_us=_good_us(before, altered_us.get(name), found_us),
                found_us=found_us,
                right_us=found_us,
            )


def _good_us(before: Kept | None, altered_us: int | None, found_us: int) -> int | None:
    """Return the last moment at which it was right: that of the look before, or of the first
    change to the table's schema since, where the database notes these."""
    if before is None:
        return None
    return min(max(altered_us or 0, before.looked_us), found_us)


def _told(
    before: Kept | None,
    kept: Kept,
    look: Look,
    between: tuple[Gap, ...],
    ended_us: int,
    database: str,
) -> Iterator[Telling]:
    if before is None:
        watched = sorted(each.name for each in look.watch.tables)
        details = {"watched": watched, "database": database, "begins_us": ended_us}
        yield Telling(action=STARTED, details=details, begins_us=ended_us)
    elif changes := _changes(before, kept, look):
        yield Telling(action=CHANGED, details=changes)
    known = {gap.table: gap.wrong for gap in before.gaps} if before else {}
    if stopped := tuple(gap for gap in kept.gaps if known.get(gap.table) != gap.wrong):
        yield Telling(action=STOPPED, gaps=stopped)
    still = {gap.table for gap in kept.gaps}
    ended = tuple(
        msgspec.structs.replace(gap, right_us=ended_us)
        for gap in (before.gaps if before else ())
        if gap.table not in still
    )
    if ended := (*ended, *between):
        yield Telling(action=STARTED, gaps=ended)


def _listed(look: Look) -> dict[str, str]:
    """Return the watch list's lines by their fingerprints; ignored tables are told apart."""
    lines = {each.name: fingerprint(_line(each)) for each in look.watch.tables}
    return lines | dict.fromkeys(look.watch.ignored, "ignored")


def _line(table: Table) -> list[tuple[str, bytes]]:
    """Return what was chosen of a table; what a later release adds reads as not chosen."""
    encode = msgspec.json.Encoder(order="sorted").encode
    return [
        (field.name, encode(value))
        for field in msgspec.structs.fields(table)
        if (value := getattr(table, field.name)) != field.default
    ]


def _changes(before: Kept, kept: Kept, look: Look) -> dict[str, Any]:
    """Return what changed of the watch list, and which tables came that nobody watches."""
    was, now = before.listed, kept.listed
    watched, used_to_be = _watched(now), _watched(was)
    both = watched.keys() & used_to_be.keys()
    found = {
        "watched": watched.keys() - used_to_be.keys(),
        "no_longer_watched": used_to_be.keys() - watched.keys(),
        "watched_otherwise": {name for name in both if watched[name] != used_to_be[name]},
        "ignored": now.keys() - watched.keys() - (was.keys() - used_to_be.keys()),
        "unwatched": set(kept.unwatched) - set(before.unwatched),
    }
    changes: dict[str, Any] = {name: sorted(tables) for name, tables in found.items() if tables}
    if gone := sorted(set(before.unwatched) - set(kept.unwatched) - now.keys()):
        changes["no_longer_there"] = gone
    return changes


def _watched(listed: Mapping[str, str]) -> dict[str, str]:
    return {name: line for name, line in listed.items() if line != "ignored"}
