"""Compares what the ledger says with what the sandbox holds, customer by customer."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from worker.ipaas.customer import Customer, live_link
from worker.jobs.errors import SyncError
from worker.jobs.job import Job, Kind
from worker.sandbox.stamped import SUBSCRIBED_AT_FIRST

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from worker.demo.tally import Tally
    from worker.mapping.mapping import Mapped
    from worker.mapping.mapping import Mapping as FieldMapping
    from worker.sandbox.sandbox import Sandbox


@dataclass(frozen=True)
class Audit:
    """What the sandbox holds, and everything in it that is not as it should be."""

    stamped: int
    """Customers in Stamped.io."""
    linked: int
    """Customers of iPaaS.com that have a link."""
    mismatches: tuple[str, ...]
    """A sentence for each, without personal data."""


@dataclass(frozen=True)
class _Expected:
    """What the mapping makes of the customers: what is to be sent, and the codes of the errors that jobs must meet."""

    mapped: Mapping[str, Mapped]
    failing: Mapping[Job, str]


def audit(sandbox: Sandbox, system_id: int, mapping: FieldMapping, told: Tally) -> Audit:
    """Compare; `told` is what the ledger says of every customer's first transfer."""
    links = {customer_id: link for customer_id, held in sandbox.links[system_id].items() if (link := live_link(held))}
    stamped, expected = sandbox.stamped_customers, _expected(sandbox, system_id, mapping)
    mismatches = [
        *_of_failures(expected, told),
        *_of_links(expected, told, links),
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


def _of_failures(expected: _Expected, told: Tally) -> Iterator[str]:
    for job in sorted(expected.failing.keys() | told.failed.keys(), key=str):
        meant, met = expected.failing.get(job, "no error"), told.failed.get(job, "no error")
        if meant != met:
            yield f"{job} should have come to {meant}, and came to {met}"


def _of_links(expected: _Expected, told: Tally, links: Mapping[str, str]) -> Iterator[str]:
    for customer_id in sorted(expected.mapped.keys() | links.keys()):
        link, written = links.get(customer_id), told.stamped_ids.get(customer_id)
        if link is None or link != written or customer_id not in expected.mapped:
            yield f"customer {customer_id} is linked to {link}, the ledger says {written}"


def _of_customers(
    expected: _Expected, links: Mapping[str, str], stamped: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:
    """Customers that share an e-mail address are one in Stamped.io, as the last of them was transferred."""
    sharing = defaultdict(list)
    for customer_id, link in links.items():
        if customer_id in expected.mapped:
            sharing[link].append(expected.mapped[customer_id])
    for stamped_id in sorted(stamped.keys() | sharing.keys()):
        held, mapped = stamped.get(stamped_id), sharing[stamped_id]
        if held is None or not mapped:
            yield f"Stamped.io's customer {stamped_id} is {'gone' if held is None else 'without a link'}"
        elif not any(each.payload.items() <= held.items() for each in mapped):
            yield f"Stamped.io's customer {stamped_id} does not hold what was mapped"
        elif held["isSubscribed"] not in _subscriptions(mapped):
            yield f"Stamped.io's customer {stamped_id} is not subscribed as was mapped"


def _subscriptions(mapped: list[Mapped]) -> set[bool]:
    """The states that a subscription may have: as one of the customers wants it, or as it was at first."""
    return {each.subscription for each in mapped if each.subscription is not None} or {SUBSCRIBED_AT_FIRST}
