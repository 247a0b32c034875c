"""From an empty PostgreSQL server to a running Live Agent, by the commands alone."""

from base64 import b64decode
from pathlib import Path

import httpx2
import pytest

from audit_trail.seal.note import VerifierKey
from live_agent.installing.settings import owners_file, read_settings
from tests.commands.processes import Served, run, serving
from tests.postgresql import Cluster, free_port


@pytest.fixture(scope="module")
def settings(postgresql: Cluster, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What `database init` wrote down for a server with an account."""
    path = tmp_path_factory.mktemp("settings") / "live-agent.env"
    made = run("database", "init", "--name", "shop", "--env-file", str(path),
               LIVE_AGENT_ADMIN_URL=postgresql.url())  # fmt: skip
    assert made.returncode == 0, made.stderr
    owners = owners_file(path)
    assert made.stdout == f"The server's settings are in {path}, the owners' in {owners}.\n"
    assert [each.stat().st_mode & 0o777 for each in (path, owners)] == [0o600] * 2
    assert read_settings(path).keys() & read_settings(owners).keys() == set()
    return read_settings(path) | {"LIVE_AGENT_DATA": str(path.with_name("data"))}


@pytest.fixture(scope="module")
def owners(postgresql: Cluster, settings: dict[str, str]) -> dict[str, str]:
    """The owners' settings, which a server must not have; here none of them has a password."""
    return {
        "LIVE_AGENT_OWNER_URL": postgresql.url("shop", "shop_owner"),
        "LIVE_AGENT_TRAIL_OWNER_URL": postgresql.url("shop_trail", "shop_trail_owner"),
    }


def administrator(settings: dict[str, str]) -> dict[str, str]:
    created = run("account", "create", "Alder Travel", **settings)
    assert created.returncode == 0, created.stderr
    number = created.stdout.split()[-1]
    made = run(
        "user", "create", "--account", number, "--email", f"ada.{number}@alder.example",
        *("--name", "Ada", "--role", "administrator", "--password-stdin"),
        typed="correct horse battery\n", **settings,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    return {"number": number, "api_access_token": made.stdout.split()[-1]}


def entries(server: Served, person: dict[str, str]) -> list[tuple[str, str]]:
    answer = httpx2.get(
        f"{server.url}/api/v1/accounts/{person['number']}/audit_logs", headers=person, timeout=30
    )
    return [(item["auditable_type"], item["action"]) for item in answer.json()["audit_logs"]]


def create_team(server: Served, person: dict[str, str], name: str) -> int:
    return httpx2.post(
        f"{server.url}/api/v1/accounts/{person['number']}/teams",
        headers=person,
        json={"name": name},
        timeout=30,
    ).status_code


def test_a_killed_server_loses_nothing_and_starts_again(
    settings: dict[str, str], tmp_path: Path
) -> None:
    person = administrator(settings)
    data, log = Path(settings["LIVE_AGENT_DATA"]), tmp_path / "log"
    with serving(data, log, **settings) as server:
        passwords = [url.split(":")[2].split("@")[0] for url in settings.values() if "@" in url]
        title = Path(f"/proc/{server.process.pid}/cmdline").read_text()
        assert [each for each in passwords if each in title] == []
        assert [create_team(server, person, f"Tier {number}") for number in range(20)] == [200] * 20
        server.process.kill()
        server.process.wait(20)
    with serving(data, log, **settings) as server:
        assert create_team(server, person, "Tier 20") == 200
        found = entries(server, person)
        ready = httpx2.get(f"{server.url}/health/ready", timeout=30)
        assert ready.status_code == 200, ready.text
    assert found[:21] == [("Team", "create")] * 21
    assert {path.name for path in data.iterdir()} == {"heads.log", "signing.key"}
    assert [each for each in passwords if each in log.read_text()] == []


def test_a_key_is_rotated_only_while_no_server_leads_and_the_next_start_signs_with_it(
    settings: dict[str, str], tmp_path: Path
) -> None:
    person = administrator(settings)
    data, log = Path(settings["LIVE_AGENT_DATA"]), tmp_path / "log"

    def key(*command: str) -> tuple[int, str, str]:
        ended = run("key", *command, "--data", str(data), **settings)
        return ended.returncode, ended.stdout, ended.stderr

    with serving(data, log, **settings) as server:
        assert create_team(server, person, "Before") == 200
        before = key("list")
        code, _, said = key("rotate")
        assert (code, "Another process sequences" in said) == (1, True), said
        assert key("list") == before
    code, said, _ = key("rotate")
    assert code == 0 and said.startswith("The next start signs with ")
    newest = VerifierKey.parse(key("list")[1].split()[-1])
    assert newest.public == b64decode(said.split()[-1].rstrip("."))
    with serving(data, log, **settings) as server:
        assert create_team(server, person, "After") == 200
        assert entries(server, person)[0] == ("Team", "create")


def test_the_audit_logs_are_asked_and_exported_beside_the_server(
    settings: dict[str, str], tmp_path: Path
) -> None:
    person = administrator(settings)
    account = ("--account", person["number"])
    with serving(Path(settings["LIVE_AGENT_DATA"]), tmp_path / "log", **settings) as server:
        assert create_team(server, person, "Tier 1") == 200
        assert entries(server, person)[0] == ("Team", "create")
        told = run("audit", "query", "entity:team", *account, **settings)
        assert "Created a new team" in told.stdout and "1 of 1 entry" in told.stdout, told.stderr
        path = tmp_path / "teams.jsonl"
        done = run("audit", "export", "entity:team", "-o", str(path), *account, **settings)
        assert done.returncode == 0, done.stderr
        assert len(path.read_bytes().splitlines()) == 1
        newest = run("audit", "tail", "--no-follow", "-n", "1", *account, **settings)
        assert "Exported audit logs" in newest.stdout, newest.stderr


def test_sync_runs_as_the_owner_and_the_start_asks_for_it(
    settings: dict[str, str], owners: dict[str, str], postgresql: Cluster
) -> None:
    postgresql.run('DROP TRIGGER "00_audit_update" ON inboxes', database="shop")
    refused = run("serve", "--port", "0", **settings)
    assert refused.returncode == 1
    assert "00_audit_update on inboxes" in refused.stderr
    assert "Run: live-agent database sync" in refused.stderr
    assert run("database", "sync", **settings).returncode == 1
    synced = run("database", "sync", **settings, **owners)
    assert synced.returncode == 0, synced.stderr
    assert synced.stdout.startswith(f"The schema of postgresql://127.0.0.1:{postgresql.port}/shop ")


def test_without_a_file_the_settings_are_printed_once(postgresql: Cluster) -> None:
    first = run("database", "init", postgresql.url(), "--name", "printed")
    names = [line.partition("=")[0] for line in first.stdout.splitlines()]
    assert names == [
        "LIVE_AGENT_DATABASE_URL",
        "LIVE_AGENT_CAPTURE_URL",
        "LIVE_AGENT_OWNER_URL",
        "LIVE_AGENT_TRAIL_URL",
        "LIVE_AGENT_TRAIL_OWNER_URL",
    ]
    again = run("database", "init", postgresql.url(), "--name", "printed")
    assert "printed_owner@" in again.stdout, "an old password isn't known, and not changed"


@pytest.mark.parametrize(
    "setting", ["LIVE_AGENT_DATABASE_URL", "LIVE_AGENT_TRAIL_URL", "LIVE_AGENT_ADMIN_URL"]
)
def test_a_server_that_isn_t_there_is_one_line_without_the_password(
    tmp_path: Path, setting: str
) -> None:
    url = f"postgresql://ada:s3cret@127.0.0.1:{free_port()}/shop"
    command = ("database", "init") if "ADMIN" in setting else ("serve", "--port", "0")
    data = () if "ADMIN" in setting else ("--data", str(tmp_path / "data"))
    refused = run(*command, *data, **{setting: url})
    assert refused.returncode == 1
    assert refused.stderr.startswith("live-agent: ")
    assert "127.0.0.1" in refused.stderr
    assert refused.stderr.count("\n") == 1, refused.stderr
    assert "s3cret" not in refused.stderr + refused.stdout
