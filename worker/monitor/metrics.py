"""What Prometheus reads at Flower's `/metrics`, behind Flower's own: the ledger's state and its counts.

No name of a metric or a label holds anything of a customer.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from itertools import product
from typing import TYPE_CHECKING, Final

import prometheus_client
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from worker.app import app
from worker.config.faults import ConfigurationError
from worker.jobs.calls import Api
from worker.jobs.errors import ConnectionUnknown, CustomerIdInvalid, ScopeUnsupported, TriggerMalformed, TriggerOff
from worker.jobs.job import Kind
from worker.ledger import LedgerUnavailable
from worker.ledger.totals import met_without_row
from worker.monitor.page import Page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from prometheus_client.core import Metric

    from worker.ledger.activity import Group
    from worker.ledger.figures import Figures, Use
    from worker.ledger.totals import Totals
    from worker.runtime import Runtime

    Sample = tuple[Sequence[str], float]

PREFIX: Final = "stamped_sync_"
"""The APIs by the names that calls are counted under: see `Runtime`."""
FOUND: Final = ("due", "dead", "lost")
"""What `sweep.lua` counts; each shows from the start, for `increase` does not see a series' first value."""
REFUSALS: Final = tuple(
    each.entry.code for each in (TriggerMalformed, CustomerIdInvalid, ConnectionUnknown, ScopeUnsupported, TriggerOff)
)
"""Why a notification can be refused; each shows from the start too."""
BOUNDS_MS: Final = (100, 250, 500, 1000, 2500, 5000, 10000, 30000)
"""Those of `ATTEMPT_BOUNDS_MS` in `_job.lua`."""


class Metrics(Page):
    """Flower's `/metrics`, which reads the ledger in a thread; like Flower's own it needs no login."""

    async def get(self) -> None:
        """Answer in Prometheus' text format."""
        self.application.purge_offline_worker_metrics()
        self.set_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        self.write(await self.in_lane(self.lanes.scrapes, prometheus_client.generate_latest))


class LedgerCollector(Collector):
    """Reads the ledger at each scrape."""

    def __init__(self, runtime: Callable[[], Runtime] = lambda: app.runtime) -> None:
        self._runtime = runtime

    def describe(self) -> Iterable[Metric]:
        """Nothing is read when the collector is registered: Redis may not be there yet."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Every metric; where the ledger can't be read, that alone."""
        try:
            found = list(_everything(self._runtime()))
        except (LedgerUnavailable, ConfigurationError):
            found = []
        yield _gauge("up", "1 if the ledger in Redis could be read.", (), [((), float(bool(found)))])
        yield from found


def register() -> None:
    """Let Flower's `/metrics` show the ledger's too."""
    prometheus_client.REGISTRY.register(LedgerCollector())


def _everything(runtime: Runtime) -> Iterator[Metric]:
    figures = runtime.ledger.figures()
    yield from _state(figures)
    yield from _failures(runtime.ledger.activity.groups())
    yield from _counts(figures.totals)


# The state now -----------------------------------------------------------------------------------------------


def _state(figures: Figures) -> Iterator[Metric]:
    yield _gauge("jobs", "Jobs in the ledger.", ("kind", "state"), _jobs(figures))
    lengths = [((queue,), size) for queue, size in figures.queues.items()]
    yield _gauge("queue_messages", "Messages in a queue.", ("queue",), lengths)
    told = "How long the job has waited that waits longest for its turn."
    yield _gauge("oldest_queued_seconds", told, ("connection", "kind"), _waits(figures))
    holds = [((str(hold.system_id), hold.code), 1.0) for hold in figures.holds]
    yield _gauge("hold", "1 while a connection is held.", ("connection", "code"), holds)
    listed = [((), figures.refusals.listed)]
    yield _gauge("listed_refusals", "Refused notifications that are kept, to be read one by one.", (), listed)
    told = "Jobs that vanished from Redis; without a connection, those whose record alone was missing."
    yield _gauge("vanished_jobs", told, ("connection", "kind"), _vanished(figures))
    swept = figures.seconds_since_sweep
    yield _gauge("seconds_since_sweep", "How long ago a sweep began.", (), [] if swept is None else [((), swept)])
    yield from _throttles(figures.uses)


