"""Huey on Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from huey import RedisHuey

from tests.bench.peers.clients import transfer_by_requests
from tests.bench.peers.transferring import REDIS

if TYPE_CHECKING:
    from collections.abc import Iterable

huey = RedisHuey("bench", url=REDIS, results=False)


@huey.task()
def transfer_customer(customer_id: int) -> None:
    """Transfer a customer."""
    transfer_by_requests(customer_id)


def enqueue(customer_ids: Iterable[int], _: int) -> None:
    """Ask for customers."""
    for customer_id in customer_ids:
        transfer_customer(customer_id)
