"""What Prometheus reads at `/metrics` of one front door: how it has answered, and what it said of each notification.

No name or label holds anything about a customer or a sender. Only the event loop counts.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from worker.jobs.errors import NotAccepted
from worker.listen import answers
from worker.sync.triggers import Accepted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from worker.sync.triggers import Verdict

TRIGGERS: Final = "/triggers"
STATUSES: Final = (HTTPStatus.ACCEPTED, HTTPStatus.UNPROCESSABLE_ENTITY, *answers.ERRORS)
"""What a trigger can get. Each shows from the start, as Prometheus' `increase` does not see a series' first value."""
REFUSALS: Final = [each.entry.code for each in NotAccepted.__subclasses__()]
BOUNDS_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """Those of one process, from its start."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._answers = Counter(
            *("stamped_sync_listen_answers", "Requests that were answered, by path and status."),
            labelnames=("path", "status"),
            registry=self._registry,
        )
        self._verdicts = Counter(
            *("stamped_sync_listen_verdicts", "Verdicts on notifications; a trigger that can't be read has one."),
            labelnames=("verdict", "code"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            *("stamped_sync_listen_answer_seconds", "How long triggers took from their headers to their answer."),
            buckets=BOUNDS_SECONDS,
            registry=self._registry,
        )
        for status in STATUSES:
            self._answers.labels(TRIGGERS, str(int(status)))
        for labels in (("accepted", ""), ("coalesced", ""), *(("refused", code) for code in REFUSALS)):
            self._verdicts.labels(*labels)

    def answered(self, path: str, status: int, seconds: float) -> None:
        """Count an answer. `path`: a known one."""
        self._answers.labels(path, str(status)).inc()
        if path == TRIGGERS:
            self._seconds.observe(seconds)

    def judged(self, verdicts: Iterable[Verdict]) -> None:
        """Count what became of each notification of a trigger."""
        for each in verdicts:
            self._verdicts.labels(*_labels(each)).inc()

    def text(self) -> bytes:
        """All of it in Prometheus' text format."""
        return generate_latest(self._registry)


def _labels(verdict: Verdict) -> tuple[str, str]:
    if isinstance(verdict, Accepted):
        return "coalesced" if verdict.is_coalesced else "accepted", ""
    return "refused", verdict.error.failure.code
