"""What may be typed next in the search box: keys of the language, then values; it asks no trail."""

import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple, get_args

from audit_trail.record.asked import quoted
from audit_trail.record.catalog import Catalog, spelled, titled
from audit_trail.record.entry import Outcome, Via
from audit_trail.record.keys import KEYS
from audit_trail.record.language import marked, told
from audit_trail.record.sentence import EVENTS, via_called
from audit_trail.record.words import folded
from audit_trail.server.filters import called
from audit_trail.server.known import Known

MOST_SUGGESTED: Final = 10

HINTS: Final = {
    "actor": marked("who did it: user, e-mail, name"),
    "action": marked("what was done: created, updated, deleted"),
    "entity": marked("the kind of record: inbox, team"),
    "field": marked("a changed field"),
    "from": marked("its value before"),
    "to": marked("its value after, what it became"),
    "id": marked("the number of a record"),
    "via": marked("the way in: web, api, database"),
    "outcome": marked("success, failure or denied"),
    "ip": marked("the address, or a network"),
    "date": marked("when: a day, today, -7d, a..b"),
    "time": marked("the time of day, 18:00..08:00"),
    "day": marked("the day of the week"),
    "before": marked("a word in a value before, old"),
    "after": marked("a word in a value after, new"),
    "on_behalf_of": marked("for whom it was done"),
    "request": marked("all that one request did"),
    "undoes": marked("what undoes an entry, by its number"),
}
"""Each key with what it asks for, the most useful first."""

_DATES: Final = {
    "today": marked("today"),
    "yesterday": marked("yesterday"),
    "this_week": marked("this week, from Monday"),
    "last_week": marked("last week"),
    "this_month": marked("this month"),
    "last_month": marked("last month"),
    "-1h": marked("the last hour"),
    "-24h": marked("the last 24 hours"),
    "-7d": marked("the last 7 days"),
    "-30d": marked("the last 30 days"),
    "this_year": marked("this year"),
    "last_year": marked("last year"),
}
_DAYS: Final = {
    "sat,sun": marked("the weekend"),
    "mon": marked("Monday"),
    "tue": marked("Tuesday"),
    "wed": marked("Wednesday"),
    "thu": marked("Thursday"),
    "fri": marked("Friday"),
    "sat": marked("Saturday"),
    "sun": marked("Sunday"),
}
_TIMES: Final = {
    "18:00..08:00": marked("the evening and the night"),
    "08:00..18:00": marked("the day"),
}

_KEY: Final = re.compile(r"([A-Za-z_]{2,}):")
_REST: Final = re.compile(r'[^\s(),"]*')


class Suggestion(NamedTuple):
    """A text that may stand where one is typed, and what it means; `goes_on` wants a value yet."""

    text: str
    hint: str
    goes_on: bool = False


class Suggested(NamedTuple):
    """The suggestions, each for what stands between two places of the question."""

    start: int
    stop: int
    items: list[Suggestion]


class _Typed(NamedTuple):
    """The term at a place: its key, and the beginning of a value or a word with where it stands."""

    key: str | None
    beginning: str
    start: int
    stop: int
    before: str


def suggested(text: str, at: int, catalog: Catalog, known: Known) -> Suggested:
    """Return what may be typed at a place of a question, at most ten suggestions."""
    typed = _typed(text, at)
    found = _keys(typed) if typed.key is None else _values(typed, catalog, known)
    return Suggested(typed.start, typed.stop, list(found)[:MOST_SUGGESTED])


def _typed(text: str, at: int) -> _Typed:
    term, value, is_quoted = 0, 0, False
    place = 0
    while place < at:
        sign = text[place]
        if is_quoted and sign == "\\":
            place += 1
        elif sign == '"':
            is_quoted = not is_quoted
        elif not is_quoted and (sign.isspace() or sign in "()"):
            term = value = place + 1
        elif not is_quoted and sign == ",":
            value = place + 1
        place += 1
    term += text[term:at].startswith("-")
    key = _KEY.match(text, term, at)
    start = max(value, key.end()) if key else term
    rest = _REST.match(text, at)
    stop = at if is_quoted or not rest else rest.end()
    beginning = text[start:at].replace('\\"', '"').removeprefix('"')
    return _Typed(key[1].lower() if key else None, beginning, start, stop, text[:term])


