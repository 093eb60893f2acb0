"""The sample customers: always the same, and as odd as life."""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from worker.ipaas.customer import Customer
from worker.sandbox.customers import FAMILIAR_ID, NEWSLETTER, SYSTEM_ID, sample_customers
from worker.sandbox.ipaas import Source

if TYPE_CHECKING:
    from worker.sandbox.messages import JsonObject


@pytest.fixture(scope="module")
def customers() -> list[JsonObject]:
    """The usual 500."""
    return sample_customers()


def matchable(customer: JsonObject) -> str:
    """The address as Stamped.io compares it; empty without one."""
    return (customer.get("email_address") or "").strip().lower()


def test_the_same_seed_makes_the_same_customers(customers: list[JsonObject]) -> None:
    """Another seed makes others."""
    assert sample_customers() == customers
    assert sample_customers(seed=2) != customers


@pytest.mark.parametrize("count", [0, 1, 2, 500, 713, 1000])
def test_there_are_as_many_as_asked_for_with_the_familiar_one_among_them(count: int) -> None:
    """Ids are texts from 150001 on, each once."""
    ids = [customer["id"] for customer in sample_customers(count)]
    assert len(set(ids)) == len(ids) == count
    assert all(int(known) >= 150001 for known in ids)
    assert (str(FAMILIAR_ID) in ids) == (count > 0)


def test_the_familiar_customer_is_complete_and_has_no_link(customers: list[JsonObject]) -> None:
    """The specification's example can be shown without surprises."""
    (familiar,) = (customer for customer in customers if customer["id"] == "150713")
    assert all(familiar[name] for name in ("customer_number", "first_name", "last_name", "email_address", "comment"))
    assert familiar["external_ids"] == []
    assert Counter(map(matchable, customers))[matchable(familiar)] == 1


def test_a_handful_has_no_address(customers: list[JsonObject]) -> None:
    """Null, empty, blank and absent ones occur, two of each."""
    without = [customer.get("email_address", "absent") for customer in customers if not matchable(customer)]
    assert Counter(without) == {None: 2, "": 2, "   ": 2, "absent": 2}


def test_some_share_an_address_whatever_its_case(customers: list[JsonObject]) -> None:
    """Each of these addresses is one customer in Stamped.io."""
    shared = [email for email, times in Counter(map(matchable, customers)).items() if email and times > 1]
    assert len(shared) == 15


def test_some_addresses_have_blanks_around_them_or_capitals(customers: list[JsonObject]) -> None:
    """They are the same address all the same."""
    emails = [customer.get("email_address") or "" for customer in customers]
    assert any(email.strip() and email != email.strip() for email in emails)
    assert any(email != email.lower() for email in emails)


def test_every_address_is_of_a_reserved_domain(customers: list[JsonObject]) -> None:
    """No mail to any of them can reach anybody."""
    domains = {matchable(customer).partition("@")[2] for customer in customers if matchable(customer)}
    assert all(domain in {"example.com", "example.org"} or domain.endswith(".example") for domain in domains)


@pytest.mark.parametrize(
    "script", ["LATIN", "GREEK", "CYRILLIC", "ARABIC", "HEBREW", "DEVANAGARI", "THAI", "CJK", "HIRAGANA", "HANGUL"]
)
def test_names_come_in_every_script(customers: list[JsonObject], script: str) -> None:
    """Some name has a letter of the script."""
    letters = {letter for customer in customers for letter in customer.get("first_name") or ""}
    assert any(unicodedata.name(letter, "").startswith(script) for letter in letters)


def test_some_comments_are_several_thousand_characters_long(customers: list[JsonObject]) -> None:
    """And most are short or null."""
    lengths = [len(customer.get("comment") or "") for customer in customers]
    assert max(lengths) > 5000
    assert sorted(lengths)[len(lengths) // 2] < 200


@pytest.mark.parametrize(
    "name", ["first_name", "customer_number", "company", "comment", "custom_fields", "external_ids"]
)
def test_fields_can_be_null_and_absent(customers: list[JsonObject], name: str) -> None:
    """Both occur, and values too."""
    held = {repr(customer.get(name, "absent"))[:6] for customer in customers}
    assert {"None", "'absen"} < held


def test_some_have_a_newsletter_field_in_every_spelling(customers: list[JsonObject]) -> None:
    """The others have none."""
    values = [
        field["value"]
        for customer in customers
        for field in customer.get("custom_fields") or []
        if field["custom_field_name"] == NEWSLETTER
    ]
    assert {"yes", "no", "true", "false", "1", "0", ""} < set(values)
    assert 100 < len(values) < 300


def test_links_are_of_other_systems_or_deleted(customers: list[JsonObject]) -> None:
    """Nobody is linked to Stamped.io yet, and one was."""
    source = Source([SYSTEM_ID])
    for customer in customers:
        source.put(customer)
    assert list(source.links[SYSTEM_ID].values()) == ["DELETED:143001"]
    assert source.links[3990]


def test_the_worker_can_read_each_of_them(customers: list[JsonObject]) -> None:
    """They are customers of the contract."""
    assert [Customer.model_validate_json(json.dumps(customer)).id for customer in customers] == [
        customer["id"] for customer in customers
    ]
