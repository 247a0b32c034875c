"""Before and after as people compare them: words of a text, items of a list, lines of JSON."""

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Any, Final, Literal, NamedTuple

import msgspec

from audit_trail.record.catalog import Catalog, Field, titled, worded
from audit_trail.record.entry import Public, What
from audit_trail.record.language import grouped, say, told
from audit_trail.record.legible import EMOJI
from audit_trail.record.sentence import ERASED
from audit_trail.record.value import read

LONGEST_TEXT: Final = 20_000
"""Characters of a value that are shown; the rest is kept, and counted."""

LONGEST_LIST: Final = 1_000
"""Items of a list that are shown."""

COMPARED_PIECES: Final = 4_000
"""Beyond this many words or lines in both values together, what is equal at both ends is passed over,
then whole sentences are compared, and words only in those that differ."""

COMPACT: Final = 60
"""Characters of a list within JSON that stands on one line."""

LEAD_IN: Final = 100
"""Characters that are shown before the first difference of values too long to be shown whole."""

CHANGED: Final = "changed"
"""The note on a hidden value that isn't the same as before."""

# What is told by a word of ours, of which nothing can be marked.
_WORDS: Final = ("hidden", "empty")
# Words with the accents that follow their letters, space, and all else one by one.
_PIECES: Final = re.compile(rf"{EMOJI.pattern}|[\w\u0300-\u036f]+|\s+|[^\w\s]")

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
    """What a value reads as. Where each item is one line, `told` has what the lines stand for."""

    shape: Shape
    items: list[str]
    note: str | None = None
    told: Sequence[str] = ()


_Both = tuple[_Read, _Read]


def panels(public: Public, what: What, catalog: Catalog) -> list[Panel]:
    """Return one panel for each changed field, in the order of the columns."""
    if what.is_erased:
        return [_erased(public, catalog, field) for field in public.fields]
    order = [*public.fields, *(field for field in what.changes if field not in public.fields)]
    return [_panel(public, what, catalog, field) for field in order if field in what.changes]


def _panel(public: Public, what: What, catalog: Catalog, name: str) -> Panel:
    field, change = catalog.field(public.entity.type, name), what.changes[name]
    reference = what.references.get(name)
    now, then = (reference.label, reference.before) if reference else (None, None)
    old, new = _bytes(change.before), _bytes(change.after)
    before = (
        None if old is None else _reading(old, field, now if public.action == "delete" else then)
    )
    after = None if new is None else _reading(new, field, now)
    if old is not None and new is not None and before and after:
        before, after = _apart(old, new, (before, after))
    shown = _compared(before, after)
    return Panel(
        field=name, label=titled(told(field.label or name)), before=shown[0], after=shown[1]
    )


def _erased(public: Public, catalog: Catalog, name: str) -> Panel:
    shown = _alone(_Read("empty", [told(ERASED)]))
    label = told(catalog.field(public.entity.type, name).label or name)
    return Panel(
        field=name,
        label=titled(label),
        before=None if public.action == "create" else shown,
        after=None if public.action == "delete" else shown,
    )


def _bytes(raw: msgspec.Raw | msgspec.UnsetType) -> bytes | None:
    return bytes(raw) if isinstance(raw, msgspec.Raw) else None


def _apart(old: bytes, new: bytes, both: _Both) -> _Both:
    """Read unequal values so that they look unequal: as people like it, as JSON, or as sealed."""
    before, after = both
    if old == new:
        is_hidden = after.shape == "hidden"
        return before, _noted(after, CHANGED if is_hidden else say("changed in what isn't kept"))
    if not _look_alike(before, after):
        return both
    as_json = _json(old), _json(new)
    return _sealed(old, new) if _look_alike(*as_json) else as_json


def _look_alike(before: _Read, after: _Read) -> bool:
    """Tell whether both are drawn the same, or have lines that are, of unequal items."""
    if _drawn(before) == _drawn(after):
        return True
    lines = {*zip(before.items, before.told, strict=False)}
    lines |= {*zip(after.items, after.told, strict=False)}
    return len({line for line, _ in lines}) < len(lines)


def _drawn(side: _Read) -> str:
    # One letter may have several encodings: e with an acute accent, or e and the accent.
    return unicodedata.normalize("NFC", "\n".join(side.items))


def _json(raw: bytes) -> _Read:
    match read(raw):
        case {"$": "json", "value": value}:
            return _pretty(value)
        case _:
            return _text(raw.decode(errors="backslashreplace"))


