"""Settings > Agents: the list, a person added, changed or removed."""

from collections.abc import Sequence
from typing import Any

from litestar import Controller, Response, get, post
from litestar.params import FromPath

from audit_trail.record.language import say
from audit_trail.server.leading import see_other
from live_agent.catalog import called
from live_agent.gate import MEMBER
from live_agent.pages.desk import AnyRequest, Sent, TheDesk, TheForm, Visit
from live_agent.pages.form import Form, edited, form_of
from live_agent.schema import AVAILABILITIES, ROLES, AccountUser
from live_agent.settings import agents
from live_agent.settings.fields import from_form

NEW = ("name", "email", "role", "availability")
CHANGED = ("name", "role", "availability")


class Agents(Controller):
    """The routes under the account's settings."""

    path = "/agents"

    @get("/", opt=MEMBER, sync_to_thread=True)
    def agent_list(self, request: AnyRequest, desk: TheDesk) -> Response[Any]:
        with desk.visit(request) as visit:
            return visit.page("agents.html", agents=agents.listed(visit.db, visit.account_id))

    @get("/new", sync_to_thread=True)
    def agent_new(self, request: AnyRequest, desk: TheDesk) -> Response[Any]:
        with desk.visit(request) as visit:
            return _draw(
                visit, None, Form(values={"role": ("agent",), "availability": ("offline",)})
            )

    @post("/new", sync_to_thread=True)
    def agent_create(self, request: AnyRequest, desk: TheDesk, sent: TheForm) -> Response[Any]:
        password = _password(sent)
        hashed = agents.password_hash_of(password)
        values = {**from_form(agents.FIELDS, sent, NEW), **password}

        def make(visit: Visit) -> Response[Any]:
            agents.create(visit.db, visit.account_id, values, password_hash=hashed)
            return visit.done("agents", "added")

        return desk.change(request, sent, make, lambda visit, form: _draw(visit, None, form))

    @get("/{agent_id:int}", sync_to_thread=True)
    def agent(self, request: AnyRequest, desk: TheDesk, agent_id: FromPath[int]) -> Response[Any]:
        with desk.visit(request) as visit:
            record = agents.get(visit.db, visit.account_id, agent_id)
            return _draw(visit, agent_id, _form(record))

    @post("/{agent_id:int}", sync_to_thread=True)
    def agent_update(
        self, request: AnyRequest, desk: TheDesk, agent_id: FromPath[int], sent: TheForm
    ) -> Response[Any]:
        password = _password(sent)
        hashed = agents.password_hash_of(password)

        def make(visit: Visit) -> Response[Any]:
            record = agents.get(visit.db, visit.account_id, agent_id)
            values = {**edited(agents.FIELDS, _form(record), sent, CHANGED), **password}
            agents.update(visit.db, record, values, password_hash=hashed)
            return visit.done("agents", "saved")

        return desk.change(request, sent, make, lambda visit, form: _draw(visit, agent_id, form))

    @get("/{agent_id:int}/remove", sync_to_thread=True)
    def agent_leaving(
        self, request: AnyRequest, desk: TheDesk, agent_id: FromPath[int]
    ) -> Response[Any]:
        with desk.visit(request) as visit:
            return _draw_removal(visit, agent_id, Form())

    @post("/{agent_id:int}/remove", sync_to_thread=True)
    def agent_remove(
        self, request: AnyRequest, desk: TheDesk, agent_id: FromPath[int], sent: TheForm
    ) -> Response[Any]:
        def make(visit: Visit) -> Response[Any]:
            agents.remove(visit.db, agents.get(visit.db, visit.account_id, agent_id))
            if agent_id == visit.member.user_id:
                return see_other("/")  # These settings are theirs no more.
            return visit.done("agents", "removed")

        return desk.change(
            request, sent, make, lambda visit, form: _draw_removal(visit, agent_id, form)
        )


def _password(sent: Sent) -> dict[str, object]:
    """Return the password that was typed, as the only field that may be left empty for "none"."""
    password = sent.get("password", ("",))[-1]
    return {"password": password} if password else {}


def _form(record: AccountUser) -> Form:
    return form_of(record, ("role", "availability"), name=record.user.name)


def _draw(visit: Visit, agent_id: int | None, form: Form) -> Response[Any]:
    record = agents.get(visit.db, visit.account_id, agent_id) if agent_id is not None else None
    return visit.page(
        "agent.html",
        agent=record,
        form=form,
        roles=_choices(ROLES, record.role if record else None),
        availabilities=_choices(AVAILABILITIES, record.availability if record else None),
        asks_password=record is None or agents.may_set_password(visit.db, record),
    )


def _choices(known: Sequence[str], stored: str | None) -> list[tuple[str, str]]:
    """Offer what is known, and what is stored, or saving would choose another."""
    names = dict.fromkeys((*known, *([str(stored)] if stored is not None else ())))
    return [(name, called(name)) for name in names]


def _draw_removal(visit: Visit, agent_id: int, form: Form) -> Response[Any]:
    person = agents.get(visit.db, visit.account_id, agent_id).user
    return visit.page(
        "delete.html",
        form=form,
        title=say("Remove %(name)s?", name=person.name),
        consequence=say(
            "%(name)s (%(email)s) leaves this account with all its inboxes and teams. "
            "What they did stays in the audit logs.",
            name=person.name,
            email=person.email,
        ),
        verb=say("Remove agent"),
        asks_name=False,
        back=f"{visit.path}/agents",
        back_name=say("Agents"),
    )
