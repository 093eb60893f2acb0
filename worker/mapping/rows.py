"""The rows of a mapping and the fields that they can name, on either side."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING
from unicodedata import category, normalize

if TYPE_CHECKING:
    from collections.abc import Mapping


class RowType(StrEnum):
    """Where a row's value comes from: a field of the customer, or the mapping itself."""

    FIELD = "Field"
    STATIC = "Static"


class Level(StrEnum):
    """What an empty source means: the transfer fails, warns, or goes on silently."""

    REQUIRED = "required"
    RECOMMENDED = "recommended"
    OPTIONAL = "optional"


EMAIL = "Email"
CUSTOMER_EMAIL = "CustomerEmail"
SUBSCRIPTION = "IsSubscribed"

EMAIL_DESTINATIONS = (EMAIL, CUSTOMER_EMAIL)
"""E-mail addresses: sent without the whitespace around them, and never the same for every customer."""

WIRE_NAMES = {
    EMAIL: "email",
    CUSTOMER_EMAIL: "customerEmail",
    "FirstName": "firstName",
    "LastName": "lastName",
    "externalId": "externalId",
    "Notes": "notes",
}
"""Destination to its name in Stamped.io's write body. Assumed (contract: write body, A): correct it here alone."""

DESTINATIONS = (*WIRE_NAMES, SUBSCRIPTION)

SOURCES = {
    "Id": "id",
    "CustomerNumber": "customer_number",
    "EmailAddress": "email_address",
    "FirstName": "first_name",
    "LastName": "last_name",
    "Company": "company",
    "Comment": "comment",
    "CategoryId": "category_id",
    "CreatedDateTime": "created_datetime",
    "UpdatedDateTime": "updated_datetime",
}
"""Source to its name in iPaaS.com's customer (contract: customer JSON, C)."""

FORMER_SOURCES = {"CreatedDatetime": "CreatedDateTime", "UpdatedDatetime": "UpdatedDateTime"}
"""How earlier releases spelt some sources, and how iPaaS.com does. Files that have the former still load."""

CUSTOM_FIELDS = "CustomFields."
"""A source that starts like this names one of the customer's custom fields."""

BOOLEAN_WORDS = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}
"""The texts that can fill IsSubscribed, in upper or lower case."""


Value = str | bool
"""What a row sends: a text, or for IsSubscribed whether the customer is subscribed."""


@dataclass(frozen=True)
class Row:
    """One row of a mapping: a `Field` row has a source, a `Static` row a value."""

    type: RowType
    destination: str
    source: str = ""
    value: Value = ""
    level: Level = Level.OPTIONAL
    description: str = ""
    resubscribe: bool = True
    """For the row of IsSubscribed: whether a customer that Stamped.io shows as unsubscribed is subscribed again."""
    default: Value | None = None
    """Of a Field row: what is sent if the source is empty. None leaves the field out."""
    translate: Mapping[str, Value] = field(default_factory=dict, hash=False)
    """Of a Field row: what is sent for each text of the source; empty if that is sent as it is. See `folded`."""
    otherwise: Value | None = None
    """What is sent for any other text; None makes it an error."""


def folded(text: str) -> str:
    """A text of a source, or the name of a custom field, as it is compared.

    Blanks around it and upper or lower case do not matter, nor do different characters that look the same: an accent
    can be a part of its letter or a character of its own, and some characters are not visible at all.
    """
    if not text.isascii():
        seen = "".join(each for each in text if category(each) != "Cf")
        text = normalize("NFKC", normalize("NFKC", seen).casefold())
    return text.strip().casefold()
