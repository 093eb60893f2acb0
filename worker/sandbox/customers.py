"""Realistic sample customers of iPaaS.com, the same ones every time. Their addresses are in reserved domains."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from random import Random
from typing import Any

import tomli

from worker.sandbox.messages import JsonObject

FIRST_ID = 150001
FAMILIAR_ID = 150713
"""The specification's example: always there, complete and without a link."""

SYSTEM_ID = 4021
OTHER_SYSTEM_ID = 3990

NEWSLETTER = "Newsletter"

_FAMILIAR = {
    "first_name": "Zoë",
    "last_name": "Carter",
    "email_address": "zoe.carter@example.com",
    "company": "Example Ltd",
    "comment": "Prefers delivery on Saturdays, please ring twice.",
}
_DOMAINS = ("example.com", "example.org", "mail.example", "shop.example")
_NEWSLETTER_VALUES = ("yes", "no", "true", "false", "1", "0", "", "Yes", "NO")
_COMMENT_ROUNDS = 10
_FIRST_DAY = datetime(2024, 1, 1, tzinfo=UTC)

Change = Callable[[JsonObject, JsonObject], Mapping[str, Any]]
"""Makes a customer odd: takes the customer and the one before it, returns the fields that differ."""


@dataclass(frozen=True)
class People:
    """Names, the part of an address before the @, and a comment, all in one script."""

    script: str
    first: list[str]
    last: list[str]
    mail: list[str]
    comment: str


def sample_customers(count: int = 500, seed: int = 1) -> list[JsonObject]:
    """Make customers as iPaaS.com answers them. The same count and seed make the same customers."""
    random = Random(seed)  # noqa: S311 - samples, not secrets
    customers: list[JsonObject] = []
    for place, customer_id in enumerate(_ids(count)):
        customer = _customer(customer_id, random)
        is_familiar = customer_id == FAMILIAR_ID
        customers.append({**customer, **_FAMILIAR} if is_familiar else _with_oddities(customer, place, customers))
    return customers


def _ids(count: int) -> list[int]:
    ids = list(range(FIRST_ID, FIRST_ID + count))
    return ids if FAMILIAR_ID in ids else [*ids[:-1], FAMILIAR_ID][:count]


@cache
def _all_people() -> tuple[People, ...]:
    table = tomli.loads(files("worker.sandbox").joinpath("sample_people.toml").read_text("utf-8"))
    return tuple(People(**row) for row in table["people"])


def _customer(customer_id: int, random: Random) -> JsonObject:
    """A complete customer without oddities, apart from fields that may be null in any customer."""
    people = random.choice(_all_people())
    person = random.randrange(len(people.first))
    number = customer_id - FIRST_ID + 1
    created = _FIRST_DAY + timedelta(minutes=random.randrange(600_000))
    return {
        "id": str(customer_id),
        "customer_number": f"C-{customer_id}",
        "first_name": people.first[person],
        "last_name": random.choice(people.last),
        "email_address": f"{people.mail[person]}.{number}@{random.choice(_DOMAINS)}",
        "company": random.choice(("Example Ltd", "Beispiel GmbH", None, None)),
        "comment": random.choice((people.comment, None)),
        "category_id": random.choice((1, 2, None)),
        "created_datetime": created.isoformat(),
        "updated_datetime": (created + timedelta(days=random.randrange(90))).isoformat(),
        "custom_fields": _custom_fields(customer_id, random),
        "external_ids": [],
    }


def _custom_fields(customer_id: int, random: Random) -> list[JsonObject]:
    fields = [("Loyalty level", random.choice(("gold", "silver", "")))]
    if random.random() < 0.4:  # noqa: PLR2004 - the share of customers who were asked
        fields.append((NEWSLETTER, random.choice(_NEWSLETTER_VALUES)))
    return [
        {"id": f"{customer_id}-{place}", "custom_field_name": name, "value": value}
        for place, (name, value) in enumerate(fields, start=1)
    ]


def _with_oddities(customer: JsonObject, place: int, before: list[JsonObject]) -> JsonObject:
    for remainder, step, change in _ODDITIES:
        if place % step == remainder:
            customer = {**customer, **change(customer, before[-1])}
    for remainder, step, names in _ABSENCES:
        if place % step == remainder:
            customer = {name: value for name, value in customer.items() if name not in names}
    return customer


def _fields(**changes: object) -> Change:
    return lambda _customer, _before: changes


def _email(change: Callable[[str], str]) -> Change:
    return lambda customer, _before: {"email_address": change(customer["email_address"])}


def _external_id(system: int, name: str, external_id: str) -> Change:
    def change(customer: JsonObject, _before: JsonObject) -> Mapping[str, Any]:
        ids = {"system_id": system, "external_id": external_id, "internal_id": customer["id"]}
        return {"external_ids": [{"id": f"{system}-{customer['id']}", "system_name": name, **ids}]}

    return change


def _long_comment(customer: JsonObject, _before: JsonObject) -> Mapping[str, Any]:
    lines = (f"{n}. {people.comment}" for n in range(1, _COMMENT_ROUNDS + 1) for people in _all_people())
    return {"comment": f"{customer['customer_number']}\r\n" + "\r\n".join(lines)}


# Each row is (remainder, step, change): every customer whose place, counted from 0, leaves that remainder when divided
# by the step is changed.
_ODDITIES: tuple[tuple[int, int, Change], ...] = (
    (3, 25, _fields(first_name=None)),
    (7, 40, _fields(first_name=None, last_name=None)),
    (9, 50, _fields(last_name="   ")),
    (8, 50, _fields(customer_number=None)),
    (11, 20, _fields(external_ids=None)),
    (13, 30, _fields(company=None, category_id=None, comment=None, custom_fields=None)),
    (10, 45, _long_comment),
    (14, 60, _fields(comment='<b>VIP</b> & "friend of the house"\n\tRobert\'); DROP TABLE customers; -- \\ {0} %s')),
    (15, 60, _fields(comment="😀🎉 " * 40)),
    (16, 70, _fields(comment="  ")),
    (17, 50, lambda _customer, before: {"email_address": before["email_address"]}),
    (36, 100, lambda _customer, before: {"email_address": before["email_address"].upper()}),
    (12, 50, _email(lambda email: f"  {email} ")),
    (18, 50, _email(str.title)),
    (19, 90, _email(lambda email: email.replace("@", "+reviews@"))),
    (24, 250, _email(lambda email: f"jürgen.{email}")),
    (26, 250, _email(lambda email: f"d'arcy.{email}")),
    (20, 250, _fields(email_address=None)),
    (21, 250, _fields(email_address="")),
    (22, 250, _fields(email_address="   ")),
    (6, 35, _external_id(OTHER_SYSTEM_ID, "Example Shop", "shop-77")),
    (5, 1000, _external_id(SYSTEM_ID, "Stamped.io", "DELETED:143001")),
)

# The same, with the names of fields that are missing instead of a change.
_ABSENCES: tuple[tuple[int, int, frozenset[str]], ...] = (
    (4, 15, frozenset({"external_ids"})),
    (2, 40, frozenset({"company", "comment", "category_id", "custom_fields"})),
    (1, 60, frozenset({"first_name", "customer_number"})),
    (23, 250, frozenset({"email_address"})),
)
