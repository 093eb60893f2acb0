"""The test customer of a trial, and the calls that write it, find it, read it and wait for it."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from worker.contract.assumptions import Findings
from worker.contract.shapes import answered, holders, id_of, is_readable, is_same_email
from worker.effects import Effect
from worker.http.api_errors import STAMPED
from worker.jobs.errors import StampedReadFailed
from worker.jobs.intents import Trouble
from worker.mapping.rows import BOOLEAN_WORDS, CUSTOMER_EMAIL, EMAIL, EMAIL_DESTINATIONS, WIRE_NAMES
from worker.stamped.answers import STATE
from worker.stamped.client import CREATE, CUSTOMER, CUSTOMERS, PAGE, SEARCH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from worker.contract.shapes import Fields
    from worker.http.answers import Answer
    from worker.http.client import CalledApi

Found = TypeVar("Found")

ADDRESS: Final = re.compile(
    r"(?=.{6,254}$)[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}"
)
"""A plain address, which every store takes: the trial is not about unusual ones."""
MARK: Final = "stamped-sync check"
"""What the test customer's fields begin with: no other customer is ever written to."""
PAUSES: Final = (0.5, 1.0, 2.0)
"""Seconds between looks for what a write has changed: a store may take its time to show it."""
ENDING: Final = frozenset({Trouble.SILENT, Trouble.UNRESOLVED, Trouble.CREDENTIALS})
"""What ends a trial: no later call would fare better."""
READ_NAMES: Final = {
    EMAIL: "email",
    CUSTOMER_EMAIL: "customerEmail",
    "FirstName": "firstName",
    "LastName": "lastName",
    "externalId": "externalId",
    "Notes": "notes",
}
"""Destination to its name in a customer that is read (contract: customer object on read, C)."""


def is_ours(customer: Fields) -> bool:
    """Whether a trial has made this customer."""
    return any(isinstance(value, str) and value.startswith(MARK) for value in customer.values())


def state_of(customer: Fields | None) -> bool | None:
    """Whether a customer is subscribed, by a boolean or a word; None if that can't be known."""
    state = customer.get(STATE) if customer else None
    if isinstance(state, str):
        return BOOLEAN_WORDS.get(state.strip().lower())
    return state if isinstance(state, bool) else None


def has(customer: Fields, destination: str, value: str) -> bool:
    """Whether a customer that is read has this value where it belongs."""
    held = customer.get(READ_NAMES[destination])
    return is_same_email(held, value) if destination in EMAIL_DESTINATIONS else held == value


@dataclass(frozen=True)
class Exchange:
    """Calls one store. `before_call` returns once a call may be made, or raises.

    The body of an answer that cannot be read is None.
    """

    api: CalledApi
    before_call: Callable[[], None]

    def create(self, payload: Mapping[str, str]) -> Answer:
        """Create a customer."""
        return self._call("POST", CREATE, body=payload, effect=Effect.CREATE_CUSTOMER)

    def update(self, stamped_id: str, payload: Mapping[str, str]) -> Answer:
        """Update a customer."""
        return self._call("POST", CUSTOMER, stamped_id, body=payload, effect=Effect.UPDATE_CUSTOMER)

    def read(self, stamped_id: str) -> Answer:
        """Read a customer."""
        return self._call("GET", CUSTOMER, stamped_id)

    def search(self, email: str, page: int) -> Answer:
        """Read a page of the customers that are found by an address; of all of them, if it is empty.

        Many lists have no page 0: no answer to it ends the trial.
        """
        sought = {SEARCH: email} if email else {}
        return self._call("GET", CUSTOMERS, query=sought | {PAGE: str(page)}, ends=page != 0)

    def set_subscription(self, name: str, email: str, *, wanted: bool) -> Answer:
        """Subscribe or unsubscribe an address, which the body calls `name`."""
        effect = Effect.SUBSCRIBE if wanted else Effect.UNSUBSCRIBE
        route = "survey/subscribe" if wanted else "survey/unsubscribe"
        return self._call("POST", route, body={name: email}, effect=effect)

    def _call(self, method: str, route: str, stamped_id: str = "", *, ends: bool = True, **more: Any) -> Answer:
        """Make one call.

        Raises StampedUnreachable, HostNotFound and StampedCredentialsRefused if it `ends` a trial by them.
        """
        self.before_call()
        answer = self.api.call(method, route, {"id": stamped_id}, **more)
        if ends and answer.trouble in ENDING:
            raise STAMPED.of_read(answer, StampedReadFailed)
        return answer if is_readable(answer) else replace(answer, body=None)


@dataclass
class Subject:
    """The customer with one address in one store."""

    exchange: Exchange
    email: str
    sleep: Callable[[float], None]
    findings: Findings = field(default_factory=Findings)
    """What is found out with it."""
    ids: list[str] = field(default_factory=list)
    """The ids of all customers with the address, of this trial and of earlier ones; the one in use is first."""
    shown: list[str] = field(default_factory=list)
    """The destinations whose values a read shows, but for the e-mail address."""
    _run: str = field(default_factory=lambda: secrets.token_hex(3))

    @property
    def stamped_id(self) -> str:
        """The id of the customer in use."""
        return self.ids[0]

    def values(self, version: int) -> dict[str, str]:
        """What a write sends, by destination: no earlier write has left these values there."""
        texts = {name: f"{MARK} {self._run}-{version} {name}" for name in WIRE_NAMES}
        return texts | {EMAIL: self.email, CUSTOMER_EMAIL: self.email}

    def create(self, values: Mapping[str, str]) -> Answer:
        """Create it, with these values by destination."""
        return self.exchange.create(_on_the_wire(values))

    def update(self, values: Mapping[str, str]) -> Answer:
        """Update it."""
        return self.exchange.update(self.stamped_id, _on_the_wire(values))

    def read(self, stamped_id: str = "") -> Fields | None:
        """What the store holds of it; None if the id is not its own."""
        found = answered(self.exchange.read(stamped_id or self.stamped_id).body, self.email)
        return found[1] if found and any(is_same_email(value, self.email) for value in found[1].values()) else None

    def read_with(self, values: Mapping[str, str], destinations: Iterable[str]) -> Fields:
        """What the store shows of it, as soon as it shows these values, or else at the last look."""
        wanted = list(destinations)
        last: Fields = {}

        def look() -> Fields | None:
            nonlocal last
            last = self.read() or last
            return last if all(has(last, name, values[name]) for name in wanted) else None

        return self.eventually(look) or last

    def use(self, stamped_id: str | None) -> bool:
        """Use this id from now on, if it is the customer's: a create may answer with the id of something else."""
        if not stamped_id or not self.eventually(lambda: self.read(stamped_id)):
            return False
        self.ids = [stamped_id, *(each for each in self.ids if each != stamped_id)]
        return True

    def note(self, stamped_ids: Iterable[str]) -> None:
        """Remember more customers with the address."""
        self.ids += [each for each in stamped_ids if each not in self.ids]

    def found(self) -> set[str]:
        """The ids that a search for the address finds, whichever page is the first."""
        bodies = [self.exchange.search(self.email, page).body for page in (1, 0)]
        customers = (customer for body in bodies for _, customer in holders(body, self.email))
        return {found for customer in customers if (found := id_of(customer))}

    def eventually(self, look: Callable[[], Found | None]) -> Found | None:
        """Look, and look again if there is nothing to see yet."""
        for pause in PAUSES:
            if seen := look():
                return seen
            self.sleep(pause)
        return look()


def _on_the_wire(values: Mapping[str, str]) -> dict[str, str]:
    return {WIRE_NAMES[name]: value for name, value in values.items()}
