"""Counts what jobs came to, from the ledger."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from worker.jobs.job import Job, Kind, State
from worker.jobs.pages import pages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.ledger import Ledger, Record


@dataclass
class Tally:
    """How many jobs came to what, of some customers."""

    customers: Counter[str] = field(default_factory=Counter)
    """Customer jobs that are done, by action."""
    subscriptions: Counter[str] = field(default_factory=Counter)
    """Subscription jobs that are done, by action."""
    failed: dict[Job, str] = field(default_factory=dict)
    """The codes of failed jobs of both kinds."""
    stamped_ids: dict[str, str] = field(default_factory=dict)
    """The Stamped.io customers that customer jobs wrote to, by customer id."""

    @property
    def customers_failed(self) -> int:
        """How many customer jobs failed."""
        return sum(job.kind is Kind.CUSTOMER for job in self.failed)


@dataclass(frozen=True)
class Standing:
    """How far the jobs are."""

    settled: int
    """Customer jobs that are done or failed."""
    waiting: int
    """Jobs of both kinds that rest until a retry is due."""
    open: int
    """Jobs of both kinds that are not settled."""


def standing(ledger: Ledger) -> Standing:
    """How far the jobs are, of all customers."""
    # In this order: a customer job asks for its subscription job in the step that ends it, so none falls between.
    each = [ledger.counts(kind) for kind in (Kind.CUSTOMER, Kind.SUBSCRIPTION)]
    return Standing(
        settled=each[0].done + each[0].failed,
        waiting=sum(counts.waiting for counts in each),
        open=sum(counts.queued + counts.sent + counts.running + counts.waiting for counts in each),
    )


def tally(ledger: Ledger, system_id: int, customer_ids: Sequence[str]) -> Tally:
    """What the latest transfer of each of these customers came to, and its subscription where one was needed."""
    counted = Tally()
    for page in pages(customer_ids):
        records = ledger.records([Job(Kind.CUSTOMER, system_id, each) for each in page])
        customers = [record for record in records if record]
        asked = [record.job.subscription for record in customers if record.subscription_version]
        for record in [*customers, *filter(None, ledger.records(asked))]:
            _count(counted, record)
    return counted


def _count(counted: Tally, record: Record) -> None:
    if record.state is State.FAILED and record.failure:
        counted.failed[record.job] = record.failure.code
    elif record.state is State.DONE and record.action:
        by_action = counted.customers if record.job.kind is Kind.CUSTOMER else counted.subscriptions
        by_action[record.action] += 1
        if record.stamped_id and record.job.kind is Kind.CUSTOMER:
            counted.stamped_ids[record.job.customer_id] = record.stamped_id
