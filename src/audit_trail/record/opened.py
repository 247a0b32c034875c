"""What an entry of the action `read` says: which entries were shown whole, and as what."""

from collections.abc import Mapping
from typing import Any, Final, Literal

from audit_trail.record.language import grouped, marked, say

READ: Final = "read"

As = Literal["entry", "history", "state", "evidence"]
"""One entry, all entries of its record, that record as it left it, or the evidence of a range."""


def details(index: int, last: int | None = None, *, shown_as: As = "entry") -> dict[str, Any]:
    """Return the details of a read of the entry at an index, or of a range up to another."""
    said: dict[str, Any] = {"index": index, "as": shown_as}
    return said if last in (None, index) else {**said, "last": last}


def details_of_state(by: int | None, then: int | None) -> dict[str, Any]:
    """Return the details of a read of a record as the entry at an index left it.

    Where there is none, later entries' values before told it: of these the next one is named.
    """
    if by is not None:
        return details(by, shown_as="state")
    return details(then or 0, shown_as="history")


_SUMMARIES: Final = {
    "entry": marked("entry %(number)s"),
    "history": marked("history of the record of entry %(number)s"),
    "state": marked("record as entry %(number)s left it"),
    "evidence": marked("evidence of entry %(number)s"),
}


def summary(action: str, said: Mapping[str, Any]) -> str:
    """Return the quiet line of a read; empty for any other action."""
    index, last = said.get("index"), said.get("last")
    if action != READ or not isinstance(index, int):
        return ""
    if isinstance(last, int):
        return say(
            "evidence of entries %(first)s to %(last)s",
            first=grouped(index + 1),
            last=grouped(last + 1),
        )
    message = _SUMMARIES.get(str(said.get("as")), _SUMMARIES["entry"])
    return say(message, number=grouped(index + 1))
