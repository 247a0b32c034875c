"""Where a request came from, over a real socket: proxies of ours are believed, and nobody else."""

from pathlib import Path

from audit_trail.capture.proxies import trusted
from live_agent.attempts import Limits
from tests.live_agent.office import PASSWORD, Place, serving
from tests.live_agent.test_contract import ok

FORWARDED = {"X-Forwarded-For": "6.6.6.6, 203.0.113.5, 10.0.0.9"}


def address_of(place: Place) -> str:
    """Change something, and return where the entry says that it came from."""
    place.look_away()
    ok(place.client().post("/teams", json={"name": f"Team {place.total()}"}, headers=FORWARDED))
    return str(place.news()[-1]["remote_address"])


def test_the_header_of_a_stranger_is_ignored(place: Place) -> None:
    assert address_of(place) == "127.0.0.1"


def test_behind_proxies_of_ours_the_client_is_found_and_counted(tmp_path: Path) -> None:
    proxies = trusted(["127.0.0.0/8", "10.0.0.0/8"])
    limits = Limits(an_email=1_000, an_address=2)
    with serving(tmp_path, trusted_proxies=proxies, limits=limits) as office:
        place = office.open()
        assert address_of(place) == "203.0.113.5"
        browser = place.browser()
        wrong = {"email": place.people["agent"].email, "password": "wrong"}
        for claimed in ("1.1.1.1", "2.2.2.2"):
            # What the client itself claims changes with each try; its own address doesn't.
            said = {"X-Forwarded-For": f"{claimed}, 203.0.113.5"}
            assert browser.post("/auth/sign_in", json=wrong, headers=said).status_code == 401
        said = {"X-Forwarded-For": "3.3.3.3, 203.0.113.5"}
        assert browser.post("/auth/sign_in", json=wrong, headers=said).status_code == 429
        right = {"email": place.people["agent"].email, "password": PASSWORD}
        said = {"X-Forwarded-For": "203.0.113.6"}
        assert browser.post("/auth/sign_in", json=right, headers=said).status_code == 200
        place.close()
