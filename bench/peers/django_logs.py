"""Each library for Django: how its documentation sets it up, how it learns who acts, what its log says."""

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, nullcontext
from types import MappingProxyType, SimpleNamespace
from typing import Any

from bench.peers.ours import OwnLog
from bench.peers.verdicts import Event, Snapshot, told_by

LINKS = "desk_ticket_labels"


class Log:
    """No library: what the others are held against."""

    package = ""
    apps: tuple[str, ...] = ()
    settings: Mapping[str, Any] = MappingProxyType({})
    tables: tuple[str, ...] = ()
    """Where its entries lie."""

    def register(self, ticket: Any, comment: Any) -> None:
        """Have the library watch the models."""

    def install(self, url: str) -> None:
        """Finish what needs the tables."""

    def acting(self, user: Any) -> AbstractContextManager[Any]:
        """Act as the user, as its middleware would for a request."""
        return nullcontext()

    @asynccontextmanager
    async def acting_meanwhile(self, user: Any) -> AsyncIterator[None]:
        """The same in asynchronous code, by what the library has for it."""
        with self.acting(user):
            yield

    def events(self) -> list[Event]:
        """All that the log says, the oldest first."""
        return []

    def sequence(self) -> tuple[int, float]:
        """Do what is done behind the application's back: how many entries, in how many seconds."""
        return 0, 0.0

    def endure(self) -> None:
        """Get ready to be measured."""

    def bytes_of_an_entry(self) -> float | None:
        """What an entry takes outside of the application's database, if it goes there."""
        return None


class Ours(Log):
    package = "live-agent-audit-logs"
    apps = ("audit_trail.capture.django",)

    def install(self, url: str) -> None:
        self._own = OwnLog(url, prefix="desk_")
        self.tables = self._own.tables

    def acting(self, user: Any) -> AbstractContextManager[Any]:
        return self._own.acting(str(user.pk))

    def events(self) -> list[Event]:
        return self._own.events()

    def sequence(self) -> tuple[int, float]:
        return self._own.sequence()

    def endure(self) -> None:
        self._own.endure()

    def bytes_of_an_entry(self) -> float | None:
        return self._own.bytes_of_an_entry()


class Auditlog(Log):
    package = "django-auditlog"
    apps = ("auditlog",)
    tables = ("auditlog_logentry",)

    def register(self, ticket: Any, comment: Any) -> None:
        from auditlog.registry import auditlog

        auditlog.register(ticket, m2m_fields={"labels"})
        auditlog.register(comment)

    def acting(self, user: Any) -> AbstractContextManager[Any]:
        from auditlog.context import set_actor

        return set_actor(user)

    def events(self) -> list[Event]:
        from auditlog.models import LogEntry

        found = []
        for each in LogEntry.objects.order_by("id").select_related("actor", "content_type"):
            operation = {0: "create", 1: "update", 2: "delete"}[each.action]
            changes = each.changes or {}
            actor = each.actor.email if each.actor else None
            table = each.content_type.model_class()._meta.db_table
            if "labels" in changes and isinstance(changes["labels"], dict):
                # It keeps how Django prints the label: Label object (7).
                after = {"label": changes["labels"]["objects"][0].rpartition("(")[2][:-1]}
                found.append(Event("link", LINKS, each.object_pk, {}, after, actor))
                continue
            before = {name: pair[0] for name, pair in changes.items()}
            after = {name: pair[1] for name, pair in changes.items()}
            found.append(Event(operation, table, each.object_pk, before, after, actor))
        return found


class SimpleHistory(Log):
    package = "django-simple-history"
    apps = ("simple_history",)
    tables = ("desk_historicalticket", "desk_historicalcomment")

    def register(self, ticket: Any, comment: Any) -> None:
        from simple_history import register

        register(ticket, m2m_fields=[ticket._meta.get_field("labels")])
        register(comment)

    @contextmanager
    def acting(self, user: Any) -> Iterator[None]:
        from simple_history.models import HistoricalRecords

        HistoricalRecords.context.request = SimpleNamespace(user=user)
        try:
            yield
        finally:
            del HistoricalRecords.context.request

    def events(self) -> list[Event]:
        from django.apps import apps

        snapshots = []
        for name in ("ticket", "comment"):
            model = apps.get_model("desk", name)
            for each in model.history.order_by("history_id"):
                operation = {"+": "create", "~": "update", "-": "delete"}[each.history_type]
                actor = each.history_user.email if each.history_user else None
                values = {f: getattr(each, f, None) for f in ("name", "priority", "status")}
                if name == "ticket" and (
                    links := list(each.labels.values_list("label", flat=True))
                ):
                    snapshots.append(Snapshot("link", LINKS, each.id, {"label": links[-1]}, actor))
                    continue
                snapshots.append(Snapshot(operation, f"desk_{name}", each.id, values, actor))
        return told_by(snapshots)


