"""What the keys of a question mean, and the names by which people know what they ask for."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import tzinfo
from difflib import get_close_matches
from functools import cached_property
from ipaddress import ip_network
from typing import Final, get_args

from audit_trail.record.asked import Spelled, Unclear, in_quotes, is_address
from audit_trail.record.catalog import Catalog
from audit_trail.record.dates import during
from audit_trail.record.entry import Outcome, Via
from audit_trail.record.hours import day_of_week, time_of_day
from audit_trail.record.language import marked, say, series
from audit_trail.record.query import (
    By,
    Condition,
    Exactly,
    Holds,
    Is,
    Value,
    Words,
    any_of,
)
from audit_trail.record.words import folded, words

KEYS: Final[Mapping[str, str]] = {
    "actor": marked("Actor"),
    "action": marked("Action"),
    "entity": marked("Entity"),
    "id": marked("ID"),
    "field": marked("Field"),
    "from": marked("From"),
    "to": marked("To"),
    "before": marked("Before"),
    "after": marked("After"),
    "ip": marked("IP"),
    "via": marked("Via"),
    "outcome": marked("Outcome"),
    "request": marked("Request"),
    "undoes": marked("Undoes"),
    "on_behalf_of": marked("On behalf of"),
    "date": marked("Date"),
    "time": marked("Time"),
    "day": marked("Day"),
}
"""Each key, and how it reads."""

_MEANT: Final = {
    **dict.fromkeys(("user", "who", "by", "person", "email", "agent"), "actor"),
    **dict.fromkeys(("what", "verb", "event", "did"), "action"),
    **dict.fromkeys(("type", "table", "kind", "resource", "record"), "entity"),
    **dict.fromkeys(("where", "channel", "source", "way"), "via"),
    **dict.fromkeys(("when", "since", "until", "on", "range"), "date"),
    **dict.fromkeys(("hour", "hours", "clock"), "time"),
    **dict.fromkeys(("weekday", "days"), "day"),
    **dict.fromkeys(("change", "changed", "column", "attribute"), "field"),
    **dict.fromkeys(("address", "host"), "ip"),
    **dict.fromkeys(("result", "status"), "outcome"),
    **dict.fromkeys(("behalf", "onbehalfof", "for", "principal"), "on_behalf_of"),
    **dict.fromkeys(("undo", "undone", "restores", "restored"), "undoes"),
    "old": "before",
    "new": "after",
    "number": "id",
    "was": "from",
    "became": "to",
}
_ACTIONS: Final = {
    **dict.fromkeys(("created", "add", "added"), "create"),
    **dict.fromkeys(("updated", "change", "changed", "edit", "edited"), "update"),
    **dict.fromkeys(("deleted", "destroy", "destroyed", "remove", "removed"), "delete"),
    **dict.fromkeys(("signed_in", "login", "logged_in"), "sign_in"),
    **dict.fromkeys(("failed_to_sign_in", "login_failed"), "sign_in_failed"),
    **dict.fromkeys(("signed_out", "logout", "logged_out"), "sign_out"),
    "exported": "export",
    "erased": "erase",
    "dropped": "drop",
}
_OUTCOMES: Final = {
    **dict.fromkeys(("succeeded", "successful", "ok"), "success"),
    "failed": "failure",
    **dict.fromkeys(("refused", "forbidden"), "denied"),
}
_VIAS: Final = {"web": "ui", "page": "ui", "command_line": "cli", "db": "database"}


class Meaning:
    """What a question's values mean to whoever asks: in their zone, now, by their catalog's names."""

    def __init__(self, zone: tzinfo, now_us: int, catalog: Catalog) -> None:
        self._zone = zone
        self._now_us = now_us
        self._catalog = catalog

    def condition(self, key: str | None, value: Spelled) -> Condition:
        """Return what a value asks for behind this key, or alone. Raises `Unclear`."""
        _expect_beginning(value)
        text, goes_on = value.text, value.goes_on
        match key:
            case None:
                return _free(value)
            case "before" | "after":
                return Holds(key, _some_words(text), goes_on)
            case "actor" | "on_behalf_of":
                return By(_some_words(text), goes_on, key == "on_behalf_of")
            case "date" | "time" | "day":
                return self._when(key, value)
            case "entity":
                types = [text] if goes_on else self.entities(text)
                return _either(Is("entity", each, goes_on) for each in types)
            case "action":
                action = _snake(text)
                return Is("action", action if goes_on else _ACTIONS.get(action, action), goes_on)
            case "via":
                return _known("via", value, get_args(Via), _VIAS)
            case "outcome":
                return _known("outcome", value, get_args(Outcome), _OUTCOMES)
            case "ip":
                return _address(value)
            case "id" | "request":
                return Is(key, _something(text), goes_on)
            case "undoes":
                return Is("undoes", _number(value))
            case _:
                raise Unclear(*_no_key(key))

    def _when(self, key: str, value: Spelled) -> Condition:
        if value.goes_on:
            raise Unclear(say("%(key)s: takes no star.", key=key))
        match key:
            case "date":
                return during(value.text, zone=self._zone, now_us=self._now_us)
            case "time":
                return time_of_day(value.text, self._zone)
            case _:
                return day_of_week(value.text, self._zone)

    def entities(self, text: str) -> list[str]:
        """Return the types that are called so; a name that nobody knows is a type's own."""
        name = _snake(_something(text))
        return self._types.get(folded(text)) or self._types.get(name.replace("_", " ")) or [name]

    def fields(self, value: Spelled) -> list[str]:
        """Return the columns that are called so; a name that nobody knows is a column's own."""
        _something(value.text)
        if value.goes_on:
            raise Unclear(say("a field is named whole, without a star."), f"field:{value.text}")
        return self._columns.get(folded(value.text)) or [_snake(value.text)]

    def value(self, value: Spelled) -> Value:
        """Return the value that is asked for as a whole."""
        _expect_beginning(value)
        return Value(value.text, value.goes_on)

    @cached_property
    def _types(self) -> Mapping[str, list[str]]:
        found = defaultdict(list)
        for name, kind in self._catalog.kinds.items():
            other = (kind.with_reference[1],) if kind.with_reference else ()
            for called in dict.fromkeys((kind.name, *other, name.replace("_", " "))):
                found[folded(called)].append(name)
        return found

    @cached_property
    def _columns(self) -> Mapping[str, list[str]]:
        found: dict[str, dict[str, None]] = defaultdict(dict)
        for name, kind in self._catalog.kinds.items():
            for column in kind.fields:
                label = self._catalog.field(name, column).label or column
                found[folded(label)][column] = found[folded(column)][column] = None
        return {called: list(columns) for called, columns in found.items()}


