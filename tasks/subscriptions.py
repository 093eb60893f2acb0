"""Reconciles a customer's subscription, and retries failed subscription jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tasks.jobs import JobTask
from tasks.pump import admit_due
from tasks.scheduled import ScheduledTask
from worker.app import app
from worker.jobs.job import Kind
from worker.jobs.routes import RECONCILE_SUBSCRIPTION, RETRY_FAILED_SUBSCRIPTIONS
from worker.sync.reconcile import Reconciled, reconcile
from worker.telemetry import sentry

if TYPE_CHECKING:
    from tasks.jobs import Given


@app.task(bind=True, base=JobTask, name=RECONCILE_SUBSCRIPTION)
def reconcile_subscription(self: JobTask, system_id: int, customer_id: str) -> dict[str, Any]:
    """Subscribe or unsubscribe one customer in Stamped.io, if its state differs from the mapped one."""
    return self.run_job(Kind.SUBSCRIPTION, system_id, customer_id, _reconciled)


@app.task(base=ScheduledTask, name=RETRY_FAILED_SUBSCRIPTIONS)
def retry_failed_subscriptions() -> dict[str, int]:
    """Run failed subscription jobs again, for some days after each one's first failure. Beat calls it."""
    runtime = app.runtime
    count = runtime.ledger.retry_failed(Kind.SUBSCRIPTION, runtime.settings.subscription_retry_days)
    admit_due()
    sentry.check_in("retry-failed-subscriptions", runtime.settings.subscription_retry_minutes * 60)
    return {"retried": count}


def _reconciled(given: Given) -> Reconciled:
    claim, mapping = given.claim, given.connection.mapping
    customer_id = claim.job.customer_id
    return reconcile(customer_id, claim.stamped_id, mapping, given.source, given.store, is_new=claim.is_new)
