"""Seeds a new data directory: it plays the story against the REST application, in process.

The requests' context says when they happened and that they were imported; nothing that comes
over the network can say so.
"""

import asyncio
import re
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx2

from audit_trail import credentials
from audit_trail.capture.context import SYSTEM, Origin, acting_as, importing
from audit_trail.server.browser import CSRF_HEADER
from live_agent import access
from live_agent.demo.story import ACCOUNT, DEMO_SIGN_INS, FOUNDER, PEOPLE, STEPS, TIMEZONE, Step
from live_agent.services import Services
from live_agent.settings import accounts, agents

TOKEN_NAME: Final = "demo"  # noqa: S105 -- the token's name, not the token
BROWSER: Final = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"

People = dict[str, dict[str, str]]
"""By key of the story: `email`, `password` and `api_access_token`."""


class Seeder:
    """Plays the story; the ids that answers bring are kept by the steps' names."""

    def __init__(self, app: Any, services: Services, now: datetime) -> None:
        self._app = app
        self._database = services.database
        self._cookie = services.cookie
        self._now = now
        self._account = 0
        self._ids: dict[str, int] = {}
        self._browsers: dict[str, dict[str, str]] = {}
        self.people: People = {}

    def run(self, progress: Callable[[], None]) -> int:
        """Make the account, play every step in the order of its time, and return the account's id."""
        self._found()
        asyncio.run(self._play_all(progress))
        with self._database.transaction() as db:
            for key in self.people:
                access.end_sessions(db, self._ids[key])
        return self._account

    async def _play_all(self, progress: Callable[[], None]) -> None:
        for step in STEPS:
            with importing(self._moment(step)):
                await self._play(step)
            progress()

    def _found(self) -> None:
        """Create the account and its first administrator, as the command line would."""
        person = PEOPLE[FOUNDER]
        first = self._moment(STEPS[0]) - 300_000_000
        password = secrets.token_urlsafe(12)
        hashed = credentials.hash_password(password)
        values = {"name": person.name, "email": person.email, "role": person.role}
        origin = Origin(via="import", request="founding")
        with importing(first), acting_as(SYSTEM, origin), self._database.transaction() as db:
            self._account = accounts.create(db, {"name": ACCOUNT, "timezone": TIMEZONE}).id
            agent = agents.create(
                db, self._account, {**values, "password": password}, password_hash=hashed
            )
            self._remember(FOUNDER, agent.user_id, password, db)

    def _remember(self, key: str, user_id: int, password: str, db: Any) -> None:
        self._ids[key] = user_id
        session = credentials.new_session()
        access.begin_session(db, user_id, session, int(self._now.timestamp() * 1_000_000))
        self._browsers[key] = {
            "cookie": f"{self._cookie}={session.secret}",
            CSRF_HEADER: session.csrf,
            "user-agent": BROWSER,
        }
        self.people[key] = {
            "email": PEOPLE[key].email,
            "password": password,
            "api_access_token": access.create_token(db, user_id, TOKEN_NAME),
        }

    def _moment(self, step: Step) -> int:
        hour, minute = map(int, step.clock.split(":"))
        day = self._now - timedelta(days=step.days_ago)
        moment = day.replace(hour=hour, minute=minute, second=step_second(step), microsecond=0)
        return int(moment.timestamp()) * 1_000_000

    async def _play(self, step: Step) -> None:
        transport = httpx2.ASGITransport(app=self._app, client=(PEOPLE[step.person].ip, 443))
        async with httpx2.AsyncClient(transport=transport, base_url="http://live-agent") as client:
            if step.method in ("SIGN_IN", "FAILED_SIGN_IN"):
                await self._sign_in(client, step)
                return
            body = _filled(dict(step.body), self._ids)
            if step.name in DEMO_SIGN_INS.values():
                body["password"] = secrets.token_urlsafe(12)
            answer = await client.request(
                step.method,
                f"/api/v1/accounts/{self._account}{_path(step.path, self._ids)}",
                json=body or None,
                headers=self._browsers[step.person],
            )
        expected = 403 if step.path == "/audit_logs" else 200
        if answer.status_code != expected:
            raise RuntimeError(
                f"{step.method} {step.path} answered {answer.status_code}: {answer.text}"
            )
        if step.name:
            self._ids[step.name] = _id(answer.json())
        if step.name in PEOPLE:
            founding = Origin(via="import", request="founding")
            with acting_as(SYSTEM, founding), self._database.transaction() as db:
                self._remember(step.name, self._ids[step.name], body.get("password", ""), db)

    async def _sign_in(self, client: httpx2.AsyncClient, step: Step) -> None:
        person = self.people[step.person]
        failing = step.method == "FAILED_SIGN_IN"
        password = "not-my-password" if failing else person["password"]
        answer = await client.post(
            "/auth/sign_in",
            json={"email": person["email"], "password": password},
            headers={"user-agent": BROWSER},
        )
        if answer.status_code != (401 if failing else 200):
            raise RuntimeError(f"the sign-in of {step.person} answered {answer.status_code}")


def step_second(step: Step) -> int:
    """Spread the steps over the seconds of their minute, the same way each time."""
    return sum(map(ord, step.person + step.path)) % 50 + 5


def seed_moment() -> datetime:
    """Return now, to which the story's days are relative."""
    return datetime.now(UTC)


def _id(answer: Mapping[str, Any]) -> int:
    inner = answer.get("payload", answer)
    return int(inner.get("webhook", inner)["id"] if isinstance(inner, dict) else inner[0]["id"])


def _path(path: str, ids: Mapping[str, int]) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: str(ids[found[1]]), path)


def _filled(value: Any, ids: Mapping[str, int]) -> Any:
    """Put ids in place of `{name}`, in lists and objects too."""
    match value:
        case str() if found := re.fullmatch(r"\{(\w+)\}", value):
            return ids[found[1]]
        case list():
            return [_filled(item, ids) for item in value]
        case dict():
            return {key: _filled(item, ids) for key, item in value.items()}
        case _:
            return value
