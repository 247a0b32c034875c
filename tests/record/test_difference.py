"""Before and after as people compare them."""

import json
import unicodedata

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_trail.record.catalog import Catalog, Field, Kind
from audit_trail.record.difference import LONGEST_TEXT, Panel, Shown, panels
from audit_trail.record.entry import ActorId, Change, Entity, ErasedWhat, Public, Reference, What

CATALOG = Catalog(
    kinds={
        "inbox": Kind(
            name="inbox",
            fields={
                "rules": Field(lines=lambda value: [each["name"] for each in value]),
                "parts": Field(line=lambda value: value["name"]),
            },
        )
    }
)


def change(**sides: object) -> Change:
    return Change(
        **{side: msgspec.Raw(json.dumps(value).encode()) for side, value in sides.items()}
    )


def panel(it: Change, name: str = "f", action: str = "update", what: What | None = None) -> Panel:
    public = Public(
        v=1,
        id="00000000-0000-7000-8000-000000000000",
        account="1",
        occurred_at=0,
        recorded_at=0,
        action=action,
        outcome="success",
        entity=Entity(type="inbox", id="1"),
        actor=ActorId(kind="user"),
        via="ui",
        fields=(name,),
    )
    shown = msgspec.structs.replace(what or What(), changes={name: it})
    (only,) = panels(public, shown, CATALOG)
    return only


def text(shown: Shown | None) -> str | None:
    return None if shown is None else "".join(span.text for run in shown.runs for span in run)


def differing(shown: Shown | None) -> list[str]:
    assert shown is not None
    return [span.text for run in shown.runs for span in run if span.differs]


def document(value: object) -> dict[str, object]:
    return {"$": "json", "value": value}


def test_a_boolean_reads_true_or_false() -> None:
    it = panel(change(before=False, after=True), "csat_enabled")
    assert (it.label, text(it.before), text(it.after)) == ("CSAT Enabled", "false", "true")


def test_words_of_a_text_are_marked_where_they_differ() -> None:
    it = panel(change(before="We are open today", after="We are closed today"))
    assert differing(it.before) == ["open"]
    assert differing(it.after) == ["closed"]
    assert text(it.after) == "We are closed today"


def test_texts_that_share_no_word_are_shown_whole() -> None:
    it = panel(change(before="red", after="green"))
    assert (differing(it.before), differing(it.after)) == ([], [])


def test_a_list_shows_what_was_added_and_removed() -> None:
    it = panel(change(before=document(["a", "b"]), after=document(["b", "c"])))
    assert it.before is not None and it.before.shape == "list"
    assert differing(it.before) == ["a"]
    assert differing(it.after) == ["c"]


def test_a_list_of_objects_reads_as_the_catalog_says() -> None:
    it = panel(change(before=document([{"name": "x"}]), after=document([])), "rules")
    assert (it.before and it.before.shape, text(it.before)) == ("list", "x")
    assert it.after is not None and it.after.shape == "empty"


@pytest.mark.parametrize("value", [{"name": 1}, [1], [{}], "text", 7, [None], True])
def test_a_document_of_another_shape_than_the_catalog_knows_is_shown_as_it_is(
    value: object,
) -> None:
    it = panel(change(after=document(value)), "rules", "create")
    assert it.before is None
    assert it.after is not None and it.after.shape in ("json", "list")


def test_json_is_compared_line_by_line() -> None:
    it = panel(change(before=document({"a": 1, "b": 2}), after=document({"a": 1, "b": 3})))
    assert it.after is not None and it.after.shape == "json"
    assert [line.strip() for line in differing(it.before)] == ['"b": 2']
    assert [line.strip() for line in differing(it.after)] == ['"b": 3']


def test_a_secret_says_that_it_changed_and_not_to_what() -> None:
    it = panel(change(before={"$": "secret"}, after={"$": "secret"}))
    assert it.before == Shown(shape="hidden", runs=((),))
    assert it.after == Shown(shape="hidden", runs=((),), note="changed")


def test_a_secret_set_for_the_first_time_is_hidden_after_nothing() -> None:
    it = panel(change(before=None, after={"$": "secret"}))
    assert it.before is not None and it.before.shape == "empty"
    assert it.after is not None and it.after.shape == "hidden"


def test_a_reference_reads_by_its_name_and_number() -> None:
    what = What(references={"inbox_id": Reference(table="inboxes", label="New", before="Old")})
    it = panel(change(before=1, after=2), "inbox_id", what=what)
    assert (it.label, text(it.before), text(it.after)) == ("Inbox", "Old (#1)", "New (#2)")


