"""A mapping collection becomes a mapping file, or each thing that can't be carried over is named with what to do."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.mapping.importing import Imported, read_collection
from worker.mapping.mapping import Mapping
from worker.mapping.rows import Row, RowType
from worker.sandbox.ipaas import sample_collection

if TYPE_CHECKING:
    from pathlib import Path

TYPES = ["Field", "FieldWithDefault", "Static", "Lookup Translation", "Dynamic Formula", "Regex Translation", "Magic"]


def row(kind: object, source: object, destination: object, **more: object) -> dict[str, Any]:
    """A row of a collection."""
    return {"mapping_type_name": kind, "source_value": source, "destination_field": destination, **more}


EMAIL = row("Field", "EmailAddress", "Email")


def imported(*rows: object, **more: object) -> Imported:
    """What becomes of a collection of these rows, behind one that fills Email."""
    return read_collection({"id": 77, "mappings": [EMAIL, *rows], **more}, "77")


def refused(*rows: object, **more: object) -> list[str]:
    """What is said of a collection that is refused."""
    found = imported(*rows, **more)
    assert found.text == ""
    return [str(refusal) for refusal in found.refusals]


def mapped(tmp_path: Path, *rows: object) -> list[Row]:
    """The rows behind Email, as the mapping file that was written has them."""
    found = imported(*rows)
    assert found.refusals == ()
    (file := tmp_path / "mapping.toml").write_text(found.text, encoding="utf-8")
    return list(Mapping.read(file).rows[1:])


# What is carried over -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (row("Field", "Comment", "Notes"), Row(RowType.FIELD, "Notes", source="Comment")),
        (row("field", "comment", "notes"), Row(RowType.FIELD, "Notes", source="Comment")),
        (row("Field", "customer_number", "ExternalId"), Row(RowType.FIELD, "externalId", source="CustomerNumber")),
        (row("Field", "CreatedDatetime", "Notes"), Row(RowType.FIELD, "Notes", source="CreatedDateTime")),
        (row("Field", "CustomFields.Opt in?", "Notes"), Row(RowType.FIELD, "Notes", source="CustomFields.Opt in?")),
        (row("Field", "customFields.Opt in", "Notes"), Row(RowType.FIELD, "Notes", source="CustomFields.Opt in")),
        (row("Field", "custom_fields.A.b", "Notes"), Row(RowType.FIELD, "Notes", source="CustomFields.A.b")),
        (row("Field", "First Name", "Last-Name"), Row(RowType.FIELD, "LastName", source="FirstName")),
        (
            row("FieldWithDefault", "Comment", "Notes", default_value="none"),
            Row(RowType.FIELD, "Notes", source="Comment", default="none"),
        ),
        (
            row("FieldWithDefault", "CustomFields.News", "IsSubscribed", default_value="False"),
            Row(RowType.FIELD, "IsSubscribed", source="CustomFields.News", default=False),
        ),
        (
            row("FieldWithDefault", "CustomFields.News", "IsSubscribed", default_value=" Yes"),
            Row(RowType.FIELD, "IsSubscribed", source="CustomFields.News", default=True),
        ),
        (row("Static", "off", "IsSubscribed"), Row(RowType.STATIC, "IsSubscribed", value=False)),
        (row("FieldWithDefault", "Comment", "Notes"), Row(RowType.FIELD, "Notes", source="Comment")),
        (row("Static", "from iPaaS.com", "Notes"), Row(RowType.STATIC, "Notes", value="from iPaaS.com")),
        (row("Static", "true", "Notes"), Row(RowType.STATIC, "Notes", value="true")),
        (row("Static", " TRUE ", "IsSubscribed"), Row(RowType.STATIC, "IsSubscribed", value=True)),
        (row("Static", "false", "isSubscribed"), Row(RowType.STATIC, "IsSubscribed", value=False)),
        (row("Static", False, "IsSubscribed"), Row(RowType.STATIC, "IsSubscribed", value=False)),
    ],
)
def test_row_becomes_one_of_the_mapping_file(tmp_path: Path, given: dict[str, Any], expected: Row) -> None:
    """Names may differ in case, blanks, _ and -, and IsSubscribed takes true and false as texts."""
    assert mapped(tmp_path, given) == [expected]


@pytest.mark.parametrize(
    "text", ['say "hi"', "back\\slash", "two\nlines\r\n", "\x07\x7f\x00\x85", "Zoë 🎉", "'''", "]\n[[row]]", "# no"]
)
def test_any_text_is_written_so_that_it_is_read_back(tmp_path: Path, text: str) -> None:
    """Quotes, line breaks and control characters can't end the text, or the row."""
    assert [each.value for each in mapped(tmp_path, row("Static", text, "Notes"))] == [text]


