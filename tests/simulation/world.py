"""Both sides in memory: iPaaS.com, the stores, and what is noted of every call that reaches them."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tests.simulation.chance import Fault
from worker.sandbox.ipaas import Source
from worker.sandbox.ipaas_api import IPaaSApi
from worker.sandbox.messages import Answer, Request
from worker.sandbox.stamped import Store
from worker.sandbox.stamped_api import StampedApi

if TYPE_CHECKING:
    from collections.abc import Mapping

    import redis

    from tests.simulation.stage import Stage
    from worker.effects import Effect
    from worker.job import Job
    from worker.ledger import Claim, StoreTerms

CALL_MS = 34_900
"""A call ends within its timeouts; see `worker.http.Timeouts.call`."""
STORE_HASH: Final = "270392"

STATUSES = {
    Fault.STATUS_5XX: (500, 502, 503, 504),
    Fault.STATUS_408: (408,),
    Fault.STATUS_422: (400, 422),
    Fault.STATUS_401: (401, 403),
    Fault.STATUS_429: (429,),
}
"""The refusals: the call arrives and has no effect."""


@dataclass(frozen=True, eq=False)
class Call:
    """One call on its way, under the claim that it was made with."""

    api: str
    system_id: int
    request: Request
    effect: Effect | None
    claim: Claim
    job_key: str
    late_until_ms: int

    def __str__(self) -> str:
        return f"{self.request.method} {self.request.path} for {self.claim.job}"


class World:
    """The state of both sides. A violation is noted as soon as a call shows it."""

    def __init__(self, stage: Stage, client: redis.Redis, terms: Mapping[int, StoreTerms]) -> None:
        self._stage = stage
        self._client = client
        self._terms = terms
        self.source = Source(terms)
        self.stores = {system_id: Store() for system_id in terms}
        self._ipaas = IPaaSApi(self.source, "")
        self._stamped = {system_id: StampedApi(store, STORE_HASH, "", "") for system_id, store in self.stores.items()}
        self.arrivals: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
        self.refused: Counter[Job] = Counter()
        """Calls of a job that were answered with a 4xx which is not tried again."""
        self.troubled: Counter[Job] = Counter()
        """Calls of a job that met trouble which passes."""
        self.deaths: Counter[Job] = Counter()
        """Runs of a job that ended without a word to the ledger."""
        self._under_way: Counter[int] = Counter()
        self._late: list[tuple[int, Call]] = []

    def leave(self, call: Call) -> None:
        """A call leaves its worker."""
        self._under_way[call.system_id] += 1
        if self._under_way[call.system_id] > self._terms[call.system_id].concurrent:
            self._stage.violated(f"more calls at a time than store {call.system_id} allows: {call}")

    def end(self, call: Call) -> None:
        """A call is over: answered, given up, or its worker is dead."""
        self._under_way[call.system_id] -= 1

    def arrive(self, call: Call, fault: Fault | None = None) -> Answer:
        """A call reaches its API: it counts, and has its effect unless a fault refuses it."""
        self.arrivals[call.api, call.system_id].append(self._stage.clock.now_ms)
        if call.effect:
            self._check_claim(call)
        if fault in STATUSES:
            return self._refuse(call, fault)
        answer = self._act(call)
        self._stage.note(f"{call}: {answer.status}" + (f" ({fault})" if fault else ""))
        if fault is Fault.LATE_5XX:
            self.troubled[call.claim.job] += 1
            return Answer({"message": "gateway"}, 504)
        return Answer("", answer.status) if fault is Fault.ANSWER_EMPTY and answer.is_success else answer

    def abandon(self, call: Call) -> None:
        """A worker was killed with a call on its way: it arrives all the same, within its bound, or it never does."""
        random, now = self._stage.chance.random, self._stage.clock.now_ms
        if random.random() < 1 / 2:
            self.end(call)
        else:
            self._late.append((random.randint(now, max(now, call.late_until_ms)), call))

    def arrive_late(self) -> None:
        """Let the calls of killed workers arrive whose time has come."""
        for at, call in sorted(self._late, key=lambda each: each[0]):
            if at <= self._stage.clock.now_ms:
                self._late.remove((at, call))
                self.arrive(call)
                self.end(call)

    @property
    def next_late_ms(self) -> int | None:
        """When the next call of a killed worker arrives."""
        return min((at for at, _ in self._late), default=None)

    def _act(self, call: Call) -> Answer:
        return (self._stamped[call.system_id] if call.api == "stamped" else self._ipaas).answer(call.request)

    def _refuse(self, call: Call, fault: Fault) -> Answer:
        random = self._stage.chance.random
        status = random.choice(STATUSES[fault])
        (self.refused if fault is Fault.STATUS_422 else self.troubled)[call.claim.job] += 1
        self._stage.note(f"{call}: {status}, injected")
        headers = {"Retry-After": str(random.choice((1, 5, 30, 90)))} if fault is Fault.STATUS_429 else {}
        return Answer({"message": "injected"}, status, headers)

    def _check_claim(self, call: Call) -> None:
        """A write must reach its API while the claim that it was made with still holds."""
        held: list[Any] = self._client.hmget(call.job_key, "state", "token", "lease_until")
        state, token, lease_until = held
        if (state, token) != ("running", call.claim.token):
            self._stage.violated(f"written after the claim was lost: {call}")
        elif int(lease_until) <= self._stage.clock.now_ms:
            self._stage.violated(f"written after the lease ran out: {call}")
