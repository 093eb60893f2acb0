"""A list of customers as iPaaS.com's API returns it: all of them, those without a link, or those with an e-mail."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from worker.http.body import text_of
from worker.jobs.errors import AnswerUnreadable, CustomerIdInvalid
from worker.jobs.job import customer_id, live_link

LIST_NAMES = ("data", "results", "items", "customers")
"""Fields that can hold the list, if the body is not one. Assumed (contract: the list's body, A): correct it here."""


@dataclass(frozen=True, slots=True)
class Listed:
    """What a list shows about one customer; None if it does not show that. It holds no personal data."""

    id: str
    is_linked: bool | None = None
    has_email: bool | None = None


@dataclass(frozen=True, slots=True)
class CustomerList:
    """The customers of a list, each once, in the list's order."""

    customers: tuple[Listed, ...]
    unreadable: int = 0
    """How many entries have no iPaaS.com Customer ID."""
    pages: int | None = None
    """How many pages the whole list has; None if the answer does not say."""

    @classmethod
    def read(cls, body: Any, pagination: str | None, system_id: int) -> CustomerList:
        """The list of customers, or of their ids, in a body. Raises AnswerUnreadable if there is none.

        Entries without an id are counted and left out.
        """
        entries = _entries(body)
        customers = [_listed(entry, system_id) for entry in entries]
        readable = {each.id: each for each in customers if each}
        return cls(tuple(readable.values()), customers.count(None), _pages(pagination))


@dataclass(frozen=True, slots=True)
class Match:
    """A customer that a search by e-mail answers, with the address that its own record shows."""

    id: str
    email: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Matches:
    """What a search by e-mail answers."""

    customers: tuple[Match, ...]
    has_more: bool = False
    """Whether the answer names further pages."""

    @classmethod
    def read(cls, body: Any, pagination: str | None) -> Matches:
        """The customers in a body, which is a list of their records. Raises AnswerUnreadable for anything else.

        Unlike in a list of all customers, no entry is left out: one customer too few would be taken for the only one.
        """
        return cls(tuple(map(_match, _entries(body))), (_pages(pagination) or 1) > 1)


def _match(entry: Any) -> Match:
    shown = entry if isinstance(entry, dict) else {}
    email = text_of(shown.get("email_address"))
    try:
        found = customer_id(shown.get("id"))
    except CustomerIdInvalid:
        raise AnswerUnreadable("an entry of iPaaS.com's answer has no iPaaS.com Customer ID") from None
    if not email:
        raise AnswerUnreadable("an entry of iPaaS.com's answer does not show its e-mail address")
    return Match(found, email)


def _entries(body: Any) -> list[Any]:
    if isinstance(body, dict):
        body = next((body[name] for name in LIST_NAMES if isinstance(body.get(name), list)), None)
    if not isinstance(body, list):
        raise AnswerUnreadable("iPaaS.com's answer is not a list of customers")
    return body


def _listed(entry: Any, system_id: int) -> Listed | None:
    shown = entry if isinstance(entry, dict) else {"id": entry}
    try:
        return Listed(customer_id(shown.get("id")), _is_linked(shown, system_id), _has_email(shown))
    except CustomerIdInvalid:
        return None


def _is_linked(shown: dict[str, Any], system_id: int) -> bool | None:
    held = shown.get("external_ids")
    if not isinstance(held, list):
        return None
    ours = (each for each in held if isinstance(each, dict) and str(each.get("system_id")) == str(system_id))
    return any(live_link(str(each.get("external_id") or "")) for each in ours)


def _has_email(shown: dict[str, Any]) -> bool | None:
    return bool(str(shown["email_address"] or "").strip()) if "email_address" in shown else None


def _pages(pagination: str | None) -> int | None:
    """The total of `X-Pagination: {"current_Page":1,"total_Pages":9}` (contract: C), however the name is spelt."""
    try:
        held = json.loads(pagination or "{}")
        named = {str(name).replace("_", "").replace("-", "").lower(): value for name, value in held.items()}
        return max(int(named["totalpages"]), 0)
    except (KeyError, ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        return None
