"""What the page on adapters tells to write works, in an application of each kind."""

import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

import pytest
from celery import Celery
from celery.contrib.testing.worker import start_worker
from celery.signals import before_task_publish

from audit_trail.capture.context import acting_as
from audit_trail.capture.watch import WatchList
from audit_trail.errors import HandoverRefused
from audit_trail.record.entry import ActorKind, Entry, Via, read_what, read_who
from tests.capture.host import (
    ADA,
    POSTGRESQL_SCHEMA,
    Application,
    Host,
    PostgresqlHost,
    origin,
    told,
)
from tests.postgresql import Cluster, programs

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "adapters.md").read_text()
TRIGGERS, SETTINGS, MIDDLEWARE, CELERY = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
ON_POSTGRESQL, ON_SQLITE = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)


# Django


PROJECT = """
SECRET_KEY = "for tests"
USE_TZ = True
ROOT_URLCONF = "desk.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
MIGRATION_MODULES = {"auth": None, "contenttypes": None}
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "desk"]
MIDDLEWARE = []
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "desk.db"}}
"""
MODELS = """
from django.db import models
class Team(models.Model):
    account_id = models.IntegerField(default=1)
    name = models.CharField(max_length=50)
"""
URLS = """
from django.http import HttpResponse
from django.urls import path
from desk.models import Team
def create(request):
    Team.objects.create(name="Support")
    return HttpResponse()
urlpatterns = [path("create", create)]
"""
STEPS = """
from pathlib import Path
import django
django.setup()
from django.core.management import call_command
from django.db import connection
from django.test import Client
call_command("migrate", run_syncdb=True, verbosity=0)
DATABASE_URL = "sqlite:///desk.db"
tables = connection.introspection.table_names()
exec(Path("triggers.py").read_text().replace('("auth_user", "django_session")', 'set(tables) - {"desk_team"}'))
client = Client()
assert client.get("/create", headers={"x-client": "shop", "host": "localhost"}).status_code == 200
assert client.get("/create", headers={"host": "localhost"}).status_code == 200
Path("watch.json").write_text(watch.text())
"""


def test_a_django_application_is_captured_by_what_the_page_adds(tmp_path: Path) -> None:
    desk = tmp_path / "desk"
    desk.mkdir()
    settings = PROJECT + SETTINGS + 'MIDDLEWARE[0] = "desk.ours.OurMiddleware"\n'
    for name, text in {"__init__": "", "models": MODELS, "urls": URLS, "ours": MIDDLEWARE}.items():
        (desk / f"{name}.py").write_text(text)
    (tmp_path / "settings.py").write_text(settings)
    (tmp_path / "triggers.py").write_text(TRIGGERS)
    subprocess.run(
        [sys.executable, "-c", STEPS],
        check=True,
        cwd=tmp_path,
        env={"DJANGO_SETTINGS_MODULE": "settings", "PYTHONPATH": str(tmp_path)},
        timeout=60,
    )
    watch = WatchList.read((tmp_path / "watch.json").read_text())
    host = Host(tmp_path / "desk.db", schema="", watch=watch)
    entries = host.entries()
    assert [
        (each.public.action, each.public.actor.kind, each.public.actor.id, each.public.via)
        for each in entries
    ] == [("create", "api_token", "shop", "api"), ("create", "anonymous", None, "api")]
    host.close()


# Celery


@contextmanager
def queue() -> Iterator[dict[str, Any]]:
    """A queue with the page's lines, in memory."""
    names: dict[str, Any] = {"app": Celery(broker="memory://", backend="cache+memory://")}
    # Or its worker would log to the tests' own streams from then on.
    names["app"].conf.worker_hijack_root_logger = False
    exec(compile(CELERY, "adapters.md", "exec"), names)  # noqa: S102 - the page is our own
    yield names
    before_task_publish.disconnect(names["carry_context"])
    names["app"].close()


@pytest.mark.slow
def test_a_task_of_celery_acts_for_whoever_sent_it(tmp_path: Path) -> None:
    host = Host(tmp_path / "host.db")
    with queue() as names:
        app = names["app"]

        @app.task(name="rename")
        def rename(name: str, again: bool = True) -> None:
            with host.engine.begin() as connection:
                connection.exec_driver_sql(
                    "INSERT INTO teams (account_id, name) VALUES (1, ?)", (name,)
                )
            if again:
                rename.delay(f"{name} again", again=False)

        with start_worker(app, pool="solo", perform_ping_check=False):
            with acting_as(ADA, origin(request="r-7")):
                rename.delay("asked").get(timeout=20)
            rename.delay("unasked").get(timeout=20)
            forged = rename.apply_async(("forged",), headers={"audit_context": "{}"})
            with pytest.raises(HandoverRefused, match="no context of ours"):
                forged.get(timeout=20)
            last = rename.delay("last", again=False)
            last.get(timeout=20)
        app.conf.task_always_eager = True
        with acting_as(ADA, origin()):
            rename.delay("at once", again=False).get()
    said = {
        told(each).changes["name"][1]: (
            each.public.actor.id,
            each.public.request,
            read_who(each.who).job,
        )
        for each in host.entries()
    }
    host.close()
    assert said == {
        "asked": ("7", "r-7", "rename"),
        "asked again": ("7", "r-7", "rename"),
        "unasked": ("rename", None, None),
        "unasked again": ("rename", None, "rename"),
        "last": ("rename", None, None),
        "at once": ("7", "r-1", "rename"),
    }


