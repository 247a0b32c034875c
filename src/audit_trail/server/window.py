"""One entry as it is read: the facts, and each changed field before and after."""

from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

import msgspec

from audit_trail.record.catalog import Catalog, spelled, titled
from audit_trail.record.difference import Panel, Shown, Span, panels
from audit_trail.record.entry import Entry, Public, What, Who, read_what, read_who
from audit_trail.record.legible import edges, signs
from audit_trail.record.question import quoted
from audit_trail.record.retained import RETAINED, facts
from audit_trail.record.sentence import ERASED, activity, actor_called, principals, via_name
from audit_trail.record.terms import actor_value
from audit_trail.server.row import glyph_of, where_of
from audit_trail.server.seal import Seal, seal_of
from audit_trail.server.zone import UTC_ZONE, Zone, duration, moment, zone_phrase
from audit_trail.trail import Trail

LATE_SECONDS: Final = 60
"""An entry that was recorded later than this after its act says so."""

_TOLD_ELSEWHERE: Final = frozenset({"went_with"})
_DETAILS: Final = {
    "count": "More times",
    "entries": "Entries with their data",
    "who_parts": "Who acted, erased in",
    "what_parts": "Values, erased in",
}
_OUTCOMES: Final = {"failure": "failed", "denied": "denied"}


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """A label and its value, what adds to it quietly, and where the value leads."""

    label: str
    value: str
    quiet: str = ""
    address: str | None = None
    iso: str | None = None


class Piece(NamedTuple):
    """A piece of a value: whether the other side lacks it, and whether nothing stands beside it."""

    text: str
    differs: bool
    bare: bool


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """One value of a field; a list has one run of pieces an item."""

    shape: str
    runs: tuple[tuple[Piece, ...], ...]
    note: str | None

    @property
    def has_signs(self) -> bool:
        """Tell whether something in it can't be seen, and is drawn as a sign."""
        return any(
            sign.name
            for run in self.runs
            for piece in run
            for sign in signs(piece.text, bare=piece.bare)
        )


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One changed field's panel."""

    name: str
    label: str
    before: Side | None
    after: Side | None


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
    newer: int | None
    older: int | None
    seal: Seal

    @property
    def sides(self) -> tuple[str, ...]:
        """The columns: a create has no Before, a delete no After."""
        return tuple(
            side
            for side in ("before", "after")
            if any(getattr(field, side) is not None for field in self.fields)
        )


def window_of(
    trail: Trail, account: str, entry: Entry, catalog: Catalog, zone: Zone, path: str
) -> Window:
    """Return the entry's window; `path` is the list's path."""
    public = entry.public
    who, what = read_who(entry.who, public.who), read_what(entry.what, public.what)
    number = entry.index + 1
    unreadable = what.unreadable or {}
    older, newer = trail.neighbours(account, entry.index)
    return Window(
        number=number,
        title=activity(public, what, catalog),
        glyph=glyph_of(public),
        mismatches=trail.mismatches(account, entry),
        facts=(
            *_who_and_when(public, who, zone),
            *_record(public, what),
            *_origin(public, who),
            *_cause(trail, account, public, catalog, path),
            *_reasons(what),
            *_details(public, what, catalog),
            *_erasure(who, what),
            *_recording(entry, public),
        ),
        fields=tuple(_field(panel) for panel in panels(public, what, catalog)),
        unreadable=str(unreadable.get("why", "It can't be understood.")) if unreadable else None,
        raw=tuple(_raw(unreadable.get("hex", {}))),
        more=tuple(_more(public, who, path)),
        newer=None if newer is None else newer + 1,
        older=None if older is None else older + 1,
        seal=seal_of(trail, account, entry),
    )


def _more(public: Public, who: Who, path: str) -> Iterator[tuple[str, str]]:
    """Yield what else can be asked from here; what can't be typed can't be asked either."""
    actor, entity = who.email or actor_value(public.actor), public.entity
    asked = {"More by this user": f"actor:{quoted(actor)}"}
    if entity.id is not None:
        asked["History of this record"] = f"entity:{quoted(entity.type)} id:{quoted(entity.id)}"
    for title, question in asked.items():
        if question.isprintable():
            yield title, f"{path}?{urlencode({'q': question})}"


def _who_and_when(public: Public, who: Who, zone: Zone) -> Iterator[Fact]:
    did = {"create": "Created ", "update": "Updated ", "delete": "Deleted "}.get(public.action, "")
    called = actor_called(public, who)
    role = who.role.capitalize() if who.role else ""
    erased = ERASED if called.is_erased else ""
    yield Fact(
        label=f"{did}By",
        value=called.name,
        quiet=" · ".join(note for note in (role, called.kind, erased) if note),
    )
    # One line for each, so that the chain is read downwards: each acted for the next.
    for principal in principals(public, who):
        yield Fact(label="On behalf of", value=principal.name, quiet=" · ".join(principal.notes))
    at = moment(public.occurred_at, zone)
    yield Fact(
        label=f"{did}At",
        value=f"{at.local}, {zone_phrase(zone, at)}",
        quiet=at.utc,
        iso=at.iso,
    )


