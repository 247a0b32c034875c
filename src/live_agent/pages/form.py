"""A form as it is shown: what was typed, else the record's values, and what is wrong with them."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from live_agent.settings.fields import Field, from_form


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


def edited(
    fields: Mapping[str, Field],
    shown: Form,
    sent: Mapping[str, Sequence[str]],
    names: Iterable[str],
) -> dict[str, object]:
    """Return the values of those fields that say something else than the form showed.

    The others aren't written, so what no form can show, such as a blob that a database shell left,
    outlives the saving of its neighbours.
    """
    return from_form(
        fields, sent, [name for name in names if _is_edited(fields[name], name, shown, sent)]
    )


def _is_edited(field: Field, name: str, shown: Form, sent: Mapping[str, Sequence[str]]) -> bool:
    if field.form == "checkbox":
        return shown.is_on(name) != from_form({name: field}, sent, (name,))[name]
    return _as_sent(shown.texts(name)) != _as_sent(sent.get(name, ()))


def _as_sent(texts: Sequence[str]) -> list[str]:
    """Write texts as every browser sends them: with one kind of line end, and without NUL."""
    return [re.sub("\r\n?", "\n", text).replace("\0", "\ufffd") for text in texts if text]


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
