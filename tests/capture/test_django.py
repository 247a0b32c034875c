"""A Django application is captured on both engines: each write has its entry, with who did it."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from asgiref.sync import async_to_sync
from django.core.management import call_command
from django.db import IntegrityError, connections, transaction
from django.test import AsyncClient, Client
from hypothesis import HealthCheck, example, given, settings

from audit_trail.capture.context import acting_as, current_context, stating
from audit_trail.capture.django.connection import carry
from audit_trail.errors import ChangeRefused, ContextRefused
from audit_trail.record.entry import read_what, read_who
from tests.capture.host import ADA, BOB, Application, Host, PostgresqlHost, origin
from tests.capture.savepoints import RELEASED_WITHIN, STEPS, played
from tests.django_app import places, site
from tests.postgresql import Cluster

pytestmark = pytest.mark.xdist_group("django")


class Site(NamedTuple):
    """The application on one engine, with a team named Help, and a client of Ada's."""

    alias: str
    host: Application
    client: Client
    ada: Any

    @property
    def connection(self) -> Any:
        return connections[self.alias]

    def told(self) -> list[tuple[str, str, str]]:
        """What was recorded since the test began: action, entity and actor."""
        return [
            (each.action.partition("_")[2] or each.action, each.entity, each.actor)
            for each in [*self.host.told("1"), *self.host.told("0")]
        ]


@pytest.fixture(scope="session")
def hosts(
    postgresql: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Application]]:
    path, database = tmp_path_factory.mktemp("django") / "site.db", postgresql.database()
    site.set_up(path, postgresql, database)
    hosts = {
        "sqlite": Host(path, schema="", watch=site.WATCH),
        "postgresql": PostgresqlHost(postgresql, database, schema="", watch=site.WATCH),
    }
    yield hosts
    connections.close_all()
    for host in hosts.values():
        host.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def here(request: pytest.FixtureRequest, hosts: dict[str, Application]) -> Iterator[Site]:
    # Models can be imported once Django is set up.
    from django.contrib.auth.models import User

    from tests.django_app.models import Member, Tag, Team

    alias, host = request.param, hosts[request.param]
    places.choose(alias)
    client = Client(raise_request_exception=False)
    with transaction.atomic(using=alias):
        for model in (Member, Team, Tag, User):
            model.objects.all().delete()
        team = Team.objects.create(name="Help", seats=1)
        Member.objects.create(name="Mia", team=team)
        ada = User.objects.create_user("ada", "ada@example.com", first_name="Ada", last_name="L")
        User.objects.create_user("bob", "bob@example.com", "bob's password")
        client.force_login(ada)
    host.forget()
    host.begin_anew()
    yield Site(alias, host, client, ada)
    connections[alias].close()


