"""The protocol with one safety switched off each: the simulation must find what each is there for."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.simulation.process import Parts, SimulatedRuntime
from worker.ipaas import IPaaS
from worker.job import Job, Kind, Next
from worker.ledger import Claim, ClaimLost, Ended, Ledger, Swept
from worker.ledger.ledger import PAGE, Calls
from worker.ledger.scripting import source
from worker.runtime import READ_ONLY

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.simulation.simulation import Outcome
    from worker.calls import MadeCall
    from worker.http import Gate


class NeverChecksTheLease(Ledger):
    """A claim that is lost is not noticed."""

    def renew(self, claim: Claim, *, extra_call: str = "") -> None:
        """Renew the claim where it is held, and say in any case that it is."""
        with suppress(ClaimLost):
            super().renew(claim, extra_call=extra_call)


class HandsOverInTwoSteps(Ledger):
    """A customer job is done first, and its subscription job asked for behind it."""

    def complete(
        self,
        claim: Claim,
        calls: Calls,
        action: str,
        stamped_id: str | None = None,
        next_step: Next = Next.NOTHING,
        *,
        made: Sequence[MadeCall] = (),
    ) -> Ended:
        """Complete, and then hand over."""
        ended = super().complete(claim, calls, action, stamped_id, made=made)
        if next_step is Next.NOTHING:
            return ended
        subscription = claim.job.subscription
        if self.record(subscription):
            self._client.hset(self.key(subscription), "stamped_id", stamped_id or "")
        return Ended((*ended.messages, *self.request(subscription).messages), ended.hold_ended)


class NeverSweeps(Ledger):
    """Nobody looks for what was lost."""

    def sweep(self, kind: Kind, limit: int = PAGE) -> Swept:
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
        calls: Calls,
        action: str,
        stamped_id: str | None = None,
        next_step: Next = Next.NOTHING,
        *,
        made: Sequence[MadeCall] = (),
    ) -> Ended:
        """Complete, and then record the link."""
        record_link = self.links.pop(claim.job, None)
        ended = super().complete(claim, calls, action, stamped_id, next_step, made=made)
        if record_link:
            record_link()
        return ended


@dataclass(frozen=True, slots=True)
class LateLinks(IPaaS):
    """iPaaS.com, whose links are kept until the end of the job."""

    ledger: LinksAtTheEnd
    job: Job

    def record_link(self, customer_id: str, stamped_id: str) -> None:
        """Keep the link for later."""
        link = {"table_name": "customer", "system_id": self.system_id, "external_id": stamped_id}
        body = link | {"internal_id": customer_id}
        route = "customers/v2/External/UpdateExternalId"
        self.ledger.links[self.job] = lambda: self.api.call("POST", route, body=body)


class LinksAtTheEndRuntime(SimulatedRuntime):
    """The runtime whose transfers record their link at the end."""

    def source(self, system_id: int, tracking_guid: str, gate: Gate = READ_ONLY) -> IPaaS:
        """iPaaS.com for one job."""
        assert isinstance(self.ledger, LinksAtTheEnd)
        actor = self.stage.actor
        assert actor
        assert actor.claim
        return LateLinks(self._ipaas[system_id], system_id, tracking_guid, gate, self.ledger, actor.claim.job)


@dataclass(frozen=True)
class Safety:
    """One safety of the protocol, and how it shows that it is missing."""

    name: str
    without: Parts
    violation: str
    """Part of what the simulation must find without it."""
    seed: int
    """A seed that finds it."""

    def is_caught(self, outcome: Outcome) -> bool:
        """Whether a run found that it is missing."""
        return bool(outcome.found_as(self.violation))


def _without(piece: str, text: str, instead: str = "") -> tuple[tuple[str, str], ...]:
    """A piece of the scripts in which some text is replaced."""
    whole = source(piece)
    if whole.count(text) != 1:
        raise ValueError(f"{piece}.lua does not hold this once: {text}")
    return ((piece, whole.replace(text, instead)),)


SWITCHED_OFF: Final = (
    Safety("lease check", Parts(ledger=NeverChecksTheLease), "written after the claim was lost", 62),
    Safety("atomic hand-over", Parts(ledger=HandsOverInTwoSteps), "isSubscribed is", 664),
    Safety("sweeper", Parts(ledger=NeverSweeps), "never at rest", 0),
    Safety(
        "coalescing version",
        Parts(
            pieces=_without(
                "_job", "  if number(key, 'wanted') > tonumber(version) then return start_over(kind, member) end\n"
            )
        ),
        "stale",
        469,
    ),
    Safety("link before subscription", Parts(ledger=LinksAtTheEnd, runtime=LinksAtTheEndRuntime), "linked to None", 13),
    Safety(
        "slot kept for a window after the call",
        Parts(
            pieces=_without(
                "_store",
                "        redis.call('ZADD', slots_key(api, system), text(now + terms.apis[api].window_ms), name)\n",
                "        redis.call('ZREM', slots_key(api, system), name)\n",
            )
        ),
        "calls in",
        4,
    ),
    Safety(
        "slot kept while its job is under way",
        Parts(
            pieces=_without(
                "_store",
                "slots_key(api, system), '+inf', name)",
                "slots_key(api, system), text(now_ms() + 75000), name)",
            )
        ),
        "calls in",
        224,
    ),
)
