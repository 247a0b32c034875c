"""Settings > Audit Logs > an entry > Restore: what would change, and bringing it back."""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

import msgspec
from litestar import Response, Router, get, post
from litestar.params import FromPath

from audit_trail.record.catalog import titled
from audit_trail.record.entry import Change, Entry, Reference, read_what
from audit_trail.record.language import told
from audit_trail.record.opened import details
from audit_trail.record.sentence import activity
from audit_trail.record.value import SECRET
from audit_trail.server.changes import Side, drawn
from audit_trail.server.undoing import may_be_undone, undone_by
from live_agent.access import Member, require_still
from live_agent.catalog import CATALOG
from live_agent.errors import Invalid, NotFound
from live_agent.gate import AUDIT_LOGS, opens
from live_agent.pages.desk import AnyRequest, Desk, TheForm, Visit, settings_path
from live_agent.pages.form import Form
from live_agent.restoring import restoration
from live_agent.restoring.plan import Field
from live_agent.restoring.resources import RESTORABLE
from live_agent.restoring.restoration import FIELDS, Chosen, Preview
from live_agent.services import Services
from live_agent.settings.fields import from_form

PATH: Final = "audit-logs/restorations"
LARGEST_NUMBER: Final = 2**53 - 1


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """One field as it is drawn: what was, what is, and what would be; `set_to` by the entry."""

    field: Field
    then: Side | None
    now: Side | None
    left: Side | None
    after: Side | None
    set_to: Side | None


class WithIt(msgspec.Struct, frozen=True, kw_only=True):
    """Another record that would return, or why it wouldn't."""

    index: int
    name: str
    label: str
    secrets: str
    refusal: str | None


def address_of(account_id: int, entry: Entry) -> str | None:
    """Return where what a record was before this entry is restored, if that is offered."""
    if not may_be_undone(entry.public) or entry.public.entity.type not in RESTORABLE:
        return None
    return f"{settings_path(account_id)}/{PATH}/{entry.index + 1}"


def restorations(services: Services, desk: Desk) -> Router:
    """Return its router. The access rule lets administrators in, and records who isn't."""

    def show(request: AnyRequest, number: int, form: Form) -> Response[Any]:
        # Before the visit: who holds a connection and waits for another may wait for each other.
        member: Member = request.user
        index = number - 1
        found = restoration.preview(services.database, services.trail, member.account_id, index)
        opens(services, member)(details(index))
        with desk.visit(request) as visit:
            return _draw(services, visit, found, form)

    @get("/{number:int}", sync_to_thread=True)
    def restoration_page(request: AnyRequest, number: FromPath[int]) -> Response[Any]:
        _require_number(number)
        services.fresh()
        return show(request, number, Form())

    @post("/{number:int}", sync_to_thread=True)
    def restore_from_entry(
        request: AnyRequest, number: FromPath[int], sent: TheForm
    ) -> Response[Any]:
        _require_number(number)
        services.fresh()

        def make(visit: Visit) -> Response[Any]:
            require_still(visit.db, visit.member)
            chosen = Chosen.read(from_form(FIELDS, sent, FIELDS))
            done = restoration.restore(
                visit.db, services.trail, visit.account_id, number - 1, chosen
            )
            entity = done.entry.public.entity
            is_own = (entity.type, entity.id) == ("account_user", str(visit.member.user_id))
            # Whoever gave away their own role may not look at this page any more.
            return visit.done("agents" if is_own else f"{PATH}/{number}", "restored")

        tried = desk.attempt(request, sent, make)
        if isinstance(tried, Response):
            return tried
        response = show(request, number, tried)
        response.status_code = Invalid.status
        return response

    return Router(
        path=f"/{PATH}", route_handlers=[restoration_page, restore_from_entry], opt=AUDIT_LOGS
    )


def _require_number(number: int) -> None:
    if not 0 < number <= LARGEST_NUMBER:
        raise NotFound


