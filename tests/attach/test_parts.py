"""A record kept in two tables reads as one: what was done to a part is its owner's."""

import pytest

from audit_trail.errors import ConfigRefused
from audit_trail.record.entry import read_what
from tests.attach.installation import Installation, SqliteInstallation
from tests.capture.host import NOTHING

SCHEMA = (
    "CREATE TABLE accounts (id INTEGER PRIMARY KEY, name TEXT)",
    "CREATE TABLE channel_api (id INTEGER PRIMARY KEY, account_id INTEGER, url TEXT, token TEXT)",
    "CREATE TABLE channel_web (id INTEGER PRIMARY KEY, account_id INTEGER, url TEXT)",
    "CREATE TABLE inboxes (id INTEGER PRIMARY KEY, account_id INTEGER, name TEXT, channel_id INTEGER, channel_type TEXT)",
    "CREATE TABLE inbox_settings (id INTEGER PRIMARY KEY, inbox_id INTEGER UNIQUE, greeting TEXT)",
)
CONFIG = """
accounts = "accounts"
[tables.accounts]
entity = "account"
label = ["name"]
[tables.inboxes]
entity = "inbox"
account = "account_id"
label = ["name"]
[tables.channel_api]
entity = "channel_api"
account = "account_id"
secrets = ["token"]
part_of = { table = "inboxes", prefix = "channel", owner_column = "channel_id", where = { channel_type = "Api" } }
[tables.channel_web]
entity = "channel_web"
part_of = { table = "inboxes", prefix = "channel", owner_column = "channel_id", where = { channel_type = "Web" } }
[tables.inbox_settings]
entity = "inbox_settings"
part_of = { table = "inboxes", prefix = "settings", column = "inbox_id" }
"""
CREATED = (
    "INSERT INTO channel_api VALUES (5, 1, 'http://a', 's3cret')",
    "INSERT INTO inboxes VALUES (2, 1, 'Mail', 5, 'Api')",
    "INSERT INTO inbox_settings VALUES (9, 2, 'Hello')",
)


@pytest.fixture
def attached(installation: Installation) -> Installation:
    installation.write(*SCHEMA)
    installation.attach(CONFIG)
    return installation


@pytest.fixture
def created(attached: Installation) -> Installation:
    attached.act(*CREATED)
    attached.forget()
    return attached


def test_an_owner_that_comes_after_its_part_is_one_creation(attached: Installation) -> None:
    attached.act(*CREATED)
    assert attached.said() == [
        (
            "create",
            "inbox 2",
            {
                "name": (NOTHING, "Mail"),
                "channel_id": (NOTHING, 5),
                "channel_type": (NOTHING, "Api"),
                "channel.url": (NOTHING, "http://a"),
                "channel.token": (NOTHING, "[hidden]"),
                "settings.greeting": (NOTHING, "Hello"),
            },
        )
    ]
    assert attached.entries()[0].public.actor.id == "7"
    assert attached.said("0") == []


def test_a_write_to_a_part_reads_as_an_update_of_its_owner(created: Installation) -> None:
    created.write("UPDATE channel_api SET url = 'http://b'")
    created.write("UPDATE inbox_settings SET greeting = 'Hi'")
    created.act("UPDATE inboxes SET name = 'Post'", "UPDATE channel_api SET token = 'other'")
    assert created.said() == [
        ("update", "inbox 2", {"channel.url": ("http://a", "http://b")}),
        ("update", "inbox 2", {"settings.greeting": ("Hello", "Hi")}),
        (
            "update",
            "inbox 2",
            {"name": ("Mail", "Post"), "channel.token": ("[hidden]", "[hidden]")},
        ),
    ]


def test_a_part_names_its_owner_as_it_is_called_now(created: Installation) -> None:
    created.write("UPDATE channel_api SET url = 'http://b'")
    created.act("UPDATE inboxes SET name = 'Post'", "UPDATE channel_api SET url = 'http://c'")
    assert [read_what(entry.what).label for entry in created.entries()] == ["Mail", "Post"]


