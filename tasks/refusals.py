"""Notes refused notifications and messages in the ledger and the log, where an operator sees them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from worker.app import app
from worker.jobs.errors import TriggerOff
from worker.ledger import LedgerUnavailable, Refusal
from worker.sync.triggers import DIGITS, Refused, harmless
from worker.telemetry import outcomes
from worker.telemetry.outcomes import announce

if TYPE_CHECKING:
    from worker.jobs.errors import SyncError

log = logging.getLogger(__name__)


def refuse(refused: Refused) -> None:
    """Note a refused notification. Raises LedgerUnavailable."""
    noted = _refusal(refused)
    app.runtime.ledger.refuse(noted)
    outcome = outcomes.SWITCHED_OFF if isinstance(refused.error, TriggerOff) else outcomes.REFUSED
    announce(outcome, noted.place, error=refused.error)


def refuse_message(error: SyncError, task: str, system_id: object = None, customer_id: object = None) -> None:
    """Note a message that holds no job. Nothing else happens to it, so its sender can only learn of it here."""
    system, customer = (harmless(value, DIGITS) for value in (system_id, customer_id))
    noted = _refusal(Refused(error, task, 0, system_id=system, customer_id=customer))
    announce(outcomes.REFUSED, noted.place, error=error)
    try:
        app.runtime.ledger.refuse(noted)
    except LedgerUnavailable as silent:
        log.warning("%s: not noted, %s", noted.place, silent)


def _refusal(refused: Refused) -> Refusal:
    failure = refused.error.failure
    return Refusal(
        code=failure.code,
        detail=failure.detail,
        trigger_id=refused.trigger_id,
        position=refused.position,
        system_id=refused.system_id,
        scope=refused.scope,
        customer_id=refused.customer_id,
    )
