"""Ways in which the real Stamped.io may differ from what is assumed of it: a sandbox takes on any of them.

What differs in an answer's shape alone is a `Shape`, and what a single call is answered is a `Fault`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

Deviation: TypeAlias = Literal[
    "other-names",
    "whole-update",
    "update-ignored",
    "duplicate-made",
    "duplicate-refused",
    "duplicate-unchanged",
    "search-ignored",
    "page-from-zero",
    "page-ignored",
    "page-zero-fails",
    "search-by-name",
    "nobody-is-missing",
    "list-without-emails",
    "list-masks-emails",
    "survey-by-customer-email",
    "survey-ignored",
    "unsubscribed-at-first",
]
"""
other-names               a write takes first_name and the like, and passes over firstName
whole-update              an update empties the fields that it is not sent
update-ignored            an update is answered well, and changes nothing
duplicate-made            a create with a known e-mail address makes another customer
duplicate-refused         it is answered 409
duplicate-unchanged       it answers with the customer who has the address, and changes nothing
search-ignored            a list holds every customer, whatever is searched for
page-from-zero            the first page is page 0
page-ignored              every page is the first
page-zero-fails           page 0 is answered 500
search-by-name            a list is searched by names alone, and by no address
nobody-is-missing         a search that finds nobody is answered 404
list-without-emails       a list leaves its customers' addresses out
list-masks-emails         a list shows the first letter of an address and its domain
survey-by-customer-email  the survey calls take customerEmail, and refuse email
survey-ignored            they are answered well, and change nothing
unsubscribed-at-first     a customer that is created is unsubscribed
"""

OTHER_NAMES: Final = {
    "email": "email",
    "customerEmail": "customer_email",
    "firstName": "first_name",
    "lastName": "last_name",
    "externalId": "external_id",
    "notes": "note",
}


def without_email(customer: Mapping[str, Any]) -> dict[str, Any]:
    """A customer as a list shows it that leaves addresses out."""
    return {name: value for name, value in customer.items() if name not in {"email", "customerEmail"}}


def with_masked_email(customer: Mapping[str, Any]) -> dict[str, Any]:
    """A customer as a list shows it that masks addresses."""
    name, _, domain = str(customer["email"]).partition("@")
    return {**customer, "email": f"{name[:1]}***@{domain}", "customerEmail": None}


def under_other_names(body: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a write that a store with other names understands."""
    return {name: body[other] for name, other in OTHER_NAMES.items() if other in body}
