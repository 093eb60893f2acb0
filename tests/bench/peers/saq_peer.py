"""SAQ with aiohttp."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import aiohttp
from saq import Queue

from tests.bench.peers.clients import by_aiohttp
from tests.bench.peers.transferring import REDIS, THREADS, transfer_async

if TYPE_CHECKING:
    from collections.abc import Iterable

queue = Queue.from_url(REDIS)


async def open_session(context: Any) -> None:
    """Open the one session of a worker's process."""
    context["call"] = by_aiohttp(aiohttp.ClientSession())


async def transfer_customer(context: Any, *, customer_id: int) -> None:
    """Transfer a customer."""
    await transfer_async(context["call"], customer_id)


# By default a worker looks for what a killed one had every minute.
settings = {
    "queue": queue,
    "functions": [transfer_customer],
    "concurrency": THREADS,
    "startup": open_session,
    "timers": {"sweep": 2},
}


def enqueue(customer_ids: Iterable[int], _: int) -> None:
    """Ask for customers."""
    asyncio.run(_enqueue(customer_ids))


async def _enqueue(customer_ids: Iterable[int]) -> None:
    await queue.connect()
    for customer_id in customer_ids:
        # A job that is found stuck, as its worker was killed, is run again only if it may be tried twice.
        await queue.enqueue("transfer_customer", customer_id=customer_id, timeout=5, retries=5)
    await queue.disconnect()
