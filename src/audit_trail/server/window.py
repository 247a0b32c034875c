"""One entry as it is read: the facts, and each changed field before and after."""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

import msgspec

from audit_trail.record import captured
from audit_trail.record.captured import CAPTURED
from audit_trail.record.catalog import Catalog, spelled, titled
from audit_trail.record.entry import Entry, Public, What, Who, read_what, read_who
from audit_trail.record.facts import UNDOES
from audit_trail.record.language import grouped, marked, say, series, told
from audit_trail.record.opened import READ
from audit_trail.record.opened import summary as read_summary
from audit_trail.record.question import quoted
from audit_trail.record.retained import RETAINED, facts
from audit_trail.record.sentence import ERASED, activity, actor_called, principals, via_name
from audit_trail.record.terms import actor_value
from audit_trail.search.found import Page
from audit_trail.server.asked import Asked
from audit_trail.server.changes import Field, fields_of, sides_of
from audit_trail.server.filters import Filter, Filters
from audit_trail.server.row import address_of, glyph_of, where_of
from audit_trail.server.seal import Seal, seal_of
from audit_trail.server.undoing import undone_by, undone_of
from audit_trail.server.zone import UTC_ZONE, Zone, duration, moment, zone_phrase
from audit_trail.trail import Trail

LATE_SECONDS: Final = 60
"""An entry that was recorded later than this after its act says so."""

_TOLD_ELSEWHERE: Final = frozenset({"went_with", "fingerprint", UNDOES})
_DETAILS: Final = {
    "count": marked("More times"),
    "differing": marked("Records that differ"),
    "records": marked("These records and fields"),
    "accounts": marked("Accounts"),
    "entries": marked("Entries with their data"),
    "who_parts": marked("Who acted, erased in"),
    "what_parts": marked("Values, erased in"),
}
_DONE: Final = {
    "create": (marked("Created By"), marked("Created At")),
    "update": (marked("Updated By"), marked("Updated At")),
    "delete": (marked("Deleted By"), marked("Deleted At")),
}
_OUTCOMES: Final = {"failure": marked("failed"), "denied": marked("denied")}


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """A label and its value, what adds to it quietly, and where the value leads.

    What can be asked for stands in `parts`, which together are the value.
    """

    label: str
    value: str
    quiet: str = ""
    address: str | None = None
    iso: str | None = None
    parts: tuple[tuple[str, Filter | None], ...] = ()


class Step(NamedTuple):
    """Where the newer or the older entry of what is asked is; `is_entry` where it was found yet."""

    address: str
    is_entry: bool


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """What the window of an entry shows."""

    number: int
    title: str
    glyph: str
    mismatches: tuple[str, ...]
    facts: tuple[Fact, ...]
    fields: tuple[Field, ...]
    unreadable: str | None
    raw: tuple[tuple[str, str], ...]
    more: tuple[tuple[str, str], ...]
    history: str | None
    state: str | None
    restoration: str | None
    newer: Step | None
    older: Step | None
    seal: Seal

    @property
    def sides(self) -> tuple[str, ...]:
        """The columns: a create has no Before, a delete no After."""
        return sides_of(self.fields)


def window_of(
    trail: Trail,
    entry: Entry,
    asked: Asked,
    catalog: Catalog,
    zone: Zone,
    path: str,
    restoration: str | None = None,
) -> Window:
    """Return the entry's window, opened from the list of what is asked; `path` is the list's.

    `restoration` is where the application brings the former values back.
    """
    account = asked.query.account
    public = entry.public
    who, what = read_who(entry.who, public.who), read_what(entry.what, public.what)
    number = entry.index + 1
    unreadable = what.unreadable or {}
    filters = Filters(asked, catalog)
    newer, older = _steps(trail, entry.index, asked, path)
    return Window(
        number=number,
        title=activity(public, what, catalog),
        glyph=glyph_of(public),
        mismatches=tuple(map(told, trail.mismatches(account, entry))),
        facts=(
            *_who_and_when(public, who, zone, filters),
            *_record(public, what, filters),
            *_origin(public, who, filters),
            *_cause(trail, public, asked, catalog, path),
            *_undoing(trail, entry, what, asked, catalog, path),
            *_reasons(what),
            *_details(public, what, catalog),
            *_opened(public, what, asked, path),
            *_erasure(who, what),
            *_recording(entry, public),
        ),
        fields=fields_of(entry, catalog, filters),
        unreadable=str(unreadable.get("why") or say("It can't be understood."))
        if unreadable
        else None,
        raw=tuple(_raw(unreadable.get("hex", {}))),
        more=tuple(_more(public, who, path)),
        history=None if public.entity.id is None else asked.at(f"{path}/{number}/history"),
        state=None if public.entity.id is None else asked.at(f"{path}/{number}/state"),
        restoration=restoration,
        newer=newer,
        older=older,
        seal=seal_of(trail, account, entry),
    )


