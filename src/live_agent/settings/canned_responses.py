"""Canned responses: their fields, and the verbs that read and write them."""

import re
from collections.abc import Mapping
from typing import Final

from audit_trail.record.language import say
from live_agent.schema import CannedResponse
from live_agent.settings import fields
from live_agent.settings.fields import Field
from live_agent.settings.resource import Resource

_text = fields.name()


def short_code(value: object) -> str:
    """Accept a code that can be typed in one go."""
    accepted: str = _text(value)
    if re.search(r"\s", accepted.strip()):
        raise ValueError(say("must not contain spaces"))
    return accepted.strip()


FIELDS: Final[Mapping[str, Field]] = {
    "short_code": Field(label="Short code", check=short_code, required=True),
    "content": Field(label="Content", check=fields.text(lines=True, nullable=False), required=True),
}

CANNED_RESPONSES: Final = Resource(model=CannedResponse, fields=FIELDS, named_by="short_code")
