"""What changes around the software: customers, the stores by another's hand, the mapping; each change is triggered."""

from __future__ import annotations

import random
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from tasks import submit
from tests.rerunning import rerun_all
from tests.simulation.chance import Fault
from tests.simulation.process import MAPPINGS, NEWSLETTER, bring_back, flip, remove
from worker.app import app
from worker.jobs.errors import LedgerUnavailable
from worker.jobs.job import Job, Kind

if TYPE_CHECKING:
    from tests.simulation.stage import Stage
    from tests.simulation.world import World


REMOVED: Final = 1 / 40
"""How often, of the storm's steps."""


class Upstream:
    """iPaaS.com's side: it triggers every change, and does so again until the trigger is accepted."""

    def __init__(self, stage: Stage, world: World, customers: int, seed: int) -> None:
        self._stage = stage
        self._removals, self._removes = random.Random(seed), seed % 5 == 3  # noqa: S311 - it must be the same again
        self._pauses = seed % 5 == 1
        self._paused: set[int] = set()
        self._world = world
        self._numbers = count(1)
        self.accepted: set[Job] = set()
        self.pending: list[Job] = []
        self.customer_ids = [str(150713 + index) for index in range(customers)]
        for customer_id in self.customer_ids:
            self._put({"id": customer_id, "customer_number": f"C-{customer_id}", **self._address(customer_id)})
            self._trigger(customer_id)

    def act(self) -> None:
        """Change something."""
        dice = self._stage.chance.random
        customer_id = dice.choice(self.customer_ids)
        match self._stage.chance.first(Fault.MAPPING_FLIPPED, Fault.CUSTOMER_REMOVED, Fault.CUSTOMER_CHANGED):
            case Fault.MAPPING_FLIPPED:
                system_id = dice.choice(list(self._world.stores))
                flip(system_id, dice.choice(MAPPINGS))
                self._stage.note(f"mapping of store {system_id} is flipped")
                self.pending += [Job(Kind.CUSTOMER, system_id, each) for each in self.customer_ids]
            case Fault.CUSTOMER_REMOVED:
                self._remove(customer_id)
            case Fault.CUSTOMER_CHANGED:
                moves = self._may_move(customer_id) and dice.random() < 1 / 3
                self._put({"id": customer_id, **(self._address(customer_id) if moves else {})})
                self._trigger(customer_id)

    def reconfigure(self) -> None:
        """In some worlds, now and then, a connection is removed or paused, or put back or resumed."""
        if not (self._removes or self._pauses) or self._removals.random() >= REMOVED:
            return
        if self._pauses:
            with suppress(LedgerUnavailable):
                self._pause_or_resume(self._removals.choice(list(self._world.stores)))
            return
        if len(app.runtime.connections) < len(self._world.stores):
            self._stage.note("every connection is configured again")
            bring_back()
        else:
            system_id = self._removals.choice(list(self._world.stores))
            self._stage.chance.happened[Fault.CONNECTION_REMOVED] += 1
            self._stage.note(f"the connection of store {system_id} is removed")
            remove(system_id)

    def resume_all(self) -> None:
        """Let the jobs of every store go on."""
        for system_id in sorted(self._paused):
            app.runtime.ledger.resume(system_id)
        self._paused.clear()

    def _pause_or_resume(self, system_id: int) -> None:
        """Pause a store, or resume one that is paused. Raises LedgerUnavailable; nobody knows then whether it was."""
        if system_id in self._paused:
            self._stage.note(f"store {system_id} is resumed")
            app.runtime.ledger.resume(system_id)
            self._paused.remove(system_id)
        else:
            self._stage.chance.happened[Fault.STORE_PAUSED] += 1
            self._stage.note(f"store {system_id} is paused")
            self._paused.add(system_id)
            app.runtime.ledger.pause(system_id)

    def hand_over(self) -> None:
        """Hand over some pending triggers, or ask by hand for one; the code of a listener process."""
        dice = self._stage.chance.random
        some = [job for job in self.pending if app.runtime.connections.get(job.system_id)][: dice.randint(1, 3)]
        if dice.random() < 1 / 10:
            rerun_all(some[:1])
            self._accept(some[:1])
        else:
            scope = dice.choice(("customer/updated", "customer/updated", "customer/created/debug"))
            notices = [{"id": job.customer_id, "destination": str(job.system_id), "scope": scope} for job in some]
            submit({"id": "simulated", "notifications": notices})
            self._accept(some)

    def _accept(self, jobs: list[Job]) -> None:
        for job in jobs:
            self._stage.note(f"has {job} accepted")
            self.accepted.add(job)
            if job in self.pending:
                self.pending.remove(job)

    def _put(self, changes: dict[str, Any]) -> None:
        number = next(self._numbers)
        wants = self._stage.chance.random.choice(("true", "false"))
        self._stage.note(f"customer {changes['id']} is now version {number}")
        held = self._world.source.customers.get(changes["id"], {})
        self._world.source.put(
            {
                **held,
                "first_name": f"First{number}",
                "last_name": f"Last{number}",
                "comment": f"version {number}",
                "custom_fields": [{"custom_field_name": NEWSLETTER, "value": wants}],
                **changes,
            }
        )

    def _address(self, customer_id: str) -> dict[str, str]:
        return {"email_address": f"c{customer_id}-{next(self._numbers)}@example.com"}

    def _may_move(self, customer_id: str) -> bool:
        """A new address is safe once the link is there (docs/decisions/0001), and while nobody removes the customer."""
        links = (self._world.source.link(system_id, customer_id) for system_id in self._world.stores)
        return int(customer_id) % 2 == 1 and all(links)

    def _remove(self, customer_id: str) -> None:
        for system_id, store in self._world.stores.items():
            linked = self._world.source.link(system_id, customer_id)
            if int(customer_id) % 2 == 0 and linked in store.customers:
                store.remove(linked)
                self._stage.note(f"store {system_id} loses customer {customer_id}, {linked}")
        self._trigger(customer_id)

    def _trigger(self, customer_id: str) -> None:
        self.pending += [Job(Kind.CUSTOMER, system_id, customer_id) for system_id in self._world.stores]