def _failures(groups: Sequence[Group]) -> Iterator[Metric]:
    labels = ("connection", "kind", "code")
    counts = [((str(each.system_id), each.kind.value, each.code), each) for each in groups]
    failed = [(values, each.count) for values, each in counts]
    yield _gauge("failed_jobs", "Failed jobs by error.", labels, failed)
    suspicious = [(values, float(each.is_suspicious)) for values, each in counts]
    yield _gauge("suspicious", "1 if an error fails every job of a connection.", labels, suspicious)


def _jobs(figures: Figures) -> Iterator[Sample]:
    for kind in Kind:
        for state, count in asdict(figures.counts(kind)).items():
            yield (kind.value, state), count


def _waits(figures: Figures) -> Iterator[Sample]:
    for store, kind in product(figures.stores.values(), Kind):
        yield (str(store.system_id), kind.value), _seconds_since(store.oldest_queued[kind])


def _vanished(figures: Figures) -> Iterator[Sample]:
    for store, kind in product(figures.stores.values(), Kind):
        yield (str(store.system_id), kind.value), store.presence[kind].vanished
    for kind in Kind:
        yield ("", kind.value), met_without_row(figures.totals, kind)


def _throttles(found: Sequence[Use]) -> Iterator[Metric]:
    by_connection = {
        "connection_queued": ("Jobs that wait for their turn.", [use.queued for use in found]),
        "connection_under_way": ("Jobs with a message or a worker.", [use.under_way for use in found]),
        "connection_concurrent": ("Jobs that may be under way.", [use.concurrent for use in found]),
    }
    for name, (told, values) in by_connection.items():
        samples = [((str(use.system_id),), value) for use, value in zip(found, values, strict=True)]
        yield _gauge(name, told, ("connection",), samples)
    calls = [((str(use.system_id), Api.STAMPED), use.stamped_calls) for use in found]
    calls += [((str(use.system_id), Api.IPAAS), use.ipaas_calls) for use in found if use.ipaas_limit]
    limits = [((str(use.system_id), Api.STAMPED), use.stamped_limit) for use in found if use.stamped_limit]
    limits += [((str(use.system_id), Api.IPAAS), use.ipaas_limit) for use in found if use.ipaas_limit]
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
    swept: Totals = {("swept", found, kind): 0 for found, kind in product(FOUND, Kind)} | totals
    yield _counter("swept", "What the sweep brought back.", ("found", "kind"), swept, "swept")


def _durations(totals: Totals) -> Metric:
    histogram = HistogramMetricFamily(f"{PREFIX}attempt_seconds", "How long attempts took.", labels=["kind"])
    for kind in Kind:
        within = [totals.get(("attempts_within", kind, str(bound)), 0) for bound in BOUNDS_MS]
        buckets = [(str(bound / 1000), sum(within[: index + 1])) for index, bound in enumerate(BOUNDS_MS)]
        count = sum(value for name, value in totals.items() if name[:2] == ("attempts", kind))
        seconds = totals.get(("attempt_ms", kind), 0) / 1000
        histogram.add_metric([kind.value], [*buckets, ("+Inf", count)], seconds)
    return histogram


# Families ----------------------------------------------------------------------------------------------------


def _gauge(name: str, told: str, labels: Sequence[str], samples: Iterable[Sample]) -> Metric:
    family = GaugeMetricFamily(PREFIX + name, told, labels=labels)
    for values, value in samples:
        family.add_metric(list(values), value)
    return family


def _counter(name: str, told: str, labels: Sequence[str], totals: Totals, of: str, *, scale: float = 1) -> Metric:
    family = CounterMetricFamily(PREFIX + name, told, labels=labels)
    for (kept, *values), count in sorted(totals.items()):
        if kept == of:
            family.add_metric(values, count * scale)
    return family
