"""Runs many seeds at once: a process for each core, each on a database of its own of one Valkey."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections import deque
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from tests import parts
from tests.simulation.broken import SWITCHED_OFF
from tests.simulation.process import REAL, Parts, UnreliableRedis
from tests.simulation.simulation import Outcome, simulate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PROCESSES = min(os.cpu_count() or 1, 8)


class Crew:
    """The processes."""

    def __init__(self, pool: ProcessPoolExecutor, url: str) -> None:
        self._pool = pool
        self._url = url

    def run(self, seeds: Iterable[int], until: float, without: str = "") -> Iterator[Outcome]:
        """The outcomes of the seeds, in their order; no seed is begun after `until`, by the monotonic clock."""
        under_way: deque[Future[Outcome]] = deque()
        for seed in seeds:
            if time.monotonic() > until:
                break
            under_way.append(self._pool.submit(_run, self._url, seed, without))
            if len(under_way) > 2 * PROCESSES:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()


@contextmanager
def crew() -> Iterator[Crew]:
    """A crew with its Valkey, for as long as it is needed."""
    context = multiprocessing.get_context("spawn")
    with parts.valkey() as url, ProcessPoolExecutor(PROCESSES, context) as pool:
        yield Crew(pool, url.removesuffix("/0"))
        pool.shutdown(cancel_futures=True)


def parts_without(safety: str) -> Parts:
    """What the simulation is built of, where a safety is switched off; the real parts without a name."""
    return next((each.without for each in SWITCHED_OFF if each.name == safety), REAL)


def _run(url: str, seed: int, without: str) -> Outcome:
    return simulate(seed, _client(url), parts_without(without))


@cache
def _client(url: str) -> UnreliableRedis:
    """This process' database: the number by which its pool started it, from 1."""
    number = multiprocessing.current_process()._identity[0]  # noqa: SLF001 - there is no public one
    client = UnreliableRedis.from_url(f"{url}/{number % 16}", decode_responses=True)
    assert isinstance(client, UnreliableRedis)
    return client
