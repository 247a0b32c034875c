"""What an entry says in words: the activity, and the quieter line under it."""

from collections.abc import Sequence
from itertools import zip_longest
from typing import Final, NamedTuple

from audit_trail.record.catalog import Catalog, spelled, with_article
from audit_trail.record.entry import ActorId, ActorKind, Public, What, Who
from audit_trail.record.retained import RETAINED
from audit_trail.record.retained import summary as retention_summary

SHOWN_FIELDS: Final = 2
ERASED: Final = "erased"
"""What stands where something was erased."""

EVENTS: Final = {
    "sign_in": "Signed in",
    "sign_in_failed": "Failed to sign in",
    "sign_out": "Signed out",
    "export": "Exported audit logs",
    "read": "Read an entry of the audit logs",
    "read_denied": "Was refused the audit logs",
    "erase": "Erased personal data",
    **RETAINED,
    "rotate_key": "Changed the key that signs the audit logs",
    "begin_epoch": "Began to sign the audit logs anew",
    "unreadable": "Made a change that can't be read",
}
"""What an event is called that changes no record, by its action."""
_VIA: Final = {
    "ui": "Web",
    "api": "API",
    "job": "Job",
    "automation": "Automation",
    "cli": "Command line",
    "database": "Database",
    "import": "Import",
}


def activity(public: Public, what: What, catalog: Catalog) -> str:
    """Return the sentence, such as "Updated an inbox (#1564)"."""
    name = catalog.name(public.entity.type, frozenset(what.references))
    number = f" (#{public.entity.id})" if public.entity.id is not None else ""
    match public.action:
        case "create":
            return f"Created a new {name}{number}"
        case "update" | "delete":
            return f"{public.action.capitalize()}d {with_article(name)}{number}"
        case action:
            return catalog.events.get(action) or EVENTS.get(action) or _opening(spelled(action))


def summary(public: Public, what: What, catalog: Catalog) -> str:
    """Return the quieter line: what the number means, which fields changed, what it went with."""
    parts = [ERASED] if what.is_erased else [what.label] if what.label else []
    if public.action == "update" and public.fields:
        parts.append(
            listed(
                [catalog.field(public.entity.type, field).label or field for field in public.fields]
            )
        )
    if isinstance(went_with := what.details.get("went_with"), str):
        verb = "went with" if public.action == "delete" else "lost"
        parts.append(f"{verb} its {catalog.name(went_with)}")
    if retained := retention_summary(public.action, what.details, catalog):
        parts.append(retained)
    if isinstance(exported := what.details.get("exported"), int):
        entries = "1 entry" if exported == 1 else f"{exported:,} entries"
        parts.append(f"{entries} as {what.details.get('format')}")
    if isinstance(downloaded := what.details.get("downloaded"), str):
        parts.append(f"downloaded {downloaded}")
    if reason := what.details.get("reason"):
        parts.append(str(reason))
    if count := what.details.get("count"):
        parts.append(f"{count} more {'time' if count == 1 else 'times'} within a minute")
    if what.unreadable:
        parts.append("could not be read")
    return " · ".join(parts)


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
        by_token = f"by token {self.token}" if self.token else ""
        erased = ERASED if self.is_erased else ""
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
        return "Unknown"
    return kind_name(actor.kind) + (f" (#{actor.id})" if actor.id else "")


def kind_name(kind: ActorKind) -> str:
    """Return what a kind of actor is called: AI agent, API token."""
    return _opening(spelled(kind))


def via_name(public: Public) -> str:
    """Return how the act came in: Web, API, Database."""
    return _VIA[public.via]


def via_called(via: str) -> str:
    """Return what a way in is called; one that isn't known reads by its own name."""
    return _VIA.get(via, _opening(spelled(via)))


def _opening(words: str) -> str:
    return words[:1].upper() + words[1:]


def listed(labels: Sequence[str]) -> str:
    """List all where there are few; else the first, and how many more there are."""
    more = len(labels) - SHOWN_FIELDS
    return ", ".join(labels) if more <= 1 else f"{', '.join(labels[:SHOWN_FIELDS])} and {more} more"
