"""This worker: customers are asked for by triggers, as a listener hands them over."""

from __future__ import annotations

import os
import uuid
from typing import TYPE_CHECKING, Any, Final

from tasks import submit
from tests.bench.peers.transferring import SYSTEM
from worker.jobs.job import pages

if TYPE_CHECKING:
    from collections.abc import Iterable

SCOPE: Final = os.environ.get("BENCH_SCOPE", "customer/updated")
STORES: Final = int(os.environ.get("BENCH_STORES", "1"))


def enqueue(customer_ids: Iterable[int], at_once: int) -> None:
    """Ask for customers, as many in one trigger as may be."""
    for page in pages(customer_ids, at_once):
        submit({"id": uuid.uuid4().hex, "attempt": 0, "notifications": [notification(each) for each in page]})


def notification(customer_id: int) -> dict[str, Any]:
    """A notification about one customer; the stores take turns."""
    return {
        "id": str(customer_id),
        "destination": str(SYSTEM + customer_id % STORES),
        "scope": SCOPE,
        "tracking_guid": str(uuid.uuid4()),
    }
