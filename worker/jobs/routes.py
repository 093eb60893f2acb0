"""The queues, and which jobs go where."""

from __future__ import annotations

from typing import Final

from worker.jobs.job import Kind

CUSTOMERS: Final = "customers"
SUBSCRIPTIONS: Final = "subscriptions"
UPKEEP: Final = "upkeep"
"""Sweeps, schedules, triggers to accept, and debug jobs: never long, so what is put here goes to the front."""

QUEUES: Final = (CUSTOMERS, SUBSCRIPTIONS, UPKEEP)

QUEUE_OF: Final = {Kind.CUSTOMER: CUSTOMERS, Kind.SUBSCRIPTION: SUBSCRIPTIONS}


def queue_of(kind: Kind, *, to_front: bool) -> str:
    """The queue for the message of a job: its kind's own, or the one that is never long."""
    return UPKEEP if to_front else QUEUE_OF[kind]
