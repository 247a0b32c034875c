"""Why something is done: the reason and the ticket that may come with any change."""

from typing import Final

from live_agent.settings import fields
from live_agent.settings.fields import Checked, Field, Form, checked, from_form

LONGEST_REASON: Final = 1_000
LONGEST_TICKET: Final = 100

FIELDS: Final = {
    "reason": Field(label="Reason", check=fields.text(limit=LONGEST_REASON, lines=True)),
    "ticket": Field(label="Ticket", check=fields.text(limit=LONGEST_TICKET)),
}


def reasons_sent(sent: Form) -> Checked:
    """Return the reason and the ticket that were sent, and a sentence for each that can't be kept."""
    found = checked(FIELDS, from_form(FIELDS, sent, FIELDS))
    given = {name: text.strip() for name, text in found.values.items() if text}
    return Checked(given, found.errors)
