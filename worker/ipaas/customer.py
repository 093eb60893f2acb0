"""A customer of iPaaS.com, as its API answers it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict

from worker.http.body import text_of

Text = Annotated[str | None, BeforeValidator(text_of)]
"""A text that the API may give as a number, as null or not at all."""


def _listed(value: Any) -> Any:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list | tuple) else []


class Lenient(BaseModel):
    """Extra fields are ignored; what was read never shows in an error's text."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class CustomField(Lenient):
    """One of a customer's custom fields."""

    custom_field_name: Text = None
    value: Text = None


class ExternalId(Lenient):
    """One of a customer's external ids: the customer's id in another system."""

    system_id: Text = None
    external_id: Text = None


class Customer(Lenient):
    """One customer; any field may be null or missing (contract: Customer JSON, C)."""

    id: Text = None
    customer_number: Text = None
    first_name: Text = None
    last_name: Text = None
    email_address: Text = None
    company: Text = None
    comment: Text = None
    category_id: Text = None
    created_datetime: Text = None
    updated_datetime: Text = None
    custom_fields: Annotated[list[CustomField], BeforeValidator(_listed)] = []
    external_ids: Annotated[list[ExternalId], BeforeValidator(_listed)] = []

    @property
    def is_empty(self) -> bool:
        """Whether the API showed no field of a customer at all."""
        return not self.model_fields_set

    @property
    def personal(self) -> list[str]:
        """What of it tells who it is."""
        own = (self.first_name, self.last_name, self.email_address, self.comment, self.company)
        return [*filter(None, own)]

    def link(self, system_id: int) -> str | None:
        """The Stamped.io customer id that iPaaS.com holds for this system, if the record itself shows one."""
        for held in self.external_ids:
            if held.system_id == str(system_id) and (link := live_link(held.external_id)):
                return link
        return None


def live_link(external_id: str | None) -> str | None:
    """The external id, or None if it is empty or marks a deleted link (contract: `DELETED:`, C)."""
    external_id = (external_id or "").strip()
    return None if not external_id or external_id.startswith("DELETED:") else external_id
