"""Transfers a customer, for a job in the ledger: writes it to Stamped.io, links it, requests its subscription job."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from tasks.jobs import JobTask
from worker.app import app
from worker.jobs.job import Kind
from worker.jobs.routes import TRANSFER_CUSTOMER
from worker.sync.transfer import Transferred, transfer

if TYPE_CHECKING:
    from tasks.jobs import Given

log = logging.getLogger(__name__)


@app.task(bind=True, base=JobTask, name=TRANSFER_CUSTOMER)
def transfer_customer(self: JobTask, system_id: int, customer_id: str) -> dict[str, Any]:
    """Create or update one customer in Stamped.io, link it, and request its subscription job if one is needed."""
    return self.run_job(Kind.CUSTOMER, system_id, customer_id, _transferred)


def _transferred(given: Given) -> Transferred:
    job, connection = given.claim.job, given.connection
    outcome = transfer(
        job.customer_id,
        connection.mapping,
        given.source,
        given.store,
        given.consent,
        warns_shared=connection.warn_shared,
    )
    for warning in outcome.warnings:
        log.warning("%s: %s", job, warning)
    if outcome.shared_with:
        shared = f"Stamped.io customer {outcome.stamped_id} is linked to customer {outcome.shared_with} too"
        log.warning("%s: %s; each overwrites what the other wrote", job, shared, extra={"outcome": "shared"})
    return outcome
