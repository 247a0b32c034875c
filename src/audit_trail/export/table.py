"""Entries as rows of a table, for CSV and Parquet: what the list shows, and the parts as stored."""

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

import msgspec

from audit_trail.record.catalog import Catalog
from audit_trail.record.entry import Entry, Public, What, Who, read_what, read_who
from audit_trail.record.sentence import activity, actor_called, summary

Kind = Literal["number", "time", "text", "texts"]
"""What a column's values are: integers, µs UTC, text, or lists of text; each may be missing."""

Value = int | str | Sequence[str] | None


class Column(NamedTuple):
    """A column by its name, what its values are, and what they say."""

    name: str
    kind: Kind
    says: str


COLUMNS: Final = (
    Column("index", "number", "the entry's place in the trail, from 0; its page has one more"),
    Column("version", "number", "the entry's number among those of its record, from 1"),
    Column("id", "text", "the entry's id"),
    Column("occurred_at", "time", "when it happened"),
    Column("recorded_at", "time", "when it came into the trail"),
    Column("activity", "text", "what was done, as the list says it"),
    Column("summary", "text", "the line under it"),
    Column("user", "text", "who did it, as the list says it"),
    Column("actor_kind", "text", "what kind of actor: user, api_token, job, system, …"),
    Column("actor_id", "text", "the actor's id"),
    Column("email", "text", "the actor's e-mail"),
    Column("name", "text", "the actor's name"),
    Column("role", "text", "the actor's role"),
    Column("on_behalf_of", "text", "those acted for, as a JSON list"),
    Column("via", "text", "ui, api, job, automation, cli, database or import"),
    Column("ip", "text", "the address where it came from"),
    Column("user_agent", "text", "the program that the actor used"),
    Column("action", "text", "create, update, delete, sign_in, …"),
    Column("outcome", "text", "success, failure or denied"),
    Column("entity_type", "text", "what kind of record"),
    Column("entity_id", "text", "the record's id"),
    Column("label", "text", "what the record is called"),
    Column("fields", "texts", "the changed fields"),
    Column("changes", "text", "each field's value before and after, as a JSON object"),
    Column("reason", "text", "why it was done"),
    Column("ticket", "text", "the case it belongs to"),
    Column("request", "text", "the request that did it"),
    Column("cause", "text", "the id of the entry that brought it about"),
    Column("erased", "texts", "which sealed parts are gone: who, what"),
    Column("public", "text", "the public part, as it was hashed"),
    Column("who", "text", "the who part, as it is stored"),
    Column("what", "text", "the what part, as it is stored"),
)

_encoded = msgspec.json.Encoder().encode


def row_of(entry: Entry, catalog: Catalog) -> list[Value]:
    """Return an entry's values in the order of the columns."""
    public = entry.public
    who, what = read_who(entry.who, public.who), read_what(entry.what, public.what)
    return [
        entry.index,
        entry.version,
        public.id,
        public.occurred_at,
        public.recorded_at,
        activity(public, what, catalog),
        summary(public, what, catalog),
        *_actor(public, who),
        public.action,
        public.outcome,
        public.entity.type,
        public.entity.id,
        what.label,
        public.fields,
        _encoded(what.changes).decode() if what.changes else None,
        what.reason,
        what.ticket,
        public.request,
        public.cause,
        _erased(who, what),
        _text(entry.public_bytes),
        _text(entry.who.stored) if entry.who else None,
        _text(entry.what.stored) if entry.what else None,
    ]


def _actor(public: Public, who: Who) -> Sequence[Value]:
    acted_for = who.on_behalf_of or public.on_behalf_of
    return (
        actor_called(public, who).name,
        public.actor.kind,
        public.actor.id,
        who.email,
        who.name,
        who.role,
        _encoded(acted_for).decode() if acted_for else None,
        public.via,
        who.nearest,
        who.user_agent,
    )


def _erased(who: Who, what: What) -> Sequence[str]:
    return [name for name, part in (("who", who), ("what", what)) if part.is_erased]


def _text(stored: object) -> str:
    """Return the bytes as text; what was altered into none, legibly."""
    return stored.decode(errors="backslashreplace") if isinstance(stored, bytes) else str(stored)