def _keys(typed: _Typed) -> Iterator[Suggestion]:
    keys = [key for key in HINTS if key in KEYS]
    named = [key for key in keys if key.startswith(folded(typed.beginning))]
    hints = {key: (HINTS[key], told(HINTS[key])) for key in keys}
    meant = [
        key for key in keys if key not in named and _begins(" ".join(hints[key]), typed.beginning)
    ]
    for key in (*named, *meant):
        yield Suggestion(f"{key}:", hints[key][1], goes_on=True)


def _values(typed: _Typed, catalog: Catalog, known: Known) -> Iterator[Suggestion]:
    offered = [
        (value, hint) for value, hint in _offered(typed, catalog, known) if value.isprintable()
    ]
    beginning = folded(typed.beginning)
    begin = [each for each in offered if folded(each[0]).startswith(beginning)]
    have = [each for each in offered if each not in begin and _begins(" ".join(each), beginning)]
    for value, hint in (*begin, *have):
        # Several days, and ranges, are what their key takes without quotes.
        text = value if typed.key in ("day", "time", "date") else quoted(value)
        yield Suggestion(text, "" if hint == value else hint)


def _offered(typed: _Typed, catalog: Catalog, known: Known) -> Iterable[tuple[str, str]]:
    match typed.key:
        case "actor":
            return ((each, called(catalog, "actor", each)) for each in known.actors)
        case "on_behalf_of":
            return ((each, "") for each in known.principals)
        case "action":
            actions = dict.fromkeys((*known.actions, "create", "update", "delete", *EVENTS))
            events = {**EVENTS, **catalog.events}
            return ((each, told(events.get(each, ""))) for each in actions)
        case "entity":
            kinds = dict.fromkeys((*known.entities, *catalog.kinds))
            return ((catalog.name(each), told(catalog.name(each))) for each in kinds)
        case "via":
            return ((each, via_called(each)) for each in get_args(Via))
        case "outcome":
            return ((each, "") for each in get_args(Outcome))
        case "ip":
            return ((each, "") for each in known.addresses)
        case "field":
            return _fields(typed, catalog, known)
        case "from" | "to":
            return ((each, "") for each in _of_field(typed, known))
        case "date" | "day" | "time":
            words = {"date": _DATES, "day": _DAYS, "time": _TIMES}[typed.key]
            return ((each, told(hint)) for each, hint in words.items())
        case _:
            return ()


def _fields(typed: _Typed, catalog: Catalog, known: Known) -> Iterator[tuple[str, str]]:
    """Yield the fields of the entity that was asked for before, else those of all."""
    (*_, asked) = (None, *re.findall(r'(?<![\w-])entity:(?:"([^"]*)"|([^\s,()"]+))', typed.before))
    name = folded(asked[0] or asked[1]).replace("_", " ") if asked else None
    kinds = dict.fromkeys((*known.fields, *catalog.kinds))
    own = [kind for kind in kinds if name in (kind.replace("_", " "), folded(catalog.name(kind)))]
    labels = {
        field: catalog.field(kind, field).label or spelled(field)
        for kind in reversed(own or list(kinds))
        for field in (*reversed(_catalogued(catalog, kind)), *reversed(known.fields.get(kind, ())))
    }
    return ((field, titled(told(label))) for field, label in reversed(labels.items()))


def _catalogued(catalog: Catalog, kind: str) -> list[str]:
    return list(catalog.kinds[kind].fields) if kind in catalog.kinds else []


def _of_field(typed: _Typed, known: Known) -> list[str]:
    """Return the values of the nearest field before."""
    fields = re.findall(r'field:"?([^\s,()"]+)', typed.before)
    return ["none", *known.values.get(fields[-1], ())] if fields else ["none"]


def _begins(text: str, beginning: str) -> bool:
    """Tell whether a word of a text begins so."""
    sought = folded(beginning)
    return any(word.startswith(sought) for word in re.split(r"[^\w]+", folded(text)) if word)
