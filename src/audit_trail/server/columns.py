"""The columns of the list: which there are, and which of them an address asks for."""

from collections.abc import Mapping
from typing import Final

from audit_trail.errors import QueryRefused
from audit_trail.record.language import marked

COLUMNS: Final[Mapping[str, str]] = {
    "user": marked("User"),
    "activity": marked("Activity"),
    "record": marked("Record"),
    "time": marked("Time"),
    "where": marked("Where"),
    "address": marked("Address"),
    "via": marked("Via"),
    "outcome": marked("Outcome"),
    "request": marked("Request"),
    "entry": marked("Entry"),
}
"""Each column's name in an address, and how it is called, in the order in which they stand."""

ALWAYS: Final = "activity"
"""The column that leads to the entry."""

USUAL: Final = ("user", "activity", "time", "where")


def columns_of(text: str) -> tuple[str, ...]:
    """Return the columns of an address, `user,time`; of none the usual ones. Raises `QueryRefused`."""
    asked = {name.strip() for name in text.split(",")} - {""}
    if unknown := sorted(asked - COLUMNS.keys()):
        raise QueryRefused(
            f"{unknown[0][:40]} is no column; columns must be some of {', '.join(COLUMNS)}."
        )
    if not asked:
        return USUAL
    return tuple(name for name in COLUMNS if name in asked or name == ALWAYS)
