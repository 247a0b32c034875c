"""Entries for the tests of what a question finds, told in a line each."""

from typing import Any

import msgspec

from audit_trail.record.canonical import canonical_bytes
from audit_trail.record.entry import (
    ActorId,
    Change,
    Entity,
    Entry,
    Part,
    Public,
    What,
    Who,
)
from audit_trail.seal.merkle import leaf_hash

SALT = bytes(16)
_WHO = ("email", "name", "ip", "address", "token", "client_request", "job")
_WHAT = ("label", "reason", "ticket", "references", "details", "unreadable")


def value(given: Any) -> Any:
    """A side of a change: raw bytes as they are, else the JSON of a value; `...` is no side."""
    if given is ...:
        return msgspec.UNSET
    return msgspec.Raw(given if isinstance(given, bytes) else msgspec.json.encode(given))


def entry(changes: dict[str, tuple[Any, Any]] | None = None, **given: Any) -> Entry:
    """An entry of what is given; `changes` has each field's value before and after."""
    told = changes or {}
    who = Who(
        **{name: given[name] for name in _WHO if name in given},
        on_behalf_of=given.get("on_behalf_of", ()),
    )
    what = What(
        **{name: given[name] for name in _WHAT if name in given},
        changes={
            field: Change(before=value(before), after=value(after))
            for field, (before, after) in told.items()
        },
    )
    parts = {
        "who": Part(msgspec.json.encode(who), SALT),
        "what": Part(msgspec.json.encode(what), SALT),
    }
    public = Public(
        v=1,
        id="00000000-0000-7000-8000-000000000000",
        account="1",
        occurred_at=given.get("occurred_at", 0),
        recorded_at=given.get("occurred_at", 0),
        action=given.get("action", "update"),
        outcome=given.get("outcome", "success"),
        entity=Entity(type=given.get("type", "inbox"), id=given.get("number")),
        actor=given.get("actor", ActorId(kind="user", id="1")),
        via=given.get("via", "ui"),
        request=given.get("request"),
        fields=tuple(sorted(told)),
        who=parts["who"].commitment,
        what=parts["what"].commitment,
    )
    encoded = canonical_bytes(public)
    return Entry(index=0, version=1, public_bytes=encoded, leaf=leaf_hash(encoded), **parts)
