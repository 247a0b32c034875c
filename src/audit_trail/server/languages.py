"""The page's texts in other languages, one file each, `locale/de.po`; English is in the code.

How a language writes times and numbers is Unicode's (CLDR); nothing of it is kept here.
"""

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import msgspec
from babel.core import Locale, UnknownLocaleError, negotiate_locale
from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, read_po
from babel.numbers import format_decimal
from babel.support import Translations
from babel.units import format_unit
from jinja2 import Environment

from audit_trail.record.language import grouped, say, say_many, spoken, told, told_many

_log = logging.getLogger(__name__)

ENGLISH: Final = "en"
SUFFIX: Final = ".po"
ENGLISH_LOCALE: Final = Locale("en", "US")
MOST_ASKED: Final = 20
"""Of the languages that a browser lists."""

ALSO: Final = {"a_name": "name"}
"""What a text may have instead of a place: a name without its English article."""

SCRIPT: Final = ".js"

_PLACE: Final = re.compile(r"%\((\w+)\)s|%(.)")
_ASKED: Final = re.compile(
    r"\s*([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*)\s*(?:;\s*q=([01](?:\.\d{0,3})?))?\s*"
)


class Spoken(Translations):
    """One language's texts, and how it is called in HTML."""

    tag: str = ENGLISH
    locale: Locale = ENGLISH_LOCALE
    scripted: Mapping[str, str] = {}
    """Texts that scripts of the page say, by their English ones."""

    def grouped(self, number: int) -> str:
        """Write a whole number, its digits in groups: 1.250 in German."""
        # Where a text of the trail is read, a space of another kind is drawn as a sign of its own.
        return re.sub(r"\s", " ", format_decimal(number, locale=self.locale))


class Languages:
    """The languages whose files lie in these folders; of two files for one, the latter's texts count."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._spoken: dict[str, Spoken] = {}
        for folder in folders:
            for path in sorted(folder.glob(f"*{SUFFIX}")):
                self._read(path)

    def of(self, accepted: str, chosen: str | None = None) -> Spoken | None:
        """Return the language of this tag, else that which an Accept-Language header asks for.

        None means English.
        """
        available = [ENGLISH, *self._spoken]
        wanted = [chosen.lower()] if chosen else []
        # Catalogues of other dialects serve those who have no own: "de" for "de-AT".
        found = negotiate_locale([*wanted, *_accepted(accepted)], available, sep="-")
        return self._spoken.get(found or ENGLISH)

    def _read(self, path: Path) -> None:
        try:
            Locale.parse(path.stem, sep="-")
            with path.open("rb") as file:
                catalog = read_po(file, locale=path.stem.replace("-", "_"), abort_invalid=True)
        except (OSError, PoFileError, UnknownLocaleError, ValueError) as error:
            _log.error("the language file %s can't be read: %s", path, error)
            return
        for message in list(catalog):
            if message.id and not _is_sound(message):
                _log.warning("%s: the text of %r has other places; English stays", path, message.id)
                catalog.delete(message.id)
        spoken = _compiled(catalog)
        spoken.tag = path.stem
        spoken.locale = Locale.parse(path.stem, sep="-")
        spoken.scripted = _scripted(catalog)
        known = self._spoken.get(path.stem.lower())
        self._spoken[path.stem.lower()] = _merged(known, spoken) if known else spoken


def install(environment: Environment, languages: Languages) -> None:
    """Let the templates say their texts in the language that is spoken."""
    environment.add_extension("jinja2.ext.i18n")
    # Texts are plain: what a language's file holds is escaped as all else, and runs nowhere.
    environment.install_gettext_callables(told, told_many)  # type: ignore[attr-defined]
    escape = environment.filters["escape"]

    def filled(message: str, /, **values: object) -> Any:
        """Return a message as HTML, its places filled with texts or with HTML."""
        return escape(told(message)) % values

    environment.globals |= {"say": say, "say_many": say_many, "filled": filled}
    environment.globals |= {"grouped": grouped, "size_of": size_of, "scripted": scripted}
    environment.filters["told"] = told
    environment.globals["languages"] = languages


def language_of(
    environment: Environment, accepted: str, chosen: str | None = None
) -> Spoken | None:
    """Return the language in which a page is told: the reader's choice, else the browser's.

    None means English.
    """
    languages = environment.globals["languages"]
    return languages.of(accepted, chosen) if isinstance(languages, Languages) else None


def spoken_locale() -> Locale:
    """Return how times and numbers are written in the language that is spoken."""
    language = spoken()
    return language.locale if isinstance(language, Spoken) else ENGLISH_LOCALE


def called_itself(tag: str) -> str:
    """Return what the language of a tag calls itself: Deutsch."""
    return str(Locale.parse(tag, sep="-").get_display_name())


def size_of(count_bytes: int) -> str:
    """Say a file's size in its largest unit: "12.4 kB"."""
    size, unit = float(count_bytes), "byte"
    for larger in ("kilobyte", "megabyte", "gigabyte"):
        if size < 1_000:
            break
        size, unit = size / 1_000, larger
    length: Any = "long" if unit == "byte" else "short"
    return format_unit(round(size, 1), f"digital-{unit}", length=length, locale=spoken_locale())


def scripted() -> str:
    """Return what scripts of the page say in the language that is spoken, as JSON; "" for English."""
    language = spoken()
    return msgspec.json.encode(language.scripted).decode() if isinstance(language, Spoken) else ""


def _accepted(header: str) -> Iterator[str]:
    """Yield the languages of an Accept-Language header, the preferred first."""
    found: list[tuple[float, str]] = []
    for part in header.split(",")[:MOST_ASKED]:
        if (match := _ASKED.fullmatch(part)) and (quality := float(match[2] or 1)) > 0:
            found.append((quality, match[1].lower()))
    yield from (name for _, name in sorted(found, key=lambda each: -each[0]))


def _compiled(catalog: Catalog) -> Spoken:
    file = BytesIO()
    write_mo(file, catalog)
    file.seek(0)
    return Spoken(file)


def _merged(known: Spoken, later: Spoken) -> Spoken:
    known.merge(later)
    known.scripted = {**known.scripted, **later.scripted}
    return known


def _scripted(catalog: Catalog) -> dict[str, str]:
    """Return the texts that stand in a script, by the places that the catalogue notes."""
    return {
        str(message.id): str(message.string)
        for message in catalog
        if message.id and message.string and any(SCRIPT in path for path, _ in message.locations)
    }


def _is_sound(message: Message) -> bool:
    """Tell whether a text has no place that its message hasn't: such a one could not be filled."""
    ids, texts = (
        each if isinstance(each, tuple | list) else [each]
        for each in (message.id, message.string or "")
    )
    places = set().union(*(_places(each) for each in ids))
    places |= {ALSO[place] for place in places & ALSO.keys()}
    return all(_places(each) <= places for each in texts)


def _places(text: str) -> set[str]:
    """Return the names of a text's places; any other sign behind % as itself, but for %%."""
    return {name or f"%{sign}" for name, sign in _PLACE.findall(text) if name or sign != "%"}


def spoken_tag(language: Any) -> str:
    """Return the language's tag, as HTML has it."""
    return language.tag if isinstance(language, Spoken) else ENGLISH
