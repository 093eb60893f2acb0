"""Initialize while its connection is held: whoever runs it learns why nothing moves, and until when."""

from __future__ import annotations

import time

from tests import parts
from tests.integration.jobs import calls_of
from tests.integration.stage import JOB, Stage
from worker.app import app
from worker.by_hand.initialize import go_on
from worker.jobs.catalogue import Failure
from worker.jobs.errors import ConnectionHeld, SyncError
from worker.jobs.intents import Intent
from worker.jobs.job import Job, Kind, State
from worker.jobs.progress import Selection
from worker.jobs.retries import Pause

OTHER = Job(Kind.CUSTOMER, parts.SYSTEM, "1")


def test_list_is_read_once_the_hold_is_over(stage: Stage) -> None:
    """It rests as long as the hold lasts, and says so."""
    stage.ledger.request(OTHER)
    refused = Failure("ipaas-credentials-refused", 401)
    began = time.monotonic()
    stage.ledger.hold(stage.ledger.claim(OTHER), calls_of(1, 0, Intent.STORES), refused, Pause(3600, 3600))
    rests: list[tuple[type[SyncError], bool]] = []

    def resting(error: SyncError, seconds: float) -> None:
        rests.append((type(error), 3599 - (time.monotonic() - began) < seconds <= 3600))
        stage.ledger.release(parts.SYSTEM)

    for _ in go_on(app.runtime, stage.ledger.progress.begin(parts.SYSTEM, Selection.ALL), resting):
        pass
    assert rests == [(ConnectionHeld, True)]
    assert stage.record(JOB).state in {State.QUEUED, State.SENT}
