"""What may be asked of a trail; one value serves every reader, so that they can't disagree."""

from collections.abc import Callable
from typing import Literal, NamedTuple

import msgspec

Exactly = Literal["action", "entity", "id", "ip", "outcome", "request", "undoes", "via"]
"""What is compared as a whole, an entity's type letter by letter. An `ip` may also be a network, such as 203.0.113.0/24.

`undoes` is the number of an entry, its index + 1."""

Side = Literal["before", "after"]


class Words(msgspec.Struct, frozen=True, tag=True):
    """Words that stand one behind the other in a label, value, field's name or reason.

    With `goes_on` the last of them may be the beginning of a word.
    """

    text: str
    goes_on: bool = False


class Is(msgspec.Struct, frozen=True, tag=True):
    """What is so as a whole, letters' case ignored; with `goes_on`, what begins so."""

    what: Exactly
    text: str
    goes_on: bool = False


class By(msgspec.Struct, frozen=True, tag=True):
    """Who acted, or on whose behalf: an id, a kind of actor, kind/id, or words of e-mail or name."""

    text: str
    goes_on: bool = False
    on_behalf: bool = False


class Named(msgspec.Struct, frozen=True, tag=True):
    """The actor's e-mail or name has this part, letters' case ignored; every character counts."""

    part: str


class Holds(msgspec.Struct, frozen=True, tag=True):
    """Words in a value before or after."""

    side: Side
    text: str
    goes_on: bool = False


class Value(msgspec.Struct, frozen=True, tag=True):
    """A whole value, or an item of a list; `none` is also where there is no value."""

    text: str
    goes_on: bool = False


class Changed(msgspec.Struct, frozen=True, tag=True):
    """One change of one field, of which all that is given here holds."""

    field: str | None = None
    before: Value | None = None
    after: Value | None = None


class During(msgspec.Struct, frozen=True, tag=True):
    """`occurred_at` is in this time, µs UTC; `until_us` is exclusive."""

    since_us: int | None = None
    until_us: int | None = None


class At(msgspec.Struct, frozen=True, tag=True):
    """`occurred_at` is at this time of the day and on one of these days, by the clocks of a zone.

    Minutes of the day, the end exclusive; where it isn't later than the beginning, over midnight.
    Weekdays are numbers from Monday, 0; none are all.
    """

    since_minute: int
    until_minute: int
    weekdays: tuple[int, ...]
    zone: str


class All(msgspec.Struct, frozen=True, tag=True):
    """Each of these holds."""

    of: "tuple[Condition, ...]"


class Any(msgspec.Struct, frozen=True, tag=True):
    """One of these holds, or several."""

    of: "tuple[Condition, ...]"


class Not(msgspec.Struct, frozen=True, tag=True):
    """This doesn't hold."""

    what: "Condition"


Condition = Words | Is | By | Named | Holds | Changed | During | At | All | Any | Not


class Narrowed(NamedTuple):
    """What of a condition a store can ask of its columns; with `is_whole`, it is all of it.

    Every entry of which the condition holds has one of these types, if there are any, lies in this
    time, the end exclusive, and its actor's e-mail or name has this part, letters' case ignored.
    """

    types: tuple[str, ...] = ()
    since_us: int | None = None
    until_us: int | None = None
    part: str | None = None
    is_whole: bool = True


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """A filter over one account's entries; the order is always the index.

    `start` and `stop` bound the index, the latter exclusive. Without `where`, all of these match.
    """

    account: str
    where: Condition | None = None
    start: int | None = None
    stop: int | None = None
    newest_first: bool = True

    @property
    def unfiltered(self) -> bool:
        """Tell whether every entry of the account matches, so that pages are arithmetic."""
        return self.where is None and self.start is None and self.stop is None

    @property
    def narrowed(self) -> Narrowed:
        """Return what of the condition a store can ask of its columns."""
        return _narrowed(self.where)


def _narrowed(where: Condition | None) -> Narrowed:
    found = Narrowed()
    for each in where.of if isinstance(where, All) else (where,):
        match each:
            case None:
                pass
            case Named(part) if part and found.part is None:
                found = found._replace(part=part)
            case During(since_us, until_us):
                found = found._replace(
                    since_us=_chosen(max, found.since_us, since_us),
                    until_us=_chosen(min, found.until_us, until_us),
                )
            case _ if (types := _types(each)) and not found.types:
                found = found._replace(types=types)
            case _:
                found = found._replace(is_whole=False)
    return found


def _types(condition: Condition) -> tuple[str, ...]:
    """Return the entity types of which a condition asks one, where it asks nothing else."""
    asked = condition.of if isinstance(condition, Any) else (condition,)
    types = tuple(
        each.text
        for each in asked
        if isinstance(each, Is) and each.what == "entity" and not each.goes_on
    )
    return types if len(types) == len(asked) else ()


def _chosen(choose: Callable[[int, int], int], first: int | None, second: int | None) -> int | None:
    return (
        choose(first, second)
        if first is not None and second is not None
        else (second if first is None else first)
    )


def all_of(*conditions: Condition | None) -> Condition | None:
    """Return a condition that holds where each of these does; None holds everywhere."""
    given = tuple(each for each in conditions if each is not None)
    if len(given) > 1:
        return All(given)
    return given[0] if given else None


def any_of(*conditions: Condition) -> Condition | None:
    """Return a condition that holds where one of these does; of none, None."""
    if len(conditions) > 1:
        return Any(conditions)
    return conditions[0] if conditions else None
