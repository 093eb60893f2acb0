"""One world, from its seed to its verdict: a storm of faults, then calm, then what must be true."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from celery.exceptions import Reject, Retry

from tasks import pump
from tests import parts
from tests.rerunning import rerun_all
from tests.simulation import checks
from tests.simulation.actors import Actor
from tests.simulation.chance import Chance, Fault
from tests.simulation.clock import VirtualClock
from tests.simulation.load import Load
from tests.simulation.process import REAL, Parts, UnreliableRedis, bring_back, installed
from tests.simulation.queues import Queues
from tests.simulation.stage import Stage
from tests.simulation.upstream import Upstream
from tests.simulation.world import World
from worker.app import app
from worker.jobs.errors import SyncError
from worker.jobs.job import Job, Kind, State
from worker.jobs.progress import Selection
from worker.jobs.routes import TASK_OF
from worker.ledger import LedgerUnavailable, Limit, StoreLimits
from worker.ledger.guard import Carrying, carrying

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable

KIND_OF_TASK = {task: kind for kind, task in TASK_OF.items()}
SYSTEMS = (4021, 4022)
STORM_STEPS = (100, 900)
CALM_ROUNDS = 300
TURNS = (1, 2, 5, 20)
"""How many of a store's jobs a worker runs one after the other while messages wait."""
TURN_SECONDS = 30
WANTED = 0.1
"""How likely it is that a thread is wanted for something else when its job ends."""
CATCH_UP_MS = 90 * 1000
LONGEST_WAIT_MS = 10 * 60 * 1000
UPKEEP_TASKS = ("stamped.sweep", "stamped.sweep", "stamped.sweep", "stamped.retry_failed_subscriptions")


@dataclass(frozen=True)
class Outcome:
    """What one seed came to."""

    seed: int
    violations: tuple[str, ...]
    happened: Counter[Fault]
    steps: int

    def found_as(self, text: str) -> str:
        """The first violation that holds a text, or nothing."""
        return next((violation for violation in self.violations if text in violation), "")


