"""What requests do: each view writes by another path."""

import asyncio
from typing import Any

from django.contrib.auth import authenticate, login, logout
from django.db import connections, transaction
from django.db.models import F
from django.http import HttpRequest, HttpResponse

from tests.django_app.models import Tag, Team
from tests.django_app.places import chosen


def save(request: HttpRequest) -> None:
    team = Team.objects.create(name="Help")
    team.name = "Support"
    team.save()


def bulk_create(request: HttpRequest) -> None:
    Team.objects.bulk_create([Team(name="One"), Team(name="Two")])


def update(request: HttpRequest) -> None:
    Team.objects.filter(name="Help").update(seats=F("seats") + 2)


def raw(request: HttpRequest) -> None:
    with connections[chosen()].cursor() as cursor:
        cursor.execute("UPDATE django_app_team SET seats = seats + %s", [5])
        cursor.executemany(
            "INSERT INTO django_app_team (account_id, name, seats) VALUES (%s, %s, %s)",
            [(1, "100 %", 1), (1, "Two", 2)],
        )
        cursor.execute("DELETE FROM django_app_team WHERE name = '100 %'")


def composed(request: HttpRequest) -> None:
    """On PostgreSQL a statement may be put together by the driver."""
    from psycopg import sql

    table = sql.Identifier("django_app_team")
    with connections[chosen()].cursor() as cursor:
        cursor.execute(sql.SQL("UPDATE {} SET seats = 8").format(table))
        cursor.execute("SELECT seats FROM django_app_team")
        assert cursor.fetchall() == [(8,)]


def returning(request: HttpRequest) -> None:
    """In autocommit, with rows handed out after the write."""
    with connections[chosen()].cursor() as cursor:
        cursor.execute(
            "INSERT INTO django_app_team (account_id, name, seats) "
            "VALUES (1, 'a', 1), (1, 'b', 2), (1, 'c', 3), (1, 'd', 4) RETURNING seats"
        )
        assert cursor.fetchone() == (1,)
        assert cursor.fetchmany(2) == [(2,), (3,)]
        assert list(cursor) == [(4,)] and cursor.fetchone() is None
        cursor.execute("SELECT count(*) FROM django_app_team")
        assert cursor.fetchall() == [(5,)]


def savepoints(request: HttpRequest) -> None:
    with transaction.atomic(using=chosen()):
        for name in ("first", "second"):
            try:
                with transaction.atomic(using=chosen()):
                    Team.objects.create(name=f"undone {name}")
                    raise KeyError(name)
            except KeyError:
                Team.objects.create(name=name)


def cascade(request: HttpRequest) -> None:
    Team.objects.get(name="Help").delete()


def many_to_many(request: HttpRequest) -> None:
    Team.objects.get(name="Help").tags.add(Tag.objects.create(name="urgent"))


def later(request: HttpRequest) -> None:
    with transaction.atomic(using=chosen()):
        Team.objects.create(name="now")
        transaction.on_commit(lambda: save(request), using=chosen())


def failing(request: HttpRequest) -> None:
    with transaction.atomic(using=chosen()):
        Team.objects.create(name="never")
        raise KeyError("on purpose")


def checked(request: HttpRequest) -> None:
    Team.objects.filter(name="Help").update(seats=-1)


def read(request: HttpRequest) -> None:
    assert Team.objects.count() == len(list(Team.objects.iterator()))
    with transaction.atomic(using=chosen()):
        Team.objects.filter(name="Help").exists()


def nothing(request: HttpRequest) -> None:
    Team.objects.get(name="Help").save()


def sign_in(request: HttpRequest) -> None:
    Team.objects.create(name="before")
    user = authenticate(request, username="bob", password="bob's password")
    assert user is not None
    login(request, user)
    Team.objects.create(name="between")
    logout(request)
    Team.objects.create(name="after")


def handing_over(request: HttpRequest) -> HttpResponse:
    from audit_trail.capture.jobs import handed_over

    return HttpResponse(handed_over())


async def at_once(request: HttpRequest) -> HttpResponse:
    await Team.objects.acreate(name="async")
    await asyncio.gather(*(Team.objects.acreate(name=f"async {each}") for each in "ab"))
    return HttpResponse()


def act(request: HttpRequest, name: str) -> HttpResponse:
    acting: Any = globals()[name]
    return acting(request) or HttpResponse()
