"""Who acts and from where, carried by a context variable; it knows no database.

Tasks and `asyncio.to_thread` copy the variable; what carries it into pools and jobs is `jobs`.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Final

import msgspec

from audit_trail.record.entry import ActorKind, Via


class Actor(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who acts. `id` is a surrogate; `email` and `name` are sealed in the who part."""

    kind: ActorKind
    id: str | None = None
    email: str | None = None
    name: str | None = None
    role: str | None = None
    token: dict[str, str] | None = None


class Origin(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where an act comes from. `ip` is the socket's peer, `forwarded` what proxies claimed.

    `address` is the nearest that is no trusted proxy, where that isn't the peer itself. `job` names
    the job that does what was asked in the request. `request` is ours and ties the entries of one request together; `client_request` is what the
    client sent. `session` names a session without being its secret.
    """

    via: Via
    request: str | None = None
    ip: str | None = None
    forwarded: tuple[str, ...] = ()
    address: str | None = None
    user_agent: str | None = None
    session: str | None = None
    client_request: str | None = None
    job: str | None = None

    @property
    def nearest(self) -> str | None:
        """The address where the act came from, as far as it can be believed."""
        return self.address or self.ip

    @property
    def network(self) -> str:
        """Whose the nearest address is: with IPv6 somebody has 64 bits, to change as they like."""
        try:
            found = ip_address(self.nearest or "")
        except ValueError:
            return self.nearest or "unknown"
        if isinstance(found, IPv6Address) and found.ipv4_mapped is None:
            return str(IPv6Network((int(found) >> 64 << 64, 64)))
        return str(getattr(found, "ipv4_mapped", found))


class Undone(msgspec.Struct, frozen=True, kw_only=True):
    """The entry that a change undoes: its index in the account's trail, and its id."""

    index: int
    id: str


class Context(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What capture puts beside a transaction's changes. `occurred_at` is in microseconds UTC.

    The actor is who really acts, and stands first. `on_behalf_of` goes on from there: each acts for
    the next, and the last is the one for whom all of it is done.
    """

    actor: Actor
    origin: Origin
    on_behalf_of: tuple[Actor, ...] = ()
    reason: str | None = None
    ticket: str | None = None
    occurred_at: int | None = None
    undoes: Undone | None = None


def encoded(value: msgspec.Struct) -> str:
    """Encode as JSON; lone surrogates, which have no UTF-8, become question marks."""
    try:
        return msgspec.json.encode(value, order="sorted").decode()
    except UnicodeEncodeError:
        text = json.dumps(msgspec.to_builtins(value), ensure_ascii=False)
        return text.encode(errors="replace").decode()


SYSTEM: Final = Actor(kind="system")
ANONYMOUS: Final = Actor(kind="anonymous")

UNSURE: Final = object()
"""What a transaction counts as carrying once a rollback to a savepoint may have undone what it did.

It is no context in force, so whatever is in force is sent anew; of nobody, that it is System.
"""

_current: ContextVar[Context | Callable[[], Context] | None] = ContextVar(
    "audit_context", default=None
)
_importing: ContextVar[int | None] = ContextVar("audit_importing", default=None)


def current_context() -> Context | None:
    """Return the context in force, or None outside `acting_as`."""
    found = _current.get()
    return found() if callable(found) else found


@contextmanager
def acting_as(
    actor: Actor,
    origin: Origin,
    *,
    on_behalf_of: tuple[Actor, ...] = (),
    reason: str | None = None,
    ticket: str | None = None,
    occurred_at: int | None = None,
) -> Iterator[Context]:
    """Attribute every change made inside the block to this actor and origin.

    `occurred_at` (microseconds UTC) may be set only where `origin.via` is `import`; else
    `ValueError`, so that nobody back-dates what happens now.
    """
    imported_at = _importing.get()
    if imported_at is not None:
        origin, occurred_at = msgspec.structs.replace(origin, via="import"), imported_at
    if occurred_at is not None and origin.via != "import":
        raise ValueError("occurred_at may be set only by an import (origin.via = 'import')")
    context = Context(
        actor=actor,
        origin=origin,
        on_behalf_of=on_behalf_of,
        reason=reason,
        ticket=ticket,
        occurred_at=occurred_at,
    )
    with resuming(context):
        yield context


@contextmanager
def acting_once_known(find: Callable[[], Context]) -> Iterator[None]:
    """Attribute every change made inside the block to the context that `find` tells then.

    For a request whose user is looked up late, or signs in meanwhile. `find` is called for each
    write, so it should be quick.
    """
    with _in_force(find):
        yield


@contextmanager
def resuming(context: Context | None) -> Iterator[None]:
    """Put a context in force again, as it was; None is System."""
    with _in_force(context):
        yield


@contextmanager
def _in_force(context: Context | Callable[[], Context] | None) -> Iterator[None]:
    token = _current.set(context)
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def stating(*, reason: str | None = None, ticket: str | None = None) -> Iterator[None]:
    """Add why something is done to the context in force; what isn't given stays as it is."""
    said = {name: text for name, text in (("reason", reason), ("ticket", ticket)) if text}
    context = current_context()
    with resuming(msgspec.structs.replace(context, **said) if context and said else context):
        yield


@contextmanager
def undoing(entry: Undone) -> Iterator[None]:
    """Say of every change made inside the block that it undoes this entry."""
    context = current_context()
    with resuming(msgspec.structs.replace(context, undoes=entry) if context else None):
        yield


@contextmanager
def importing(occurred_at: int) -> Iterator[None]:
    """Date every change made inside the block to `occurred_at` (µs UTC), via `import`.

    Only code of the process itself can say so: no header, parameter or scope reaches it.
    """
    token = _importing.set(occurred_at)
    try:
        yield
    finally:
        _importing.reset(token)
