"""How a worker, beat and Flower of this application start: nothing is taken on for a Redis that would lose it.

These are classes of the application itself. Celery's signals could do the same, but they are those of the whole
process, and a listener's own Celery application imports this one for `submit`.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from celery.apps.beat import Beat as CelerysBeat
from celery.apps.worker import Worker as CelerysWorker

from worker.app import or_end, set_up_log
from worker.broker import NotReady
from worker.ledger.proof import prove, refuse_unfit
from worker.telemetry.sentry import start_sentry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.app import SyncApp
    from worker.config.redis_url import RedisUrl
    from worker.ledger.trials import Finding

log = logging.getLogger(__name__)

PAGES: Final = str(Path(__file__).parent / "monitor" / "flowerconfig.py")
"""The operator's pages are part of Flower: it takes the path of its configuration file from FLOWER_CONF."""


class Worker(CelerysWorker):
    """A worker that knows its configuration before its first job, and its Redis before each connection to it."""

    app: SyncApp

    def on_before_init(self, *args: Any, **options: Any) -> None:
        """Read the whole configuration: a worker that can't do its work must not start."""
        settings = or_end(lambda: self.app.runtime).settings
        start_sentry(settings)
        self.app.before_taking = Entrance(settings.redis).enter
        super().on_before_init(*args, **options)


class Beat(CelerysBeat):
    """A beat that does not start on a Redis that somebody must change first; it waits for one that is away."""

    app: SyncApp

    def start_scheduler(self) -> None:  # type: ignore[override] # it answers nothing, whatever its stub says
        """Start the clock."""
        settings = self.app.settings
        start_sentry(settings)
        _look_at(settings.redis)
        super().start_scheduler()


class Entrance:
    """What a worker passes each time before it takes messages from Redis.

    At the first time it ends on an unfit Redis. Once at work it outlives whatever Redis goes through, and waits.
    """

    def __init__(self, url: RedisUrl) -> None:
        self._url = url
        self._was_passed = False

    def enter(self) -> None:
        """Prove Redis. Raises NotReady where that must be waited for."""
        proof = prove(self._url)
        if not self._was_passed:
            or_end(lambda: refuse_unfit(self._url, proof))
        for each in proof.refusing:
            raise NotReady(str(each))
        _log(proof.losing if self._was_passed else proof.findings)
        self._was_passed = True


def prepare_flower(app: SyncApp) -> None:
    """Give Flower our log, and our pages unless FLOWER_CONF names others; it refuses an unfit Redis as beat does."""
    set_up_log(app.settings)
    _look_at(app.settings.redis)
    os.environ.setdefault("FLOWER_CONF", PAGES)


def _look_at(url: RedisUrl) -> None:
    """Prove Redis once, and say what is not as it must be; an unfit one ends the process."""
    proof = prove(url)
    or_end(lambda: refuse_unfit(url, proof))
    _log(proof.findings)


def _log(findings: Sequence[Finding]) -> None:
    for each in findings:
        log.log(logging.ERROR if each.is_error else logging.WARNING, "Redis %s", each)
