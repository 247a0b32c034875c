"""What the trail's entries about capture say: gaps, and what is watched; details may be missing."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from audit_trail.record.catalog import Catalog, titled
from audit_trail.record.entry import Entry, read_what
from audit_trail.record.language import marked, say, say_many, told
from audit_trail.record.query import Condition, Is, any_of
from audit_trail.record.retained import said_time

CAPTURED: Final[Mapping[str, str]] = {
    "capture_started": marked("Found recording in order"),
    "capture_stopped": marked("Found recording interrupted"),
    "capture_changed": marked("Changed what is recorded"),
}
"""Their sentences by action."""

ENTITY: Final = "capture"
"""The type of what entries about capture are about."""

SHOWN_TABLES: Final = 20
_LISTS: Final = {
    "watched": marked("Recorded from now on"),
    "no_longer_watched": marked("No longer recorded"),
    "watched_otherwise": marked("Recorded otherwise"),
    "ignored": marked("Left out with a reason"),
    "unwatched": marked("Tables that nobody watches"),
    "no_longer_there": marked("Tables that are gone"),
}
_STATES: Final = {
    "missing": marked("missing"),
    "disabled": marked("disabled"),
    "outdated": marked("older than the table"),
    "unfit": marked("unfit for the table as it is"),
    "altered": marked("altered"),
    "detached": marked("taken out"),
    "touched": marked("taken away or changed, and put back"),
}


class Gap(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A time in which changes of a table were not recorded for certain, all times µs UTC.

    No table's name stands for all of them. `wrong` is what was wrong: the state of each trigger or
    other part. `of_accounts` tells whether changes of accounts are concerned. It began after `good_us`, when all was right, and before `found_us`; where `good_us` is none,
    nobody had looked before. It ended before `right_us`; where that is none, it goes on.
    """

    table: str
    entity: str = ""
    of_accounts: bool = True
    wrong: dict[str, str] = {}
    good_us: int | None = None
    found_us: int
    right_us: int | None = None

    @property
    def is_partial(self) -> bool:
        """Tell whether only what was added to the table since is not recorded."""
        return set(self.wrong.values()) == {"outdated"}

    @property
    def begin_us(self) -> int:
        """The earliest moment at which it may have begun, as far as anybody knows."""
        return self.found_us if self.good_us is None else self.good_us

    def overlaps(self, since_us: int, until_us: int) -> bool:
        """Tell whether any of it may lie between these times."""
        return self.begin_us < until_us and (self.right_us is None or self.right_us > since_us)


def about_gaps() -> Condition | None:
    """Return what finds the entries that tell of gaps."""
    return any_of(
        *(Is(what="action", text=action) for action in ("capture_stopped", "capture_started"))
    )


def gaps_of(entries: Iterable[Entry]) -> list[Gap]:
    """Return the gaps that these entries tell of, newest first as the entries are.

    A gap that has ended is told whole by the entry that ends it.
    """
    found: dict[tuple[str, int], Gap] = {}
    for entry in entries:
        public = entry.public
        if public.action in CAPTURED:
            for gap in gaps_told(read_what(entry.what, public.what).details):
                found.setdefault((gap.table, gap.found_us), gap)
    return list(found.values())


def gaps_told(details: Mapping[str, Any]) -> list[Gap]:
    """Read gaps; what somebody else wrote under these names is passed over."""
    found = []
    for told_ in _items(details.get("gaps")):
        try:
            found.append(msgspec.convert(told_, Gap))
        except msgspec.ValidationError:
            continue
    return found


def summary(action: str, details: Mapping[str, Any], catalog: Catalog) -> str:
    """Return the quieter line under the sentence."""
    if action not in CAPTURED:
        return ""
    names = [called(gap, catalog) for gap in gaps_told(details)]
    names = names or [
        name for list_ in _LISTS if action == "capture_changed" for name in _names(details, list_)
    ]
    if names:
        more = len(names) - 3
        shown = ", ".join(names[:3])
        return say("%(first)s and %(more)s more", first=shown, more=more) if more > 0 else shown
    count = len(_names(details, "watched"))
    return say_many("%(count)s table is watched", "%(count)s tables are watched", count)


def facts(details: Mapping[str, Any], catalog: Catalog) -> Iterator[tuple[str, str]]:
    """Return what the entry's window lists, as label and value."""
    for gap in gaps_told(details)[:SHOWN_TABLES]:
        yield titled(called(gap, catalog)), "; ".join(_said(gap))
    for name, label in _LISTS.items():
        if names := _names(details, name):
            yield told(label), ", ".join(names)


def called(gap: Gap, catalog: Catalog) -> str:
    """Return what the records of a gap are called: inbox collaborator."""
    if not gap.table:
        return say("everything")
    return told(catalog.name(gap.entity)) if gap.entity else gap.table


def _said(gap: Gap) -> Iterator[str]:
    if gap.good_us is not None:
        yield say("in order at %(time)s", time=said_time(gap.good_us))
    yield say("found wrong at %(time)s", time=said_time(gap.found_us))
    if gap.right_us is not None:
        yield say("found in order again at %(time)s", time=said_time(gap.right_us))
    for name, state in sorted(gap.wrong.items()):
        yield f"{name}: {told(_STATES.get(state, state))}"


def _names(details: Mapping[str, Any], name: str) -> list[str]:
    return [str(each) for each in _items(details.get(name))]


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
