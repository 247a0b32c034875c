"""What a question's text asks for, and how a wrong one is refused."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from audit_trail.errors import QuestionRefused
from audit_trail.record.asked import DEEPEST, LONGEST, MOST_TERMS
from audit_trail.record.catalog import Catalog, Field, Kind
from audit_trail.record.query import (
    All,
    By,
    Changed,
    Condition,
    During,
    Holds,
    Is,
    Not,
    Value,
    Words,
    all_of,
)
from audit_trail.record.query import Any as AnyOf
from audit_trail.record.question import Question, and_also, quoted, understand, without

BERLIN = ZoneInfo("Europe/Berlin")
NOW_US = int(datetime(2026, 11, 24, 12, tzinfo=UTC).timestamp()) * 1_000_000
CATALOG = Catalog(
    kinds={
        "automation_rule": Kind(name="automation rule"),
        "account_user": Kind(name="agent"),
        "webhook": Kind(
            name="webhook",
            with_reference=("inbox_id", "inbox webhook"),
            fields={"webhook_url": Field(), "secret": Field(label="signing secret")},
        ),
        "inbox": Kind(name="inbox", fields={"hmac_token": Field(label="signing secret")}),
    }
)


def asked(text: str) -> Question:
    return understand(text, zone=BERLIN, now_us=NOW_US, catalog=CATALOG)


def refusal(text: str) -> QuestionRefused:
    with pytest.raises(QuestionRefused) as refused:
        asked(text)
    return refused.value


MADE_ADMINISTRATOR = Changed("role", Value("agent"), Value("administrator"))


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", None),
        (" \t\n\u3000", None),
        ("support", Words("support")),
        ("sup*", Words("sup", True)),
        ('"a b"', Words("a b")),
        ('"a b"*', Words("a b", True)),
        (r'"say \"hi\" \\"', Words('say "hi" \\')),
        ("a OR b c", AnyOf((Words("a"), All((Words("b"), Words("c")))))),
        ("(a OR b) c", All((AnyOf((Words("a"), Words("b"))), Words("c")))),
        ("-a", Not(Words("a"))),
        ("-(a b)", Not(All((Words("a"), Words("b"))))),
        ("a or b", All((Words("a"), Words("or"), Words("b")))),
        ("http://x", Words("http://x")),
        ("https:x", Words("https:x")),
        ("12:30", Words("12:30")),
        ("ftp://x", Words("ftp://x")),
        ("a & b", All((Words("a"), Words("b")))),
        ("#1564", Is("id", "1564")),
        ("#support", Words("#support")),
        ("203.0.113.7", Is("ip", "203.0.113.7")),
        ("abcd::beef", Is("ip", "abcd::beef")),
        ('"203.0.113.7"', Words("203.0.113.7")),
        ("ACTOR:ada", By("ada")),
        ("on_behalf_of:ada", By("ada", on_behalf=True)),
        ("actor:ad*", By("ad", True)),
        ("before:x", Holds("before", "x")),
        ("after:日*", Holds("after", "日", True)),
        ("entity:webhook", Is("entity", "webhook")),
        ('entity:"inbox webhook"', Is("entity", "webhook")),
        ('entity:"Automation Rule"', Is("entity", "automation_rule")),
        ("entity:agent", Is("entity", "account_user")),
        ('entity:"flying saucer"', Is("entity", "flying_saucer")),
        ("action:destroy", Is("action", "delete")),
        ('action:"signed in"', Is("action", "sign_in")),
        ("via:web", Is("via", "ui")),
        ('via:"command line"', Is("via", "cli")),
        ("via:ui,api", AnyOf((Is("via", "ui"), Is("via", "api")))),
        ("outcome:refused", Is("outcome", "denied")),
        ("request:req-1", Is("request", "req-1")),
        ("ip:203.0.113.0/24", Is("ip", "203.0.113.0/24")),
        ("ip:203.0.*", Is("ip", "203.0.", True)),
        ("field:webhook_url", Changed("webhook_url")),
        ('field:"webhook URL"', Changed("webhook_url")),
        ('field:"signing secret"', AnyOf((Changed("secret"), Changed("hmac_token")))),
        ("field:role from:agent to:administrator", MADE_ADMINISTRATOR),
        ("field:role to:administrator from:agent", MADE_ADMINISTRATOR),
        ("from:none", Changed(before=Value("none"))),
        ('to:""', Changed(after=Value(""))),
        ('to:"a, b",c', AnyOf((Changed(after=Value("a, b")), Changed(after=Value("c"))))),
        ("from:a field:b", All((Changed(before=Value("a")), Changed("b")))),
        (
            "field:a field:b from:1 from:2 from:3",
            All(
                (
                    Changed("a", Value("2")),
                    Changed("b", Value("1")),
                    Changed(before=Value("3")),
                )
            ),
        ),
        (
            "to:1 to:2 from:3",
            All((Changed(None, Value("3"), Value("1")), Changed(after=Value("2")))),
        ),
        ("field:role -from:agent", All((Changed("role"), Not(Changed(before=Value("agent")))))),
        ("-(field:role from:agent)", Not(Changed("role", Value("agent")))),
        ("(field:role) to:x", All((Changed("role"), Changed(after=Value("x"))))),
    ],
)
def test_a_text_asks_for_this(text: str, where: Condition | None) -> None:
    assert asked(text).where == where


def us(*moment: int) -> int:
    at = datetime(*moment, tzinfo=UTC)  # type: ignore[arg-type,misc]
    return int((at - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * 1_000_000


DAY_US = 86_400_000_000


@pytest.mark.parametrize(
    ("text", "since_us", "until_us"),
    [
        ("2026-11-01", us(2026, 10, 31, 23), us(2026, 11, 1, 23)),
        ("2026-10-25", us(2026, 10, 24, 22), us(2026, 10, 25, 23)),
        ("2026-03-29", us(2026, 3, 28, 23), us(2026, 3, 29, 22)),
        ("2026-11", us(2026, 10, 31, 23), us(2026, 11, 30, 23)),
        ("2026", us(2025, 12, 31, 23), us(2026, 12, 31, 23)),
        ("2026-11-01T14:00", us(2026, 11, 1, 13), us(2026, 11, 1, 13, 1)),
        ("2026-11-01T14:00:05Z", us(2026, 11, 1, 14, 0, 5), us(2026, 11, 1, 14, 0, 6)),
        ("2026-11-01T14:00+05:30", us(2026, 11, 1, 8, 30), us(2026, 11, 1, 8, 31)),
        ("2026-11-01..2026-11-07", us(2026, 10, 31, 23), us(2026, 11, 6, 23)),
        ("2026-11-01..", us(2026, 10, 31, 23), None),
        ("..2026-11-01", None, us(2026, 10, 31, 23)),
        ("-7d", NOW_US - 7 * DAY_US, NOW_US),
        ("-7d..-1d", NOW_US - 7 * DAY_US, NOW_US - DAY_US),
        ("-90m", NOW_US - 90 * 60_000_000, NOW_US),
        ("today", us(2026, 11, 23, 23), us(2026, 11, 24, 23)),
        ("yesterday..now", us(2026, 11, 22, 23), NOW_US),
        ("this_week", us(2026, 11, 22, 23), us(2026, 11, 29, 23)),
        ("last-month", us(2026, 9, 30, 22), us(2026, 10, 31, 23)),
        ("last_year", us(2024, 12, 31, 23), us(2025, 12, 31, 23)),
        ("..9999", None, us(9998, 12, 31, 23)),
    ],
)
def test_a_date_means_this_time_in_berlin(
    text: str, since_us: int | None, until_us: int | None
) -> None:
    assert asked(f"date:{text}").where == During(since_us, until_us)


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
@pytest.mark.parametrize("text", ["0001", "0001-01-01", "9999", "9999-12-31", "9999-12"])
def test_the_first_and_last_years_of_all_do_not_overflow(zone: str, text: str) -> None:
    where = understand(f"date:{text}", zone=ZoneInfo(zone), now_us=NOW_US).where
    assert isinstance(where, During)
    assert where.since_us is not None and where.until_us is not None
    assert where.since_us < where.until_us


@pytest.mark.parametrize(
    ("text", "at", "understood", "suggestion"),
    [
        ("role user:ada", (5, 10), "role", "role actor:ada"),
        ("role -user:ada", (6, 11), "role", "role -actor:ada"),
        ("who:ada", (0, 4), "", "actor:ada"),
        ("type:inbox", (0, 5), "", "entity:inbox"),
        ("acton:create", (0, 6), "", "action:create"),
        ("when:today", (0, 5), "", "date:today"),
        ("undo:7", (0, 5), "", "undoes:7"),
        ("undoes:x", (7, 8), "", None),
        ("undoes:7*", (7, 9), "", None),
        ("qqq:x", (0, 4), "", None),
        ("user:ada (", (0, 5), "", "actor:ada ("),
        ("a OR", (2, 4), "a", 'a "OR"'),
        ("OR a", (0, 2), "", '"OR" a'),
        ("a -", (2, 3), "a", "a"),
        ("--force", (0, 7), "", '"--force"'),
        ("()", (0, 2), "", None),
        ("(a", (0, 1), "", "(a)"),
        ("a)", (1, 2), "a", "a"),
        ('a "b', (2, 3), "a", 'a "b"'),
        ("!!!", (0, 3), "", None),
        ("-!!!", (1, 4), "", None),
        ("actor:!!!", (6, 9), "", None),
        ("via:webb", (0, 8), "", "via:ui"),
        ("via:moon", (4, 8), "", None),
        ("outcome:fail", (0, 12), "", "outcome:failure"),
        ("actor: ada", (0, 6), "", "actor:ada"),
        ("via:ui,", (0, 7), "", None),
        ("to:f(x)", (3, 7), "", 'to:"f(x)"'),
        ("ip:banana", (3, 9), "", None),
        ("a*", (0, 2), "", None),
        ("*", (0, 1), "", None),
        ("foo*bar", (0, 7), "", '"foo*bar"'),
        ("field:ro*", (0, 9), "", "field:ro"),
        ("date:7d", (0, 7), "", "date:-7d"),
        ("date:2026-02-30", (5, 15), "", None),
        ("date:0000", (5, 9), "", None),
        ("date:..", (5, 7), "", None),
        ("date:2026-11-07..2026-11-01", (0, 27), "", "date:2026-11-01..2026-11-07"),
        ("date:2026-11-07..2026-11-07", (0, 27), "", "date:2026-11-07"),
        ("a\x00b", (1, 2), "", "a b"),
        ("a\x1bb", (1, 2), "", "a b"),
    ],
)
def test_a_wrong_text_is_refused_with_its_place_and_a_suggestion(
    text: str, at: tuple[int, int], understood: str, suggestion: str | None
) -> None:
    error = refusal(text)
    assert (error.at, error.understood, error.suggestion) == (at, understood, suggestion)
    assert str(error).startswith(f"At character {at[0] + 1}, ")
    assert error.code == "question_refused"


def test_a_range_that_ends_before_it_begins_says_both() -> None:
    message = str(refusal("date:2026-11-07..2026-11-01"))
    assert "2026-11-07" in message and "2026-11-01" in message


def test_an_unknown_via_is_refused_with_the_known_ones() -> None:
    assert "ui, api, job, automation, cli, database or import" in str(refusal("via:moon"))


@pytest.mark.parametrize(
    "text",
    [
        "x" * (LONGEST + 1),
        "(" * 20_000,
        "(" * (DEEPEST + 1) + "a" + ")" * (DEEPEST + 1),
        "a " * (MOST_TERMS + 1),
        "via:" + "ui," * MOST_TERMS + "ui",
        "field:" + ",".join("abcdef") + " from:" + ",".join("abcdef") + " to:" + ",".join("abcdef"),
    ],
    ids=["long", "open", "deep", "many", "commas", "changes"],
)
def test_what_is_too_much_is_refused(text: str) -> None:
    assert "so" in str(refusal(text))


def test_what_is_just_within_the_limits_is_understood() -> None:
    assert asked("x" * LONGEST).where == Words("x" * LONGEST)
    assert asked("(" * DEEPEST + "a" + ")" * DEEPEST).where == Words("a")
    assert len(asked("a1 " * MOST_TERMS).parts) == MOST_TERMS


@pytest.mark.parametrize(
    "text",
    ["'; DROP TABLE entries;", "a NEAR b AND NOT c", "^title {a} + 1=1 %_", "a || 'b' <-> c:*"],
)
def test_the_words_of_other_languages_are_text(text: str) -> None:
    assert all(piece.label.startswith("Text: ") for piece in asked(text).parts)


def test_each_part_has_its_text_its_name_and_the_text_without_it() -> None:
    parts = asked('  via:ui,api  from:a "x  y" field:role to:b -action:deleted').parts
    assert [part.text for part in parts] == [
        "via:ui,api",
        "from:a",
        '"x  y"',
        "field:role to:b",
        "-action:deleted",
    ]
    assert [part.label for part in parts] == [
        "Via: ui or api",
        "Change from a",
        'Text: "x  y"',
        "Change of role to b",
        "Not Action: deleted",
    ]
    assert parts[3].without == 'via:ui,api from:a "x  y" -action:deleted'


@pytest.mark.parametrize(
    ("text", "part", "both"),
    [
        ("", "via:ui", "via:ui"),
        ("a", "-via:ui", "a -via:ui"),
        ("a  via:ui", "via:ui", "a via:ui"),
        ("a OR b", "c", "(a OR b) c"),
        ("a", "b OR c", "a (b OR c)"),
        ("a (", "b", "a ( b"),
        ("a", "", "a"),
    ],
)
def test_a_part_is_added_to_a_question(text: str, part: str, both: str) -> None:
    assert and_also(text, part) == both


def test_a_part_is_taken_away_from_a_question() -> None:
    assert without("a  via:ui b", "via:ui") == "a b"
    assert without("a OR b", "a") == "a OR b"
    assert without("a (", "a") == "a ("


TYPED = st.text(
    st.one_of(
        st.sampled_from(list('()"\\*:,-# \t.~abOR127é東👍\x00')),
        st.characters(),
    ),
    max_size=40,
)
TERMS = st.sampled_from(
    (
        *("a1", "-b", "field:a", "field:b,c", "from:1", "to:2", "-to:3", 'to:""', "x OR", "!!"),
        *("(field:d from:4)", "via:ui,api", '"q \\" w"*', "date:-7d", "10.0.0.1", "#7"),
        *("-(y OR z)", "to:5*5"),
    )
)


@given(st.one_of(TYPED, st.lists(TERMS, max_size=9).map(" ".join)))
@example("0 to:0 to:0 from:0")
@example("actor:" * 300)
@example('"' * 1_999)
@example("\\" * 2_000)
@example("-" * 2_000)
@example("a:" * 1_000)
def test_any_text_is_understood_or_refused_and_each_part_means_the_same_alone(text: str) -> None:
    try:
        question = asked(text)
    except QuestionRefused as refused:
        start, stop = refused.at
        assert 0 <= start <= stop <= len(text)
        return
    parts = [asked(part.text) for part in question.parts]
    assert all_of(*(part.where for part in parts)) == question.where
    for at, part in enumerate(question.parts):
        rest = (other.where for place, other in enumerate(parts) if place != at)
        assert asked(part.without).where == all_of(*rest)


@given(st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=30))
def test_a_quoted_value_is_that_value(value: str) -> None:
    assert asked(f"to:{quoted(value)}").where == Changed(after=Value(value))
