"""Text as it can be read: nothing in it stays unseen, and nothing turns it around."""

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_trail.record.legible import edges, signs


def drawn(text: str, *, bare: bool = False) -> str:
    """The text as it is drawn, signs in brackets."""
    return "".join(f"[{it}]" if name else it for it, name in signs(text, bare=bare))


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("", ""),
        ("Support Europe\nsecond line", "Support Europe\nsecond line"),
        ("Zoë, 東京, שלום", "Zoë, 東京, שלום"),
        ("a\x00b", "a[NUL]b"),
        ("a\tb\r\nc\x7f", "a[TAB]b[CR]\nc[DEL]"),
        ("a\x9fb", "a[U+009F]b"),
        ("abc\u202edef", "abc[U+202E]def"),
        ("a\u200bb\u2066c\ufeff", "a[U+200B]b[U+2066]c[U+FEFF]"),
        ("a\xa0b\u3000c\u2028d", "a[U+00A0]b[U+3000]c[U+2028]d"),
        ("a\u3164b\u2800c\ufe0fd", "a[U+3164]b[U+2800]c[U+FE0F]d"),
        ("a\U000e0041b", "a[U+E0041]b"),
        ("a\u200db", "a[U+200D]b"),
    ],
)
def test_what_can_not_be_seen_is_drawn_as_a_sign(text: str, seen: str) -> None:
    assert drawn(text) == seen


@pytest.mark.parametrize(
    "emoji",
    ["👨\u200d👩\u200d👧", "👩🏽\u200d💻", "❤\ufe0f", "🏳\ufe0f\u200d🌈", "1\ufe0f\u20e3"],
)
def test_an_emoji_of_several_characters_stays_whole_in_a_sign(emoji: str) -> None:
    assert drawn(f"a {emoji}{emoji} b") == f"a [{emoji}][{emoji}] b"


def test_an_emoji_of_one_character_is_text_like_any_other() -> None:
    assert drawn("👍🏽 👍") == "👍🏽 👍"


def test_space_that_nothing_stands_beside_is_drawn_as_a_sign() -> None:
    assert drawn(" \n", bare=True) == "[SP][LF]\n"
    assert edges("  a b\n") == (2, 5)
    assert edges("  ") == (2, 2)
    assert edges("") == (0, 0)


def test_a_sign_is_named_in_full() -> None:
    assert signs("\u202e\x00")[0].name == "U+202E RIGHT-TO-LEFT OVERRIDE"
    assert signs("\u202e\x00")[1].name == "U+0000"


def test_no_control_format_or_space_character_is_drawn_raw() -> None:
    unseen = {"Cc", "Cf", "Zl", "Zp", "Zs"}
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        if unicodedata.category(character) in unseen and character not in " \n":
            (sign,) = signs(character)
            assert sign.name and sign.text != character, hex(code)


@given(st.text(max_size=20), st.text(max_size=20))
def test_unequal_texts_are_drawn_unequal(one: str, other: str) -> None:
    assert (signs(one) == signs(other)) == (one == other)