def test_collection_of_the_sandbox_is_the_default_mapping_with_the_subscription(tmp_path: Path) -> None:
    """Row for row, without the levels, which iPaaS.com does not have."""
    found = read_collection(sample_collection(), "5120")
    (file := tmp_path / "mapping.toml").write_text(found.text, encoding="utf-8")
    rows, default = Mapping.read(file).rows, Mapping.default().rows
    assert (found.refusals, found.notes) == ((), ())
    assert [(each.source, each.destination) for each in rows[:-1]] == [(e.source, e.destination) for e in default]
    assert rows[-1] == Row(RowType.STATIC, "IsSubscribed", value=True)


# What is refused ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "place", "words"),
    [
        (
            row("Lookup Translation", "CategoryId", "Notes", translation_collection_id=55),
            'row 2 ("Lookup Translation", source "CategoryId", destination "Notes"): ',
            "with translate = { … } and the pairs of its translation collection 55.",
        ),
        (
            row("Lookup Translation", "CategoryId", "Notes", translation_collection_id=0),
            'row 2 ("Lookup Translation", source "CategoryId", destination "Notes"): ',
            "and the pairs of its translation collection.",
        ),
        (
            row("Dynamic Formula", "return 1;", "Notes"),
            'row 2 ("Dynamic Formula", source "return 1;", destination "Notes"): ',
            "a formula is C#, which does not run here. Let iPaaS.com put the result into a field",
        ),
        (
            row("Regex Translation", "Comment", "Notes"),
            'row 2 ("Regex Translation", source "Comment", destination "Notes"): ',
            "has no regular expressions. Map a field that needs none",
        ),
        (row("Magic", "Comment", "Notes"), 'row 2 ("Magic", ', "'Magic' is not a type of a row that is known here"),
        (row("Fields", "Comment", "Notes"), 'row 2 ("Fields", ', "did you mean Field?"),
        (row(5, "Comment", "Notes"), "row 2 (5, ", "'5' is not a type of a row that is known here"),
        (row(["Field"], "Comment", "Notes"), "row 2 (a list, ", "'a list' is not a type of a row"),
        (row(None, "Comment", "Notes"), "row 2 (source ", "it has no mapping_type_name"),
        ({}, "row 2: ", "it has no mapping_type_name"),
        (5, "row 2: ", "is not an object"),
        (None, "row 2: ", "is not an object"),
        ([EMAIL], "row 2: ", "is not an object"),
        (row("Field", "Zip", "Notes"), "row 2 (", "source_value: 'Zip' is not a source; use one of Id, CustomerNumber"),
        (row("Field", "", "Notes"), "row 2 (", "source_value: is missing"),
        (row("Field", True, "Notes"), "row 2 (", "source_value: True is not a source"),
        (row("Field", 5, "Notes"), "row 2 (", "source_value is a number and not text"),
        (row("Field", {"a": 1}, "Notes"), "row 2 (", "source_value is an object and not text"),
        (row("Field", "CustomFields.", "Notes"), "row 2 (", "did you mean CustomFields.<name>?"),
        (row("Field", "!Company", "Notes"), "row 2 (", "'!Company' is not a source; did you mean Company?"),
        (row("Field", '"First Name"', "LastName"), "row 2 (", "is not a source"),
        (row("Field", "!CustomFields.A", "Notes"), "row 2 (", "'!CustomFields.A' is not a source"),
        (row("Field", "Comment", "Notes[0]"), "row 2 (", "'Notes[0]' is not a destination"),
        (row("!Static", "x", "Notes"), 'row 2 ("!Static", ', "'!Static' is not a type of a row that is known here"),
        (row("Field", "Comment", "Phone"), "row 2 (", "destination_field: 'Phone' is not a destination; use one of"),
        (row("Field", "Comment", None), "row 2 (", "destination_field: is missing"),
        (row("Field", "Comment", ["Notes"]), "row 2 (", "destination_field is a list and not text"),
        (row("Static", "", "Notes"), "row 2 (", "source_value: is missing"),
        (row("Static", 5, "Notes"), "row 2 (", "source_value is a number and not text"),
        (row("Static", True, "Notes"), "row 2 (", "source_value: must be text"),
        (row("Static", "maybe", "IsSubscribed"), "row 2 (", "source_value: must be true or false"),
        (row("Static", "x", "CustomerEmail"), "row 2 (", "CustomerEmail cannot be Static"),
        (row("Static", "x" * 1001, "Notes"), "row 2 (", "source_value has 1,001 characters, and 1,000 are the most"),
        (row("Static", "\ud83d", "Notes"), "row 2 (", "source_value holds half a character"),
        (row("FieldWithDefault", "Comment", "Notes", default_value=5), "row 2 (", "default_value is a number"),
        (
            row("FieldWithDefault", "Comment", "IsSubscribed", default_value="maybe"),
            "row 2 (",
            "default_value: must be true or false",
        ),
        (
            row("FieldWithDefault", "EmailAddress", "CustomerEmail", default_value="x"),
            "row 2 (",
            "default_value: does not fit CustomerEmail",
        ),
        (row("Field", "Comment", "email"), 'row 2 ("Field", ', "Email is already filled by row 1"),
    ],
)
def test_row_that_cannot_be_carried_over_is_named_with_what_to_do(given: object, place: str, words: str) -> None:
    """Its number, type, source and destination; nothing is written then."""
    (refusal,) = refused(given)
    assert refusal.startswith(place)
    assert words in refusal
    assert refusal.isprintable()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"filter": "CustomerNumber > 5"}, "filter: is not empty: it leaves customers out"),
        ({"error_filter": ["x"]}, "error_filter: is not empty"),
        ({"children": [{"mappings": [EMAIL]}]}, "children, 1: is a child collection with rows of its own"),
        ({"children": [{"children": [{}]}]}, "children, 1: is a child collection with rows of its own"),
        ({"children": [{}, 7]}, "children, 2: is a number and not a collection"),
        ({"children": [1] * 501}, "children: holds 501 collections, and a customer has none here"),
        ({"children": {"a": 1}}, "children: is an object and not a list of collections"),
        ({"sync_type": "Delete"}, "sync_type: says that the collection deletes"),
        ({"mappings": None}, "mappings: is missing"),
        ({"mappings": {"a": 1}}, "mappings: is an object and not a list of rows"),
        ({"mappings": []}, "mappings: holds no row"),
        ({"mappings": [EMAIL] * 501}, "mappings: holds 501 rows, and there are 7 destinations"),
        ({"mappings": [row("Field", "Comment", "Notes")]}, "mappings: no row fills Email"),
    ],
)
def test_collection_that_does_more_than_a_mapping_file_is_refused(more: dict[str, object], words: str) -> None:
    """By the name of the field."""
    (refusal,) = refused(**more)
    assert refusal.startswith(words)


