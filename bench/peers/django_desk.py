"""The application on Django: it saves for the cost, and goes every write path for the matrix."""

import gc
import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import django
import psycopg
from django.conf import settings

from bench.peers.news import News
from bench.peers.verdicts import ADA, Event, Fact, judge

TICKET, COMMENT, LINKS = "desk_ticket", "desk_comment", "desk_ticket_labels"


def set_up(library: str, url: str, *, is_new: bool) -> None:
    """Configure Django with one library; the URL is SQLAlchemy's."""
    from bench.peers.django_logs import LOGS

    log = LOGS[library]
    settings.configure(
        SECRET_KEY="for the comparison",  # noqa: S106 - it signs nothing
        USE_TZ=True,
        PEER=library,
        INSTALLED_APPS=[
            *("django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions"),
            *log.apps,
            "bench.peers.desk",
        ],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        DATABASES={"default": _database(url)},
        **log.settings,
    )
    django.setup()
    if is_new:
        from django.core.management import call_command

        # First what has migrations: a log's own tables may point to users.
        for options in ({}, {"run_syncdb": True}):
            call_command("migrate", verbosity=0, **options)
    log.install(url)


def _database(url: str) -> dict[str, Any]:
    if url.startswith("sqlite"):
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": url.removeprefix("sqlite:///"),
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "init_command": "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL",
            },
        }
    parts = urlsplit(url)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path[1:],
        "HOST": parts.hostname,
        "PORT": parts.port,
        "USER": parts.username,
    }


