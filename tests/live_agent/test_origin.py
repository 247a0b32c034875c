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


def test_whoever_changes_within_their_ipv6_network_is_counted_as_one(tmp_path: Path) -> None:
    proxies, limits = trusted(["127.0.0.0/8"]), Limits(an_email=1_000, an_address=2)
    with serving(tmp_path, trusted_proxies=proxies, limits=limits) as office:
        place = office.open()
        statuses = [fail_from(place, f"2001:db8:0:1::{each}") for each in ("1", "2", "3:4")]
        assert statuses == [401, 401, 429]
        assert fail_from(place, "2001:db8:0:2::1") == 401
        mapped = [fail_from(place, f"::ffff:203.0.113.{each}") for each in range(3)]
        assert mapped == [401] * 3, "an IPv4 address is nobody else's, however it is written"
        place.close()


def test_a_stranger_locks_nobody_out_from_elsewhere(tmp_path: Path) -> None:
    proxies = trusted(["127.0.0.0/8"])
    limits = Limits(an_email=2, an_email_anywhere=5, an_address=100)
    with serving(tmp_path, trusted_proxies=proxies, limits=limits) as office:
        place = office.open()
        assert [fail_from(place, "203.0.113.5") for _ in range(4)] == [401, 401, 429, 429]
        assert fail_from(place, "203.0.113.6", PASSWORD) == 200
        # Many strangers together guess no faster than this.
        assert [fail_from(place, f"203.0.113.{each}") for each in range(7, 11)] == [401] * 3 + [429]
        place.close()


def fail_from(place: Place, address: str, password: str = "a wrong guess") -> int:
    """Sign in as the agent from the address; return the status."""
    sent = {"email": place.people["agent"].email, "password": password}
    headers = {"X-Forwarded-For": address}
    return place.browser().post("/auth/sign_in", json=sent, headers=headers).status_code
