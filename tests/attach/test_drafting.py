"""A draft proposes what people would write, errs towards secrecy, and is never written over."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from audit_trail.attaching.config import Named, PartOf, understand
from audit_trail.attaching.names import class_of, is_secret, singular
from audit_trail.errors import ConfigRefused
from tests.attach.installation import Installation, SqliteInstallation
from tests.attach.rails import statements


@pytest.mark.parametrize(
    ("name", "one"),
    [
        ("inboxes", "inbox"),
        ("companies", "company"),
        ("account_users", "account_user"),
        ("channel_twilio_sms", "channel_twilio_sms"),
        ("sla_statuses", "sla_status"),
        ("canned_responses", "canned_response"),
        ("addresses", "address"),
        ("people", "person"),
        ("series", "series"),
        ("caches", "cache"),
        ("Straßen", "Straßen"),
    ],
)
def test_a_table_holds_what_its_name_says(name: str, one: str) -> None:
    assert singular(name) == one


def test_a_class_is_guessed_as_ruby_spells_it() -> None:
    assert class_of("channel_web_widgets", "channel") == "Channel::WebWidget"


@pytest.mark.parametrize(
    ("column", "declared", "secret"),
    [
        ("password", "TEXT", True),
        ("encrypted_password", "VARCHAR", True),
        ("password_digest", "VARCHAR", True),
        ("otp_secret", "VARCHAR", True),
        ("api_key", "VARCHAR", True),
        ("apikey", "VARCHAR", True),
        ("api_key_sid", "VARCHAR", True),
        ("line_channel_secret", "VARCHAR", True),
        ("tokens", "JSONB", True),
        ("provider_config", "JSONB", True),
        ("provider_config", "VARCHAR", False),
        ("card_number_ciphertext", "TEXT", True),
        ("AccessToken", "TEXT", True),
        ("access_token", "TEXT", True),
        ("otp_required_for_login", "BOOLEAN", False),
        ("reset_password_sent_at", "TIMESTAMP", False),
        ("token_type", "VARCHAR", False),
        ("monkey", "VARCHAR", False),
        ("name", "VARCHAR", False),
    ],
)
def test_what_may_hold_a_secret_is_one(column: str, declared: str, secret: bool) -> None:
    assert is_secret(column, declared) == secret


@pytest.fixture(scope="module")
def drafts(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The draft for the schema in the manner of Rails, on SQLite."""
    made = SqliteInstallation(tmp_path_factory.mktemp("drafts"))
    made.write(*statements(postgresql=False))
    return made.draft().read_text(encoding="utf-8")


def test_a_draft_proposes_what_the_tables_look_like(drafts: str) -> None:
    given: dict[str, Any] = tomllib.loads(drafts)
    tables = given["tables"]
    assert given["accounts"] == "accounts"
    assert tables["inboxes"] == {
        "entity": "inbox",
        "account": "account_id",
        "label": ["name"],
        "secrets": ["auto_assignment_config", "hmac_token"],
    }
    assert tables["attachments"]["account"] == ["message_id", "conversation_id", "account_id"]
    assert tables["users"]["account"] == {
        "members": "account_users",
        "record": "user_id",
        "account": "account_id",
    }
    assert tables["notification_subscriptions"]["account"] == tables["users"]["account"] | {
        "by": "user_id"
    }
    assert tables["channel_web_widgets"]["part_of"] == {
        "table": "inboxes",
        "prefix": "channel",
        "owner_column": "channel_id",
        "where": {"channel_type": "Channel::WebWidget"},
    }
    assert tables["portals_users"]["key"] == ["portal_id", "user_id"]
    assert tables["inbox_members"]["label"] == ["user_id", "inbox_id"]
    assert {"schema_migrations", "good_jobs", "sessions", "audits"} < given["ignored"].keys()
    assert "# sender_type and sender_id point to records of several tables." in drafts
    assert list(tables) == sorted(tables)


