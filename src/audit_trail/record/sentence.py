"""What an entry says in words: the activity, and the quieter line under it."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any, Final, NamedTuple

from audit_trail.record.captured import CAPTURED
from audit_trail.record.captured import summary as capture_summary
from audit_trail.record.catalog import Catalog, spelled, with_article
from audit_trail.record.entry import ActorId, ActorKind, Public, What, Who
from audit_trail.record.facts import undone_number
from audit_trail.record.language import marked, say, say_many, series, told
from audit_trail.record.opened import summary as read_summary
from audit_trail.record.retained import RETAINED
from audit_trail.record.retained import summary as retention_summary

SHOWN_FIELDS: Final = 2
ERASED: Final = marked("erased")
"""What stands where something was erased."""

EVENTS: Final = {
    "sign_in": marked("Signed in"),
    "sign_in_failed": marked("Failed to sign in"),
    "sign_out": marked("Signed out"),
    "export": marked("Exported audit logs"),
    "read": marked("Read an entry of the audit logs"),
    "read_denied": marked("Was refused the audit logs"),
    "erase": marked("Erased personal data"),
    **RETAINED,
    **CAPTURED,
    "reconciliation_failed": marked("Found records that aren't as their entries say"),
    "reconciled": marked("Found all records as their entries say again"),
    "rotate_key": marked("Changed the key that signs the audit logs"),
    "begin_epoch": marked("Began to sign the audit logs anew"),
    "capture_lost": marked("Could not record changes"),
    "unreadable": marked("Made a change that can't be read"),
}
"""What an event is called that changes no record, by its action."""

_VIA: Final = {
    "ui": marked("Web"),
    "api": marked("API"),
    "job": marked("Job"),
    "automation": marked("Automation"),
    "cli": marked("Command line"),
    "database": marked("Database"),
    "import": marked("Import"),
}
_DONE: Final = {
    "create": marked("Created a new %(name)s%(number)s"),
    "update": marked("Updated %(a_name)s%(number)s"),
    "delete": marked("Deleted %(a_name)s%(number)s"),
}
_KINDS: Final = {
    "user": marked("User"),
    "api_token": marked("API token"),
    "agent_bot": marked("Agent bot"),
    "automation": marked("Automation"),
    "job": marked("Job"),
    "ai_agent": marked("AI agent"),
    "support": marked("Support"),
    "system": marked("System"),
    "anonymous": marked("Anonymous"),
}


def activity(public: Public, what: What, catalog: Catalog) -> str:
    """Return the sentence, such as "Updated an inbox (#1564)"."""
    name = told(catalog.name(public.entity.type, frozenset(what.references)))
    number = "" if public.entity.id is None else say(" (#%(id)s)", id=public.entity.id)
    if done := _DONE.get(public.action):
        return say(done, name=name, a_name=with_article(name), number=number)
    return action_called(public.action, catalog)


def action_called(action: str, catalog: Catalog) -> str:
    """Return what an action that changes no record is called, as a sentence."""
    sentence = catalog.events.get(action) or EVENTS.get(action)
    return told(sentence or _opening(spelled(action)))


def summary(public: Public, what: What, catalog: Catalog) -> str:
    """Return the quieter line: what the number means, which fields changed, what it went with."""
    parts = [*_of_record(public, what, catalog), *_of_event(public.action, what.details, catalog)]
    if what.unreadable:
        parts.append(say("could not be read"))
    return " · ".join(parts)


def _of_record(public: Public, what: What, catalog: Catalog) -> Iterator[str]:
    """Say which record it is, and what became of it."""
    if what.is_erased:
        yield told(ERASED)
    elif what.label:
        yield what.label
    if public.action == "update" and public.fields:
        kind = public.entity.type
        yield listed([told(catalog.field(kind, each).label or each) for each in public.fields])
    if isinstance(went_with := what.details.get("went_with"), str):
        with_it = marked("went with its %(name)s")
        without = marked("lost its %(name)s")
        message = with_it if public.action == "delete" else without
        yield say(message, name=told(catalog.name(went_with)))
    if undone := undone_number(what):
        yield say("undoes entry #%(number)s", number=undone)


def _of_event(action: str, details: Mapping[str, Any], catalog: Catalog) -> Iterator[str]:
    """Say what an event was about, and how often it came."""
    said = (
        retention_summary(action, details, catalog),
        capture_summary(action, details, catalog),
        read_summary(action, details),
    )
    yield from filter(None, said)
    if isinstance(differing := details.get("differing"), int):
        yield say_many("%(count)s record differs", "%(count)s records differ", differing)
    if isinstance(exported := details.get("exported"), int):
        yield say_many(
            "%(count)s entry as %(form)s",
            "%(count)s entries as %(form)s",
            exported,
            form=details.get("format"),
        )
    if isinstance(downloaded := details.get("downloaded"), str):
        yield say("downloaded %(name)s", name=downloaded)
    if reason := details.get("reason"):
        yield str(reason)
    if isinstance(count := details.get("count"), int) and count:
        yield say_many(
            "%(count)s more time within a minute", "%(count)s more times within a minute", count
        )


class Called(NamedTuple):
    """What an actor is called; its kind, where the name would pass for a user's; its token.

    Of a name that was erased, the kind and the id are left.
    """

    name: str
    kind: str = ""
    token: str = ""
    is_erased: bool = False

    @property
    def notes(self) -> tuple[str, ...]:
        """What is said of the actor beside the name."""
        by_token = say("by token %(name)s", name=self.token) if self.token else ""
        erased = told(ERASED) if self.is_erased else ""
        return tuple(note for note in (self.kind, by_token, erased) if note)


def actor_name(public: Public, email: str | None, name: str | None) -> str:
    """Return what the User column shows: the login e-mail, or System when no person acted.

    Where no name is left, as after an erasure, it says at least what acted, and which one.
    """
    return email or name or _unnamed(public.actor)


def actor_called(public: Public, who: Who) -> Called:
    """Return what the actor is called, and which token they used."""
    name, token = who.email or who.name, (who.token or {}).get("name")
    return _called(public.actor, name, token, who.is_erased)


def principals(public: Public, who: Who) -> list[Called]:
    """Return those acted for, each by the one before it.

    The public part has room for the kinds and ids of the first of them; the who part has all the
    names, or none when it was erased.
    """
    return [
        _called(actor, names.get("email") or names.get("name"), names.get("token"), who.is_erased)
        for actor, said in zip_longest(public.on_behalf_of, who.on_behalf_of)
        for names in [said or {}]
    ]


def _called(actor: ActorId | None, name: str | None, token: str | None, is_erased: bool) -> Called:
    kind = kind_name(actor.kind) if actor and name and actor.kind != "user" else ""
    return Called(name or _unnamed(actor), kind, token or "", is_erased)


def _unnamed(actor: ActorId | None) -> str:
    if actor is None:
        return say("Unknown")
    return kind_name(actor.kind) + (f" (#{actor.id})" if actor.id else "")


def kind_name(kind: ActorKind) -> str:
    """Return what a kind of actor is called: AI agent, API token."""
    return kind_called(kind)


def kind_called(kind: str) -> str:
    """Return what a kind of actor is called; one that isn't known reads by its own name."""
    return told(_KINDS.get(kind) or _opening(spelled(kind)))


def via_name(public: Public) -> str:
    """Return how the act came in: Web, API, Database."""
    return told(_VIA[public.via])


def via_called(via: str) -> str:
    """Return what a way in is called; one that isn't known reads by its own name."""
    return told(_VIA.get(via, _opening(spelled(via))))


def _opening(words: str) -> str:
    return words[:1].upper() + words[1:]


def listed(labels: Sequence[str]) -> str:
    """List all where there are few; else the first, and how many more there are."""
    more = len(labels) - SHOWN_FIELDS
    if more <= 1:
        return series(labels)
    return say("%(first)s and %(more)s more", first=series(labels[:SHOWN_FIELDS]), more=more)
