"""Skills: their fields, the verbs that read and write them, and the agents who have one."""

from collections.abc import Mapping
from typing import Final

from live_agent.schema import Skill
from live_agent.settings import fields
from live_agent.settings.fields import Field
from live_agent.settings.resource import Resource

FIELDS: Final[Mapping[str, Field]] = {
    "name": Field(label="Name", check=fields.name(), required=True),
    "description": Field(label="Description", check=fields.text(limit=2_000, lines=True)),
}

SKILLS: Final = Resource(model=Skill, fields=FIELDS)