def _sealed(old: bytes, new: bytes) -> _Both:
    """Show both as they are stored, in ASCII; long ones from shortly before they differ."""
    left, right = (
        raw.decode(errors="backslashreplace").encode("ascii", "backslashreplace").decode()
        for raw in (old, new)
    )
    start = 0
    if max(len(left), len(right)) > LONGEST_TEXT:
        pairs = enumerate(zip(left, right, strict=False))
        differ = next((at for at, (a, b) in pairs if a != b), min(len(left), len(right)))
        start = max(0, differ - LEAD_IN)
    note = say("as it is stored")
    if start:
        note = say("as it is stored, from character %(place)s on", place=grouped(start + 1))
    return _noted(_text(left[start:]), note), _noted(_text(right[start:]), note)


def _noted(side: _Read, note: str) -> _Read:
    return side._replace(note="; ".join(filter(None, [side.note, note])))


def _reading(raw: bytes, field: Field, label: str | None) -> _Read:
    value = read(raw)
    if not isinstance(value, dict):
        return _plain(value, label)
    try:
        return _tagged(value, field) or _json(raw)
    except (KeyError, TypeError, ValueError):
        return _json(raw)  # A tag of another shape was never sealed by us; it is shown as it is.


def _tagged(value: dict[str, Any], field: Field) -> _Read | None:
    match value.get("$"):
        case "json":
            return _document(value["value"], field)
        case "secret":
            return _Read("hidden", [])
        case "blob":
            note = say("%(size)s bytes, shown by their digest", size=grouped(value["size"]))
            return _Read("text", [f"sha256 {value['sha256']}"], note)
        case "cut":
            note = say("cut; %(size)s bytes in full", size=grouped(value["size"]))
            return _Read("text", [str(value["text"])[:LONGEST_TEXT]], note)
        case "invalid":
            return _Read("text", [str(value["text"])[:LONGEST_TEXT]], str(value["why"]))
        case "real" | "numeric":
            return _Read("text", [str(value["text"])])
        case _:
            return None


def _plain(value: Any, label: str | None) -> _Read:
    match value:
        case None:
            return _Read("empty", [say("none")])
        case "":
            return _Read("empty", [say("empty text")])
        case bool():
            return _Read("text", ["true" if value else "false"])
        case _:
            return _text(str(value) if label is None else f"{label} (#{value})")


def _document(value: Any, field: Field) -> _Read:
    match value:
        case None:
            return _Read("empty", [say("null")])
        case [] | {} if not value:
            return _Read(
                "empty", [say("empty list") if isinstance(value, list) else say("empty object")]
            )
    try:
        if field.lines:
            return _listed(list(field.lines(value)))
        if field.line and isinstance(value, list):
            told = [json.dumps(item, sort_keys=True) for item in value]
            return _listed([field.line(item) for item in value], told)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        pass  # A value of another shape than the catalog knows is shown as it is.
    if isinstance(value, list) and not any(isinstance(item, list | dict | None) for item in value):
        return _listed([worded(item) for item in value])
    return _pretty(value)


def _pretty(value: Any) -> _Read:
    text = "".join(_written(value, "", is_top=True))
    return _Read("json", text[:LONGEST_TEXT].splitlines(keepends=True), _cut(text))


def _written(value: Any, indent: str, *, is_top: bool = False) -> Iterator[str]:
    """Write JSON as people do: a short list of single values stands on one line."""
    if not isinstance(value, list | dict) or not value:
        yield json.dumps(value, ensure_ascii=False)
        return
    if isinstance(value, list):
        told = json.dumps(value[:COMPACT], ensure_ascii=False)
        is_flat = not any(isinstance(each, list | dict) for each in value)
        if is_flat and len(told) <= COMPACT and not is_top:
            yield told
            return
    deeper = f"{indent}  "
    yield "[" if isinstance(value, list) else "{"
    for place, each in enumerate(value):
        yield f"{',' if place else ''}\n{deeper}"
        if isinstance(value, dict):
            yield f"{json.dumps(each, ensure_ascii=False)}: "
        yield from _written(value[each] if isinstance(value, dict) else each, deeper)
    yield f"\n{indent}{']' if isinstance(value, list) else '}'}"


def _text(text: str) -> _Read:
    return _Read("text", [text[:LONGEST_TEXT]], _cut(text))


def _listed(items: list[str], told: Sequence[str] = ()) -> _Read:
    note = None
    if len(items) > LONGEST_LIST:
        note = say("cut; %(count)s items in full", count=grouped(len(items)))
    return _Read("list", items[:LONGEST_LIST], note, told)


def _cut(text: str) -> str | None:
    if len(text) <= LONGEST_TEXT:
        return None
    return say("cut; %(count)s characters in full", count=grouped(len(text)))


