"""An inbox's Copilot Bots tab: its bots, new ones, and bots of other inboxes assigned to it."""

from typing import Any

from litestar import Controller, Response, get, post
from litestar.params import FromPath

from audit_trail.record.language import say
from live_agent.errors import Invalid, NotFound
from live_agent.pages.desk import AnyRequest, Sent, TheDesk, TheForm, Visit
from live_agent.pages.form import Form, edited, form_of
from live_agent.schema import AgentBot
from live_agent.settings import agent_bots, inboxes
from live_agent.settings.fields import Field, from_form, integer

FIELDS = ("name", "outgoing_url", "description")
CHOICE = {"bot_id": Field(label="Bot", check=integer, form="number")}


class Bots(Controller):
    """The routes under the account's settings."""

    path = "/inboxes/{inbox_id:int}/bots"

    @get("/", sync_to_thread=True)
    def bot_list(
        self, request: AnyRequest, desk: TheDesk, inbox_id: FromPath[int]
    ) -> Response[Any]:
        with desk.visit(request) as visit:
            return _draw_list(visit, inbox_id, Form())

    @post("/", sync_to_thread=True)
    def bot_assign(
        self, request: AnyRequest, desk: TheDesk, inbox_id: FromPath[int], sent: TheForm
    ) -> Response[Any]:
        def make(visit: Visit) -> Response[Any]:
            inboxes.get(visit.db, visit.account_id, inbox_id)
            agent_bots.update(visit.db, _chosen(visit, sent), {"inbox_id": inbox_id})
            return _done(visit, inbox_id, "assigned")

        return desk.change(
            request, sent, make, lambda visit, form: _draw_list(visit, inbox_id, form)
        )

    @get("/new", sync_to_thread=True)
    def bot_new(self, request: AnyRequest, desk: TheDesk, inbox_id: FromPath[int]) -> Response[Any]:
        with desk.visit(request) as visit:
            return _draw(visit, inbox_id, None, Form())

    @post("/new", sync_to_thread=True)
    def bot_create(
        self, request: AnyRequest, desk: TheDesk, inbox_id: FromPath[int], sent: TheForm
    ) -> Response[Any]:
        def make(visit: Visit) -> Response[Any]:
            inboxes.get(visit.db, visit.account_id, inbox_id)
            values = from_form(agent_bots.FIELDS, sent, FIELDS)
            agent_bots.create(visit.db, visit.account_id, {**values, "inbox_id": inbox_id})
            return _done(visit, inbox_id, "added")

        return desk.change(
            request, sent, make, lambda visit, form: _draw(visit, inbox_id, None, form)
        )

    @get("/{bot_id:int}", sync_to_thread=True)
    def bot(
        self, request: AnyRequest, desk: TheDesk, inbox_id: FromPath[int], bot_id: FromPath[int]
    ) -> Response[Any]:
        with desk.visit(request) as visit:
            return _draw(visit, inbox_id, bot_id, form_of(_bot(visit, inbox_id, bot_id), FIELDS))

    @post("/{bot_id:int}", sync_to_thread=True)
    def bot_update(
        self,
        request: AnyRequest,
        desk: TheDesk,
        inbox_id: FromPath[int],
        bot_id: FromPath[int],
        sent: TheForm,
    ) -> Response[Any]:
        def make(visit: Visit) -> Response[Any]:
            record = _bot(visit, inbox_id, bot_id)
            values = edited(agent_bots.FIELDS, form_of(record, FIELDS), sent, FIELDS)
            agent_bots.update(visit.db, record, values)
            return _done(visit, inbox_id, "saved")

        return desk.change(
            request, sent, make, lambda visit, form: _draw(visit, inbox_id, bot_id, form)
        )

    @post("/{bot_id:int}/release", sync_to_thread=True)
    def bot_release(
        self,
        request: AnyRequest,
        desk: TheDesk,
        inbox_id: FromPath[int],
        bot_id: FromPath[int],
        sent: TheForm,
    ) -> Response[Any]:
        def make(visit: Visit) -> Response[Any]:
            agent_bots.update(visit.db, _bot(visit, inbox_id, bot_id), {"inbox_id": None})
            return _done(visit, inbox_id, "released")

        return desk.change(
            request, sent, make, lambda visit, form: _draw_list(visit, inbox_id, form)
        )

    @get("/{bot_id:int}/delete", sync_to_thread=True)
    def bot_ending(
        self, request: AnyRequest, desk: TheDesk, inbox_id: FromPath[int], bot_id: FromPath[int]
    ) -> Response[Any]:
        with desk.visit(request) as visit:
            return _draw_deletion(visit, inbox_id, bot_id, Form())

    @post("/{bot_id:int}/delete", sync_to_thread=True)
    def bot_delete(
        self,
        request: AnyRequest,
        desk: TheDesk,
        inbox_id: FromPath[int],
        bot_id: FromPath[int],
        sent: TheForm,
    ) -> Response[Any]:
        def make(visit: Visit) -> Response[Any]:
            agent_bots.delete(visit.db, _bot(visit, inbox_id, bot_id))
            return _done(visit, inbox_id, "deleted")

        return desk.change(
            request, sent, make, lambda visit, form: _draw_deletion(visit, inbox_id, bot_id, form)
        )


def _bot(visit: Visit, inbox_id: int, bot_id: int) -> AgentBot:
    record = agent_bots.get(visit.db, visit.account_id, bot_id)
    if record.inbox_id != inbox_id:
        raise NotFound
    return record


def _chosen(visit: Visit, sent: Sent) -> AgentBot:
    """Return the bot that was chosen. Raises `Invalid` for one that is none, or is gone."""
    chosen = from_form(CHOICE, sent, CHOICE)["bot_id"]
    try:
        return agent_bots.get(visit.db, visit.account_id, integer(chosen))
    except (ValueError, NotFound):
        raise Invalid({"bot_id": "Bot must be one of this account; choose one."}) from None


def _done(visit: Visit, inbox_id: int, said: str) -> Response[Any]:
    return visit.done(f"inboxes/{inbox_id}/bots", said)


def _draw_list(visit: Visit, inbox_id: int, form: Form) -> Response[Any]:
    names = {inbox.id: inbox.name for inbox in inboxes.listed(visit.db, visit.account_id)}
    bots = agent_bots.listed(visit.db, visit.account_id)
    return visit.page(
        "bots.html",
        inbox=inboxes.get(visit.db, visit.account_id, inbox_id),
        tab="Copilot Bots",
        form=form,
        bots=[bot for bot in bots if bot.inbox_id == inbox_id],
        others=[
            (bot.id, f"{bot.name} ({names.get(bot.inbox_id or 0, say('serves no inbox'))})")
            for bot in bots
            if bot.inbox_id != inbox_id
        ],
    )


def _draw(visit: Visit, inbox_id: int, bot_id: int | None, form: Form) -> Response[Any]:
    return visit.page(
        "bot.html",
        inbox=inboxes.get(visit.db, visit.account_id, inbox_id),
        bot=None if bot_id is None else _bot(visit, inbox_id, bot_id),
        form=form,
    )


def _draw_deletion(visit: Visit, inbox_id: int, bot_id: int, form: Form) -> Response[Any]:
    record = _bot(visit, inbox_id, bot_id)
    return visit.page(
        "delete.html",
        form=form,
        title=say("Delete %(name)s?", name=record.name),
        consequence=say("The agents of this inbox lose its help."),
        verb=say("Delete bot"),
        asks_name=False,
        back=f"{visit.path}/inboxes/{inbox_id}/bots",
        back_name=inboxes.get(visit.db, visit.account_id, inbox_id).name,
    )
