"""Restorations over REST: what an entry's former values would change, and bringing them back."""

from typing import Any, Final

from litestar import get, post

from audit_trail.record.entry import Entry, read_what
from audit_trail.record.opened import details
from audit_trail.record.sentence import activity
from live_agent.access import require_still
from live_agent.api.asked import Id, Sent, TheMember, TheServices
from live_agent.api.document import described
from live_agent.api.shapes import Shape
from live_agent.catalog import CATALOG
from live_agent.gate import AUDIT_LOGS, opens
from live_agent.restoring import restoration
from live_agent.restoring.plan import Field
from live_agent.restoring.restoration import Chosen, Preview

PATH: Final = "/audit_logs/entries/{index:int}/restoration"


@get(PATH, opt=AUDIT_LOGS, sync_to_thread=True)
def preview_restoration(services: TheServices, member: TheMember, index: Id) -> dict[str, Any]:
    services.fresh()
    found = restoration.preview(services.database, services.trail, member.account_id, index)
    opens(services, member)(details(index))
    return {
        **_shape(found),
        "others": found.others,
        "digest": found.digest or None,
        "refusal": found.refusal,
    }


@post(
    PATH,
    status_code=200,
    opt=AUDIT_LOGS,
    operation_class=described(restoration.FIELDS),
    sync_to_thread=True,
)
def restore_entry(
    services: TheServices, member: TheMember, index: Id, sent: Sent
) -> dict[str, Any]:
    chosen = Chosen.read(sent)
    services.fresh()
    with services.database.transaction() as db:
        require_still(db, member)
        return _shape(restoration.restore(db, services.trail, member.account_id, index, chosen))


HANDLERS: Final = [preview_restoration, restore_entry]


def _shape(found: Preview) -> Shape:
    return {
        **_entry(found.entry),
        "is_deletion": found.is_deletion,
        "fields": [_field(each) for each in found.fields],
        "new_secrets": list(found.secrets),
        "with_it": [
            {**_entry(each.entry), "new_secrets": list(each.secrets), "refusal": each.refusal}
            for each in found.with_it
        ],
    }


def _entry(entry: Entry) -> Shape:
    public = entry.public
    what = read_what(entry.what, public.what)
    return {
        "index": entry.index,
        "activity": activity(public, what, CATALOG),
        "label": what.label,
    }


def _field(field: Field) -> Shape:
    return {
        "field": field.name,
        "label": field.label,
        "then": field.then,
        "now": field.now,
        "set_to": field.set_to,
        "after": field.now if field.refusal else field.then,
        "changed_since": field.changed_since,
        "refusal": field.refusal,
    }
