"""A deletion that is asked twice: the name must be typed."""

from audit_trail.record.language import say
from live_agent.errors import Invalid
from live_agent.pages.desk import Sent


def require_typed_name(name: str, sent: Sent) -> None:
    """Raise `Invalid` unless the record's own name was typed."""
    typed = sent.get("name", ("",))[-1].strip()
    if typed != name.strip():
        raise Invalid({"name": say("This isn't the name; type %(name)s to delete it.", name=name)})
