"""What a record's entries imply: whether it exists, and each field's value; it invents nothing.

Entries are folded in the order of their index. What was erased, dropped or never told is unknown,
unless a later entry's value before tells it.
"""

from collections.abc import Iterable, Mapping
from typing import Final, Literal

import msgspec

from audit_trail.record.entry import Entry, read_what
from audit_trail.record.value import NULL, plain

Act = Literal["create", "update", "delete", "arrive", "leave", "unknown"]
"""What a step did: a record *arrives* under its id or in its account by a change of these."""

_CHANGES: Final = frozenset({"create", "update", "delete"})


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Which fields say which record it is, and in which account: a change of them moves it."""

    fields: tuple[str, ...] = ("id",)
    account: str | None = "account_id"


class Step(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What one entry says of a record: its own, or with `is_own` False one that lost its id to it.

    `fields` are all that it names. Those without sides were erased, or can't be read; then `is_told`
    is False. With `is_renamed` the record had another id until then.
    """

    index: int
    version: int
    occurred_us: int
    act: Act | None
    fields: frozenset[str] = frozenset()
    before: Mapping[str, bytes] = {}
    after: Mapping[str, bytes] = {}
    is_told: bool = True
    is_own: bool = True
    is_renamed: bool = False

    @property
    def tells_all(self) -> bool:
        """Tell whether it names every field that it changed: an erased one may have had more than
        its public part has room for."""
        return self.is_told or bool(self.fields)


