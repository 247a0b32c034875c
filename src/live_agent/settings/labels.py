"""Labels: their fields, and the verbs that read and write them."""

import re
from collections.abc import Mapping
from typing import Final

from audit_trail.record.language import say
from live_agent.schema import Label
from live_agent.settings import fields
from live_agent.settings.fields import Field
from live_agent.settings.resource import Resource

_text = fields.name()


def title(value: object) -> str:
    """Accept a title that needs no quotes; it is kept in lower case."""
    accepted: str = _text(value)
    if not re.fullmatch(r"[\w-]+", accepted.strip()):
        raise ValueError(say("must be letters, digits, - and _ alone"))
    return accepted.strip().lower()


def color(value: object) -> str:
    """Accept a color as a stylesheet writes it."""
    if not isinstance(value, str) or not re.fullmatch(r"#[0-9A-Fa-f]{6}", value):
        raise ValueError(say("must be # and six hexadecimal digits, such as #1f93ff"))
    return value.lower()


FIELDS: Final[Mapping[str, Field]] = {
    "title": Field(label="Title", check=title, required=True),
    "description": Field(label="Description", check=fields.text(limit=2_000, lines=True)),
    "color": Field(label="Color", check=color),
    "show_on_sidebar": Field(label="Show on sidebar", check=fields.boolean, form="checkbox"),
}

LABELS: Final = Resource(model=Label, fields=FIELDS, named_by="title")
