"""Both APIs with all their state, faults and limits, and the log of their calls."""

from __future__ import annotations

from collections import deque
from threading import RLock
from typing import TYPE_CHECKING, Any

from worker.sandbox.customers import SYSTEM_ID
from worker.sandbox.faults import Fault, RateLimit, take, too_many_calls
from worker.sandbox.ipaas import Source
from worker.sandbox.ipaas_api import IPaaSApi
from worker.sandbox.messages import Call, Refused, noted
from worker.sandbox.stamped import Store
from worker.sandbox.stamped_api import StampedApi

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from worker.sandbox.deviations import Deviation
    from worker.sandbox.messages import Answer, Api, JsonObject, Request

CALLS_KEPT = 500_000
"""How many calls the log keeps: the newest ones."""


class Sandbox:
    """iPaaS.com with some subscriptions, and the one Stamped.io store to which all of them are joined.

    Any thread may call any method. What a property returns is a copy.
    """

    store_hash = "270392"
    public_key = "sandbox-public"
    private_key = "sandbox-private"
    url = "http://127.0.0.1"
    """Where it is served; the subscriptions' settings name it."""

    def __init__(
        self,
        customers: Iterable[JsonObject] = (),
        *,
        token: str = "sandbox-token",  # noqa: S107 - opens nothing but the sandbox
        systems: Iterable[int] = (SYSTEM_ID,),
    ) -> None:
        self.token = token
        self.systems = tuple(systems)
        self._first_customers = tuple(customers)
        self._lock = RLock()
        self.clear()

    def clear(self) -> None:
        """Go back to the state in which it started: its first customers, and nothing else."""
        with self._lock:
            self._source = Source(self.systems, self._first_settings())
            self._store = Store()
            self._ipaas = IPaaSApi(self._source, self.token)
            self._stamped = StampedApi(self._store, self.store_hash, self.public_key, self.private_key)
            self._faults: list[Fault] = []
            self._limits: dict[Api, RateLimit] = {}
            self._calls: deque[Call] = deque(maxlen=CALLS_KEPT)
            for customer in self._first_customers:
                self._source.put(customer)

    def serve_at(self, url: str) -> None:
        """Note where it is served from now on, in the settings of every subscription, too."""
        self.url = url
        self.change_settings({"API Url": url})

    def _first_settings(self) -> JsonObject:
        """What each subscription says of the store (contract: C the names, A that all values are texts)."""
        return {
            "API Url": self.url,
            "API Public Key": self.public_key,
            "API Private Key": self.private_key,
            "API Store Hash": self.store_hash,
            "API Throttle Limit": "500",
            "API Throttle Seconds": "60",
            "Concurrent Connections": "10",
        }

    # The calls ------------------------------------------------------------------------------------------------------

    def answer(self, request: Request) -> Answer:
        """Answer a call of either API: its rate limit comes first, then a fault, then what the call asks for."""
        with self._lock:
            answer = self._refused_by_limit(request) or self._answer(request)
            self._calls.append(noted(request, answer))
            return answer

    def _refused_by_limit(self, request: Request) -> Answer | None:
        limit = self._limits.get(request.api)
        wait_seconds = limit.wait_seconds() if limit else 0
        return too_many_calls(wait_seconds) if wait_seconds > 0 else None

    def _answer(self, request: Request) -> Answer:
        fault = take(self._faults, request)
        return fault.answer(lambda: self._act(request)) if fault else self._act(request)

    def _act(self, request: Request) -> Answer:
        try:
            return self._stamped.answer(request) if request.api == "stamped" else self._ipaas.answer(request)
        except Refused as refused:
            return refused.answer

    @property
    def calls(self) -> list[Call]:
        """The calls of both APIs, in the order in which they came."""
        with self._lock:
            return list(self._calls)

    def forget_calls(self) -> None:
        """Empty the log of calls."""
        with self._lock:
            self._calls.clear()

    # The state ------------------------------------------------------------------------------------------------------

    @property
    def customers(self) -> dict[str, JsonObject]:
        """The customers of iPaaS.com by their ids."""
        with self._lock:
            return dict(self._source.customers)

    @property
    def links(self) -> dict[int, dict[str, str]]:
        """For each system, the external ids by the customers' iPaaS.com ids, even if marked as deleted."""
        with self._lock:
            return {system: dict(links) for system, links in self._source.links.items()}

    @property
    def stamped_customers(self) -> dict[str, JsonObject]:
        """The customers of the Stamped.io store by their ids, which are texts here."""
        with self._lock:
            return dict(self._store.customers)

    def put_customer(self, customer: Mapping[str, Any]) -> None:
        """Create or replace a customer of iPaaS.com; a look-up still finds links that the record does not show."""
        with self._lock:
            self._source.put(customer)

    def patch_customer(self, customer_id: str, changes: Mapping[str, Any]) -> None:
        """Change some fields of a customer of iPaaS.com. Raises KeyError if there is no such customer."""
        with self._lock:
            self._source.patch(customer_id, changes)

    def delete_customer(self, customer_id: str) -> None:
        """Remove a customer of iPaaS.com with its links. Raises KeyError if there is no such customer."""
        with self._lock:
            self._source.delete(customer_id)

    def put_collection(self, collection_id: str, collection: JsonObject) -> None:
        """Create or replace a mapping collection of iPaaS.com."""
        with self._lock:
            self._source.collections[collection_id] = collection

    def unlink(self, system: int, customer_id: str) -> None:
        """Forget a link, even if the customer's record still shows it."""
        with self._lock:
            self._source.links[system].pop(customer_id, None)

    def delete_stamped_customer(self, customer_id: str) -> None:
        """Remove a customer of the store; its link stays. Raises KeyError if there is no such customer."""
        with self._lock:
            self._store.remove(customer_id)

    def change_settings(self, changes: Mapping[str, Any]) -> None:
        """Change some settings of every subscription; None removes one."""
        with self._lock:
            kept = {**self._source.settings, **changes}
            self._source.settings = {name: value for name, value in kept.items() if value is not None}

    def change_keys(self, public_key: str, private_key: str) -> None:
        """Let Stamped.io take these keys, and no others. The subscriptions' settings stay as they are."""
        with self._lock:
            self._stamped.take_keys(public_key, private_key)

    def end_logins(self) -> None:
        """Let every token of a login die, as each does after an hour."""
        with self._lock:
            self._ipaas.sign_in.end()

    # Faults, deviations and limits ------------------------------------------------------------------------------------

    @property
    def faults(self) -> list[Fault]:
        """The rules in force; `times` says how many more calls each hits."""
        with self._lock:
            return list(self._faults)

    def add_fault(self, fault: Fault) -> None:
        """Add a fault, after those that were added before."""
        with self._lock:
            self._faults.append(fault)

    def clear_faults(self) -> None:
        """Remove every fault."""
        with self._lock:
            self._faults.clear()

    @property
    def deviations(self) -> frozenset[Deviation]:
        """What Stamped.io does differently from what we assume."""
        with self._lock:
            return self._stamped.deviations

    def deviate(self, *deviations: Deviation) -> None:
        """Let Stamped.io do these things differently, and no others."""
        with self._lock:
            self._stamped.deviations = frozenset(deviations)

    def set_rate_limit(self, api: Api, limit: int | None, seconds: float = 60) -> None:
        """Let at most `limit` calls through in any window of `seconds`; None lifts the limit."""
        rate_limit = None if limit is None else RateLimit(limit, seconds)
        with self._lock:
            self._limits.pop(api, None)
            if rate_limit:
                self._limits[api] = rate_limit
