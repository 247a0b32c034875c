"""Webhooks over REST, of inboxes and of the account."""

from typing import Any

from litestar import Response, delete, get, patch, post

from live_agent.api.answers import nothing
from live_agent.api.asked import Id, Sent, TheMember, TheServices
from live_agent.api.body import fields_of
from live_agent.api.document import described
from live_agent.api.shapes import Shape, webhook_shape
from live_agent.gate import ADMINISTRATOR
from live_agent.settings import webhooks


@get("/webhooks", opt=ADMINISTRATOR, sync_to_thread=True)
def list_webhooks(services: TheServices, member: TheMember) -> dict[str, Any]:
    with services.database.reading() as db:
        found = webhooks.listed(db, member.account_id)
        return {"payload": {"webhooks": [webhook_shape(each) for each in found]}}


@post(
    "/webhooks",
    status_code=200,
    opt=ADMINISTRATOR,
    operation_class=described(webhooks.FIELDS),
    sync_to_thread=True,
)
def create_webhook(services: TheServices, member: TheMember, sent: Sent) -> dict[str, Any]:
    with services.database.transaction(member.account_id) as db:
        webhook = webhooks.create(db, member.account_id, fields_of(sent, "webhook"))
    # The secret is shown to whoever creates the webhook, and to nobody later.
    return _payload({**webhook_shape(webhook), "secret": webhook.secret})


@patch(
    "/webhooks/{webhook_id:int}",
    opt=ADMINISTRATOR,
    operation_class=described(webhooks.FIELDS, partial=True),
    sync_to_thread=True,
)
def update_webhook(
    services: TheServices, member: TheMember, webhook_id: Id, sent: Sent
) -> dict[str, Any]:
    with services.database.transaction(member.account_id) as db:
        webhook = webhooks.get(db, member.account_id, webhook_id)
        webhooks.update(db, webhook, fields_of(sent, "webhook"))
        return _payload(webhook_shape(webhook))


@delete("/webhooks/{webhook_id:int}", status_code=200, opt=ADMINISTRATOR, sync_to_thread=True)
def delete_webhook(services: TheServices, member: TheMember, webhook_id: Id) -> Response[None]:
    with services.database.transaction(member.account_id) as db:
        webhooks.delete(db, webhooks.get(db, member.account_id, webhook_id))
    return nothing()


def _payload(webhook: Shape) -> dict[str, Any]:
    return {"payload": {"webhook": webhook}}
