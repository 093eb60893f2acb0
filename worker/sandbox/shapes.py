"""Odd shapes of an answer: what the contract says a client must be ready for, and what it must refuse."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from worker.sandbox.messages import Answer

HUGE_BYTES = 21 * 1024 * 1024
"""More than 20 MB, however a megabyte is counted."""

Shape: TypeAlias = Literal[
    "empty",
    "string",
    "html",
    "nested-customer",
    "nested-result",
    "nested-data",
    "list-results",
    "list-customers",
    "list-bare",
    "list-items",
    "huge",
    "no-subscription",
    "text-subscription",
    "text-id",
    "no-email",
    "snake-case",
]

_HTML = "<!doctype html><html><head><title>Sign in</title></head><body><h1>Please sign in</h1></body></html>"
_STATE = "isSubscribed"


def reshape(answer: Answer, shape: Shape) -> Answer:
    """The same success in another shape; an error answer stays as it is."""
    return _SHAPES[shape](answer) if answer.is_success else answer


def _text(text: str, content_type: str) -> Callable[[Answer], Answer]:
    return lambda answer: replace(answer, text=text, headers={**answer.headers, "Content-Type": content_type})


def _value(change: Callable[[object], object]) -> Callable[[Answer], Answer]:
    return lambda answer: replace(answer, value=change(answer.value))


def _customers(value: object) -> list[object]:
    """The customers of an answer: those of a page of them, or the one that it is."""
    match value:
        case {"results": list(found)}:
            return [entry["customer"] for entry in found]
        case list():
            return value
    return [value]


def _each(value: object, change: Callable[[dict[str, object]], object]) -> object:
    """The answer with every customer in it changed."""
    match value:
        case {"results": list(found), **others}:
            return {**others, "results": [{"customer": change(entry["customer"])} for entry in found]}
        case list():
            return [_each(entry, change) for entry in value]
        case dict():
            return change(value)
    return value


def _without_state(customer: dict[str, object]) -> object:
    return {name: value for name, value in customer.items() if name != _STATE}


def _with_state_as_text(customer: dict[str, object]) -> object:
    return {**customer, _STATE: str(customer[_STATE]).lower()} if _STATE in customer else customer


def _with_id_as_text(customer: dict[str, object]) -> object:
    return {**customer, "id": str(customer["id"])} if "id" in customer else customer


def _in_snake_case(customer: dict[str, object]) -> object:
    return {re.sub("[A-Z]", lambda capital: f"_{capital[0].lower()}", name): customer[name] for name in customer}


_SHAPES: Mapping[Shape, Callable[[Answer], Answer]] = {
    "empty": _text("", "application/json"),
    "string": _value(lambda _: "OK"),
    "html": _text(_HTML, "text/html; charset=utf-8"),
    "nested-customer": _value(lambda value: {"customer": value}),
    "nested-result": _value(lambda value: {"result": value}),
    "nested-data": _value(lambda value: {"data": value}),
    "list-results": _value(lambda value: {"results": [{"customer": customer} for customer in _customers(value)]}),
    "list-customers": _value(lambda value: {"customers": _customers(value)}),
    "list-bare": _value(_customers),
    "list-items": _value(lambda value: {"items": _customers(value)}),
    "huge": lambda answer: replace(answer, padding_bytes=HUGE_BYTES),
    "no-subscription": _value(lambda value: _each(value, _without_state)),
    "text-subscription": _value(lambda value: _each(value, _with_state_as_text)),
    "text-id": _value(lambda value: _each(value, _with_id_as_text)),
    "no-email": _value(lambda value: _each(value, lambda customer: {**customer, "email": None})),
    "snake-case": _value(lambda value: _each(value, _in_snake_case)),
}