def test_a_reference_of_what_was_deleted_reads_by_the_name_it_had() -> None:
    what = What(references={"inbox_id": Reference(table="inboxes", label="Support")})
    it = panel(change(before=1), "inbox_id", "delete", what)
    assert (text(it.before), it.after) == ("Support (#1)", None)


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (None, "none"),
        ("", "empty text"),
        (document(None), "null"),
        (document([]), "empty list"),
        (document({}), "empty object"),
    ],
)
def test_nothing_reads_as_what_kind_of_nothing_it_is(value: object, word: str) -> None:
    it = panel(change(before=value, after="x"))
    assert it.before is not None and (it.before.shape, text(it.before)) == ("empty", word)


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        (1, "1", ("1", '"1"')),
        (True, "true", ("true", '"true"')),
        (None, "none", ("null", '"none"')),
        ("caf\u00e9", "cafe\u0301", (r'"caf\u00e9"', r'"cafe\u0301"')),
        ("a", document(["a"]), ('"a"', '[\n  "a"\n]')),
        (document(1), document("1"), ("1", '"1"')),
        (document([1, "a"]), document(["1", "a"]), ("1a", '"1"a')),
        ({"$": "real", "text": "0.1"}, "0.1", ('{"$": "real", "text": "0.1"}', '"0.1"')),
    ],
)
def test_unequal_values_that_would_read_the_same_are_shown_as_json(
    before: object, after: object, shown: tuple[str, str]
) -> None:
    it = panel(change(before=before, after=after))
    assert (text(it.before), text(it.after)) == shown


def test_json_that_differs_only_as_it_is_written_is_shown_as_it_is_stored() -> None:
    sides = [msgspec.Raw(b'{"$":"json","value":%s}' % value) for value in (b"1.0", b"1.00")]
    it = panel(Change(before=sides[0], after=sides[1]))
    assert text(it.before) == '{"$":"json","value":1.0}'
    assert text(it.after) == '{"$":"json","value":1.00}'
    assert it.before is not None and it.before.note == "as it is stored"


def test_lone_surrogates_are_told_apart() -> None:
    it = panel(change(before="\ud800", after="\udfff"))
    assert (text(it.before), text(it.after)) == (r'"\ud800"', r'"\udfff"')


def test_long_values_are_shown_from_where_they_differ() -> None:
    it = panel(change(before="x" * 30_000 + "a", after="x" * 30_000 + "b"))
    assert it.before is not None and it.after is not None
    assert (text(it.before), text(it.after)) == ("x" * 100 + 'a"', "x" * 100 + 'b"')
    assert it.before.note == "as it is stored, from character 29,902 on"
    longer = panel(change(before="x" * 30_000, after="x" * 30_001))
    assert (text(longer.before), text(longer.after)) == ("x" * 100 + '"', "x" * 101 + '"')


def test_equal_parts_of_values_that_were_not_kept_whole_say_that_they_changed() -> None:
    cut = {"$": "cut", "size": 2_000_000, "text": "y"}
    it = panel(change(before=cut, after=cut))
    assert it.after is not None
    assert it.after.note == "cut; 2,000,000 bytes in full; changed in what isn't kept"


def test_an_item_that_changed_where_its_line_does_not_tell_is_shown_as_json() -> None:
    rules = [
        [{"name": "a", "hidden": number}, {"name": last}] for number, last in ((1, "b"), (2, "c"))
    ]
    it = panel(change(before=document(rules[0]), after=document(rules[1])), "parts")
    assert it.before is not None and it.before.shape == "json"
    assert [line.strip() for line in differing(it.before)] == ['"hidden": 1', '"name": "b"']


@pytest.mark.parametrize("value", [{"$": "blob"}, {"$": "cut", "text": 1}, {"x": 1}, {"$": "new"}])
def test_a_tag_of_another_shape_is_shown_as_it_is(value: object) -> None:
    assert text(panel(change(after=value)).after) == json.dumps(value)


def test_values_that_json_can_not_say_carry_a_note() -> None:
    blob = panel(change(after={"$": "blob", "sha256": "ab" * 32, "size": 1234567})).after
    assert blob is not None
    assert (text(blob), blob.note) == (
        f"sha256 {'ab' * 32}",
        "1,234,567 bytes, shown by their digest",
    )
    invalid = panel(change(after={"$": "invalid", "why": "not JSON", "text": "{"})).after
    assert invalid is not None and (text(invalid), invalid.note) == ("{", "not JSON")
    real = panel(change(after={"$": "real", "text": "Infinity"})).after
    assert text(real) == "Infinity"


def test_what_is_too_long_is_cut_and_counted() -> None:
    long = panel(change(after="x" * 30_000)).after
    assert long is not None and text(long) == "x" * LONGEST_TEXT
    assert long.note == "cut; 30,000 characters in full"
    cut = panel(change(after={"$": "cut", "size": 2_000_000, "text": "y" * 30_000})).after
    assert cut is not None and cut.note == "cut; 2,000,000 bytes in full"
    items = panel(change(after=document(list(range(1_500))))).after
    assert items is not None and items.note == "cut; 1,500 items in full"
    lines = panel(change(after=document({"k": ["z"] * 9_000}))).after
    assert lines is not None and lines.note is not None and lines.note.startswith("cut; ")


