"""An inbox's Configuration tab: its webhook URL and ids, and the webhooks that belong to it."""

from typing import Any

from litestar import Controller, Response, get, post
from litestar.params import FromPath

from audit_trail.record.language import say
from live_agent.catalog import called
from live_agent.errors import NotFound
from live_agent.pages.desk import AnyRequest, TheDesk, TheForm, Visit
from live_agent.pages.form import Form, edited, form_of
from live_agent.schema import Webhook
from live_agent.settings import inboxes, webhooks
from live_agent.settings.fields import from_form

FIELDS = ("webhook_url", "project_id")
WEBHOOK_FIELDS = ("url", "subscriptions")


class Configuration(Controller):
    """The routes under the account's settings."""

    path = "/inboxes/{inbox_id:int}"

    @get("/configuration", sync_to_thread=True)
    def configuration(
        self, request: AnyRequest, desk: TheDesk, inbox_id: FromPath[int]
    ) -> Response[Any]:
        with desk.visit(request) as visit:
            record = inboxes.get(visit.db, visit.account_id, inbox_id)
            return _draw(visit, inbox_id, form_of(record, FIELDS))

    @post("/configuration", sync_to_thread=True)
    def configuration_update(
        self, request: AnyRequest, desk: TheDesk, inbox_id: FromPath[int], sent: TheForm
    ) -> Response[Any]:
        def make(visit: Visit) -> Response[Any]:
            record = inboxes.get(visit.db, visit.account_id, inbox_id)
            values = edited(inboxes.FIELDS, form_of(record, FIELDS), sent, FIELDS)
            inboxes.update(visit.db, record, values)
            return _done(visit, inbox_id, "saved")

        return desk.change(request, sent, make, lambda visit, form: _draw(visit, inbox_id, form))

    @get("/webhooks/new", sync_to_thread=True)
    def webhook_new(
        self, request: AnyRequest, desk: TheDesk, inbox_id: FromPath[int]
    ) -> Response[Any]:
        with desk.visit(request) as visit:
            return _draw_webhook(visit, inbox_id, None, Form())

    @post("/webhooks/new", sync_to_thread=True)
    def webhook_create(
        self, request: AnyRequest, desk: TheDesk, inbox_id: FromPath[int], sent: TheForm
    ) -> Response[Any]:
        def make(visit: Visit) -> Response[Any]:
            inboxes.get(visit.db, visit.account_id, inbox_id)
            values = from_form(webhooks.FIELDS, sent, WEBHOOK_FIELDS)
            webhooks.create(visit.db, visit.account_id, {**values, "inbox_id": inbox_id})
            return _done(visit, inbox_id, "added")

        return desk.change(
            request, sent, make, lambda visit, form: _draw_webhook(visit, inbox_id, None, form)
        )

    @get("/webhooks/{webhook_id:int}", sync_to_thread=True)
    def webhook(
        self, request: AnyRequest, desk: TheDesk, inbox_id: FromPath[int], webhook_id: FromPath[int]
    ) -> Response[Any]:
        with desk.visit(request) as visit:
            form = _webhook_form(_webhook(visit, inbox_id, webhook_id))
            return _draw_webhook(visit, inbox_id, webhook_id, form)

    @post("/webhooks/{webhook_id:int}", sync_to_thread=True)
    def webhook_update(
        self,
        request: AnyRequest,
        desk: TheDesk,
        inbox_id: FromPath[int],
        webhook_id: FromPath[int],
        sent: TheForm,
    ) -> Response[Any]:
        def make(visit: Visit) -> Response[Any]:
            record = _webhook(visit, inbox_id, webhook_id)
            values = edited(webhooks.FIELDS, _webhook_form(record), sent, WEBHOOK_FIELDS)
            webhooks.update(visit.db, record, values)
            return _done(visit, inbox_id, "saved")

        return desk.change(
            request,
            sent,
            make,
            lambda visit, form: _draw_webhook(visit, inbox_id, webhook_id, form),
        )

    @get("/webhooks/{webhook_id:int}/delete", sync_to_thread=True)
    def webhook_ending(
        self, request: AnyRequest, desk: TheDesk, inbox_id: FromPath[int], webhook_id: FromPath[int]
    ) -> Response[Any]:
        with desk.visit(request) as visit:
            return _draw_deletion(visit, inbox_id, webhook_id, Form())

    @post("/webhooks/{webhook_id:int}/delete", sync_to_thread=True)
    def webhook_delete(
        self,
        request: AnyRequest,
        desk: TheDesk,
        inbox_id: FromPath[int],
        webhook_id: FromPath[int],
        sent: TheForm,
    ) -> Response[Any]:
        def make(visit: Visit) -> Response[Any]:
            webhooks.delete(visit.db, _webhook(visit, inbox_id, webhook_id))
            return _done(visit, inbox_id, "deleted")

        return desk.change(
            request,
            sent,
            make,
            lambda visit, form: _draw_deletion(visit, inbox_id, webhook_id, form),
        )


def _webhook(visit: Visit, inbox_id: int, webhook_id: int) -> Webhook:
    record = webhooks.get(visit.db, visit.account_id, webhook_id)
    if record.inbox_id != inbox_id:
        raise NotFound
    return record


def _webhook_form(record: Webhook) -> Form:
    """Show the subscriptions that have a box, in the order of the boxes."""
    stored = form_of(record, WEBHOOK_FIELDS).texts("subscriptions")
    known = [name for name in webhooks.SUBSCRIPTIONS if name in stored]
    return form_of(record, ("url",), subscriptions=known)


def _done(visit: Visit, inbox_id: int, said: str) -> Response[Any]:
    return visit.done(f"inboxes/{inbox_id}/configuration", said)


def _draw(visit: Visit, inbox_id: int, form: Form) -> Response[Any]:
    return visit.page(
        "configuration.html",
        inbox=inboxes.get(visit.db, visit.account_id, inbox_id),
        tab="Configuration",
        form=form,
        webhooks=webhooks.listed(visit.db, visit.account_id, inbox_id),
    )


def _draw_webhook(visit: Visit, inbox_id: int, webhook_id: int | None, form: Form) -> Response[Any]:
    return visit.page(
        "webhook.html",
        inbox=inboxes.get(visit.db, visit.account_id, inbox_id),
        webhook=None if webhook_id is None else _webhook(visit, inbox_id, webhook_id),
        form=form,
        subscriptions=[(name, called(name), "") for name in webhooks.SUBSCRIPTIONS],
    )


def _draw_deletion(visit: Visit, inbox_id: int, webhook_id: int, form: Form) -> Response[Any]:
    record = _webhook(visit, inbox_id, webhook_id)
    return visit.page(
        "delete.html",
        form=form,
        title=say("Delete this webhook?"),
        consequence=say("%(url)s is told nothing any more.", url=record.url),
        verb=say("Delete webhook"),
        asks_name=False,
        back=f"{visit.path}/inboxes/{inbox_id}/configuration",
        back_name=inboxes.get(visit.db, visit.account_id, inbox_id).name,
    )
