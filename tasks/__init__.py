"""The Celery tasks, a file per subject. A listener in Python hands triggers over with `submit`."""

from tasks.catch_up import catch_up
from tasks.customers import transfer_customer
from tasks.subscriptions import reconcile_subscription, retry_failed_subscriptions
from tasks.triggers import accept_trigger, submit
from tasks.upkeep import rerun, sweep

__all__ = [
    "accept_trigger",
    "catch_up",
    "reconcile_subscription",
    "rerun",
    "retry_failed_subscriptions",
    "submit",
    "sweep",
    "transfer_customer",
]
