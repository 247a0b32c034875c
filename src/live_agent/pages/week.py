"""Working hours as a form has them: for each day a choice, and when the day opens and closes."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from audit_trail.record.language import told
from live_agent.settings.working_hours import DAYS

MONDAY_FIRST: Final = (1, 2, 3, 4, 5, 6, 0)
OPENS, CLOSES = "09:00", "17:00"


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """One day: `state` is open, closed or all_day; times are `HH:MM`."""

    number: int
    name: str
    state: str
    opens: str
    closes: str


def days_of(hours: Sequence[Mapping[str, Any]]) -> list[Day]:
    """Return the week from Monday; a day that isn't told is closed."""
    known = {day.get("day_of_week"): day for day in hours}
    return [_day(number, known.get(number, {"closed_all_day": True})) for number in MONDAY_FIRST]


def days_sent(sent: Mapping[str, Sequence[str]]) -> list[Day]:
    """Return the week as it was typed."""

    def text(number: int, part: str) -> str:
        return (sent.get(f"day_{number}_{part}") or ("",))[-1]

    return [
        Day(
            number=number,
            name=told(DAYS[number]),
            state=text(number, "state"),
            opens=text(number, "opens"),
            closes=text(number, "closes"),
        )
        for number in MONDAY_FIRST
    ]


def hours_of(days: Sequence[Day]) -> list[dict[str, Any]]:
    """Return the week's working hours, to be checked: a time that is none becomes null."""
    return [
        {
            "day_of_week": day.number,
            "closed_all_day": day.state == "closed",
            "open_all_day": day.state == "all_day",
            **_parts("open", day.opens),
            **_parts("close", day.closes),
        }
        for day in days
    ]


def _day(number: int, day: Mapping[str, Any]) -> Day:
    state = (
        "closed" if day.get("closed_all_day") else "all_day" if day.get("open_all_day") else "open"
    )
    return Day(
        number=number,
        name=told(DAYS[number]),
        state=state,
        opens=_time(day, "open") if state == "open" else OPENS,
        closes=_time(day, "close") if state == "open" else CLOSES,
    )


def _time(day: Mapping[str, Any], which: str) -> str:
    return f"{day.get(f'{which}_hour') or 0:02}:{day.get(f'{which}_minutes') or 0:02}"


def _parts(which: str, time: str) -> dict[str, int | None]:
    found = re.fullmatch(r"([0-9]{1,2}):([0-9]{2})(:[0-9]{2})?", time)
    hour, minutes = (int(found[1]), int(found[2])) if found else (None, None)
    return {f"{which}_hour": hour, f"{which}_minutes": minutes}
