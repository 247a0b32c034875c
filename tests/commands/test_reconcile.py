"""`audit-trail reconcile` holds an installation's tables against its trail, beside it or without it."""

import itertools
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest

from live_agent.app import build_services
from live_agent.places import Places
from live_agent.schema import User
from live_agent.services import Services
from live_agent.settings import accounts, agents, inboxes, teams
from tests.commands.processes import run
from tests.live_agent.office import installed

_numbers = itertools.count(1)


class Installation(NamedTuple):
    """An installation with some history, all of it in the trail, and where the command finds it."""

    services: Services
    database: str
    store: str
    shell: Callable[[str], object]

    def reconcile(self, *options: str) -> Any:
        self.services.sequencer.drain()
        return run(
            *("reconcile", self.database, "--store", self.store, *options), program="audit-trail"
        )


@pytest.fixture(params=["sqlite", "postgresql"])
def installation(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Installation]:
    if request.param == "sqlite":
        places = Places(data=tmp_path)
        database, store = f"sqlite:///{tmp_path}/live-agent.db", f"sqlite:///{tmp_path}/trail.db"

        def shell(statement: str) -> None:
            with closing(sqlite3.connect(tmp_path / "live-agent.db")) as connection:
                connection.executescript(statement)
    else:
        cluster = request.getfixturevalue("postgresql")
        places = installed(cluster, f"reconciled_{next(_numbers)}", tmp_path)
        database, store = places.capture_url, places.trail_url
        name = places.database_url.rpartition("/")[2].partition("?")[0]

        def shell(statement: str) -> None:
            with psycopg.connect(cluster.url(name)) as connection:
                connection.execute(statement.encode())

    with closing(build_services(places)) as services:
        services.database.prepare()
        furnish(services)
        services.sequencer.drain()
        yield Installation(services, database, store, shell)


def furnish(services: Services) -> None:
    """People of two accounts, one in both and one who left; records of them, some gone."""
    with services.database.transaction() as db:
        alder = accounts.create(db, {"name": "Alder"}).id
        birch = accounts.create(db, {"name": "Birch"}).id
        people = [
            agents.create(
                db,
                alder,
                {"name": name, "email": f"{name}@alder.example", "role": "administrator"},
                password_hash="a hash",
            ).user_id
            for name in ("ada", "bob", "eve")
        ]
        agents.add(db, birch, db.get_one(User, people[0]), {"role": "agent"})
        inbox = inboxes.create(db, alder, {"name": "Support"})
        team = teams.create(db, alder, {"name": "Tier 1"})
        teams.create(db, birch, {"name": "Tier 2"})
        number, inbox_id = team.id, inbox.id
    with services.database.transaction() as db:
        db.get_one(User, people[0]).name = "Ada"
    with services.database.transaction() as db:
        agents.remove(db, agents.get(db, birch, people[0]))
    with services.database.transaction() as db:
        db.get_one(User, people[0]).name = "Ada L."
        inboxes.update(db, inboxes.get(db, alder, inbox_id), {"name": "Help"})
        teams.delete(db, teams.get(db, alder, number))
        agents.remove(db, agents.get(db, alder, people[2]))


def disabled(installation: Installation, table: str, operation: str) -> str:
    if installation.database.startswith("sqlite"):
        return f"DROP TRIGGER audit_{table}_{operation};"
    return f'ALTER TABLE {table} DISABLE TRIGGER "00_audit_{operation}";'


def test_what_agrees_exits_with_0_and_says_so(installation: Installation) -> None:
    done = installation.reconcile()
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert done.stdout.splitlines()[-1].endswith("entries: as its entries say.")


def test_what_differs_exits_with_1_and_is_named(installation: Installation) -> None:
    off = disabled(installation, "inboxes", "update") + disabled(installation, "teams", "delete")
    installation.shell(
        f"{off} UPDATE inboxes SET name = 'Theirs', greeting_message = 'Hi', hmac_token = 'x'; DELETE FROM teams;"
    )
    done = installation.reconcile("--json")
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert (told["agrees"], told["differing"], told["undecided"], told["behind"]) == (
        False,
        2,
        0,
        0,
    )
    named = [(each["table"], each["kind"], each.get("field")) for each in told["differences"]]
    assert named == [
        ("inboxes", "differs", "greeting_message"),
        ("inboxes", "differs", "name"),
        ("teams", "missing_in_table", None),
    ]
    greeting, name, _ = told["differences"]
    assert (greeting["trail"], greeting["found"]) == (None, "Hi")
    assert (name["trail"], name["found"]) == ("Help", "Theirs")
    one = installation.reconcile("--table", "teams")
    assert (one.returncode, one.stdout.splitlines()[0].split()[0]) == (1, "MISSING_IN_TABLE")


def test_what_cannot_be_told_exits_with_3(installation: Installation, tmp_path: Path) -> None:
    unknown = installation.reconcile("--table", "parrots")
    assert (unknown.returncode, unknown.stdout) == (3, "")
    assert "Not watched: parrots" in unknown.stderr
    nowhere = installation._replace(store=f"sqlite:///{tmp_path}/nothing.db").reconcile()
    assert nowhere.returncode == 3
    assert "nothing.db" in nowhere.stderr


def test_a_trail_that_another_database_shares_says_so(installation: Installation) -> None:
    installation.services.trail.begin_term("sqlite:////elsewhere/other.db")
    done = installation.reconcile()
    assert done.returncode == 0
    assert "This trail records " in done.stderr
    assert "sqlite:////elsewhere/other.db" in done.stderr
