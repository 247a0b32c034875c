"""Settings > Account: what the account says of itself, and whether its reads are recorded."""

from typing import Any

from litestar import Controller, Response, get, post

from live_agent.pages.desk import AnyRequest, TheDesk, TheForm, Visit
from live_agent.pages.form import Form, edited, form_of
from live_agent.pages.zones import zone_choices
from live_agent.settings import accounts

FIELDS = tuple(accounts.FIELDS)


class AccountSettings(Controller):
    """The routes under the account's settings."""

    path = "/account"

    @get("/", sync_to_thread=True)
    def account(self, request: AnyRequest, desk: TheDesk) -> Response[Any]:
        with desk.visit(request) as visit:
            return _draw(visit, form_of(accounts.get(visit.db, visit.account_id), FIELDS))

    @post("/", sync_to_thread=True)
    def account_update(self, request: AnyRequest, desk: TheDesk, sent: TheForm) -> Response[Any]:
        def make(visit: Visit) -> Response[Any]:
            record = accounts.get(visit.db, visit.account_id)
            values = edited(accounts.FIELDS, form_of(record, FIELDS), sent, FIELDS)
            accounts.update(visit.db, record, values)
            return visit.done("account", "saved")

        return desk.change(request, sent, make, _draw)


def _draw(visit: Visit, form: Form) -> Response[Any]:
    record = accounts.get(visit.db, visit.account_id)
    return visit.page("account.html", form=form, zones=zone_choices(record.timezone))
