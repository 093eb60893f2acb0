"""Both sides in memory: iPaaS.com, the stores, and what is noted of every call that reaches them."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tests.simulation.chance import Fault
from tests.simulation.listing import Listing
from tests.simulation.weather import Weather, anothers, refusal
from worker.sandbox.ipaas import Source
from worker.sandbox.ipaas_api import IPaaSApi
from worker.sandbox.messages import Answer, Refused, Request
from worker.sandbox.stamped import Store
from worker.sandbox.stamped_api import StampedApi

if TYPE_CHECKING:
    from collections.abc import Mapping

    import redis

    from tests.simulation.stage import Stage
    from worker.effects import Effect
    from worker.ledger import Claim, StoreLimits

CALL_MS = 19_900
"""A call ends within its timeouts; see `worker.http.adapter.Timeouts.call`."""
BLACKOUTS: Final = (
    Fault.STATUS_5XX,
    Fault.STATUS_401,
    Fault.WEB_PAGE,
    Fault.REDIRECT,
    Fault.UNREADABLE,
    Fault.STATUS_408,
)
STORE_HASH: Final = "270392"


@dataclass(frozen=True, eq=False)
class Call:
    """One call on its way, under the claim that it was made with."""

    api: str
    system_id: int
    route: str
    """Its method, and its path with `{names}`."""
    request: Request
    effect: Effect | None
    claim: Claim | None
    """None where it belongs to no job: a list is read."""
    job_key: str
    late_until_ms: int

    def __str__(self) -> str:
        page = f" {dict(self.request.query)}" if self.claim is None else ""
        return f"{self.request.method} {self.request.path}{page} for {self.claim.job if self.claim else 'nobody'}"


class World:
    """The state of both sides. A violation is noted as soon as a call shows it."""

    def __init__(self, stage: Stage, client: redis.Redis, limits: Mapping[int, StoreLimits], seed: int) -> None:
        self._stage = stage
        self._client = client
        self._limits = limits
        self.source = Source(limits)
        self.listing = Listing(seed, stage, self.source)
        """Those whom a list alone shows."""
        self.stores = {system_id: Store() for system_id in limits}
        self._ipaas = IPaaSApi(self.source, "")
        self._stamped = {system_id: StampedApi(store, STORE_HASH, "", "") for system_id, store in self.stores.items()}
        self.arrivals: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
        self.weather = Weather()
        self._blackouts: dict[tuple[str, int], tuple[int, Fault]] = {}
        self._under_way: Counter[int] = Counter()
        self._late: list[tuple[int, Call]] = []

    def leave(self, call: Call) -> None:
        """A call leaves its worker."""
        self._under_way[call.system_id] += call.claim is not None
        if self._under_way[call.system_id] > self._limits[call.system_id].concurrent:
            self._stage.violated(f"more calls at a time than store {call.system_id} allows: {call}")

    def end(self, call: Call) -> None:
        """A call is over: answered, given up, or its worker is dead."""
        self._under_way[call.system_id] -= call.claim is not None

    def arrive(self, call: Call, fault: Fault | None = None) -> Answer:
        """A call reaches its API: it counts, and has its effect unless a fault refuses it."""
        self.arrivals[call.api, call.system_id].append(self._stage.clock.now_ms)
        if call.effect:
            self._check_claim(call)
            self._check_identity(call)
        dice, fault = self._stage.chance.random, self._blackout(call) or fault
        if fault and (refused := refusal(call, fault, dice)):
            self._stage.note(f"{call}: {refused.status}, {fault}")
            return self.weather.noted(call, fault, refused)
        if call.claim is None:
            self.listing.drift()
        answer = self._act(call)
        self._stage.note(f"{call}: {answer.status}" + (f" ({fault})" if fault else ""))
        if fault is Fault.LATE_5XX:
            return self.weather.noted(call, fault, Answer({"message": "gateway"}, 504))
        if fault is Fault.ANOTHERS_RECORD and answer.is_success:
            return self.weather.noted(call, fault, anothers(answer, dice))
        if fault is Fault.TAKEN_DOWN and answer.is_success:
            return self.weather.noted(call, fault, Answer({"data": {"type": "job", "id": "01J9Z"}}, 202))
        if fault is not Fault.ANSWER_LOST:
            self.weather.well(call)
        return Answer(text="", status=answer.status) if fault is Fault.ANSWER_EMPTY and answer.is_success else answer

    def black_out(self, api: str, system_id: int, seconds: int) -> None:
        """Let every call of an API meet the same trouble for a while: nobody gets through."""
        fault = self._stage.chance.random.choice(BLACKOUTS)
        self._blackouts[api, system_id] = self._stage.clock.now_ms + 1000 * seconds, fault
        self._stage.note(f"{api} of store {system_id} answers nobody for {seconds} s: {fault}")

    def _blackout(self, call: Call) -> Fault | None:
        until, fault = self._blackouts.get((call.api, call.system_id), (0, None))
        return fault if until > self._stage.clock.now_ms and not self._stage.chance.is_calm else None

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
        try:
            return (self._stamped[call.system_id] if call.api == "stamped" else self._ipaas).answer(call.request)
        except Refused as refused:
            return refused.answer

    def _check_identity(self, call: Call) -> None:
        """What is written is the job's own customer's, and nobody else's."""
        assert call.claim
        sent = call.request.json_object() or {}
        if sent.get("externalId", "").removeprefix("C-") not in {"", call.claim.job.customer_id}:
            self._stage.violated(f"writes another customer's data: {call}")

    def _check_claim(self, call: Call) -> None:
        """A write must reach its API while the claim that it was made with still holds."""
        assert call.claim
        held: list[Any] = self._client.hmget(call.job_key, "state", "token", "lease_until")
        state, token, lease_until = held
        if (state, token) != ("running", call.claim.token):
            self._stage.violated(f"written after the claim was lost: {call}")
        elif int(lease_until) <= self._stage.clock.now_ms:
            self._stage.violated(f"written after the lease ran out: {call}")
