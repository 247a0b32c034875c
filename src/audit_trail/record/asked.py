"""The grammar of questions: a text as a tree of terms and groups, and back; no word's meaning."""

import re
from collections.abc import Callable
from ipaddress import ip_address
from typing import Final, NamedTuple

from audit_trail.errors import QuestionRefused
from audit_trail.record.language import grouped, say

LONGEST: Final = 2_000
"""Characters of a question."""
DEEPEST: Final = 20
"""Groups within groups."""
MOST_TERMS: Final = 100
"""Values that one question asks for."""

# Two letters at least, so that a drive is none; what goes on with // is an address of the web.
_KEY: Final = re.compile(r"([A-Za-z_]{2,}):(?!//)")
_NO_KEYS: Final = ("http", "https")
_OR: Final = re.compile(r"OR(?=[\s()]|$)")
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_WORD: Final = re.compile(r'[^\s()"]+')
_VALUE: Final = re.compile(r'[^\s(),"]+')
_SPACE: Final = re.compile(r"\s*")
_PLAIN: Final = re.compile(r"[^\W_][\w@.+/-]*")
_UNTYPED: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


class Unclear(Exception):
    """A term means nothing; `instead` is what might stand in its place."""

    def __init__(self, said: str, instead: str | None = None) -> None:
        super().__init__(said)
        self.said = said
        self.instead = instead


class Spelled(NamedTuple):
    """One value as it is typed, without its quotes and star, and where it stands."""

    text: str
    is_quoted: bool
    goes_on: bool
    start: int
    stop: int


class Term(NamedTuple):
    """A key and its values, of which one is asked for; free text has no key."""

    key: str | None
    values: tuple[Spelled, ...]
    negated: bool
    start: int
    stop: int


class Group(NamedTuple):
    """What stands in parentheses: either one of these rows holds, with all that stands in it."""

    either: "tuple[tuple[Term | Group, ...], ...]"
    negated: bool
    start: int
    stop: int


Node = Term | Group


def tree_of(text: str, check: Callable[[Term], object] = lambda _: None) -> Group:
    """Read a question's text; `check` is given each term as it is read, so that order is kept."""
    if len(text) > LONGEST:
        said = say(
            "the question is longer than %(count)s characters, so shorten it.",
            count=grouped(LONGEST),
        )
        raise QuestionRefused(
            say("At character %(place)s, %(said)s", place=grouped(LONGEST + 1), said=said),
            at=(LONGEST, len(text)),
        )
    if untyped := _UNTYPED.search(text):
        at, name = untyped.start(), f"U+{ord(untyped[0]):04X}"
        kind = say("half a character") if untyped[0] >= "\ud800" else say("a control character")
        said = say(
            "%(name)s is %(kind)s, which can't be searched, so leave it out.", name=name, kind=kind
        )
        without = "".join(" " if _UNTYPED.match(each) else each for each in text).strip()
        raise refused(text, at, at + 1, said, suggestion=without, term=0)
    return _Reader(text, check).group(0, False, 0)


def refused(
    text: str,
    start: int,
    stop: int,
    said: str,
    instead: str | None = None,
    suggestion: str | None = None,
    term: int | None = None,
) -> QuestionRefused:
    """Return the error of what stands at this place; `instead` would stand there.

    What stands before its term was understood.
    """
    if instead is not None:
        suggestion = (text[:start] + instead + text[stop:]).strip() or None
    return QuestionRefused(
        say("At character %(place)s, %(said)s", place=grouped(start + 1), said=said),
        at=(start, stop),
        understood=text[: start if term is None else term].strip(),
        suggestion=suggestion,
    )


def told(node: Node) -> str:
    """Write a node as it is typed, with one space between words."""
    sign = "-" if node.negated else ""
    if isinstance(node, Group):
        return f"{sign}({told_inside(node)})"
    key = f"{node.key}:" if node.key else ""
    return sign + key + ",".join(map(told_value, node.values))


def told_inside(group: Group) -> str:
    """Write a group without its parentheses."""
    return " OR ".join(" ".join(map(told, row)) for row in group.either)


def told_value(value: Spelled) -> str:
    """Write a value as it is typed."""
    text = in_quotes(value.text) if value.is_quoted else value.text
    return f"{text}*" if value.goes_on else text


def quoted(value: str) -> str:
    """Return a value as it stands behind a key or alone: in quotes where it needs them."""
    return value if _PLAIN.fullmatch(value) and value != "OR" else in_quotes(value)


def in_quotes(text: str) -> str:
    """Put a text in quotes."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def is_address(text: str) -> bool:
    """Tell whether a text is an IP address."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