class Simulation:
    """Several workers, a listener, a pump and beat under one scheduler."""

    def __init__(
        self, seed: int, client: UnreliableRedis, parts: Parts = REAL, trace: Callable[[str], None] | None = None
    ) -> None:
        client.flushdb()
        self._seed = seed
        self._chance = Chance(seed, parts.odds)
        self._random = self._chance.random
        self._stage = Stage(VirtualClock(), self._chance, trace)
        client.stage = self._stage
        stores = {system_id: _limits(self._random) for system_id in SYSTEMS[: self._random.randint(1, 2)]}
        self._stage.note(f"stores: {stores}")
        self._client = client
        self._world = World(self._stage, client, stores, seed)
        self._listing = self._world.listing
        self._ledger = parts.make_ledger(client, stores, self._stage)
        self._runtime = parts.make_runtime(self._ledger, self._world, stores, self._stage)
        self._queues = Queues(client, self._stage)
        self._upstream = Upstream(self._stage, self._world, self._random.randint(1, 4), seed)
        self._stores = stores
        self._load = Load(self._stage, self._listing, self._ledger, SYSTEMS[0])
        self._workers: list[Actor | None] = [None] * self._random.randint(2, 3)
        self._others: dict[str, Actor] = {}
        self._messages: dict[Actor, dict[str, Any]] = {}
        self._steps = 0

    def run(self) -> Outcome:
        """Storm, calm, verdict; then the failed jobs are run again, and all must be well."""
        random.seed(self._seed)  # the jitter of the retries
        with installed(self._runtime, self._queues):
            self._chance.is_calm = self._random.random() < 1 / 2
            if self._chance.is_calm:
                self._come_to_rest()
                self._chance.is_calm = False
            self._stage.note("the storm begins")
            for _ in range(self._random.randint(*STORM_STEPS)):
                self._storm()
            self._chance.is_calm = True
            self._stage.note("the storm is over")
            bring_back()
            self._upstream.resume_all()
            if self._come_to_rest() and self._catch_up():
                self._verdict()
            for actor in self._actors():
                actor.kill()
        return Outcome(self._seed, tuple(self._stage.violations), self._chance.happened, self._steps)

    def _verdict(self) -> None:
        checks.check_failed(self._stage, self._ledger, self._world)
        failed = [record.job for kind in Kind for record in parts.in_state(self._ledger, State.FAILED, kind)]
        self._stage.note(f"failed, and run again: {failed}")
        rerun_all(failed)
        if not self._come_to_rest():
            return
        checks.check_customers(self._stage, self._world, self._upstream.accepted, app.runtime.connections)
        checks.check_listed(self._stage, self._world)
        checks.check_throttle(self._stage, self._world, self._stores)
        failed_again = (record for kind in Kind for record in parts.in_state(self._ledger, State.FAILED, kind))
        if still := [str(record) for record in failed_again if not checks.is_gone(record, self._world)]:
            self._stage.violated(f"failed again without a fault: {still}")
        self._advance(checks.AFTERWARDS_MS)
        checks.check_ledger(self._stage, self._client, self._ledger, self._stores)

    # The storm --------------------------------------------------------------------------------------------------------

    def _storm(self) -> None:
        """One step: whoever must move on does, then chance decides who or what comes next."""
        self._hurry()
        self._upstream.reconfigure()
        self._storm_listed()
        ready, roll = self._ready(), self._random.random()
        if ready and roll < 0.75:
            self._step(self._random.choice(ready))
        elif roll < 0.85:
            self._take_message()
        elif roll < 0.91:
            self._hand_over()
        elif roll < 0.93:
            self._upstream.act()
        elif roll < 0.94:
            self._queues.publish(self._random.choice(UPKEEP_TASKS))
        elif roll < 0.95:
            self._start_other("pump", self._pump)
        elif roll < 0.955:
            self._black_out()
        else:
            self._advance(self._span_ms())
            return
        self._advance(self._random.choice((0, 0, 1, 5, 20, 100)))

    def _storm_listed(self) -> None:
        """In a world with a list, now and then somebody runs an initialize, a second one too, or beat calls."""
        if self._listing.is_there and self._listing.random.random() < 1 / 30:
            name = self._listing.random.choice(("initialize", "initialize", "second initialize", "catch-up"))
            if name == "catch-up":
                self._queues.publish("stamped.catch_up")
            else:
                self._start_other(name, self._load.run)

    def _black_out(self) -> None:
        """Let one API of one store answer nobody, for moments or for hours."""
        if self._chance.strikes(Fault.BLACKOUT):
            seconds = self._random.choice((30, 600, 6 * 3600))
            self._world.black_out(
                self._random.choice(("stamped", "ipaas")), self._random.choice(list(self._stores)), seconds
            )

    def _span_ms(self) -> int:
        """Mostly moments, sometimes as long as a lease, seldom as long as a hold."""
        longest = self._random.choice((500, 500, 5_000, 20_000, 60_000, 600_000))
        return self._random.randint(1, longest)

    def _advance(self, milliseconds: int) -> None:
        """Let time pass, though not beyond what must happen first."""
        now = self._stage.clock.now_ms
        stops = [actor.deadline for actor in self._actors() if actor.deadline is not None]
        if self._world.next_late_ms is not None:
            stops.append(self._world.next_late_ms)
        if milliseconds:
            self._stage.clock.advance(max(0, min(now + milliseconds, *stops, now + milliseconds) - now))
        self._world.arrive_late()
        self._queues.deliver_delayed()

    # Who acts ---------------------------------------------------------------------------------------------------------

    def _actors(self) -> list[Actor]:
        return [*filter(None, self._workers), *self._others.values()]

    def _ready(self) -> list[Actor]:
        return [actor for actor in self._actors() if actor.frozen_until <= self._stage.clock.now_ms]

    def _hurry(self) -> None:
        """Let those move on whose time is up."""
        now = self._stage.clock.now_ms
        while late := [actor for actor in self._actors() if actor.deadline is not None and actor.deadline <= now]:
            self._step(late[0])

    def _step(self, actor: Actor) -> None:
        self._steps += 1
        self._stage.actor = actor
        self._note_lease(actor)
        if self._chance.strikes(Fault.WORKER_KILLED):
            self._stage.note(f"is killed at {actor.place}")
            actor.kill()
            self._note_death(actor)
            if actor in self._messages:
                self._queues.not_acknowledged(self._messages[actor])
        else:
            actor.step()
        self._stage.actor = None
        if actor.is_finished:
            self._forget(actor)

    def _note_lease(self, actor: Actor) -> None:
        if actor.frozen_until:
            lease_until: Any = actor.claim and self._client.hget(self._ledger.key(actor.claim.job), "lease_until")
            if lease_until and int(lease_until) <= self._stage.clock.now_ms:
                self._chance.happened[Fault.LEASE_RAN_OUT] += 1
                self._note_death(actor)
            actor.frozen_until = 0

    def _note_death(self, actor: Actor) -> None:
        if actor.job:
            self._world.weather.deaths[actor.job] += 1

    def _forget(self, actor: Actor) -> None:
        self._workers = [None if each is actor else each for each in self._workers]
        self._others = {name: each for name, each in self._others.items() if each is not actor}
        self._messages.pop(actor, None)

    # What they do -----------------------------------------------------------------------------------------------------

    def _take_message(self) -> bool:
        """Give a free worker the oldest message of one queue; False where there is none, or no free worker."""
        if None not in self._workers:
            return False
        waiting = [queue for queue, length in self._queues.lengths.items() if length]
        if not waiting:
            return False
        message = self._queues.take(self._random.choice(waiting))
        if message:
            index = self._workers.index(None)
            kind = KIND_OF_TASK.get(message["task"])
            job = Job(kind, *message["args"]) if kind else None
            actor = Actor(f"worker {index + 1}", lambda: self._work(message), job)
            self._stage.note(f"worker {index + 1} gets {message['text']}")
            self._workers[index] = actor
            self._messages[actor] = message
        return True

    def _work(self, message: dict[str, Any]) -> None:
        """Run a task, and then the jobs that its thread is granted, as the worker's pool does."""
        run = Carrying(
            self._random.choice(TURNS),
            TURN_SECONDS,
            clock=self._stage.clock.seconds,
            is_wanted=lambda: self._random.random() < WANTED,
        )
        carrying.set(run)
        self._run_task(message)
        while claim := run.next_claim:
            assert self._stage.actor
            self._stage.actor.job = job = claim.job
            self._stage.note(f"carries on with {job}")
            task, args = TASK_OF[job.kind], [job.system_id, job.customer_id]
            self._run_task({"task": task, "args": args, "queue": message["queue"], "retries": 0})

    def _run_task(self, message: dict[str, Any]) -> None:
        """Run a task as Celery does; what it raises is its own business."""
        task: Any = app.tasks[message["task"]]
        delivery = {"exchange": "", "routing_key": message["queue"]}
        task.push_request(
            id="simulated",
            args=message["args"],
            kwargs={},
            retries=message["retries"],
            delivery_info=delivery,
            called_directly=False,
            is_eager=False,
        )
        try:
            task.run(*message["args"])
        except LedgerUnavailable:
            assert self._stage.actor
            self._note_death(self._stage.actor)
        except (Retry, Reject, SyncError) as error:
            self._stage.note(f"ends with {type(error).__name__}: {error}")
        except Exception as error:  # noqa: BLE001 - none is expected
            self._stage.violated(f"a task raises {error!r}")
        finally:
            task.pop_request()

    def _start_other(self, name: str, work: Callable[[], object]) -> None:
        if name not in self._others:
            self._others[name] = Actor(name, lambda: _without_redis(work))

    def _hand_over(self) -> None:
        if self._upstream.pending:
            self._start_other("listener", self._upstream.hand_over)

    def _pump(self) -> None:
        pump.admit_due()

    # The calm ---------------------------------------------------------------------------------------------------------

    def _come_to_rest(self) -> bool:
        """Go on without faults until nothing is left to do; False, and a violation, where that never comes."""
        wait_ms = 1000
        for _ in range(CALM_ROUNDS):
            if self._work_off():
                wait_ms = 1000
            elif self._is_at_rest():
                return True
            self._advance(wait_ms)
            wait_ms = min(2 * wait_ms, LONGEST_WAIT_MS)
            self._queues.publish("stamped.sweep")
            self._start_other("pump", self._pump)
            if self._load.is_under_way:
                self._start_other("initialize", self._load.run)
        counts = {str(kind): self._ledger.counts(kind) for kind in Kind}
        self._stage.violated(f"never at rest: {counts}, {self._queues.lengths}, {self._upstream.pending}")
        return False

    def _work_off(self) -> bool:
        """Do all that can be done now; whether a job was among it."""
        done = False
        while True:
            self._hurry()
            self._hand_over()
            if ready := self._ready():
                actor = self._random.choice(ready)
                done = done or actor.claim is not None
                self._step(actor)
            elif not self._take_message():
                return done

    def _is_at_rest(self) -> bool:
        counts = [self._ledger.counts(kind) for kind in Kind]
        busy = sum(each.queued + each.sent + each.running + each.waiting for each in counts)
        actors = self._actors() or self._load.is_under_way
        return not (busy or actors or any(self._queues.lengths.values()) or self._upstream.pending)

    def _catch_up(self) -> bool:
        """Let beat call until each store's catch-up has ended that began in the calm; False where that never comes."""
        began = datetime.fromtimestamp(self._stage.clock.now_ms / 1000, UTC)
        for _ in range(CALM_ROUNDS if self._listing.is_there else 0):
            found = self._ledger.progress.all_of(list(self._stores), Selection.CATCH_UP)
            if all(each and each.ended_at and began < (each.started_at or began) for each in found):
                return True
            self._advance(CATCH_UP_MS)
            self._queues.publish("stamped.catch_up")
            if not self._come_to_rest():
                return False
        if self._listing.is_there:
            self._stage.violated("never caught up")
        return not self._listing.is_there


def simulate(
    seed: int, client: UnreliableRedis, parts: Parts = REAL, trace: Callable[[str], None] | None = None
) -> Outcome:
    """Run one seed on a Valkey that this empties."""
    return Simulation(seed, client, parts, trace).run()


def _without_redis(work: Callable[[], object]) -> None:
    """A listener or a pump whom Redis does not answer comes again."""
    try:
        work()
    except LedgerUnavailable:
        return


def _limits(dice: random.Random) -> StoreLimits:
    stamped = dice.choice((None, Limit(3, 10), Limit(4, 5), Limit(6, 20)))
    ipaas = dice.choice((None, None, Limit(5, 10)))
    return StoreLimits(concurrent=dice.randint(1, 3), stamped=stamped, ipaas=ipaas)
