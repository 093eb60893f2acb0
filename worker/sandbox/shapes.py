"""Odd shapes of an answer: those that the contract tells a client to expect, and those that a client must refuse."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from worker.sandbox.messages import Answer, JsonObject

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

Reshape: TypeAlias = "Callable[[Answer], Answer]"


def reshape(answer: Answer, shape: Shape) -> Answer:
    """A success in another shape; an error answer stays as it is."""
    return _SHAPES[shape](answer) if answer.is_success else answer


def _text(text: str, content_type: str) -> Reshape:
    return lambda answer: replace(answer, text=text, headers={**answer.headers, "Content-Type": content_type})


def _value(change: Callable[[object], object]) -> Reshape:
    return lambda answer: replace(answer, value=change(answer.value))


def _nested(name: str) -> Reshape:
    return _value(lambda value: {name: value})


def _list(change: Callable[[list[object]], object]) -> Reshape:
    return _value(lambda value: change(_customers(value)))


def _customers(value: object) -> list[object]:
    """The customers of an answer: all of a page, or the one customer that the answer is."""
    match value:
        case {"results": list(found)}:
            return [entry["customer"] for entry in found]
        case list():
            return value
    return [value]


def _each(change: Callable[[JsonObject], JsonObject]) -> Reshape:
    """Change every customer in an answer."""

    def changed(value: object) -> object:
        match value:
            case {"results": list(found), **others}:
                return {**others, "results": [{"customer": change(entry["customer"])} for entry in found]}
            case list():
                return [changed(entry) for entry in value]
            case dict():
                return change(value)
        return value

    return _value(changed)


def _field(name: str, change: Callable[[Any], object]) -> Reshape:
    """Change one field of every customer that has it."""
    return _each(lambda customer: {**customer, name: change(customer[name])} if name in customer else customer)


def _in_snake_case(name: str) -> str:
    return re.sub("[A-Z]", lambda capital: f"_{capital[0].lower()}", name)


_SHAPES: Mapping[Shape, Reshape] = {
    "empty": _text("", "application/json"),
    "string": _value(lambda _: "OK"),
    "html": _text(_HTML, "text/html; charset=utf-8"),
    "nested-customer": _nested("customer"),
    "nested-result": _nested("result"),
    "nested-data": _nested("data"),
    "list-results": _list(lambda customers: {"results": [{"customer": customer} for customer in customers]}),
    "list-customers": _list(lambda customers: {"customers": customers}),
    "list-bare": _list(lambda customers: customers),
    "list-items": _list(lambda customers: {"items": customers}),
    "huge": lambda answer: replace(answer, padding_bytes=HUGE_BYTES),
    "no-subscription": _each(lambda customer: {name: customer[name] for name in customer if name != _STATE}),
    "text-subscription": _field(_STATE, lambda state: str(state).lower()),
    "text-id": _field("id", str),
    "no-email": _each(lambda customer: {**customer, "email": None}),
    "snake-case": _each(lambda customer: {_in_snake_case(name): customer[name] for name in customer}),
}