def _compared(before: _Read | None, after: _Read | None) -> tuple[Shown | None, Shown | None]:
    if before is None or after is None or before.shape != after.shape or before.shape in _WORDS:
        return _alone(before), _alone(after)
    if before.shape == "list":
        return _sets(before, after)
    if before.shape == "text":
        pieces = [_PIECES.findall(side.items[0]) for side in (before, after)]
        if _unlike(*pieces):
            return _alone(before), _alone(after)
    else:
        pieces = [before.items, after.items]
    marked = _marked_of_many(*pieces)
    if marked is None:
        return _alone(before), _alone(after)
    left, right = marked
    return (
        Shown(shape=before.shape, runs=(left,), note=before.note),
        Shown(shape=after.shape, runs=(right,), note=after.note),
    )


def _sets(before: _Read, after: _Read) -> tuple[Shown, Shown]:
    """Compare lists by what each has and the other lacks; where they stand is a note."""
    left, right = _lacking(before.items, after.items), _lacking(after.items, before.items)
    note = None
    if [item for item, differs in left if not differs] != [
        item for item, differs in right if not differs
    ]:
        note = say("in another order")
        if not any(span.differs for span in (*left, *right)):
            marked = _marked_of_many(before.items, after.items)
            left, right = marked or (left, right)
    noted = after if note is None else _noted(after, note)
    return (
        Shown(shape="list", runs=tuple((span,) for span in left), note=before.note),
        Shown(shape="list", runs=tuple((span,) for span in right), note=noted.note),
    )


def _lacking(items: Sequence[str], others: Sequence[str]) -> tuple[Span, ...]:
    """Mark what the others lack; of equal items the last ones."""
    more = Counter(items) - Counter(others)
    spans = []
    for item in reversed(items):
        spans.append(Span(item, more[item] > 0))
        more[item] -= 1
    return tuple(reversed(spans))


def _alone(side: _Read | None) -> Shown | None:
    if side is None:
        return None
    spans = tuple(Span(item, False) for item in side.items)
    runs = tuple((span,) for span in spans) if side.shape == "list" else (spans,)
    return Shown(shape=side.shape, runs=runs, note=side.note)


def _unlike(before: Sequence[str], after: Sequence[str]) -> bool:
    """Tell whether nothing stayed: marks help little there, and both texts read better whole."""
    return not set(before) & {piece for piece in after if piece.strip() and piece.isalnum()}


_Marked = tuple[tuple[Span, ...], tuple[Span, ...]]


def _marked_of_many(before: Sequence[str], after: Sequence[str]) -> _Marked | None:
    """Mark what differs; None where even the sentences are too many to be compared."""
    if len(before) + len(after) <= COMPARED_PIECES:
        return _marked(before, after)
    start = _alike(before, after)
    rest = before[start:], after[start:]
    end = _alike(rest[0][::-1], rest[1][::-1])
    middles = [side[: len(side) - end] for side in rest]
    if sum(map(len, middles)) <= COMPARED_PIECES:
        marked: _Marked | None = _marked(*middles)
    else:
        marked = _marked_by_sentence(*middles)
    if marked is None:
        return None
    first = tuple(Span(piece, False) for piece in before[:start])
    last = tuple(Span(piece, False) for piece in before[len(before) - end :])
    return (*first, *marked[0], *last), (*first, *marked[1], *last)


def _alike(before: Sequence[str], after: Sequence[str]) -> int:
    """Return how many pieces both begin with."""
    pairs = enumerate(zip(before, after, strict=False))
    shorter = min(len(before), len(after))
    return next((at for at, (left, right) in pairs if left != right), shorter)


def _marked_by_sentence(before: Sequence[str], after: Sequence[str]) -> _Marked | None:
    old, new = _sentences(before), _sentences(after)
    if len(old) + len(new) > COMPARED_PIECES:
        return None
    left: list[Span] = []
    right: list[Span] = []
    budget = COMPARED_PIECES
    for tag, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        olds, news = ([piece for each in side for piece in each] for side in (old[a:b], new[c:d]))
        if tag == "replace" and (budget := budget - len(olds) - len(news)) >= 0:
            marked = _marked(olds, news)
            left += marked[0]
            right += marked[1]
        else:
            left += (Span(piece, tag != "equal") for piece in olds)
            right += (Span(piece, tag != "equal") for piece in news)
    return tuple(left), tuple(right)


def _sentences(pieces: Sequence[str]) -> list[tuple[str, ...]]:
    """Group pieces into sentences and lines, each with the space behind it."""
    groups: list[list[str]] = [[]]
    for piece in pieces:
        groups[-1].append(piece)
        if "\n" in piece or (
            piece.isspace() and groups[-1][-2:-1] in (["."], ["!"], ["?"], ["。"])
        ):
            groups.append([])
    return [tuple(group) for group in groups if group]


def _marked(before: Sequence[str], after: Sequence[str]) -> _Marked:
    left: list[Span] = []
    right: list[Span] = []
    for tag, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        left += (Span(piece, tag != "equal") for piece in before[a:b])
        right += (Span(piece, tag != "equal") for piece in after[c:d])
    return tuple(left), tuple(right)
