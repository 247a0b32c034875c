"""Which entries a condition holds of: every kind of value, part and name."""

from typing import Any

import msgspec
import pytest

from audit_trail.record.entry import ActorId, Entry, Part, Reference
from audit_trail.record.matching import matches
from audit_trail.record.query import All, By, Changed, Condition, Holds, Is, Not, Value, Words
from audit_trail.record.query import Any as AnyOf
from tests.record.entries import SALT, entry


def tagged(**members: Any) -> bytes:
    return msgspec.json.encode({"$": members.pop("tag"), **members})


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ("Support", "support"),
        ("", ""),
        (None, "none"),
        (True, "true"),
        (7, "7"),
        ("a\nb", "a\nb"),
        (tagged(tag="json", value=None), "none"),
        (tagged(tag="json", value=["a", {"b": ["c"]}]), "c"),
        (tagged(tag="json", value={"b": 1.0}), "1"),
        (tagged(tag="real", text="1.0"), "1"),
        (tagged(tag="real", text="1.0"), "1.0"),
        (tagged(tag="real", text="1e+300"), "1e+300"),
        (tagged(tag="real", text="Infinity"), "infinity"),
        (tagged(tag="numeric", text="-1.10"), "-1.1"),
        (tagged(tag="blob", sha256="ab12", size=3), "ab12"),
        (tagged(tag="cut", text="long", size=9), "long"),
        (tagged(tag="invalid", text="odd", why="not UTF-8"), "odd"),
    ],
)
def test_a_value_of_each_kind_is_found_as_a_whole(given: Any, asked: str) -> None:
    found = entry(changes={"field": (given, ...)})
    assert matches(Changed("FIELD", before=Value(asked)), found)
    assert not matches(Changed("field", after=Value(asked)), found)
    assert not matches(Changed("other", before=Value(asked)), found)


def test_a_secret_s_change_is_found_by_its_field_alone() -> None:
    secret = entry(changes={"token": (b'{"$":"secret"}', b'{"$":"secret"}')})
    assert matches(Changed("token"), secret)
    assert not matches(Changed("token", after=Value("secret")), secret)


def test_a_change_has_all_that_is_asked_of_it_and_no_two_share_it() -> None:
    both = entry(changes={"role": ("agent", "owner"), "old_role": ("owner", "administrator")})
    assert not matches(Changed(before=Value("agent"), after=Value("administrator")), both)
    assert matches(
        All((Changed(before=Value("agent")), Changed(after=Value("administrator")))), both
    )


def test_a_reference_is_found_by_its_name_on_its_side() -> None:
    named = Reference(table="teams", label="Sales", before="Support")
    moved = entry(changes={"team_id": (1, 2)}, references={"team_id": named})
    assert matches(Changed("team_id", Value("support"), Value("sales")), moved)
    assert not matches(Changed("team_id", Value("sales")), moved)
    gone = entry(
        action="delete",
        changes={"team_id": (1, ...)},
        references={"team_id": Reference(table="teams", label="Sales")},
    )
    assert matches(Holds("before", "sales"), gone) and not matches(Holds("after", "sales"), gone)


def test_of_erased_parts_ids_and_fields_are_left() -> None:
    whole = entry(changes={"role": ("agent", "owner")}, email="ada@example.com", label="Ada")
    erased = msgspec.structs.replace(whole, who=None, what=None)
    gone: tuple[Condition, ...] = (Words("ada"), By("ada"), Changed(after=Value("owner")))
    for condition in gone:
        assert matches(condition, whole) and not matches(condition, erased)
        assert matches(Not(condition), erased)
    assert matches(Changed("role"), erased) and matches(By("1"), erased)


@pytest.mark.parametrize("part", [b"not json", b"\xff", b'{"details":' + b"[" * 20_000])
def test_parts_that_cannot_be_read_are_searched_without_failing(part: bytes) -> None:
    altered = msgspec.structs.replace(entry(), who=Part(part, SALT), what=Part(part, SALT))
    assert not matches(AnyOf((Words("ada"), By("ada"), Holds("after", "x"))), altered)


def test_an_actor_is_found_by_id_kind_both_and_words_of_the_name() -> None:
    acted = entry(actor=ActorId(kind="ai_agent", id="7"), name="Ada Lovelace")
    found = [
        text
        for text in ("7", "ai_agent", "ai_agent/7", "user/7", "lovelace", "love")
        if matches(By(text), acted)
    ]
    assert found == ["7", "ai_agent", "ai_agent/7", "lovelace"]
    assert matches(By("love", goes_on=True), acted)


def test_an_address_is_found_by_its_network_in_either_family() -> None:
    def came(address: str) -> Entry:
        return entry(ip=address)

    assert matches(Is("ip", "203.0.113.0/24"), came("203.0.113.9"))
    assert matches(Is("ip", "2001:db8::/32"), came("2001:DB8::1"))
    assert matches(Is("ip", "2001:db8:0:0::1"), came("2001:db8::1"))
    assert matches(Is("ip", "203.0.", goes_on=True), came("203.0.113.9"))
    assert not matches(Is("ip", "203.0.113.0/24"), came("2001:db8::1"))
    assert not matches(Is("ip", "203.0.113.0/24"), came("unix"))
