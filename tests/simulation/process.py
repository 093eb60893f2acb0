"""What the simulated processes stand on: the real runtime, with virtual time and with the APIs in memory."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import redis
from pydantic import SecretStr

from tests.parts import TIMEOUTS
from tests.simulation.apis import SimulatedApi
from tests.simulation.chance import Fault
from worker.app import app
from worker.clients.store import Store
from worker.config.settings import Settings
from worker.connections import Connection, Connections
from worker.ipaas.endpoint import IPaaSEndpoint
from worker.jobs.retries import Holds, Policy, Schedule
from worker.ledger import Claim, Ledger, LedgerTimes, StoreLimits
from worker.mapping.mapping import Mapping
from worker.mapping.rows import SUBSCRIPTION, Row, RowType
from worker.runtime import Clients, Runtime
from worker.stamped.endpoint import StampedGiven

if TYPE_CHECKING:
    from collections import abc

    from tests.simulation.queues import Queues
    from tests.simulation.stage import Stage
    from tests.simulation.world import World
    from worker.ledger.guard import Guard

VIRTUAL_CLOCK = "local function now_ms() return tonumber(redis.call('GET', 'virtual-clock')) end"
VIRTUAL_TIME = "local ms = redis.call('GET', 'virtual-clock') return {math.floor(ms / 1000), ms % 1000 * 1000}"
CATCH_UP_HOURS = 0.05
NEWSLETTER = "Newsletter"
SCHEDULE = Schedule(fast=2, slow_minutes=(1, 3))
HOLDS = Holds(first_seconds=5, longest_seconds=600, strikes=3)
"""Shorter than the real one, so that a job comes to the end of it within a world."""
SUBSCRIPTION_ROWS = (
    Row(RowType.STATIC, SUBSCRIPTION, value=True),
    Row(RowType.STATIC, SUBSCRIPTION, value=False),
    Row(RowType.FIELD, SUBSCRIPTION, source=f"CustomFields.{NEWSLETTER}"),
)
MAPPINGS = tuple(Mapping((*Mapping.default().rows, row)) for row in SUBSCRIPTION_ROWS)
"""IsSubscribed mapped to true, to false, and to a custom field."""


class UnreliableRedis(redis.Redis):
    """A client that sometimes runs a script twice, as the real one does when a connection is cut before the answer."""

    stage: Stage | None = None

    def client(self) -> Any:
        """Itself: all simulated threads are one."""
        return self

    def register_script(self, script: Any) -> Any:
        """Load a script at once, so that no later step depends on whether the server knew it."""
        self.script_load(script)
        return super().register_script(script)

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Any:
        """Several steps in one round trip; the time that it answers is the virtual one."""
        pipeline: Any = super().pipeline(transaction, shard_hint)
        if self.stage:
            self.stage.clock.show(self)
            pipeline.time = lambda: pipeline.eval(VIRTUAL_TIME, 0)
        return pipeline

    def evalsha(self, *args: Any, **kwargs: Any) -> Any:
        """Run a script that Redis knows."""
        if self.stage:
            self.stage.clock.show(self)
        if self.stage and self.stage.actor and self.stage.chance.strikes(Fault.STEP_REPEATED):
            super().evalsha(*args, **kwargs)
            self.stage.note("runs the next step twice")
        return super().evalsha(*args, **kwargs)


@dataclass(frozen=True)
class SimulatedRuntime(Runtime):
    """The runtime of all simulated processes."""

    stage: Stage = field(kw_only=True)
    limits: abc.Mapping[int, StoreLimits] = field(kw_only=True)
    all_connections: abc.Mapping[int, Connection] = field(kw_only=True)
    """By system id, also those that are not configured now."""

    def guard(self, claim: Claim, asked_at: float) -> Guard:
        """What every call of a claimed job passes; notes whose claim it is."""
        assert self.stage.actor
        self.stage.actor.claim = claim
        return super().guard(claim, asked_at)


@dataclass(frozen=True)
class Parts:
    """What the simulation is built of; a switched-off safety replaces some of it."""

    ledger: type[Ledger] = Ledger
    pieces: tuple[tuple[str, str], ...] = ()
    """Pieces of the scripts with another text."""
    runtime: type[SimulatedRuntime] = SimulatedRuntime
    api: type[SimulatedApi] = SimulatedApi
    odds: abc.Mapping[Fault, float] | None = None
    """What goes wrong, and how often; as the seed says without it."""

    def make_ledger(self, client: redis.Redis, stores: abc.Mapping[int, StoreLimits], stage: Stage) -> Ledger:
        """The ledger on virtual time."""
        replaced = {"_clock": VIRTUAL_CLOCK, **dict(self.pieces)}
        return self.ledger(client, LedgerTimes(), stores, witness=stage.witness, replaced=replaced)

    def make_runtime(
        self, ledger: Ledger, world: World, stores: abc.Mapping[int, StoreLimits], stage: Stage
    ) -> SimulatedRuntime:
        """The runtime with the connections of the world's stores."""
        connections = Connections(_connection(each, stage.chance.random.choice(MAPPINGS)) for each in world.stores)
        settings = Settings.model_construct(catch_up_hours=CATCH_UP_HOURS)

        def make_clients(connection: Connection) -> Clients:
            return Clients(connection, *self._apis(connection, world, stage, ledger))

        return self.runtime(
            settings=settings,
            connections=connections,
            ledger=ledger,
            timeouts=TIMEOUTS,
            policy=Policy(SCHEDULE, HOLDS),
            witness=stage.witness,
            clients={each.system_id: make_clients(each) for each in connections},
            make_clients=make_clients,
            limits=stores,
            all_connections={each.system_id: each for each in connections},
            clock=stage.clock.seconds,
            stage=stage,
        )

    def _apis(self, connection: Connection, world: World, stage: Stage, ledger: Ledger) -> tuple[SimulatedApi, Store]:
        ipaas, stamped = (self.api(side, connection.system_id, world, stage, ledger) for side in ("ipaas", "stamped"))
        return ipaas, Store(connection, lambda _: stamped)


