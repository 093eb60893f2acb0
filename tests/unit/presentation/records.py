"""Jobs as the ledger holds them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from worker.jobs.job import Job, Kind, State
from worker.ledger import Record

if TYPE_CHECKING:
    from worker.jobs.catalogue import Failure


def failed(customer_id: str, failure: Failure) -> Record:
    """A customer job that has failed."""
    return Record(
        job=Job(Kind.CUSTOMER, 4021, customer_id),
        state=State.FAILED,
        wanted=1,
        settled=1,
        attempt=1,
        action=None,
        stamped_id=None,
        failure=failure,
        tracking_guid=None,
        requested_at=None,
        changed_at=datetime.now(UTC),
        due=None,
        subscription_version=0,
    )