# SQL


@pytest.fixture
def on_sqlite(tmp_path: Path) -> Iterator[Host]:
    host = Host(tmp_path / "host.db")
    host.shell("INSERT INTO teams (id, account_id, name) VALUES (1, 1, 'Help')")
    host.forget()
    yield host
    host.close()


@pytest.fixture
def on_postgresql(postgresql: Cluster) -> Iterator[PostgresqlHost]:
    host = PostgresqlHost(postgresql, postgresql.database(), schema=POSTGRESQL_SCHEMA)
    host.shell("INSERT INTO teams (id, account_id, name) VALUES (1, 1, 'Help')")
    host.forget()
    yield host
    host.close()


def psql(host: PostgresqlHost, script: str) -> subprocess.CompletedProcess[str]:
    """Run a script by psql, which knows nothing of us."""
    return subprocess.run(
        [programs() / "psql", "-v", "ON_ERROR_STOP=1", host.cluster.url(host.database)],
        input=script,
        text=True,
        capture_output=True,
        timeout=60,
    )


def sqlite(host: Host, script: str) -> None:
    """Run a script by the driver alone, each statement as it is."""
    connection = sqlite3.connect(host.path, isolation_level=None)
    try:
        connection.executescript(script)
    finally:
        connection.close()


def only(host: Application) -> Entry:
    (entry,) = host.entries()
    return entry


def require_ada(entry: Entry) -> None:
    who = read_who(entry.who)
    assert (entry.public.actor.id, who.email, who.ip) == ("7", "ada@example.com", "192.0.2.7")
    assert (entry.public.via, entry.public.request) == ("api", "r-1")
    assert read_what(entry.what).reason == "Asked by phone"


def test_the_statements_for_postgresql_say_who_acted(on_postgresql: PostgresqlHost) -> None:
    assert psql(on_postgresql, ON_POSTGRESQL).returncode == 0
    require_ada(only(on_postgresql))


def test_the_statements_for_sqlite_say_who_acted(on_sqlite: Host) -> None:
    sqlite(on_sqlite, ON_SQLITE)
    require_ada(only(on_sqlite))


def without(script: str, pattern: str) -> str:
    left, number = re.subn(pattern, "", script, flags=re.DOTALL)
    assert number == 1
    return left


def test_a_forgotten_context_is_the_system_s(
    on_postgresql: PostgresqlHost, on_sqlite: Host
) -> None:
    psql(on_postgresql, without(ON_POSTGRESQL, r"SELECT .*?true\);"))
    bare = without(
        without(ON_SQLITE, r"UPDATE audit_context SET guard = 1.*?}';"), r"UPDATE audit_context.*?;"
    )
    sqlite(on_sqlite, bare)
    for host in (on_postgresql, on_sqlite):
        public = only(host).public
        assert (public.actor.kind, public.via) == ("system", "database")


def test_a_context_of_another_form_is_kept_with_the_change(
    on_postgresql: PostgresqlHost, on_sqlite: Host
) -> None:
    assert psql(on_postgresql, ON_POSTGRESQL.replace('"user"', '"emperor"')).returncode == 0
    sqlite(on_sqlite, ON_SQLITE.replace('"user"', '"emperor"'))
    for host in (on_postgresql, on_sqlite):
        entry = only(host)
        kept = read_what(entry.what).unreadable or {}
        assert "'emperor'" in kept["why"]
        assert "emperor" in bytes.fromhex(kept["hex"]["context"]).decode()
        assert "Support" in bytes.fromhex(kept["hex"]["changes"]).decode()


def test_a_context_that_is_not_cleared_makes_the_commit_fail_on_sqlite(on_sqlite: Host) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
        sqlite(on_sqlite, without(ON_SQLITE, r"UPDATE audit_context SET guard = NULL.*?;"))
    assert on_sqlite.entries() == []
    assert on_sqlite.rows("SELECT name FROM teams") == [("Help",)]


def test_a_context_outside_a_transaction_reaches_nobody(
    on_postgresql: PostgresqlHost, on_sqlite: Host
) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
        sqlite(on_sqlite, ON_SQLITE.replace("BEGIN IMMEDIATE;", ""))
    assert psql(on_postgresql, without(without(ON_POSTGRESQL, "BEGIN;"), "COMMIT;")).returncode == 0
    assert only(on_postgresql).public.actor.kind == "system"


def test_the_page_names_every_kind_and_way() -> None:
    for name in (*get_args(ActorKind), *get_args(Via)):
        assert f"`{name}`" in PAGE
