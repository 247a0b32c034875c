"""Copies what a trail holds of a person for that person (GDPR, article 15); it removes nothing."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from audit_trail.capture.context import Context
from audit_trail.erasure.finding import entries_of, trace_of, was_erased
from audit_trail.erasure.subject import Matcher, Subject
from audit_trail.own import own_draft
from audit_trail.record.catalog import Catalog
from audit_trail.record.entry import Entry, read_what
from audit_trail.record.sentence import activity, via_name
from audit_trail.trail import Trail
from audit_trail.trees import Report, unreported

FORMAT: Final = "audit-trail subject 1"
ACTION: Final = "export"
_encoded = msgspec.json.Encoder(order="sorted").encode


def copy_of(
    trail: Trail, account: str, subject: Subject, catalog: Catalog, report: Report = unreported
) -> Iterator[bytes]:
    """Yield lines of JSON: what was asked, each entry that holds their data, and that it is whole.

    Of an entry the parts are given that hold their data; others' data in other parts is not theirs
    (article 15(4)). Of what was erased, the entry is left, and says so.
    """
    matcher = Matcher(subject)
    size = trail.head(account).size
    actor = msgspec.to_builtins(subject.actor) if subject.actor else None
    yield _line(
        {"format": FORMAT, "account": account, "terms": subject.terms, "actor": actor, "size": size}
    )
    count = erased = 0
    for entry in entries_of(trail, account, size, report):
        trace = trace_of(entry, subject, matcher)
        if trace:
            count += 1
            yield _line(_told(entry, catalog, who=bool(trace.who), what=bool(trace.what)))
        elif was_erased(entry, subject):
            erased += 1
            yield _line(_told(entry, catalog, who=False, what=False) | {"erased": ["who"]})
    yield _line({"whole": True, "entries": count, "erased": erased})


def note_copy(
    trail: Trail, account: str, context: Context, entries: int, clock: Callable[[], int]
) -> None:
    """Append the entry that says that somebody's data was handed out; it doesn't name them."""
    details = {"export_of": "one person's data", "entries": entries}
    trail.append([own_draft(context, account, ACTION, clock=clock, details=details)])


def _told(entry: Entry, catalog: Catalog, *, who: bool, what: bool) -> dict[str, Any]:
    public = entry.public
    told: dict[str, Any] = {
        "entry": entry.index + 1,
        "time": datetime.fromtimestamp(public.occurred_at / 1_000_000, UTC).isoformat(),
        "activity": activity(public, read_what(entry.what), catalog),
        "via": via_name(public),
        "fields": public.fields,
    }
    for name, part, is_theirs in (("who", entry.who, who), ("what", entry.what, what)):
        if is_theirs and part:
            told[name] = _readable(part.stored)
    return told


def _readable(stored: bytes) -> Any:
    """Return a part as JSON; what was altered into none, as its text."""
    try:
        return msgspec.json.decode(stored)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return stored.decode(errors="replace")


def _line(value: dict[str, Any]) -> bytes:
    return _encoded(value) + b"\n"
