"""A listener of iPaaS.com's triggers: `python -m tests.proofs.listener` hands over each customer id that it reads.

It submits until the ledger has the trigger, as upstream does, and then prints the id with how often that took.
"""

from __future__ import annotations

import sys
import time

from tasks import submit
from tests import parts
from worker.jobs.errors import LedgerUnavailable

PAUSE_SECONDS = 0.1


def main() -> None:
    """Hand over until there is nothing more to read."""
    for line in sys.stdin:
        customer_id = line.strip()
        print(customer_id, _tries(customer_id), flush=True)  # noqa: T201 - its answer


def _tries(customer_id: str) -> int:
    notification = {"id": customer_id, "destination": str(parts.SYSTEM), "scope": "customer/updated"}
    tries = 1
    while True:
        try:
            submit({"id": "proof", "notifications": [notification]})
        except LedgerUnavailable:
            tries += 1
            time.sleep(PAUSE_SECONDS)
        else:
            return tries


if __name__ == "__main__":
    main()