GONE = {
    "name": ("Mail", NOTHING),
    "channel_id": (5, NOTHING),
    "channel_type": ("Api", NOTHING),
    "channel.url": ("http://a", NOTHING),
    "channel.token": ("[hidden]", NOTHING),
    "settings.greeting": ("Hello", NOTHING),
}


@pytest.mark.parametrize(
    "tables",
    [
        ("channel_api", "inboxes", "inbox_settings"),
        ("inboxes", "channel_api", "inbox_settings"),
        ("inbox_settings", "channel_api", "inboxes"),
    ],
)
def test_owner_and_parts_that_go_in_any_order_are_one_deletion(
    created: Installation, tables: tuple[str, ...]
) -> None:
    created.act(*(f"DELETE FROM {table}" for table in tables))
    assert created.said() == [("delete", "inbox 2", GONE)]
    assert created.said("0") == []


def test_a_part_of_another_type_with_the_same_id_is_left_alone(created: Installation) -> None:
    created.write("INSERT INTO channel_web VALUES (5, 1, 'http://web')")
    created.act(
        "INSERT INTO channel_web VALUES (6, 1, 'http://new')",
        "INSERT INTO inboxes VALUES (3, 1, 'Site', 6, 'Web')",
    )
    assert [(action, record) for action, record, _ in created.said()] == [("create", "inbox 3")]
    # Nobody's part, and no account of its own: the installation's, and marked.
    assert created.said("0") == [
        ("create", "channel_web 5", {"account_id": (NOTHING, 1), "url": (NOTHING, "http://web")})
    ]


def test_a_part_that_changes_hands_is_a_change_of_both(created: Installation) -> None:
    created.write("INSERT INTO inboxes VALUES (3, 1, 'Other', NULL, NULL)")
    created.forget()
    created.write("UPDATE inbox_settings SET inbox_id = 3")
    changes = {"settings.inbox_id": (2, 3)}
    assert sorted(created.said(), key=str) == [
        ("update", "inbox 2", changes),
        ("update", "inbox 3", changes),
    ]


def test_a_channel_that_replaces_another_is_a_change_of_the_inbox(created: Installation) -> None:
    created.act(
        "INSERT INTO channel_api VALUES (6, 1, 'http://c', NULL)",
        "UPDATE inboxes SET channel_id = 6",
        "DELETE FROM channel_api WHERE id = 5",
    )
    ((action, record, changes),) = created.said()
    assert (action, record) == ("update", "inbox 2")
    assert changes["channel_id"] == (5, 6)
    assert changes["channel.url"] == ("http://a", "http://c")


def test_a_part_may_be_written_by_an_upsert_and_come_and_go_unnoticed(
    created: Installation,
) -> None:
    created.act(
        "INSERT INTO inbox_settings VALUES (9, 2, 'Hi') ON CONFLICT (inbox_id) DO UPDATE SET greeting = 'Hi'",
        "INSERT INTO channel_api VALUES (7, 1, 'http://x', NULL)",
        "DELETE FROM channel_api WHERE id = 7",
    )
    assert created.said() == [("update", "inbox 2", {"settings.greeting": ("Hello", "Hi")})]


def test_thousands_of_owners_with_their_parts_are_found_at_once(attached: Installation) -> None:
    numbers = "WITH RECURSIVE n (i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 2599) "
    attached.act(
        f"INSERT INTO channel_api {numbers} SELECT i, 1, 'http://a', NULL FROM n"
        if not attached.postgresql
        else "INSERT INTO channel_api SELECT i, 1, 'http://a', NULL FROM generate_series(100, 2599) i",
        "INSERT INTO inboxes SELECT id, 1, 'Mail', id, 'Api' FROM channel_api",
    )
    told = attached.told()
    assert len(told) == 2_500
    assert {(each.action, each.changes["channel.url"]) for each in told} == {
        ("create", (NOTHING, "http://a"))
    }


