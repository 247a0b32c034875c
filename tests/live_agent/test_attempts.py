"""Failed sign-ins and refusals: recorded, counted, limited, and no way to flood a trail."""

from pathlib import Path
from typing import Any

import pytest

from audit_trail.record.entry import read_what, read_who
from live_agent import attempts
from live_agent.attempts import Limits
from tests.live_agent.office import PASSWORD, Office, Place, serving

pytestmark = pytest.mark.both_engines


def fail(place: Place, email: str, password: str = "wrong") -> int:
    body = {"email": email, "password": password}
    return place.browser().post("/auth/sign_in", json=body).status_code


def shown(item: dict[str, Any]) -> tuple[Any, ...]:
    names = ("action", "auditable_type", "auditable_id", "username", "user_id", "comment")
    return tuple(item[name] for name in names)


def minute_ends(office: Office) -> None:
    office.clock.forward(61)
    attempts.sweep(office.services.database, office.clock())


def test_a_sign_in_is_an_entry_in_each_account_of_the_person(
    place: Place, elsewhere: Place
) -> None:
    person = place.people["agent"]
    elsewhere.take_in(person)
    for each in (place, elsewhere):
        each.look_away()
    place.signed_in("agent")
    for each in (place, elsewhere):
        (item,) = each.news()
        assert shown(item) == ("sign_in", "User", person.id, person.email, person.id, None)


def test_the_first_failure_is_an_entry_at_once_and_the_minute_s_others_are_one_more(
    place: Place, office: Office
) -> None:
    person = place.people["agent"]
    assert [fail(place, person.email) for _ in range(4)] == [401] * 4
    (first,) = place.news()
    assert shown(first) == (
        "sign_in_failed",
        "User",
        person.id,
        person.email,
        None,
        "Wrong password",
    )
    minute_ends(office)
    (rest,) = place.news()
    assert shown(rest) == (*shown(first)[:-1], "Wrong password; 3 more within a minute")
    minute_ends(office)
    assert place.news() == []


def test_a_single_failure_is_one_entry_and_the_next_minute_begins_anew(
    place: Place, office: Office
) -> None:
    email = place.people["agent"].email
    fail(place, email)
    assert len(place.news()) == 1
    minute_ends(office)
    assert place.news() == []
    fail(place, email)
    assert len(place.news()) == 1


def test_the_next_failure_after_the_minute_notes_the_count_even_without_a_sweep(
    place: Place, office: Office
) -> None:
    email = place.people["agent"].email
    fail(place, email)
    fail(place, email)
    office.clock.forward(61)
    fail(place, email)
    assert [item["comment"] for item in place.news()] == [
        "Wrong password",
        "Wrong password; 1 more within a minute",
        "Wrong password",
    ]


def test_a_failure_is_denied_to_nobody_but_seals_the_e_mail_with_an_anonymous_actor(
    place: Place,
) -> None:
    person = place.people["agent"]
    fail(place, person.email)
    (item,) = place.news()
    entry = place.office.services.trail.entry(str(place.id), item["id"] - 1)
    assert (entry.public.actor.kind, entry.public.outcome) == ("anonymous", "failure")
    assert person.email.encode() not in entry.public_bytes
    assert read_who(entry.who).email == person.email


def test_an_unknown_e_mail_goes_to_the_installation_s_trail_cut_to_254_characters(
    place: Place, office: Office
) -> None:
    minute_ends(office)
    trail = office.services.trail
    office.services.sequencer_idle()
    before = trail.head("0").size
    fail(place, "x" * 300 + "@alder.example")
    fail(place, "another@alder.example")
    office.services.sequencer_idle()
    assert trail.head("0").size == before + 1
    entry = trail.entry("0", before)
    assert (entry.public.action, entry.public.entity.type, entry.public.entity.id) == (
        "sign_in_failed",
        "user",
        None,
    )
    assert read_who(entry.who).email == "x" * 254
    minute_ends(office)
    office.services.sequencer_idle()
    counted = trail.entry("0", before + 1)
    assert read_what(counted.what).details == {"reason": "Unknown e-mail", "count": 1}
    assert place.news() == []


def test_a_refused_read_is_an_entry_by_the_member_and_counted_likewise(
    place: Place, office: Office
) -> None:
    agent, client = place.people["agent"], place.client("agent")
    for _ in range(3):
        assert client.get("/audit_logs").status_code == 403
    (first,) = place.news()
    why = "Only administrators may read them"
    assert shown(first) == ("read_denied", "AuditLog", None, agent.email, agent.id, why)
    minute_ends(office)
    (rest,) = place.news()
    assert rest["comment"] == f"{why}; 2 more within a minute"
    assert rest["username"] == agent.email


def test_each_member_s_refusals_are_counted_apart(place: Place) -> None:
    for role in ("agent", "supervisor"):
        assert place.client(role).get("/audit_logs/1").status_code == 403
    assert [item["username"] for item in place.news()] == [
        place.people["agent"].email,
        place.people["supervisor"].email,
    ]


def test_other_refusals_and_strangers_are_no_entries(place: Place, elsewhere: Place) -> None:
    place.client("agent").post("/teams", json={"name": "Tier 1"})
    stranger = place.client()
    stranger.headers["api_access_token"] = elsewhere.people["agent"].token
    assert stranger.get("/audit_logs").status_code == 404
    del stranger.headers["api_access_token"]
    assert stranger.get("/audit_logs").status_code == 401
    assert place.news() == []


def test_counts_survive_a_restart(tmp_path: Path) -> None:
    with serving(tmp_path) as office:
        place = office.open()
        for _ in range(3):
            fail(place, place.people["agent"].email)
        place.close()
    with serving(tmp_path) as office:
        minute_ends(office)
        office.services.sequencer_idle()
        newest = office.services.trail.entry(
            str(place.id), office.services.trail.head(str(place.id)).size - 1
        )
        assert read_what(newest.what).details == {"reason": "Wrong password", "count": 2}


def test_too_many_failures_of_one_person_are_refused_even_with_the_right_password(
    tmp_path: Path,
) -> None:
    with serving(tmp_path, limits=Limits(an_email=3, an_address=100)) as office:
        place = office.open()
        email = place.people["agent"].email
        assert [fail(place, email) for _ in range(4)] == [401, 401, 401, 429]
        assert fail(place, email, PASSWORD) == 429
        assert fail(place, place.people["supervisor"].email, PASSWORD) == 200
        minute_ends(office)
        assert place.news()[-1]["comment"] == "Too many attempts; 4 more within a minute"
        assert fail(place, email, PASSWORD) == 200
        place.close()


def test_too_many_failures_of_one_address_are_refused(tmp_path: Path) -> None:
    with serving(tmp_path, limits=Limits(an_email=100, an_address=3)) as office:
        place = office.open()
        statuses = [fail(place, f"guess{number}@alder.example") for number in range(4)]
        assert statuses == [401, 401, 401, 429]
        office.clock.forward(61)
        assert fail(place, place.people["agent"].email, PASSWORD) == 200
        place.close()


def test_sign_ins_that_succeed_are_not_limited(tmp_path: Path) -> None:
    with serving(tmp_path, limits=Limits(an_email=2, an_address=2)) as office:
        place = office.open()
        email = place.people["agent"].email
        assert [fail(place, email, PASSWORD) for _ in range(5)] == [200] * 5
        place.close()
