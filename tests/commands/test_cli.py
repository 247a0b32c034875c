"""The commands say what they did, or what is wrong, where, and what to do."""

import socket
import sqlite3
import subprocess
from base64 import b64encode

import pytest

from audit_trail.capture.context import SYSTEM, Origin, acting_as
from audit_trail.capture.sqlite.lock import locked
from audit_trail.keyring import Signing
from audit_trail.record.entry import read_what
from audit_trail.signing.keys import Seed
from live_agent import founding
from live_agent.app import build_services
from live_agent.database import Database
from live_agent.settings import teams
from tests.commands.processes import COMMAND, run


@pytest.fixture
def account(tmp_path):
    """A directory with one account in it."""
    assert run("account", "create", "Alder Travel", "--data", str(tmp_path)).stdout == "Account 1\n"
    return tmp_path


def create_user(folder, *more, password="correct horse battery"):
    arguments = ("--account", "1", "--email", "ada@alder.example", "--name", "Ada Alder")
    return run(
        "user", "create", *arguments, "--password-stdin", "--data", str(folder), *more,
        typed=password + b"\n" if isinstance(password, bytes) else f"{password}\n",
    )  # fmt: skip


def test_an_account_and_a_person_are_made_and_the_token_is_shown_once(account):
    created = create_user(account, "--role", "administrator")
    assert created.returncode == 0, created.stderr
    assert created.stdout.startswith("User 1\nAPI access token, shown only now: ")
    token = created.stdout.split()[-1]
    assert token.encode() not in (account / "live-agent.db").read_bytes()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--role", "emperor"), "Role"),
        (("--email", "nobody"), "E-mail"),
        (("--account", "99"), "There is no account 99."),
    ],
)
def test_a_wrong_person_is_refused_by_name_of_the_field(account, more, said):
    refused = create_user(account, *more)
    assert refused.returncode == 1
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize("password", [b"\xff\xfe", "short"])
def test_a_password_that_is_none_is_refused(account, password):
    assert create_user(account).returncode == 0
    again = ("user", "password", "--email", "ada@alder.example", "--password-stdin")
    for refused in (
        create_user(account, "--email", "bo@alder.example", password=password),
        run(*again, "--data", str(account), typed=password),
    ):
        assert refused.returncode == 1
        assert refused.stderr.startswith("live-agent: Password must")
        assert "Traceback" not in refused.stderr


def test_a_person_gets_a_new_password_and_only_one_who_exists(account):
    assert create_user(account).returncode == 0
    before = password_hash(account)
    arguments = ("user", "password", "--password-stdin", "--data", str(account), "--email")
    assert run(*arguments, "Ada@alder.example", typed="a new and longer one").returncode == 0
    assert password_hash(account) != before
    refused = run(*arguments, "nobody@alder.example", typed="a new and longer one")
    assert refused.returncode == 1
    assert "There is nobody with this e-mail." in refused.stderr


def password_hash(folder):
    with sqlite3.connect(folder / "live-agent.db") as connection:
        (found,) = connection.execute("SELECT password_hash FROM users").fetchone()
    connection.close()
    return found


def test_a_person_of_another_account_is_added_once(account):
    assert create_user(account).returncode == 0
    run("account", "create", "Second", "--data", str(account))
    arguments = ("user", "add", "--email", "ada@alder.example", "--data", str(account))
    assert run(*arguments, "--account", "2", "--role", "supervisor").stdout == "User 1\n"
    for more, said in (
        (("--account", "2"), "already"),
        (("--account", "3"), "There is no account 3."),
        (("--account", "1", "--role", "emperor"), "Role"),
    ):
        refused = run(*arguments, *more)
        assert refused.returncode == 1
        assert said in refused.stderr


def token(command, folder, *more):
    return run("token", command, "--account", "1", "--data", str(folder), *more)


def test_a_token_for_the_audit_trail_is_made_shown_once_listed_and_revoked(account):
    assert create_user(account, "--role", "administrator").returncode == 0
    whose = ("--email", "ada@alder.example", "--scope", "audit_trail", "--name", "Birch Audit")
    made = token("create", account, *whose)
    assert made.stdout.startswith("Access token, shown only now: "), made.stderr
    assert made.stdout.split()[-1].encode() not in (account / "live-agent.db").read_bytes()
    listed = token("list", account).stdout
    assert listed.startswith("2 audit_trail ")
    assert listed.endswith(" ada@alder.example Birch Audit\n")
    assert token("revoke", account, "2").stdout == "Token 2 is revoked.\n"
    refused = token("revoke", account, "2")
    assert (refused.returncode, refused.stderr) == (1, "live-agent: Account 1 has no token 2.\n")


