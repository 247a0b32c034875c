"""The time zones that a form offers; which ones may be kept is decided in settings."""

from functools import cache
from zoneinfo import available_timezones


@cache
def zones() -> list[str]:
    """Return the zones that people know by a place, and UTC."""
    return ["UTC", *sorted(zone for zone in available_timezones() if _is_place(zone))]


def _is_place(zone: str) -> bool:
    return "/" in zone and not zone.startswith(("Etc/", "SystemV/", "US/"))
