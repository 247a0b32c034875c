"""The panels of an entry's changes as they are drawn: what differs, and what can't be seen."""

from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from typing import Final, NamedTuple

import msgspec

from audit_trail.record.catalog import Catalog
from audit_trail.record.difference import Panel, Shown, Span, panels
from audit_trail.record.entry import Entry, Public, What, read_what
from audit_trail.record.facts import Facts, Moved
from audit_trail.record.language import say
from audit_trail.record.legible import edges, signs
from audit_trail.server.filters import Filter, Filters

LONG: Final = 600
"""Characters of a text that stayed, beyond which its middle is folded."""

LEFT: Final = 150
"""Characters that are left unfolded at either end of it."""

MANY: Final = 8
"""Items or lines that stayed, beyond which they are folded."""


class Piece(NamedTuple):
    """A piece of a value: whether the other side lacks it, and whether nothing stands beside it.

    What stayed and is long is folded: it is read when the viewer asks for it.
    """

    text: str
    differs: bool
    bare: bool
    is_folded: bool = False


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """One value of a field; a list has one run of pieces an item."""

    shape: str
    runs: tuple[tuple[Piece, ...], ...]
    note: str | None
    filter: Filter | None = None

    @property
    def groups(self) -> list[tuple[bool, list[tuple[Piece, ...]]]]:
        """The runs of a list, those together that are folded, and whether they are."""
        folded = groupby(self.runs, key=lambda run: bool(run) and run[0].is_folded)
        return [(is_folded, list(runs)) for is_folded, runs in folded]

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
    filter: Filter | None = None


def sides_of(fields: Sequence[Field]) -> tuple[str, ...]:
    """Return which of before and after any of the fields has."""
    return tuple(
        side
        for side in ("before", "after")
        if any(getattr(field, side) is not None for field in fields)
    )


def fields_of(
    entry: Entry, catalog: Catalog, filters: Filters | None = None, *, most: int | None = None
) -> tuple[Field, ...]:
    """Return the panels of an entry's changes; of each value at most so many characters."""
    public = entry.public
    what = read_what(entry.what, public.what)
    moves = {move.field: move for move in Facts(entry).moves()} if filters else {}
    return tuple(
        _field(panel, moves.get(panel.field), panel.field in what.references, filters, most)
        for panel in panels(public, what, catalog)
    )


def drawn(public: Public, what: What, catalog: Catalog) -> tuple[Field, ...]:
    """Return the panels of changes that no entry has said, such as those about to be made."""
    return tuple(_field(each, None, False, None, None) for each in panels(public, what, catalog))


def fields_shown(drawn: Sequence[Panel]) -> tuple[Field, ...]:
    """Return panels that are no entry's, whole and without filters."""
    return tuple(_field(panel, None, False, None, None) for panel in drawn)


def _field(
    panel: Panel,
    move: Moved | None,
    is_reference: bool,  # of the field's value
    filters: Filters | None,
    most: int | None,
) -> Field:
    shown = panel.before, panel.after
    is_marked = any(span.differs for side in shown if side for run in side.runs for span in run)
    before, after = (_side(side, most, is_marked=is_marked) for side in shown)
    if filters is None or move is None:
        return Field(name=panel.field, label=panel.label, before=before, after=after)
    asks = {
        side: filters.side(move, side, panel.label, is_reference=is_reference)
        for side in ("before", "after")
    }
    return Field(
        name=panel.field,
        label=panel.label,
        before=before and msgspec.structs.replace(before, filter=asks["before"]),
        after=after and msgspec.structs.replace(after, filter=asks["after"]),
        filter=filters.field(panel.field, panel.label),
    )


def _side(shown: Shown | None, most: int | None, *, is_marked: bool) -> Side | None:
    if shown is None:
        return None
    joined = _lines if shown.shape == "json" else _joined
    runs = tuple(_edged(joined(run)) for run in shown.runs)
    if most is None:
        fold = {"list": _items_folded, "json": _lines_folded}.get(shown.shape, _text_folded)
        return Side(
            shape=shown.shape, runs=tuple(fold(runs)) if is_marked else runs, note=shown.note
        )
    cut = tuple(_cut(runs, most))
    is_cut = sum(map(_length, cut)) < sum(map(_length, runs))
    note = " · ".join(
        filter(None, (shown.note, say("there is more in the entry") if is_cut else ""))
    )
    return Side(shape=shown.shape, runs=cut, note=note or None)


_Runs = Sequence[tuple[Piece, ...]]


def _items_folded(runs: _Runs) -> Iterator[tuple[Piece, ...]]:
    """Fold items that stayed, where they are many in a row."""
    for differs, group in groupby(runs, key=lambda run: any(piece.differs for piece in run)):
        items = list(group)
        if differs or len(items) <= MANY:
            yield from items
        else:
            yield from (tuple(each._replace(is_folded=True) for each in run) for run in items)


def _lines_folded(runs: _Runs) -> Iterator[tuple[Piece, ...]]:
    """Fold lines of JSON that stayed, but for three around what differs."""
    for run in runs:
        pieces: list[Piece] = []
        for differs, group in groupby(run, key=lambda piece: piece.differs):
            same = list(group)
            text = "".join(piece.text for piece in same)
            lines = text.splitlines(keepends=True)
            if differs or len(lines) <= MANY:
                pieces += same
            else:
                pieces += _folded_between("".join(lines[:3]), text, "".join(lines[-3:]))
        yield tuple(pieces)


def _text_folded(runs: _Runs) -> Iterator[tuple[Piece, ...]]:
    """Fold the middle of a long text that stayed."""
    for run in runs:
        pieces: list[Piece] = []
        for piece in run:
            # Between words, so that no sign of several characters is taken apart.
            start, stop = piece.text.find(" ", LEFT), piece.text.rfind(" ", 0, -LEFT)
            if piece.differs or piece.bare or len(piece.text) <= LONG or not 0 < start < stop:
                pieces.append(piece)
            else:
                text = piece.text
                pieces += _folded_between(text[: start + 1], text, text[stop + 1 :])
        yield tuple(pieces)


def _folded_between(first: str, whole: str, last: str) -> Iterator[Piece]:
    yield Piece(first, False, False)
    yield Piece(whole[len(first) : len(whole) - len(last)], False, False, True)
    yield Piece(last, False, False)


def _length(run: Sequence[Piece]) -> int:
    return sum(len(piece.text) for piece in run)


def _cut(runs: Sequence[tuple[Piece, ...]], most: int) -> Iterator[tuple[Piece, ...]]:
    """Yield runs from shortly before what differs first, and no more than so many characters."""
    pieces = [(place, piece) for place, run in enumerate(runs) for piece in run]
    before = 0
    for _, piece in pieces:
        if piece.differs:
            break
        before += len(piece.text)
    is_marked = any(piece.differs for _, piece in pieces)
    skipped = max(0, before - most // 3) if is_marked else 0
    left: dict[int, list[Piece]] = {}
    for place, piece in pieces:
        text = piece.text[skipped:]
        skipped = max(0, skipped - len(piece.text))
        if text and most > 0:
            left.setdefault(place, []).append(piece._replace(text=text[:most]))
            most -= len(text)
    yield from map(tuple, left.values())


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
