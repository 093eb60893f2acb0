"""What Prometheus reads at Flower's `/metrics`, after Flower's own metrics: the ledger's state and its counts.

No metric's name or label holds anything about a customer.
"""

from __future__ import annotations

import re
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from itertools import accumulate, product
from typing import TYPE_CHECKING, Final

import prometheus_client
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from worker.app import app
from worker.config.faults import ConfigurationError
from worker.effects import Effect
from worker.jobs.calls import Api
from worker.jobs.errors import NotAccepted
from worker.jobs.job import Kind
from worker.ledger import LedgerUnavailable
from worker.ledger.scripting import source
from worker.ledger.views.totals import met_without_row
from worker.monitor.page import Page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from prometheus_client.core import Metric

    from worker.connections import Connections
    from worker.ledger import Ledger
    from worker.ledger.processes import Process
    from worker.ledger.views.activity import Group
    from worker.ledger.views.figures import Figures, Use
    from worker.ledger.views.totals import Totals

    Sample = tuple[Sequence[str], float]

PREFIX: Final = "stamped_sync_"
SWEEP_COUNTS: Final = re.findall(r"(\w+) = #\1\b", source(Effect.SWEEP))
"""The names under which `sweep.lua` counts what it brings back: `due = #due` and so on. Each shows from the start, for
Prometheus' `increase` does not see a series' first value."""
REFUSALS: Final = [each.entry.code for each in NotAccepted.__subclasses__()]
"""Why a notification can be refused; each shows from the start too."""
BOUNDS_MS: Final = re.findall(r"\d+", source(Effect.COMPLETE).partition("ATTEMPT_BOUNDS_MS = {")[2].partition("}")[0])
"""The bounds by which the scripts count how long attempts took, as they stand in the script that ends a job."""


class Metrics(Page):
    """Replaces Flower's `/metrics`, and reads the ledger in a thread. Like Flower's own it needs no login."""

    async def get(self) -> None:
        """Answer in Prometheus' text format."""
        self.application.purge_offline_worker_metrics()
        self.set_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        self.write(await self.in_lane(self.lanes.scrapes, prometheus_client.generate_latest))


class LedgerCollector(Collector):
    """Reads the ledger at each scrape."""

    def __init__(
        self,
        ledger: Callable[[], Ledger] = lambda: app.reloader.ledger,
        connections: Callable[[], Connections] = lambda: app.runtime.connections,
    ) -> None:
        self._ledger = ledger
        self._connections = connections

    def describe(self) -> Iterable[Metric]:
        """Read nothing when the collector is registered: Redis may not be there yet."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Every metric; if the ledger can't be read, only the one that says so.

        It is read also while the connections file has faults: these have a metric of their own.
        """
        try:
            found = [*_everything(self._ledger()), self._lives()]
        except LedgerUnavailable:
            found = []
        yield _gauge("up", "1 if the ledger in Redis could be read.", (), [((), float(bool(found)))])
        yield from found

    def _lives(self) -> Metric:
        """How long the API keys live; none as long as there has been no configuration without faults."""
        left = "Seconds until the iPaaS.com API key expires, if the connection says when; below 0 once it has."
        found: list[Sample] = []
        with suppress(ConfigurationError):
            found.extend(_tokens(self._connections()))
        return _gauge("token_expires_seconds", left, ("connection",), found)


def register() -> None:
    """Add the ledger's metrics to Flower's `/metrics`."""
    prometheus_client.REGISTRY.register(LedgerCollector())


def _everything(ledger: Ledger) -> Iterator[Metric]:
    figures = ledger.figures()
    yield from _state(figures)
    yield from _failures(ledger.activity.groups())
    yield from _configuration(ledger.processes.running())
    yield from _counts(figures.totals)


# The state now -----------------------------------------------------------------------------------------------


def _state(figures: Figures) -> Iterator[Metric]:
    yield _gauge("jobs", "Jobs in the ledger.", ("kind", "state"), _jobs(figures))
    lengths = [((queue,), size) for queue, size in figures.queues.items()]
    yield _gauge("queue_messages", "Messages in a queue.", ("queue",), lengths)
    longest = "How long the job has waited that waits longest for its turn."
    yield _gauge("oldest_queued_seconds", longest, ("connection", "kind"), _waits(figures))
    holds = [((str(hold.system_id), hold.code), 1.0) for hold in figures.holds]
    yield _gauge("hold", "1 while a connection is held.", ("connection", "code"), holds)
    listed = [((), figures.refusals.listed)]
    yield _gauge("listed_refusals", "Refused notifications that are kept, to be read one by one.", (), listed)
    lost = "Jobs that vanished from Redis; without a connection, those of which only the record was missing."
    yield _gauge("vanished_jobs", lost, ("connection", "kind"), _vanished(figures))
    unknown = [((str(system_id),), count) for system_id, count in figures.unknown.items()] if figures.limits else []
    yield _gauge("unknown_connection_jobs", "Jobs of a connection that is not configured.", ("connection",), unknown)
    swept = figures.seconds_since_sweep
    yield _gauge("seconds_since_sweep", "How long ago a sweep began.", (), [] if swept is None else [((), swept)])
    yield from _throttles(figures.uses)


