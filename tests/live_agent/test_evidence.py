"""Evidence files over HTTP: an administrator takes them away, and whoever knows the key verifies them."""

from io import BytesIO

import pytest

from audit_trail.verify.evidence import verify
from live_agent.settings import teams
from tests.live_agent.office import Place

pytestmark = pytest.mark.both_engines


def test_an_evidence_file_holds_the_range_that_was_asked_for(place: Place) -> None:
    with place.office.services.database.transaction(place.id) as db:
        for number in range(5):
            teams.create(db, place.id, {"name": f"Team {number}"})
    size, client = place.total(), place.client()
    keys = place.office.services.trail.verifier_keys(str(place.id))
    for asked, first, last in (
        ("", 0, size - 1),
        ("?first=2", 1, size - 1),
        ("?first=2&last=3", 1, 2),
        ("?last=1", 0, 0),
    ):
        answer = client.get(f"/audit_logs/evidence{asked}")
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/zip"
        assert answer.headers["cache-control"] == "no-store"
        verdict = verify(BytesIO(answer.content), keys)
        assert verdict.exit_code == 0, verdict
        assert verdict.facts is not None
        assert (verdict.facts.first, verdict.facts.last) == (first, last)


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ("?first=0", 422),
        ("?first=x", 422),
        ("?first=3&last=2", 422),
        ("?last=-1", 422),
        ("?first=999", 404),
        ("?last=999", 404),
        ("?last=99999999999999999999", 422),
    ],
)
def test_a_range_that_is_not_there_is_told(place: Place, asked: str, status: int) -> None:
    place.total()
    answer = place.client().get(f"/audit_logs/evidence{asked}")
    assert answer.status_code == status
    assert answer.json()["message"]


def test_a_question_is_asked_of_the_range_and_asked_again_by_a_verifier(place: Place) -> None:
    with place.office.services.database.transaction(place.id) as db:
        for number in range(5):
            teams.create(db, place.id, {"name": f"Team {number}"})
    place.total()
    keys = place.office.services.trail.verifier_keys(str(place.id))
    for question, code, count in (("entity:team action:created", 0, 5), ('"team 3"', 2, 1)):
        asked = {"question": question, "timezone": "Europe/Berlin"}
        answer = place.client().get("/audit_logs/evidence", params=asked)
        assert answer.status_code == 200, answer.text
        verdict = verify(BytesIO(answer.content), keys)
        assert verdict.exit_code == code and verdict.facts, verdict
        assert (verdict.facts.count, verdict.facts.time_zone) == (count, "Europe/Berlin")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"question": "user:ada"}, "user: is no key"),
        ({"question": "team", "timezone": "Nowhere/Else"}, "timezone must be a known time zone"),
    ],
)
def test_a_question_that_means_nothing_is_told(
    place: Place, asked: dict[str, str], said: str
) -> None:
    answer = place.client().get("/audit_logs/evidence", params=asked)
    assert answer.status_code == 422 and said in answer.json()["message"]


@pytest.mark.parametrize("role", ["agent", "supervisor"])
def test_nobody_else_takes_evidence_away(place: Place, role: str) -> None:
    assert place.client(role).get("/audit_logs/evidence").status_code == 403
