"""A question, as people type it into the search box, and the condition that it asks for.

The language is described in docs/searching.md.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import tzinfo
from itertools import product
from typing import Final, NamedTuple, TypeVar

from audit_trail.errors import QuestionRefused
from audit_trail.record.asked import (
    MOST_TERMS,
    Group,
    Node,
    Spelled,
    Term,
    Unclear,
    quoted,
    refused,
    told,
    told_inside,
    told_value,
    tree_of,
)
from audit_trail.record.catalog import Catalog
from audit_trail.record.keys import KEYS, Meaning, expect_key
from audit_trail.record.language import marked, say, series
from audit_trail.record.query import Changed, Condition, Not, Value, all_of, any_of
from audit_trail.record.words import words

__all__ = ["Piece", "Question", "and_also", "quoted", "understand", "without"]

_CHANGE: Final = ("field", "from", "to")


class Piece(NamedTuple):
    """One part of a question: its text, how it reads, and the question's text without it."""

    text: str
    label: str
    without: str


class Question(NamedTuple):
    """What is asked for, and the parts that all of it must have; without `where`, everything is."""

    where: Condition | None
    parts: tuple[Piece, ...]


def understand(
    text: str,
    *,
    zone: tzinfo,
    now_us: int,
    catalog: Catalog = Catalog(),  # noqa: B008 # it is frozen
) -> Question:
    """Return what a text asks for: days are those of the zone, names the catalog's.

    Raises `QuestionRefused`, which says where, and what might be meant.
    """
    asked = _Asked(text, Meaning(zone, now_us, catalog))
    tree = tree_of(text, asked.check)
    return Question(asked.inside(tree), tuple(_pieces(tree)))


def and_also(text: str, part: str) -> str:
    """Return a question's text with another part; one that it has already isn't added again."""
    try:
        asked, added = tree_of(text), tree_of(part)
    except QuestionRefused:
        return f"{text.strip()} {part.strip()}".strip()
    if not any(asked.either):
        return told_inside(added)
    if told_inside(added) in (each for each, _ in _top(asked)):
        return told_inside(asked)
    return f"{_as_part(asked)} {_as_part(added)}".strip()


def without(text: str, part: str) -> str:
    """Return a question's text without this part of it."""
    try:
        asked, taken = tree_of(text), told_inside(tree_of(part))
    except QuestionRefused:
        return text
    return " ".join(each for each, _ in _top(asked) if each != taken)


class Change(NamedTuple):
    """What of a row is about one change, by key."""

    terms: dict[str, Term]


Part = Node | Change
Meant = TypeVar("Meant")


class _Asked:
    """The meaning of one text's tree."""

    def __init__(self, text: str, meaning: Meaning) -> None:
        self._text = text
        self._meaning = meaning

    def check(self, term: Term) -> None:
        """Refuse a term that means nothing, before the text is read on."""
        try:
            expect_key(term.key)
        except Unclear as unclear:
            stop = term.values[0].start
            start = stop - len(term.key or "") - 1
            raise refused(
                self._text, start, stop, unclear.said, unclear.instead, term=term.start
            ) from None
        if not _is_signs(term):
            self._term(term)

    def inside(self, group: Group) -> Condition | None:
        """Return what holds where one of the group's rows does."""
        rows = [all_of(*map(self._part, self._meant(row))) for row in group.either if row]
        return any_of(*(row for row in rows if row is not None))

    def _meant(self, row: Sequence[Node]) -> list[Part]:
        parts = _parts_of(row)
        if not parts:
            said = say("there is no letter or digit to look for; write a word.")
            raise refused(self._text, row[0].start, row[-1].stop, said)
        return parts

    def _part(self, part: Part) -> Condition | None:
        match part:
            case Change(terms):
                return self._change(terms)
            case Term():
                return self._term(part)
        found = self.inside(part)
        return Not(found) if part.negated and found is not None else found

    def _term(self, term: Term) -> Condition | None:
        if term.key in _CHANGE:
            found = self._change({term.key: term})
        else:
            found = any_of(*(self._value(term, value) for value in term.values))
        return Not(found) if term.negated and found is not None else found

    def _value(self, term: Term, value: Spelled) -> Condition:
        return self._clear(term, value, lambda: self._meaning.condition(term.key, value))

    def _change(self, terms: Mapping[str, Term]) -> Condition | None:
        fields: list[str | None] = [None]
        if named := terms.get("field"):
            fields = [column for value in named.values for column in self._columns(named, value)]
        before, after = (self._side(terms.get(side)) for side in ("from", "to"))
        if len(fields) * len(before) * len(after) > MOST_TERMS:
            *_, last = terms.values()
            said = say(
                "these values make more than %(count)s changes, so ask for less at once.",
                count=MOST_TERMS,
            )
            raise refused(self._text, last.start, last.stop, said)
        return any_of(*(Changed(*each) for each in product(fields, before, after)))

    def _columns(self, term: Term, value: Spelled) -> Sequence[str]:
        return self._clear(term, value, lambda: self._meaning.fields(value))

    def _side(self, term: Term | None) -> Sequence[Value | None]:
        if term is None:
            return [None]
        return [self._whole(term, value) for value in term.values]

    def _whole(self, term: Term, value: Spelled) -> Value:
        return self._clear(term, value, lambda: self._meaning.value(value))

    def _clear(self, term: Term, value: Spelled, mean: Callable[[], Meant]) -> Meant:
        """Return what is meant; say of what means nothing where it stands."""
        try:
            return mean()
        except Unclear as unclear:
            start = term.start if unclear.instead is not None else value.start
            instead = unclear.instead
            if instead is not None and term.negated:
                instead = f"-{instead}"
            raise refused(
                self._text, start, value.stop, unclear.said, instead, term=term.start
            ) from None


