"""What an entry says in words: the activity, and the quieter line under it."""

from collections.abc import Sequence
from typing import Final

from audit_trail.record.catalog import Catalog, spelled, with_article
from audit_trail.record.entry import Public, What

SHOWN_FIELDS: Final = 2

_EVENTS: Final = {
    "sign_in": "Signed in",
    "sign_in_failed": "Failed to sign in",
    "sign_out": "Signed out",
    "export": "Exported audit logs",
    "read": "Read an entry of the audit logs",
    "read_denied": "Was refused the audit logs",
    "erase": "Erased personal data",
    "retention": "Changed retention",
    "unreadable": "Made a change that can't be read",
}
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
            return catalog.events.get(action) or _EVENTS.get(action) or _opening(spelled(action))


def summary(public: Public, what: What, catalog: Catalog) -> str:
    """Return the quieter line: what the number means, which fields changed, what it went with."""
    parts = [what.label] if what.label else []
    if public.action == "update" and public.fields:
        parts.append(
            _listed(
                [catalog.field(public.entity.type, field).label or field for field in public.fields]
            )
        )
    if isinstance(went_with := what.details.get("went_with"), str):
        verb = "went with" if public.action == "delete" else "lost"
        parts.append(f"{verb} its {catalog.name(went_with)}")
    if reason := what.details.get("reason"):
        parts.append(str(reason))
    if count := what.details.get("count"):
        parts.append(f"{count} more {'time' if count == 1 else 'times'} within a minute")
    if what.unreadable:
        parts.append("could not be read")
    return " · ".join(parts)


def actor_name(public: Public, email: str | None, name: str | None) -> str:
    """Return what the User column shows: the login e-mail, or System when no person acted."""
    if email or name:
        return email or name or ""
    return "System" if public.actor.kind == "system" else _opening(spelled(public.actor.kind))


def via_name(public: Public) -> str:
    """Return how the act came in: Web, API, Database."""
    return _VIA[public.via]


def _opening(words: str) -> str:
    return words[:1].upper() + words[1:]


def _listed(labels: Sequence[str]) -> str:
    more = len(labels) - SHOWN_FIELDS
    return ", ".join(labels) if more <= 1 else f"{', '.join(labels[:SHOWN_FIELDS])} and {more} more"
