"""Captured values: tags for what JSON can't say, settled once and read for ever."""

import json
from hashlib import sha256

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_trail.record.value import DEEPEST, SECRET, plain, read, settled, tells_all


def tagged(**members: object) -> bytes:
    return json.dumps(
        {"$" if name == "tag" else name: item for name, item in members.items()},
        separators=(",", ":"),
    ).encode()


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"null", None),
        (b"true", True),
        (b"false", False),
        (b"0", 0),
        (b"9223372036854775807", 2**63 - 1),
        (b'""', ""),
        (b'"a\\u0000b"', "a\x00b"),
        (b'"\\"$\\":\\"hex\\""', '"$":"hex"'),
    ],
)
def test_what_json_can_say_is_kept_to_the_byte(raw: bytes, value: object) -> None:
    assert settled(raw) == raw
    assert read(raw) == value
    assert plain(raw) == value


@pytest.mark.parametrize(
    ("digits", "text"),
    [
        ("0.10000000000000001", "0.1"),
        ("1.0", "1.0"),
        ("1.0e+22", "1e+22"),
        ("-0.0", "-0.0"),
        ("Inf", "Infinity"),
        ("-Inf", "-Infinity"),
        ("4.9406564584124654e-324", "5e-324"),
    ],
)
def test_a_real_becomes_its_shortest_exact_text(digits: str, text: str) -> None:
    assert plain(settled(tagged(tag="real", text=digits))) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_real_of_seventeen_digits_loses_nothing(number: float) -> None:
    assert float(plain(settled(tagged(tag="real", text=f"{number:.17g}")))) == number


@given(st.binary(max_size=60))
def test_a_blob_becomes_its_digest_and_size(content: bytes) -> None:
    assert plain(settled(tagged(tag="hex", size=len(content), hex=content.hex().upper()))) == {
        "sha256": sha256(content).hexdigest(),
        "size": len(content),
    }


def test_a_blob_of_which_a_part_was_kept_says_of_how_much_its_digest_is() -> None:
    assert plain(settled(tagged(tag="hex", size=9, hex=b"abc".hex()))) == {
        "digest_of_first": 3,
        "sha256": sha256(b"abc").hexdigest(),
        "size": 9,
    }


@given(st.binary(min_size=1, max_size=40))
def test_text_that_is_not_utf_8_becomes_marked_text(content: bytes) -> None:
    raw = b'"' + content.replace(b"\\", b"/").replace(b'"', b"'") + b'"'
    value = settled(raw)
    value.decode()
    if value != raw:
        assert read(value)["$"] == "invalid"
        assert plain(value)["why"] == "not UTF-8"


def test_two_texts_that_are_not_utf_8_stay_apart() -> None:
    # As one bad byte, and as the letters by which it is shown, JSON escaping their backslash.
    assert settled(b'"\xff\\\\xff"') != settled(b'"\\\\xff\xff"')


@pytest.mark.parametrize("letter", ["a", "é", "€", "\U0001f600"])
@pytest.mark.parametrize("kept", range(6, 14))
def test_text_cut_inside_a_letter_is_cut_before_it(letter: str, kept: int) -> None:
    raw = b'{"$":"cut","size":99,"text":"' + (letter * 13).encode()[:kept] + b'"}'
    assert plain(settled(raw)) == {
        "size": 99,
        "text": letter * (kept // len(letter.encode())),
    }


def test_json_stays_as_it_is_with_every_digit() -> None:
    raw = b'{"$":"json","value":{"price":1.10,"huge":123456789012345678901234567890}}'
    assert settled(raw) == raw
    assert plain(raw) == {"price": 1.1, "huge": 123456789012345678901234567890}


def test_a_lone_surrogate_inside_json_reads_as_the_replacement_character() -> None:
    assert plain(b'{"$":"json","value":["a\\ud800b",{"\\udfff":1}]}') == [
        "a\ufffdb",
        {"\ufffd": 1},
    ]


def test_numbers_that_no_reader_takes_still_read() -> None:
    digits = "7" * 5_000
    assert plain(b'{"$":"json","value":[1e999,' + digits.encode() + b"]}") == [
        float("inf"),
        digits,
    ]


@pytest.mark.parametrize(("open_", "close"), [(b"[", b"]"), (b'{"a":', b"}")])
@pytest.mark.parametrize("depth", [DEEPEST, 900, 50_000])
def test_json_that_nests_deeper_than_readers_bear_becomes_marked_text(
    open_: bytes, close: bytes, depth: int
) -> None:
    raw = b'{"$":"json","value":' + open_ * depth + b"1" + close * depth + b"}"
    value = read(settled(raw))
    assert (value["$"], value["why"]) == ("invalid", "nested deeper than 100")
    assert value["text"] == raw.decode()


def test_brackets_inside_text_are_not_depth() -> None:
    raw = b'{"$":"json","value":["' + b"[{" * 500 + b'\\""]}'
    assert settled(raw) == raw


def test_a_secret_says_only_that_it_is_one() -> None:
    assert settled(SECRET) == SECRET
    assert plain(SECRET) == "[hidden]"


@pytest.mark.parametrize(
    ("raw", "tells"),
    [
        (b"null", True),
        (b'"text"', True),
        (tagged(tag="json", value=[1]), True),
        (tagged(tag="blob", sha256="00", size=1), True),
        (tagged(tag="blob", digest_of_first=1, sha256="00", size=2), False),
        (tagged(tag="cut", size=2, text="a"), False),
        (SECRET, False),
    ],
)
def test_equal_values_mean_equal_columns_only_where_the_value_is_whole(
    raw: bytes, tells: bool
) -> None:
    assert tells_all(raw) is tells


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=9),
        lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(max_size=4), each),
        max_leaves=9,
    )
)
def test_every_document_reads_back_as_it_was(document: object) -> None:
    raw = b'{"$":"json","value":' + msgspec.json.encode(document) + b"}"
    assert plain(settled(raw)) == document
