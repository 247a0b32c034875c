"""Settings > Macros: one's own and those for all, each with its actions."""

from collections.abc import Sequence
from typing import Any, Final

from litestar import Controller, Response, get, post
from litestar.params import FromPath

from audit_trail.record.language import marked, say, told
from live_agent.gate import MEMBER
from live_agent.pages.automation_rules import NOTHING, names_of, require_subjects
from live_agent.pages.clauses import Clause, actions_from, actions_of, clauses_sent
from live_agent.pages.desk import AnyRequest, Desk, Sent, TheDesk, TheForm, Visit
from live_agent.pages.form import Form, edited, form_of, readable
from live_agent.schema import Macro
from live_agent.settings import macros
from live_agent.settings.automation import ACTIONS, actions
from live_agent.settings.fields import from_form

FIELDS: Final = ("name", "visibility")
VISIBILITIES: Final = (("personal", marked("You alone")), ("global", marked("Everybody")))


class Macros(Controller):
    """The routes under the account's settings. Who may write which is asked of each macro."""

    path = "/macros"

    @get("/", opt=MEMBER, sync_to_thread=True)
    def macro_list(self, request: AnyRequest, desk: TheDesk) -> Response[Any]:
        with desk.visit(request) as visit:
            found = macros.listed(visit.db, visit.member)
            shown = [(each, macros.may_write(visit.member, each.visibility)) for each in found]
            return visit.page("macros.html", macros=shown)

    @get("/new", opt=MEMBER, sync_to_thread=True)
    def macro_new(self, request: AnyRequest, desk: TheDesk) -> Response[Any]:
        with desk.visit(request) as visit:
            return _draw(visit, None, Form(values={"visibility": ("personal",)}), ())

    @post("/new", opt=MEMBER, sync_to_thread=True)
    def macro_create(self, request: AnyRequest, desk: TheDesk, sent: TheForm) -> Response[Any]:
        if "add" in sent or "remove" in sent:
            return _draw_changed(desk, request, None, sent)

        def make(visit: Visit) -> Response[Any]:
            values = {**from_form(macros.FIELDS, sent, FIELDS), "actions": _actions(visit, sent)}
            macros.create(visit.db, visit.member, values)
            return visit.done("macros", "created")

        return desk.change(
            request, sent, make, lambda visit, form: _draw(visit, None, form, _rows(sent))
        )

    @get("/{macro_id:int}", opt=MEMBER, sync_to_thread=True)
    def macro(self, request: AnyRequest, desk: TheDesk, macro_id: FromPath[int]) -> Response[Any]:
        with desk.visit(request) as visit:
            record = macros.get(visit.db, visit.member, macro_id)
            macros.require_may_write(visit.member, record.visibility)
            return _draw(visit, record, form_of(record, FIELDS), _rows_of(visit, record))

    @post("/{macro_id:int}", opt=MEMBER, sync_to_thread=True)
    def macro_update(
        self, request: AnyRequest, desk: TheDesk, macro_id: FromPath[int], sent: TheForm
    ) -> Response[Any]:
        if "add" in sent or "remove" in sent:
            return _draw_changed(desk, request, macro_id, sent)

        def make(visit: Visit) -> Response[Any]:
            record = macros.get(visit.db, visit.member, macro_id)
            values = edited(macros.FIELDS, form_of(record, FIELDS), sent, FIELDS)
            if _rows(sent) != _rows_of(visit, record):
                values["actions"] = _actions(visit, sent, record)
            macros.update(visit.db, visit.member, record, values)
            return visit.done("macros", "saved")

        def draw(visit: Visit, form: Form) -> Response[Any]:
            record = macros.get(visit.db, visit.member, macro_id)
            return _draw(visit, record, form, _rows(sent))

        return desk.change(request, sent, make, draw)

    @get("/{macro_id:int}/delete", opt=MEMBER, sync_to_thread=True)
    def macro_ending(
        self, request: AnyRequest, desk: TheDesk, macro_id: FromPath[int]
    ) -> Response[Any]:
        with desk.visit(request) as visit:
            return _draw_deletion(visit, macro_id, Form())

    @post("/{macro_id:int}/delete", opt=MEMBER, sync_to_thread=True)
    def macro_delete(
        self, request: AnyRequest, desk: TheDesk, macro_id: FromPath[int], sent: TheForm
    ) -> Response[Any]:
        def make(visit: Visit) -> Response[Any]:
            record = macros.get(visit.db, visit.member, macro_id)
            macros.delete(visit.db, visit.member, record)
            return visit.done("macros", "deleted")

        return desk.change(
            request, sent, make, lambda visit, form: _draw_deletion(visit, macro_id, form)
        )


def _rows(sent: Sent) -> Sequence[Clause]:
    return clauses_sent(sent, "action")


def _rows_of(visit: Visit, record: Macro) -> Sequence[Clause]:
    return actions_of(readable(actions, record.actions), names_of(visit))


def _actions(visit: Visit, sent: Sent, record: Macro | None = None) -> list[dict[str, Any]]:
    rows = _rows(sent)
    require_subjects(actions=rows)
    kept = readable(actions, record.actions if record else [])
    return actions_from(rows, names_of(visit), kept)


def _draw_changed(
    desk: Desk, request: AnyRequest, macro_id: int | None, sent: Sent
) -> Response[Any]:
    """Draw the form as it was sent, with another row or without one; nothing is saved."""
    with desk.visit(request) as visit:
        record = None if macro_id is None else macros.get(visit.db, visit.member, macro_id)
        rows = _rows(sent)
        focus = f"action {len(rows) + 1}" if "add" in sent else sent["remove"][-1]
        return _draw(visit, record, Form(values=sent), rows, focus)


def _draw(
    visit: Visit, record: Macro | None, form: Form, rows: Sequence[Clause], focus: str = ""
) -> Response[Any]:
    may_share = macros.may_write(visit.member, "global")
    return visit.page(
        "macro.html",
        macro=record,
        form=form,
        visibilities=[
            (name, told(title)) for name, title in VISIBILITIES if may_share or name == "personal"
        ],
        actions=[*rows, *NOTHING],
        action_names=ACTIONS,
        focus=focus,
    )


def _draw_deletion(visit: Visit, macro_id: int, form: Form) -> Response[Any]:
    record = macros.get(visit.db, visit.member, macro_id)
    macros.require_may_write(visit.member, record.visibility)
    return visit.page(
        "delete.html",
        form=form,
        title=say("Delete %(name)s?", name=record.name),
        consequence=say("Nobody can run it any more."),
        verb=say("Delete"),
        asks_name=False,
        back=f"{visit.path}/macros",
        back_name=say("Macros"),
    )
