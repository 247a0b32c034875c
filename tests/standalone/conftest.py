"""A server of its own over a trail in memory, in this process, whose clock a test moves."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from audit_trail.cli import administering
from audit_trail.record.entry import ActorId, Draft, Entity, Entry
from audit_trail.standalone.administrators import Administrators
from audit_trail.standalone.app import create_standalone
from audit_trail.standalone.attempts import Limits
from audit_trail.store.memory import MemoryStore
from audit_trail.trail import Trail

NOW_US = 1_700_000_000_000_000
PASSWORD = "correct horse battery"


class Standing:
    """The server, what is beneath it, and browsers that come to it."""

    def __init__(self, folder: Path) -> None:
        self.now_us = NOW_US
        self.store = MemoryStore()
        self.trail = Trail(self.store, clock=self.clock)
        numbers = count(1)
        self.trail.append(
            [
                Draft(
                    id=f"01900000-0000-7000-8000-{number:012}",
                    account=account,
                    occurred_at=self.now_us,
                    action="create",
                    entity=Entity(type="parcel", id=str(number)),
                    actor=ActorId(kind="system"),
                    via="database",
                )
                for account, number in zip(["1", "2", "1", "north-west"], numbers, strict=False)
            ]
        )
        self.known = Administrators(folder / "data")
        self.limits = Limits()
        self._clients: list[TestClient[Litestar]] = []

    def clock(self) -> int:
        return self.now_us

    def add(self, email: str, *accounts: str) -> None:
        """Add an administrator of these accounts; without any, of all."""
        administering.add_administrator(
            self.trail, self.known, email, accounts or None, lambda: PASSWORD
        )

    def remove(self, email: str) -> None:
        administering.remove_administrator(self.trail, self.known, email)

    def browser(self, **options: Any) -> TestClient[Litestar]:
        """Return a browser that follows no redirect; each is served by an application of its own."""
        made = create_standalone(
            self.trail, self.known, clock=self.clock, limits=self.limits, **options
        )
        client = TestClient(
            made.app, base_url="https://logs.example", raise_server_exceptions=False
        )
        client.follow_redirects = False
        client.__enter__()
        self._clients.append(client)
        return client

    def signed_in(self, email: str, *accounts: str) -> TestClient[Litestar]:
        self.add(email, *accounts)
        browser = self.browser()
        assert sign_in(browser, email).status_code == 303
        return browser

    def entries(self, account: str) -> list[Entry]:
        return self.store.slice(account, 0, 1_000)

    def close(self) -> None:
        for client in self._clients:
            client.__exit__(None, None, None)


def sign_in(
    browser: TestClient[Litestar], email: str, password: str = PASSWORD, **sent: str
) -> Any:
    """Send the form of the sign-in page."""
    return browser.post("/sign-in", data={"email": email, "password": password, **sent})


@pytest.fixture
def standing(tmp_path: Path) -> Iterator[Standing]:
    made = Standing(tmp_path)
    yield made
    made.close()
