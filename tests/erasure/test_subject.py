"""A term is found as a word of its own, however it is spelled, and in nobody else's."""

import pytest

from audit_trail.erasure.subject import MOST_TERMS, Matcher, Subject
from audit_trail.errors import ErasureRefused


@pytest.mark.parametrize(
    ("term", "text"),
    [
        ("ann.lee@example.com", "ann.lee@example.com"),
        ("ann.lee@example.com", "Ask ANN.LEE@Example.COM."),
        ("ann.lee@example.com", "<ann.lee@example.com>, or mailto:ann.lee@example.com?subject=x"),
        ("ann.lee@example.com", "https://crm.example/?by=ann.lee%40example.com&x=1"),
        ("ann.lee@example.com", r'{"by": "ann.lee\u0040example.com"}'),
        ("Ann", "Ann's inbox"),
        ("ann", "team_ann_2"),
        ("Ann Lee", "Ann  Lee"),
        ("Ann Lee", "Ann\u00a0Lee, sales"),
        ("Jörg Groß", "JO\u0308RG GROSS"),
        ("Jörg", r'{"name": "J\u00f6rg"}'),
        ("\ufb01n", "FIN"),
        ("王芳", "客户王芳提交"),
        ("+49 30 1234", "call +49 30 1234 now"),
        ("4930123", "4930123"),
        ("203.0.113.9", "from 203.0.113.9:8080."),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("O'Neil (Ann)", "by O'Neil (Ann)"),
    ],
)
def test_a_term_is_found(term: str, text: str) -> None:
    assert Matcher(Subject.of([term])).is_in(text)


@pytest.mark.parametrize(
    ("term", "text"),
    [
        ("Ann", "Annual"),
        ("Ann", "Joann"),
        ("lee@example.com", "ann.lee@example.com"),
        ("lee@example.com", "ann+lee@example.com"),
        ("lee@example.com", "mylee@example.com"),
        ("ann@example.com", "ann@example.com.au"),
        ("ann@example.com", "ann@example.community"),
        ("ann@example.com", "ann@exampleXcom"),
        ("Ann Lee", "Ann Leeds"),
        ("203.0.113.9", "203.0.113.90"),
        ("203.0.113.9", "1203.0.113.9"),
        ("2001:db8::1", "2001:db8::1f"),
        ("2001:db8::1", "fe80:2001:db8::1"),
        ("王芳", "王小芳"),
        ("a.*", "abc"),
    ],
)
def test_another_person_s_is_not(term: str, text: str) -> None:
    assert not Matcher(Subject.of([term])).is_in(text)


def test_addresses_are_told_from_names() -> None:
    matcher = Matcher(Subject.of(["Ann", "203.0.113.9"]))
    assert matcher.names("Ann at home") and not matcher.names("203.0.113.9")
    assert matcher.addresses("203.0.113.9") and not matcher.addresses("Ann")


def test_terms_are_kept_once_and_without_their_outer_space() -> None:
    assert Subject.of([" Ann  Lee ", "Ann Lee", ""]).terms == ("Ann Lee",)


@pytest.mark.parametrize(
    "terms", [[], ["", " "], ["a"], ["--"], [f"term {n}" for n in range(MOST_TERMS + 1)]]
)
def test_what_is_no_term_is_refused(terms: list[str]) -> None:
    with pytest.raises(ErasureRefused):
        Subject.of(terms)