class _Reader:
    """Reads a text once, from its beginning to its end."""

    def __init__(self, text: str, check: Callable[[Term], object]) -> None:
        self._text = text
        self._check = check
        self._at = 0
        self._terms = 0

    def group(self, start: int, negated: bool, depth: int) -> Group:
        """Read to the parenthesis that ends a group; at depth 0, to the end of the text."""
        rows: list[list[Node]] = [[]]
        operator = start
        while not self._ends(start, depth):
            if _OR.match(self._text, self._at):
                operator = self._at
                self._at += 2
                if not rows[-1]:
                    raise self._lone_or(operator)
                rows.append([])
            else:
                rows[-1].append(self._node(depth))
        if len(rows) > 1 and not rows[-1]:
            raise self._lone_or(operator)
        if depth and not rows[0]:
            said = say(
                'nothing stands between the parentheses; write "()" in quotes to look for them.'
            )
            raise self._refused(start, self._at, said, "")
        return Group(tuple(map(tuple, rows)), negated, start, self._at)

    def _ends(self, start: int, depth: int) -> bool:
        self._at = _SPACE.match(self._text, self._at).end()  # type: ignore[union-attr]  # always
        match self._text[self._at : self._at + 1]:
            case "" if depth:
                said = say(
                    "a parenthesis opens that is never closed, so close it behind its last word."
                )
                raise self._refused(start, start + 1, said, None, self._text.rstrip() + ")")
            case "":
                return True
            case ")" if not depth:
                said = say("a parenthesis closes that was never opened, so leave it out.")
                raise self._refused(self._at, self._at + 1, said, "")
            case ")":
                self._at += 1
                return True
            case _:
                return False

    def _node(self, depth: int) -> Node:
        start = self._at
        negated = self._text[start] == "-"
        if negated:
            self._at += 1
            self._expect_negated(start)
        if self._text[self._at] != "(":
            term = self._term(start, negated)
            self._check(term)
            return term
        if depth == DEEPEST:
            said = say(
                "more than %(count)s parentheses are open, so ask for less at once.", count=DEEPEST
            )
            raise self._refused(self._at, self._at + 1, said)
        opened = self._at
        self._at += 1
        return self.group(opened, negated, depth + 1)

    def _expect_negated(self, start: int) -> None:
        following = self._text[self._at : self._at + 1]
        if not following or following.isspace() or following == ")":
            said = say("a minus stands alone; write it right before what isn't to be found.")
            raise self._refused(start, self._at, said, "")
        if following == "-":
            word = _WORD.match(self._text, start)
            found = word[0] if word else "--"
            said = say(
                "two minuses stand together; write one, or the word in quotes to look for it."
            )
            raise self._refused(start, start + len(found), said, in_quotes(found))

    def _term(self, start: int, negated: bool) -> Term:
        key = self._key()
        values = [self._value(start, key)]
        while key and self._text[self._at : self._at + 1] == ",":
            self._at += 1
            values.append(self._value(start, key))
        following = self._text[self._at : self._at + 1]
        if key and following and not following.isspace() and following != ")":
            raise self._unquoted(start, values[-1].start, key)
        self._terms += len(values)
        if self._terms > MOST_TERMS:
            said = say(
                "more than %(count)s things are asked for, so ask for less at once.",
                count=MOST_TERMS,
            )
            raise self._refused(start, self._at, said)
        return Term(key, tuple(values), negated, start, self._at)

    def _key(self) -> str | None:
        found = _KEY.match(self._text, self._at)
        word = _WORD.match(self._text, self._at)
        if not found or found[1].lower() in _NO_KEYS or (word and is_address(word[0])):
            return None
        self._at = found.end()
        return found[1].lower()

    def _value(self, term: int, key: str | None) -> Spelled:
        start = self._at
        is_quoted = self._text[start : start + 1] == '"'
        pattern = _QUOTED if is_quoted else _VALUE if key else _WORD
        found = pattern.match(self._text, start)
        if is_quoted and not found:
            said = say(
                'a quote opens that is never closed, so close it, or write it as \\" in quotes.'
            )
            closed = self._text.rstrip(" \\") + '"'
            raise refused(self._text, start, start + 1, said, None, closed, term)
        if not found:
            raise self._valueless(term, key)
        self._at = found.end()
        text = re.sub(r"\\(.)", r"\1", found[1], flags=re.DOTALL) if is_quoted else found[0]
        if is_quoted:
            goes_on = self._text[self._at : self._at + 1] == "*"
            self._at += goes_on
            return Spelled(text, True, goes_on, start, self._at)
        if "*" in text[:-1]:
            said = say(
                "a star stands only at the end of a word; write it in quotes to look for one."
            )
            raise refused(self._text, start, self._at, said, in_quotes(text), term=term)
        goes_on = text.endswith("*")
        return Spelled(text.removesuffix("*"), False, goes_on, start, self._at)

    def _valueless(self, start: int, key: str | None) -> QuestionRefused:
        if self._text[self._at : self._at + 1] == "(":
            said = say(
                "%(key)s: takes no parentheses; write several values with commas, as a,b.", key=key
            )
            return self._refused(start, self._at + 1, said)
        said = say("a value is missing; write it right behind %(key)s: or the comma.", key=key)
        rest = self._text[self._at :].lstrip()
        joined = self._text[: self._at] + rest if rest and rest[0] not in ",)" else None
        return self._refused(start, self._at, said, None, joined)

    def _unquoted(self, term: int, start: int, key: str) -> QuestionRefused:
        stop = self._at
        while stop < len(self._text) and not self._text[stop].isspace():
            stop += 1
        typed = self._text[start:stop]
        said = say("the value of %(key)s: isn't clear; write it in quotes.", key=key)
        return refused(self._text, start, stop, said, in_quotes(typed), term=term)

    def _lone_or(self, at: int) -> QuestionRefused:
        said = say('OR lacks something on one of its sides; add it, or write "OR" in quotes.')
        return self._refused(at, at + 2, said, '"OR"')

    def _refused(
        self,
        start: int,
        stop: int,
        said: str,
        instead: str | None = None,
        suggestion: str | None = None,
    ) -> QuestionRefused:
        return refused(self._text, start, stop, said, instead, suggestion)
