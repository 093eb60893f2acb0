"""A list of customers is read leniently, in every shape that the contract leaves open."""

from __future__ import annotations

from typing import Any

import pytest

from worker.ipaas.customer_list import CustomerList, Listed, Match, Matches
from worker.jobs.errors import AnswerUnreadable

SYSTEM = 4021


def ids(body: Any) -> list[str]:
    """The ids that are read in a body."""
    return [each.id for each in CustomerList.read(body, None, SYSTEM).customers]


@pytest.mark.parametrize("name", ["data", "results", "items", "customers"])
def test_list_may_be_nested(name: str) -> None:
    """The list is found under each of the names that are assumed."""
    assert ids({name: [{"id": "1"}, {"id": "2"}], "total": 2}) == ["1", "2"]


@pytest.mark.parametrize("body", [["1", "2"], [1, 2], [{"id": "1"}, {"id": 2}], [" 1 ", {"id": "2"}]])
def test_ids_may_be_texts_numbers_or_objects(body: Any) -> None:
    """A list of ids is read as a list of objects with an id."""
    assert ids(body) == ["1", "2"]


def test_customer_that_is_listed_twice_is_read_once() -> None:
    """In the place where it came first."""
    assert ids(["2", "1", "2"]) == ["2", "1"]


def test_empty_list_is_read() -> None:
    """No customer is not an error."""
    assert CustomerList.read([], None, SYSTEM) == CustomerList(())


def test_entry_without_an_id_does_not_spoil_the_others() -> None:
    """It is counted and passed over."""
    assert CustomerList.read(["zoe@example.com"], None, SYSTEM) == CustomerList((), unreadable=1)
    listed = CustomerList.read([{"id": "1"}, {"name": "x"}, None, "15/0713", True], None, SYSTEM)
    assert (listed.customers, listed.unreadable) == ((Listed("1"),), 4)


@pytest.mark.parametrize("body", [None, "text", 7, {}, {"data": None}, {"message": "no"}])
def test_anything_else_is_no_list(body: Any) -> None:
    """Refused, with nothing of the body in the error."""
    with pytest.raises(AnswerUnreadable) as refused:
        CustomerList.read(body, None, SYSTEM)
    assert "zoe" not in str(refused.value)


@pytest.mark.parametrize(
    ("external_ids", "is_linked"),
    [
        ([{"system_id": 4021, "external_id": "9"}], True),
        ([{"system_id": "4021", "external_id": 9}], True),
        ([{"system_id": 4021, "external_id": "DELETED:9"}], False),
        ([{"system_id": 1, "external_id": "9"}, None], False),
        ([], False),
        (None, None),
    ],
)
def test_link_is_known_where_the_list_shows_it(external_ids: Any, is_linked: bool | None) -> None:
    """A link of another system, or a deleted one, is none; a list that shows no links says nothing."""
    (listed,) = CustomerList.read([{"id": "1", "external_ids": external_ids}], None, SYSTEM).customers
    assert listed.is_linked is is_linked


@pytest.mark.parametrize(
    ("fields", "has_email"),
    [({"email_address": "a@b"}, True), ({"email_address": " "}, False), ({"email_address": None}, False), ({}, None)],
)
def test_email_is_known_where_the_list_shows_it(fields: dict[str, Any], has_email: bool | None) -> None:
    """Only whether there is one is kept."""
    (listed,) = CustomerList.read([{"id": "1"} | fields], None, SYSTEM).customers
    assert listed == Listed("1", None, has_email)


@pytest.mark.parametrize(
    ("header", "pages"),
    [
        ('{"current_Page":1,"total_Pages":9}', 9),
        ('{"total_Pages":"9"}', 9),
        ('{"total_Pages":-1}', 0),
        ('{"total_Pages":null}', None),
        ('{"total_Pages":1e999}', None),
        ("{}", None),
        ("[]", None),
        ("9 pages", None),
        (None, None),
    ],
)
def test_number_of_pages_is_read_from_the_header(header: str | None, pages: int | None) -> None:
    """A header that says nothing leaves it open."""
    assert CustomerList.read([], header, SYSTEM).pages == pages


# What a search by e-mail answers --------------------------------------------------------------------------------------

EMAIL = "zoe@example.com"


@pytest.mark.parametrize("an_id", ["1", 1, " 1 "])
def test_match_shows_its_id_and_its_address(an_id: object) -> None:
    """Nothing else of the record is kept."""
    body = [{"id": an_id, "email_address": EMAIL, "first_name": "Zoe"}]
    assert Matches.read(body, None) == Matches((Match("1", EMAIL),))
    assert EMAIL not in repr(Matches.read(body, None))


@pytest.mark.parametrize(("pages", "has_more"), [(0, False), (1, False), (2, True), ("x", False)])
def test_matches_on_further_pages_are_known_of(pages: object, has_more: bool) -> None:
    """By the header of the contract."""
    pagination = f'{{"current_Page": 1, "total_Pages": {pages}}}'
    assert Matches.read([], pagination) == Matches((), has_more)


@pytest.mark.parametrize(
    "entry",
    [
        {"id": "1"},
        {"id": "1", "email_address": None},
        {"id": "1", "email_address": [EMAIL]},
        {"email_address": EMAIL},
        {"id": "15/0713", "email_address": EMAIL},
        {"id": True, "email_address": EMAIL},
        "1",
        None,
        EMAIL,
    ],
)
def test_match_that_can_not_be_read_is_not_left_out(entry: object) -> None:
    """The other one would be taken for the only one. The error repeats nothing."""
    with pytest.raises(AnswerUnreadable) as raised:
        Matches.read([{"id": "2", "email_address": EMAIL}, entry], None)
    assert EMAIL not in str(raised.value)


@pytest.mark.parametrize("body", [None, "text", 7, {}, {"data": None}, {"id": "1", "email_address": EMAIL}])
def test_answer_without_a_list_is_unreadable(body: Any) -> None:
    """A customer alone, for example."""
    with pytest.raises(AnswerUnreadable):
        Matches.read(body, None)
