"""Live Agent through a pooler in transaction mode, where each transaction may get another connection."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from live_agent.places import Places
from tests.capture.test_postgresql_guard import pgbouncer
from tests.live_agent.office import ROLES, serving
from tests.live_agent.test_contract import ok
from tests.postgresql import Cluster


def test_through_a_pooler_each_change_is_its_own_person_s(
    postgresql: Cluster, tmp_path: Path
) -> None:
    direct = postgresql.url(postgresql.database())
    with pgbouncer(postgresql, connections=2) as port:
        pooled = direct.replace(f":{postgresql.port}/", f":{port}/")
        places = Places(data=tmp_path, database_url=pooled, capture_url=direct)
        with serving(places) as office:
            here = [office.open() for _ in range(2)]
            jobs = [(place, role) for place in here for role in ROLES for _ in range(2)]

            def sign_in(number: int) -> None:
                place, role = jobs[number]
                place.signed_in(role)
                ok(place.client().post("/teams", json={"name": f"Team {number}"}))

            with ThreadPoolExecutor(6) as pool:
                list(pool.map(sign_in, range(len(jobs))))
            for place in here:
                items = place.news()
                assert len(items) == 2 * len(jobs) // len(here)
                teams = [item for item in items if item["auditable_type"] == "Team"]
                assert {item["user_id"] for item in teams} == {place.people["administrator"].id}
                signed_in = sorted(item["user_id"] for item in items if item not in teams)
                assert signed_in == sorted(
                    person.id for person in place.people.values() for _ in range(2)
                )
                place.close()
