"""A customer of iPaaS.com, read leniently."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from worker.http.body import body_of
from worker.ipaas.client import shown_link
from worker.ipaas.customer import Customer, CustomField, ExternalId
from worker.jobs.job import live_link

FIELDS = ["id", "customer_number", "first_name", "last_name", "email_address", "company", "comment", "category_id"]


NAMES = [*Customer.model_fields, *CustomField.model_fields, *ExternalId.model_fields]


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("text", "text"),
        (None, None),
        (713, "713"),
        (1.5, "1.5"),
        (True, "true"),
        (False, "false"),
        ("", ""),
        ("家族 👨‍👩‍👧", "家族 👨‍👩‍👧"),
    ],
)
def test_every_field_is_a_text_or_nothing(field: str, value: object, text: str | None) -> None:
    """The API may give a number, a boolean or null where its documentation has a text."""
    assert getattr(Customer.read({field: value}), field) == text


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"unknown": 1},
        {"custom_fields": None, "external_ids": None},
        {"custom_fields": {"id": 1}, "external_ids": "143491"},
        {"custom_fields": [None, "x"], "external_ids": [None, 5]},
        {"email_address": ["zoe@example.com"]},
    ],
)
def test_every_field_may_be_missing(body: dict[str, Any]) -> None:
    """Any of them may be null, absent or of another kind, and others may be there."""
    customer = Customer.read(body)
    assert (customer.email_address, customer.custom_fields or [], customer.external_ids or []) == (None, [], [])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (12345.0, "12345"),
        (Decimal("12345.0"), "12345"),
        (Decimal("12345.10"), "12345.1"),
        (Decimal("1E+3"), "1000"),
        (1e22, "10000000000000000000000"),
        (-0.0, "0"),
        (Decimal("0E-7"), "0"),
        (Decimal("-5.50"), "-5.5"),
        (float("nan"), None),
        (float("-inf"), None),
        (Decimal("NaN"), None),
        (Decimal("1E+400"), None),
        (Decimal("1E-400"), None),
    ],
)
def test_number_is_written_as_people_write_it(value: object, text: str | None) -> None:
    """What is no number is no value."""
    assert Customer.read({"customer_number": value}).customer_number == text


@pytest.mark.parametrize(("body", "is_empty"), [({}, True), ({"message": "later"}, True), ({"id": None}, False)])
def test_what_has_no_field_of_a_customer_is_none(body: dict[str, Any], is_empty: bool) -> None:
    """Any of them may be null, but not all of them missing."""
    assert (not Customer.read(body).model_fields_set) is is_empty


@pytest.mark.parametrize("body", [None, [], "zoe@example.com"])
def test_what_is_no_customer_is_refused_without_being_repeated(body: object) -> None:
    """The error's text holds nothing of the answer."""
    with pytest.raises(ValidationError) as raised:
        Customer.read(body)
    assert "zoe" not in str(raised.value)


def linked(*ids: dict[str, object]) -> str | None:
    """The link to system 4021 that a record with these external ids shows."""
    return shown_link(Customer.read({"external_ids": [*ids]}), 4021)


@pytest.mark.parametrize("system", [4021, "4021"])
@pytest.mark.parametrize("external_id", [143491, "143491", " 143491 "])
def test_link_is_this_systems_external_id(system: object, external_id: object) -> None:
    """Both ids may be numbers or texts."""
    assert linked({"system_id": 7, "external_id": "1"}, {"system_id": system, "external_id": external_id}) == "143491"


@pytest.mark.parametrize("ids", [[], [{}], [{"system_id": 7, "external_id": "143491"}], [{"system_id": 4021}]])
def test_record_without_this_systems_id_shows_no_link(ids: list[dict[str, object]]) -> None:
    """Another system's id is not ours."""
    assert linked(*ids) is None


@pytest.mark.parametrize(
    ("external_id", "link"),
    [
        (None, None),
        ("", None),
        ("  ", None),
        ("DELETED:143491", None),
        (" DELETED:143491", None),
        ("DELETED:", None),
        ("143491", "143491"),
        ("143491 ", "143491"),
    ],
)
def test_deleted_link_is_none(external_id: str | None, link: str | None) -> None:
    """A value that starts with `DELETED:` is a link that was (contract)."""
    assert live_link(external_id) == link


@pytest.mark.parametrize("read", [Customer.read, Customer.model_validate])
@pytest.mark.parametrize(
    ("field", "hides"),
    [
        ({"custom_field_name": None, "value": "yes"}, True),
        ({"value": "yes"}, True),
        ({"CustomFieldName": "Newsletter", "Value": "yes"}, True),
        ({"custom_field_name": None, "value": ""}, False),
        ({"custom_field_name": "Newsletter"}, False),
    ],
)
def test_custom_field_without_a_name_may_be_any(read: Any, field: dict[str, Any], hides: bool) -> None:
    """Also if nothing of the record needed a second look."""
    assert read({"custom_fields": [field]}).hides_custom_fields is hides


@given(st.text())
def test_text_is_read_as_it_is(text: str) -> None:
    """Nothing is changed before the mapping."""
    assert Customer.read({"comment": text}).comment == text


@given(st.one_of(st.integers(), st.floats(), st.decimals()))
def test_number_is_never_an_odd_text(value: object) -> None:
    """Whatever number it is."""
    text = Customer.read({"comment": value}).comment
    assert text is None or re.fullmatch(r"-?[0-9]+(\.[0-9]*[1-9])?", text)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(NAMES), inner, max_size=3)),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(NAMES), JSON))
def test_usual_customer_is_read_as_any_other(shown: dict[str, Any]) -> None:
    """What needs no second look is read without one, and to the same customer."""
    body = body_of(json.dumps(shown).encode(), {}).value
    try:
        customer = Customer.model_validate(body)
    except ValidationError:
        return
    assert customer == Customer.read(body)