def test_a_huge_transaction_may_tell_of_a_part_apart_and_loses_none(
    sqlite: SqliteInstallation,
) -> None:
    sqlite.write(*SCHEMA)
    sqlite.attach(CONFIG)
    numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5100) "
    sqlite.act(
        f"INSERT INTO channel_api {numbers} SELECT i, 1, 'http://a', NULL FROM n",
        "INSERT INTO inboxes SELECT id, 1, 'Mail', id, 'Api' FROM channel_api",
    )
    told = sqlite.told()
    urls = [each for each in told if "channel.url" in each.changes or "url" in each.changes]
    assert len([each for each in told if each.entity == "inbox"]) == len(urls) == 5_100
    assert sqlite.said("0") == []


def test_a_part_of_who_belongs_to_several_accounts_is_told_in_each(
    installation: Installation,
) -> None:
    installation.write(
        "CREATE TABLE accounts (id INTEGER PRIMARY KEY)",
        "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)",
        "CREATE TABLE members (id INTEGER PRIMARY KEY, account_id INTEGER, user_id INTEGER)",
        "CREATE TABLE user_profiles (id INTEGER PRIMARY KEY, user_id INTEGER, about TEXT)",
    )
    installation.attach(
        """
accounts = "accounts"
[tables.accounts]
[tables.users]
entity = "user"
label = ["name"]
account = { members = "members", record = "user_id", account = "account_id" }
[tables.members]
account = "account_id"
[tables.user_profiles]
part_of = { table = "users", prefix = "profile", column = "user_id" }
"""
    )
    installation.act(
        "INSERT INTO users VALUES (7, 'Ada')",
        "INSERT INTO user_profiles VALUES (1, 7, 'x')",
        "INSERT INTO members VALUES (1, 1, 7), (2, 2, 7)",
    )
    installation.write("UPDATE user_profiles SET about = 'y'")
    for account in ("1", "2"):
        assert [each for each in installation.said(account) if each[1] == "user 7"] == [
            ("create", "user 7", {"name": (NOTHING, "Ada"), "profile.about": (NOTHING, "x")}),
            ("update", "user 7", {"profile.about": ("x", "y")}),
        ]
    assert installation.said("0") == []


def test_a_part_that_sqlite_replaces_is_a_change_of_its_owner(
    sqlite: SqliteInstallation,
) -> None:
    sqlite.write(*SCHEMA)
    sqlite.attach(CONFIG)
    sqlite.act(*CREATED)
    sqlite.forget()
    sqlite.act("REPLACE INTO channel_api VALUES (5, 1, 'http://b', 's3cret')")
    sqlite.act("REPLACE INTO inbox_settings VALUES (10, 2, 'Hi')")
    assert [(action, record) for action, record, _ in sqlite.said()] == [("update", "inbox 2")] * 2
    first, second = (changes for _, _, changes in sqlite.said())
    assert first["channel.url"] == ("http://a", "http://b")
    assert second["settings.greeting"] == ("Hello", "Hi")


def test_what_kind_of_part_an_owner_has_may_be_a_number(installation: Installation) -> None:
    installation.write(
        "CREATE TABLE posts (id INTEGER PRIMARY KEY, kind INTEGER, body_id INTEGER)",
        "CREATE TABLE texts (id INTEGER PRIMARY KEY, words TEXT)",
    )
    installation.attach(
        """
accounts = 1
[tables.posts]
[tables.texts]
part_of = { table = "posts", prefix = "text", owner_column = "body_id", where = { kind = 2 } }
"""
    )
    installation.act("INSERT INTO texts VALUES (5, 'a')", "INSERT INTO posts VALUES (1, 2, 5)")
    installation.act("INSERT INTO texts VALUES (6, 'b')", "INSERT INTO posts VALUES (2, 3, 6)")
    installation.write("UPDATE texts SET words = words || '!'")
    assert [(action, record) for action, record, _ in installation.said()] == [
        ("create", "posts 1"),
        ("create", "texts 6"),
        ("create", "posts 2"),
        ("update", "posts 1"),
        ("update", "texts 6"),
    ]
    assert installation.said("0") == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ('table = "inboxs"', "there is no table inboxs. Did you mean inboxes?"),
        ('table = "channel_web"', "channel_web isn't recorded, or is itself a part"),
        ('table = "inboxes"', "part_of needs either column"),
    ],
)
def test_a_part_of_nothing_is_refused(attached: Installation, given: str, said: str) -> None:
    column = "" if "either" in said else ', column = "account_id"'
    changed = CONFIG.replace(
        '{ table = "inboxes", prefix = "settings", column = "inbox_id" }',
        f'{{ {given}, prefix = "settings"{column} }}',
    ).replace('column = "account_id"', 'column = "inbox_id"')
    with pytest.raises(ConfigRefused, match=r"in \[tables.inbox_settings\]") as refused:
        attached.attach(changed)
    assert said in str(refused.value)