def _record(public: Public, what: What) -> Iterator[Fact]:
    yield Fact(label="Action", value=public.action)
    if public.outcome != "success":
        yield Fact(label="Outcome", value=_OUTCOMES[public.outcome])
    if public.entity.id is not None:
        yield Fact(
            label="ID", value=public.entity.id, quiet=ERASED if what.is_erased else what.label or ""
        )


def _origin(public: Public, who: Who) -> Iterator[Fact]:
    yield Fact(label="Where", value=where_of(public, who), quiet=who.user_agent or "")
    if who.forwarded:
        said = f"said to come from {', '.join(who.forwarded)}"
        yield Fact(label="Proxy", value=who.ip or "Unix socket", quiet=said)
    if who.job:
        yield Fact(label="Via", value=via_name(public), quiet=who.job)
    if who.token:
        number = f"#{who.token['id']}" if who.token.get("id") else ""
        yield Fact(label="Access token", value=who.token.get("name") or "unnamed", quiet=number)
    if who.session:
        yield Fact(label="Session", value=who.session)
    if public.request:
        client = f"the client's: {who.client_request}" if who.client_request else ""
        yield Fact(label="Request", value=public.request, quiet=client)


def _cause(
    trail: Trail, account: str, public: Public, catalog: Catalog, path: str
) -> Iterator[Fact]:
    if public.cause is None:
        return
    cause = trail.by_id(account, public.cause)
    if cause is None:
        yield Fact(
            label="Cause", value="An entry that this trail no longer holds", quiet=public.cause
        )
        return
    sentence = activity(cause.public, read_what(cause.what, cause.public.what), catalog)
    yield Fact(label="Cause", value=sentence, address=f"{path}/{cause.index + 1}")


def _reasons(what: What) -> Iterator[Fact]:
    if what.reason:
        yield Fact(label="Reason", value=what.reason)
    if what.ticket:
        yield Fact(label="Ticket", value=what.ticket)


def _details(public: Public, what: What, catalog: Catalog) -> Iterator[Fact]:
    if public.action in RETAINED:
        for label, value in facts(public, what.details, catalog):
            if value:
                yield Fact(label=label, value=value)
        return
    for name, value in what.details.items():
        if name not in _TOLD_ELSEWHERE:
            yield Fact(label=_DETAILS.get(name) or titled(spelled(name)), value=_said(value))


def _erasure(who: Who, what: What) -> Iterator[Fact]:
    said = {"who acted, and where from": who.is_erased, "names and values": what.is_erased}
    if erased := [words for words, is_erased in said.items() if is_erased]:
        yield Fact(label="Erased", value="; ".join(erased), quiet="their commitments are left")


def _recording(entry: Entry, public: Public) -> Iterator[Fact]:
    late = (public.recorded_at - public.occurred_at) / 1_000_000
    if late > LATE_SECONDS:
        recorded = moment(public.recorded_at, UTC_ZONE).utc
        yield Fact(label="Recorded", value=f"{duration(late)} later", quiet=recorded)
    yield Fact(label="Entry", value=f"{entry.index + 1:,}", quiet=public.id)


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


def _field(panel: Panel) -> Field:
    return Field(
        name=panel.field,
        label=panel.label,
        before=_side(panel.before),
        after=_side(panel.after),
    )


def _side(shown: Shown | None) -> Side | None:
    if shown is None:
        return None
    joined = _lines if shown.shape == "json" else _joined
    runs = tuple(_edged(joined(run)) for run in shown.runs)
    return Side(shape=shown.shape, runs=runs, note=shown.note)


def _edged(run: Sequence[Span]) -> tuple[Piece, ...]:
    """Part what stands alone from the rest: space at either end, and space that differs."""
    start, end = edges("".join(span.text for span in run))
    pieces: list[Piece] = []
    at = 0
    for text, differs in run:
        cuts = sorted({0, len(text), *(min(max(edge - at, 0), len(text)) for edge in (start, end))})
        pieces += (
            Piece(text[a:b], differs, not start <= at + a < end or (differs and text.isspace()))
            for a, b in pairwise(cuts)
        )
        at += len(text)
    return tuple(pieces)


def _joined(run: tuple[Span, ...]) -> tuple[Span, ...]:
    """Join the marked words of a phrase, and the space between them, into one mark."""
    bridged = [
        Span(span.text, span.differs or (span.text.isspace() and _between_marks(run, position)))
        for position, span in enumerate(run)
    ]
    return tuple(
        piece
        for differs, group in groupby(bridged, key=lambda span: span.differs)
        for piece in _trimmed("".join(span.text for span in group), differs)
    )


def _between_marks(run: tuple[Span, ...], position: int) -> bool:
    return 0 < position < len(run) - 1 and run[position - 1].differs and run[position + 1].differs


def _trimmed(text: str, differs: bool) -> Iterator[Span]:
    """Leave the space around a marked text unmarked; a change of space alone keeps its mark."""
    inner = text.strip()
    if not (differs and inner):
        yield Span(text, differs)
        return
    before, _, after = text.partition(inner)
    yield from (
        Span(*piece) for piece in ((before, False), (inner, True), (after, False)) if piece[0]
    )


def _lines(run: tuple[Span, ...]) -> tuple[Span, ...]:
    """Mark each line of JSON by itself, without its indentation and its end."""
    return tuple(piece for span in run for piece in _trimmed(*span))
