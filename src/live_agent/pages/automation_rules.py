"""Settings > Automation Rules: the list, a rule with its conditions and actions, and its states."""

from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import Controller, Response, get, post
from litestar.params import FromPath

from audit_trail.record.language import marked, say
from live_agent.catalog import called
from live_agent.pages.clauses import (
    Clause,
    Names,
    actions_from,
    actions_of,
    clauses_sent,
    conditions_from,
    conditions_of,
)
from live_agent.pages.desk import AnyRequest, Desk, Sent, TheDesk, TheForm, Visit
from live_agent.pages.form import Form, edited, form_of, readable
from live_agent.schema import AutomationRule
from live_agent.settings import agents, automation_rules, inboxes, teams
from live_agent.settings.automation import (
    ACTIONS,
    ATTRIBUTES,
    EVENTS,
    OPERATORS,
    actions,
    conditions,
)
from live_agent.settings.fields import from_form
from live_agent.settings.lookup import require

FIELDS = ("name", "description", "event_name", "active")
NOTHING = (Clause(),)
"""The empty row in which another condition or action is typed."""


class Rows(msgspec.Struct, frozen=True, kw_only=True):
    """The rows of a rule's form. `focus` names the one to go on with, such as "action 2"."""

    conditions: Sequence[Clause] = ()
    actions: Sequence[Clause] = ()
    focus: str = ""


class AutomationRules(Controller):
    """The routes under the account's settings."""

    path = "/automation-rules"

    @get("/", sync_to_thread=True)
    def rule_list(self, request: AnyRequest, desk: TheDesk) -> Response[Any]:
        with desk.visit(request) as visit:
            rules = automation_rules.listed(visit.db, visit.account_id)
            return visit.page("rules.html", rules=rules)

    @get("/new", sync_to_thread=True)
    def rule_new(self, request: AnyRequest, desk: TheDesk) -> Response[Any]:
        with desk.visit(request) as visit:
            return _draw(visit, None, Form(values={"active": ("true",)}), Rows())

    @post("/new", sync_to_thread=True)
    def rule_create(self, request: AnyRequest, desk: TheDesk, sent: TheForm) -> Response[Any]:
        if "add" in sent or "remove" in sent:
            return _draw_changed(desk, request, None, sent)

        def make(visit: Visit) -> Response[Any]:
            automation_rules.create(visit.db, visit.account_id, _values(visit, sent))
            return visit.done("automation-rules", "created")

        return desk.change(
            request, sent, make, lambda visit, form: _draw(visit, None, form, _rows(sent))
        )

    @get("/{rule_id:int}", sync_to_thread=True)
    def rule(self, request: AnyRequest, desk: TheDesk, rule_id: FromPath[int]) -> Response[Any]:
        with desk.visit(request) as visit:
            record = automation_rules.get(visit.db, visit.account_id, rule_id)
            return _draw(visit, rule_id, form_of(record, FIELDS), _rows_of(visit, record))

    @post("/{rule_id:int}", sync_to_thread=True)
    def rule_update(
        self, request: AnyRequest, desk: TheDesk, rule_id: FromPath[int], sent: TheForm
    ) -> Response[Any]:
        if "add" in sent or "remove" in sent:
            return _draw_changed(desk, request, rule_id, sent)

        def make(visit: Visit) -> Response[Any]:
            record = automation_rules.get(visit.db, visit.account_id, rule_id)
            automation_rules.update(visit.db, record, _changes(visit, sent, record))
            return visit.done("automation-rules", "saved")

        return desk.change(
            request, sent, make, lambda visit, form: _draw(visit, rule_id, form, _rows(sent))
        )


class RuleStates(Controller):
    """The routes that clone, switch and delete a rule."""

    path = "/automation-rules"

    @post("/{rule_id:int}/activate", sync_to_thread=True)
    def rule_activate(
        self, request: AnyRequest, desk: TheDesk, rule_id: FromPath[int], sent: TheForm
    ) -> Response[Any]:
        def make(visit: Visit) -> Response[Any]:
            automation_rules.activate(visit.db, _rule(visit, rule_id))
            return visit.done("automation-rules", "activated")

        return desk.change(request, sent, make, _draw_list)

    @post("/{rule_id:int}/deactivate", sync_to_thread=True)
    def rule_deactivate(
        self, request: AnyRequest, desk: TheDesk, rule_id: FromPath[int], sent: TheForm
    ) -> Response[Any]:
        def make(visit: Visit) -> Response[Any]:
            automation_rules.deactivate(visit.db, _rule(visit, rule_id))
            return visit.done("automation-rules", "deactivated")

        return desk.change(request, sent, make, _draw_list)

    @post("/{rule_id:int}/clone", sync_to_thread=True)
    def rule_clone(
        self, request: AnyRequest, desk: TheDesk, rule_id: FromPath[int], sent: TheForm
    ) -> Response[Any]:
        def make(visit: Visit) -> Response[Any]:
            automation_rules.clone(visit.db, _rule(visit, rule_id))
            return visit.done("automation-rules", "cloned")

        return desk.change(request, sent, make, _draw_list)

    @get("/{rule_id:int}/delete", sync_to_thread=True)
    def rule_ending(
        self, request: AnyRequest, desk: TheDesk, rule_id: FromPath[int]
    ) -> Response[Any]:
        with desk.visit(request) as visit:
            return _draw_deletion(visit, rule_id, Form())

    @post("/{rule_id:int}/delete", sync_to_thread=True)
    def rule_delete(
        self, request: AnyRequest, desk: TheDesk, rule_id: FromPath[int], sent: TheForm
    ) -> Response[Any]:
        def make(visit: Visit) -> Response[Any]:
            automation_rules.delete(visit.db, _rule(visit, rule_id))
            return visit.done("automation-rules", "deleted")

        return desk.change(
            request, sent, make, lambda visit, form: _draw_deletion(visit, rule_id, form)
        )


