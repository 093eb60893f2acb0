"""RQ; its workers do not fork for each job, so that they can keep their connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from redis import Redis
from rq import Queue, Retry

from tests.bench.peers.clients import transfer_by_requests
from tests.bench.peers.transferring import REDIS

if TYPE_CHECKING:
    from collections.abc import Iterable


def transfer_customer(customer_id: int) -> None:
    """Transfer a customer."""
    transfer_by_requests(customer_id)


def enqueue(customer_ids: Iterable[int], _: int) -> None:
    """Ask for customers."""
    queue = Queue(connection=Redis.from_url(REDIS))
    for customer_id in customer_ids:
        queue.enqueue(transfer_customer, customer_id, result_ttl=0, job_timeout=5, retry=Retry(max=5))
