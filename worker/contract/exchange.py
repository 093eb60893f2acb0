"""The calls of a trial, and their answers as they came."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from worker.contract.shapes import shape
from worker.effects import Effect
from worker.http.api_errors import STAMPED
from worker.jobs.errors import StampedReadFailed
from worker.jobs.intents import Intent, Trouble
from worker.stamped.client import CREATE, CUSTOMER, CUSTOMERS, PAGE, SEARCH

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from worker.http.answers import Answer
    from worker.http.client import ApiClient

TAKEN = frozenset({Intent.ACCEPTED, Intent.NOT_YET})
ENDING = frozenset({Trouble.SILENT, Trouble.UNRESOLVED, Trouble.CREDENTIALS})
PASSING = frozenset({Trouble.LIMITED, Trouble.UNAVAILABLE})


@dataclass(frozen=True)
class Seen:
    """What Stamped.io answered to one call."""

    answer: Answer

    @property
    def status(self) -> int | None:
        """The HTTP status."""
        return self.answer.status

    @property
    def body(self) -> Any:
        """The JSON value; None if it cannot be read."""
        return self.answer.body if self.is_readable else None

    @property
    def is_readable(self) -> bool:
        """Whether it is an answer of the API at all."""
        return self.answer.trouble is not Trouble.UNREADABLE

    @property
    def is_ok(self) -> bool:
        """Whether it did what it was asked to, or will."""
        return self.answer.intent in TAKEN

    @property
    def is_passing(self) -> bool:
        """Whether it says nothing of the API, but that it is busy or down."""
        return self.answer.trouble in PASSING

    @property
    def told(self) -> str:
        """Its status and its shape, in words that hold none of its values."""
        if not self.is_readable:
            return f"HTTP {self.status} with what is no JSON, such as a web page or a redirect"
        return f"HTTP {self.status} with {'no body' if self.body is None else shape(self.body)}"


@dataclass(frozen=True)
class Exchange:
    """Calls one store. `before_call` returns once a call may be made, or raises."""

    api: ApiClient
    before_call: Callable[[], None]

    def create(self, payload: Mapping[str, str]) -> Seen:
        """Create a customer."""
        return self._call("POST", CREATE, body=payload, effect=Effect.CREATE_CUSTOMER)

    def update(self, stamped_id: str, payload: Mapping[str, str]) -> Seen:
        """Update a customer."""
        return self._call("POST", CUSTOMER, stamped_id, body=payload, effect=Effect.UPDATE_CUSTOMER)

    def read(self, stamped_id: str) -> Seen:
        """Read a customer."""
        return self._call("GET", CUSTOMER, stamped_id)

    def search(self, email: str, page: int) -> Seen:
        """Read a page of the customers that are found by an address; of all of them, if it is empty.

        Many lists have no page 0: whatever it is answered ends no trial.
        """
        sought = {SEARCH: email} if email else {}
        return self._call("GET", CUSTOMERS, query=sought | {PAGE: str(page)}, ends=page != 0)

    def subscribe(self, name: str, email: str) -> Seen:
        """Subscribe an address, which the body calls `name`."""
        return self._call("POST", "survey/subscribe", body={name: email}, effect=Effect.SUBSCRIBE)

    def unsubscribe(self, name: str, email: str) -> Seen:
        """Unsubscribe an address, which the body calls `name`."""
        return self._call("POST", "survey/unsubscribe", body={name: email}, effect=Effect.UNSUBSCRIBE)

    def _call(self, method: str, route: str, stamped_id: str = "", *, ends: bool = True, **more: Any) -> Seen:
        """Make one call: the one place that knows how an ApiClient answers.

        Raises StampedUnreachable, HostNotFound and StampedCredentialsRefused if it `ends` a trial by them.
        """
        self.before_call()
        answer = self.api.call(method, route, {"id": stamped_id}, **more)
        if ends and answer.trouble in ENDING:
            raise STAMPED.of_read(answer, StampedReadFailed)
        return Seen(answer)
