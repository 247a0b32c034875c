"""Before and after as people compare them: words of a text, items of a list, lines of JSON."""

import json
import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Any, Final, Literal, NamedTuple

import msgspec

from audit_trail.record.catalog import Catalog, Field, titled
from audit_trail.record.entry import Public, What
from audit_trail.record.value import read

LONGEST_TEXT: Final = 20_000
"""Characters of a value that are shown; the rest is kept, and counted."""

LONGEST_LIST: Final = 1_000
"""Items of a list that are shown."""

COMPARED_PIECES: Final = 4_000
"""Beyond this many words or lines in both values together, differences aren't searched."""

Shape = Literal["text", "list", "json", "hidden", "empty"]


class Span(NamedTuple):
    """A piece of a value, and whether the other side lacks it."""

    text: str
    differs: bool


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """One value as it is shown. A list has one run of spans an item, everything else one run."""

    shape: Shape
    runs: tuple[tuple[Span, ...], ...] = ()
    note: str | None = None
    """What the value doesn't show: how much was cut, why it isn't what its column declares."""


class Panel(msgspec.Struct, frozen=True, kw_only=True):
    """One changed field; a create has no `before`, a delete no `after`."""

    field: str
    label: str
    before: Shown | None
    after: Shown | None


class _Read(NamedTuple):
    shape: Shape
    items: list[str]
    note: str | None = None


def panels(public: Public, what: What, catalog: Catalog) -> list[Panel]:
    """Return one panel for each changed field, in the order of the columns."""
    order = [*public.fields, *(field for field in what.changes if field not in public.fields)]
    return [_panel(public, what, catalog, field) for field in order if field in what.changes]


def _panel(public: Public, what: What, catalog: Catalog, name: str) -> Panel:
    field, change = catalog.field(public.entity.type, name), what.changes[name]
    reference = what.references.get(name)
    now, then = (reference.label, reference.before) if reference else (None, None)
    before = _side(change.before, field, now if public.action == "delete" else then)
    after = _side(change.after, field, now)
    if before and after and before.shape == after.shape == "hidden":
        after = _Read("hidden", [], "changed")
    shown = _compared(before, after)
    return Panel(field=name, label=titled(field.label or name), before=shown[0], after=shown[1])


def _side(raw: msgspec.Raw | msgspec.UnsetType, field: Field, label: str | None) -> _Read | None:
    if isinstance(raw, msgspec.UnsetType):
        return None
    value = read(bytes(raw))
    if isinstance(value, dict):
        return _tagged(value, field)
    return _plain(value, field, label)


def _tagged(value: dict[str, Any], field: Field) -> _Read:
    match value["$"]:
        case "json":
            return _document(value["value"], field)
        case "secret":
            return _Read("hidden", [])
        case "blob":
            return _Read(
                "text",
                [f"sha256 {value['sha256']}"],
                f"{value['size']:,} bytes, shown by their digest",
            )
        case "cut":
            return _Read(
                "text", [value["text"][:LONGEST_TEXT]], f"cut; {value['size']:,} bytes in full"
            )
        case "invalid":
            return _Read("text", [value["text"][:LONGEST_TEXT]], value["why"])
        case _:
            return _Read("text", [str(value.get("text", value))])


def _plain(value: Any, field: Field, label: str | None) -> _Read:
    match value:
        case None | "":
            return _Read("empty", [])
        case bool():
            return _Read("text", ["true" if value else "false"])
        case _ if label is not None:
            return _Read("text", [f"{label} (#{value})"])
        case _:
            text = str(value)
            return _Read("text", [text[:LONGEST_TEXT]], _cut(text))


def _document(value: Any, field: Field) -> _Read:
    if value in (None, [], {}):
        return _Read("empty", [])
    if field.lines:
        try:
            return _listed(list(field.lines(value)))
        except (KeyError, TypeError, ValueError, AttributeError, IndexError):
            pass  # A value of another shape than the catalog knows is shown as it is.
    if isinstance(value, list) and all(
        isinstance(item, str | int | float | bool) for item in value
    ):
        return _listed([str(item) for item in value])
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return _Read("json", text[:LONGEST_TEXT].splitlines(keepends=True), _cut(text))


def _listed(items: list[str]) -> _Read:
    note = f"cut; {len(items):,} items in full" if len(items) > LONGEST_LIST else None
    return _Read("list", items[:LONGEST_LIST], note)


def _cut(text: str) -> str | None:
    return f"cut; {len(text):,} characters in full" if len(text) > LONGEST_TEXT else None


def _compared(before: _Read | None, after: _Read | None) -> tuple[Shown | None, Shown | None]:
    if before is None or after is None or before.shape != after.shape:
        return _alone(before), _alone(after)
    if before.shape == "text":
        pieces = [re.findall(r"\w+|\s+|[^\w\s]", side.items[0]) for side in (before, after)]
        unlike = _unlike(*pieces)
    else:
        pieces, unlike = [before.items, after.items], False
    if unlike or sum(map(len, pieces)) > COMPARED_PIECES:
        return _alone(before), _alone(after)
    left, right = _marked(*pieces)
    if before.shape == "list":
        return (
            Shown(shape="list", runs=tuple((span,) for span in left), note=before.note),
            Shown(shape="list", runs=tuple((span,) for span in right), note=after.note),
        )
    return (
        Shown(shape=before.shape, runs=(left,), note=before.note),
        Shown(shape=after.shape, runs=(right,), note=after.note),
    )


def _alone(side: _Read | None) -> Shown | None:
    if side is None:
        return None
    spans = tuple(Span(item, False) for item in side.items)
    runs = tuple((span,) for span in spans) if side.shape == "list" else (spans,)
    return Shown(shape=side.shape, runs=runs, note=side.note)


def _unlike(before: Sequence[str], after: Sequence[str]) -> bool:
    """Tell whether nothing stayed: marks help little there, and both texts read better whole."""
    return not set(before) & {piece for piece in after if piece.strip() and piece.isalnum()}


def _marked(
    before: Sequence[str], after: Sequence[str]
) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
    left: list[Span] = []
    right: list[Span] = []
    for tag, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        left += (Span(piece, tag != "equal") for piece in before[a:b])
        right += (Span(piece, tag != "equal") for piece in after[c:d])
    return tuple(left), tuple(right)
