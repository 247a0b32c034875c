"""An application in the manner of Rails, of more than 80 tables, is attached to by an unedited draft."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from audit_trail.capture.watch import Table
from audit_trail.record.entry import read_what
from tests.attach.installation import Installation, PostgresqlInstallation, SqliteInstallation
from tests.attach.rails import statements
from tests.postgresql import Cluster

AT = "'2026-01-02 03:04:05.678901'"
SECRETS = ("hunter2-digest", "hunter3-digest", "hmac-one", "hmac-two", "smtp-pass", "blob-key")

# What Rails sends, a transaction each.
HISTORY: tuple[tuple[str, ...], ...] = (
    (
        f"INSERT INTO accounts (id, name, settings, created_at, updated_at) VALUES (1, 'Alder', '{{\"a\":1}}', {AT}, {AT})",
        f"INSERT INTO users (id, name, email, encrypted_password, created_at, updated_at) VALUES (1, 'Ada', 'ada@a.example', 'hunter2-digest', {AT}, {AT})",
        f"INSERT INTO account_users (id, account_id, user_id, role, created_at, updated_at) VALUES (1, 1, 1, 1, {AT}, {AT})",
    ),
    (
        f"INSERT INTO accounts (id, name, created_at, updated_at) VALUES (2, 'Birch', {AT}, {AT})",
        f"INSERT INTO users (id, name, email, created_at, updated_at) VALUES (2, 'Bob', 'bob@b.example', {AT}, {AT})",
        f"INSERT INTO account_users (id, account_id, user_id, created_at, updated_at) VALUES (2, 1, 2, {AT}, {AT}), (3, 2, 2, {AT}, {AT})",
    ),
    # An inbox with its channel, its settings, and what is inserted at once beside it.
    (
        f"INSERT INTO channel_api (id, account_id, webhook_url, hmac_token, created_at, updated_at) VALUES (5, 1, 'https://a.example', 'hmac-one', {AT}, {AT})",
        f"INSERT INTO inboxes (id, account_id, channel_id, channel_type, name, created_at, updated_at) VALUES (1, 1, 5, 'Channel::Api', 'Support', {AT}, {AT})",
        f"INSERT INTO inbox_settings (id, inbox_id, business_name, created_at, updated_at) VALUES (1, 1, 'Alder Ltd', {AT}, {AT})",
        f"INSERT INTO working_hours (id, inbox_id, account_id, day_of_week, created_at, updated_at) VALUES (1, 1, 1, 0, {AT}, {AT}), (2, 1, 1, 1, {AT}, {AT}), (3, 1, 1, 2, {AT}, {AT})",
        f"INSERT INTO inbox_members (id, user_id, inbox_id, created_at, updated_at) VALUES (1, 1, 1, {AT}, {AT}), (2, 2, 1, {AT}, {AT})",
    ),
    (
        f"INSERT INTO channel_email (id, account_id, email, smtp_password, created_at, updated_at) VALUES (5, 2, 'm@b.example', 'smtp-pass', {AT}, {AT})",
        f"INSERT INTO inboxes (id, account_id, channel_id, channel_type, name, created_at, updated_at) VALUES (2, 2, 5, 'Channel::Email', 'Mail', {AT}, {AT})",
    ),
    (
        f"UPDATE inboxes SET name = 'Support Berlin', updated_at = {AT} WHERE id = 1",
        f"UPDATE channel_api SET webhook_url = 'https://b.example', updated_at = {AT} WHERE id = 5",
    ),
    ("UPDATE channel_api SET hmac_token = 'hmac-two' WHERE id = 5",),
    (
        f"INSERT INTO contacts (id, account_id, name, created_at, updated_at) VALUES (1, 1, 'Cleo', {AT}, {AT})",
        f"INSERT INTO contact_inboxes (id, contact_id, inbox_id, source_id, created_at, updated_at) VALUES (1, 1, 1, 's-1', {AT}, {AT})",
        f"INSERT INTO conversations (id, account_id, inbox_id, contact_id, display_id, uuid, created_at, updated_at) VALUES (1, 1, 1, 1, 1, '7f1d1b34-0000-4000-8000-000000000001', {AT}, {AT})",
        # A counter cache and a touch, beside what is counted.
        f"INSERT INTO messages (id, conversation_id, content, message_type, sender_type, sender_id, created_at, updated_at) VALUES (1, 1, 'Hello', 0, 'Contact', 1, {AT}, {AT})",
        "UPDATE conversations SET messages_count = COALESCE(messages_count, 0) + 1 WHERE id = 1",
        "UPDATE conversations SET updated_at = '2026-02-02 00:00:00' WHERE id = 1",
    ),
    (
        f"INSERT INTO attachments (id, message_id, external_url, created_at, updated_at) VALUES (1, 1, 'https://f.example', {AT}, {AT})",
        f"INSERT INTO message_reactions (id, message_id, user_id, emoji, created_at, updated_at) VALUES (1, 1, 2, '+1', {AT}, {AT})",
        f"INSERT INTO tags (id, name, created_at, updated_at) VALUES (1, 'vip', {AT}, {AT})",
        f"INSERT INTO taggings (id, tag_id, taggable_type, taggable_id, context, created_at) VALUES (1, 1, 'Conversation', 1, 'labels', {AT})",
        f"INSERT INTO active_storage_blobs (id, key, filename, service_name, byte_size, created_at) VALUES (1, 'blob-key', 'a.png', 'local', 3, {AT})",
    ),
    # insert_all, update_all, delete_all, upsert, and a table that joins two without an id.
    (
        "INSERT INTO skills (id, account_id, name, created_at, updated_at) VALUES "
        + ", ".join(f"({n}, {1 + n % 2}, 'Skill {n}', {AT}, {AT})" for n in range(1, 41)),
    ),
    ("UPDATE skills SET name = name || '!' WHERE account_id = 1",),
    ("DELETE FROM skills WHERE id > 20",),
    (
        f"INSERT INTO installation_configs (id, name, serialized_value, created_at, updated_at) VALUES (1, 'BRAND', '\"A\"', {AT}, {AT}) ON CONFLICT (name) DO UPDATE SET serialized_value = excluded.serialized_value",
    ),
    (
        f"INSERT INTO installation_configs (id, name, serialized_value, created_at, updated_at) VALUES (1, 'BRAND', '\"B\"', {AT}, {AT}) ON CONFLICT (name) DO UPDATE SET serialized_value = excluded.serialized_value",
    ),
    (
        f"INSERT INTO portals (id, account_id, name, slug, created_at, updated_at) VALUES (1, 1, 'Help', 'help', {AT}, {AT})",
        "INSERT INTO portals_users (portal_id, user_id) VALUES (1, 1), (1, 2)",
    ),
    (
        "SAVEPOINT active_record_1",
        "DELETE FROM portals",
        "ROLLBACK TO SAVEPOINT active_record_1",
        "SAVEPOINT active_record_1",
        "UPDATE portals SET name = 'Help Centre'",
        "RELEASE SAVEPOINT active_record_1",
    ),
    ("DELETE FROM portals_users WHERE portal_id = 1 AND user_id = 2",),
    (
        "UPDATE users SET encrypted_password = 'hunter3-digest', otp_required_for_login = TRUE WHERE id = 2",
    ),
    (
        f"INSERT INTO categories (id, account_id, portal_id, slug, name, created_at, updated_at) VALUES (1, 1, 1, 'a', 'A', {AT}, {AT})",
        f"INSERT INTO custom_roles (id, account_id, name, permissions, created_at, updated_at) VALUES (1, 1, 'Lead', %(array)s, {AT}, {AT})",
        f"INSERT INTO automation_rules (id, account_id, name, event_name, conditions, actions, created_at, updated_at) VALUES (1, 1, 'Rule', 'opened', '[]', '[{{\"x\":[1]}}]', {AT}, {AT})",
    ),
    # The children first, the inbox, and its channel last: as dependent: :destroy does.
    (
        "DELETE FROM working_hours WHERE inbox_id = 1",
        "DELETE FROM inbox_members WHERE inbox_id = 1",
        "DELETE FROM inbox_settings WHERE inbox_id = 1",
        "DELETE FROM inboxes WHERE id = 1",
        "DELETE FROM channel_api WHERE id = 5",
    ),
    # The conversation first: what hangs on it is found by its own row.
    (
        "DELETE FROM conversations WHERE id = 1",
        "DELETE FROM attachments WHERE message_id = 1",
        "DELETE FROM message_reactions WHERE message_id = 1",
        "DELETE FROM messages WHERE conversation_id = 1",
    ),
)
UNNOTICED = (
    f"UPDATE inboxes SET updated_at = {AT}",
    "UPDATE skills SET name = name",
    "DELETE FROM skills WHERE id = -1",
    f"INSERT INTO sessions (session_id, data, created_at, updated_at) VALUES ('sid', 'x', {AT}, {AT})",
)


def history(installation: Installation) -> Iterator[tuple[str, ...]]:
    array = "'{a,b}'" if installation.postgresql else '\'["a","b"]\''
    for transaction in HISTORY:
        yield tuple(each.replace("%(array)s", array) for each in transaction)


@pytest.fixture(scope="module")
def lived(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """The application, attached to by its draft, after its history and then some."""
    folder = tmp_path_factory.mktemp("rails")
    made: Installation = SqliteInstallation(folder)
    if request.param == "postgresql":
        cluster: Cluster = request.getfixturevalue("postgresql")
        made = PostgresqlInstallation(cluster, folder)
    made.write(*statements(postgresql=made.postgresql))
    (folder / "before").write_text(made.dump())
    made.attach(made.draft())
    for number, transaction in enumerate(history(made)):
        # On PostgreSQL the rows of a transaction belong together though nobody says who acts.
        write = made.write if made.postgresql and number % 2 else made.act
        write(*transaction)
    with pytest.raises((sqlite3.Error, psycopg.Error), match="no_such"):
        made.act("DELETE FROM skills", "DELETE FROM no_such")
    (folder / "outbox").write_text(str(made.rows(f"SELECT * FROM {made.outbox_table}")))
    made.drain()
    return made


each_engine = pytest.mark.parametrize("lived", ["sqlite", "postgresql"], indirect=True)


def records(installation: Installation, account: str) -> list[str]:
    return [f"{action} {record}" for action, record, _ in installation.said(account)]


@each_engine
def test_every_entry_is_in_its_accounts_trail(lived: Installation) -> None:
    first = records(lived, "1")
    assert first[:2] == ["create user 1", "create account_user 1"]
    assert "create inbox 1" in first
    assert "create attachment 1" in first
    assert "delete attachment 1" in first
    assert "delete message_reaction 1" in first
    assert "create portals_user [1,2]" in first
    assert [each for each in records(lived, "2") if "inbox" in each] == ["create inbox 2"]
    assert {each.split()[1] for each in records(lived, "0")} == {
        *("account", "tag", "tagging", "active_storage_blob", "installation_config"),
    }
    unresolved = [
        entry
        for entry in lived.entries("0")
        if "unresolved_account" in read_what(entry.what).details
    ]
    assert unresolved == []


@each_engine
def test_a_channel_is_told_as_a_part_of_its_inbox(lived: Installation) -> None:
    of_inbox = [each for each in lived.said("1") if each[1] == "inbox 1"]
    assert [action for action, _, _ in of_inbox] == ["create", "update", "update", "delete"]
    created, renamed, rekeyed, gone = (changes for _, _, changes in of_inbox)
    assert created["channel.webhook_url"][1] == "https://a.example"
    assert created["settings.business_name"][1] == "Alder Ltd"
    assert {"channel.id", "channel.account_id", "settings.inbox_id"}.isdisjoint(created)
    assert renamed == {
        "name": ("Support", "Support Berlin"),
        "channel.webhook_url": ("https://a.example", "https://b.example"),
    }
    assert rekeyed == {"channel.hmac_token": ("[hidden]", "[hidden]")}
    assert gone["channel.webhook_url"][0] == "https://b.example"
    assert "channel" not in " ".join(records(lived, "1") + records(lived, "0"))


@each_engine
def test_records_and_what_they_point_to_are_named(lived: Installation) -> None:
    labels = {
        (entry.public.entity.type, entry.public.entity.id): read_what(entry.what).label
        for entry in lived.entries("1")
        if entry.public.action == "create"
    }
    assert labels["inbox", "1"] == "Support"
    assert labels["inbox_member", "2"] == "Bob · Support"
    assert labels["portals_user", "[1,1]"] == "Help · Ada"
    (member,) = (
        read_what(entry.what)
        for entry in lived.entries("1")
        if (entry.public.entity.type, entry.public.entity.id) == ("inbox_member", "2")
        and entry.public.action == "create"
    )
    assert member.references["user_id"].label == "Bob"


@each_engine
def test_no_secret_is_in_the_outbox_or_the_trail(lived: Installation) -> None:
    kept = (lived.folder / "outbox").read_text()
    for account in ("0", "1", "2"):
        kept += str(lived.entries(account))
    assert "https://b.example" in kept
    assert [secret for secret in SECRETS if secret in kept] == []


@each_engine
def test_what_changes_nothing_is_no_entry(lived: Installation) -> None:
    sizes = [len(lived.entries(account)) for account in ("0", "1", "2")]
    lived.act(*UNNOTICED)
    assert [len(lived.entries(account)) for account in ("0", "1", "2")] == sizes


@each_engine
def test_the_entries_add_up_to_what_the_tables_hold(lived: Installation) -> None:
    watch = lived.watch()
    implied = state_of(lived)
    checked = 0
    for table in watch.tables:
        if table.part_of:
            continue
        found = {
            identity: values
            for (entity, identity), values in implied.items()
            if entity == table.entity
        }
        actual = dict(rows_of(lived, table))
        assert found.keys() == actual.keys(), table.name
        for identity, values in actual.items():
            told = found[identity]
            assert {name: told.get(name) for name in values} == values, (table.name, identity)
            checked += len(values)
    assert checked > 100


def state_of(installation: Installation) -> dict[tuple[str, str], dict[str, Any]]:
    """What the entries imply that there is."""
    records: dict[tuple[str, str], dict[str, Any]] = {}
    for account in ("0", "1", "2"):
        for told in installation.told(account):
            record = (told.entity, str(told.id))
            # A person of two accounts is created, changed and deleted in each.
            if told.action == "delete":
                records.pop(record, None)
            else:
                news = {name: settled(after) for name, (_, after) in told.changes.items()}
                records[record] = records.get(record, {}) | news
    return records


def rows_of(installation: Installation, table: Table) -> Iterator[tuple[str, dict[str, Any]]]:
    """The rows of a table, in the columns whose values an entry tells."""
    with installation.connection() as connection:
        cursor = connection.execute(f'SELECT * FROM "{table.name}"')
        names = [each[0] for each in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    hidden = {*table.keys, table.account, *table.secrets, *table.unwatched}
    for row in rows:
        identity = [row[key] for key in table.keys]
        said = (
            json.dumps(identity, separators=(",", ":")) if len(identity) > 1 else str(identity[0])
        )
        yield said, {name: settled(value) for name, value in row.items() if name not in hidden}


def settled(value: Any) -> Any:
    """Compare what the driver reads with what the entry says, where both spell it differently."""
    match value:
        case bool():
            return int(value)
        case str() if value[:1] in ("[", "{", '"') and value != "[hidden]":
            return json.loads(value)
        case float():
            return repr(value)
        case "(absent)":
            return None
        case str() | int() | list() | dict() | None:
            return value
        case _:
            return str(value)


@each_engine
def test_detaching_leaves_the_schema_as_it_was(lived: Installation, tmp_path: Path) -> None:
    lived.drain()
    assert lived.detach() == 0
    assert lived.dump() == (lived.folder / "before").read_text()
