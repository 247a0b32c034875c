"""Whoever asks too often for the trail's files waits for the next second, and nobody else does."""

from pathlib import Path

import pytest

from live_agent.attempts import Limits
from live_agent.errors import TooManyRequests
from live_agent.pace import Pace
from tests.live_agent.office import serving


def test_a_second_has_so_many_requests_for_each_and_the_next_as_many_again() -> None:
    pace = Pace(2)
    for now_us in (1_000_000, 1_999_999, 2_000_000, 2_000_001):
        pace.admit("ada", now_us)
    with pytest.raises(TooManyRequests):
        pace.admit("ada", 2_500_000)
    pace.admit("bo", 2_500_000)
    pace.admit("ada", 3_000_000)


def test_only_the_trail_s_files_are_paced_and_the_answer_says_when_to_go_on(
    tmp_path: Path,
) -> None:
    with serving(tmp_path, limits=Limits(trail_files_a_second=0)) as office:
        place = office.open()
        client = place.client()
        answer = client.get("/audit_logs/checkpoint")
        assert (answer.status_code, answer.json()["code"]) == (429, "too_many_requests")
        assert answer.headers["retry-after"] == "1"
        assert client.get("/audit_logs").status_code == 200
        place.close()