class DjangoDesk:
    """The application with one library, in this process."""

    def __init__(self, library: str, url: str, *, is_new: bool) -> None:
        set_up(library, url, is_new=is_new)
        from django.contrib.auth.models import User

        from bench.peers.django_logs import LOGS

        self._log = LOGS[library]
        self._url = url
        self._user, _ = User.objects.get_or_create(
            username="ada", defaults={"email": ADA, "first_name": "Ada"}
        )
        self._tickets: list[Any] = []
        self._saved = 0
        self._news = News()

    # The cost

    def fill(self, rows: int) -> None:
        """Make the tickets that are saved again and again."""
        self._log.endure()
        from django.db import transaction

        with transaction.atomic():
            self._tickets = [self.new(f"Ticket {number}") for number in range(rows)]
        # What a library loaded isn't looked through again and again while it is measured.
        gc.collect()
        gc.freeze()

    def update(self, times: int, each: int) -> float:
        """Change three fields of a ticket and save it, so many times in a transaction."""
        return self._timed(times, each, self._change)

    def create(self, times: int, each: int) -> float:
        """Create tickets, so many in a transaction."""
        return self._timed(times, each, lambda: self.new("Another ticket"))

    def _timed(self, times: int, each: int, act: Callable[[], object]) -> float:
        from django.db import transaction

        gc.collect()
        started = time.perf_counter()
        for _ in range(times // each):
            with self._log.acting(self._user), transaction.atomic():
                for _ in range(each):
                    act()
        return (time.perf_counter() - started) / times

    def _change(self) -> None:
        self._saved += 1
        ticket = self._tickets[self._saved % len(self._tickets)]
        ticket.name = f"Ticket {self._saved}"
        ticket.priority = self._saved
        ticket.status = "open" if self._saved % 2 else "waiting"
        ticket.save()

    def sequence(self) -> tuple[int, float]:
        """Do what the library does behind the application's back."""
        return self._log.sequence()

    def bytes_of_an_entry(self) -> float | None:
        return self._log.bytes_of_an_entry()

    def entries(self) -> int:
        """How many entries lie in the log's tables, by its first one."""
        return self._scalar(f"SELECT count(*) FROM {self._log.tables[0]}")

    def bytes(self) -> int:
        """What the log's tables take with their indexes, on PostgreSQL, without free space."""
        from django.db import connection

        with connection.cursor() as cursor:
            for name in self._log.tables:
                cursor.execute(f"VACUUM FULL {name}")
        return sum(
            self._scalar(f"SELECT pg_total_relation_size('{name}')") for name in self._log.tables
        )

    def _scalar(self, statement: str) -> int:
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute(statement)
            return int(cursor.fetchone()[0])

    # The paths

    def paths(self) -> dict[str, str]:
        """Go every path, and say of each what the log says of it."""
        found = {}
        for name, path in PATHS.items():
            facts = path(self)
            if facts is not None:
                found[name] = judge(facts, self.news())
        return found

    def news(self) -> list[Event]:
        """What the log says now, and didn't before."""
        return self._news.among(self._log.events())

    def die(self) -> list[Any]:
        """Change a ticket and be killed as the commit returns, before anything else is done."""
        from django.db import connection, transaction

        ticket = self._given("Doomed")
        commit = connection.commit

        def commit_and_die() -> None:
            commit()
            os.kill(os.getpid(), signal.SIGKILL)

        connection.commit = commit_and_die
        with self.acting(), transaction.atomic():
            ticket.priority = 2
            ticket.save()
        raise AssertionError("it lives")

    def survived(self) -> str:
        """Say what the log says of the write before the death."""
        from bench.peers.desk.models import Ticket

        ticket = Ticket.objects.get(name="Doomed")
        updates = [each for each in self._log.events() if each.operation == "update"]
        events = [each for each in updates if str(each.key) == str(ticket.pk)]
        fact = Fact("update", TICKET, ticket.pk, {"priority": 1}, {"priority": ticket.priority})
        return judge([fact], events)

    def acting(self) -> Any:
        return self._log.acting(self._user)

    def acting_meanwhile(self) -> Any:
        return self._log.acting_meanwhile(self._user)

    def new(self, name: str, **fields: Any) -> Any:
        from django.utils import timezone

        from bench.peers.desk.models import Ticket

        return Ticket.objects.create(name=name, opened_at=timezone.now(), **fields)

    def given(self) -> Any:
        """A ticket whose birth isn't part of the path."""
        ticket = self._given()
        self.news()
        return ticket

    def _given(self, name: str = "Given") -> Any:
        with self.acting():
            ticket = self.new(name, priority=1)
        # Its values as they are read, not as they were given.
        ticket.refresh_from_db()
        return ticket

    @contextmanager
    def elsewhere(self) -> Iterator[Any]:
        """The database as another program opens it; it yields what runs a statement."""
        if self._url.startswith("sqlite"):
            other: Any = sqlite3.connect(self._url.removeprefix("sqlite:///"), timeout=10)
        else:
            other = psycopg.connect(self._url.replace("+psycopg", ""))
        with other:
            yield other.execute
        other.close()


def _changed(ticket: Any, before: int, after: int, actor: str | None = ADA) -> Fact:
    return Fact("update", TICKET, ticket.pk, {"priority": before}, {"priority": after}, actor)


def create(desk: DjangoDesk) -> list[Fact]:
    with desk.acting():
        ticket = desk.new("New", priority=3)
    return [Fact("create", TICKET, ticket.pk, {}, {"name": "New", "priority": 3})]


def save(desk: DjangoDesk) -> list[Fact]:
    ticket = desk.given()
    ticket.priority = 4
    with desk.acting():
        ticket.save()
    return [_changed(ticket, 1, 4)]


def delete(desk: DjangoDesk) -> list[Fact]:
    ticket = desk.given()
    key = ticket.pk
    with desk.acting():
        ticket.delete()
    return [Fact("delete", TICKET, key, {"name": "Given", "priority": 1})]


def bulk_create(desk: DjangoDesk) -> list[Fact]:
    from django.utils import timezone

    from bench.peers.desk.models import Ticket

    names = ("Bulk one", "Bulk two")
    with desk.acting():
        Ticket.objects.bulk_create([Ticket(name=n, opened_at=timezone.now()) for n in names])
    made = [Ticket.objects.get(name=name) for name in names]
    return [Fact("create", TICKET, each.pk, {}, {"name": each.name}) for each in made]


def upsert(desk: DjangoDesk) -> list[Fact]:
    from bench.peers.desk.models import Ticket

    ticket = desk.given()
    ticket.priority = 5
    with desk.acting():
        Ticket.objects.bulk_create(
            [ticket], update_conflicts=True, unique_fields=["id"], update_fields=["priority"]
        )
    return [_changed(ticket, 1, 5)]


def bulk_update(desk: DjangoDesk) -> list[Fact]:
    from bench.peers.desk.models import Ticket

    ticket = desk.given()
    with desk.acting():
        Ticket.objects.filter(pk=ticket.pk).update(priority=6)
    return [_changed(ticket, 1, 6)]


def expression(desk: DjangoDesk) -> list[Fact]:
    from django.db.models import F

    ticket = desk.given()
    ticket.priority = F("priority") + 6
    with desk.acting():
        try:
            ticket.save()
        except Exception as error:  # noqa: BLE001 - whatever a library raises, the row tells
            print(f"an expression: {error!r}")
    ticket.refresh_from_db()
    return [_changed(ticket, 1, ticket.priority)] if ticket.priority != 1 else []


def bulk_delete(desk: DjangoDesk) -> list[Fact]:
    from bench.peers.desk.models import Ticket

    ticket = desk.given()
    with desk.acting():
        Ticket.objects.filter(pk=ticket.pk).delete()
    return [Fact("delete", TICKET, ticket.pk, {"name": "Given", "priority": 1})]


def cascade(desk: DjangoDesk) -> list[Fact]:
    from bench.peers.desk.models import Comment

    ticket = desk.given()
    with desk.acting():
        comment = Comment.objects.create(ticket=ticket, name="Said")
    desk.given()
    keys = ticket.pk, comment.pk
    with desk.acting():
        ticket.delete()
    return [
        Fact("delete", TICKET, keys[0], {"name": "Given"}),
        Fact("delete", COMMENT, keys[1], {"name": "Said"}),
    ]


def raw(desk: DjangoDesk) -> list[Fact]:
    from django.db import connection

    ticket = desk.given()
    with desk.acting(), connection.cursor() as cursor:
        cursor.execute("UPDATE desk_ticket SET priority = %s WHERE id = %s", [7, ticket.pk])
    return [_changed(ticket, 1, 7)]


def shell(desk: DjangoDesk) -> list[Fact]:
    ticket = desk.given()
    with desk.elsewhere() as execute:
        execute(f"UPDATE desk_ticket SET priority = 8 WHERE id = {ticket.pk}")
    return [_changed(ticket, 1, 8, None)]


def truncate(desk: DjangoDesk) -> list[Fact] | None:
    from django.db import connection

    from bench.peers.desk.models import Comment

    if connection.vendor == "sqlite":
        return None
    ticket = desk.given()
    Comment.objects.all().delete()
    with desk.acting():
        comment = Comment.objects.create(ticket=ticket, name="Said")
    desk.given()
    with desk.acting(), connection.cursor() as cursor:
        cursor.execute("TRUNCATE desk_comment")
    return [Fact("delete", COMMENT, comment.pk, {"name": "Said"})]


def link(desk: DjangoDesk) -> list[Fact]:
    from bench.peers.desk.models import Label

    ticket, label = desk.given(), Label.objects.create(name="urgent")
    with desk.acting():
        ticket.labels.add(label)
    return [Fact("link", LINKS, ticket.pk, {}, {"label": label.pk})]


def asynchronous(desk: DjangoDesk) -> list[Fact]:
    from asgiref.sync import async_to_sync

    ticket = desk.given()
    ticket.priority = 9

    async def view() -> None:
        async with desk.acting_meanwhile():
            await ticket.asave()

    async_to_sync(view)()
    return [_changed(ticket, 1, 9)]


def nothing(desk: DjangoDesk) -> list[Fact]:
    ticket = desk.given()
    with desk.acting():
        ticket.save()
    return []


def rollback(desk: DjangoDesk) -> list[Fact]:
    from django.db import transaction

    ticket = desk.given()
    with desk.acting(), transaction.atomic():
        ticket.priority = 10
        ticket.save()
        transaction.set_rollback(True)
    return []


def savepoint(desk: DjangoDesk) -> list[Fact]:
    from django.db import transaction

    kept, undone = desk.given(), desk.given()
    with desk.acting(), transaction.atomic():
        kept.priority = undone.priority = 11
        kept.save()
        with transaction.atomic():
            undone.save()
            transaction.set_rollback(True)
    return [_changed(kept, 1, 11)]


def refused(desk: DjangoDesk) -> list[Fact]:
    from django.db import IntegrityError

    ticket = desk.given()
    ticket.priority = -1
    with desk.acting():
        try:
            ticket.save()
        except IntegrityError:
            return []
    raise AssertionError("the CHECK held nothing back")


def concurrent(desk: DjangoDesk) -> list[Fact]:
    """While a save is on its way, another user's is committed."""
    from django.db import connection
    from django.db.models.signals import pre_save

    from bench.peers.desk.models import Ticket

    ticket = desk.given()

    def other() -> None:
        with desk.acting():
            same = Ticket.objects.get(pk=ticket.pk)
            same.priority = 5
            same.save()
        connection.close()

    def meanwhile(**_: Any) -> None:
        pre_save.disconnect(meanwhile, sender=Ticket)
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()

    pre_save.connect(meanwhile, sender=Ticket)
    ticket.priority = 2
    with desk.acting():
        ticket.save()
    return [_changed(ticket, 1, 5), _changed(ticket, 5, 2)]


PATHS: dict[str, Callable[[DjangoDesk], list[Fact] | None]] = {
    "create": create,
    "save of an object": save,
    "delete of an object": delete,
    "bulk create": bulk_create,
    "upsert": upsert,
    "bulk update": bulk_update,
    "update by an expression": expression,
    "bulk delete": bulk_delete,
    "cascade to a child": cascade,
    "raw SQL of the application": raw,
    "SQL of another program": shell,
    "TRUNCATE": truncate,
    "link of a many-to-many": link,
    "save in asynchronous code": asynchronous,
    "save that changes nothing": nothing,
    "rollback": rollback,
    "rollback to a savepoint": savepoint,
    "save that a CHECK refuses": refused,
    "save that another overtakes": concurrent,
}
