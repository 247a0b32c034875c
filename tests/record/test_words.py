"""Which texts have which words, in every script; and that no text has too many or none at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_trail.record.words import folded, phrase, stands_in, words


def stands(sought: str, text: str, goes_on: bool = False) -> bool:
    return stands_in(phrase(sought, goes_on), words(text))


@pytest.mark.parametrize(
    ("sought", "text"),
    [
        ("straße", "STRASSE"),
        ("strasse", "Straße"),
        ("muller", "Müller"),
        ("Müller", "muller"),
        ("ma\u0308rz", "März"),
        ("lodz", "Łódź"),
        ("fine", "\ufb01ne"),
        ("123", "１２３"),
        ("οδος", "ΟΔΟΣ"),
        ("istanbul", "İstanbul"),
        ("isparta", "ısparta"),
        ("東京", "東京都"),
        ("京都", "東京都"),
        ("都", "東京都"),
        ("ガ", "ｶﾞ"),
        ("サポート", "サポートチーム"),
        ("東京2020", "東京2020大会"),
        ("안녕하세요", "안녕하세요"),
        ("محمد", "مُحَمَّد"),
        ("שלום", "שָׁלוֹם"),
        ("हिन्दी", "हिन्दी में"),
        ("ไทย", "ภาษาไทย"),
        ("👍", "👍🏽"),
        ("👍🏽", "👍"),
        ("👨\u200d👩\u200d👧", "a 👨\u200d👩\u200d👧 b"),
        ("❤", "❤\ufe0f"),
        ("ada@example.com", "Ada <Ada@Example.com>"),
        ("webhook url", "webhook_url"),
    ],
)
def test_a_text_is_found_however_its_letters_are_written(sought: str, text: str) -> None:
    assert stands(sought, text)


@pytest.mark.parametrize(
    ("sought", "text"),
    [
        ("東都", "東京都"),
        ("カ", "ガ"),
        ("हिन", "हिन्दी"),
        ("안", "안녕"),
        ("berlin support", "support berlin"),
        ("support berlin", "support in berlin"),
        ("supp", "support"),
        ("!!!", "!!!"),
        ("", "anything"),
    ],
)
def test_another_text_is_not_found(sought: str, text: str) -> None:
    assert not stands(sought, text)


def test_the_last_word_alone_may_go_on() -> None:
    assert stands("support ber", "Support Berlin", goes_on=True)
    assert not stands("sup berlin", "Support Berlin", goes_on=True)


@given(st.text(max_size=60))
def test_folding_twice_is_folding_once(text: str) -> None:
    assert folded(folded(text)) == folded(text)


@given(st.text(max_size=60), st.text(max_size=10), st.text(max_size=10))
def test_every_text_with_words_is_found_between_others(text: str, left: str, right: str) -> None:
    if words(text):
        assert stands(text, f"{left} {text} {right}")
