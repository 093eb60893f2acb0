"""Arq with httpx."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar

import httpx
from arq import create_pool
from arq.connections import RedisSettings

from tests.bench.peers.clients import by_httpx
from tests.bench.peers.transferring import REDIS, THREADS, transfer_async

if TYPE_CHECKING:
    from collections.abc import Iterable

REDIS_SETTINGS = RedisSettings.from_dsn(REDIS)


async def open_client(context: Any) -> None:
    """Open the one client of a worker's process."""
    context["call"] = by_httpx(httpx.AsyncClient())


async def transfer_customer(context: Any, customer_id: int) -> None:
    """Transfer a customer."""
    await transfer_async(context["call"], customer_id)


class WorkerSettings:
    """What `arq` runs."""

    functions: ClassVar = [transfer_customer]
    redis_settings = REDIS_SETTINGS
    on_startup = open_client
    max_jobs = THREADS
    keep_result = 0
    job_timeout = 5  # a job of a killed worker comes back after this and ten seconds; by default 300 and ten


def enqueue(customer_ids: Iterable[int], _: int) -> None:
    """Ask for customers."""
    asyncio.run(_enqueue(customer_ids))


async def _enqueue(customer_ids: Iterable[int]) -> None:
    pool = await create_pool(REDIS_SETTINGS)
    for customer_id in customer_ids:
        await pool.enqueue_job("transfer_customer", customer_id)
    await pool.aclose()
