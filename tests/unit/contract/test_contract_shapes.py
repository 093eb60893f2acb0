"""Answers whose shape is not known: what they are described by, and where the customer in them is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from worker.contract.assumptions import ASSUMPTIONS, ROOT
from worker.contract.shapes import EACH, answered, entries, holders, id_of, is_list_path, is_single_path, shape, written
from worker.contract.subject import ADDRESS
from worker.stamped.answers import customer_in, customers_in

if TYPE_CHECKING:
    from worker.contract.shapes import Path

EMAIL = "test@example.com"
CUSTOMER = {"id": 7, "email": "Test@Example.com", "isSubscribed": True}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "null"),
        (True, "boolean"),
        (1, "number"),
        ("zoe@example.com", "text"),
        ([], "[0]"),
        ([{"id": 1}, {"id": 2}], "[2 of {id: number}]"),
        (CUSTOMER, "{id: number, email: text, isSubscribed: boolean}"),
        ({"zoe@example.com": {"Zoë Müller": 1}, "total": 1}, "{…: {…: number}, total: number}"),
        ({"a": {"b": {"c": {"d": 1}}}}, "{a: {b: {c: {…}}}}"),
    ],
)
def test_a_shape_is_names_and_types(value: object, words: str) -> None:
    """A name that could be a value is not shown either."""
    assert shape(value) == words


def test_the_shape_of_a_huge_answer_is_short() -> None:
    """A person reads it."""
    assert len(shape({f"name{number}": [{}] * 1000 for number in range(1000)})) < 1000


ANSWERS: list[tuple[Any, Path]] = [
    (CUSTOMER, ()),
    ({"customer": CUSTOMER}, ("customer",)),
    ({"data": {"result": CUSTOMER}}, ("data", "result")),
    ({"payload": CUSTOMER}, ("payload",)),
    ({"items": [CUSTOMER]}, ("items", EACH)),
    ({"id": 7}, ()),
    ({"data": {"customerId": "7"}}, ("data",)),
]


@pytest.mark.parametrize(("body", "path"), ANSWERS, ids=str)
def test_the_customer_of_an_answer_is_found_wherever_it_is(body: object, path: Path) -> None:
    """It counts as expected where the worker finds it."""
    found = answered(body, EMAIL)
    assert found
    assert found[0] == path
    assert is_single_path(path) == (customer_in(body).id is not None)
    assert id_of(found[1]) == "7"


LISTS: list[tuple[Any, Path]] = [
    ([CUSTOMER], (EACH,)),
    ([{"customer": CUSTOMER}], (EACH, "customer")),
    ({"results": [{"customer": CUSTOMER}]}, ("results", EACH, "customer")),
    ({"customers": [CUSTOMER], "page": 1}, ("customers", EACH)),
    ({"items": [CUSTOMER]}, ("items", EACH)),
    ({"data": {"results": [CUSTOMER]}}, ("data", "results", EACH)),
    ({"results": [{"profile": CUSTOMER}]}, ("results", EACH, "profile")),
]


@pytest.mark.parametrize(("body", "path"), LISTS, ids=str)
def test_a_customer_of_a_list_is_found_wherever_it_is(body: object, path: Path) -> None:
    """It counts as expected where the worker finds it."""
    assert [each for each, _ in holders(body, EMAIL)] == [path]
    assert is_list_path(path) == any(each.id for each in customers_in(body))
    assert len(entries(body) or []) == 1


@pytest.mark.parametrize("body", [None, "", "OK", 5, {}, {"data": None}, {"data": {"type": "job"}}, [], [1, 2]])
def test_there_may_be_no_customer_in_an_answer(body: object) -> None:
    """Nor an id."""
    assert answered(body, EMAIL) is None


def test_no_list_is_told_from_an_empty_one() -> None:
    """An empty list says that nobody is found; no list says nothing."""
    assert (entries({"results": []}), entries({"total": 0}), entries("OK")) == ([], None, None)


def test_a_path_is_written_as_people_write_it() -> None:
    """The top has no name."""
    words = [written(path) for path in ((), ("results", EACH, "customer"), (EACH, "customer"), ("zoe@example.com",))]
    assert words == ["the whole answer", "results[].customer", "[].customer", "…"]


@pytest.mark.parametrize("assumption", ASSUMPTIONS, ids=lambda assumption: assumption.key)
def test_every_assumption_has_the_line_that_one_edit_corrects(assumption: Any) -> None:
    """It is looked for in the code as it is."""
    file, _, line = assumption.place.partition(":")
    assert assumption.anchor in (ROOT / file).read_text(encoding="utf-8").splitlines()[int(line) - 1]


@pytest.mark.parametrize("address", ["test@example.com", "a.b+c@shop.example.co.uk", "o'neil@example.com"])
def test_a_plain_address_can_be_tried(address: str) -> None:
    """Whatever signs are usual in one."""
    assert ADDRESS.fullmatch(address)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "test",
        "test@",
        "@example.com",
        "test@localhost",
        "te st@example.com",
        "test@example.com\n",
        "a@b@example.com",
        ".a@example.com",
        "a..b@example.com",
        "zoë@example.com",
        "test@-example.com",
        f"{'a' * 250}@example.com",
        '"a"@b.co',
    ],
)
def test_any_other_address_is_refused(address: str) -> None:
    """Nothing is to be proved of unusual ones."""
    assert not ADDRESS.fullmatch(address)
