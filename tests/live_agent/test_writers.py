"""Two who write at once take turns, so that what one of them has checked stays true."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from live_agent import database as module
from live_agent.database import Database
from live_agent.errors import DatabaseBusy, Invalid
from live_agent.schema import AccountUser, Inbox
from live_agent.settings import accounts, agent_bots, agents, inboxes, teams

PATIENCE_SECONDS = 20.0
LONG_ENOUGH_SECONDS = 0.3


@pytest.fixture
def account(any_database: Database) -> int:
    any_database.prepare()
    with any_database.transaction() as db:
        return accounts.create(db, {"name": "Alder"}).id


def beside(work: Callable[[], Any]) -> tuple[threading.Thread, list[Invalid]]:
    """Work in another thread, which surely would be done soon if it didn't wait."""
    failures: list[Invalid] = []

    def run() -> None:
        try:
            work()
        except Invalid as error:
            failures.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(LONG_ENOUGH_SECONDS)
    assert thread.is_alive(), "it didn't wait"
    return thread, failures


def test_two_administrators_can_t_take_each_other_s_role(
    any_database: Database, account: int
) -> None:
    with any_database.transaction() as db:
        ids = [
            agents.create(
                db,
                account,
                {"name": name, "email": f"{name}@alder.example", "role": "administrator"},
                password_hash="a hash, so they can sign in",
            ).user_id
            for name in ("ada", "bob")
        ]

    def demote(user_id: int) -> None:
        with any_database.transaction() as db:
            agents.update(db, agents.get(db, account, user_id), {"role": "agent"})

    with any_database.transaction() as db:
        agents.update(db, agents.get(db, account, ids[0]), {"role": "agent"})
        other, failures = beside(lambda: demote(ids[1]))
    other.join(PATIENCE_SECONDS)
    assert [list(failure.errors) for failure in failures] == [["role"]]
    with any_database.reading() as db:
        roles = db.query(AccountUser.role).order_by(AccountUser.id).all()
    assert [role for (role,) in roles] == ["agent", "administrator"]


def test_two_bots_can_t_be_given_to_one_inbox_at_once(any_database: Database, account: int) -> None:
    with any_database.transaction(account) as db:
        inbox = inboxes.create(db, account, {"name": "Support"}).id
        bots = [agent_bots.create(db, account, {"name": name}).id for name in ("One", "Two")]

    def give(bot: int) -> None:
        with any_database.transaction(account) as db:
            agent_bots.give(db, db.get_one(Inbox, inbox), agent_bots.get(db, account, bot))

    with any_database.transaction(account) as db:
        agent_bots.give(db, db.get_one(Inbox, inbox), agent_bots.get(db, account, bots[0]))
        other, failures = beside(lambda: give(bots[1]))
    other.join(PATIENCE_SECONDS)
    assert failures == []
    with any_database.reading() as db:
        assert [bot.id for bot in agent_bots.listed(db, account, inbox)] == [bots[1]]


def test_a_name_taken_meanwhile_is_refused_as_any_other(
    any_database: Database, account: int
) -> None:
    def create() -> None:
        with any_database.transaction(account) as db:
            teams.create(db, account, {"name": "Tier 1"})

    with any_database.transaction(account) as db:
        teams.create(db, account, {"name": "Tier 1"})
        other, failures = beside(create)
    other.join(PATIENCE_SECONDS)
    assert [failure.errors for failure in failures] == [
        {"name": "Name is already in use; choose another."}
    ]


@pytest.mark.parametrize("any_database", ["postgresql"], indirect=True)
def test_on_postgresql_only_writers_of_the_same_account_wait(
    any_database: Database, account: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with any_database.transaction() as db:
        second = accounts.create(db, {"name": "Birch"}).id
    for turn in ("_TURN_OF_ALL", "_TURN_OF_ONE"):
        impatient = getattr(module, turn).replace("10s", "20ms")
        monkeypatch.setattr(module, turn, impatient)
    with any_database.transaction(account) as db:
        teams.create(db, account, {"name": "Tier 1"})
        with any_database.transaction(second) as other:
            teams.create(other, second, {"name": "Tier 1"})
        for waiting in (account, None):
            with pytest.raises(DatabaseBusy, match="lock timeout"):
                any_database.transaction(waiting).__enter__()
    with any_database.reading() as db:
        assert len(teams.listed(db, account)) == len(teams.listed(db, second)) == 1
