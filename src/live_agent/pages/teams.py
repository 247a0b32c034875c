"""Settings > Teams: the list, a team with its members, and its deletion by name."""

from typing import Any

from litestar import Controller, Response, get, post
from litestar.params import FromPath

from audit_trail.record.language import say
from live_agent.gate import MEMBER
from live_agent.pages.confirming import require_typed_name
from live_agent.pages.desk import AnyRequest, Sent, TheDesk, TheForm, Visit
from live_agent.pages.form import Form, edited, form_of
from live_agent.pages.people import agent_choices
from live_agent.settings import membership, teams
from live_agent.settings.fields import from_form

FIELDS = ("name", "description", "allow_auto_assign")


class Teams(Controller):
    """The routes under the account's settings."""

    path = "/teams"

    @get("/", opt=MEMBER, sync_to_thread=True)
    def team_list(self, request: AnyRequest, desk: TheDesk) -> Response[Any]:
        with desk.visit(request) as visit:
            return visit.page("teams.html", teams=teams.listed(visit.db, visit.account_id))

    @get("/new", sync_to_thread=True)
    def team_new(self, request: AnyRequest, desk: TheDesk) -> Response[Any]:
        with desk.visit(request) as visit:
            return _draw(visit, None, Form(values={"allow_auto_assign": ("true",)}))

    @post("/new", sync_to_thread=True)
    def team_create(self, request: AnyRequest, desk: TheDesk, sent: TheForm) -> Response[Any]:
        def make(visit: Visit) -> Response[Any]:
            team = teams.create(visit.db, visit.account_id, from_form(teams.FIELDS, sent, FIELDS))
            membership.replace(visit.db, team, _members(sent))
            return visit.done("teams", "created")

        return desk.change(request, sent, make, lambda visit, form: _draw(visit, None, form))

    @get("/{team_id:int}", sync_to_thread=True)
    def team(self, request: AnyRequest, desk: TheDesk, team_id: FromPath[int]) -> Response[Any]:
        with desk.visit(request) as visit:
            record = teams.get(visit.db, visit.account_id, team_id)
            members = [each.user_id for each in membership.agents_of(visit.db, record)]
            return _draw(visit, team_id, form_of(record, FIELDS, user_ids=members))

    @post("/{team_id:int}", sync_to_thread=True)
    def team_update(
        self, request: AnyRequest, desk: TheDesk, team_id: FromPath[int], sent: TheForm
    ) -> Response[Any]:
        def make(visit: Visit) -> Response[Any]:
            record = teams.get(visit.db, visit.account_id, team_id)
            values = edited(teams.FIELDS, form_of(record, FIELDS), sent, FIELDS)
            teams.update(visit.db, record, values)
            membership.replace(visit.db, record, _members(sent))
            return visit.done("teams", "saved")

        return desk.change(request, sent, make, lambda visit, form: _draw(visit, team_id, form))

    @get("/{team_id:int}/delete", sync_to_thread=True)
    def team_ending(
        self, request: AnyRequest, desk: TheDesk, team_id: FromPath[int]
    ) -> Response[Any]:
        with desk.visit(request) as visit:
            return _draw_deletion(visit, team_id, Form())

    @post("/{team_id:int}/delete", sync_to_thread=True)
    def team_delete(
        self, request: AnyRequest, desk: TheDesk, team_id: FromPath[int], sent: TheForm
    ) -> Response[Any]:
        def make(visit: Visit) -> Response[Any]:
            record = teams.get(visit.db, visit.account_id, team_id)
            require_typed_name(record.name, sent)
            teams.delete(visit.db, record)
            return visit.done("teams", "deleted")

        return desk.change(
            request, sent, make, lambda visit, form: _draw_deletion(visit, team_id, form)
        )


def _members(sent: Sent) -> object:
    return from_form(membership.FIELDS, sent, ("user_ids",))["user_ids"]


def _draw(visit: Visit, team_id: int | None, form: Form) -> Response[Any]:
    record = teams.get(visit.db, visit.account_id, team_id) if team_id is not None else None
    return visit.page("team.html", team=record, form=form, agents=agent_choices(visit))


def _draw_deletion(visit: Visit, team_id: int, form: Form) -> Response[Any]:
    record = teams.get(visit.db, visit.account_id, team_id)
    return visit.page(
        "delete.html",
        form=form,
        title=say("Delete %(name)s?", name=record.name),
        consequence=say("The team is deleted with its memberships. Its agents stay."),
        verb=say("Delete team"),
        asks_name=True,
        name=record.name,
        back=f"{visit.path}/teams",
        back_name=say("Teams"),
    )
