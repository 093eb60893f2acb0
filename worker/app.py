"""The Celery application: `celery -A worker.app worker`, `beat` and `flower`.

Celery distributes, runs, retries and shows; the ledger is the truth (docs/decisions/0001-the-ledger-is-the-truth.md).
"""

from __future__ import annotations

import os
import sys
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

from celery import Celery
from celery.app.log import Logging
from celery.signals import beat_init, celeryd_init
from kombu import Queue
from kombu.transport import TRANSPORT_ALIASES

from worker import logs
from worker.faults import ConfigurationError
from worker.queues import CUSTOMERS, SUBSCRIPTIONS, UPKEEP
from worker.runtime import Runtime
from worker.settings import Settings, load_settings
from worker.telemetry import start_sentry

WRONG_CONFIGURATION = 2
VISIBILITY_TIMEOUT_SECONDS = 5 * 60
"""How long Redis keeps an unacknowledged message back: longer than any countdown (60 s) and any task, or it comes
twice, which is harmless but wasteful; short enough that a trigger in the hands of a killed worker comes back soon."""
SPARE_BROKER_CONNECTIONS = 10


class AppLogging(Logging):
    """Logs as `worker.logs` does, in the processes of this application alone."""

    def setup_logging_subsystem(self, *_: object, **__: object) -> None:
        """Set the log up, which Celery asks for once in a process."""
        settings = _settings()
        logs.configure(settings.log_format, settings.log_level)


class SyncApp(Celery):
    """The Celery application with what its tasks work on."""

    log_cls = "worker.app:AppLogging"

    @cached_property
    def runtime(self) -> Runtime:
        """The configuration, the ledger and the API clients, built at first use. Raises ConfigurationError."""
        return Runtime.build()


def celery_settings(settings: Settings) -> dict[str, Any]:
    """Celery's configuration; each value that is not Celery's default has its reason in docs/decisions."""
    return {
        "broker_url": settings.redis_url,
        "broker_transport_options": {
            "visibility_timeout": VISIBILITY_TIMEOUT_SECONDS,
            "max_connections": settings.concurrency + SPARE_BROKER_CONNECTIONS,
            "socket_connect_timeout": 5,
            "socket_timeout": 10,
            "socket_keepalive": True,
        },
        "broker_pool_limit": settings.concurrency + SPARE_BROKER_CONNECTIONS,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "task_queues": [Queue(name, routing_key=name) for name in (CUSTOMERS, SUBSCRIPTIONS, UPKEEP)],
        "task_default_queue": UPKEEP,
        "task_routes": {
            "stamped.transfer_customer": {"queue": CUSTOMERS},
            "stamped.reconcile_subscription": {"queue": SUBSCRIPTIONS},
        },
        "task_acks_late": True,
        "task_ignore_result": True,
        "task_publish_retry_policy": {"max_retries": 1, "interval_start": 0, "interval_step": 0.2},
        "worker_pool": "threads",
        "worker_concurrency": settings.concurrency,
        "worker_prefetch_multiplier": 1,
        "worker_send_task_events": True,
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
        "beat_schedule": {
            "sweep": {
                "task": "stamped.sweep",
                "schedule": settings.sweep_seconds,
                "options": {"queue": UPKEEP, "expires": 2 * settings.sweep_seconds},
            },
            "retry failed subscriptions": {
                "task": "stamped.retry_failed_subscriptions",
                "schedule": settings.subscription_retry_minutes * 60,
                "options": {"queue": UPKEEP, "expires": settings.subscription_retry_minutes * 60},
            },
        },
    }


def _settings() -> Settings:
    """The settings, or the end of the process with every fault named."""
    try:
        return load_settings()
    except ConfigurationError as error:
        _give_up(error)


def _give_up(error: ConfigurationError) -> NoReturn:
    print(error, file=sys.stderr)  # noqa: T201 - the log is not set up yet
    sys.exit(WRONG_CONFIGURATION)


# The operator's pages are part of Flower: it takes the path of its configuration file from here.
os.environ.setdefault("FLOWER_CONF", str(Path(__file__).parent / "monitor" / "flowerconfig.py"))

# For URLs that begin so; as a setting, it would take the scheme out of the URL that Flower and the log show.
TRANSPORT_ALIASES.update(dict.fromkeys(("redis", "rediss"), "worker.broker:Transport"))

# Not the current app: a listener that imports `submit` may be a Celery application of its own.
app = SyncApp("stamped-customer-sync", include=["tasks"], set_as_current=False)
app.add_defaults(lambda: celery_settings(_settings()))


@celeryd_init.connect
def _prepare(instance: Any, **_: object) -> None:
    """Read the whole configuration before the first job: a worker that can't do its work must not start."""
    if instance.app is not app:
        return
    try:
        settings = app.runtime.settings
    except ConfigurationError as error:
        _give_up(error)
    else:
        start_sentry(settings)


@beat_init.connect
def _prepare_beat(sender: Any, **_: object) -> None:
    if sender.app is app:
        start_sentry(_settings())