def _steps(trail: Trail, index: int, asked: Asked, path: str) -> tuple[Step | None, Step | None]:
    """Return where the next newer entry of what is asked is, and the next older one."""
    query = asked.query
    if query.where is None:
        older, newer = trail.neighbours(query.account, index)
        return _step(newer, asked, path), _step(older, asked, path)
    after, before = (
        trail.page(query, after=index, limit=1),
        trail.page(query, before=index, limit=1),
    )
    return (
        _found(after, asked, path, "after"),
        _found(before, asked, path, "before"),
    )


def _found(page: Page, asked: Asked, path: str, direction: str) -> Step | None:
    if page.entries:
        return _step(page.entries[0].index, asked, path)
    if page.reached is None:
        return None
    # The search ended before it found one; the list goes on with it.
    return Step(f"{path}?{asked.following(**{direction: page.reached + 1})}", False)


def _step(index: int | None, asked: Asked, path: str) -> Step | None:
    return None if index is None else Step(asked.at(f"{path}/{index + 1}"), True)


def _more(public: Public, who: Who, path: str) -> Iterator[tuple[str, str]]:
    """Yield what else can be asked from here; what can't be typed can't be asked either."""
    question = f"actor:{quoted(who.email or actor_value(public.actor))}"
    if question.isprintable():
        yield say("More by this user"), f"{path}?{urlencode({'q': question})}"


def _who_and_when(public: Public, who: Who, zone: Zone, filters: Filters) -> Iterator[Fact]:
    by, done_at = _DONE.get(public.action, (marked("By"), marked("At")))
    called = actor_called(public, who)
    role = told(who.role.capitalize()) if who.role else ""
    erased = told(ERASED) if called.is_erased else ""
    yield Fact(
        label=told(by),
        value=called.name,
        quiet=" · ".join(note for note in (role, called.kind, erased) if note),
        parts=((called.name, filters.user(public, who)),),
    )
    # One line for each, so that the chain is read downwards: each acted for the next.
    for principal in principals(public, who):
        yield Fact(
            label=say("On behalf of"), value=principal.name, quiet=" · ".join(principal.notes)
        )
    at = moment(public.occurred_at, zone)
    yield Fact(
        label=told(done_at),
        value=series((at.local, zone_phrase(zone, at))),
        quiet=at.utc,
        iso=at.iso,
    )


def _record(public: Public, what: What, filters: Filters) -> Iterator[Fact]:
    yield _asked(say("Action"), public.action, filters.facet("action", public.action))
    if public.outcome != "success":
        yield _asked(
            say("Outcome"),
            told(_OUTCOMES[public.outcome]),
            filters.facet("outcome", public.outcome),
        )
    if public.entity.id is not None:
        label = told(ERASED) if what.is_erased else what.label or ""
        yield _asked(say("ID"), public.entity.id, filters.record(public), label)
    if kind := filters.facet("entity", public.entity.type):
        yield _asked(say("Entity"), kind.value, kind)


def _asked(label: str, value: str, asked: Filter | None, quiet: str = "") -> Fact:
    return Fact(label=label, value=value, quiet=quiet, parts=((value, asked),))


def _origin(public: Public, who: Who, filters: Filters) -> Iterator[Fact]:
    parts = (
        (address_of(who), filters.address(who)),
        (via_name(public), filters.facet("via", public.via)),
    )
    yield Fact(
        label=say("Where"),
        value=where_of(public, who),
        quiet=who.user_agent or "",
        parts=tuple(part for part in parts if part[0]),
    )
    if who.forwarded:
        said = say("said to come from %(addresses)s", addresses=series(who.forwarded))
        yield Fact(label=say("Proxy"), value=who.ip or say("Unix socket"), quiet=said)
    if who.job:
        yield Fact(label=say("Via"), value=via_name(public), quiet=who.job)
    if who.token:
        number = f"#{who.token['id']}" if who.token.get("id") else ""
        yield Fact(
            label=say("Access token"), value=who.token.get("name") or say("unnamed"), quiet=number
        )
    if who.session:
        yield Fact(label=say("Session"), value=who.session)
    if public.request:
        client = say("the client's: %(id)s", id=who.client_request) if who.client_request else ""
        yield _asked(say("Request"), public.request, filters.request(public), client)