def _parts_of(row: Sequence[Node]) -> list[Part]:
    """Return a row's parts: the terms about one change are one, and signs alone are none."""
    parts: list[Part] = []
    for node in row:
        if not (isinstance(node, Term) and node.key in _CHANGE and not node.negated):
            if not (isinstance(node, Term) and _is_signs(node)):
                parts.append(node)
        elif change := _lacking(node.key, parts):
            change.terms[node.key] = node
        else:
            parts.append(Change({node.key: node}))
    return parts


def _lacking(key: str, parts: Sequence[Part]) -> "Change | None":
    """Return the nearest change with a field that lacks this side, else the first without a field."""
    if key == "field":
        return None
    open_ones = [part for part in parts if isinstance(part, Change) and key not in part.terms]
    with_field = [change for change in open_ones if "field" in change.terms]
    return next(iter(with_field[-1:] or open_ones), None)


def _is_signs(term: Term) -> bool:
    """Tell whether free text is signs alone, which stand between words and aren't looked for."""
    return (
        term.key is None
        and not term.negated
        and not term.values[0].goes_on
        and not words(term.values[0].text)
    )


def _top(tree: Group) -> list[tuple[str, Part]]:
    """Return the parts of a whole question with their texts; of either-or there is one."""
    if len(tree.either) > 1:
        return [(told_inside(tree), tree)]
    return [(_told(part), part) for part in _parts_of(tree.either[0])]


def _told(part: Part) -> str:
    if isinstance(part, Change):
        return " ".join(told(part.terms[key]) for key in _CHANGE if key in part.terms)
    return told(part)


def _as_part(tree: Group) -> str:
    return f"({told_inside(tree)})" if len(tree.either) > 1 else told_inside(tree)


def _pieces(tree: Group) -> Iterator[Piece]:
    parts = _top(tree)
    for place, (text, part) in enumerate(parts):
        others = " ".join(other for at, (other, _) in enumerate(parts) if at != place)
        yield Piece(text, _label(part, text), others)


def _label(part: Part, text: str) -> str:
    match part:
        case Change(terms):
            words_of = {
                "field": marked("of %(value)s"),
                "from": marked("from %(value)s"),
                "to": marked("to %(value)s"),
            }
            said = [
                say(words_of[key], value=_listed(terms[key])) for key in _CHANGE if key in terms
            ]
            return say("Change %(parts)s", parts=" ".join(said))
        case Term(key, _, negated):
            label = say(KEYS[key]) if key else say("Text")
            message = marked("Not %(key)s: %(value)s") if negated else marked("%(key)s: %(value)s")
            return say(message, key=label, value=_listed(part))
        case _:
            return text


def _listed(term: Term) -> str:
    *first, last = map(told_value, term.values)
    return say("%(first)s or %(last)s", first=series(first), last=last) if first else last