class State(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a record after some of its entries.

    `exists` is None where nothing tells. `values` are sealed values (see `record.value`), of a
    secret only that it is set. With `is_whole` every field that isn't named is null, since a
    create or a delete told all; what is in `unknown` isn't. `told_by` is the index of the entry
    that named the field last; `since_us` is when the record's present life, or what is known of
    it, begins.
    """

    exists: bool | None = None
    since_us: int | None = None
    values: Mapping[str, bytes] = {}
    unknown: frozenset[str] = frozenset()
    is_whole: bool = False
    told_by: Mapping[str, int] = {}
    index: int | None = None
    version: int = 0

    def value(self, field: str) -> bytes | None:
        """Return the field's value; None where it isn't known."""
        if field in self.values:
            return self.values[field]
        return NULL if self.is_whole and field not in self.unknown else None

    @property
    def fields(self) -> frozenset[str]:
        """Every field that is known by its name."""
        return frozenset({*self.values, *self.unknown})


NOTHING_KNOWN: Final = State()


def step_of(entry: Entry, identity: Identity | None = None, record: str | None = None) -> Step:
    """Return what the entry says of the record with this id; by default, of the one that it names.

    An entry of another record is one that took over from it, so that this one left.
    """
    public, what = entry.public, read_what(entry.what, entry.public.what)
    changes = what.changes
    is_told = not (what.is_erased or what.unreadable)
    # Where there were too many for the public part, the what part alone has their names.
    fields = frozenset({*public.fields, *changes})
    before = {name: bytes(c.before) for name, c in changes.items() if c.before is not msgspec.UNSET}
    after = {name: bytes(c.after) for name, c in changes.items() if c.after is not msgspec.UNSET}
    step = Step(
        index=entry.index,
        version=entry.version,
        occurred_us=public.occurred_at,
        act=None,
        fields=fields,
        before=before,
        after=after,
        is_told=is_told,
    )
    if public.action not in _CHANGES or public.outcome != "success":
        return msgspec.structs.replace(step, fields=frozenset(), before={}, after={})
    if record is not None and record != public.entity.id:
        return msgspec.structs.replace(step, act="leave", is_own=False)
    identity = identity or Identity()
    act = _act(step, public.action, public.account, identity)
    is_renamed = act in ("arrive", "leave") and bool(fields & {*identity.fields})
    return msgspec.structs.replace(step, act=act, is_renamed=is_renamed)


def had_another_id(step: Step, identity: Identity) -> bool:
    """Tell whether the record was in this account under another id before.

    One that came from another account with a new id was never here; one that went there with a new
    id was here under the old one alone.
    """
    if not step.fields & {*identity.fields}:
        return False
    return step.act == "leave" or (step.act == "arrive" and identity.account not in step.fields)


def former_id(step: Step, identity: Identity, record: str) -> str | None:
    """Return the id that a record had in this account before a step gave it the one that it has now."""
    if not had_another_id(step, identity):
        return None
    if len(identity.fields) == 1:
        return _text(step.before.get(identity.fields[0]))
    try:
        parts = msgspec.json.decode(record.encode(), type=list[msgspec.Raw])
        named = zip(identity.fields, parts, strict=True)
    except (msgspec.DecodeError, ValueError):
        return None
    return f"[{','.join(step.before.get(name, bytes(part)).decode() for name, part in named)}]"


def after(state: State, step: Step) -> State:
    """Return the state that a step leaves; what was dropped between them may have changed all."""
    if step.is_own and step.version > state.version + 1:
        state = NOTHING_KNOWN
    index, version = step.index, step.version if step.is_own else state.version
    match step.act:
        case "update" if state.exists is False and _is_of_parts(step):
            # Whoever wrote the part had not seen yet that others deleted its owner meanwhile.
            return msgspec.structs.replace(state, index=index, version=version)
        case None:
            return msgspec.structs.replace(state, index=index, version=version)
        case "unknown":
            return State(index=index, version=version)
        case "leave" | "delete":
            return State(
                exists=False,
                since_us=step.occurred_us,
                told_by=dict.fromkeys(step.fields, index),
                index=index,
                version=version,
            )
        case "create" | "arrive":
            state = State(is_whole=step.act == "create")
        case "update":
            pass
    values, unknown = state.values, state.unknown
    if not step.tells_all:
        values, unknown = {}, state.fields
    kept = {name: value for name, value in values.items() if name not in step.fields}
    return State(
        exists=True,
        since_us=state.since_us if state.exists else step.occurred_us,
        values={**kept, **step.after},
        unknown=(unknown | step.fields) - step.after.keys(),
        is_whole=state.is_whole and step.tells_all,
        told_by={**state.told_by, **dict.fromkeys(step.fields, index)},
        index=index,
        version=version,
    )


def folded(steps: Iterable[Step], state: State = NOTHING_KNOWN) -> State:
    """Return the state that these steps, in the order of their index, leave."""
    for step in steps:
        state = after(state, step)
    return state


def looking_back(state: State, later: Iterable[Step]) -> State:
    """Add what the steps after the state say of the time before them.

    A field's first later value before is what it was, as long as nothing in between was dropped.
    """
    version, mentioned = state.version, frozenset[str]()
    for step in later:
        if step.is_own:
            if step.version != version + 1:
                break
            version = step.version
        if step.act is None:
            continue
        # One that left under a new id was never here under that.
        if step.act in ("create", "arrive") or step.is_renamed:
            is_new = state.exists is None
            return msgspec.structs.replace(state, exists=False) if is_new else state
        if state.exists is False or step.act == "unknown":
            break
        state = _with_before(state, step, mentioned)
        mentioned |= step.fields
        if step.act in ("delete", "leave") or not step.tells_all:
            break
    return state


def changed_since(steps: Iterable[Step], index: int) -> dict[str, int]:
    """Return the fields that steps after this index name, each with the first one's index.

    A step that tells none of its fields is of no help here; whoever asks sees it in the trail.
    """
    found: dict[str, int] = {}
    for step in steps:
        if step.index > index:
            for field in step.fields:
                found.setdefault(field, step.index)
    return found


def _act(step: Step, action: str, account: str, identity: Identity) -> Act:
    if action == "create":
        return "create"
    if action == "delete":
        return "delete"
    moved = step.fields & {*identity.fields}
    if identity.account and identity.account in step.fields:
        came_to = _text(step.after.get(identity.account))
        # An account's own trail is told alone of the account; what isn't told can't be followed.
        if came_to is not None and came_to != account:
            return "leave"
        return "arrive" if came_to is not None else "unknown"
    return "arrive" if moved else "update"


def _with_before(state: State, step: Step, mentioned: frozenset[str]) -> State:
    """Take the values before of those fields that no step since has named."""
    open_ = {name for name in step.fields | mentioned if state.value(name) is None}
    told = {name: step.before[name] for name in open_ & step.before.keys() - mentioned}
    return msgspec.structs.replace(
        state,
        exists=True,
        values={**state.values, **told},
        unknown=(state.unknown | open_) - told.keys(),
        # A delete tells every field that wasn't null.
        is_whole=state.is_whole or (step.act == "delete" and step.tells_all),
    )


def _is_of_parts(step: Step) -> bool:
    """Tell whether a step names nothing but fields of the record's parts, such as channel.url."""
    return bool(step.fields) and all("." in name for name in step.fields)


def _text(value: bytes | None) -> str | None:
    """Return a value as ids are written; None where it is none."""
    shown = None if value is None else plain(value)
    return None if shown is None or isinstance(shown, dict | list) else str(shown)
