"""Reads Stamped.io's answers, whose shapes are not all known (contract: "Read answers leniently", A)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from worker.job import plain_text

WRAPPERS = ("customer", "result", "data")
LISTS = ("results", "customers", "data", "result")
DEEPEST_WRAPPER = 4
ID = re.compile(r"(?=\D*\d)[\w-]{1,64}", re.ASCII)
"""What a Stamped.io id can look like (contract: a number, C); it becomes a part of a path and a key of the ledger.

At least one digit keeps it from being a word of the API's own paths, such as `add`.
"""


@dataclass(frozen=True, slots=True)
class StampedCustomer:
    """What an answer says of a customer; None where it does not say."""

    id: str | None = None
    email: str | None = None
    is_subscribed: bool | None = None


def customer_in(body: Any) -> StampedCustomer:
    """The customer in an answer: flat, or under `customer`, `result` or `data`."""
    for _ in range(DEEPEST_WRAPPER):
        body = _unwrapped(body)
    if not isinstance(body, dict):
        return StampedCustomer()
    state = body.get("isSubscribed")
    return StampedCustomer(
        id=_id(body.get("id")) or _id(body.get("customerId")),
        email=_text(body.get("email")) or _text(body.get("customerEmail")),
        is_subscribed=state if isinstance(state, bool) else None,
    )


def customers_in(body: Any) -> list[StampedCustomer]:
    """The customers in an answer: under `results[].customer` or `customers[]`, or a bare list."""
    if isinstance(body, dict):
        body = next((body[name] for name in LISTS if isinstance(body.get(name), list)), [])
    return [customer_in(item) for item in body] if isinstance(body, list) else []


def _is_customer(body: dict[str, Any]) -> bool:
    """Whether it is a customer itself, whatever else it holds: an id alone may be the envelope's."""
    has_email = _text(body.get("email")) or _text(body.get("customerEmail"))
    return bool(has_email and (_id(body.get("id")) or _id(body.get("customerId"))))


def _unwrapped(body: Any) -> Any:
    if not isinstance(body, dict) or _is_customer(body):
        return body
    return next((body[name] for name in WRAPPERS if isinstance(body.get(name), dict)), body)


def _id(value: Any) -> str | None:
    text = plain_text(value)
    return text if ID.fullmatch(text) else None


def _text(value: Any) -> str | None:
    return (value.strip() or None) if isinstance(value, str) else None
