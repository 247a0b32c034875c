"""Fields and what they accept, declared once for the API and the pages; it reads no database."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import msgspec

from audit_trail.record.language import grouped, say, told
from live_agent.schema import LARGEST_INTEGER

Check = Callable[[object], Any]
"""Returns the value that is kept, or raises `ValueError` with the rest of a sentence: "must be …"."""

Form = Mapping[str, str | Sequence[str]]
"""A form as it was sent: a field's value, or its values where there are several."""

LONGEST_NAME: Final = 255
LONGEST_TEXT: Final = 10_000
LONGEST_URL: Final = 2_048
LONGEST_JSON_BYTES: Final = 100_000
DEEPEST_JSON: Final = 8
MOST_ITEMS: Final = 1_000

_EMAIL: Final = re.compile(r"[^\s@,;:<>()\[\]\\\"]{1,64}@[^\s@,;:<>()\[\]\\\"]{1,189}", re.ASCII)
_HOST: Final = re.compile(r"[^\s/?#@\\<>\"^`{|}]+")


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One field: the label its messages begin with, what it accepts, and how a form sends it."""

    label: str
    check: Check
    required: bool = False
    form: Literal["text", "checkbox", "number", "list", "numbers", "json"] = "text"


class Checked(NamedTuple):
    """The values that can be kept, and a sentence for each that can't."""

    values: dict[str, Any]
    errors: dict[str, str]


def checked(
    fields: Mapping[str, Field], values: Mapping[str, object], *, partial: bool = False
) -> Checked:
    """Check every field that was given; unknown ones are passed over. `partial` requires none."""
    accepted: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for name, field in fields.items():
        if name not in values:
            if field.required and not partial:
                errors[name] = say("%(label)s is required.", label=told(field.label))
            continue
        try:
            accepted[name] = field.check(values[name])
        except ValueError as error:
            errors[name] = say("%(label)s %(wrong)s.", label=told(field.label), wrong=error)
    return Checked(accepted, errors)


def from_form(fields: Mapping[str, Field], form: Form, names: Iterable[str]) -> dict[str, object]:
    """Turn a form's texts into values for the fields it has (`names`), to be checked as any others.

    A checkbox that wasn't sent is off; an empty text is null; what can't be turned stays text,
    so that the check refuses it.
    """
    return {name: _from_form(fields[name].form, form.get(name)) for name in names}


def _from_form(kind: str, sent: str | Sequence[str] | None) -> object:
    several = [sent] if isinstance(sent, str) else list(sent or ())
    last = several[-1] if several else ""
    match kind:
        case "checkbox":
            return last.lower() in ("1", "on", "true", "yes")
        case "number":
            return _number(last) if last.strip() else None
        case "list":
            return [each for each in several if each]
        case "numbers":
            return [_number(each) for each in several if each]
        case "json":
            return _document(last) if last.strip() else None
        case _:
            return last.replace("\r\n", "\n") if last.strip() else None


def _number(text: str) -> object:
    digits = text.strip()
    return int(digits) if re.fullmatch(r"-?[0-9]{1,19}", digits) else text


def _document(text: str) -> object:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return text


def text(
    *, limit: int = LONGEST_TEXT, shortest: int = 0, lines: bool = False, nullable: bool = True
) -> Check:
    """Accept text without control characters; `lines` permits several lines."""

    def check(value: object) -> str | None:
        if value is None and nullable:
            return None
        if value is None:
            raise ValueError(say("is required"))
        if not isinstance(value, str):
            raise ValueError(say("must be text"))
        if not nullable and not value.strip():
            raise ValueError(say("is required"))
        if not _is_clean(value, "\n\r\t" if lines else ""):
            raise ValueError(say("must not contain control characters"))
        if len(value) > limit:
            raise ValueError(say("must be at most %(count)s characters long", count=grouped(limit)))
        if len(value.strip()) < shortest:
            raise ValueError(say("must be at least %(count)s characters long", count=shortest))
        return value

    return check


def name(*, shortest: int = 0, formula: bool = True) -> Check:
    """Accept a name; without `formula` it may not start with =, which a spreadsheet would run."""
    accept = text(limit=LONGEST_NAME, shortest=shortest, nullable=False)

    def check(value: object) -> str:
        accepted: str = accept(value)
        if not formula and accepted.lstrip().startswith("="):
            raise ValueError(say("must not start with ="))
        return accepted

    return check


def _is_clean(value: str, permitted: str) -> bool:
    """Tell whether there is no control character and no lone surrogate, which has no UTF-8."""
    return all(
        character in permitted or unicodedata.category(character) not in ("Cc", "Cs")
        for character in value
    )


def boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(say("must be true or false"))
    return value