def test_everything_is_named_at_once() -> None:
    """One reading is enough to know what to do, and a refused row still counts as filling its destination."""
    rows = [row("Dynamic Formula", "return 1;", "Email"), 5, row("Magic", "", ""), row("Field", "Zip", "Phone")]
    found = read_collection({"filter": "x", "children": [1], "mappings": rows}, "77")
    places = [refusal.place.partition(" (")[0] for refusal in found.refusals]
    assert places == ["filter", "children, 1", "row 1", "row 2", "row 3", "row 4", "row 4"]


def test_no_address_is_repeated() -> None:
    """A formula or a value may hold one, and what is said may end up in a log."""
    rows = [row("Dynamic Formula", 'return "zoe@example.com";', "Notes"), row("Field", "zoe@example.com", "LastName")]
    assert "zoe@" not in "\n".join(refused(*rows))


def test_long_text_is_cut_where_it_is_shown() -> None:
    """A formula of a page would hide the other refusals."""
    (refusal,) = refused(row("Dynamic Formula", "x" * 100_000, "Notes"))
    assert len(refusal) < 400


ALL = row("Static", "true", "IsSubscribed")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"filter": 'CustomFields.Consent == "yes"'}, "its filter is not empty: it is for some customers alone"),
        ({"error_filter": {"a": 1}}, "its error_filter is not empty"),
        ({"children": [{"x": 1}]}, "its children is not empty, and a row has no rows of its own here"),
        ({"mappings": [1]}, "its mappings is not empty, and a row has no rows of its own here"),
        ({"sync_type": "Delete"}, "its sync_type says that it deletes"),
        ({"is_enabled": False}, '"is_enabled" is false: it seems to be switched off'),
        ({"IsActive": 0}, '"IsActive" is 0: it seems to be switched off'),
        ({"active": "No"}, '"active" is "No": it seems to be switched off'),
        ({"active": {"when": "x"}}, '"active" is an object: it seems to be switched off'),
        ({"disabled": True}, '"disabled" is true: it seems to be switched off'),
        ({"is-inactive": "yes"}, '"is-inactive" is "yes": it seems to be switched off'),
        ({"status": "Disabled"}, '"status" is "Disabled": it seems to be switched off'),
        ({"Filter": "x"}, '"Filter" is "x": it seems to be a condition'),
        ({"row_filter": "false"}, '"row_filter" is "false": it seems to be a condition'),
        ({"conditions": [{"a": 1}]}, '"conditions" is a list: it seems to be a condition'),
    ],
)
def test_switch_or_condition_is_never_dropped(more: dict[str, object], words: str) -> None:
    """A row that subscribes some customers must not subscribe all. In a child and in the collection it is the same."""
    (refusal,) = refused(ALL | more)
    assert imported(ALL | more).notes == ()
    assert refusal.startswith('row 2 ("Static", source "true", destination "IsSubscribed"): ')
    assert words in refusal
    of_a_row_alone = {"children", "mappings", "sync_type"}
    if not more.keys() & of_a_row_alone:
        assert refused(children=[more])[0].startswith("children, 1")
        assert refused(**more)[0].startswith(("collection", "filter", "error_filter"))


