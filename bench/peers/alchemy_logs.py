"""Each library for SQLAlchemy: how it is set up, how it learns who acts, what its log says."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from sqlalchemy import Column, Integer, text
from sqlalchemy.orm import Session

from bench.peers.ours import OwnLog
from bench.peers.verdicts import ADA, Event, Snapshot, told_by

ADA_S_ID = 7


class Log:
    """No library: what the others are held against."""

    package = ""
    tables: tuple[str, ...] = ()

    def prepare(self, model: Any) -> None:
        """Do what must be done before the models are made. `model` is their declarative class."""

    def mark(self) -> dict[str, Any]:
        """The attributes of a model that is watched."""
        return {}

    def create_own(self, engine: Any) -> None:
        """Create what the watched tables need at their birth."""

    def install(self, engine: Any, models: Any) -> None:
        """Finish once the tables are there."""

    def acting(self) -> AbstractContextManager[Any]:
        return nullcontext()

    def events(self, session: Session) -> list[Event]:
        return []

    def sequence(self) -> tuple[int, float]:
        return 0, 0.0

    def endure(self) -> None:
        """Get ready to be measured."""

    def bytes_of_an_entry(self) -> float | None:
        """What an entry takes outside of the application's database, if it goes there."""
        return None


class Ours(Log):
    package = "live-agent-audit-logs"

    def install(self, engine: Any, models: Any) -> None:
        from audit_trail.capture.sqlalchemy import attach

        attach(engine)
        self._own = OwnLog(engine.url.render_as_string(hide_password=False), prefix="")
        self.tables = self._own.tables

    def acting(self) -> AbstractContextManager[Any]:
        return self._own.acting(str(ADA_S_ID))

    def events(self, session: Session) -> list[Event]:
        return self._own.events()

    def sequence(self) -> tuple[int, float]:
        return self._own.sequence()

    def endure(self) -> None:
        self._own.endure()

    def bytes_of_an_entry(self) -> float | None:
        return self._own.bytes_of_an_entry()


class Continuum(Log):
    package = "sqlalchemy-continuum"
    tables = ("ticket_version", "comment_version", "ticket_labels_version", "transaction")

    def prepare(self, model: Any) -> None:
        from sqlalchemy_continuum import make_versioned
        from sqlalchemy_continuum.plugins import Plugin

        class Acting(Plugin):
            def transaction_args(self, uow: Any, session: Any) -> dict[str, Any]:
                return {"user_id": ADA_S_ID}

        # Its table of transactions points to the users.
        self.user = type(
            "User", (model,), {"__tablename__": "users", "id": Column(Integer, primary_key=True)}
        )
        make_versioned(user_cls="User", plugins=[Acting()])

    def mark(self) -> dict[str, Any]:
        return {"__versioned__": {}}

    def install(self, engine: Any, models: Any) -> None:
        self._models = models
        with Session(engine) as session, session.begin():
            if session.get(self.user, ADA_S_ID) is None:
                session.add(self.user(id=ADA_S_ID))

    def events(self, session: Session) -> list[Event]:
        from sqlalchemy_continuum import version_class

        operations = ("create", "update", "delete")
        found = list[tuple[int, Snapshot]]()
        for model in (self._models.Ticket, self._models.Comment):
            for each in session.query(version_class(model)).all():
                values = {f: getattr(each, f, None) for f in ("name", "priority", "status")}
                snapshot = Snapshot(
                    operations[each.operation_type],
                    model.__tablename__,
                    each.id,
                    values,
                    ADA if each.transaction.user_id == ADA_S_ID else None,
                )
                found.append((each.transaction_id, snapshot))
        links = session.execute(
            text(
                "SELECT v.transaction_id, v.ticket_id, v.label_id, t.user_id "
                'FROM ticket_labels_version AS v JOIN "transaction" AS t ON t.id = v.transaction_id'
            )
        )
        for moment, ticket, label, user in links:
            actor = ADA if user == ADA_S_ID else None
            link = Snapshot("link", "ticket_labels", ticket, {"label": label}, actor)
            found.append((moment, link))
        session.rollback()
        found.sort(key=lambda each: each[0])
        return _with_what_was_deleted(told_by(snapshot for _, snapshot in found))


def _with_what_was_deleted(events: list[Event]) -> list[Event]:
    """A deletion is kept without values; they are in the version before."""
    last: dict[tuple[str, Any], Any] = {}
    found = []
    for each in events:
        if each.operation == "delete":
            each = each._replace(before=last.get((each.table, each.key), each.before))
        last[each.table, each.key] = each.after
        found.append(each)
    return found


class PostgresqlAudit(Log):
    package = "postgresql-audit"
    tables = ("activity", "transaction")

    def prepare(self, model: Any) -> None:
        from postgresql_audit import versioning_manager

        versioning_manager.init(model)
        versioning_manager.values = {"actor_id": str(ADA_S_ID)}
        self._manager = versioning_manager

    def create_own(self, engine: Any) -> None:
        for model in (self._manager.transaction_cls, self._manager.activity_cls):
            model.__table__.create(engine)

    def install(self, engine: Any, models: Any) -> None:
        # A table without a class is watched by this.
        links = models.Model.metadata.tables["ticket_labels"]
        with engine.begin() as connection:
            connection.execute(self._manager.build_audit_table_query(links))

    def mark(self) -> dict[str, Any]:
        return {"__versioned__": {}}

    def events(self, session: Session) -> list[Event]:
        found = []
        rows = session.execute(
            text(
                "SELECT a.verb, a.table_name, a.old_data, a.changed_data, t.actor_id "
                "FROM activity AS a LEFT JOIN transaction AS t "
                "ON t.native_transaction_id = a.native_transaction_id ORDER BY a.id"
            )
        )
        operations = {"insert": "create", "update": "update", "delete": "delete"}
        for verb, table, old, changed, actor in rows:
            operation = operations[verb]
            old, changed = old or {}, changed or {}
            key = {**old, **changed}.get("id")
            before = {} if operation == "create" else old
            after = {} if operation == "delete" else {**old, **changed}
            who = ADA if actor == str(ADA_S_ID) else None
            if table == "ticket_labels":
                link = {"label": after.get("label_id")}
                found.append(Event("link", table, after.get("ticket_id"), {}, link, who))
            else:
                found.append(Event(operation, table, key, before, after, who))
        session.rollback()
        return found


LOGS: dict[str, Log] = {
    "sqlalchemy": Log(),
    "ours": Ours(),
    "sqlalchemy-continuum": Continuum(),
    "postgresql-audit": PostgresqlAudit(),
}
