"""The application on SQLAlchemy: it saves for the cost, and goes every write path for the matrix."""

import gc
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from sqlalchemy import create_engine, delete, event, insert, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from bench.peers.alchemy_logs import LOGS
from bench.peers.alchemy_models import models_for
from bench.peers.news import News
from bench.peers.verdicts import ADA, Fact, judge


class AlchemyDesk:
    """The application with one library, in this process."""

    def __init__(self, library: str, url: str, *, is_new: bool) -> None:
        self._log = LOGS[library]
        self.models = models_for(self._log)
        self.engine = create_engine(url)
        if self.engine.dialect.name == "sqlite":
            event.listen(self.engine, "connect", _make_durable)
        if is_new:
            self._log.create_own(self.engine)
            self.models.Model.metadata.create_all(self.engine)
        self._log.install(self.engine, self.models)
        self.session = Session(self.engine, expire_on_commit=False)
        self._tickets: list[Any] = []
        self._saved = 0
        self._news = News()

    # The cost

    def fill(self, rows: int) -> None:
        """Make the tickets that are saved again and again."""
        self._log.endure()
        self._tickets = [self.models.Ticket(name=f"Ticket {each}") for each in range(rows)]
        self.session.add_all(self._tickets)
        self.session.commit()
        # What a library loaded isn't looked through again and again while it is measured.
        gc.collect()
        gc.freeze()

    def update(self, times: int, each: int) -> float:
        """Change three fields of a ticket and flush it, so many times in a transaction."""
        return self._timed(times, each, self._change)

    def create(self, times: int, each: int) -> float:
        """Create tickets, so many in a transaction."""
        return self._timed(times, each, self._add)

    def _timed(self, times: int, each: int, act: Callable[[], None]) -> float:
        gc.collect()
        started = time.perf_counter()
        for _ in range(times // each):
            with self.acting():
                for _ in range(each):
                    act()
                    self.session.flush()
                self.session.commit()
        took = time.perf_counter() - started
        for other in set(self.session) - set(self._tickets):
            self.session.expunge(other)
        return took / times

    def _change(self) -> None:
        self._saved += 1
        ticket = self._tickets[self._saved % len(self._tickets)]
        ticket.name = f"Ticket {self._saved}"
        ticket.priority = self._saved
        ticket.status = "open" if self._saved % 2 else "waiting"

    def _add(self) -> None:
        self.session.add(self.models.Ticket(name="Another ticket"))

    def sequence(self) -> tuple[int, float]:
        """Do what the library does behind the application's back."""
        return self._log.sequence()

    def bytes_of_an_entry(self) -> float | None:
        return self._log.bytes_of_an_entry()

    def entries(self) -> int:
        """How many entries lie in the log's tables, by its first one."""
        return self._scalar(f"SELECT count(*) FROM {self._log.tables[0]}")

    def bytes(self) -> int:
        """What the log's tables take with their indexes, on PostgreSQL, without free space."""
        alone = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        with alone.connect() as connection:
            for name in self._log.tables:
                connection.exec_driver_sql(f"VACUUM FULL {name}")
        return sum(
            self._scalar(f"SELECT pg_total_relation_size('{name}')") for name in self._log.tables
        )

    def _scalar(self, statement: str) -> int:
        with self.engine.connect() as connection:
            return int(connection.exec_driver_sql(statement).scalar_one())

    # The paths

    def paths(self) -> dict[str, str]:
        """Go every path, and say of each what the log says of it."""
        found = {}
        for name, path in PATHS.items():
            facts = path(self)
            if facts is not None:
                found[name] = judge(facts, self.news())
        return found

    def die(self) -> None:
        """Change a ticket and be killed as the commit returns, before anything else is done."""
        ticket = self._given("Doomed")
        do_commit = self.engine.dialect.do_commit

        def commit_and_die(connection: Any) -> None:
            do_commit(connection)
            os.kill(os.getpid(), signal.SIGKILL)

        dialect: Any = self.engine.dialect
        dialect.do_commit = commit_and_die
        ticket.priority = 2
        with self.acting():
            self.session.commit()
        raise AssertionError("it lives")

    def survived(self) -> str:
        """Say what the log says of the write before the death."""
        query = self.session.query(self.models.Ticket).filter_by(name="Doomed")
        ticket = query.one()
        self.session.commit()
        fact = Fact("update", "ticket", ticket.id, {"priority": 1}, {"priority": ticket.priority})
        updates = [each for each in self._events() if each.operation == "update"]
        return judge([fact], [each for each in updates if str(each.key) == str(ticket.id)])

    def acting(self) -> Any:
        return self._log.acting()

    def news(self) -> list[Any]:
        return self._news.among(self._events())

    def _events(self) -> list[Any]:
        with Session(self.engine) as session:
            return self._log.events(session)

    def given(self) -> Any:
        """A ticket whose birth isn't part of the path."""
        ticket = self._given()
        self.news()
        return ticket

    def _given(self, name: str = "Given") -> Any:
        ticket = self.models.Ticket(name=name, priority=1)
        with self.acting():
            self.session.add(ticket)
            self.session.commit()
        self.session.refresh(ticket)
        self.session.commit()
        return ticket

    def commented(self) -> tuple[Any, Any]:
        ticket = self._given()
        comment = self.models.Comment(ticket_id=ticket.id, name="Said")
        with self.acting():
            self.session.add(comment)
            self.session.commit()
        self.session.refresh(ticket)
        self.session.commit()
        self.news()
        return ticket, comment

    def commit(self, statement: Any = None, values: Any = None) -> None:
        with self.acting():
            if statement is not None:
                self.session.execute(statement, values)
            self.session.commit()


def _make_durable(connection: Any, _record: Any) -> None:
    for setting in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {setting}")


def _changed(ticket: Any, before: int, after: int, actor: str | None = ADA) -> Fact:
    return Fact("update", "ticket", ticket.id, {"priority": before}, {"priority": after}, actor)


def create(desk: AlchemyDesk) -> list[Fact]:
    ticket = desk.models.Ticket(name="New", priority=3)
    desk.session.add(ticket)
    desk.commit()
    return [Fact("create", "ticket", ticket.id, {}, {"name": "New", "priority": 3})]


def save(desk: AlchemyDesk) -> list[Fact]:
    ticket = desk.given()
    ticket.priority = 4
    desk.commit()
    return [_changed(ticket, 1, 4)]


def delete_one(desk: AlchemyDesk) -> list[Fact]:
    ticket = desk.given()
    key = ticket.id
    desk.session.delete(ticket)
    desk.commit()
    return [Fact("delete", "ticket", key, {"name": "Given", "priority": 1})]


def bulk_create(desk: AlchemyDesk) -> list[Fact]:
    ticket = desk.models.Ticket
    names = ("Bulk one", "Bulk two")
    desk.commit(insert(ticket), [{"name": name} for name in names])
    made = desk.session.query(ticket).filter(ticket.name.in_(names)).all()
    desk.session.commit()
    return [Fact("create", "ticket", each.id, {}, {"name": each.name}) for each in made]


def upsert(desk: AlchemyDesk) -> list[Fact]:
    from sqlalchemy.dialects import postgresql, sqlite

    ticket, engine = desk.given(), desk.engine.dialect.name
    dialect: Any = postgresql if engine == "postgresql" else sqlite
    row = {"id": ticket.id, "account_id": 1, "name": "Given", "status": "open", "priority": 5}
    row |= {"channel": "email", "position": 0, "enabled": True}
    statement = dialect.insert(desk.models.Ticket).values(row)
    desk.commit(statement.on_conflict_do_update(index_elements=["id"], set_={"priority": 5}))
    return [_changed(ticket, 1, 5)]


def bulk_update(desk: AlchemyDesk) -> list[Fact]:
    ticket = desk.given()
    desk.commit(
        update(desk.models.Ticket).where(desk.models.Ticket.id == ticket.id).values(priority=6)
    )
    return [_changed(ticket, 1, 6)]


def expression(desk: AlchemyDesk) -> list[Fact]:
    ticket = desk.given()
    ticket.priority = desk.models.Ticket.priority + 6
    desk.commit()
    return [_changed(ticket, 1, 7)]


def bulk_delete(desk: AlchemyDesk) -> list[Fact]:
    ticket = desk.given()
    key = ticket.id
    desk.commit(delete(desk.models.Ticket).where(desk.models.Ticket.id == key))
    return [Fact("delete", "ticket", key, {"name": "Given", "priority": 1})]


def cascade(desk: AlchemyDesk) -> list[Fact]:
    ticket, comment = desk.commented()
    keys = ticket.id, comment.id
    desk.session.delete(ticket)
    desk.commit()
    return _gone(*keys)


def cascade_by_database(desk: AlchemyDesk) -> list[Fact]:
    ticket, comment = desk.commented()
    keys = ticket.id, comment.id
    desk.session.expunge(comment)
    desk.session.expunge(ticket)
    desk.commit(delete(desk.models.Ticket).where(desk.models.Ticket.id == keys[0]))
    return _gone(*keys)


def _gone(ticket: int, comment: int) -> list[Fact]:
    return [
        Fact("delete", "ticket", ticket, {"name": "Given"}),
        Fact("delete", "comment", comment, {"name": "Said"}),
    ]


def raw(desk: AlchemyDesk) -> list[Fact]:
    ticket = desk.given()
    desk.commit(text("UPDATE ticket SET priority = 7 WHERE id = :id"), {"id": ticket.id})
    return [_changed(ticket, 1, 7)]


def shell(desk: AlchemyDesk) -> list[Fact]:
    ticket = desk.given()
    other = create_engine(desk.engine.url)
    with other.begin() as connection:
        connection.exec_driver_sql(f"UPDATE ticket SET priority = 8 WHERE id = {ticket.id}")
    other.dispose()
    return [_changed(ticket, 1, 8, None)]


def truncate(desk: AlchemyDesk) -> list[Fact] | None:
    if desk.engine.dialect.name == "sqlite":
        return None
    desk.commit(text("DELETE FROM comment"))
    _, comment = desk.commented()
    desk.commit(text("TRUNCATE comment"))
    desk.session.expunge(comment)
    return [Fact("delete", "comment", comment.id, {"name": "Said"})]


def link(desk: AlchemyDesk) -> list[Fact]:
    ticket, label = desk.given(), desk.models.Label(name="urgent")
    desk.session.add(label)
    desk.session.commit()
    desk.news()
    ticket.labels.append(label)
    desk.commit()
    return [Fact("link", "ticket_labels", ticket.id, {}, {"label": label.id})]


def nothing(desk: AlchemyDesk) -> list[Fact]:
    ticket = desk.given()
    ticket.priority = 2
    ticket.priority = 1
    ticket.name = str(ticket.name)
    desk.commit()
    return []


def rollback(desk: AlchemyDesk) -> list[Fact]:
    ticket = desk.given()
    with desk.acting():
        ticket.priority = 10
        desk.session.flush()
        desk.session.rollback()
    return []


def savepoint(desk: AlchemyDesk) -> list[Fact]:
    kept, undone = desk.given(), desk.given()
    with desk.acting():
        kept.priority = 11
        desk.session.flush()
        with suppress(KeyError), desk.session.begin_nested():
            undone.priority = 11
            desk.session.flush()
            raise KeyError
        desk.session.commit()
    return [_changed(kept, 1, 11)]


def refused(desk: AlchemyDesk) -> list[Fact]:
    ticket = desk.given()
    with desk.acting():
        try:
            ticket.priority = -1
            desk.session.commit()
        except IntegrityError:
            desk.session.rollback()
            return []
    raise AssertionError("the CHECK held nothing back")


def concurrent(desk: AlchemyDesk) -> list[Fact]:
    """Between reading and saving, another user's save is committed."""
    ticket = desk.given()
    ticket.priority = 2
    with desk.acting(), Session(desk.engine) as other:
        other.get_one(desk.models.Ticket, ticket.id).priority = 5
        other.commit()
    desk.commit()
    return [_changed(ticket, 1, 5), _changed(ticket, 5, 2)]


PATHS: dict[str, Callable[[AlchemyDesk], list[Fact] | None]] = {
    "create": create,
    "save of an object": save,
    "delete of an object": delete_one,
    "bulk create": bulk_create,
    "upsert": upsert,
    "bulk update": bulk_update,
    "update by an expression": expression,
    "bulk delete": bulk_delete,
    "cascade to a child": cascade,
    "cascade by the database": cascade_by_database,
    "raw SQL of the application": raw,
    "SQL of another program": shell,
    "TRUNCATE": truncate,
    "link of a many-to-many": link,
    "save that changes nothing": nothing,
    "rollback": rollback,
    "rollback to a savepoint": savepoint,
    "save that a CHECK refuses": refused,
    "save that another overtakes": concurrent,
}
