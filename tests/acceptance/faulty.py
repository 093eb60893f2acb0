"""The worker's app with faults of the software: to unsubscribe, and to look for failed subscriptions.

`celery -A tests.acceptance.faulty worker` runs a worker of it.
"""

from __future__ import annotations

from tests.acceptance.unlucky import PERSONAL_DATA
from worker.app import app
from worker.effects import Effect, Moment
from worker.runtime import Runtime

__all__ = ["app"]


def break_down(effect: Effect, moment: Moment) -> None:
    """Break in a way that no code can foresee, with personal data in hand."""
    if moment is Moment.BEFORE and effect in {Effect.UNSUBSCRIBE, Effect.RETRY_FAILED}:
        raise RuntimeError(PERSONAL_DATA)


app.runtime = Runtime.build(witness=break_down)