def integer(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(say("must be a whole number"))
    if not -LARGEST_INTEGER <= value <= LARGEST_INTEGER:
        raise ValueError(say("is out of range"))
    return value


def optional(check: Check) -> Check:
    """Accept null besides what `check` accepts."""
    return lambda value: None if value is None else check(value)


def one_of(*choices: str) -> Check:
    def check(value: object) -> str:
        if not isinstance(value, str) or value not in choices:
            raise ValueError(say("must be %(choices)s", choices=_either(choices)))
        return value

    return check


def some_of(*choices: str) -> Check:
    """Accept a list of these names, each once."""

    def check(value: object) -> list[str]:
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise ValueError(say("must be a list of names"))
        if unknown := [each for each in value if each not in choices]:
            shown = unknown[0][:60].encode("ascii", "backslashreplace").decode()
            raise ValueError(
                say(
                    "has the unknown name %(name)s; known are %(choices)s",
                    name=shown,
                    choices=_all(choices),
                )
            )
        return list(dict.fromkeys(value))

    return check


def names(value: object) -> list[str]:
    """Accept a list of names, each once."""
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ValueError(say("must be a list of names"))
    if len(value) > MOST_ITEMS:
        raise ValueError(say("must have at most %(count)s items", count=grouped(MOST_ITEMS)))
    return list(dict.fromkeys(value))


def numbers(value: object) -> list[int]:
    """Accept a list of ids, each once."""
    if not isinstance(value, list) or not all(type(each) is int for each in value):
        raise ValueError(say("must be a list of whole numbers"))
    if len(value) > MOST_ITEMS:
        raise ValueError(say("must have at most %(count)s items", count=grouped(MOST_ITEMS)))
    return [integer(each) for each in dict.fromkeys(value)]


def url(value: object) -> str | None:
    """Accept an http or https URL. One with a password in it would carry it into every log."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if not isinstance(value, str):
        raise ValueError(say("must be a URL"))
    if len(value) > LONGEST_URL:
        raise ValueError(
            say("must be at most %(count)s characters long", count=grouped(LONGEST_URL))
        )
    if not _is_clean(value, "") or any(character.isspace() for character in value):
        raise ValueError(say("must not contain spaces or control characters"))
    try:
        parts = urlsplit(value)
        host, _port = parts.hostname, parts.port
    except ValueError:
        raise ValueError(say("must be a valid URL")) from None
    if parts.scheme not in ("http", "https"):
        raise ValueError(say("must start with http:// or https://"))
    if parts.username is not None or parts.password is not None:
        raise ValueError(say("must not contain a user name or password"))
    if not host or not _HOST.fullmatch(host):
        raise ValueError(say("must name a host"))
    return value


def required_url(value: object) -> str:
    if (accepted := url(value)) is None:
        raise ValueError(say("is required"))
    return accepted


def timezone(value: object) -> str:
    """Accept the IANA name of a time zone."""
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_+\-/]{0,63}", value):
        raise ValueError(say("must be the name of a time zone, such as Europe/Berlin"))
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise ValueError(say("must be a known time zone, such as Europe/Berlin")) from None
    return value


def email(value: object) -> str:
    """Accept an e-mail address; it is kept in lower case, since people sign in with it."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError(say("is required"))
    if not _EMAIL.fullmatch(value.strip()) or not _is_clean(value, ""):
        raise ValueError(say("must be an e-mail address, such as ana@example.com"))
    return value.strip().lower()


def secret(value: object) -> str:
    """Accept a signing secret; nobody can sign with a short one."""
    if not isinstance(value, str) or not re.fullmatch(r"[!-~]{16,255}", value):
        raise ValueError(say("must be 16 to 255 letters, digits or signs without spaces"))
    return value


def password(value: object) -> str:
    """Accept a password."""
    if not isinstance(value, str) or not 8 <= len(value) <= LONGEST_NAME:
        raise ValueError(say("must be 8 to %(count)s characters long", count=LONGEST_NAME))
    if not _is_clean(value, ""):
        raise ValueError(say("must not contain control characters"))
    return value


def json_object(value: object) -> dict[str, Any]:
    """Accept a JSON object of bounded size and depth, its texts clean."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError(say("must be an object"))
    require_plain(value)
    return value


def require_plain(value: object, depth: int = 0) -> None:
    """Raise `ValueError` for what can't be kept as JSON, or is too deep or too large."""
    if depth > DEEPEST_JSON:
        raise ValueError(say("is nested too deeply"))
    match value:
        case str() if not _is_clean(value, "\n\r\t"):
            raise ValueError(say("must not contain control characters"))
        case bool():
            return
        case int():
            integer(value)
        case dict():
            for key, item in value.items():
                require_plain(key, depth + 1)
                require_plain(item, depth + 1)
        case list():
            for item in value:
                require_plain(item, depth + 1)
    if depth == 0 and len(msgspec.json.encode(value)) > LONGEST_JSON_BYTES:
        raise ValueError(
            say("must be at most %(count)s bytes long", count=grouped(LONGEST_JSON_BYTES))
        )


def _either(choices: Sequence[str]) -> str:
    *others, last = choices
    return say("%(first)s or %(last)s", first=", ".join(others), last=last) if others else last


def _all(choices: Sequence[str]) -> str:
    *others, last = choices
    return say("%(one)s and %(other)s", one=", ".join(others), other=last) if others else last
