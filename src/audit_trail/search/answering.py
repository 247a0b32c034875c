"""A condition asked of a stretch's terms: the entries that surely fit, and those that may.

Whatever fits is among the latter; who wants to know of the rest holds the condition against the entry.
"""

from collections.abc import Callable, Sequence
from ipaddress import ip_network
from typing import Final, NamedTuple, assert_never

from pyroaring import BitMap

from audit_trail.record.facts import NONE
from audit_trail.record.matching import is_value
from audit_trail.record.query import (
    All,
    Any,
    At,
    By,
    Changed,
    Condition,
    During,
    Holds,
    Is,
    Named,
    Not,
    Value,
    Words,
)
from audit_trail.record.terms import (
    ACTION,
    ADDRESS,
    AFTER,
    BEFORE,
    ENTITY,
    FIELD,
    ID,
    KNOWN,
    LONGEST_TERM,
    LONGEST_WHOLE,
    MANY,
    NAME,
    NAMED,
    OUTCOME,
    PERSON,
    PLACE,
    REQUEST,
    SEPARATOR,
    UNDOES,
    VIA,
    WORD,
    term,
    text_of,
)
from audit_trail.record.words import Phrase, folded, phrase, stands_in, words
from audit_trail.search.segments import Stretch

LATEST_US: Final = 2**63 - 1
MOST_TERMS_ASKED: Final = 50_000


class Answer(NamedTuple):
    """The entries that surely fit, and all that may, the former among them; not to be changed."""

    sure: BitMap
    possible: BitMap


class TooMany(Exception):
    """More terms would have to be looked through than one search may."""


class Budget:
    """How many terms one search may still look through, for beginnings and parts of names."""

    def __init__(self) -> None:
        self.left = MOST_TERMS_ASKED


class Asking:
    """A stretch, asked within a budget."""

    def __init__(self, stretch: Stretch, budget: Budget) -> None:
        self._budget = budget
        self.bits = stretch.bits
        self.during = stretch.during
        self.each = stretch.each
        self.all = stretch.all

    def prefixed(self, prefix: bytes, fits: Callable[[bytes], bool] | None = None) -> BitMap:
        """Return the entries that have a term with this beginning that fits. Raises `TooMany`."""
        # No UTF-8 has the byte 255.
        return self.between(prefix, prefix + b"\xff", fits)

    def between(
        self, low: bytes, high: bytes, fits: Callable[[bytes], bool] | None = None
    ) -> BitMap:
        """Return the entries that have one of these terms that fits. Raises `TooMany`."""
        found: list[BitMap] = []
        for each, read in self.each(low, high):
            self._budget.left -= 1
            if self._budget.left < 0:
                raise TooMany
            if fits is None or fits(each):
                found.append(read())
        return BitMap.union(BitMap(), *found)


def answer(condition: Condition | None, stretch: Asking) -> Answer:
    """Ask a condition of a stretch; None fits all of it."""
    match condition:
        case None:
            return _exactly(stretch.all)
        case All(of):
            return _all(of, stretch)
        case Any(of):
            answers = [answer(each, stretch) for each in of]
            return Answer(
                BitMap.union(BitMap(), *(each.sure for each in answers)),
                BitMap.union(BitMap(), *(each.possible for each in answers)),
            )
        case Not(what):
            sure, possible = answer(what, stretch)
            return Answer(stretch.all - possible, stretch.all - sure)
        case During(since_us, until_us):
            since, until = since_us, LATEST_US if until_us is None else until_us
            return _exactly(stretch.during(-LATEST_US if since is None else since, until))
        case At():
            return Answer(BitMap(), stretch.all)
        case _:
            return _leaf(condition, stretch)


def _all(of: Sequence[Condition], stretch: Asking) -> Answer:
    """Ask first what costs least: where nothing is left, the rest needn't be asked."""
    sure = possible = stretch.all
    for each in sorted(of, key=_cost):
        found = answer(each, stretch)
        sure, possible = sure & found.sure, possible & found.possible
        if not possible:
            break
    return Answer(sure, possible)


def _cost(condition: Condition) -> int:
    """Say how many terms a condition may ask for: one or two, those with a beginning, or others'."""
    match condition:
        case All(of) | Any(of):
            return max(map(_cost, of), default=0)
        case Not(what):
            return _cost(what)
        case Named():
            return 2
        case Words() | Is() | By() | Holds():
            return int(condition.goes_on)
        case Changed(_, before, after):
            return int(any(value is not None and value.goes_on for value in (before, after)))
        case _:
            return 0


def _leaf(condition: Words | Is | By | Named | Holds | Changed, stretch: Asking) -> Answer:
    try:
        sure, possible = _asked(condition, stretch)
    except TooMany:
        return Answer(BitMap(), stretch.all)
    many = stretch.bits(MANY)
    return Answer(sure - many, possible | many) if many else Answer(sure, possible)


