"""A deletion that is asked twice: the name must be typed."""

from live_agent.errors import Invalid
from live_agent.pages.desk import Sent


def require_typed_name(name: str, sent: Sent, kind: str) -> None:
    """Raise `Invalid` unless the record's own name was typed."""
    typed = sent.get("name", ("",))[-1].strip()
    if typed != name.strip():
        raise Invalid({"name": f"This isn't the {kind}'s name; type {name} to delete it."})
