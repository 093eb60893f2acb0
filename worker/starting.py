"""How a worker, beat and Flower of this application start: not before Redis is proved fit to keep the ledger.

These are classes of this application alone. Celery's signals could do the same, but they concern the whole process, and
a listener's own Celery application may have imported this one for `submit`.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from celery import bootsteps
from celery.apps.beat import Beat as CelerysBeat
from celery.apps.worker import Worker as CelerysWorker

from worker.app import or_end, set_up_log
from worker.broker import NotReady
from worker.config.cores import keep_to
from worker.config.settings import variable
from worker.ledger.proving.proof import prove, refuse_unfit
from worker.telemetry.inspections import ASKING, Unanswered
from worker.telemetry.sentry import start_sentry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.app import SyncApp
    from worker.config.redis_url import RedisUrl
    from worker.ledger.proving.trials import Finding

log = logging.getLogger(__name__)

EVENTS_SECONDS: Final = 0.5
MOST_EVENTS: Final = 10_000
"""Events are sent as soon as this many wait."""
PAGES: Final = str(Path(__file__).parent / "monitor" / "flowerconfig.py")
"""The operator's pages are part of Flower: it takes the path of its configuration file from FLOWER_CONF."""


class Worker(CelerysWorker):
    """A worker that reads its configuration before its first job, and proves Redis before each connection to it."""

    app: SyncApp

    def on_before_init(self, *args: Any, **options: Any) -> None:
        """Read the whole configuration, so that a worker that can't do its work does not start."""
        settings = or_end(lambda: self.app.runtime).settings
        start_sentry(settings)
        self.app.before_taking = Entrance(settings.redis).enter
        self.app.steps["consumer"].add(EventsInBatches)
        super().on_before_init(*args, **options)

    def on_start(self) -> None:
        """Keep to a core, if one is set: the log is there by now, and the threads are not yet."""
        super().on_start()
        if self.app.settings.core is not None:
            keep_to(self.app.settings.core)

    def prepare_args(self, **options: Any) -> dict[str, Any]:
        """Celery's options, but workers do not ask each other anything: the ledger is all that they share.

        Mingle would wait a second for answers before the first job, and gossip lets each worker read what every other
        one sends.
        """
        quiet = {"without_mingle": True, "without_gossip": True}
        prepared: dict[str, Any] = super().prepare_args(**options)
        return prepared | quiet


class EventsInBatches(bootsteps.StartStopStep):
    """Sends the events of tasks, which Flower shows, twice a second instead of one by one."""

    requires = ("celery.worker.consumer.events:Events",)

    def start(self, parent: Any) -> None:
        """Begin, once the consumer has a dispatcher of events: it has another after each outage of Redis."""
        dispatcher = parent.event_dispatcher
        dispatcher.on_send_buffered, dispatcher.buffer_limit = None, MOST_EVENTS
        self._timer = parent.timer.call_repeatedly(EVENTS_SECONDS, dispatcher.flush)
        parent.pool.eventer = dispatcher  # for the tasks that it runs without a message

    def stop(self, parent: Any) -> None:
        """Send each event at once from now on: nobody would send what the last tasks leave behind."""
        self._timer.cancel()
        if parent.event_dispatcher:
            parent.event_dispatcher.buffer_group = frozenset()
            parent.event_dispatcher.flush()


class Beat(CelerysBeat):
    """A beat that ends if Redis' configuration must be changed first, and waits if Redis does not answer."""

    app: SyncApp

    def start_scheduler(self) -> None:  # type: ignore[override] # it answers nothing, whatever its stub says
        """Start the clock."""
        settings = self.app.settings
        start_sentry(settings)
        _look_at(settings.redis)
        self.app.reloader.begin("beat")
        super().start_scheduler()


class Entrance:
    """Proves Redis each time before a worker takes messages from it.

    If Redis is unfit at the start, the worker ends. Later it never ends for Redis' sake: it waits.
    """

    def __init__(self, url: RedisUrl) -> None:
        self._url = url
        self._was_passed = False

    def enter(self) -> None:
        """Prove Redis. Raises NotReady if the worker must wait for it."""
        proof = prove(self._url)
        if not self._was_passed:
            or_end(lambda: refuse_unfit(self._url, proof))
        for each in proof.refusing:
            raise NotReady(str(each))
        _log(proof.losing if self._was_passed else proof.findings)
        self._was_passed = True


def prepare_flower(app: SyncApp) -> None:
    """Give Flower our log, its login, and our pages unless FLOWER_CONF names others. It ends if Redis is unfit."""
    set_up_log(app.settings)
    ASKING.addFilter(Unanswered())
    _look_at(app.settings.redis)
    name, logins = variable("flower_basic_auth"), app.settings.flower_basic_auth
    os.environ.pop(name, None)  # Flower takes an empty one for a login
    if logins:
        os.environ[name] = logins.get_secret_value()  # it may come from `.env`
    os.environ["FLOWER_CONF"] = os.environ.get("FLOWER_CONF") or PAGES
    app.reloader.begin("flower")


def _look_at(url: RedisUrl) -> None:
    """Prove Redis once and log what is wrong with it; end the process if it is unfit."""
    proof = prove(url)
    or_end(lambda: refuse_unfit(url, proof))
    _log(proof.findings)


def _log(findings: Sequence[Finding]) -> None:
    for each in findings:
        log.log(logging.ERROR if each.is_error else logging.WARNING, "Redis %s", each)
