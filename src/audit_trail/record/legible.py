"""Text as it can be read: what draws nothing, or turns the text around, is told as a sign.

Letters that merely look alike (a Latin and a Cyrillic a) stay as they are.
"""

import re
import unicodedata
from itertools import groupby
from typing import Final, NamedTuple

_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp", "Zs"})
# What draws nothing though its category doesn't say so: fillers, variation selectors, and the
# other ones of Unicode's Default_Ignorable_Code_Point; and the blank Braille pattern.
_BLANK: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8"
    "\U000e0000-\U000e0fff]"
)
_ASCII: Final = (
    *("NUL", "SOH", "STX", "ETX", "EOT", "ENQ", "ACK", "BEL", "BS", "TAB", "LF", "VT", "FF", "CR"),
    *("SO", "SI", "DLE", "DC1", "DC2", "DC3", "DC4", "NAK", "SYN", "ETB", "CAN", "EM", "SUB"),
    *("ESC", "FS", "GS", "RS", "US", "SP"),
)
_PICTURED: Final = "[\xa9\xae\u203c\u2049\u2122\u2139\u2190-\u27ff\u2900-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff]"
_TONED: Final = f"{_PICTURED}[\U0001f3fb-\U0001f3ff]?\ufe0f?"

EMOJI: Final = re.compile(f"(?:{_TONED}\u200d)+{_TONED}|{_PICTURED}\ufe0f|[0-9#*]\ufe0f\u20e3")
"""One emoji of several characters, of which some draw nothing by themselves."""


class Sign(NamedTuple):
    """A piece of text as it is drawn. A `name` says that it stands for what can't be seen."""

    text: str
    name: str = ""


def signs(text: str, *, bare: bool = False) -> list[Sign]:
    """Return the text in pieces, all that can't be seen as signs of their own.

    An emoji of several characters stays whole, as a sign that is the emoji itself. `bare` says
    that nothing stands beside the text, so that spaces and line breaks can't be seen either.
    """
    if text.isascii() and not bare and text.replace("\n", "").isprintable():
        return [Sign(text)] if text else []
    found: list[Sign] = []
    end = 0
    for emoji in EMOJI.finditer(text):
        found += _characters(text[end : emoji.start()], bare)
        found.append(Sign(emoji[0], _name(emoji[0])))
        end = emoji.end()
    return found + _characters(text[end:], bare)


def edges(text: str) -> tuple[int, int]:
    """Return where the first character that is no space begins, and where the last one ends."""
    start = len(text) - len(text.lstrip())
    return start, max(start, len(text.rstrip()))


def _characters(text: str, bare: bool) -> list[Sign]:
    found: list[Sign] = []
    for unseen, group in groupby(text, lambda each: _is_unseen(each, bare)):
        if not unseen:
            found.append(Sign("".join(group)))
            continue
        for character in group:
            found.append(Sign(_called(character), _name(character)))
            if character == "\n":
                found.append(Sign("\n"))
    return found


def _is_unseen(character: str, bare: bool) -> bool:
    if character in " \n":
        return bare
    return unicodedata.category(character) in _UNSEEN or bool(_BLANK.match(character))


def _called(character: str) -> str:
    """Return how ASCII calls a control character or space, else the number.

    Unicode has pictures for them, which few fonts draw.
    """
    code = ord(character)
    return _ASCII[code] if code < len(_ASCII) else "DEL" if code == 0x7F else _number(character)


def _number(character: str) -> str:
    return f"U+{ord(character):04X}"


def _name(characters: str) -> str:
    return ", ".join(f"{_number(each)} {unicodedata.name(each, '')}".strip() for each in characters)
