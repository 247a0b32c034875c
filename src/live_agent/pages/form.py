"""A form as it is shown: what was typed, else the record's values, and what is wrong with them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """Each field's texts, and a sentence for each that was refused. A box that is off has no text."""

    values: Mapping[str, Sequence[str]] = {}
    errors: Mapping[str, str] = {}

    def text(self, name: str) -> str:
        """Return the field's text, the last where there are several."""
        texts = self.values.get(name, ())
        return texts[-1] if texts else ""

    def texts(self, name: str) -> Sequence[str]:
        """Return every text of the field."""
        return self.values.get(name, ())

    def is_on(self, name: str) -> bool:
        """Tell whether the box is on."""
        return bool(self.text(name))


def readable(check: Callable[[object], list[Any]], stored: object) -> list[Any]:
    """Return a stored list as a form can show it; what a shell wrote amiss is shown as empty."""
    try:
        return check(stored)
    except ValueError:
        return []


def form_of(record: object, names: Iterable[str], **others: Any) -> Form:
    """Show a record's values, and `others` by their names."""
    values = {name: getattr(record, name) for name in names} | others
    return Form(values={name: _texts(value) for name, value in values.items()})


def refused(sent: Mapping[str, Sequence[str]], errors: Mapping[str, str], message: str) -> Form:
    """Show what was sent, and why it was refused; `message` where no field is to blame."""
    return Form(values=sent, errors=errors or {"": message})


def _texts(value: Any) -> Sequence[str]:
    match value:
        case None | False:
            return ()
        case True:
            return ("true",)
        case list() | tuple() | set() | frozenset():
            return [str(each) for each in value]
        case _:
            return (str(value),)
