"""A person whose data is looked for, and how their terms are told in a text; it reads no entry."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from typing import Final
from urllib.parse import unquote

import msgspec

from audit_trail.errors import ErasureRefused
from audit_trail.record.entry import ActorId
from audit_trail.record.language import say

SHORTEST_TERM: Final = 2
MOST_TERMS: Final = 50

# Scripts that put no space between words: there a name may stand next to any letter.
_UNSPACED: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
_LETTER: Final = f"(?:(?![{_UNSPACED}_])\\w)"
_ESCAPE: Final = re.compile(r"\\u([0-9a-fA-F]{4})")
# No term of two letters matches what isn't there.
_NEVER: Final = r"(?!)"


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """A person: what names them (e-mail, names, addresses, numbers), and who they are as an actor."""

    terms: tuple[str, ...]
    actor: ActorId | None = None

    @classmethod
    def of(cls, terms: Sequence[str], actor: ActorId | None = None) -> "Subject":
        """Return the person of these terms, each once. Raises `ErasureRefused` for what is no term."""
        known = tuple(dict.fromkeys(text for term in terms if (text := " ".join(term.split()))))
        if not known:
            raise ErasureRefused(say("Say at least one term, such as an e-mail address."))
        if len(known) > MOST_TERMS:
            raise ErasureRefused(
                say("At most %(count)s terms can be looked for at once.", count=MOST_TERMS)
            )
        for term in known:
            if len(folded(term)) < SHORTEST_TERM or not re.search(r"\w", term):
                raise ErasureRefused(say("“%(term)s” is too short to be looked for.", term=term))
        return cls(terms=known, actor=actor)


class Matcher:
    """Tells whether a text holds a term of the person, as a word of its own."""

    def __init__(self, subject: Subject) -> None:
        spelled = [_normal_address(term) or term for term in subject.terms]
        self._addresses = _Words([term for term in spelled if _normal_address(term)])
        self._names = _Words([term for term in spelled if not _normal_address(term)])

    def is_in(self, text: str) -> bool:
        """Tell whether any term is in the text, or in what its escapes stand for."""
        return self.names(text) or self.addresses(text)

    def names(self, text: str) -> bool:
        """The same of all terms but network addresses, which several people may share."""
        return any(map(self._names.are_in, _readings(text)))

    def addresses(self, text: str) -> bool:
        """The same of the terms that are network addresses."""
        return any(map(self._addresses.are_in, _readings(text)))

    def may_be_in(self, stored: bytes) -> bool:
        """Tell from a part's bytes alone that no term is in it; what escapes something must be read."""
        if b"\\" in stored or b"%" in stored or b'"unreadable"' in stored:
            return True
        text = stored.decode(errors="replace")
        return self._names.are_in(text) or self._addresses.are_in(text)


class _Words:
    """Terms of one sort, and what finds any of them in a text as it is spelled."""

    def __init__(self, terms: Sequence[str]) -> None:
        self._pattern = re.compile("|".join(map(_pattern, terms)) or _NEVER)
        # Most texts hold none of these, and to look for them takes a tenth of the pattern's time.
        self._longest = [max(folded(term).split(), key=len) for term in terms]

    def are_in(self, text: str) -> bool:
        spelled = folded(text)
        return any(word in spelled for word in self._longest) and bool(
            self._pattern.search(spelled)
        )


def folded(text: str) -> str:
    """Return the text as it is compared: letters' case folded, one spelling for each letter."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def _readings(text: str) -> Iterator[str]:
    """A text column may hold JSON or an address of the web, with escapes of its own."""
    yield text
    if "\\u" in text:
        yield _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)
    if "%" in text:
        yield unquote(text)


def _pattern(term: str) -> str:
    """Return what finds the term as a word: not "Ann" in "Annual", nor in another's e-mail."""
    text = folded(term)
    inner = r"\s+".join(re.escape(word) for word in text.split())
    if _normal_address(term):
        return rf"(?<![\w:]){inner}(?![\w:])" if ":" in text else rf"(?<![\w.]){inner}(?!\w|\.\w)"
    if "@" in text:
        # What an address may hold before and behind this one makes it somebody else's.
        return rf"(?<!\w)(?<!\w[.+%-]){inner}(?!\w|[.-]\w)"
    start = "" if re.match(f"[{_UNSPACED}]", text[0]) else f"(?<!{_LETTER})"
    end = "" if re.match(f"[{_UNSPACED}]", text[-1]) else f"(?!{_LETTER})"
    return f"{start}{inner}{end}"


def _normal_address(term: str) -> str | None:
    """Return a network address as entries spell it, or nothing for another term."""
    try:
        return str(ip_address(term))
    except ValueError:
        return None