@pytest.mark.parametrize(
    "more",
    [
        {"is_enabled": True},
        {"IsActive": "1"},
        {"active": "Yes"},
        {"disabled": False},
        {"is_inactive": "no"},
        {"status": "Active"},
        {"has_filter": False},
        {"filter_id": 0},
        {"conditions": []},
        {"filter": " "},
    ],
)
def test_switch_that_is_on_and_condition_that_is_empty_are_carried_over(more: dict[str, object]) -> None:
    """They change nothing."""
    assert imported(ALL | more).refusals == ()


def test_question_has_no_full_stop_behind_it() -> None:
    """The resolution follows it."""
    (refusal,) = refused(row("Field", "Emailaddres", "LastName"))
    assert "did you mean EmailAddress? Correct" in refusal


# What is noted --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "more", "words"),
    [
        (row("Field", "Comment", "Notes", default_value="x"), {}, "its default_value was left out, since a Field row"),
        (row("Static", "x", "Notes", default_value="x"), {}, "its default_value was left out, since a Static row"),
        (
            row("Field", "Comment", "Notes", translation_collection_id=5),
            {},
            "its translation_collection_id was left out, since a Field row",
        ),
        (row("FieldWithDefault", "Comment", "Notes"), {}, "its default_value is empty"),
        (
            row("Field", "Comment", "Notes", sort_order=5, is_active=True),
            {},
            'Not carried over from iPaaS.com\'s answer, row 2: "sort_order", "is_active". Look in',
        ),
        (
            row("Field", "Comment", "Notes"),
            {"status": "New", "\x1b[2J": 1},
            'answer, collection: "status", " [2J". Look',
        ),
        (
            row("Field", "Comment", "Notes"),
            {"default_value": "x", "source_value": "y"},
            'collection: "default_value", "so',
        ),
        (row("Field", "Comment", "Notes"), {"children": [{}, {"size": 5}]}, 'answer, children, 2: "size". Look in'),
        (
            row("Field", "Comment", "Notes", sync_type="Add"),
            {},
            'source "Comment", destination "Notes"): its sync_type is "Add"; here it creates and updates.',
        ),
        (row("Field", "Comment", "Notes"), {"sync_type": "Add"}, 'sync_type is "Add"; here customers are created and'),
        (row("Field", "Comment", "Notes"), {"sync_type": 2}, "sync_type is 2; here customers are created and"),
    ],
)
def test_what_is_left_out_is_said(given: dict[str, Any], more: dict[str, object], words: str) -> None:
    """Nothing is dropped in silence."""
    found = imported(given, **more)
    assert found.refusals == ()
    (note,) = found.notes
    assert words in note


