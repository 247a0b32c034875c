"""Words as frequent as in any language, and labels and sentences made of them."""

import random
from collections.abc import Sequence
from functools import cache
from itertools import accumulate
from typing import Final, NamedTuple

FREQUENT: Final = "support"
"""The most frequent word, which about every other entry has."""

RARE: Final = {
    **dict.fromkeys(("zanzibar", "quetzal", "mnemosyne", "ouagadougou"), 1),
    **dict.fromkeys(("xylophone", "samovar", "kilimanjaro", "ptarmigan"), 3),
    **dict.fromkeys(("vexillology", "samarkand", "axolotl", "rhododendron"), 10),
}
"""Words that stand in no sentence, and how often an account of any size is to have each."""

_FIRST_NAMES: Final = (
    "Ada Ana Dana Leo Mia Priya Tom Yuki Omar Lena Jonas Nadia Igor Chloé José Aylin Kofi Sven "
    "Ingrid Ravi"
)
_LAST_NAMES: Final = (
    "Whitfield Ruiz Brandt Okafor Nair Lindqvist Tanaka Haddad Müller Weber Novak Ivanova Dubois "
    "García Yılmaz Mensah Berg Larsen Patel Stone"
)
WORDS: Final = 20_000
SENTENCES: Final = 50_000
LABELS: Final = 20_000

_KNOWN: Final = (
    "support the for of to customer please answer your we hello team inbox sales request and "
    "urgent new weekend night shift billing refund travel hotel flight booking number ready "
    "minutes agents welcome question berlin zürich münchen london paris tokyo osaka カスタマー "
    "サポート 東京 queue order returns warehouse delivery late partner vip gold platinum crm hook "
    "review access audit holiday cover training leaves joined moved promoted wrong corrected"
)
_SYLLABLES: Final = "ba co di fu ge ha ji ko la me ni po qua ri sa te ul vo wi xe yo zu"


class Texts(NamedTuple):
    """Labels of one to three words, and sentences of four to sixteen; none has a sign of JSON."""

    labels: Sequence[str]
    sentences: Sequence[str]


@cache
def texts(seed: int) -> Texts:
    """Draw texts whose words are distributed as Zipf says."""
    drawn = random.Random(seed)
    words, frequent = _words(drawn), busy(WORDS, 1.0)

    def text(least: int, most: int) -> str:
        size = drawn.randint(least, most)
        return " ".join(drawn.choices(words, cum_weights=frequent, k=size)).capitalize()

    return Texts([text(1, 3) for _ in range(LABELS)], [text(4, 16) for _ in range(SENTENCES)])


def name_of(number: int) -> str:
    """Return one of 400 people's names."""
    first, last = _FIRST_NAMES.split(), _LAST_NAMES.split()
    return f"{first[number % len(first)]} {last[number // len(first) % len(last)]}"


def busy(size: int, steep: float) -> list[float]:
    """Return the cumulative weights of so many, each less frequent than the one before (Zipf)."""
    return list(accumulate(rank**-steep for rank in range(1, size + 1)))


def _words(drawn: random.Random) -> list[str]:
    found = dict.fromkeys(_KNOWN.split())
    syllables = _SYLLABLES.split()
    while len(found) < WORDS:
        found["".join(drawn.choices(syllables, k=drawn.randint(2, 5)))] = None
    return list(found)