REAL = Parts()


def flip(system_id: int, mapping: Mapping) -> None:
    """Give a connection another mapping, for every run that starts from now on."""
    other = {"mapping": mapping}
    runtime = _simulated()
    changed = {
        each.system_id: each.model_copy(update=other) if each.system_id == system_id else each
        for each in runtime.all_connections.values()
    }
    _run_by(replace(runtime, all_connections=changed), {each.system_id for each in runtime.connections})


def remove(system_id: int) -> None:
    """Take a connection out of the configuration; its jobs wait until it is back."""
    _run_by(_simulated(), {each.system_id for each in app.runtime.connections} - {system_id})


def bring_back() -> None:
    """Put every connection back."""
    _run_by(_simulated(), set(_simulated().all_connections))


def _simulated() -> SimulatedRuntime:
    assert isinstance(app.runtime, SimulatedRuntime)
    return app.runtime


def _run_by(runtime: SimulatedRuntime, systems: set[int]) -> None:
    """Run by the connections of these systems from now on."""
    connections = [each for each in runtime.all_connections.values() if each.system_id in systems]
    runtime.ledger.reconfigure({each: runtime.limits[each] for each in systems}, "")
    clients = {each.system_id: runtime.make_clients(each) for each in connections}
    app.take(replace(runtime, connections=Connections(connections), clients=clients))


@contextmanager
def installed(runtime: SimulatedRuntime, queues: Queues) -> abc.Iterator[None]:
    """Let the real tasks work on the simulated parts."""
    vars(app).update(runtime=runtime, send_task=queues.publish)
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
        del app.runtime, app.send_task


def _connection(system_id: int, mapping: Mapping) -> Connection:
    url = "http://simulated"
    return Connection(
        system_id=system_id,
        name=f"store {system_id}",
        mapping=mapping,
        ipaas=IPaaSEndpoint(api_url=url, token=SecretStr("none")),
        stamped=StampedGiven(api_url=url, public_key="none", private_key=SecretStr("none"), store_hash="270392"),
    )
