"""Reads Stamped.io's answers, whose shapes are not all known (contract: "Read answers leniently", A)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

WRAPPERS = ("customer", "result", "data")
LISTS = ("results", "customers", "data", "result")


@dataclass(frozen=True, slots=True)
class StampedCustomer:
    """What an answer says of a customer; None where it does not say."""

    id: str | None = None
    email: str | None = None
    is_subscribed: bool | None = None


def customer_in(body: Any) -> StampedCustomer:
    """The customer in an answer: flat, or under `customer`, `result` or `data`."""
    if not isinstance(body, dict):
        return StampedCustomer()
    if not _is_customer(body):
        for name in WRAPPERS:
            if isinstance(body.get(name), dict):
                return customer_in(body[name])
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
    return any(name in body for name in ("id", "customerId", "email", "customerEmail")) and not any(
        isinstance(body.get(name), dict) for name in WRAPPERS
    )


def _id(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    return str(value).strip() or None


def _text(value: Any) -> str | None:
    return (value.strip() or None) if isinstance(value, str) else None
