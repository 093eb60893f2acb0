"""The tasks by their names on the wire, the queues, and which tasks go where."""

from __future__ import annotations

from typing import Final

from worker.jobs.job import Kind

TRANSFER_CUSTOMER: Final = "stamped.transfer_customer"
RECONCILE_SUBSCRIPTION: Final = "stamped.reconcile_subscription"
ACCEPT_TRIGGER: Final = "stamped.accept_trigger"
RETRY_FAILED_SUBSCRIPTIONS: Final = "stamped.retry_failed_subscriptions"
SWEEP: Final = "stamped.sweep"
RERUN: Final = "stamped.rerun"
CATCH_UP: Final = "stamped.catch_up"
TASKS: Final = (
    *(TRANSFER_CUSTOMER, RECONCILE_SUBSCRIPTION, ACCEPT_TRIGGER, RETRY_FAILED_SUBSCRIPTIONS, SWEEP, RERUN, CATCH_UP),
)

CUSTOMERS: Final = "customers"
SUBSCRIPTIONS: Final = "subscriptions"
UPKEEP: Final = "upkeep"
"""For debug jobs, beat's schedule, and what users send to a task. It is always short, so all of that runs soon."""

QUEUES: Final = (CUSTOMERS, SUBSCRIPTIONS, UPKEEP)
QUEUE_OF: Final = {Kind.CUSTOMER: CUSTOMERS, Kind.SUBSCRIPTION: SUBSCRIPTIONS}
TASK_OF: Final = {Kind.CUSTOMER: TRANSFER_CUSTOMER, Kind.SUBSCRIPTION: RECONCILE_SUBSCRIPTION}
ROUTES: Final = {TASK_OF[kind]: {"queue": QUEUE_OF[kind]} for kind in Kind}
"""Celery's routes; every task that is not in them goes to `UPKEEP`."""