def changed(action: str, *fields: str) -> Public:
    return Public(
        v=1,
        id="x",
        account="1",
        occurred_at=0,
        recorded_at=0,
        action=action,
        outcome="success",
        entity=Entity(type="inbox"),
        actor=ActorId(kind="user"),
        via="ui",
        fields=fields,
    )


def test_the_panels_have_the_order_of_the_fields() -> None:
    public = changed("update", "z", "a", "gone")
    what = What(changes={"a": change(after=1), "extra": change(after=1), "z": change(after=1)})
    assert [each.field for each in panels(public, what, CATALOG)] == ["z", "a", "extra"]


@pytest.mark.parametrize(
    ("action", "before", "after"),
    [
        ("create", None, "erased"),
        ("update", "erased", "erased"),
        ("delete", "erased", None),
    ],
)
def test_of_erased_values_the_names_of_the_fields_are_left(
    action: str, before: str | None, after: str | None
) -> None:
    found = panels(changed(action, "z", "a"), ErasedWhat(), CATALOG)
    assert [(each.field, text(each.before), text(each.after)) for each in found] == [
        ("z", before, after),
        ("a", before, after),
    ]


scalars = st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=30)
anything = st.recursive(
    scalars, lambda each: st.lists(each, max_size=5) | st.dictionaries(st.text(max_size=3), each)
)


@given(scalars | anything.map(document), scalars | anything.map(document))
def test_the_spans_join_to_the_value_whatever_differs(before: object, after: object) -> None:
    both = panel(change(before=before, after=after), "rules")
    alone = (
        panel(change(before=before), "rules", "delete"),
        panel(change(after=after), "rules", "create"),
    )
    sides = text(alone[0].before) or "", text(alone[1].after) or ""
    if unicodedata.normalize("NFC", sides[0]) != unicodedata.normalize("NFC", sides[1]):
        assert (text(both.before), text(both.after)) == sides


@given(scalars | anything.map(document), scalars | anything.map(document))
def test_unequal_values_never_read_the_same(before: object, after: object) -> None:
    if json.dumps(before) != json.dumps(after):
        it = panel(change(before=before, after=after), "rules")
        assert it.before is not None and it.after is not None
        assert (text(it.before), it.before.note) != (text(it.after), it.after.note)


def json_of(value: object) -> dict[str, object]:
    return {"$": "json", "value": value}


def test_a_list_is_compared_as_a_set_and_says_when_the_order_changed() -> None:
    it = panel(change(before=json_of(["a", "b", "c", "c"]), after=json_of(["c", "a", "d"])))
    assert differing(it.before) == ["b", "c"]
    assert differing(it.after) == ["d"]
    assert it.before
    assert it.after
    assert (it.before.note, it.after.note) == (None, "in another order")
    assert [run[0].differs for run in it.before.runs] == [False, True, False, True]


def test_a_list_in_another_order_alone_marks_what_moved() -> None:
    it = panel(change(before=json_of(["a", "b", "c"]), after=json_of(["b", "c", "a"])))
    assert differing(it.before) == ["a"]
    assert differing(it.after) == ["a"]
    assert it.after
    assert it.after.note == "in another order"


def test_a_long_list_is_compared_whole() -> None:
    many = [f"item {number}" for number in range(990)]
    it = panel(change(before=json_of(many), after=json_of([*many[:500], "new", *many[501:]])))
    assert differing(it.before) == ["item 500"]
    assert differing(it.after) == ["new"]


@pytest.mark.parametrize("sentence", ["Nobody knows this part. ", "a line that stays\n"])
def test_words_of_a_long_text_are_marked_where_they_differ(sentence: str) -> None:
    before = f"{sentence * 200}we answer within ten minutes. {sentence * 200}and so on. {sentence}"
    after = before.replace("ten", "five").replace("so on", "that was it")
    it = panel(change(before=before[:LONGEST_TEXT], after=after[:LONGEST_TEXT]))
    assert differing(it.before) == ["ten", "so", "on"]
    assert differing(it.after)[:2] == ["five", "that"]


def test_json_reads_as_people_write_it() -> None:
    value = {"labels": ["resolved", 1], "deep": {"empty": {}, "none": None}, "list": [{"a": 1}]}
    shown = text(panel(change(after=json_of(value), before=json_of({"x": 1}))).after)
    assert shown == (
        '{\n  "labels": ["resolved", 1],\n  "deep": {\n    "empty": {},\n    "none": null\n  },\n'
        '  "list": [\n    {\n      "a": 1\n    }\n  ]\n}'
    )


@given(
    st.recursive(
        st.none() | st.integers() | st.text(),
        lambda each: st.lists(each) | st.dictionaries(st.text(), each),
    )
)
def test_json_is_shown_whole(value: object) -> None:
    shown = text(
        panel(change(after=json_of({"x": [{"y": value}]}), before=json_of({"x": 1}))).after
    )
    assert shown
    assert json.loads(shown) == {"x": [{"y": value}]}
