"""Chaos: triggers and changes of customers, while processes are killed, stopped, frozen and cut off at random."""

from __future__ import annotations

import contextlib
import subprocess
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import cycle, islice
from random import Random
from typing import IO, TYPE_CHECKING

from tests import parts
from tests.proofs.processes import Restartable, beat, python, worker
from tests.proofs.result import Result
from tests.proofs.stage import STANDSTILL_SECONDS, Stage, stage
from tests.proofs.truth import compare, failed_by_code, person
from worker.jobs.errors import LedgerUnavailable
from worker.sandbox.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WORKERS = 2
WAITING_SHARE = 0.5
"""Triggers are handed over while jobs of no more than this part of the customers wait: enough that some have a run of
their own, instead of one for many."""

ADDRESSES_CHANGED = 0.1
"""The part of the triggers before which the customer's e-mail address changes too."""


class Trouble(StrEnum):
    """What happens to a process."""

    WORKER_KILLED = "SIGKILL of a worker"
    WORKER_STOPPED = "SIGTERM of a worker"
    BEAT_KILLED = "SIGKILL of beat"
    BEAT_STOPPED = "SIGTERM of beat"
    REDIS_KILLED = "SIGKILL and restart of Redis"
    REDIS_FROZEN = "SIGSTOP of Redis"
    KILLED_WHILE_FROZEN = "SIGKILL of a worker while Redis is frozen"
    CONNECTIONS_CUT = "cut of every connection to Redis"


@dataclass(frozen=True)
class Plan:
    """How much is done, all of it drawn from one seed."""

    triggers: int
    customers: int
    troubles: int
    seed: int = 1


class Listener:
    """The process that hands triggers over, and what it has handed over."""

    def __init__(self, env: dict[str, str], log: IO[bytes]) -> None:
        command = python("-m", "tests.proofs.listener")
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, env=env, stdin=pipe, stdout=pipe, stderr=log, text=True)
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()
        self.given = 0
        self.accepted: Counter[str] = Counter()
        self.repeated = 0

    def give(self, customer_id: str) -> None:
        """Let it hand over a trigger."""
        assert self._process.stdin
        self._process.stdin.write(f"{customer_id}\n")
        self._process.stdin.flush()
        self.given += 1

    @property
    def waiting(self) -> int:
        """How many triggers it still holds."""
        return self.given - self.accepted.total()

    def close(self) -> int:
        """Wait until all are handed over; its exit code."""
        assert self._process.stdin
        self._process.stdin.close()
        self._reading.join()
        assert self._process.stdout
        self._process.stdout.close()
        return self._process.wait()

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            customer_id, tries = line.split()
            self.accepted[customer_id] += 1
            self.repeated += int(tries) - 1