def _asked(condition: Words | Is | By | Named | Holds | Changed, stretch: Asking) -> Answer:
    match condition:
        case Words(text, goes_on):
            return _phrase(phrase(text, goes_on), WORD, stretch)
        case Is():
            return _is(condition, stretch)
        case By():
            return _by(condition, stretch)
        case Named(part):
            folded_part = part.casefold()
            # What stands between e-mail and name is there even where both were erased.
            if folded_part in ("", "\n"):
                return _exactly(stretch.all)
            return _exactly(stretch.prefixed(PERSON, lambda found: folded_part in text_of(found)))
        case Holds(_, text, goes_on):
            sought = phrase(text, goes_on)
            if stands_in(sought, [NONE]):
                return Answer(BitMap(), stretch.all)
            return Answer(BitMap(), _phrase(sought, WORD, stretch).possible)
        case Changed():
            return _changed(condition, stretch)
        case _:
            assert_never(condition)


def _phrase(sought: Phrase, kind: bytes, stretch: Asking) -> Answer:
    """One word is a term; of several it is sure only that all of them are somewhere."""
    if not sought.words:
        return _exactly(BitMap())
    *first, last = (term(kind, word) for word in sought.words)
    # The rarer of them first: where one isn't there, the rest needn't be asked.
    found = stretch.prefixed(last) if sought.goes_on else stretch.bits(last)
    for each in first:
        if not found:
            break
        found = found & stretch.bits(each)
    return Answer(BitMap(), found) if first else _exactly(found)


def _is(asked: Is, stretch: Asking) -> Answer:
    value = Value(asked.text, asked.goes_on)
    match asked.what:
        case "entity" if not asked.goes_on:
            found = stretch.bits(term(ENTITY, asked.text, LONGEST_WHOLE))
            return Answer(BitMap() if len(asked.text) > LONGEST_WHOLE else found, found)
        case "action" | "entity" | "outcome" | "via":
            kind = {"action": ACTION, "entity": ENTITY, "outcome": OUTCOME, "via": VIA}[asked.what]
            return _exactly(stretch.prefixed(kind, lambda found: is_value(value, text_of(found))))
        case "id":
            return _value(ID, value, stretch)
        case "request":
            return _value(REQUEST, value, stretch)
        case "undoes":
            return _value(UNDOES, value, stretch)
        case "ip" if not asked.goes_on:
            return _exactly(_network(asked.text, stretch))
        case "ip":
            return _value(ADDRESS, value, stretch)
        case _:
            assert_never(asked.what)


def _by(asked: By, stretch: Asking) -> Answer:
    place = int(asked.on_behalf)
    known = _value(KNOWN[place], Value(asked.text, asked.goes_on), stretch)
    named = _phrase(phrase(asked.text, asked.goes_on), NAMED[place], stretch)
    # A whole name has its words in their order, so it is sure where words alone aren't.
    whole = _value(NAME[place], Value(asked.text), stretch).sure & named.possible
    return Answer(known.sure | named.sure | whole, known.possible | named.possible)


def _changed(asked: Changed, stretch: Asking) -> Answer:
    sides = [
        (kind, value)
        for kind, value in ((BEFORE, asked.before), (AFTER, asked.after))
        if value is not None
    ]
    if asked.field is None:
        if not sides:
            # Any change at all.
            return Answer(BitMap(), stretch.all)
        return Answer(
            BitMap(), BitMap.intersection(*(_anywhere(value, stretch) for _, value in sides))
        )
    field = folded(asked.field)
    if not sides:
        return _value(FIELD, Value(field), stretch)
    answers = [
        _value(term(kind, field) + SEPARATOR, value, stretch, is_cut=len(field) >= LONGEST_TERM)
        for kind, value in sides
    ]
    return Answer(
        BitMap.intersection(*(each.sure for each in answers)),
        BitMap.intersection(*(each.possible for each in answers)),
    )


def _anywhere(value: Value, stretch: Asking) -> BitMap:
    """Return the entries that may have this value in some field: those that have its words."""
    if is_value(value, NONE) or not words(value.text):
        return stretch.all
    return _phrase(phrase(value.text, value.goes_on), WORD, stretch).possible


def _value(kind: bytes, value: Value, stretch: Asking, *, is_cut: bool = False) -> Answer:
    """Ask for a whole value; one that was cut may be another."""
    text = folded(value.text)
    sought = term(kind, text)
    if value.goes_on and len(text) <= LONGEST_TERM:
        found = stretch.prefixed(sought)
    else:
        found = stretch.bits(sought)
        is_cut = is_cut or len(text) >= LONGEST_TERM
    return Answer(BitMap(), found) if is_cut else _exactly(found)


def _network(text: str, stretch: Asking) -> BitMap:
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        return BitMap()
    low, high = (
        PLACE[network.version] + each.packed.hex().encode()
        for each in (network.network_address, network.broadcast_address)
    )
    return stretch.bits(low) if low == high else stretch.between(low, high + b"\0")


def _exactly(found: BitMap) -> Answer:
    return Answer(found, found)
