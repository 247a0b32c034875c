"""The list is asked by its address: the question, the range, and what is said of a wrong one."""

from typing import Any

import pytest

from audit_trail.errors import AuditError
from audit_trail.record.catalog import Catalog
from audit_trail.record.query import All, During, Is
from audit_trail.server.asked import Asked, asked_of
from audit_trail.server.zone import UTC_ZONE, Zone, zone_of

NOW_US = 1_800_000_000_000_000


def asked(given: dict[str, str], zone: Zone = UTC_ZONE) -> Asked:
    return asked_of(given, "1", zone, NOW_US, Catalog())


def test_nothing_asked_is_everything() -> None:
    assert asked({"q": "  ", "range": ""}).query.unfiltered


def test_the_question_and_the_range_hold_together() -> None:
    found = asked({"q": "entity:inbox", "range": "1h"})
    assert found.query.where == All((Is("entity", "inbox"), During(NOW_US - 3_600_000_000)))
    assert found.title == "Last hour"
    assert found.following(before=7) == "q=entity%3Ainbox&range=1h&before=7"


def test_days_are_those_of_the_zone_and_the_last_counts_to_its_end() -> None:
    found = asked({"since": "2026-10-25", "until": "2026-10-25"}, zone_of("Europe/Berlin"))
    match found.query.where:
        case During(int(since), int(until)):
            assert (until - since) // 3_600_000_000 == 25  # Clocks went back that day.
        case _:
            pytest.fail("no time was asked")


@pytest.mark.parametrize(
    "given",
    [
        {"range": "2y"},
        {"since": "yesterday"},
        {"since": "2026-13-01"},
        {"until": "20261124"},
        {"since": "2026-11-02", "until": "2026-11-01"},
        {"range": "1h", "since": "2026-11-02"},
        {"q": "entity:"},
        {"q": "(" * 20_000},
    ],
    ids=lambda given: repr(given)[:40],
)
def test_what_makes_no_sense_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(AuditError):
        asked(given)


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_the_first_and_the_last_day_are_days(day: str) -> None:
    for zone in ("Pacific/Kiritimati", "Pacific/Niue"):
        assert isinstance(asked({"since": day, "until": day}, zone_of(zone)).query.where, During)


@pytest.mark.parametrize("changed", [{"q": "team"}, {"range": "7d"}])
def test_a_link_changes_one_thing_and_keeps_the_rest(changed: dict[str, Any]) -> None:
    kept = asked({"q": "inbox", "range": "1h"}).instead(**changed)
    assert all(f"{name}={text}" in kept for name, text in changed.items())
    assert len(kept.split("&")) == 2