def _cause(
    trail: Trail, public: Public, asked: Asked, catalog: Catalog, path: str
) -> Iterator[Fact]:
    if public.cause is None:
        return
    cause = trail.by_id(asked.query.account, public.cause)
    if cause is None:
        yield Fact(
            label=say("Cause"),
            value=say("An entry that this trail no longer holds"),
            quiet=public.cause,
        )
        return
    sentence = activity(cause.public, read_what(cause.what, cause.public.what), catalog)
    yield Fact(label=say("Cause"), value=sentence, address=asked.at(f"{path}/{cause.index + 1}"))


def _undoing(
    trail: Trail, entry: Entry, what: What, asked: Asked, catalog: Catalog, path: str
) -> Iterator[Fact]:
    account = asked.query.account
    undone = undone_of(trail, account, what)
    if isinstance(undone, Entry):
        yield _leading(say("Undoes"), undone, asked, catalog, path)
    elif undone is not None:
        yield Fact(label=say("Undoes"), value=say("An entry that this trail no longer holds"))
    for each in undone_by(trail, account, entry):
        yield _leading(say("Undone by"), each, asked, catalog, path)


def _leading(label: str, entry: Entry, asked: Asked, catalog: Catalog, path: str) -> Fact:
    """Lead to another entry: what it says, and its number."""
    public, number = entry.public, entry.index + 1
    return Fact(
        label=label,
        value=say("Entry #%(number)s", number=number),
        quiet=activity(public, read_what(entry.what, public.what), catalog),
        address=asked.at(f"{path}/{number}"),
    )


def _reasons(what: What) -> Iterator[Fact]:
    if what.reason:
        yield Fact(label=say("Reason"), value=what.reason)
    if what.ticket:
        yield Fact(label=say("Ticket"), value=what.ticket)


def _details(public: Public, what: What, catalog: Catalog) -> Iterator[Fact]:
    if public.action in RETAINED or public.action in CAPTURED:
        told_ = (
            facts(public, what.details, catalog)
            if public.action in RETAINED
            else captured.facts(what.details, catalog)
        )
        for label, value in told_:
            if value:
                yield Fact(label=label, value=value)
        return
    if public.action == READ:
        return
    for name, value in what.details.items():
        if name not in _TOLD_ELSEWHERE:
            yield Fact(label=told(_DETAILS.get(name) or titled(spelled(name))), value=_said(value))


def _opened(public: Public, what: What, asked: Asked, path: str) -> Iterator[Fact]:
    """Say what was read, and lead there."""
    index = what.details.get("index")
    if public.action != READ or not isinstance(index, int):
        return
    said = read_summary(public.action, what.details)
    yield Fact(label=say("Shown"), value=said, address=asked.at(f"{path}/{index + 1}"))
    if count := what.details.get("count"):
        yield Fact(label=told(_DETAILS["count"]), value=_said(count))


def _erasure(who: Who, what: What) -> Iterator[Fact]:
    said = {
        say("who acted, and where from"): who.is_erased,
        say("names and values"): what.is_erased,
    }
    if erased := [words for words, is_erased in said.items() if is_erased]:
        yield Fact(
            label=say("Erased"), value="; ".join(erased), quiet=say("their commitments are left")
        )


def _recording(entry: Entry, public: Public) -> Iterator[Fact]:
    late = (public.recorded_at - public.occurred_at) / 1_000_000
    if late > LATE_SECONDS:
        recorded = moment(public.recorded_at, UTC_ZONE).utc
        yield Fact(
            label=say("Recorded"), value=say("%(time)s later", time=duration(late)), quiet=recorded
        )
    yield Fact(label=say("Entry"), value=grouped(entry.index + 1), quiet=public.id)


def _said(value: Any) -> str:
    match value:
        case str():
            return value
        case list() if all(isinstance(each, str) for each in value):
            return ", ".join(value)
        case _:
            return msgspec.json.encode(value).decode()


def _raw(columns: Any) -> Iterator[tuple[str, str]]:
    """Pair each column of an unreadable row with its bytes in hexadecimal, in groups of four."""
    for name, digits in (columns if isinstance(columns, dict) else {}).items():
        text = str(digits)
        yield str(name), " ".join(text[at : at + 8] for at in range(0, len(text), 8))