def test_the_classes_are_those_that_the_application_writes(sqlite: SqliteInstallation) -> None:
    sqlite.write(
        *statements(postgresql=False),
        "INSERT INTO inboxes (account_id, name, channel_id, channel_type, created_at, updated_at) "
        "VALUES (1, 'x', 1, 'Channel_WebWidget', '', '')",
    )
    assert 'channel_type = "Channel_WebWidget"' in sqlite.draft().read_text()


def test_a_draft_is_never_written_over(sqlite: SqliteInstallation) -> None:
    sqlite.write("CREATE TABLE x (id INTEGER PRIMARY KEY)")
    path = sqlite.draft()
    path.write_text("mine")
    with pytest.raises(ConfigRefused, match="is there already"):
        sqlite.draft()
    assert path.read_text() == "mine"


def test_drafting_waits_for_no_writer_and_lets_none_wait(sqlite: SqliteInstallation) -> None:
    sqlite.write("PRAGMA journal_mode = WAL", "CREATE TABLE x (id INTEGER PRIMARY KEY)")
    with sqlite.connection() as writer:
        writer.execute("INSERT INTO x VALUES (1)")
        assert "[tables.x]" in sqlite.draft_text()


def test_drafting_changes_nothing_and_is_the_same_each_time(
    installation: Installation, tmp_path: Path
) -> None:
    installation.write(
        "CREATE TABLE organizations (id INTEGER PRIMARY KEY, name TEXT)",
        "CREATE TABLE things (id INTEGER PRIMARY KEY, organization_id INTEGER, title TEXT)",
        'CREATE TABLE "Odd ""name"", ünd\'s [x]" (id INTEGER PRIMARY KEY, "a.b ""c""" TEXT)',
        "CREATE TABLE nothing_tells (at TEXT, what TEXT)",
        'CREATE TABLE "Customers" ("Id" INTEGER PRIMARY KEY, "CompanyName" TEXT, "updatedAt" TEXT)',
        "CREATE TABLE tokens (id INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE)",
        "CREATE TABLE uses (id INTEGER PRIMARY KEY, token_id INTEGER, token_code TEXT REFERENCES tokens (code))",
        "CREATE TABLE thing_notes (id INTEGER PRIMARY KEY, thing_id INTEGER UNIQUE, body TEXT)",
        "CREATE TABLE thing_note_marks (id INTEGER PRIMARY KEY, thing_note_id INTEGER UNIQUE, n INTEGER)",
        "CREATE TABLE status (id INTEGER PRIMARY KEY)",
        "CREATE TABLE statuses (id INTEGER PRIMARY KEY)",
        "CREATE TABLE coded (code TEXT NOT NULL UNIQUE, at TEXT, modified_at TEXT)",
    )
    before = installation.dump()
    path = installation.draft()
    first = path.read_text(encoding="utf-8")
    path.unlink()
    assert installation.draft().read_text(encoding="utf-8") == first
    assert installation.dump() == before
    found = understand(first)
    assert found.accounts == "organizations"
    assert found.tables["things"].account == "organization_id"
    assert found.tables["uses"].references == {
        "token_id": "tokens",
        "token_code": Named(table="tokens", key="code"),
    }
    assert found.tables["uses"].secrets == ()
    assert found.tables["thing_notes"].part_of == PartOf(
        table="things", prefix="notes", column="thing_id"
    )
    assert found.tables["thing_note_marks"].part_of is None
    assert found.tables["coded"].key == "code"
    assert found.tables["Customers"].label == ("CompanyName",)
    assert found.tables["Customers"].unwatched == ("updatedAt",)
    assert found.tables["coded"].unwatched == ("modified_at",)
    assert 'Odd "name", ünd\'s [x]' in found.tables
    assert found.ignored["nothing_tells"].startswith("REVIEW: it has no key")
    installation.attach(path)
