"""A running server with accounts and people to drive it as; each test gets an account of its own."""

import asyncio
import itertools
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
from argon2 import PasswordHasher
from chatwoot import ChatwootClient
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.embed import Server
from litestar import Litestar

from audit_trail.trail import utc_now_us
from live_agent import access
from live_agent.app import build_services, create_app
from live_agent.attempts import Limits
from live_agent.installing.server import install
from live_agent.places import Places
from live_agent.schema import User
from live_agent.services import Services
from live_agent.settings import accounts, agents
from tests.postgresql import Cluster, free_port

PASSWORD = "correct horse battery"
ROLES = ("agent", "supervisor", "administrator")

_numbers = itertools.count(1)


class Clock:
    """A clock that goes with the real one, and can be set forward."""

    def __init__(self) -> None:
        self.ahead_us = 0

    def __call__(self) -> int:
        return utc_now_us() + self.ahead_us

    def forward(self, seconds: float) -> None:
        self.ahead_us += int(seconds * 1_000_000)


class Person(NamedTuple):
    """Someone with a role in an account."""

    id: int
    email: str
    token: str


class Place:
    """One account, with one person of each role."""

    def __init__(self, office: "Office", account_id: int, people: dict[str, Person]) -> None:
        self.office = office
        self.id = account_id
        self.people = people
        self._clients: list[httpx2.Client | ChatwootClient] = []
        self._seen = self.total()

    def client(self, role: str = "administrator") -> httpx2.Client:
        """Return a client that sends the person's token, at the account's path."""
        client = httpx2.Client(
            base_url=f"{self.office.url}/api/v1/accounts/{self.id}",
            headers={"api_access_token": self.people[role].token},
            timeout=30,
            verify=_no_tls(),
        )
        self._clients.append(client)
        return client

    def browser(self) -> httpx2.Client:
        """Return a client that keeps cookies and sends no token."""
        client = httpx2.Client(base_url=self.office.url, timeout=30, verify=_no_tls())
        self._clients.append(client)
        return client

    def signed_in(self, role: str = "administrator") -> tuple[httpx2.Client, str]:
        """Return a browser that has signed in, and its form token."""
        browser = self.browser()
        answer = browser.post(
            "/auth/sign_in", json={"email": self.people[role].email, "password": PASSWORD}
        )
        assert answer.status_code == 200, answer.text
        return browser, answer.json()["data"]["csrf_token"]

    def sdk(self, role: str = "administrator") -> ChatwootClient:
        """Return a published client of the contract."""
        client = ChatwootClient(self.office.url, self.people[role].token)
        self._clients.append(client)
        return client

    def take_in(self, person: Person, role: str = "agent") -> None:
        """Add a person of another account, as whoever runs the server may."""
        with self.office.services.database.transaction() as db:
            agents.add(db, self.id, db.get_one(User, person.id), {"role": role})

    def total(self) -> int:
        self.office.services.sequencer_idle()
        return self.office.services.trail.head(str(self.id)).size

    def look_away(self) -> None:
        """Forget the entries so far; `news` are those that follow."""
        self._seen = self.total()

    def news(self) -> list[dict[str, Any]]:
        """Return the items of the API since the last look, oldest first."""
        count = self.total() - self._seen
        items = [
            self.client().get(f"/audit_logs/{self._seen + offset + 1}").json()
            for offset in range(count)
        ]
        self._seen += count
        return items

    def cause_of(self, item: dict[str, Any]) -> str | None:
        """Return the activity's cause as the trail has it: the id of another entry."""
        return self.office.services.trail.entry(str(self.id), item["id"] - 1).public.cause

    def entry_id(self, item: dict[str, Any]) -> str:
        return self.office.services.trail.entry(str(self.id), item["id"] - 1).public.id

    def close(self) -> None:
        while self._clients:
            self._clients.pop().close()


class Office:
    """A server on a real port, and the services behind it."""

    def __init__(self, services: Services, clock: Clock, app: Litestar, url: str) -> None:
        self.services = services
        self.clock = clock
        self.app = app
        self.url = url

    def open(self, *, reads: bool = False) -> Place:
        """Create an account with a person of each role; without `reads`, looking adds no entry."""
        number = next(_numbers)
        with self.services.database.transaction() as db:
            account = accounts.create(db, {"name": f"Account {number}", "audit_reads": reads})
            people = {}
            for role in ROLES:
                email = f"{role}.{number}@alder.example"
                agent = agents.create(
                    db,
                    account.id,
                    {"name": f"{role.title()} {number}", "email": email, "role": role},
                    password_hash=password_hash(),
                )
                token = access.create_token(db, agent.user_id, "tests")
                people[role] = Person(agent.user_id, email, token)
        self.services.database.after_commit()  # Nobody acts here, so nothing woke the sequencer.
        return Place(self, account.id, people)


@cache
def _no_tls() -> ssl.SSLContext:
    """Return one context for all clients: each would load the system's certificates else."""
    return ssl.create_default_context()


@cache
def password_hash() -> str:
    """Return the hash of everybody's password, one that is quick to verify at each sign-in."""
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)


def installed(cluster: Cluster, name: str, data: Path) -> Places:
    """Make roles and databases on the server, and return where a server under them finds all.

    In `data` lie key and signed heads alone.
    """
    urls = install(cluster.url(), name, {})
    return Places(
        data=data,
        database_url=urls["LIVE_AGENT_DATABASE_URL"],
        capture_url=urls["LIVE_AGENT_CAPTURE_URL"],
        trail_url=urls["LIVE_AGENT_TRAIL_URL"],
    )


@contextmanager
def serving(
    places: Places | Path, make: Callable[[Services], Litestar] = create_app, **options: Any
) -> Iterator[Office]:
    """Serve the application from a thread, on a free port, until the block ends."""
    clock = Clock()
    options.setdefault("limits", Limits(an_email=1_000, an_address=1_000))
    services = build_services(places, clock=clock, **options)
    services.database.prepare()
    app = make(services)
    port = free_port()
    loop, server, stopped = _started(app, port)
    try:
        _wait_until_listening(port)
        yield Office(services, clock, app, f"http://127.0.0.1:{port}")
    finally:
        services.tails.close()
        loop.call_soon_threadsafe(server.stop)
        stopped.join(20)
        services.close()
    assert not stopped.is_alive()


def _started(
    app: Litestar, port: int
) -> tuple[asyncio.AbstractEventLoop, Server, threading.Thread]:
    loop = asyncio.new_event_loop()
    server = Server(
        app,
        address="127.0.0.1",
        port=port,
        interface=Interfaces.ASGI,
        backpressure=1_024,  # By default 128 open connections, idle ones too, let no other in.
        log_level=LogLevels.error,
    )

    def run() -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_until_complete(server.serve())
        finally:
            loop.run_until_complete(loop.shutdown_default_executor())
            loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return loop, server, thread


def _wait_until_listening(port: int) -> None:
    for _ in range(500):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=0.02).close()
        except OSError:
            threading.Event().wait(0.02)
        else:
            return
    raise RuntimeError("the server did not start")
