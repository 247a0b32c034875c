"""What a search answers; plain values."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple

from audit_trail.record.entry import Entry

COUNT_LIMIT: Final = 10_000
"""How many hits are counted one by one where the index alone can't tell."""

SEARCHED_AT_ONCE: Final = 20_000
"""How many entries a search reads to decide on them, before it answers what it has found so far."""

FacetName = Literal["actor", "action", "entity", "via", "outcome"]
FACETS: Final[tuple[FacetName, ...]] = ("actor", "action", "entity", "via", "outcome")

OTHER: Final = "other"
"""The timeline's name for every action that is no create, update or delete."""


class Page(NamedTuple):
    """Entries in the query's order, and whether there are more in each direction.

    `reached` is set where the search ended before the page was full: entries beyond this index, in
    the direction that was asked, haven't been searched yet. Ask again from there.
    """

    entries: Sequence[Entry]
    has_newer: bool
    has_older: bool
    reached: int | None = None


class Batch(NamedTuple):
    """Hits of a stretch of the trail, which may be none, and the index that was looked at last."""

    entries: Sequence[Entry]
    reached: int


class NumberedPage(NamedTuple):
    """A page by its number, and how many entries match; `is_exact` is False where that is the least."""

    entries: Sequence[Entry]
    total: int
    is_exact: bool = True


class Count(NamedTuple):
    """How many entries match; where it isn't exact, at least so many."""

    number: int
    is_exact: bool


class Facets(NamedTuple):
    """Of each facet its values with how many entries have them, most frequent first.

    An actor is told as kind, or kind/id. `counted` is None where all hits are counted, else only that
    many of the newest are.
    """

    of: Mapping[FacetName, Sequence[tuple[str, int]]]
    counted: int | None = None


class Timeline(NamedTuple):
    """For each bar how many entries of each action it has: create, update, delete, other.

    `counted` is None where all hits are counted, else only that many of the newest are.
    """

    bars: Sequence[Mapping[str, int]]
    counted: int | None = None
