"""The protocol with one safety switched off each: the simulation must find what each is there for."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Final

from tests.simulation.apis import SimulatedApi
from tests.simulation.chance import Fault
from tests.simulation.process import Parts, SimulatedRuntime
from worker.ipaas.client import IPaaS
from worker.ipaas.customer import Customer
from worker.jobs.intents import Intent
from worker.jobs.job import Job, Kind, Next
from worker.ledger import Claim, ClaimLost, Ended, Ledger, Swept, Weighed, Weight
from worker.ledger.scripting import piece
from worker.ledger.upkeep import JOBS_AT_ONCE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.simulation.simulation import Outcome
    from worker.http.answers import Answer
    from worker.ipaas.customer_list import CustomerList
    from worker.jobs.calls import MadeCall


class NeverChecksTheLease(Ledger):
    """A claim that is lost is not noticed."""

    def renew(self, claim: Claim, *, extra_call: str = "", writes: bool = False) -> None:
        """Renew the claim where it is held, and say in any case that it is."""
        with suppress(ClaimLost):
            super().renew(claim, extra_call=extra_call, writes=writes)


class HandsOverInTwoSteps(Ledger):
    """A customer job is done first, and its subscription job asked for behind it."""

    def complete(
        self,
        claim: Claim,
        calls: Sequence[MadeCall],
        action: str,
        stamped_id: str | None = None,
        next_step: Next = Next.NOTHING,
        **facts: Any,
    ) -> Ended:
        """Complete, and then hand over."""
        ended = super().complete(claim, calls, action, stamped_id, **facts)
        if next_step is Next.NOTHING:
            return ended
        subscription = claim.job.subscription
        if self.record(subscription):
            self._client.hset(self.key(subscription), "stamped_id", stamped_id or "")
        self.request(subscription)
        return ended


class NeverSweeps(Ledger):
    """Nobody looks for what was lost."""

    def sweep(self, kind: Kind, limit: int = JOBS_AT_ONCE) -> Swept:
        """Find nothing."""
        assert kind
        assert limit
        return Swept()


class LinksAtTheEnd(Ledger):
    """The link is recorded once the job is done and handed over."""

    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **options)  # type: ignore[arg-type]
        self.links: dict[Job, Callable[[], object]] = {}

    def complete(
        self,
        claim: Claim,
        calls: Sequence[MadeCall],
        action: str,
        stamped_id: str | None = None,
        next_step: Next = Next.NOTHING,
        **facts: Any,
    ) -> Ended:
        """Complete, and then record the link."""
        record_link = self.links.pop(claim.job, None)
        ended = super().complete(claim, calls, action, stamped_id, next_step, **facts)
        if record_link:
            record_link()
        return ended


class BlamesTheJob(Ledger):
    """Trouble of a whole store uses up the attempts of whoever meets it."""

    def hold(self, *_: Any, **__: Any) -> Weighed:
        """Weigh nothing."""
        return Weighed(Weight.OWN, hold_began=False, hold_ended=False, met=0)


class BelievesASuccess(SimulatedApi):
    """A success is one, whatever stands in it."""

    def call(self, *args: Any, **options: Any) -> Answer:
        """Make one call."""
        answer = super().call(*args, **options)
        is_success = answer.status is not None and answer.status // 100 == 2
        return replace(answer, intent=Intent.ACCEPTED, trouble=None) if is_success else answer


def shown(source: IPaaS) -> dict[str, Any]:
    """What a client of iPaaS.com is made of."""
    return {each.name: getattr(source, each.name) for each in fields(IPaaS)}


class BelievesAnId(IPaaS):
    """The answered customer is taken for the asked one."""

    def _customer_in(self, answer: Answer, customer_id: str) -> Customer:
        assert customer_id
        return Customer.read(answer.body)


class BelievesAnIdRuntime(SimulatedRuntime):
    """The runtime whose transfers believe an answered id."""

    def source(self, *args: Any, **more: Any) -> IPaaS:
        """iPaaS.com for one job."""
        return BelievesAnId(**shown(super().source(*args, **more)))


@dataclass(frozen=True, slots=True)
class LateLinks(IPaaS):
    """iPaaS.com, whose links are kept until the end of the job."""

    ledger: LinksAtTheEnd = field(kw_only=True)
    job: Job = field(kw_only=True)

    def record_link(self, customer_id: str, stamped_id: str) -> None:
        """Keep the link for later."""
        link = {"table_name": "customer", "system_id": self.system_id, "external_id": stamped_id}
        body = link | {"internal_id": customer_id}
        route = "customers/v2/External/UpdateExternalId"
        self.ledger.links[self.job] = lambda: self.api.call("POST", route, body=body)


class LinksAtTheEndRuntime(SimulatedRuntime):
    """The runtime whose transfers record their link at the end."""

    def source(self, *args: Any, **more: Any) -> IPaaS:
        """iPaaS.com for one job."""
        assert isinstance(self.ledger, LinksAtTheEnd)
        actor = self.stage.actor
        assert actor
        source = super().source(*args, **more)
        return LateLinks(**shown(source), ledger=self.ledger, job=actor.claim.job) if actor.claim else source


@dataclass(frozen=True, slots=True)
class RemembersPages(IPaaS):
    """iPaaS.com, whose list is taken to stay as it was when it was first read."""

    seen: dict[int, CustomerList] = field(default_factory=dict)

    def customers(self, page: int) -> CustomerList:
        """One page, as it was."""
        if page not in self.seen:
            self.seen[page] = IPaaS.customers(self, page)
        return self.seen[page]


class ReadsOnceRuntime(SimulatedRuntime):
    """The runtime that reads each page of a list but once."""

    def source(self, *args: Any, **more: Any) -> IPaaS:
        """iPaaS.com, as one who reads a list sees it."""
        return RemembersPages(**shown(super().source(*args, **more)))


@dataclass(frozen=True)
class Safety:
    """One safety of the protocol, and how it shows that it is missing."""

    name: str
    without: Parts
    violation: str
    """Part of what the simulation must find without it."""

    def is_caught(self, outcome: Outcome) -> bool:
        """Whether a run found that it is missing."""
        return bool(outcome.found_as(self.violation))


def _without(name: str, text: str, instead: str = "") -> tuple[tuple[str, str], ...]:
    """A piece of the scripts in which some text is replaced."""
    whole = piece(name)
    if whole.count(text) != 1:
        raise ValueError(f"{name}.lua does not hold this once: {text}")
    return ((name, whole.replace(text, instead)),)


SWITCHED_OFF: Final = (
    Safety(
        "lease check",
        Parts(ledger=NeverChecksTheLease, odds={Fault.WORKER_PAUSED: 0.1, Fault.CUSTOMER_CHANGED: 1}),
        "written after the claim was lost",
    ),
    Safety(
        "atomic hand-over",
        Parts(ledger=HandsOverInTwoSteps, odds={Fault.LEDGER_SILENT: 0.1, Fault.QUEUE_SILENT: 0.1}),
        "isSubscribed is",
    ),
    Safety("sweeper", Parts(ledger=NeverSweeps, odds={Fault.MESSAGE_LOST: 0.1}), "never at rest"),
    Safety(
        "coalescing version",
        Parts(
            pieces=_without(
                "_request",
                "  if (tonumber(wanted or '0') or 0) > tonumber(version) then\n",
                "  if false then\n",
            ),
            odds={Fault.WORKER_PAUSED: 0.1, Fault.CUSTOMER_CHANGED: 1},
        ),
        "stale",
    ),
    Safety(
        "link before subscription",
        Parts(ledger=LinksAtTheEnd, runtime=LinksAtTheEndRuntime, odds={Fault.WORKER_KILLED: 0.05}),
        "linked to None",
    ),
    Safety(
        "slot kept for a window after the call",
        Parts(
            pieces=_without(
                "_slots",
                "        redis.call('ZADD', slots_key(api, system), text(now + window_ms), name)\n",
                "        redis.call('ZREM', slots_key(api, system), name)\n",
            ),
            odds={Fault.CUSTOMER_CHANGED: 1},
        ),
        "calls in",
    ),
    Safety(
        "slot kept while its job is under way",
        Parts(
            pieces=_without(
                "_throttle",
                "entries[2 * index - 1], entries[2 * index] = '+inf',",
                "entries[2 * index - 1], entries[2 * index] = text(now + 75000),",
            ),
            odds={Fault.MESSAGE_DELAYED: 0.3, Fault.WORKER_PAUSED: 0.05, Fault.CUSTOMER_CHANGED: 1},
        ),
        "calls in",
    ),
    Safety(
        "slots of the job that is carried on with",
        Parts(
            pieces=_without("_ending", "  take(job, system, limits, now)\n"),
            odds={Fault.CUSTOMER_CHANGED: 1},
        ),
        "calls in",
    ),
    Safety(
        "state of the job whose message is taken",
        Parts(
            pieces=_without(
                "_take_message",
                "  if field(key, 'state') ~= 'sent' or not may_run(kind, member, system, now) then return end\n",
            ),
            odds={Fault.MESSAGE_REPEATED: 0.9, Fault.CUSTOMER_CHANGED: 1},
        ),
        "calls in",
    ),
    Safety(
        "weather",
        Parts(ledger=BlamesTheJob, odds={Fault.STATUS_5XX: 0.9, Fault.CUSTOMER_CHANGED: 1}),
        "failed without cause",
    ),
    Safety(
        "success flag",
        Parts(api=BelievesASuccess, odds={Fault.REFUSED_INSIDE: 0.3, Fault.CUSTOMER_CHANGED: 0.2}),
        "isSubscribed is",
    ),
    Safety(
        "identity check",
        Parts(runtime=BelievesAnIdRuntime, odds={Fault.ANOTHERS_RECORD: 0.1, Fault.CUSTOMER_CHANGED: 1}),
        "writes another customer's data",
    ),
    Safety("list read until nobody new", Parts(runtime=ReadsOnceRuntime), "left out by an initialize"),
)
