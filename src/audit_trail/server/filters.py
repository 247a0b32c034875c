"""What of an entry can be asked for: links that keep what has the same value, or leave it out."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from audit_trail.record.asked import LONGEST, is_address
from audit_trail.record.catalog import Catalog, spelled, titled
from audit_trail.record.entry import Public, Who
from audit_trail.record.facts import NONE, Moved
from audit_trail.record.language import marked, say, told
from audit_trail.record.question import and_also, quoted, without
from audit_trail.record.sentence import actor_called, kind_called, via_called
from audit_trail.record.terms import actor_value
from audit_trail.server.asked import Asked

FACETS: Final = {
    "actor": marked("User"),
    "action": marked("Action"),
    "entity": marked("Entity"),
    "via": marked("Where"),
    "outcome": marked("Outcome"),
}
"""How each facet is called."""

_WORDS: Final = {
    "create": marked("create"),
    "update": marked("update"),
    "delete": marked("delete"),
    "sign_in": marked("sign in"),
    "sign_in_failed": marked("sign in failed"),
    "sign_out": marked("sign out"),
    "export": marked("export"),
    "read": marked("read"),
    "read_denied": marked("read denied"),
    "erase": marked("erase"),
    "drop": marked("drop"),
    "change_retention": marked("change retention"),
    "place_hold": marked("place hold"),
    "lift_hold": marked("lift hold"),
    "rotate_key": marked("rotate key"),
    "begin_epoch": marked("begin epoch"),
    "unreadable": marked("unreadable"),
    "success": marked("success"),
    "failure": marked("failure"),
    "denied": marked("denied"),
}

LONGEST_ASKED: Final = 200
"""Characters of a value that is offered to be asked for; a longer one is found by its words."""


class Filter(NamedTuple):
    """A value that can be asked for, and the addresses' ends that keep it or leave it out."""

    label: str
    value: str
    keep: str
    drop: str


class Filters:
    """Makes the links of one page, each of them once."""

    def __init__(self, asked: Asked, catalog: Catalog) -> None:
        self._asked = asked
        self._catalog = catalog
        self._links: dict[tuple[str, ...], tuple[str, str] | None] = {}

    def of(self, label: str, value: str, *terms: str) -> Filter | None:
        """Return the links for what all these terms ask; None where that can't be typed."""
        if terms not in self._links:
            self._links[terms] = self._made(terms)
        links = self._links[terms]
        return Filter(label, value, *links) if links and value.isprintable() else None

    def _made(self, terms: tuple[str, ...]) -> tuple[str, str] | None:
        part = " ".join(terms)
        if not part.isprintable():
            return None
        keep, drop = part, f"-({part})" if len(terms) > 1 else f"-{part}"
        text = self._asked.given.get("q", "")
        questions = keep, drop
        if text:
            # What says the opposite goes, or nothing would be left.
            questions = and_also(without(text, drop), keep), and_also(without(text, keep), drop)
        if max(map(len, questions)) > LONGEST:
            return None
        kept, dropped = (self._asked.instead(q=question) for question in questions)
        return kept, dropped

    def user(self, public: Public, who: Who) -> Filter | None:
        """Return the filter of who acted."""
        actor = who.email or actor_value(public.actor)
        return self.of(say("User"), actor_called(public, who).name, f"actor:{quoted(actor)}")

    def facet(self, facet: str, value: str) -> Filter | None:
        """Return the filter of an action, entity, way in or outcome."""
        label = told(FACETS.get(facet, titled(facet)))
        return self.of(label, called(self._catalog, facet, value), f"{facet}:{quoted(value)}")

    def record(self, public: Public) -> Filter | None:
        """Return the filter of the very record."""
        kind, number = public.entity.type, public.entity.id
        if number is None:
            return None
        name = f"{titled(told(self._catalog.name(kind)))} #{number}"
        return self.of(say("Record"), name, f"entity:{quoted(kind)}", f"id:{quoted(number)}")

    def address(self, who: Who) -> Filter | None:
        """Return the filter of where the act came from."""
        nearest = who.nearest
        # What names its interface, as fe80::1%eth0, is no address of a network.
        if not nearest or "%" in nearest or not is_address(nearest):
            return None
        return self.of(say("Address"), nearest, f"ip:{quoted(nearest)}")

    def request(self, public: Public) -> Filter | None:
        """Return the filter of what one request did."""
        asked = public.request
        return self.of(say("Request"), asked, f"request:{quoted(asked)}") if asked else None

    def field(self, name: str, label: str) -> Filter | None:
        """Return the filter of a field that changed."""
        return self.of(say("Field"), label, f"field:{quoted(name)}")

    def side(self, move: Moved, side: str, label: str, *, is_reference: bool) -> Filter | None:
        """Return the filter of a field's value before or after, where it is one and short."""
        items = (move.before if side == "before" else move.after) or ()
        # A reference is its number and, behind it, its label.
        if len(items) != 1 + is_reference or len(items[0]) > LONGEST_ASKED:
            return None
        key = "from" if side == "before" else "to"
        terms = f"field:{quoted(move.field)}", f"{key}:{quoted(items[0])}"
        message = marked("%(field)s from") if side == "before" else marked("%(field)s to")
        value = say("none") if items[-1] == NONE else items[-1] or say("empty text")
        return self.of(say(message, field=label), value, *terms)

    def entry(self, public: Public, who: Who) -> Iterator[Filter]:
        """Yield the filters of an entry's row."""
        filters = (
            self.user(public, who),
            self.facet("action", public.action),
            self.facet("entity", public.entity.type),
            self.record(public),
            self.address(who),
            self.facet("via", public.via),
            self.facet("outcome", public.outcome),
            self.request(public),
        )
        yield from (each for each in filters if each)


def called(catalog: Catalog, facet: str, value: str) -> str:
    """Return what a facet's value is called; an actor is told as e-mail, kind or kind/id."""
    match facet:
        case "entity":
            return titled(told(catalog.name(value)))
        case "via":
            return via_called(value)
        case "actor" if "@" not in value:
            kind, _, number = value.partition("/")
            name = kind_called(kind)
            return f"{name} (#{number})" if number else name
        case "actor":
            return value
        case _:
            return titled(told(_WORDS.get(value, spelled(value))))
