"""Random operations through API, ORM and raw SQL: nothing missing, nothing extra, every value right."""

import asyncio
import contextlib
import sqlite3
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import httpx2
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import delete, insert, text, update
from sqlalchemy.dialects.sqlite import insert as upsert

from audit_trail import credentials
from audit_trail.capture.context import Actor, Origin, acting_as
from audit_trail.capture.sqlalchemy import records
from audit_trail.reconciliation.reconciling import Reconciler
from audit_trail.record.query import Query
from audit_trail.sequencer.loop import Sequencer
from live_agent import founding
from live_agent.app import build_services, create_app
from live_agent.schema import AgentBot, Inbox, InboxMember, Team, Webhook
from live_agent.settings import inboxes, teams
from live_agent.watching import WATCH
from tests.walk.folding import Fold, tables

NAMES = st.sampled_from(["Support", "Sales", "Night shift", "Größe", "東京", "a'b\"c", "x" * 60])
TEXTS = st.one_of(st.none(), st.sampled_from(["", "one", "  padded  ", "zwei\nZeilen", "🛫"]))
NUMBERS = st.integers(min_value=1, max_value=6)
JOB = Actor(kind="job", name="nightly")

# An application's own trigger: it writes the row again after each write, and its write is in the
# outbox before the one that fired it.
TRIM = """
CREATE TRIGGER own_trim AFTER UPDATE OF description ON teams
WHEN new.description <> trim(new.description)
BEGIN UPDATE teams SET description = trim(new.description) WHERE id = new.id; END
"""
DEFAULT = """
CREATE TRIGGER own_default AFTER INSERT ON teams WHEN new.description IS NULL
BEGIN UPDATE teams SET description = 'none yet' WHERE id = new.id; END
"""