def _rule(visit: Visit, rule_id: int) -> AutomationRule:
    return automation_rules.get(visit.db, visit.account_id, rule_id)


def names_of(visit: Visit) -> Names:
    """Return what conditions and actions may refer to, by name."""
    db, account_id = visit.db, visit.account_id
    return {
        "inboxes": {each.id: each.name for each in inboxes.listed(db, account_id)},
        "teams": {each.id: each.name for each in teams.listed(db, account_id)},
        "agents": {each.user_id: each.user.name for each in agents.listed(db, account_id)},
    }


def _values(visit: Visit, sent: Sent, record: AutomationRule | None = None) -> dict[str, object]:
    names, rows = names_of(visit), _rows(sent)
    require_subjects(conditions=rows.conditions, actions=rows.actions)
    return {
        **from_form(automation_rules.FIELDS, sent, FIELDS),
        "conditions": conditions_from(
            rows.conditions, names, readable(conditions, record.conditions if record else [])
        ),
        "actions": actions_from(
            rows.actions, names, readable(actions, record.actions if record else [])
        ),
    }


def _changes(visit: Visit, sent: Sent, record: AutomationRule) -> dict[str, object]:
    rows, shown = _rows(sent), _rows_of(visit, record)
    clauses = {
        field: value
        for field, value in _values(visit, sent, record).items()
        if field in ("conditions", "actions") and getattr(rows, field) != getattr(shown, field)
    }
    return {**edited(automation_rules.FIELDS, form_of(record, FIELDS), sent, FIELDS), **clauses}


def _rows_of(visit: Visit, record: AutomationRule) -> Rows:
    names = names_of(visit)
    return Rows(
        conditions=conditions_of(readable(conditions, record.conditions), names),
        actions=actions_of(readable(actions, record.actions), names),
    )


def require_subjects(*, conditions: Sequence[Clause] = (), actions: Sequence[Clause] = ()) -> None:
    """Raise `Invalid` where values were typed, but nothing was chosen that they belong to."""
    errors = {}
    for field, clauses in (("conditions", conditions), ("actions", actions)):
        for number, clause in enumerate(clauses, 1):
            if not clause.subject:
                errors[field] = say(
                    marked("Choose an attribute in condition %(number)s.")
                    if field == "conditions"
                    else marked("Choose what to do in action %(number)s."),
                    number=number,
                )
    require(errors)


def _rows(sent: Sent) -> Rows:
    rows = {kind: clauses_sent(sent, kind) for kind in ("condition", "action")}
    added, removed = (sent.get(name, ("",))[-1] for name in ("add", "remove"))
    return Rows(
        conditions=rows["condition"],
        actions=rows["action"],
        focus=f"{added} {len(rows[added]) + 1}" if added in rows else removed,
    )


def _draw_changed(
    desk: Desk, request: AnyRequest, rule_id: int | None, sent: Sent
) -> Response[Any]:
    """Draw the form as it was sent, with another row or without one; nothing is saved."""
    with desk.visit(request) as visit:
        return _draw(visit, rule_id, Form(values=sent), _rows(sent))


def _draw(visit: Visit, rule_id: int | None, form: Form, rows: Rows) -> Response[Any]:
    rule = None if rule_id is None else _rule(visit, rule_id)
    events = dict.fromkeys((*EVENTS, *([str(rule.event_name)] if rule else ())))
    return visit.page(
        "rule.html",
        rule=rule,
        form=form,
        conditions=[*rows.conditions, *NOTHING],
        actions=[*rows.actions, *NOTHING],
        focus=rows.focus,
        events=[(name, called(name)) for name in events],
        attributes=ATTRIBUTES,
        operators=OPERATORS,
        action_names=ACTIONS,
    )


def _draw_list(visit: Visit, form: Form) -> Response[Any]:
    rules = automation_rules.listed(visit.db, visit.account_id)
    return visit.page("rules.html", rules=rules, form=form)


def _draw_deletion(visit: Visit, rule_id: int, form: Form) -> Response[Any]:
    return visit.page(
        "delete.html",
        form=form,
        title=say("Delete %(name)s?", name=_rule(visit, rule_id).name),
        consequence=say(
            "The rule acts no more, and can't be brought back. Deactivate it to keep it."
        ),
        verb=say("Delete rule"),
        asks_name=False,
        back=f"{visit.path}/automation-rules",
        back_name=say("Automation Rules"),
    )
