"""Notes refused messages in the ledger and the log, where an operator sees them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from worker.app import app
from worker.handover import refusal_of
from worker.ledger import LedgerUnavailable
from worker.sync.triggers import DIGITS, Refused, harmless
from worker.telemetry import outcomes
from worker.telemetry.outcomes import announce

if TYPE_CHECKING:
    from worker.jobs.errors import SyncError

log = logging.getLogger(__name__)


def refuse_message(error: SyncError, task: str, system_id: object = None, customer_id: object = None) -> None:
    """Note a message that holds no job. Nothing else happens to it, so its sender can only learn of it here."""
    system, customer = (harmless(value, DIGITS) for value in (system_id, customer_id))
    noted = refusal_of(Refused(error, task, 0, system_id=system, customer_id=customer))
    announce(outcomes.REFUSED, noted.place, error=error)
    try:
        app.runtime.ledger.refuse(noted)
    except LedgerUnavailable as silent:
        log.warning("%s: not noted, %s", noted.place, silent)
