"""Ways in which the real Stamped.io may differ from what we assume: a sandbox can be asked to behave in any of them.

A difference in an answer's shape alone is a `Shape`, and a different answer to a single call is a `Fault`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

Deviation: TypeAlias = Literal[
    "other-names",  # a write takes first_name and the like, and ignores firstName
    "whole-update",  # an update empties every field that is not sent
    "update-ignored",  # an update is answered with success, and changes nothing
    "duplicate-made",  # a create with a known e-mail address makes another customer
    "duplicate-refused",  # such a create is answered 409
    "duplicate-unchanged",  # such a create answers with the customer who has the address, and changes nothing
    "search-ignored",  # a list holds every customer, whatever is searched for
    "page-from-zero",  # the first page is page 0
    "page-ignored",  # every page is the first
    "page-zero-fails",  # page 0 is answered 500
    "search-by-name",  # a list is searched by name alone, and never by address
    "nobody-is-missing",  # a search that finds nobody is answered 404
    "list-without-emails",  # a list leaves out its customers' addresses
    "list-masks-emails",  # a list shows the first letter of an address and its domain
    "survey-by-customer-email",  # the survey calls take customerEmail, and refuse email
    "survey-ignored",  # the survey calls are answered with success, and change nothing
    "unsubscribed-at-first",  # a new customer starts unsubscribed
]

OTHER_NAMES: Final = {
    "email": "email",
    "customerEmail": "customer_email",
    "firstName": "first_name",
    "lastName": "last_name",
    "externalId": "external_id",
    "notes": "note",
}


def without_email(customer: Mapping[str, Any]) -> dict[str, Any]:
    """A customer in a list that leaves out addresses."""
    return {name: value for name, value in customer.items() if name not in {"email", "customerEmail"}}


def with_masked_email(customer: Mapping[str, Any]) -> dict[str, Any]:
    """A customer in a list that masks addresses."""
    name, _, domain = str(customer["email"]).partition("@")
    return {**customer, "email": f"{name[:1]}***@{domain}", "customerEmail": None}


def under_other_names(body: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a write that a store with other names for them takes."""
    return {name: body[other] for name, other in OTHER_NAMES.items() if other in body}
