"""Dramatiq with its Redis broker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from tests.bench.peers.clients import transfer_by_requests
from tests.bench.peers.transferring import REDIS

if TYPE_CHECKING:
    from collections.abc import Iterable

# By default what a killed worker had comes back after a minute or more.
broker = RedisBroker(url=REDIS, heartbeat_timeout=5_000, maintenance_chance=100_000)
dramatiq.set_broker(broker)


@dramatiq.actor
def transfer_customer(customer_id: int) -> None:
    """Transfer a customer."""
    transfer_by_requests(customer_id)


def enqueue(customer_ids: Iterable[int], _: int) -> None:
    """Ask for customers."""
    for customer_id in customer_ids:
        transfer_customer.send(customer_id)