def test_a_corrupt_database_is_named(tmp_path):
    (tmp_path / "live-agent.db").write_bytes(b"this is no database, and never was one" * 100)
    refused = run("account", "create", "Alder Travel", "--data", str(tmp_path))
    assert refused.returncode == 1
    assert str(tmp_path / "live-agent.db") in refused.stderr
    assert "not a database" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_corrupt_trail_is_named(account):
    (account / "trail.db").write_bytes(b"this is no database, and never was one" * 100)
    refused = run("serve", "--data", str(account), "--port", "0")
    assert refused.returncode == 1
    assert str(account / "trail.db") in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_locked_database_is_named(account):
    holder = sqlite3.connect(account / "live-agent.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    refused = run("account", "create", "Second", "--data", str(account))
    holder.close()
    assert refused.returncode == 1
    assert str(account / "live-agent.db") in refused.stderr
    assert "locked" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_an_outdated_trigger_stops_the_start_with_the_command_to_run(account):
    with sqlite3.connect(account / "live-agent.db") as connection:
        connection.execute("DROP TRIGGER audit_inboxes_update")
    connection.close()
    refused = run("serve", "--data", str(account), "--port", "0")
    assert refused.returncode == 1
    assert "audit_inboxes_update" in refused.stderr
    assert "live-agent database sync" in refused.stderr

    assert run("database", "sync", "--data", str(account)).returncode == 0
    Database(account / "live-agent.db").prepare()


def test_a_taken_port_is_named(account):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        refused = run("serve", "--data", str(account), "--port", port)
    assert refused.returncode == 1
    assert f"127.0.0.1 port {port}" in refused.stderr


def test_a_directory_that_may_not_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    refused = run("account", "create", "X1", "--data", str(tmp_path / "file" / "data"))
    assert refused.returncode == 1
    assert str(tmp_path / "file") in refused.stderr
    assert "Traceback" not in refused.stderr


def test_help_needs_no_server_and_no_database():
    program = "import sys; sys.argv=['live-agent','--help']\nfrom live_agent.cli import main\n"
    check = "try:\n main()\nexcept SystemExit: pass\nprint([m for m in ('litestar','sqlalchemy','granian') if m in sys.modules])"
    python = COMMAND[0].replace("live-agent", "python")
    answered = subprocess.run(
        [python, "-c", program + check], capture_output=True, text=True, check=True
    )
    assert answered.stdout.splitlines()[-1] == "[]"


def test_a_trusted_proxy_that_is_none_stops_the_start(account):
    refused = run("serve", "--data", str(account), "--trusted-proxies", "192.0.2.7,10.0.0.1/8")
    assert refused.returncode == 1
    assert "trusted proxy '10.0.0.1/8'" in refused.stderr
    assert "10.0.0.0/8" in refused.stderr
    assert "Traceback" not in refused.stderr


# The key that signs the trail.


@pytest.fixture
def trail(tmp_path):
    """A directory whose server has run, with an entry in each of two trails."""
    create_entry(tmp_path)
    return tmp_path


def create_entry(folder):
    services = build_services(folder)
    services.database.prepare()
    founding.create_account(services.database, "Alder Travel")
    with acting_as(SYSTEM, Origin(via="cli")), services.database.transaction() as db:
        teams.create(db, 1, {"name": "First"})
    services.sequencer.drain()
    services.close()


def key(command, folder, *more, **environment):
    return run("key", command, "--data", str(folder), *more, **environment)


def test_keys_are_listed_and_rotated_and_the_trail_says_so(trail):
    (first,) = key("list", trail).stdout.splitlines()
    secret = (trail / "signing.key").read_text().strip()
    rotated = key("rotate", trail)
    assert rotated.stdout.startswith("The next start signs with "), rotated.stderr
    again, second = key("list", trail).stdout.splitlines()
    assert again == first and second.split()[1] == first.split()[1]
    assert (trail / "signing.key").read_text().strip() != secret
    services = build_services(trail)
    assert services.trail.entry("0", 1).public.action == "rotate_key"
    assert len(services.trail.verifier_keys("1")) == 2
    services.close()
    assert secret not in rotated.stdout + rotated.stderr + first + second


def test_a_new_epoch_has_a_new_name_and_its_reason_in_every_trail(trail):
    begun = key("begin-epoch", trail, "--reason", "moved without the file of signed heads")
    assert begun.returncode == 0, begun.stderr
    first, second = key("list", trail).stdout.splitlines()
    assert first.split()[1] != second.split()[1]
    assert (trail / f"heads.log.{first.split()[1]}").exists()
    services = build_services(trail)
    for account in ("0", "1"):
        index = services.trail.head(account).size - 1
        entry = services.trail.entry(account, index)
        assert entry.public.action == "begin_epoch"
        assert read_what(entry.what).details["reason"] == "moved without the file of signed heads"
        assert services.trail.prove(account, index).index == index
    services.close()


def test_a_server_that_may_not_sign_does_not_start_and_says_what_to_do(trail):
    (trail / "heads.log").unlink()
    refused = run("serve", "--data", str(trail), "--port", "0")
    assert refused.returncode == 1
    assert "heads.log is missing" in refused.stderr and "begin a new epoch" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_key_from_the_environment_is_used_and_never_written(tmp_path):
    given = b64encode(bytes(range(32))).decode()
    file = tmp_path / "given"
    file.write_text(given)
    services = build_services(
        tmp_path / "data", signing=Signing(data=tmp_path / "data", key=Seed.read(file))
    )
    services.close()
    assert not (tmp_path / "data" / "signing.key").exists()
    wrong = b64encode(bytes(32)).decode()
    for environment in (
        {"LIVE_AGENT_SIGNING_KEY": wrong},
        {"LIVE_AGENT_SIGNING_KEY": "spelled wrong"},
        {"LIVE_AGENT_SIGNING_KEY_FILE": str(tmp_path / "missing")},
        {},
    ):
        refused = run("serve", "--data", str(tmp_path / "data"), "--port", "0", **environment)
        assert refused.returncode == 1
        assert "key" in refused.stderr and "Traceback" not in refused.stderr
        assert wrong not in refused.stderr and "spelled wrong" not in refused.stderr
    rotated = key("rotate", tmp_path / "data", LIVE_AGENT_SIGNING_KEY=wrong)
    assert rotated.returncode == 0, rotated.stderr


def test_a_key_is_not_changed_under_a_running_server(trail):
    with locked(trail / "sequencer.lock"):
        for command, more in (("rotate", ()), ("begin-epoch", ("--reason", "x"))):
            refused = key(command, trail, *more)
            assert refused.returncode == 1
            assert "sequencer.lock" in refused.stderr


def test_a_directory_without_a_trail_is_named(tmp_path):
    refused = key("list", tmp_path)
    assert refused.returncode == 1
    assert str(tmp_path / "trail.db") in refused.stderr