def _draw(services: Services, visit: Visit, found: Preview, form: Form) -> Response[Any]:
    entry, log = found.entry, f"{visit.path}/audit-logs"
    what = read_what(entry.what, entry.public.what)
    return visit.page(
        "restoration.html",
        found=found,
        number=entry.index + 1,
        sentence=activity(entry.public, what, CATALOG),
        record=what.label,
        log=log,
        form=_chosen(found, form),
        fields=_shown(found),
        secrets=[_label(entry, name) for name in found.secrets],
        with_it=[_with_it(each) for each in found.with_it],
        can_restore=found.is_deletion or any(each.refusal is None for each in found.fields),
        undone_by=[
            each.index + 1 for each in undone_by(services.trail, str(visit.account_id), entry)
        ],
    )


def _chosen(found: Preview, form: Form) -> Form:
    """Choose what harms nobody's later change, unless somebody has chosen among the very same."""
    if form.text("digest") == found.digest:
        return form
    fields = [each.name for each in found.fields if each.refusal is None and not each.changed_since]
    with_it = [str(each.entry.index) for each in found.with_it if each.refusal is None]
    values = {**form.values, "fields": fields, "with_it": with_it}
    return msgspec.structs.replace(form, values=values)


def _label(entry: Entry, name: str) -> str:
    return titled(told(CATALOG.field(entry.public.entity.type, name).label or name))


def _with_it(each: restoration.WithIt) -> WithIt:
    public = each.entry.public
    what = read_what(each.entry.what, public.what)
    name = told(CATALOG.name(public.entity.type, frozenset(what.references)))
    return WithIt(
        index=each.entry.index,
        name=f"{titled(name)} (#{public.entity.id})",
        label=what.label or "",
        secrets=", ".join(_label(each.entry, secret) for secret in each.secrets),
        refusal=each.refusal,
    )


_Sides = Mapping[str, tuple[bytes, str | None]]
"""The raw value of each field, and the label of what it refers to."""


def _shown(found: Preview) -> list[Shown]:
    entry = found.entry
    what = read_what(entry.what, entry.public.what)
    then: dict[str, tuple[bytes, str | None]] = {}
    now: dict[str, tuple[bytes, str | None]] = {}
    set_to: dict[str, tuple[bytes, str | None]] = {}
    for each in found.fields:
        change, reference = what.changes[each.name], what.references.get(each.name)
        before = bytes(change.before) if isinstance(change.before, msgspec.Raw) else b"null"
        then[each.name] = before, each.label_then
        if not found.is_deletion:
            is_secret = before.startswith(SECRET)
            now[each.name] = SECRET if is_secret else _raw(each.now), each.label_now
            after = bytes(change.after) if isinstance(change.after, msgspec.Raw) else b"null"
            set_to[each.name] = after, reference.label if reference else None
    plain_then, plain_set, plain_now = (_drawn(entry, None, each) for each in (then, set_to, now))
    compared = _drawn(entry, now, then) if now else plain_then
    return [
        Shown(
            field=each,
            then=plain_then[each.name][1],
            now=compared[each.name][0],
            left=plain_now.get(each.name, (None, None))[1],
            after=compared[each.name][1],
            set_to=plain_set.get(each.name, (None, None))[1] if each.changed_since else None,
        )
        for each in found.fields
    ]


def _drawn(
    entry: Entry, before: _Sides | None, after: _Sides
) -> dict[str, tuple[Side | None, Side | None]]:
    """Draw values as changes are drawn: from what they were, or as if they had been made."""
    names = tuple(after)
    public = msgspec.structs.replace(
        entry.public, action="create" if before is None else "update", fields=names
    )
    changes = {
        name: Change(
            before=msgspec.Raw(before[name][0]) if before else msgspec.UNSET,
            after=msgspec.Raw(after[name][0]),
        )
        for name in names
    }
    references = {
        name: Reference(table="", label=after[name][1], before=before[name][1] if before else None)
        for name in names
        if after[name][1] or (before and before[name][1])
    }
    what = msgspec.structs.replace(read_what(None), changes=changes, references=references)
    return {each.name: (each.before, each.after) for each in drawn(public, what, CATALOG)}


def _raw(value: object) -> bytes:
    """Write a value of the database as entries have it, so that it is drawn as theirs are."""
    match value:
        case dict() | list():
            value = {"$": "json", "value": value}
        case bytes():
            value = {"$": "blob", "sha256": sha256(value).hexdigest(), "size": len(value)}
        case float():
            value = {"$": "real", "text": repr(value)}
    return json.dumps(value).encode()
