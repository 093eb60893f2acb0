"""The order of a run: rounds in which everybody has a turn, and then what is measured once."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Final

from tests.bench import commands, delays, growth, kills, sizes
from tests.bench.contestants import OURS, REFERENCE
from tests.bench.results import Results, Row
from tests.bench.stage import CREATES, SUBSCRIPTIONS, UPDATES, ContestantFailed
from tests.bench.statistics import rounded
from tests.bench.throughput import throughput
from tests.parts import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.bench.contestants import Contestant
    from tests.bench.fake_apis import FakeApis
    from tests.bench.plan import Plan
    from tests.bench.throughput import Figures

SAVED: Final = ROOT / "build" / "benchmarks.json"
WORKS: Final = {work.name: work for work in (UPDATES, CREATES, SUBSCRIPTIONS)}


class Bench:
    """One run."""

    def __init__(self, plan: Plan, apis: FakeApis, results: Results) -> None:
        self._plan, self._apis, self._results = plan, apis, results
        self._queues = [each for each in plan.contestants if each.has_queue]
        self._has_ours = OURS in plan.contestants

    def run(self) -> None:
        """Measure everything that the plan names."""
        for number in range(1, self._plan.rounds + 1):
            for work in (each for each in WORKS if each in self._plan.measures):
                self._round(work, number)
            if "delays" in self._plan.measures:
                self._delays(number)
        once = {
            "bursts": self._bursts,
            "kills": self._kills,
            "bytes": self._bytes,
            "commands": self._commands,
            "waiting": self._waiting,
            "stores": self._stores,
        }
        for measure, act in once.items():
            if measure in self._plan.measures:
                act()

    def _round(self, work: str, number: int) -> None:
        """Everybody once, at each latency. The reference is measured at no latency, whatever is asked for."""
        for latency_ms in dict.fromkeys([0, *self._plan.latencies]):
            for contestant in self._plan.contestants:
                is_asked_for = latency_ms in self._plan.latencies or contestant is REFERENCE
                if is_asked_for and (contestant.is_ours or work != SUBSCRIPTIONS.name):
                    self._throughput(work, contestant, latency_ms, number)

    def _throughput(self, work: str, contestant: Contestant, latency_ms: int, number: int) -> None:
        seconds = self._plan.seconds
        measure = partial(throughput, self._apis, contestant, WORKS[work], latency_ms=latency_ms, seconds=seconds)
        self._note(Row(work, contestant.name, latency_ms, number, {}), measure)

    def _delays(self, number: int) -> None:
        """At each latency; quickly, at the first alone."""
        for latency_ms in self._plan.latencies[: 1 if self._plan.is_quick else None]:
            for each in self._queues:
                self._note(Row("delays", each.name, latency_ms, number, {}), partial(self._delay, each, latency_ms))

    def _delay(self, contestant: Contestant, latency_ms: int) -> Figures:
        rate = self._results.middle(UPDATES.name, contestant.name, latency_ms, "per_second")
        if not rate:
            rate = throughput(self._apis, contestant, latency_ms=latency_ms, seconds=self._plan.seconds)["per_second"]
        seconds = self._plan.seconds
        return delays.half_load(self._apis, contestant, per_second=rate, latency_ms=latency_ms, seconds=seconds)

    def _bursts(self) -> None:
        for latency_ms in self._plan.latencies:
            for each in self._queues:
                measure = partial(delays.burst, self._apis, each, latency_ms=latency_ms)
                self._note(Row("bursts", each.name, latency_ms, 1, {}), measure)

    def _kills(self) -> None:
        for each in self._plan.contestants:
            if each.kind != "floor":
                self._note(Row("kills", each.name, kills.LATENCY_MS, 1, {}), partial(kills.kills, self._apis, each))

    def _bytes(self) -> None:
        """Once for each kind of queue: processes and threads make no difference. Quickly, only this worker's."""
        jobs = sizes.QUICK_JOBS if self._plan.is_quick else sizes.JOBS
        chosen = {each.module: each for each in reversed(self._queues)}.values()
        for each in reversed([*chosen]):
            if each.is_ours or not self._plan.is_quick:
                self._note(Row("bytes", each.name, 0, 1, {}), partial(sizes.sizes, self._apis, each, jobs))

    def _commands(self) -> None:
        for name in commands.COMMANDS if self._has_ours else ():
            self._note(Row("commands", name, 0, 1, {}), partial(commands.commands, self._apis, name))

    def _waiting(self) -> None:
        for jobs in growth.WAITING if self._has_ours else ():
            self._note(Row("waiting", OURS.name, jobs, 1, {}), partial(growth.waiting, self._apis, jobs))

    def _stores(self) -> None:
        for count in growth.STORES if self._has_ours else ():
            self._note(Row("stores", OURS.name, count, 1, {}), partial(growth.stores, self._apis, count))

    def _note(self, row: Row, measure: Callable[[], Figures]) -> None:
        """Measure, print and keep; whoever fails is noted, and the others go on."""
        began = time.monotonic()
        try:
            row.figures.update(measure())
        except ContestantFailed as error:
            self._results.failures.append(f"{row.measure}, {row.at}: {error}")
            print(f"{row.measure} {row.contestant}: FAILED {error}", flush=True)
            return
        self._results.add(row)
        self._results.save(SAVED)
        shown = "  ".join(f"{name} {rounded(value)}" for name, value in row.figures.items())
        where = f"{row.round} {row.measure:9} {row.at:7,}  {row.contestant:18}"
        print(f"{where} {shown}  [{time.monotonic() - began:.1f} s]", flush=True)
