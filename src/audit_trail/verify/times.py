"""Times as evidence files have and tell them."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import msgspec

LIMIT_US: Final = 2**53
Micros = Annotated[int, msgspec.Meta(gt=-LIMIT_US, lt=LIMIT_US)]
"""A time in microseconds since 1970, UTC; the bounds lie in the years 1684 and 2255."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def moment(time_us: int) -> str:
    """Write a time as RFC 3339 in UTC, with all of its microseconds, if its year has four digits."""
    try:
        text = (_EPOCH + timedelta(microseconds=time_us)).isoformat(timespec="microseconds")
    except OverflowError:  # A store that was altered may hold any number.
        return f"{time_us} µs"
    return text.replace("+00:00", "Z")