CREATE, UPDATE, DELETE = ("create", "team"), ("update", "team"), ("delete", "team")
# Of what is written to one record in one transaction, one entry is left, or none.
PATHS = {
    "save": [CREATE, UPDATE],
    "bulk_create": [CREATE, CREATE],
    "update": [UPDATE],
    "raw": [UPDATE, CREATE, CREATE, DELETE],
    "returning": [CREATE] * 4,
    "savepoints": [CREATE, CREATE],
    "cascade": [DELETE, ("delete", "member")],
    "many_to_many": [("create", "tag"), ("create", "team_tag")],
    "later": [CREATE, CREATE, UPDATE],
    "failing": [],
    "checked": [],
    "read": [],
    "nothing": [],
}
IN_ONE_TRANSACTION = PATHS | {
    "save": [CREATE],
    "raw": [UPDATE, CREATE],
    "later": [CREATE, CREATE, UPDATE],
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("is_atomic", [False, True])
def test_each_write_of_a_request_is_its_user_s_and_nothing_else_is_recorded(
    here: Site, path: str, is_atomic: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connections.settings[here.alias], "ATOMIC_REQUESTS", is_atomic)
    expected = IN_ONE_TRANSACTION if is_atomic else PATHS
    answer = here.client.get(f"/{path}")
    assert answer.status_code == (500 if path in ("failing", "checked") else 200)
    assert here.told() == [(*written, "ada@example.com") for written in expected[path]]


def test_a_statement_that_the_driver_puts_together_is_its_user_s(here: Site) -> None:
    if here.alias == "postgresql":
        assert here.client.get("/composed").status_code == 200
        assert here.told() == [("update", "team", "ada@example.com")]


def test_an_entry_says_who_and_from_where(here: Site) -> None:
    here.client.get(
        "/update",
        REMOTE_ADDR="10.0.0.1",
        headers={
            "x-forwarded-for": "6.6.6.6, 203.0.113.5",
            "user-agent": "a browser",
            "x-request-id": "theirs",
        },
    )
    (entry,) = here.host.entries()
    who, key = read_who(entry.who), here.client.session.session_key
    assert (entry.public.actor.kind, entry.public.actor.id) == ("user", str(here.ada.pk))
    assert (who.email, who.name) == ("ada@example.com", "Ada L")
    assert (who.ip, who.nearest, who.user_agent) == ("10.0.0.1", "203.0.113.5", "a browser")
    assert (who.client_request, entry.public.via) == ("theirs", "ui")
    assert who.session and key and who.session not in key and len(who.session) == 16


def test_the_entries_of_one_request_share_its_id_and_others_do_not(here: Site) -> None:
    here.client.get("/bulk_create")
    here.client.get("/bulk_create")
    one, two, three, four = (each.public.request for each in here.host.entries())
    assert one == two != three == four


def test_who_signs_in_acts_from_then_on_and_who_signs_out_no_more(here: Site) -> None:
    Client().get("/sign_in")
    assert [actor for _, _, actor in here.told()] == ["anonymous", "bob@example.com", "anonymous"]


def test_an_asynchronous_view_is_captured(here: Site) -> None:
    async def ask() -> int:
        client = AsyncClient()
        await client.aforce_login(here.ada)
        return int((await client.get("/at_once")).status_code)

    assert async_to_sync(ask)() == 200
    assert here.told() == [(*CREATE, "ada@example.com")] * 3


def test_what_no_request_does_is_the_system_s_unless_said_otherwise(here: Site) -> None:
    from tests.django_app.models import Team

    Team.objects.create(name="from a shell")
    with acting_as(ADA, origin()):
        Team.objects.create(name="from a command")
    call_command("shell", command="from tests.django_app.views import update; update(None)")
    assert [actor for _, _, actor in here.told()] == ["system", "ada@example.com", "system"]


def test_a_request_that_only_reads_sends_nothing_and_looks_nobody_up(here: Site) -> None:
    sent: list[str] = []

    def spy(execute: Any, sql: Any, *given: Any) -> Any:
        sent.append(str(sql))
        return execute(sql, *given)

    with here.connection.execute_wrapper(spy):
        here.client.get("/read")
    assert len(sent) >= 3
    assert not [each for each in sent if "audit" in each or "auth_user" in each]


def test_a_write_on_postgresql_takes_no_round_trip_more(here: Site) -> None:
    sent: list[str] = []

    def spy(execute: Any, sql: Any, *given: Any) -> Any:
        sent.append(str(sql))
        return execute(sql, *given)

    if here.alias == "postgresql":
        with here.connection.execute_wrapper(spy), acting_as(ADA, origin()):
            here.client.get("/update")
            assert len([each for each in sent if "UPDATE" in each and "set_config" in each]) == 1
            assert not [each for each in sent if "set_config" in each and "UPDATE" not in each]


def test_the_context_changes_within_a_transaction(here: Site) -> None:
    from tests.django_app.models import Team

    with acting_as(ADA, origin()), transaction.atomic(using=here.alias):
        Team.objects.create(name="why not")
        with stating(reason="asked to"):
            Team.objects.create(name="why")
    assert [read_what(each.what).reason for each in here.host.entries()] == [None, "asked to"]


def test_what_follows_in_the_transaction_of_somebody_is_the_system_s(here: Site) -> None:
    from tests.django_app.models import Team

    with transaction.atomic(using=here.alias):
        with acting_as(ADA, origin()):
            Team.objects.create(name="Ada's")
        with transaction.atomic(using=here.alias):
            Team.objects.create(name="the system's")
        with acting_as(ADA, origin()):
            Team.objects.create(name="Ada's again")
    ada = (*CREATE, "ada@example.com")
    assert here.told() == [ada, (*CREATE, "system"), ada]


def test_a_rolled_back_transaction_leaves_no_context_to_the_next(here: Site) -> None:
    from tests.django_app.models import Team

    with acting_as(ADA, origin()), transaction.atomic(using=here.alias):
        Team.objects.create(name="never")
        transaction.set_rollback(True, using=here.alias)
    Team.objects.create(name="by nobody")
    assert here.told() == [(*CREATE, "system")]


def test_a_transaction_may_end_with_a_savepoint_that_is_rolled_back(here: Site) -> None:
    from tests.django_app.models import Team

    with acting_as(ADA, origin()), transaction.atomic(using=here.alias):
        Team.objects.create(name="kept")
        with transaction.atomic(using=here.alias):
            Team.objects.create(name="dropped")
            transaction.set_rollback(True, using=here.alias)
    Team.objects.create(name="the system's")
    assert here.told() == [(*CREATE, "ada@example.com"), (*CREATE, "system")]


def test_what_follows_a_rolled_back_savepoint_of_somebody_is_the_system_s(here: Site) -> None:
    from tests.django_app.models import Team

    with transaction.atomic(using=here.alias):
        with acting_as(ADA, origin()):
            Team.objects.create(name="Ada's")
            with transaction.atomic(using=here.alias):
                Team.objects.create(name="dropped")
                transaction.set_rollback(True, using=here.alias)
        Team.objects.create(name="the system's")
    assert here.told() == [(*CREATE, "ada@example.com"), (*CREATE, "system")]


class Savepoint(NamedTuple):
    """One of Django's, by hand."""

    alias: str
    id: str

    def rollback(self) -> None:
        transaction.savepoint_rollback(self.id, using=self.alias)

    def commit(self) -> None:
        transaction.savepoint_commit(self.id, using=self.alias)


@settings(
    max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(steps=STEPS)
@example(steps=RELEASED_WITHIN)
def test_whoever_is_in_force_did_it_whatever_becomes_of_savepoints(
    here: Site, steps: list[str]
) -> None:
    from tests.django_app.models import Team

    known = len(here.host.entries())
    with transaction.atomic(using=here.alias):
        wanted = played(
            steps,
            lambda number: Team.objects.create(id=number, name="any"),
            lambda: Savepoint(here.alias, str(transaction.savepoint(using=here.alias))),
        )
    names = {ADA.id: "ada", BOB.id: "bob", None: "system"}
    found = [each.public for each in here.host.entries()[known:]]
    assert [(each.entity.id, names[each.actor.id]) for each in found] == wanted


def test_what_a_check_of_constraints_took_out_does_not_come_back_unseen(here: Site) -> None:
    """On SQLite the check would find the context's row."""
    from tests.django_app.models import Team

    with transaction.atomic(using=here.alias):
        with acting_as(ADA, origin()):
            Team.objects.create(name="hers")
            before = transaction.savepoint(using=here.alias)
            connections[here.alias].check_constraints()
        transaction.savepoint_rollback(before, using=here.alias)
        Team.objects.create(name="the system's")
    assert here.told() == [(*CREATE, "ada@example.com"), (*CREATE, "system")]


def test_each_way_to_end_a_transaction_is_seen(here: Site) -> None:
    from tests.django_app.models import Team

    transaction.set_autocommit(False, using=here.alias)
    with acting_as(ADA, origin()):
        Team.objects.create(name="kept")
        transaction.commit(using=here.alias)
        Team.objects.create(name="dropped")
        transaction.rollback(using=here.alias)
        Team.objects.create(name="kept too")
        transaction.commit(using=here.alias)
    Team.objects.create(name="the system's")
    transaction.commit(using=here.alias)
    transaction.set_autocommit(True, using=here.alias)
    ada = (*CREATE, "ada@example.com")
    assert here.told() == [ada, ada, (*CREATE, "system")]


def test_a_transaction_begun_and_ended_by_hand_is_seen(here: Site) -> None:
    with acting_as(ADA, origin()), here.connection.cursor() as cursor:
        for statement in ("BEGIN", "DELETE FROM django_app_member", "COMMIT"):
            cursor.execute(statement)
        cursor.execute("DELETE FROM django_app_team")
    assert [actor for *_, actor in here.told()] == ["ada@example.com"] * 2


def test_constraints_can_be_checked_while_a_context_is_set(here: Site) -> None:
    from tests.django_app.models import Team

    with acting_as(ADA, origin()), transaction.atomic(using=here.alias):
        Team.objects.create(name="one")
        here.connection.check_constraints()
        Team.objects.create(name="two")
    assert here.told() == [(*CREATE, "ada@example.com")] * 2


def test_a_connection_made_anew_is_captured_too(here: Site) -> None:
    from tests.django_app.models import Team

    with acting_as(ADA, origin()):
        for name in ("one", "two"):
            here.connection.close()
            Team.objects.create(name=name)
    assert len(here.connection.execute_wrappers) == 1
    assert here.told() == [(*CREATE, "ada@example.com")] * 2


def test_what_django_s_cursors_do_not_see_is_carried_when_asked(here: Site) -> None:
    with acting_as(ADA, origin()), transaction.atomic(using=here.alias):
        carry(here.alias)
        here.connection.connection.execute("DELETE FROM django_app_member")
    assert here.told() == [("delete", "member", "ada@example.com")]


def test_a_function_that_writes_is_its_caller_s(here: Site) -> None:
    if here.alias == "postgresql":
        here.host.shell(
            "CREATE OR REPLACE FUNCTION fill() RETURNS bigint LANGUAGE sql AS "
            "$$ UPDATE django_app_team SET seats = seats + 1 RETURNING id $$"
        )
        with acting_as(ADA, origin()), here.connection.cursor() as cursor:
            for statement in ("SELECT fill()", "SELECT * FROM fill()", "select 1, public.fill()"):
                cursor.execute(statement)
                assert len(cursor.fetchall()) == 1
        assert here.told() == [(*UPDATE, "ada@example.com")] * 3


def test_a_write_that_cannot_be_recorded_is_refused_with_what_to_do(here: Site) -> None:
    from tests.django_app.models import Team

    schema, outbox = ("audit_trail.", "outbox")
    # Else SQLite has the triggers write to the new name.
    legacy = "SELECT 1"
    if here.alias == "sqlite":
        schema, outbox, legacy = "", "audit_outbox", "PRAGMA legacy_alter_table = ON"
    here.host.shell(legacy, f"ALTER TABLE {schema}{outbox} RENAME TO elsewhere")
    try:
        with acting_as(ADA, origin()), pytest.raises(ChangeRefused, match="Sync capture"):
            Team.objects.create(name="never")
    finally:
        here.host.shell(legacy, f"ALTER TABLE {schema}elsewhere RENAME TO {outbox}")
    assert here.told() == []


def test_a_change_that_the_database_refuses_stays_the_application_s_error(here: Site) -> None:
    from tests.django_app.models import Team

    with acting_as(ADA, origin()), pytest.raises(IntegrityError):
        Team.objects.create(seats=-1)
    assert here.told() == []


def test_a_database_that_is_not_attached_is_named(here: Site) -> None:
    other = here.connection.copy(alias="other")
    connections["other"] = other
    with pytest.raises(ContextRefused, match="isn't attached to the database other"):
        carry("other")
    other.close()
    del connections["other"]


def test_a_job_is_handed_the_user_of_the_request(here: Site) -> None:
    handed = json.loads(here.client.get("/handing_over").content)
    assert handed["actor"]["email"] == "ada@example.com"
    assert current_context() is None
