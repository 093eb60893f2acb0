"""Celery, as its documentation shows it, with late acknowledgement so that a killed worker's tasks come back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from celery import Celery

from tests.bench.peers.clients import transfer_by_requests
from tests.bench.peers.transferring import REDIS

if TYPE_CHECKING:
    from collections.abc import Iterable

app = Celery("bench", broker=REDIS)
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    worker_prefetch_multiplier=1,
    # By default what a killed worker had comes back after an hour.
    broker_transport_options={
        "visibility_timeout": 10,
        "unacked_restore_interval": 2,
        "unacked_restore_throttle": 1,
    },
)


@app.task(name="transfer")
def transfer_customer(customer_id: int) -> None:
    """Transfer a customer."""
    transfer_by_requests(customer_id)


def enqueue(customer_ids: Iterable[int], _: int) -> None:
    """Ask for customers."""
    for customer_id in customer_ids:
        transfer_customer.delay(customer_id)
