"""The queues, and which jobs go where."""

from __future__ import annotations

from typing import Final

from worker.job import Kind

CUSTOMERS: Final = "customers"
SUBSCRIPTIONS: Final = "subscriptions"
UPKEEP: Final = "upkeep"
"""Sweeps, schedules, triggers to accept, and debug jobs: never long, so what is put here goes to the front."""

QUEUE_OF: Final = {Kind.CUSTOMER: CUSTOMERS, Kind.SUBSCRIPTION: SUBSCRIPTIONS}