class Pghistory(Log):
    package = "django-pghistory"
    apps = ("pgtrigger", "pghistory")
    tables = ("desk_ticketevent", "desk_commentevent", "pghistory_context")

    def register(self, ticket: Any, comment: Any) -> None:
        import pghistory

        for model in (ticket, comment):
            pghistory.track(
                pghistory.InsertEvent(), pghistory.UpdateEvent(), pghistory.DeleteEvent()
            )(model)
        pghistory.track(
            pghistory.InsertEvent(), pghistory.DeleteEvent(), app_label="desk", obj_field=None
        )(ticket.labels.through)

    def install(self, url: str) -> None:
        from django.core.management import call_command

        call_command("pgtrigger", "install", verbosity=0)

    def acting(self, user: Any) -> AbstractContextManager[Any]:
        import pghistory

        return pghistory.context(user=user.email)

    def acting_meanwhile(self, user: Any) -> Any:
        return self.acting(user)

    def events(self) -> list[Event]:
        from django.apps import apps

        snapshots = []
        operations = {"insert": "create", "update": "update", "delete": "delete"}
        for model in apps.get_app_config("desk").get_models():
            if not hasattr(model, "pgh_id"):
                continue
            for each in model.objects.order_by("pgh_id").select_related("pgh_context"):
                actor = each.pgh_context.metadata.get("user") if each.pgh_context else None
                operation = operations[each.pgh_label]
                if hasattr(each, "label_id"):
                    values = {"label": each.label_id}
                    snapshots.append(Snapshot("link", LINKS, each.ticket_id, values, actor))
                    continue
                values = {f: getattr(each, f, None) for f in ("name", "priority", "status")}
                table = model.pgh_tracked_model._meta.db_table
                snapshots.append(Snapshot(operation, table, each.id, values, actor))
        return told_by(snapshots)


class EasyAudit(Log):
    package = "django-easy-audit"
    apps = ("easyaudit",)
    tables = ("easyaudit_crudevent",)
    settings = MappingProxyType(
        {
            "DJANGO_EASY_AUDIT_REGISTERED_CLASSES": ["desk.Ticket", "desk.Comment"],
            "DJANGO_EASY_AUDIT_WATCH_REQUEST_EVENTS": False,
        }
    )

    @contextmanager
    def acting(self, user: Any) -> Iterator[None]:
        from easyaudit.middleware.easyaudit import clear_request, set_current_user

        set_current_user(user)
        try:
            yield
        finally:
            clear_request()

    def events(self) -> list[Event]:
        from easyaudit.models import CRUDEvent

        found = []
        for each in CRUDEvent.objects.order_by("id").select_related("user", "content_type"):
            actor = each.user.email if each.user else None
            table = each.content_type.model_class()._meta.db_table
            now = json.loads(each.object_json_repr)[0]["fields"] if each.object_json_repr else {}
            # That of a link is written in another form.
            is_update = each.event_type == CRUDEvent.UPDATE and each.changed_fields
            changed = json.loads(each.changed_fields) if is_update else {}
            if each.event_type == CRUDEvent.M2M_ADD:
                after = {"label": now["labels"][-1]}
                found.append(Event("link", LINKS, each.object_id, {}, after, actor))
                continue
            kinds = {
                CRUDEvent.CREATE: ("create", {}, now),
                CRUDEvent.UPDATE: ("update", *_sides(changed)),
                CRUDEvent.DELETE: ("delete", now, {}),
            }
            operation, before, after = kinds[each.event_type]
            found.append(Event(operation, table, each.object_id, before, after, actor))
        return found


def _sides(changed: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    pairs = changed if isinstance(changed, dict) else {}
    return (
        {name: pair[0] for name, pair in pairs.items()},
        {name: pair[1] for name, pair in pairs.items()},
    )


LOGS: dict[str, Log] = {
    "django": Log(),
    "ours": Ours(),
    "django-auditlog": Auditlog(),
    "django-simple-history": SimpleHistory(),
    "django-pghistory": Pghistory(),
    "django-easy-audit": EasyAudit(),
}