def expect_key(key: str | None) -> None:
    """Raise `Unclear` where there is no such key."""
    if key is not None and key not in KEYS:
        raise Unclear(*_no_key(key))


def _no_key(key: str) -> tuple[str, str | None]:
    close = get_close_matches(key, KEYS, 1)
    meant = _MEANT.get(key) or (close[0] if close else None)
    shown = f"{key[:40]}:"
    if meant:
        return (
            say(
                "%(key)s is no key; write %(meant)s: instead, or in quotes to look for it.",
                key=shown,
                meant=meant,
            ),
            f"{meant}:",
        )
    said = say(
        "%(key)s is no key; write it in quotes to look for it, or one of %(keys)s.",
        key=shown,
        keys=_listed(KEYS),
    )
    return said, None


def _free(value: Spelled) -> Condition:
    text = value.text
    if not value.is_quoted and not value.goes_on:
        if is_address(text):
            return Is("ip", text)
        if text[:1] == "#" and text[1:].isascii() and text[1:].isdigit():
            return Is("id", text[1:])
    return Words(_some_words(text), value.goes_on)


def _some_words(text: str) -> str:
    if not words(text):
        said = in_quotes(text[:40])
        raise Unclear(
            say(
                "%(said)s has no letter or digit to look for; write a word, or from: or to:.",
                said=said,
            )
        )
    return text


def _something(text: str) -> str:
    if not text.strip():
        raise Unclear(say("there is nothing between the quotes; write a value."))
    return text


def _expect_beginning(value: Spelled) -> None:
    if not value.goes_on:
        return
    letters = folded(value.text).strip()
    # Where each character is as much as a word, one is enough.
    if len(letters) < 2 and len(words(letters * 2)) < 2:
        raise Unclear(say("a star needs two letters or digits before it; write more of the word."))


def _number(value: Spelled) -> str:
    text = value.text.strip().removeprefix("#")
    if value.goes_on or not (text.isascii() and text.isdigit()):
        raise Unclear(say("undoes: takes the number of an entry, such as undoes:123."))
    return text


def _address(value: Spelled) -> Condition:
    text = value.text
    if value.goes_on and set(text.lower()) <= set("0123456789abcdef.:"):
        return Is("ip", text, True)
    try:
        ip_network(text, strict=False)
    except ValueError:
        said = say(
            "%(text)s is no address; write one as 203.0.113.7, 203.0.113.0/24 or 203.0.*.",
            text=text[:40],
        )
        raise Unclear(said) from None
    if value.goes_on:
        raise Unclear(say("a network takes no star."), f"ip:{text}")
    return Is("ip", text)


def _known(
    key: Exactly, value: Spelled, known: Iterable[str], aliases: Mapping[str, str]
) -> Condition:
    name = _snake(value.text)
    if value.goes_on and any(each.startswith(name) for each in known):
        return Is(key, name, True)
    name = aliases.get(name, name)
    if name in known and not value.goes_on:
        return Is(key, name)
    close = get_close_matches(name, [*known, *aliases], 1)
    meant = f"{key}:{aliases.get(close[0], close[0])}" if close else None
    raise Unclear(
        say(
            "%(text)s is no %(key)s; write one of %(known)s.",
            text=value.text[:40],
            key=key,
            known=_listed(known),
        ),
        meant,
    )


def _either(conditions: Iterable[Condition]) -> Condition:
    found = any_of(*conditions)
    assert found is not None  # noqa: S101 # every name is at least its own
    return found


def _snake(text: str) -> str:
    return "_".join(folded(text).replace("-", " ").split())


def _listed(names: Iterable[str]) -> str:
    *first, last = names
    return say("%(first)s or %(last)s", first=series(first), last=last)
