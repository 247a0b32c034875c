"""Words of any script: text in the form in which words are compared, and the words in it.

Letters' case, accents and vowel points don't count. Where a script writes no spaces, as Japanese
or Thai, each two neighbouring characters are a word, so that every part of a text can be found.
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, Literal, NamedTuple

LONGEST_WORD: Final = 64
"""Characters by which words are told apart; what goes on behind them is not compared."""

_ASCII_WORD: Final = re.compile("[0-9a-z]+")
# Accents, and the points of Hebrew and Arabic. Voiced kana and the vowels of Indic scripts are
# letters of their own, though Unicode writes them with marks too.
_POINTS: Final = re.compile(
    "[\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a"
    "\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed\u1ab0-\u1aff\u1dc0-\u1dff"
    "\u20d0-\u20ff\ufe20-\ufe2f]"
)
# Thai and Lao, Myanmar, Khmer, kana, Han with its extensions.
_UNSPACED: Final = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u9fff"
    "\uf900-\ufaff\U00020000-\U0003ffff]"
)
# Letters that Unicode doesn't take apart; who has no such key writes the plain one.
_PLAIN: Final = str.maketrans("ıłøđħŧ", "ilodht")

Kind = Literal["letter", "unspaced", "picture", "unseen", "gap"]


class Phrase(NamedTuple):
    """Words that stand one behind the other; with `goes_on`, the last may be a word's beginning."""

    words: tuple[str, ...]
    goes_on: bool = False


def folded(text: str) -> str:
    """Return the text as it is compared: without case, accents and ways of writing one letter."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return unicodedata.normalize("NFC", _POINTS.sub("", plain).translate(_PLAIN))


def words(text: str) -> list[str]:
    """Return the words of a text in their order."""
    text = folded(text)
    found = _ASCII_WORD.findall(text) if text.isascii() else _words(text)
    return [word[:LONGEST_WORD] for word in found] if len(text) > LONGEST_WORD else found


@lru_cache(maxsize=256)
def phrase(text: str, goes_on: bool = False) -> Phrase:
    """Return what of a text is looked for. It has no words where there are but signs."""
    found = words(text)
    last = folded(text)[-1:]
    if found and not last.isascii() and _kind(last) == "unspaced":
        # Its last character alone says that the text ends there; it may go on where it is found.
        return Phrase(tuple(found[:-1]) if _of_pair(found) else tuple(found), not _of_pair(found))
    return Phrase(tuple(found), goes_on)


def stands_in(sought: Phrase, found: Sequence[str]) -> bool:
    """Tell whether the words stand one behind the other among these."""
    size = len(sought.words)
    if not size:
        return False
    *first, last = sought.words
    return any(
        list(found[at : at + size - 1]) == first
        and (
            found[at + size - 1].startswith(last)
            if sought.goes_on
            else found[at + size - 1] == last
        )
        for at in range(len(found) - size + 1)
    )


def _of_pair(found: Sequence[str]) -> bool:
    """Tell whether the last character stands behind another of its script."""
    return len(found) > 1 and len(found[-2]) == 2 and found[-2][-1] == found[-1]


def _words(text: str) -> list[str]:
    found: list[str] = []
    run, of = "", "gap"
    for character in text:
        kind = _kind(character)
        if kind == "unseen":
            continue
        if kind != of:
            found += _ended(run, of)
            run, of = "", kind
        run += character
    return found + _ended(run, of)


def _ended(run: str, kind: str) -> list[str]:
    match kind:
        case "letter":
            return [run]
        case "unspaced":
            return [run[at : at + 2] for at in range(len(run))]
        case "picture":
            return list(run)
        case _:
            return []


@lru_cache(maxsize=8_192)
def _kind(character: str) -> Kind:
    category = unicodedata.category(character)
    if _UNSPACED.match(character):
        return "gap" if category[0] in "PZ" else "unspaced"
    if category[0] in "LN" or category in ("Mn", "Mc", "Me"):
        return "unseen" if "\ufe00" <= character <= "\ufe0f" else "letter"
    if category == "So":
        return "picture"
    # Joiners, and the tones of skin.
    return "unseen" if category == "Cf" or "\U0001f3fb" <= character <= "\U0001f3ff" else "gap"
