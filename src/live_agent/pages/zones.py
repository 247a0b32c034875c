"""The time zones that a form offers; which ones may be kept is decided in settings."""

from functools import cache
from zoneinfo import available_timezones


@cache
def zones() -> list[str]:
    """Return the zones that people know by a place, and UTC."""
    return ["UTC", *sorted(zone for zone in available_timezones() if _is_place(zone))]


def zone_choices(stored: str) -> list[tuple[str, str]]:
    """Offer the zones, and the one that is stored, whatever it is."""
    known = map(str, dict.fromkeys([*zones(), stored]))
    return [(zone, zone.replace("_", " ")) for zone in known]


def _is_place(zone: str) -> bool:
    return "/" in zone and not zone.startswith(("Etc/", "SystemV/", "US/"))
