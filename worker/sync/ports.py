"""What the use cases need of the two APIs and of the ledger. The tests give fakes, the tasks the real ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from worker.ipaas.customer import Customer
    from worker.ipaas.customer_list import CustomerList
    from worker.jobs.progress import Known, Progress
    from worker.stamped.answers import StampedCustomer


class Readable(Protocol):
    """What every use case reads of iPaaS.com."""

    def customer(self, customer_id: str) -> Customer:
        """The customer as it is now."""

    def link(self, customer_id: str, customer: Customer | None = None) -> str | None:
        """The linked Stamped.io customer id: the one that the customer's record shows, else the one looked up."""


class Linkable(Readable, Protocol):
    """What a transfer needs of iPaaS.com."""

    def linked_customer(self, stamped_id: str) -> str | None:
        """The customer id that a Stamped.io customer is linked to."""

    def record_link(self, customer_id: str, stamped_id: str) -> None:
        """Link the two records."""


class Lists(Protocol):
    """What an initialize reads of iPaaS.com."""

    def customers(self, page: int) -> CustomerList:
        """One page of all customers, from 1 on."""

    def unlinked(self, page: int) -> CustomerList:
        """One page of the customers without a link, from 1 on; all of them if the answer does not say its pages."""


class Writable(Protocol):
    """What a transfer needs of Stamped.io."""

    def has_nobody(self, email: str) -> bool:
        """Whether nobody has this e-mail, for certain."""

    def create(self, payload: Mapping[str, str], taken: Callable[[], None]) -> StampedCustomer:
        """Create a customer, or update the one with this e-mail; `taken` is called once the call is taken."""

    def update(self, stamped_id: str, payload: Mapping[str, str]) -> StampedCustomer:
        """Update one customer."""


class Searchable(Protocol):
    """What a preview needs of Stamped.io."""

    def customer(self, stamped_id: str) -> StampedCustomer:
        """One customer, with its email and its present state."""

    def customers_with(self, email: str) -> list[StampedCustomer]:
        """The customers with this e-mail."""


class Subscribable(Protocol):
    """What a reconciliation needs of Stamped.io."""

    def customer(self, stamped_id: str) -> StampedCustomer:
        """One customer, with its email and its present state."""

    def subscribe(self, email: str) -> None:
        """Subscribe by email."""

    def unsubscribe(self, email: str) -> None:
        """Unsubscribe by email."""


class Intake(Protocol):
    """What an initialize needs of the ledger, for one connection."""

    def backlog(self) -> int:
        """How many of the store's jobs wait for their turn."""

    def look(self, progress: Progress, customer_ids: Sequence[str]) -> Known:
        """What is known of some customers."""

    def request(self, customer_ids: Sequence[str]) -> None:
        """Ask for customers, behind whatever triggers ask for."""

    def advance(self, progress: Progress, met: Sequence[str], *, ended: bool) -> Progress:
        """Note how far it has come, and whom it has met since. Raises TakenOver."""
