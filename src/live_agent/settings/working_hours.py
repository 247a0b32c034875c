"""An inbox's working hours: the shape of a week, day by day."""

from collections.abc import Mapping
from typing import Any, Final

from audit_trail.record.language import marked, say, told
from live_agent.settings.fields import integer

HOURS: Final = {"open_hour": 23, "open_minutes": 59, "close_hour": 23, "close_minutes": 59}
"""The parts of a day's hours, and the largest value of each."""

DAYS: Final = (
    marked("Sunday"),
    marked("Monday"),
    marked("Tuesday"),
    marked("Wednesday"),
    marked("Thursday"),
    marked("Friday"),
    marked("Saturday"),
)

WEEK: Final = tuple(
    {
        "day_of_week": day,
        "closed_all_day": day in (0, 6),
        "open_all_day": False,
        "open_hour": None if day in (0, 6) else 9,
        "open_minutes": None if day in (0, 6) else 0,
        "close_hour": None if day in (0, 6) else 17,
        "close_minutes": None if day in (0, 6) else 0,
    }
    for day in range(7)
)
"""From nine to five on weekdays, as an inbox begins."""


def working_hours(value: object) -> list[dict[str, Any]]:
    """Accept a list of days, each at most once; Sunday is day 0."""
    if not isinstance(value, list) or not all(isinstance(day, dict) for day in value):
        raise ValueError(say("must be a list of days"))
    days = sorted((_day(day) for day in value), key=lambda day: int(day["day_of_week"]))
    if len({day["day_of_week"] for day in days}) < len(days):
        raise ValueError(say("must have each day once"))
    return days


def _day(day: Mapping[str, object]) -> dict[str, Any]:
    number = day.get("day_of_week")
    if type(number) is not int or not 0 <= number <= 6:
        raise ValueError(say("must have a day_of_week from 0 (Sunday) to 6 for each day"))
    closed, open_all_day = (_flag(day, name) for name in ("closed_all_day", "open_all_day"))
    if closed and open_all_day:
        raise ValueError(
            say("must not have %(day)s both closed and open all day", day=told(DAYS[number]))
        )
    hours = dict.fromkeys(HOURS) if closed or open_all_day else _hours(day, told(DAYS[number]))
    return {
        "day_of_week": number,
        "closed_all_day": closed,
        "open_all_day": open_all_day,
        **hours,
    }


def _flag(day: Mapping[str, object], name: str) -> bool:
    value = day.get(name, False)
    if not isinstance(value, bool):
        raise ValueError(say("must have true or false for %(name)s", name=name))
    return value


def _hours(day: Mapping[str, object], name: str) -> dict[str, Any]:
    found: dict[str, int] = {}
    for part, largest in HOURS.items():
        try:
            found[part] = integer(day.get(part))
        except ValueError:
            raise ValueError(
                say("must have a whole number as %(part)s of %(day)s", part=part, day=name)
            ) from None
        if not 0 <= found[part] <= largest:
            raise ValueError(
                say(
                    "must have %(part)s of %(day)s between 0 and %(largest)s",
                    part=part,
                    day=name,
                    largest=largest,
                )
            )
    opens = (found["open_hour"], found["open_minutes"])
    if opens >= (found["close_hour"], found["close_minutes"]):
        raise ValueError(say("must close after they open on %(day)s", day=name))
    return found
