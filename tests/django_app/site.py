"""Sets up Django once in a process, on an SQLite file and a database on PostgreSQL."""

from pathlib import Path

import django
from django.conf import settings
from django.core.management import call_command

from audit_trail.capture.watch import Reference, Table, WatchList
from tests.postgresql import Cluster

TEAM = Reference(table="django_app_team", columns=("team_id",), label="name")
WATCH = WatchList(
    tables=(
        Table(name="django_app_team", entity="team", label=("name",)),
        Table(name="django_app_member", entity="member", label=("name",), references=(TEAM,)),
        Table(name="django_app_tag", entity="tag", label=("name",), account=None),
        Table(name="django_app_team_tags", entity="team_tag", references=(TEAM,), account=None),
        Table(
            name="auth_user",
            entity="user",
            label=("username",),
            account=None,
            secrets=frozenset({"password"}),
            unwatched=frozenset({"last_login"}),
        ),
    ),
    ignored=dict.fromkeys(
        (
            *("django_session", "django_content_type", "auth_group", "auth_permission"),
            *("auth_group_permissions", "auth_user_groups", "auth_user_user_permissions"),
        ),
        "Django's own",
    ),
)


def set_up(path: Path, cluster: Cluster, database: str) -> None:
    """Configure Django and create the tables on both databases."""
    settings.configure(
        SECRET_KEY="for tests",
        USE_TZ=True,
        ALLOWED_HOSTS=["testserver"],
        ROOT_URLCONF="tests.django_app.urls",
        INSTALLED_APPS=[
            *("django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"),
            *("audit_trail.capture.django", "tests.django_app"),
        ],
        MIDDLEWARE=[
            "audit_trail.capture.django.middleware.CaptureMiddleware",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
        ],
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        MIGRATION_MODULES=dict.fromkeys(("auth", "contenttypes", "sessions")),
        DATABASE_ROUTERS=["tests.django_app.places.Router"],
        AUDIT_TRAIL_DATABASES=["sqlite", "postgresql"],
        AUDIT_TRAIL_TRUSTED_PROXIES=["10.0.0.1"],
        DATABASES={
            "default": {},
            "sqlite": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": str(path),
                "OPTIONS": {
                    "transaction_mode": "IMMEDIATE",
                    "init_command": "PRAGMA journal_mode = WAL",
                },
            },
            "postgresql": {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": database,
                "HOST": "127.0.0.1",
                "PORT": cluster.port,
                "USER": "postgres",
            },
        },
    )
    django.setup()
    for alias in ("sqlite", "postgresql"):
        call_command("migrate", run_syncdb=True, database=alias, verbosity=0)
