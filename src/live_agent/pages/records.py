"""Settings > Labels, Canned Responses, Skills: the lists and forms of what is fields and a name alone."""

from collections.abc import Sequence
from typing import Any, Final, Literal

import msgspec
from litestar import Response, Router, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from audit_trail.record.language import marked, say, told
from live_agent.gate import MEMBER, SUPERVISOR
from live_agent.pages.desk import AnyRequest, Desk, Sent, TheForm, Visit
from live_agent.pages.form import Form, edited, form_of
from live_agent.pages.people import agent_choices
from live_agent.schema import LABEL_COLOR
from live_agent.settings import membership
from live_agent.settings.canned_responses import CANNED_RESPONSES
from live_agent.settings.fields import from_form
from live_agent.settings.labels import LABELS
from live_agent.settings.resource import Resource
from live_agent.settings.skills import SKILLS


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A field as the form shows it."""

    name: str
    kind: Literal["text", "area", "check", "color"] = "text"
    label: str
    hint: str = ""
    required: bool = False


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """What a page says, as messages."""

    title: str
    about: str
    create: str
    nothing: str
    purpose: str
    consequence: str
    members: str = ""


class Records(msgspec.Struct, frozen=True, kw_only=True):
    """One resource's pages: where they are, what they say, and the fields that they show.

    With `members` in its words, the form also chooses the agents who belong to a record.
    """

    path: str
    resource: Resource[Any]
    words: Words
    lines: Sequence[Line]
    columns: Sequence[str]
    new: Form = Form()

    @property
    def fields(self) -> tuple[str, ...]:
        return tuple(line.name for line in self.lines)

    def router(self, desk: Desk) -> Router:
        """Return its routes: members look, supervisors and administrators change."""
        handlers = (*self._making(desk), *self._changing(desk), *self._ending(desk))
        return Router(f"/{self.path}", route_handlers=[self._listing(desk), *handlers])

    def _listing(self, desk: Desk) -> HTTPRouteHandler:
        @get("/", opt=MEMBER, sync_to_thread=True)
        def record_list(request: AnyRequest) -> Response[Any]:
            with desk.visit(request) as visit:
                found = self.resource.listed(visit.db, visit.account_id)
                return visit.page(
                    "records.html",
                    page=self,
                    records=found,
                    shown=[line for line in self.lines if line.name in self.columns],
                    may_write=visit.member.role in SUPERVISOR["access"].roles,
                )

        return record_list

    def _making(self, desk: Desk) -> Sequence[HTTPRouteHandler]:
        @get("/new", opt=SUPERVISOR, sync_to_thread=True)
        def record_new(request: AnyRequest) -> Response[Any]:
            with desk.visit(request) as visit:
                return self._draw(visit, None, self.new)

        @post("/new", opt=SUPERVISOR, sync_to_thread=True)
        def record_create(request: AnyRequest, sent: TheForm) -> Response[Any]:
            def make(visit: Visit) -> Response[Any]:
                values = from_form(self.resource.fields, sent, self.fields)
                record = self.resource.create(visit.db, visit.account_id, values)
                self._gather(visit, record, sent)
                return visit.done(self.path, "created")

            return desk.change(
                request, sent, make, lambda visit, form: self._draw(visit, None, form)
            )

        return record_new, record_create

    def _changing(self, desk: Desk) -> Sequence[HTTPRouteHandler]:
        @get("/{record_id:int}", opt=SUPERVISOR, sync_to_thread=True)
        def record(request: AnyRequest, record_id: FromPath[int]) -> Response[Any]:
            with desk.visit(request) as visit:
                return self._draw(visit, record_id, self._form(visit, record_id))

        @post("/{record_id:int}", opt=SUPERVISOR, sync_to_thread=True)
        def record_update(
            request: AnyRequest, record_id: FromPath[int], sent: TheForm
        ) -> Response[Any]:
            def make(visit: Visit) -> Response[Any]:
                found = self._record(visit, record_id)
                shown = form_of(found, self.fields)
                values = edited(self.resource.fields, shown, sent, self.fields)
                self.resource.update(visit.db, found, values)
                self._gather(visit, found, sent)
                return visit.done(self.path, "saved")

            return desk.change(
                request, sent, make, lambda visit, form: self._draw(visit, record_id, form)
            )

        return record, record_update

    def _ending(self, desk: Desk) -> Sequence[HTTPRouteHandler]:
        @get("/{record_id:int}/delete", opt=SUPERVISOR, sync_to_thread=True)
        def record_ending(request: AnyRequest, record_id: FromPath[int]) -> Response[Any]:
            with desk.visit(request) as visit:
                return self._draw_deletion(visit, record_id, Form())

        @post("/{record_id:int}/delete", opt=SUPERVISOR, sync_to_thread=True)
        def record_delete(
            request: AnyRequest, record_id: FromPath[int], sent: TheForm
        ) -> Response[Any]:
            def make(visit: Visit) -> Response[Any]:
                self.resource.delete(visit.db, self._record(visit, record_id))
                return visit.done(self.path, "deleted")

            return desk.change(
                request, sent, make, lambda visit, form: self._draw_deletion(visit, record_id, form)
            )

        return record_ending, record_delete

    def _record(self, visit: Visit, record_id: int) -> Any:
        return self.resource.get(visit.db, visit.account_id, record_id)

    def _form(self, visit: Visit, record_id: int) -> Form:
        found = self._record(visit, record_id)
        if not self.words.members:
            return form_of(found, self.fields)
        members = [each.user_id for each in membership.agents_of(visit.db, found)]
        return form_of(found, self.fields, user_ids=members)

    def _gather(self, visit: Visit, record: Any, sent: Sent) -> None:
        if self.words.members:
            chosen = from_form(membership.FIELDS, sent, ("user_ids",))["user_ids"]
            membership.replace(visit.db, record, chosen)

    def _draw(self, visit: Visit, record_id: int | None, form: Form) -> Response[Any]:
        found = None if record_id is None else self._record(visit, record_id)
        return visit.page(
            "record.html",
            page=self,
            record=found,
            name=getattr(found, self.resource.named_by, ""),
            form=form,
            agents=agent_choices(visit) if self.words.members else [],
        )

    def _draw_deletion(self, visit: Visit, record_id: int, form: Form) -> Response[Any]:
        name = getattr(self._record(visit, record_id), self.resource.named_by)
        return visit.page(
            "delete.html",
            form=form,
            title=say("Delete %(name)s?", name=name),
            consequence=told(self.words.consequence),
            verb=say("Delete"),
            asks_name=False,
            back=f"{visit.path}/{self.path}",
            back_name=told(self.words.title),
        )


_DESCRIPTION: Final = Line(name="description", kind="area", label=marked("Description"))

RECORDS: Final = (
    Records(
        path="labels",
        resource=LABELS,
        words=Words(
            title=marked("Labels"),
            about=marked("What conversations are sorted by."),
            create=marked("Create a label"),
            nothing=marked("There is no label yet"),
            purpose=marked("Create one to sort conversations, for instance by subject."),
            consequence=marked("Conversations lose this label."),
        ),
        lines=(
            Line(
                name="title",
                label=marked("Title"),
                hint=marked("Letters, digits, - and _; used by no other label."),
                required=True,
            ),
            _DESCRIPTION,
            Line(name="color", kind="color", label=marked("Color")),
            Line(
                name="show_on_sidebar",
                kind="check",
                label=marked("Show on sidebar"),
                hint=marked("Agents find its conversations there."),
            ),
        ),
        columns=("title", "description", "color", "show_on_sidebar"),
        new=Form(values={"color": (LABEL_COLOR,), "show_on_sidebar": ("true",)}),
    ),
    Records(
        path="canned-responses",
        resource=CANNED_RESPONSES,
        words=Words(
            title=marked("Canned Responses"),
            about=marked("Texts that agents send by a short code."),
            create=marked("Create a canned response"),
            nothing=marked("There is no canned response yet"),
            purpose=marked("Create one for what agents write again and again."),
            consequence=marked("Agents can send this text by its short code no more."),
        ),
        lines=(
            Line(
                name="short_code",
                label=marked("Short code"),
                hint=marked("Without spaces; used by no other canned response."),
                required=True,
            ),
            Line(name="content", kind="area", label=marked("Content"), required=True),
        ),
        columns=("short_code", "content"),
    ),
    Records(
        path="skills",
        resource=SKILLS,
        words=Words(
            title=marked("Skills"),
            about=marked("What agents are good at."),
            create=marked("Create a skill"),
            nothing=marked("There is no skill yet"),
            purpose=marked("Create one, for instance for a language."),
            consequence=marked("The skill is deleted, and its agents have it no more."),
            members=marked("Agents who have it"),
        ),
        lines=(
            Line(
                name="name",
                label=marked("Name"),
                hint=marked("Used by no other skill."),
                required=True,
            ),
            _DESCRIPTION,
        ),
        columns=("name", "description"),
    ),
)
