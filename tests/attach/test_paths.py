"""A table without an account of its own finds it over what it points to."""

import pytest

from audit_trail.errors import ConfigRefused
from audit_trail.record.entry import read_what
from tests.attach.installation import Installation
from tests.capture.host import NOTHING

SCHEMA = (
    "CREATE TABLE accounts (id INTEGER PRIMARY KEY, name TEXT)",
    "CREATE TABLE conversations (id INTEGER PRIMARY KEY, account_id INTEGER REFERENCES accounts ON DELETE CASCADE, title TEXT)",
    "CREATE TABLE messages (id INTEGER PRIMARY KEY, conversation_id INTEGER REFERENCES conversations ON DELETE CASCADE, body TEXT)",
    "CREATE TABLE files (id INTEGER PRIMARY KEY, message_id INTEGER REFERENCES messages ON DELETE CASCADE, name TEXT)",
)
CONFIG = """
accounts = "accounts"
[tables.accounts]
label = ["name"]
[tables.conversations]
account = "account_id"
label = ["title"]
[tables.messages]
account = ["conversation_id", "account_id"]
references = { conversation_id = "conversations" }
[tables.files]
account = ["message_id", "conversation_id", "account_id"]
references = { message_id = { table = "messages", label = "body" } }
"""


@pytest.fixture
def attached(installation: Installation) -> Installation:
    installation.write(*SCHEMA)
    installation.attach(CONFIG)
    installation.act(
        "INSERT INTO accounts VALUES (1, 'A'), (2, 'B')",
        "INSERT INTO conversations VALUES (10, 1, 'Hi'), (20, 2, 'Ho')",
        "INSERT INTO messages VALUES (100, 10, 'x'), (200, 20, 'y')",
        "INSERT INTO files VALUES (7, 100, 'f'), (8, 200, 'g')",
    )
    return installation


def records(installation: Installation, account: str) -> list[str]:
    return [f"{action} {record}" for action, record, _ in installation.said(account)]


def test_each_is_in_the_trail_to_which_its_path_leads(attached: Installation) -> None:
    assert records(attached, "1") == [
        "create conversations 10",
        "create messages 100",
        "create files 7",
    ]
    assert records(attached, "2") == [
        "create conversations 20",
        "create messages 200",
        "create files 8",
    ]


@pytest.mark.parametrize("table", ["conversations", "accounts"])
def test_what_a_cascade_takes_goes_to_the_trail_of_who_is_gone(
    attached: Installation, table: str
) -> None:
    attached.forget()
    attached.act(f"DELETE FROM {table} WHERE id = {'10' if table == 'conversations' else '1'}")
    assert records(attached, "1") == [
        "delete conversations 10",
        "delete messages 100",
        "delete files 7",
    ]
    first, second, third = attached.entries()
    assert (second.public.cause, third.public.cause) == (first.public.id, second.public.id)
    assert records(attached, "0") == ([] if table == "conversations" else ["delete accounts 1"])


def test_what_moves_to_another_account_is_in_both_trails(attached: Installation) -> None:
    attached.forget()
    attached.write("UPDATE messages SET conversation_id = 20 WHERE id = 100")
    changes = {"conversation_id": (10, 20)}
    assert attached.said("1") == attached.said("2") == [("update", "messages 100", changes)]
    attached.write("UPDATE messages SET conversation_id = NULL WHERE id = 200")
    assert records(attached, "2")[1:] == ["update messages 200"]
    assert records(attached, "0") == []


def test_what_leads_nowhere_is_the_installations_and_marked(attached: Installation) -> None:
    attached.forget()
    attached.write("INSERT INTO messages VALUES (300, NULL, 'z')")
    assert attached.said("0") == [("create", "messages 300", {"body": (NOTHING, "z")})]
    details = read_what(attached.entries("0")[0].what).details
    assert details == {"unresolved_account": "None"}


PEOPLE = """
[tables.users]
entity = "user"
account = { members = "memberships", record = "user_id", account = "account_id" }
[tables.memberships]
account = "account_id"
[tables.phones]
account = { members = "memberships", record = "user_id", account = "account_id", by = "user_id" }
"""


def test_who_joins_or_leaves_in_the_transaction_is_in_the_trails_of_these_accounts(
    installation: Installation,
) -> None:
    installation.write(
        *SCHEMA,
        "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)",
        "CREATE TABLE phones (id INTEGER PRIMARY KEY, user_id INTEGER)",
        "CREATE TABLE memberships (id INTEGER PRIMARY KEY, user_id INTEGER, account_id INTEGER)",
    )
    installation.attach(CONFIG + PEOPLE)
    installation.act(
        "INSERT INTO users VALUES (7, 'Ada')",
        "INSERT INTO phones VALUES (3, 7)",
        "INSERT INTO memberships VALUES (1, 7, 1), (2, 7, 2)",
        "UPDATE users SET name = 'Ada L.'",
    )
    installation.act("DELETE FROM memberships WHERE user_id = 7", "DELETE FROM users")
    for account in ("1", "2"):
        of_user = [each for each in installation.said(account) if each[1] == "user 7"]
        assert of_user == [
            ("create", "user 7", {"name": (NOTHING, "Ada L.")}),
            ("delete", "user 7", {"name": ("Ada L.", NOTHING)}),
        ]
    assert records(installation, "0") == []
    ids = {entry.public.id for account in "12" for entry in installation.entries(account)}
    assert len(ids) == 10
    installation.act("INSERT INTO users VALUES (8, 'Bob')")
    assert records(installation, "0") == ["create user 8"]


def test_one_account_may_have_all_and_the_installation_some(installation: Installation) -> None:
    installation.write(
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT)",
        "CREATE TABLE settings (id INTEGER PRIMARY KEY, body TEXT)",
    )
    installation.attach("accounts = 1\n[tables.notes]\n[tables.settings]\naccount = 0")
    installation.write("INSERT INTO notes VALUES (1, 'x')", "INSERT INTO settings VALUES (1, 'x')")
    assert records(installation, "1") == ["create notes 1"]
    assert records(installation, "0") == ["create settings 1"]
    assert read_what(installation.entries("0")[0].what).details == {}


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ('["conversation_id", "acount_id"]', "conversations has no column acount_id. Did you mean"),
        ('["body", "account_id"]', "body of messages leads nowhere"),
        ('["conversations_id", "x"]', "messages has no column conversations_id"),
    ],
)
def test_a_path_that_leads_nowhere_is_refused(attached: Installation, path: str, said: str) -> None:
    with pytest.raises(ConfigRefused, match=r"\[tables.messages\], account") as refused:
        attached.attach(CONFIG.replace('["conversation_id", "account_id"]', path))
    assert said in str(refused.value)
