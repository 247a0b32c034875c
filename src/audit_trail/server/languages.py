"""The page's texts in other languages: one file each, `locale/de.po`; English is in the code."""

import logging
import re
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from babel.core import Locale, UnknownLocaleError, negotiate_locale
from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, read_po
from babel.support import Translations
from jinja2 import Environment

from audit_trail.record.language import say, say_many, told, told_many

_log = logging.getLogger(__name__)

ENGLISH: Final = "en"
SUFFIX: Final = ".po"
MOST_ASKED: Final = 20
"""Of the languages that a browser lists."""

ALSO: Final = {"a_name": "name", "hour": "hour_of_24"}
"""What a text may have instead of a place: a name without its English article, the hour from 0 to 23."""

_PLACE: Final = re.compile(r"%\((\w+)\)s|%(.)")
_ASKED: Final = re.compile(
    r"\s*([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*)\s*(?:;\s*q=([01](?:\.\d{0,3})?))?\s*"
)


class Spoken(Translations):
    """One language's texts, and how it is called in HTML."""

    tag: str = ENGLISH


class Languages:
    """The languages whose files lie in these folders; of two files for one, the latter's texts count."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._spoken: dict[str, Spoken] = {}
        for folder in folders:
            for path in sorted(folder.glob(f"*{SUFFIX}")):
                self._read(path)

    def of(self, accepted: str) -> Spoken | None:
        """Return the language that suits an Accept-Language header; None for English."""
        available = [ENGLISH, *self._spoken]
        # Catalogues of other dialects serve those who have no own: "de" for "de-AT".
        chosen = negotiate_locale(list(_accepted(accepted)), available, sep="-")
        return self._spoken.get(chosen or ENGLISH)

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
        known = self._spoken.get(path.stem.lower())
        self._spoken[path.stem.lower()] = known.merge(spoken) if known else spoken


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
    environment.globals["languages"] = languages


def language_of(environment: Environment, accepted: str) -> Spoken | None:
    """Return the language in which a page is told; None for English."""
    languages = environment.globals["languages"]
    return languages.of(accepted) if isinstance(languages, Languages) else None


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
