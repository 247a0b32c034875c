"""Settings > Inboxes: the list, a new one, its settings and collaborators, and its deletion by name."""

from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import Controller, Response, get, post
from litestar.params import FromPath

from audit_trail.record.language import say
from live_agent.gate import MEMBER
from live_agent.pages.confirming import require_typed_name
from live_agent.pages.desk import AnyRequest, TheDesk, TheForm, Visit
from live_agent.pages.form import Form, edited, form_of, readable
from live_agent.pages.people import agent_choices
from live_agent.pages.week import Day, days_of, days_sent, hours_of
from live_agent.pages.zones import zone_choices
from live_agent.schema import Inbox
from live_agent.settings import inboxes, membership
from live_agent.settings.fields import from_form
from live_agent.settings.working_hours import working_hours

NEW = ("name", "webhook_url")
FIELDS = (
    "name",
    "avatar_url",
    "greeting_enabled",
    "greeting_message",
    "enable_auto_assignment",
    "allow_reassignment",
    "agents_see_all_conversations",
    "enable_conversation_count",
    "lock_to_single_conversation",
    "working_hours_enabled",
    "timezone",
    "out_of_office_message",
    "csat_survey_enabled",
    "csat_config",
)


class Inboxes(Controller):
    """The routes under the account's settings."""

    path = "/inboxes"

    @get("/", opt=MEMBER, sync_to_thread=True)
    def inbox_list(self, request: AnyRequest, desk: TheDesk) -> Response[Any]:
        with desk.visit(request) as visit:
            return visit.page("inboxes.html", inboxes=inboxes.listed(visit.db, visit.account_id))

    @get("/new", sync_to_thread=True)
    def inbox_new(self, request: AnyRequest, desk: TheDesk) -> Response[Any]:
        with desk.visit(request) as visit:
            return _draw_new(visit, Form())

    @post("/new", sync_to_thread=True)
    def inbox_create(self, request: AnyRequest, desk: TheDesk, sent: TheForm) -> Response[Any]:
        def make(visit: Visit) -> Response[Any]:
            values = from_form(inboxes.FIELDS, sent, NEW)
            inbox = inboxes.create(visit.db, visit.account_id, values)
            return visit.done(f"inboxes/{inbox.id}", "created")

        return desk.change(request, sent, make, _draw_new)

    @get("/{inbox_id:int}", sync_to_thread=True)
    def inbox(self, request: AnyRequest, desk: TheDesk, inbox_id: FromPath[int]) -> Response[Any]:
        with desk.visit(request) as visit:
            record = inboxes.get(visit.db, visit.account_id, inbox_id)
            return _draw(visit, inbox_id, _form(record), _week(record))

    @post("/{inbox_id:int}", sync_to_thread=True)
    def inbox_update(
        self, request: AnyRequest, desk: TheDesk, inbox_id: FromPath[int], sent: TheForm
    ) -> Response[Any]:
        def make(visit: Visit) -> Response[Any]:
            record = inboxes.get(visit.db, visit.account_id, inbox_id)
            values, week = edited(inboxes.FIELDS, _form(record), sent, FIELDS), days_sent(sent)
            if week != _week(record):
                values["working_hours"] = hours_of(week)
            inboxes.update(visit.db, record, values)
            return visit.done(f"inboxes/{inbox_id}", "saved")

        def draw(visit: Visit, form: Form) -> Response[Any]:
            return _draw(visit, inbox_id, form, days_sent(sent))

        return desk.change(request, sent, make, draw)

    @get("/{inbox_id:int}/collaborators", sync_to_thread=True)
    def collaborators(
        self, request: AnyRequest, desk: TheDesk, inbox_id: FromPath[int]
    ) -> Response[Any]:
        with desk.visit(request) as visit:
            record = inboxes.get(visit.db, visit.account_id, inbox_id)
            members = [each.user_id for each in membership.agents_of(visit.db, record)]
            return _draw_collaborators(visit, inbox_id, form_of(record, (), user_ids=members))

    @post("/{inbox_id:int}/collaborators", sync_to_thread=True)
    def collaborators_replace(
        self, request: AnyRequest, desk: TheDesk, inbox_id: FromPath[int], sent: TheForm
    ) -> Response[Any]:
        def make(visit: Visit) -> Response[Any]:
            wanted = from_form(membership.FIELDS, sent, ("user_ids",))["user_ids"]
            record = inboxes.get(visit.db, visit.account_id, inbox_id)
            membership.replace(visit.db, record, wanted)
            return visit.done(f"inboxes/{inbox_id}/collaborators", "saved")

        return desk.change(
            request, sent, make, lambda visit, form: _draw_collaborators(visit, inbox_id, form)
        )

    @get("/{inbox_id:int}/delete", sync_to_thread=True)
    def inbox_ending(
        self, request: AnyRequest, desk: TheDesk, inbox_id: FromPath[int]
    ) -> Response[Any]:
        with desk.visit(request) as visit:
            return _draw_deletion(visit, inbox_id, Form())

    @post("/{inbox_id:int}/delete", sync_to_thread=True)
    def inbox_delete(
        self, request: AnyRequest, desk: TheDesk, inbox_id: FromPath[int], sent: TheForm
    ) -> Response[Any]:
        def make(visit: Visit) -> Response[Any]:
            record = inboxes.get(visit.db, visit.account_id, inbox_id)
            require_typed_name(record.name, sent)
            inboxes.delete(visit.db, record)
            return visit.done("inboxes", "deleted")

        return desk.change(
            request, sent, make, lambda visit, form: _draw_deletion(visit, inbox_id, form)
        )


def _form(record: Inbox) -> Form:
    survey = msgspec.json.encode(record.csat_config).decode() if record.csat_config else None
    return form_of(record, FIELDS, csat_config=survey)


def _week(record: Inbox) -> list[Day]:
    return days_of(readable(working_hours, record.working_hours))


def _draw_new(visit: Visit, form: Form) -> Response[Any]:
    return visit.page("inbox_new.html", form=form)


def _draw(visit: Visit, inbox_id: int, form: Form, week: Sequence[Day]) -> Response[Any]:
    record = inboxes.get(visit.db, visit.account_id, inbox_id)
    return visit.page(
        "inbox.html",
        inbox=record,
        tab="Settings",
        form=form,
        week=week,
        zones=zone_choices(record.timezone),
    )


def _draw_collaborators(visit: Visit, inbox_id: int, form: Form) -> Response[Any]:
    return visit.page(
        "collaborators.html",
        inbox=inboxes.get(visit.db, visit.account_id, inbox_id),
        tab="Collaborators",
        form=form,
        agents=agent_choices(visit),
    )


def _draw_deletion(visit: Visit, inbox_id: int, form: Form) -> Response[Any]:
    record = inboxes.get(visit.db, visit.account_id, inbox_id)
    return visit.page(
        "delete.html",
        form=form,
        title=say("Delete %(name)s?", name=record.name),
        consequence=say(
            "The inbox is deleted with its collaborators and webhooks. "
            "Its copilot bots stay, and serve no inbox then."
        ),
        verb=say("Delete inbox"),
        asks_name=True,
        name=record.name,
        back=f"{visit.path}/inboxes/{inbox_id}",
        back_name=record.name,
    )