class EveryChange(RuleBasedStateMachine):
    """Live Agent over its real database; the trail is folded and compared after each operation."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "live-agent.db"
        self.services = build_services(Path(self.folder.name))
        self.database = self.services.database
        self.database.prepare()
        with self.database.engine.begin() as connection:
            for trigger in (TRIM, DEFAULT):
                connection.exec_driver_sql(trigger)
        founding.create_account(self.database, "Alder Travel")
        created = founding.create_user(
            self.database, 1, "ada@alder.example", "Ada", "administrator", "correct horse battery"
        )
        self.token = created.token
        self.app = create_app(self.services)
        self.sequencer = self._sequencer()
        self.fold = Fold()
        self.expected: set[str] = {"system"}
        self.writes = 0
        self.check()

    def _sequencer(self) -> Sequencer:
        return Sequencer(self.services.outbox, self.services.trail, WATCH)

    def teardown(self) -> None:
        self.check()
        reconciler = Reconciler(records(self.database.engine), self.services.trail, WATCH)
        assert reconciler.run().differences == ()
        self.services.close()
        self.folder.cleanup()

    def request(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        async def ask() -> httpx2.Response:
            transport = httpx2.ASGITransport(app=cast("Any", self.app))
            async with httpx2.AsyncClient(transport=transport, base_url="http://here") as client:
                return await client.request(
                    method,
                    f"/api/v1/accounts/1{path}",
                    json=body,
                    headers={"api_access_token": self.token},
                )

        self.expected = {"user"}
        # In a thread of its own: a browser test in this process may have left its loop running here.
        with ThreadPoolExecutor(1) as thread:
            answer = thread.submit(asyncio.run, ask()).result()
        assert answer.status_code in (200, 404, 422), answer.text
        return answer

    def shell(self, *statements: str) -> None:
        """Write as someone with a database shell would: no context, no foreign keys."""
        self.expected = {"system"}
        connection = sqlite3.connect(self.path, isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        for statement in statements:
            with contextlib.suppress(sqlite3.IntegrityError):
                connection.execute(statement)
        connection.execute("COMMIT")
        connection.close()

    # Through the API ------------------------------------------------------------------------

    @rule(name=NAMES, description=TEXTS)
    def post_team(self, name, description):
        self.request("POST", "/teams", {"name": name, "description": description})

    @rule(number=NUMBERS, name=NAMES, description=TEXTS)
    def patch_team(self, number, name, description):
        self.request("PATCH", f"/teams/{number}", {"name": name, "description": description})

    @rule(number=NUMBERS)
    def delete_team(self, number):
        self.request("DELETE", f"/teams/{number}")

    @rule(name=NAMES, on=st.booleans())
    def post_inbox(self, name, on):
        self.request("POST", "/inboxes", {"name": name, "greeting_enabled": on})

    @rule(number=NUMBERS, message=TEXTS, on=st.booleans())
    def patch_inbox(self, number, message, on):
        body = {"greeting_message": message, "greeting_enabled": on, "csat_config": {"on": on}}
        self.request("PATCH", f"/inboxes/{number}", body)

    @rule(number=NUMBERS)
    def delete_inbox(self, number):
        self.request("DELETE", f"/inboxes/{number}")

    @rule(number=NUMBERS, name=NAMES)
    def post_bot_and_set_it(self, number, name):
        answer = self.request(
            "POST", "/agent_bots", {"name": name, "outgoing_url": "https://b.example"}
        )
        if answer.status_code == 200:
            self.request(
                "POST", f"/inboxes/{number}/set_agent_bot", {"agent_bot": answer.json()["id"]}
            )

    @rule(number=NUMBERS)
    def collaborate(self, number):
        self.request("PATCH", "/inbox_members", {"inbox_id": number, "user_ids": [1]})

    @rule(name=NAMES)
    def agent_comes_and_goes(self, name):
        body = {"name": name, "email": f"{abs(hash(name))}@alder.example", "role": "agent"}
        answer = self.request("POST", "/agents", body)
        if answer.status_code == 200:
            user = answer.json()["id"]
            self.request("POST", "/teams/1/team_members", {"user_ids": [user]})
            self.request("DELETE", f"/agents/{user}")

    # Through the ORM and Core, as a job -----------------------------------------------------

    @rule(ids=st.lists(NUMBERS, min_size=1, max_size=3), message=TEXTS, fails=st.booleans())
    def orm_savepoints(self, ids, message, fails):
        self.expected = {"job"}
        with self._job() as db:
            for number in ids:
                savepoint = db.begin_nested()
                inbox = db.get(Inbox, number)
                if inbox is None:
                    continue
                inbox.out_of_office_message = message
                db.flush()
                inbox.lock_to_single_conversation = not inbox.lock_to_single_conversation
                db.flush()
                savepoint.rollback() if fails else savepoint.commit()

    @rule(name=NAMES, fails=st.booleans())
    def orm_verbs_in_one_transaction(self, name, fails):
        self.expected = {"job"}
        with contextlib.suppress(Exception), self._job() as db:
            team = teams.create(db, 1, {"name": f"{name} (orm)"})
            teams.update(db, team, {"description": "  twice  "})
            teams.update(db, team, {"description": "thrice"})
            inbox = inboxes.create(db, 1, {"name": f"{name} (orm)"})
            db.add(Webhook(account_id=1, inbox_id=inbox.id, url="https://h.example"))
            db.flush()
            if fails:
                raise RuntimeError("the job failed after its writes")

    @rule(message=TEXTS)
    def bulk_update(self, message):
        self.expected = {"job"}
        with self._job() as db:
            db.execute(update(Inbox).where(Inbox.id > 2).values(greeting_message=message))
            db.execute(update(Team).values(allow_auto_assign=~Team.allow_auto_assign))

    @rule(names=st.lists(NAMES, max_size=3, unique=True))
    def insert_many_and_upsert(self, names):
        self.expected = {"job"}
        with self._job() as db:
            db.execute(
                insert(Webhook),
                [
                    {"account_id": 1, "url": f"https://{place}.example"}
                    for place in range(len(names))
                ],
            ) if names else None
            for name in names:
                db.execute(
                    upsert(Team)
                    .values(account_id=1, name=name, description=" new ")
                    .on_conflict_do_update(
                        index_elements=["account_id", "name"], set_={"description": " again "}
                    )
                )

    @rule()
    def bulk_delete(self):
        self.expected = {"job"}
        with self._job() as db:
            db.execute(delete(Webhook).where(Webhook.inbox_id.is_(None)))
            db.execute(delete(AgentBot).where(AgentBot.id % 2 == 0))
            db.execute(delete(InboxMember))

    @rule(number=NUMBERS)
    def raw_sql_in_a_session(self, number):
        self.expected = {"job"}
        with self._job() as db:
            db.execute(
                text("UPDATE inboxes SET project_id = 'p' || id WHERE id <= :id"), {"id": number}
            )
            db.execute(text("UPDATE inboxes SET updated_at = 1"))

    # Beside it all, from a shell ------------------------------------------------------------

    @rule(number=NUMBERS)
    def shell_update(self, number):
        # Each text is new: where a shell's write is undone by a trigger within its statement, no
        # value tells which of the two came first (docs/trust.md).
        self.writes += 1
        self.shell(f"UPDATE teams SET description = ' {self.writes}. ' WHERE id = {number}")

    @rule(number=NUMBERS)
    def shell_replace(self, number):
        self.shell(
            f"REPLACE INTO automation_rules (id, account_id, name, event_name) "
            f"VALUES ({number}, 1, 'Rule {number % 3}', 'conversation_created')"
        )

    @rule(number=NUMBERS)
    def shell_ignored(self, number):
        self.shell(
            f"INSERT OR IGNORE INTO automation_rules (id, account_id, name, event_name) "
            f"VALUES ({number}, 1, 'Rule {number % 3}', 'message_created')",
            f"UPDATE OR REPLACE automation_rules SET name = 'Rule 1' WHERE id = {number}",
        )

    @rule(number=NUMBERS)
    def shell_delete(self, number):
        self.shell(f"DELETE FROM automation_rules WHERE id = {number}", "DELETE FROM webhooks")

    @rule()
    def rolled_back(self):
        connection = sqlite3.connect(self.path, isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("DELETE FROM teams")
        connection.execute("UPDATE inboxes SET name = name || '!'")
        connection.execute("ROLLBACK")
        connection.close()
        self.expected = set()

    # The sequencer --------------------------------------------------------------------------

    @precondition(lambda self: self.fold.read > 0)
    @rule()
    def the_sequencer_dies_between_append_and_delete(self):
        self.expected = {"user", "job", "system"}
        rows = self.services.outbox.take().rows
        lead = self.services.trail.begin_term(self.services.outbox.name)
        self.services.trail.append(self.sequencer._drafter.drafts(rows), lead)
        self.sequencer = self._sequencer()

    @invariant()
    def check(self) -> None:
        """Sequence what committed; the trail implies what the tables hold, and names who did it."""
        self.sequencer.drain()
        start = self.fold.read
        query = Query(account="1", newest_first=False)
        for entry in self.services.trail._store.find(query, beyond=start - 1, limit=10_000):
            self.fold.take(entry)
            assert entry.public.actor.kind in self.expected
        assert {key: _without_nulls(record) for key, record in self.fold.state.items()} == tables(
            str(self.path), 1
        )

    @contextlib.contextmanager
    def _job(self):
        with acting_as(JOB, Origin(via="job")), self.database.transaction() as db:
            yield db


def _without_nulls(record: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if value is not None}


def test_the_trail_implies_the_tables_after_any_operations():
    # A password is hashed for each machine; a cheaper hash would test another program.
    credentials.hash_password("warm")
    EveryChange.TestCase.settings = settings(
        max_examples=8,
        stateful_step_count=25,
        deadline=None,
        # A machine is costly to shrink; the steps that failed are printed all the same.
        phases=(Phase.explicit, Phase.reuse, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    EveryChange.TestCase().runTest()
