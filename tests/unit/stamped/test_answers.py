"""Stamped.io's answers, in every shape that the contract names and in any other."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.jobs.job import STAMPED_ID
from worker.stamped.answers import StampedCustomer, customer_in, customers_in

ZOE = {"id": 143491, "email": "zoe@example.com", "isSubscribed": True}
READ = StampedCustomer("143491", "zoe@example.com", is_subscribed=True)
NOTHING = StampedCustomer()


@pytest.mark.parametrize(
    "body",
    [
        ZOE,
        {"customer": ZOE},
        {"result": ZOE},
        {"data": ZOE},
        {"data": {"customer": ZOE}},
        {**ZOE, "data": {"id": 7}},
        {"customer": None, "data": ZOE},
        {**ZOE, "data": {"id": 9, "email": "other@example.com"}},
        {"customerId": 143491, "customerEmail": "zoe@example.com", "isSubscribed": True},
        {"id": None, "customerId": "143491", "email": "", "customerEmail": " zoe@example.com ", "isSubscribed": True},
        {**ZOE, "id": " 143491 "},
    ],
)
def test_customer_is_found_in_every_shape(body: object) -> None:
    """Flat or nested, with either name of the id and of the e-mail."""
    assert customer_in(body) == READ


@pytest.mark.parametrize("body", [None, "", "OK", 143491, True, [], [ZOE], {}, {"customer": None}, {"data": []}])
def test_answer_without_a_customer_says_nothing(body: object) -> None:
    """It is no error: the answer to a write need not name the customer."""
    assert customer_in(body) == NOTHING


@pytest.mark.parametrize("value", [True, False])
def test_state_is_a_boolean(value: bool) -> None:
    """Both booleans are known states."""
    assert customer_in({"isSubscribed": value}).is_subscribed is value


@pytest.mark.parametrize("value", [None, "true", "false", "", 0, 1, 0.0, [], {}, "subscribed"])
def test_any_other_state_is_unknown(value: object) -> None:
    """Never false: that would unsubscribe people, or leave them subscribed."""
    assert customer_in({"isSubscribed": value}).is_subscribed is None


@pytest.mark.parametrize(
    "value",
    [
        *("", " ", "..", ".", "a/b", "1/2", "1?x=2", "1#x", "%2e%2e", "1\n2", "add", "ADD", "1" * 65, "1" * 1000),
        *("zoe@example.com", "\uff11\uff14", None, True, False, 1.5, [], {}, 10**19),
        pytest.param(10**5000, id="5000 digits"),
    ],
)
def test_id_that_could_be_another_path_is_none(value: object) -> None:
    """It becomes a part of a path and is kept in the ledger: nothing but an id may."""
    assert customer_in({"id": value}).id is None


@pytest.mark.parametrize("value", [143491, "143491", "c-143491", "0b7e6a5e-5b0f-4b8e-9d0c-6a1f0c1b2d3e"])
def test_id_is_a_number_or_a_text_that_holds_one(value: object) -> None:
    """Stamped.io's are numbers; others that can do no harm are let through."""
    assert customer_in({"id": value}).id == str(value)


@pytest.mark.parametrize(
    "body",
    [
        {"results": [{"customer": ZOE}]},
        {"results": [ZOE]},
        {"customers": [ZOE]},
        {"data": [ZOE]},
        [ZOE],
        [{"customer": ZOE}],
        {"results": None, "customers": [ZOE]},
    ],
)
def test_list_is_found_in_every_shape(body: object) -> None:
    """Under `results[].customer` or `customers[]`, or bare."""
    assert customers_in(body) == [READ]


@pytest.mark.parametrize("body", [None, "", "OK", 5, {}, [], {"results": []}, {"results": {"customer": ZOE}}])
def test_answer_without_a_list_is_an_empty_one(body: object) -> None:
    """Nobody was found."""
    assert customers_in(body) == []


def test_list_may_hold_anything() -> None:
    """What is no customer in it says nothing, and hides no other."""
    assert customers_in([None, "x", ZOE, 5, [ZOE]]) == [NOTHING, NOTHING, READ, NOTHING, NOTHING]


@pytest.mark.parametrize("name", ["jobId", "jobType", "job", "job_status", "taskId", "batch", "importId", "queuedAt"])
def test_background_job_is_no_customer(name: str) -> None:
    """It has an id too."""
    assert customer_in({"id": 7, name: "x"}) == NOTHING
    assert customer_in({**ZOE, name: "x"}) == READ


def test_customers_own_fields_are_no_jobs() -> None:
    """Whatever they begin with."""
    assert customer_in({"id": 7, "jobs": 1, "imported": True, "tasks": []}).id == "7"


def test_deep_nesting_ends_somewhere() -> None:
    """An answer that is wrapped ten thousand times holds no customer."""
    body: dict[str, Any] = {}
    for _ in range(10_000):
        body = {"data": body}
    assert customer_in(body) == NOTHING


NAMES = st.sampled_from(["id", "customerId", "email", "isSubscribed", "customer", "data", "results", "customers"])
ANY_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(NAMES, inner, max_size=4)),
)


@given(ANY_JSON)
def test_reading_never_raises_and_gives_sound_values(body: object) -> None:
    """Whatever is answered."""
    for read in (customer_in(body), *customers_in(body)):
        assert read.id is None or STAMPED_ID.fullmatch(read.id)
        assert read.email is None or read.email.strip() == read.email != ""
        assert read.is_subscribed in {None, True, False}
