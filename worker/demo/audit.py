"""What came of a demonstration: what the ledger says, and whether the sandbox holds the same, customer by customer."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from worker.demo.changes import FAULTS, REFUSED_CODES
from worker.ipaas.customer import Customer
from worker.jobs.errors import SyncError
from worker.jobs.job import Job, Kind, State, live_link, pages
from worker.sandbox.stamped import SUBSCRIBED_AT_FIRST

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from worker.ledger import Ledger, Record, Refusal
    from worker.mapping.mapping import Mapped
    from worker.mapping.mapping import Mapping as FieldMapping
    from worker.sandbox.sandbox import Sandbox


@dataclass
class Tally:
    """The outcomes of some customers' jobs."""

    customers: Counter[str] = field(default_factory=Counter)
    """Customer jobs that are done, by action."""
    subscriptions: Counter[str] = field(default_factory=Counter)
    """Subscription jobs that are done, by action."""
    failed: dict[Job, str] = field(default_factory=dict)
    """The error codes of failed jobs, of both kinds."""
    stamped_ids: dict[str, str] = field(default_factory=dict)
    """The id of the customer in Stamped.io that each customer job wrote, by the customer's id in iPaaS.com."""

    @property
    def customers_failed(self) -> int:
        """How many customer jobs failed."""
        return sum(job.kind is Kind.CUSTOMER for job in self.failed)


@dataclass(frozen=True)
class Standing:
    """How far the jobs of all customers are."""

    settled: int
    """Customer jobs that are done or failed."""
    waiting: int
    """Jobs of both kinds that wait for a retry."""
    open: int
    """Jobs of both kinds that are not settled."""


@dataclass(frozen=True)
class Audit:
    """What the sandbox holds, and everything that is wrong in it."""

    stamped: int
    """Customers in Stamped.io."""
    linked: int
    """Customers of iPaaS.com that have a link."""
    mismatches: tuple[str, ...]
    """What is wrong: a sentence each, without personal data."""


@dataclass(frozen=True)
class Result:
    """What came of a demonstration."""

    first: Tally
    """All customers, after the first load."""
    changed: Tally
    """The changed customers, after the second round."""
    refusals: Sequence[Refusal]
    faults: Counter[int | None]
    """How many calls met a fault: by HTTP status, None for a cut connection."""
    audit: Audit

    @property
    def mismatches(self) -> list[str]:
        """Everything that is wrong, a sentence each."""
        created, linked = self.first.customers["created"], self.audit.linked
        found = list(self.audit.mismatches)
        if created != linked:
            found.append(f"the ledger says that {created} were created, but iPaaS.com holds {linked} links")
        if Counter(refusal.code for refusal in self.refusals) != Counter(REFUSED_CODES):
            found.append(f"the refused triggers are not the expected ones: {', '.join(REFUSED_CODES)}")
        if self.faults.total() != (wanted := sum(fault.times or 0 for fault in FAULTS)):
            found.append(f"{self.faults.total()} calls met a fault, not {wanted}")
        return found


def standing(ledger: Ledger) -> Standing:
    """How far the jobs of all customers are."""
    # Customer jobs first: the step that ends one also asks for its subscription job, so the second count can't miss it.
    each = [ledger.counts(kind) for kind in (Kind.CUSTOMER, Kind.SUBSCRIPTION)]
    return Standing(
        settled=each[0].done + each[0].failed,
        waiting=sum(counts.waiting for counts in each),
        open=sum(counts.queued + counts.sent + counts.running + counts.waiting for counts in each),
    )


def tally(ledger: Ledger, system_id: int, customer_ids: Sequence[str]) -> Tally:
    """The outcome of each of these customers' latest transfer, and of its subscription job if it needed one."""
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


@dataclass(frozen=True)
class _Expected:
    """What the mapping makes of the customers: the values to send, and the errors with which jobs must fail."""

    mapped: Mapping[str, Mapped]
    failing: Mapping[Job, str]


def audit(sandbox: Sandbox, system_id: int, mapping: FieldMapping, recorded: Tally) -> Audit:
    """Compare the sandbox with what the ledger has recorded of every customer."""
    links = {customer_id: link for customer_id, held in sandbox.links[system_id].items() if (link := live_link(held))}
    stamped, expected = sandbox.stamped_customers, _expected(sandbox, system_id, mapping)
    mismatches = [
        *_of_failures(expected, recorded),
        *_of_links(expected, recorded, links),
        *_of_customers(expected, links, stamped),
    ]
    return Audit(len(stamped), len(links), tuple(mismatches))


def _expected(sandbox: Sandbox, system_id: int, mapping: FieldMapping) -> _Expected:
    mapped, failing = {}, {}
    for customer_id, fields in sandbox.customers.items():
        job = Job(Kind.CUSTOMER, system_id, customer_id)
        try:
            mapped[customer_id] = mapping.apply(Customer.read(fields))
        except SyncError as error:
            failing[job] = error.entry.code
        else:
            if unclear := mapped[customer_id].unclear_subscription:
                failing[job.subscription] = unclear.code
    return _Expected(mapped, failing)


def _of_failures(expected: _Expected, recorded: Tally) -> Iterator[str]:
    for job in sorted(expected.failing.keys() | recorded.failed.keys(), key=str):
        meant, met = expected.failing.get(job, "no error"), recorded.failed.get(job, "no error")
        if meant != met:
            yield f"{job} should have ended with {meant}, but ended with {met}"


def _of_links(expected: _Expected, recorded: Tally, links: Mapping[str, str]) -> Iterator[str]:
    for customer_id in sorted(expected.mapped.keys() | links.keys()):
        link, written = links.get(customer_id), recorded.stamped_ids.get(customer_id)
        if link is None or link != written or customer_id not in expected.mapped:
            yield f"customer {customer_id} is linked to {link}, but the ledger says {written}"


def _of_customers(
    expected: _Expected, links: Mapping[str, str], stamped: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:
    """Customers who share an e-mail address are one in Stamped.io, which holds what was transferred last."""
    sharing = defaultdict(list)
    for customer_id, link in links.items():
        if customer_id in expected.mapped:
            sharing[link].append(expected.mapped[customer_id])
    for stamped_id in sorted(stamped.keys() | sharing.keys()):
        held, mapped = stamped.get(stamped_id), sharing[stamped_id]
        if held is None or not mapped:
            yield f"Stamped.io's customer {stamped_id} {'is gone' if held is None else 'has no link'}"
        elif not any(each.payload.items() <= held.items() for each in mapped):
            yield f"Stamped.io's customer {stamped_id} does not hold the mapped values"
        elif held["isSubscribed"] not in _subscriptions(mapped):
            yield f"Stamped.io's customer {stamped_id} does not have the mapped subscription"


def _subscriptions(mapped: list[Mapped]) -> set[bool]:
    """The states that a subscription may have: whatever one of the customers wants, or else the state at first."""
    return {each.subscription for each in mapped if each.subscription is not None} or {SUBSCRIBED_AT_FIRST}
