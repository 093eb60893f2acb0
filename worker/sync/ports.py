"""What the use cases need from the two APIs and from the ledger. Tests hand them fakes, the tasks the real ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from worker.ipaas.customer import Customer
    from worker.ipaas.customer_list import CustomerList, Matches
    from worker.jobs.progress import Known, Progress
    from worker.stamped.answers import StampedCustomer


class Readable(Protocol):
    """What every use case reads from iPaaS.com."""

    def customer(self, customer_id: str) -> Customer:
        """The customer as it is now."""

    def link(self, customer_id: str, customer: Customer | None = None) -> str | None:
        """The linked Stamped.io customer id: from the customer's record if that shows one, else from a look-up."""


class Linkable(Readable, Protocol):
    """What a transfer needs from iPaaS.com."""

    def linked_customer(self, stamped_id: str) -> str | None:
        """The iPaaS.com customer id that a Stamped.io customer is linked to."""

    def record_link(self, customer_id: str, stamped_id: str) -> None:
        """Link the two records."""


class Lists(Protocol):
    """What an initialize reads from iPaaS.com."""

    def customers(self, page: int) -> CustomerList:
        """One page of all customers, counted from 1."""

    def unlinked(self, page: int) -> CustomerList:
        """One page of the customers without a link, counted from 1; all of them if the answer names no pages."""


class Findable(Protocol):
    """What finding a customer by e-mail needs from iPaaS.com."""

    def customers_with(self, email: str) -> Matches:
        """The customers that iPaaS.com finds by an e-mail address."""


class Writable(Protocol):
    """What a transfer needs from Stamped.io."""

    def has_nobody(self, email: str) -> bool:
        """Whether it is certain that nobody has this e-mail."""

    def create(self, payload: Mapping[str, str], taken: Callable[[], None]) -> StampedCustomer:
        """Create a customer, or update the one with this e-mail; `taken` is called once Stamped.io has accepted it."""

    def update(self, stamped_id: str, payload: Mapping[str, str]) -> StampedCustomer:
        """Update one customer."""


class Searchable(Protocol):
    """What a preview needs from Stamped.io."""

    def customer(self, stamped_id: str) -> StampedCustomer:
        """One customer, with its email and its present state."""

    def customers_with(self, email: str) -> list[StampedCustomer]:
        """The customers with this e-mail."""


class Subscribable(Protocol):
    """What a reconciliation needs from Stamped.io."""

    def customer(self, stamped_id: str) -> StampedCustomer:
        """One customer, with its email and its present state."""

    def subscribe(self, email: str) -> None:
        """Subscribe by email."""

    def unsubscribe(self, email: str) -> None:
        """Unsubscribe by email."""


class Intake(Protocol):
    """What an initialize needs from the ledger, for one connection."""

    def backlog(self) -> int:
        """How many of the store's jobs wait for their turn."""

    def look(self, progress: Progress, customer_ids: Sequence[str]) -> Known:
        """What is known about some customers."""

    def request(self, customer_ids: Sequence[str]) -> None:
        """Request customers; the customers that triggers ask for come first."""

    def advance(self, progress: Progress, met: Sequence[str], *, ended: bool) -> Progress:
        """Note how far it has come, and which customers it has met since the last note. Raises TakenOver."""
