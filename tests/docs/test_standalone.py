"""The page on any application does what it says, line by line, from a table to an administrator."""

import os
import re
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import httpx2

from audit_trail.standalone.administrators import Administrators
from audit_trail.standalone.app import create_standalone
from audit_trail.store.memory import MemoryStore
from audit_trail.trail import Trail
from tests.commands.processes import PROGRAMS
from tests.commands.watched import PASSWORD, until
from tests.postgresql import free_port

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "standalone.md").read_text()
REFERENCE = (ROOT / "docs" / "reference.md").read_text()
SHOP = """
CREATE TABLE products (
  id INTEGER PRIMARY KEY, account_id INTEGER NOT NULL, name TEXT, price_cents INTEGER
);
INSERT INTO products VALUES (1, 1, 'Kite', 1250);
"""


def lines(place: Path, port: int) -> Iterator[str]:
    """The commands of the first block, at another place and port."""
    found = re.search(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    assert found
    for line in found[1].splitlines():
        yield line.replace("/srv/", f"{place}/").replace("=8100", f"={port}")


@contextmanager
def beside(command: str, place: Path, environment: dict[str, str]) -> Iterator[None]:
    with (place / f"{command}.log").open("w+") as log:
        traced = environment | {"PYTHONFAULTHANDLER": "1"}
        process = subprocess.Popen(command.split(), cwd=place, env=traced, stderr=log)
        try:
            yield
        finally:
            process.terminate()
            code = process.wait(30)
        log.seek(0)
        assert code == 0, log.read()


def test_its_lines_lead_from_a_table_to_a_page(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    with closing(sqlite3.connect(tmp_path / "shop" / "shop.db")) as connection:
        connection.executescript(SHOP)
    (tmp_path / "password.txt").write_text(PASSWORD)
    port = free_port()
    environment = {**os.environ, "PATH": f"{PROGRAMS}:{os.environ['PATH']}"}
    url = f"http://127.0.0.1:{port}"
    with (
        ExitStack() as stack,
        httpx2.Client(base_url=url, follow_redirects=True, timeout=30) as ada,
    ):
        for line in lines(tmp_path, port):
            if line.startswith("export "):
                name, _, value = line.removeprefix("export ").partition("=")
                environment[name] = value
            elif line.endswith(" &"):
                stack.enter_context(beside(line.removesuffix(" &"), tmp_path, environment))
            elif line.startswith("sqlite3 "):
                # The same statement by the driver: its shell needn't be installed.
                with closing(sqlite3.connect(line.split()[1], isolation_level=None)) as connection:
                    connection.execute(line.split('"')[1])
            else:
                done = subprocess.run(
                    ["sh", "-c", line],
                    cwd=tmp_path, env=environment, capture_output=True, timeout=60, check=False,
                )  # fmt: skip
                assert done.returncode == 0, (line, done.stderr)

        def answers() -> bool:
            try:
                return ada.get("/health/ready").status_code == 200
            except httpx2.TransportError:
                return False

        until(answers, "the server")
        page = ada.post("/sign-in", data={"email": "ada@alder.example", "password": PASSWORD})
        assert page.url.path == "/accounts/1/audit-logs"
        assert "Updated a product (#1)" in page.text
        entries = ada.get("/api/v1/accounts/1/audit_logs/entries?q=entity:product").json()
        (entry,) = entries["entries"]
        assert entry["what"]["changes"]["price_cents"] == {"before": 1250, "after": 999}


def test_every_address_of_the_server_is_described(tmp_path: Path) -> None:
    app = create_standalone(Trail(MemoryStore()), Administrators(tmp_path)).app
    paths = {re.sub(r":\w+\}", "}", route.path) for route in app.routes}
    of_account = "/api/v1/accounts/{account_id}"
    described = PAGE + REFERENCE.replace("…", of_account)
    public = {path for path in paths if path.startswith(("/api/", "/health/", "/accounts/{"))}
    assert len(public) > 10
    missing = [
        path
        for path in public
        if path.startswith(("/api/", "/health/"))
        if path not in described and path.removeprefix(f"{of_account}/audit_logs/") not in described
    ]
    assert missing == []
