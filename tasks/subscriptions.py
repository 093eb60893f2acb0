"""Reconciles a customer's subscription, and tries the failed ones again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tasks.jobs import JobTask
from tasks.pump import admit
from tasks.refusals import RefusingTask
from worker.app import app
from worker.jobs.job import Kind
from worker.sync.reconcile import Reconciled, reconcile
from worker.telemetry import sentry

if TYPE_CHECKING:
    from worker.ledger import Claim
    from worker.ledger.guard import Guard


@app.task(bind=True, base=JobTask, name="stamped.reconcile_subscription")
def reconcile_subscription(self: JobTask, system_id: int, customer_id: str) -> dict[str, Any]:
    """Subscribe or unsubscribe one customer in Stamped.io, where its state differs from the mapped one."""
    return self.carry(Kind.SUBSCRIPTION, system_id, customer_id, _reconciled)


@app.task(base=RefusingTask, name="stamped.retry_failed_subscriptions")
def retry_failed_subscriptions() -> dict[str, int]:
    """Run failed subscription jobs again, for so many days after each one's first failure. Beat calls it."""
    runtime = app.runtime
    count = runtime.ledger.retry_failed(Kind.SUBSCRIPTION, runtime.settings.subscription_retry_days)
    admit(runtime.ledger.systems())
    sentry.check_in("retry-failed-subscriptions", runtime.settings.subscription_retry_minutes * 60)
    return {"reopened": count}


def _reconciled(claim: Claim, guard: Guard) -> Reconciled:
    runtime, job = app.runtime, claim.job
    mapping, apis = runtime.connection(job.system_id).mapping, runtime.apis(claim, guard)
    return reconcile(job.customer_id, claim.stamped_id, mapping, apis.source, apis.store, is_new=claim.is_new)
