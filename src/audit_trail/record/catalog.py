"""The catalog: what entities, fields and events are called where people read them.

A type, field or action that it doesn't know still reads sensibly, from its own name.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from audit_trail.record.language import spoken

# Empty, quoted, a number or the like, more than one by its commas, or with space at an end.
_TAKEN_FOR_ELSE: Final = re.compile(r"^$|^[\[{\"\s]|\s$|[,\n]|^(?:true|false|null|-?\d[\d.eE+-]*)$")
_CAPITALS: Final = frozenset({"url", "id", "csat", "ip", "hmac", "api", "json", "sla", "ai"})


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """How a field reads: its label as in a sentence ("webhook URL"), and its value as lines."""

    label: str | None = None
    line: Callable[[Any], str] | None = None
    """Writes one item of a list as a line."""
    lines: Callable[[Any], Sequence[str]] | None = None
    """Writes a list or an object as lines, where several items may share one."""


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """How an entity reads: its name, and another one for records that have a certain reference."""

    name: str
    fields: Mapping[str, Field] = {}
    with_reference: tuple[str, str] | None = None
    """A column, and what records are called where it refers to something."""


class Catalog(msgspec.Struct, frozen=True, kw_only=True):
    """Kinds by entity type, and sentences by action for events that change no record."""

    kinds: Mapping[str, Kind] = {}
    events: Mapping[str, str] = {}

    def name(self, entity_type: str, references: frozenset[str] = frozenset()) -> str:
        """Return what a record of this type is called, given which columns refer to something."""
        kind = self.kinds.get(entity_type)
        if kind is None:
            return entity_type.replace("_", " ")
        if kind.with_reference and kind.with_reference[0] in references:
            return kind.with_reference[1]
        return kind.name

    def field(self, entity_type: str, field: str) -> Field:
        """Return how a field reads; its label is never None."""
        kind = self.kinds.get(entity_type)
        known = kind.fields.get(field, Field()) if kind else Field()
        return known if known.label else msgspec.structs.replace(known, label=spelled(field))


def spelled(name: str) -> str:
    """Spell a column's name as in a sentence: `webhook_url` is "webhook URL".

    A dot comes before the column of a part: `channel.webhook_url` is "channel webhook URL".
    """
    words = name.removesuffix("_id").replace(".", "_").split("_") if name != "id" else ["id"]
    return (
        " ".join(word.upper() if word.lower() in _CAPITALS else word for word in words if word)
        or name
    )


def titled(label: str) -> str:
    """Write a label as a heading: "webhook URL" is "Webhook URL".

    English has a capital in each word; of other languages, none wants more than the first.
    """
    if spoken() is not None:
        return label[:1].upper() + label[1:]
    return " ".join(word[:1].upper() + word[1:] for word in label.split(" "))


def worded(value: Any) -> str:
    """Write one value of several that are joined by commas.

    What isn't text is JSON; a text is quoted where it could be taken for something else.
    """
    if isinstance(value, str) and not _TAKEN_FOR_ELSE.search(value):
        return value
    return json.dumps(value, ensure_ascii=False)


def with_article(name: str) -> str:
    """Put a or an before a name, by its sound: an inbox, a user."""
    sounds_like_you = name.startswith(("use", "uni", "eu"))
    return f"{'an' if name[:1].lower() in tuple('aeiou') and not sounds_like_you else 'a'} {name}"
