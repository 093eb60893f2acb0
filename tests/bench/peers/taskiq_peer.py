"""Taskiq with its Redis list as the queue, and aiohttp."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import aiohttp
from taskiq import TaskiqEvents
from taskiq_redis import ListQueueBroker

from tests.bench.peers.clients import by_aiohttp
from tests.bench.peers.transferring import REDIS, transfer_async

if TYPE_CHECKING:
    from collections.abc import Iterable

broker = ListQueueBroker(REDIS)


@broker.on_event(TaskiqEvents.WORKER_STARTUP)
async def open_session(state: Any) -> None:
    """Open the one session of a worker's process."""
    state.call = by_aiohttp(aiohttp.ClientSession())


@broker.task(task_name="transfer")
async def transfer_customer(customer_id: int) -> None:
    """Transfer a customer."""
    await transfer_async(broker.state.call, customer_id)


def enqueue(customer_ids: Iterable[int], _: int) -> None:
    """Ask for customers."""
    asyncio.run(_enqueue(customer_ids))


async def _enqueue(customer_ids: Iterable[int]) -> None:
    await broker.startup()
    for customer_id in customer_ids:
        await transfer_customer.kiq(customer_id)
    await broker.shutdown()