@pytest.mark.parametrize("empty", [None, "", " ", [], {}])
def test_empty_field_is_nothing_to_speak_of(empty: object) -> None:
    """However emptiness is written, in the collection and in a row."""
    fields = dict.fromkeys(["filter", "error_filter", "sync_type", "children", "name"], empty)
    found = imported(row("Field", "Comment", "Notes", default_value=empty, translation_collection_id=empty), **fields)
    assert (found.refusals, found.notes) == ((), ())


def test_field_that_many_rows_have_is_said_once() -> None:
    """With all of them."""
    (note,) = imported(row("Field", "Comment", "Notes", order=1), row("Field", "Company", "LastName", order=2)).notes
    assert note.startswith('Not carried over from iPaaS.com\'s answer, row 2, row 3: "order". ')


# Hostile answers ------------------------------------------------------------------------------------------------------

SCALARS = st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["Email", "Comment", "true"])
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3))
ROWS = st.fixed_dictionaries(
    {},
    optional={
        "mapping_type_name": st.sampled_from(TYPES) | JSON,
        "source_value": st.sampled_from(["EmailAddress", "Comment", "true"]) | JSON,
        "destination_field": st.sampled_from(["Email", "Notes", "IsSubscribed"]) | JSON,
        "default_value": JSON,
        "translation_collection_id": JSON,
        "filter": JSON,
        "is_active": JSON,
    },
)
FIELDS = ["filter", "error_filter", "sync_type", "children", "mappings", "name"]


@given(rows=st.lists(ROWS | JSON, max_size=4), fields=st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=3))
def test_whatever_a_collection_holds_it_is_written_or_refused(rows: list[Any], fields: dict[str, Any]) -> None:
    """Never a traceback, and never a file that is not TOML."""
    found = read_collection({"mappings": [EMAIL, *rows], **fields}, "77")
    assert bool(found.text) is not bool(found.refusals)
    assert all(line.isprintable() for line in map(str, found.refusals))
    if found.text:
        assert len(tomllib.loads(found.text)["row"]) == len(rows) + 1