CHANNEL, _, SETTINGS = CREATED
COMES, GOES = "INSERT INTO inboxes VALUES (2, 1, 'Mail', 5, 'Api')", "DELETE FROM inboxes"


@pytest.mark.parametrize(
    "statements", [(CHANNEL, COMES, GOES), (COMES, CHANNEL, GOES), (COMES, GOES, CHANNEL)]
)
def test_a_part_that_stays_where_its_owner_came_and_went_stands_for_itself(
    attached: Installation, statements: tuple[str, ...]
) -> None:
    attached.act(*statements)
    changes = {"url": (NOTHING, "http://a"), "token": (NOTHING, "[hidden]")}
    assert attached.said() == [("create", "channel_api 5", changes)]
    assert attached.said("0") == []


@pytest.mark.parametrize(
    "statements", [(SETTINGS, COMES, GOES), (COMES, SETTINGS, GOES), (COMES, GOES, SETTINGS)]
)
def test_a_part_that_points_to_who_came_and_went_is_told_in_that_account(
    attached: Installation, statements: tuple[str, ...]
) -> None:
    attached.act(*statements)
    changes = {"inbox_id": (NOTHING, 2), "greeting": (NOTHING, "Hello")}
    assert attached.said() == [("create", "inbox_settings 9", changes)]
    assert attached.said("0") == []


def test_owner_and_parts_that_come_and_go_leave_nothing(attached: Installation) -> None:
    gone = [f"DELETE FROM {table}" for table in ("channel_api", "inboxes", "inbox_settings")]
    attached.act(*CREATED, "UPDATE channel_api SET url = 'http://b'", *gone)
    attached.act(COMES, CHANNEL, SETTINGS, *reversed(gone))
    assert attached.said() == attached.said("0") == []


def test_what_was_written_to_a_part_while_its_owner_passed_is_the_parts(
    attached: Installation,
) -> None:
    attached.act(CHANNEL)
    attached.forget()
    attached.act(COMES, "UPDATE channel_api SET url = 'x'", GOES)
    attached.act(COMES, SETTINGS, "UPDATE inbox_settings SET greeting = 'x'", GOES)
    assert attached.said() == [
        ("update", "channel_api 5", {"url": ("http://a", "x")}),
        ("create", "inbox_settings 9", {"inbox_id": (NOTHING, 2), "greeting": (NOTHING, "x")}),
    ]


def test_an_owner_that_follows_one_that_came_and_went_has_the_part(attached: Installation) -> None:
    attached.act(COMES, CHANNEL, GOES, COMES.replace("(2,", "(3,"))
    ((action, record, changes),) = attached.said()
    assert (action, record, changes["channel.url"]) == ("create", "inbox 3", (NOTHING, "http://a"))


def test_an_owner_undone_to_a_savepoint_leaves_its_part_by_itself(attached: Installation) -> None:
    undone = ("SAVEPOINT a", COMES, "ROLLBACK TO SAVEPOINT a")
    attached.act(CHANNEL, *undone)
    attached.act(*undone, "UPDATE channel_api SET url = 'x'")
    assert [(action, record) for action, record, _ in attached.said()] == [
        ("create", "channel_api 5"),
        ("update", "channel_api 5"),
    ]
