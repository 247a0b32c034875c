"""The language in which people are told things: English as it stands in the code, or another one.

It holds no texts of another language, and reads none. Programs are always told in English.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol


class Language(Protocol):
    """Texts by their English ones, as gettext has them, and how it writes numbers."""

    def gettext(self, message: str) -> str: ...

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str: ...

    def grouped(self, number: int) -> str: ...


_spoken: ContextVar[Language | None] = ContextVar("spoken", default=None)


@contextmanager
def speaking(language: Language | None) -> Iterator[None]:
    """Tell everything within in this language; without one, in English."""
    token = _spoken.set(language)
    try:
        yield
    finally:
        _spoken.reset(token)


def spoken() -> Language | None:
    """Return the language that is spoken; None for English."""
    return _spoken.get()


def told(message: str) -> str:
    """Return the text of a message, its places unfilled."""
    language = _spoken.get()
    return language.gettext(message) if language and message else message


def told_many(one: str, many: str, count: int) -> str:
    """Return the text of a message that counts, its places unfilled."""
    language = _spoken.get()
    if language:
        return language.ngettext(one, many, count)
    return one if count == 1 else many


def say(message: str, /, **values: object) -> str:
    """Return a message in the language that is spoken, with its places (`%(name)s`) filled."""
    return told(message) % values if values else told(message)


def say_many(one: str, many: str, count: int, /, **values: object) -> str:
    """Return a message that counts; `%(count)s` is the number."""
    return told_many(one, many, count) % {"count": grouped(count), **values}


def series(words: Iterable[str]) -> str:
    """Put words into a row, with the language's commas between them."""
    return told(", ").join(words)


def grouped(number: int) -> str:
    """Write a whole number, its digits in groups: 1,250."""
    language = _spoken.get()
    return language.grouped(number) if language else f"{number:,}"


def marked(message: str) -> str:
    """Return a message as it is, to be said later; so it is found by who collects them."""
    return message
