"""What a request's body says: a JSON object, its fields at the top or under the resource's name."""

from collections.abc import Mapping
from typing import Any

import msgspec

from live_agent.errors import Invalid, NotJson


def read_object(body: bytes) -> dict[str, Any]:
    """Decode the body; an empty one says nothing. Raises `NotJson`.

    Texts that aren't Unicode, such as lone surrogates, are refused here already.
    """
    if not body.strip():
        return {}
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise NotJson(message="The body must be valid JSON in UTF-8.") from None
    except RecursionError:
        raise NotJson(message="The body is nested too deeply.") from None
    if not isinstance(value, dict):
        raise NotJson
    return value


def fields_of(sent: Mapping[str, Any], resource: str) -> dict[str, Any]:
    """Return the fields, also those under the resource's name, which then count."""
    wrapped = sent.get(resource)
    return {**sent, **wrapped} if isinstance(wrapped, dict) else dict(sent)


def inbox_fields(sent: Mapping[str, Any]) -> dict[str, Any]:
    """Return an inbox's fields: what the contract calls its channel is part of the inbox."""
    fields = fields_of(sent, "inbox")
    channel = fields.pop("channel", None)
    if channel is None:
        return fields
    if not isinstance(channel, dict):
        raise Invalid({"channel": "Channel must be an object."})
    if channel.get("type", "api") != "api":
        raise Invalid({"channel": 'Channel type must be "api".'})
    return {**fields, **{name: value for name, value in channel.items() if name != "type"}}