@dataclass
class Chaos:
    """One run."""

    plan: Plan
    stage: Stage
    listener: Listener
    workers: list[Restartable]
    beat: Restartable
    happened: Counter[Trouble] = field(default_factory=Counter)
    longest_stop: float = 0

    def __post_init__(self) -> None:
        self._random = Random(self.plan.seed)  # noqa: S311 - chances, not secrets
        self._places = dict(zip(self._moments(), self._troubles(), strict=True))

    def run(self) -> None:
        """Hand everything over among troubles, and wait until nothing is left to do."""
        for number in range(self.plan.triggers):
            self._change_and_trigger()
            if trouble := self._places.get(number):
                self._wait_for_room()
                self._bring(trouble)
            elif number % 5 == 0:
                self._wait_for_room()

    def _moments(self) -> list[int]:
        return sorted(self._random.sample(range(self.plan.triggers), self.plan.troubles))

    def _troubles(self) -> list[Trouble]:
        troubles = list(islice(cycle(Trouble), self.plan.troubles))
        self._random.shuffle(troubles)
        return troubles

    def _change_and_trigger(self) -> None:
        """Change a customer in iPaaS.com and hand its trigger over."""
        number = self._random.randint(1, self.plan.customers)
        version, is_subscribed = self.listener.given + 1, self._random.choice((True, False))
        changes = person(number, version, subscribed=is_subscribed, address=version)
        if not self._changes_address(str(number)):
            del changes["email_address"]
        del changes["external_ids"]
        self.stage.sandbox.patch_customer(str(number), changes)
        self.listener.give(str(number))

    def _changes_address(self, customer_id: str) -> bool:
        """Whether an address changes: only with a link, for docs/decisions/0001 says what can't hold without one."""
        return self._random.random() < ADDRESSES_CHANGED and customer_id in self.stage.sandbox.links[parts.SYSTEM]

    def _wait_for_room(self) -> None:
        since = time.monotonic()
        while time.monotonic() - since < STANDSTILL_SECONDS:
            with contextlib.suppress(LedgerUnavailable):
                if (
                    self.listener.waiting + self.stage.ledger.backlog(parts.SYSTEM)
                    < self.plan.customers * WAITING_SHARE
                ):
                    return
            time.sleep(0.02)

    def _bring(self, trouble: Trouble) -> None:
        self.happened[trouble] += 1
        hit = self._random.choice(self.workers)
        server = self.stage.server
        match trouble:
            case Trouble.WORKER_KILLED:
                _killed(hit)
            case Trouble.WORKER_STOPPED:
                self._stopped(hit)
            case Trouble.BEAT_KILLED:
                _killed(self.beat)
            case Trouble.BEAT_STOPPED:
                self._stopped(self.beat)
            case Trouble.REDIS_KILLED:
                server.restart(self._random.uniform(0, 1))
            case Trouble.REDIS_FROZEN:
                with server.frozen(self._random.uniform(0.5, 2)):
                    pass
            case Trouble.KILLED_WHILE_FROZEN:
                with server.frozen(self._random.uniform(0.5, 2)):
                    _killed(hit)
            case Trouble.CONNECTIONS_CUT:
                server.cut()

    def _stopped(self, process: Restartable) -> None:
        self.longest_stop = max(self.longest_stop, process.stop())
        process.start()


def _killed(process: Restartable) -> None:
    process.kill()
    process.start()


def prove(folder: Path, server: str, plan: Plan) -> Result:
    """Bring chaos over a server of one make, and compare both sides."""
    result = Result(f"Chaos on {server}")
    sandbox = Sandbox([person(number) for number in range(1, plan.customers + 1)])
    started = time.monotonic()
    with stage(folder, sandbox, server) as made, chaos(made, plan) as run:
        run.run()
        result.must(run.listener.close() == 0, "the listener ended with an error")
        left = made.rest()
        failed = failed_by_code(made.ledger)
        stops = [process.stop() for process in (*run.workers, run.beat)]
        seconds = time.monotonic() - started
        accepted = run.listener.accepted
        sides = compare(sandbox, accepted)
    writes = sum(call.api == "stamped" and call.method == "POST" for call in sandbox.calls)
    result.say(f"{accepted.total():,} triggers for {len(accepted):,} customers, seed {plan.seed}, in {seconds:.0f} s")
    result.say(f"{writes:,} writes to Stamped.io, {run.listener.repeated:,} triggers given again, Redis being away")
    result.say(f"{run.happened.total()} faults")
    for trouble in Trouble:
        result.say(f"  {run.happened[trouble]:>4}  {trouble}")
    result.say(f"{sides}, jobs left {left}, failed {dict(failed) or 'none'}")
    result.say(f"longest warm stop {max(run.longest_stop, *stops):.1f} s")
    result.must(accepted.total() == plan.triggers, f"{plan.triggers - accepted.total()} triggers were not accepted")
    result.must(sides.is_clean, f"{sides}: {sides.lost[:3]} {sides.duplicated[:3]} {sides.stale[:3]}")
    result.must(not left, f"{left} jobs never end")
    result.must(not failed, f"failed jobs: {dict(failed)}")
    for process in (*run.workers, run.beat):
        result.must(not process.hung, f"SIGTERM did not end {process.log.stem} {process.hung} times")
        result.must(not process.crashed, f"{process.log.stem} ended by itself {process.crashed} times")
    return result


@contextlib.contextmanager
def chaos(made: Stage, plan: Plan) -> Iterator[Chaos]:
    """Workers, a beat and a listener on a stage."""
    with contextlib.ExitStack() as stack:
        workers = [
            stack.enter_context(worker(made.env, made.folder, f"worker{number}").running())
            for number in range(1, WORKERS + 1)
        ]
        clock = stack.enter_context(beat(made.env, made.folder).running())
        log = stack.enter_context((made.folder / "listener.log").open("wb"))
        yield Chaos(plan, made, Listener(made.env, log), workers, clock)