def _failures(groups: Sequence[Group]) -> Iterator[Metric]:
    labels = ("connection", "kind", "code")
    labelled = [((str(each.system_id), each.kind.value, each.code), each) for each in groups]
    failed = [(values, each.count) for values, each in labelled]
    yield _gauge("failed_jobs", "Failed jobs by error.", labels, failed)
    suspicious = [(values, float(each.is_suspicious)) for values, each in labelled]
    yield _gauge("suspicious", "1 if an error fails every job of a connection.", labels, suspicious)


def _configuration(processes: Sequence[Process]) -> Iterator[Metric]:
    faults = max((each.fault_count for each in processes), default=0)
    yield _gauge("configuration_faults", "Faults for which the files are not taken.", (), [((), faults)])
    counts = Counter((each.role, each.fingerprint, each.version) for each in processes)
    yield _gauge("processes", "Processes, by what they run by.", ("role", "configuration", "version"), counts.items())


def _jobs(figures: Figures) -> Iterator[Sample]:
    for kind in Kind:
        for state, count in figures.by_state(kind=kind).items():
            yield (kind.value, state.value), count


def _waits(figures: Figures) -> Iterator[Sample]:
    for store, kind in product(figures.stores.values(), Kind):
        yield (str(store.system_id), kind.value), _seconds_since(store.oldest_queued[kind])


def _vanished(figures: Figures) -> Iterator[Sample]:
    for store, kind in product(figures.stores.values(), Kind):
        yield (str(store.system_id), kind.value), store.presence[kind].vanished
    for kind in Kind:
        yield ("", kind.value), met_without_row(figures.totals, kind)


def _tokens(connections: Connections) -> Iterator[Sample]:
    now = datetime.now(UTC)
    for each in connections:
        if at := each.ipaas.expires_at:
            yield (str(each.system_id),), (at - now).total_seconds()


def _throttles(found: Sequence[Use]) -> Iterator[Metric]:
    def of_each(name: str, help_text: str, value: Callable[[Use], int]) -> Metric:
        return _gauge(name, help_text, ("connection",), [((str(use.system_id),), value(use)) for use in found])

    yield of_each("connection_queued", "Jobs that wait for their turn.", lambda use: use.queued)
    yield of_each("connection_under_way", "Jobs with a message or a worker.", lambda use: use.under_way)
    yield of_each("connection_concurrent", "Jobs that may be under way.", lambda use: use.concurrent)
    of_apis = [
        ((str(use.system_id), Api.STAMPED), use.stamped_calls, use.stamped_limit) for use in found if use.stamped_limit
    ]
    of_apis += [((str(use.system_id), Api.IPAAS), use.ipaas_calls, use.ipaas_limit) for use in found if use.ipaas_limit]
    calls, limits = ([(labels, each[place]) for labels, *each in of_apis] for place in (0, 1))
    yield _gauge("throttle_used", "Calls that count against the limit.", ("connection", "api"), calls)
    yield _gauge("throttle_limit", "Calls that the throttle allows in its window.", ("connection", "api"), limits)


def _seconds_since(moment: datetime | None) -> float:
    return max((datetime.now(UTC) - moment).total_seconds(), 0) if moment else 0


# The counts that only grow -----------------------------------------------------------------------------------


def _counts(totals: Totals) -> Iterator[Metric]:
    yield _counter("attempts", "Attempts that ended.", ("kind", "outcome", "code"), totals, "attempts")
    yield _durations(totals)
    yield _counter("api_calls", "Calls of an API.", ("api", "method", "status"), totals, "calls")
    yield _counter("api_call_seconds", "Time in calls of an API.", ("api",), totals, "call_ms", scale=0.001)
    yield _counter("holds", "Holds that began.", ("connection", "code"), totals, "holds")
    refused = {("refused", code): 0 for code in REFUSALS} | totals
    yield _counter("refused_notifications", "Notifications that were refused.", ("code",), refused, "refused")
    swept: Totals = {("swept", name, kind): 0 for name, kind in product(SWEEP_COUNTS, Kind)} | totals
    yield _counter("unremembered", "Attempts whose event Redis refused.", ("kind",), totals, "unremembered")
    yield _counter("swept", "What the sweep brought back.", ("found", "kind"), swept, "swept")


def _durations(totals: Totals) -> Metric:
    histogram = HistogramMetricFamily(f"{PREFIX}attempt_seconds", "How long attempts took.", labels=["kind"])
    for kind in Kind:
        within = accumulate(totals.get(("attempts_within", kind, bound), 0) for bound in BOUNDS_MS)
        buckets = [(str(int(bound) / 1000), count) for bound, count in zip(BOUNDS_MS, within, strict=True)]
        count = sum(value for name, value in totals.items() if name[:2] == ("attempts", kind))
        seconds = totals.get(("attempt_ms", kind), 0) / 1000
        histogram.add_metric([kind.value], [*buckets, ("+Inf", count)], seconds)
    return histogram


# Families ----------------------------------------------------------------------------------------------------


def _gauge(name: str, help_text: str, labels: Sequence[str], samples: Iterable[Sample]) -> Metric:
    family = GaugeMetricFamily(PREFIX + name, help_text, labels=labels)
    for values, value in samples:
        family.add_metric(list(values), value)
    return family


def _counter(name: str, help_text: str, labels: Sequence[str], totals: Totals, of: str, *, scale: float = 1) -> Metric:
    family = CounterMetricFamily(PREFIX + name, help_text, labels=labels)
    for (counted, *values), count in sorted(totals.items()):
        if counted == of:
            family.add_metric(values, count * scale)
    return family
