"""What the page asks of the application that mounts it: who looks, and how far behind the trail is."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from audit_trail.record.entry import Entry


class View(msgspec.Struct, frozen=True, kw_only=True):
    """A question that is kept under a name, as the address of the page that asks it."""

    name: str
    address: str
    is_shared: bool = False
    is_current: bool = False


class Views(msgspec.Struct, frozen=True, kw_only=True):
    """The views to choose from, and the addresses that keep what is shown now, and list all."""

    items: Sequence[View]
    save: str
    all: str


Opens = Callable[[dict[str, Any]], None]
"""Told what is about to be shown whole (`record.opened.details`). What it raises is answered instead."""


def unrecorded(_said: dict[str, Any]) -> None:
    """Let everything be shown, and record nothing of it."""


class Reader(msgspec.Struct, frozen=True, kw_only=True):
    """Who reads entries: whose trail, and in which zone (IANA) days are meant by default."""

    account: str
    zone: str | None = None
    person: Hashable = None
    """Tells people apart, where something is limited for each of them."""
    opens: Opens = unrecorded
    is_admitted: Callable[[], bool] = lambda: True
    """Tells whether they may still read; asked every few seconds of an answer that goes on for long."""


class Exports(msgspec.Struct, frozen=True, kw_only=True):
    """Where a form asks for an export of what is shown, and where all are listed.

    `hidden` is what the application wants to be sent along, such as a form's token.
    """

    make: str
    all: str
    hidden: Mapping[str, str] = {}


class Viewer(msgspec.Struct, frozen=True, kw_only=True):
    """Whose trail is shown, and how. `path` is the list's own path, without a slash at its end."""

    account: str
    path: str
    zone: str | None = None
    """The zone (IANA) in which times are shown when the browser has told none."""
    chosen_zone: str | None = None
    """The zone (IANA) that the viewer has chosen; it counts before the browser's."""
    language: str | None = None
    """The tag of the language that the viewer has chosen; without it the browser's counts."""
    retention: str | None = None
    """The address where the application shows and changes how long entries are kept."""
    personal_data: str | None = None
    """The address where the application finds and erases what is kept of a person."""
    reader: Reader | None = None
    """The same person, for answers that go on for long; without it there are none."""
    opens: Opens = unrecorded
    views: Views | None = None
    """What the application keeps of questions that were asked."""
    exports: Exports | None = None
    """Where what is shown can be taken away as a file."""
    restoration: Callable[[Entry], str | None] = lambda _: None
    """Returns the address where the application brings back what a record was before this entry;
    None where it offers nothing of the kind."""
    layout: Mapping[str, Any] = {}
    """What the application's own `layout.html` needs."""


class Backlog(Protocol):
    """How many changes are committed but not yet entries, and since when (µs UTC)."""

    @property
    def rows(self) -> int: ...

    @property
    def oldest_us(self) -> int | None: ...
