"""Asks a contestant for customers: `python -m tests.bench.peers NAME COUNT`, all at once or at a pace."""

from __future__ import annotations

import argparse
import importlib
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.fake_apis import FIRST_ID

if TYPE_CHECKING:
    from collections.abc import Iterator

AT_ONCE = 3_000
"""How many notifications one trigger can hold."""


def customer_ids(count: int, times: int, behind: int) -> Iterator[int]:
    """Every customer as often as it is asked for: all of them once, then all of them again."""
    for _ in range(times):
        yield from range(FIRST_ID + behind, FIRST_ID + behind + count)


def paced(ids: Iterator[int], rate: float, noted: list[tuple[int, int]]) -> Iterator[int]:
    """The ids at this rate a second, 0 for at once; each is noted with its moment on the monotonic clock."""
    began = time.monotonic()
    for place, customer_id in enumerate(ids):
        if rate:
            time.sleep(max(0, began + place / rate - time.monotonic()))
        noted.append((customer_id, time.monotonic_ns()))
        yield customer_id


def main() -> None:
    """Ask."""
    parser = argparse.ArgumentParser()
    parser.add_argument("module")
    parser.add_argument("count", type=int)
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--behind", type=int, default=0, help="how many customers are left out in front")
    parser.add_argument("--rate", type=float, default=0)
    parser.add_argument("--noted", type=Path, help="a file for the moment at which each was asked for")
    given = parser.parse_args()
    enqueue = importlib.import_module(f"tests.bench.peers.{given.module}").enqueue
    noted: list[tuple[int, int]] = []
    ids = paced(customer_ids(given.count, given.times, given.behind), given.rate, noted)
    enqueue(ids, 1 if given.rate else AT_ONCE)
    if given.noted:
        given.noted.write_text("".join(f"{customer_id} {at}\n" for customer_id, at in noted), "utf-8")


if __name__ == "__main__":
    main()
