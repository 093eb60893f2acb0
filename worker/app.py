"""The Celery application: `celery -A worker.app worker`, `beat` and `flower`.

Celery distributes, runs, retries and shows; the ledger is the truth (docs/decisions/0001-the-ledger-is-the-truth.md).
"""

from __future__ import annotations

import logging
import os
import sys
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import click
from celery import Celery
from celery.app.log import Logging
from kombu import Queue
from kombu.utils.imports import symbol_by_name

from worker.broker import InWords
from worker.config.faults import ConfigurationError
from worker.config.redis_url import RedisUrl
from worker.config.settings import Settings, load_settings
from worker.jobs import routes
from worker.reloading import Reloader
from worker.runtime import Runtime
from worker.telemetry import logs

if TYPE_CHECKING:
    from collections.abc import Callable

    from kombu.connection import ConnectionPool

    from worker.broker import Connection

log = logging.getLogger(__name__)

FLOWER = "flower"
FOR_EVER = 0
UNUSED_VARIABLES = ("CELERY_BROKER_URL", "CELERY_BROKER_READ_URL", "CELERY_BROKER_WRITE_URL")
"""Where Celery would look for the queue's URL. They are not used: they may well belong to another application."""
WRONG_CONFIGURATION = 2
Done = TypeVar("Done")
VISIBILITY_TIMEOUT_SECONDS = 60
"""After this time Redis delivers again what a worker took, noted there (`worker.broker.QoS`) and did not acknowledge.
What a worker still holds is not delivered again, so it is short: a trigger that a killed worker had taken comes back
soon. A message that comes twice does no harm."""
MODULES = ["tasks", "tasks.sweeper", "tasks.reloading", "tasks.stores"]
EVERY_TIME = 1
"""Kombu looks every 10 seconds for what is to be delivered again. By default, it leaves out nine of ten looks."""
SPARE_BROKER_CONNECTIONS = 10
CATCH_UP = {"catch up": {"task": routes.CATCH_UP, "schedule": 2 * 60, "options": {"queue": routes.UPKEEP}}}
"""Does a piece of the catch-ups that are due. The ledger knows which are, so a late or repeated call does no harm."""


class AppLogging(Logging):
    """Logs by `worker.telemetry.logs`, only in processes of this application."""

    def setup_logging_subsystem(self, *_: object, **__: object) -> None:
        """Set up the log; Celery calls this once per process."""
        set_up_log(app.settings)


class SyncApp(Celery):
    """The Celery application, with everything that its tasks use.

    It shares nothing with another application in the same process, neither connections nor pools. It connects by the
    one rule for Redis URLs (`worker.config.redis_url`), whatever CELERY_BROKER_URL says.
    """

    log_cls = "worker.app:AppLogging"
    amqp_cls = "worker.broker:Queues"
    before_taking: Callable[[], None] | None = None
    """Called by a worker each time before it connects to take messages."""

    @cached_property
    def settings(self) -> Settings:
        """The settings, read at first use. Raises ConfigurationError."""
        return load_settings()

    @cached_property
    def redis(self) -> RedisUrl:
        """Where the queue is. Read only once, so that a certificate file may be missing for a moment later on."""
        return self.settings.redis

    @cached_property
    def runtime(self) -> Runtime:
        """The configuration, the ledger and the API clients, built at first use. Raises ConfigurationError."""
        return Runtime.build()

    @cached_property
    def reloader(self) -> Reloader:
        """Takes a changed configuration into this process, as another `runtime`."""
        return Reloader(self)

    def take(self, runtime: Runtime) -> None:
        """Run by another configuration from now on; what has begun ends by the one it began with."""
        self.runtime = runtime

    @cached_property
    def Worker(self) -> Any:  # noqa: N802 - Celery's name
        """What `celery worker` runs."""
        return self.subclass_with_self("worker.starting:Worker")  # type: ignore[arg-type] # a class, or its name

    @cached_property
    def Beat(self) -> Any:  # noqa: N802 - as above
        """What `celery beat` runs."""
        return self.subclass_with_self("worker.starting:Beat")  # type: ignore[arg-type] # as above

    _pool: ConnectionPool | None

    @property
    def pool(self) -> ConnectionPool:  # type: ignore[override] # it is not one of producers, whatever its stub says
        """The connections that messages are sent over."""
        if self._pool is None:
            self._ensure_after_fork()  # type: ignore[attr-defined]
            self._pool = self.connection_for_write().Pool(self.conf.broker_pool_limit)
        return self._pool

    def connection(self, hostname: str | None = None, **options: Any) -> Connection:  # type: ignore[override]
        """A connection for Flower's thread that receives Celery's events: it waits for Redis for as long as it takes.

        Flower itself would double its wait after each failure, and so miss events long after an outage has ended.
        """
        return self._connection(hostname, **options, connect_retries_timeout=FOR_EVER)

    def connection_for_write(self, url: str | None = None, **options: Any) -> Connection:
        """A connection to send messages over."""
        return self._connection(url, **options)

    def connection_for_read(self, url: str | None = None, **options: Any) -> Connection:
        """A connection to take messages from."""
        connection = self._connection(url, **options)
        connection.before = self.before_taking
        return connection

    def _connection(self, url: str | None, *, connect_retries_timeout: int | None = None, **options: Any) -> Connection:
        """Connect to the configured URL, unless the caller names another one."""
        own = self.redis
        there = RedisUrl.read(url or self.conf["broker_url"])
        there = own if there.plain == own.plain else there
        manner = there.manner
        if connect_retries_timeout is not None:
            manner["connect_retries_timeout"] = connect_retries_timeout
        connection: Connection = super()._connection(  # type: ignore[misc]
            there.plain, ssl=there.tls, transport_options=manner, **options
        )
        return connection


def celery_settings(settings: Settings) -> dict[str, Any]:
    """Celery's configuration; each value that is not Celery's default has its reason in docs/decisions."""
    return _broker_settings(settings) | {
        "task_queues": [Queue(name, routing_key=name) for name in routes.QUEUES],
        "task_default_queue": routes.UPKEEP,
        "task_routes": routes.ROUTES,
        "task_acks_late": True,
        "task_ignore_result": True,
        "task_publish_retry_policy": {"max_retries": 1, "interval_start": 0, "interval_step": 0.2},
        "worker_pool": "tasks.carrying:TaskPool",
        "worker_consumer": "tasks.consumer:Consumer",
        "worker_concurrency": settings.concurrency,
        "worker_prefetch_multiplier": 1,
        "worker_send_task_events": True,
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
        "beat_schedule": _beat_schedule(settings),
    }


def _broker_settings(settings: Settings) -> dict[str, Any]:
    connections = settings.concurrency + SPARE_BROKER_CONNECTIONS
    return {
        "broker_url": settings.redis.plain,
        "broker_use_ssl": settings.redis.tls,
        "broker_transport_options": {
            "visibility_timeout": VISIBILITY_TIMEOUT_SECONDS,
            "unacked_restore_throttle": EVERY_TIME,
            "max_connections": connections,
            "socket_keepalive": True,
            **settings.redis.manner,
        },
        "broker_pool_limit": connections,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
    }


def _beat_schedule(settings: Settings) -> dict[str, Any]:
    retry = {
        "task": routes.RETRY_FAILED_SUBSCRIPTIONS,
        "schedule": settings.subscription_retry_minutes * 60,
        "options": {"queue": routes.UPKEEP},
    }
    return {"retry failed subscriptions": retry} | (CATCH_UP if settings.catch_up_hours else {})


def set_up_log(settings: Settings) -> None:
    """Send the process' log to standard error, in the format and at the level of the settings."""
    logs.configure(settings.log_format, settings.log_level)
    for output in logging.getLogger().handlers:
        output.addFilter(InWords())
    load_settings()  # once more, now that their warnings reach the log


def or_end(act: Callable[[], Done]) -> Done:
    """Do something that needs a valid configuration; without one, print every fault and end the process."""
    try:
        return act()
    except ConfigurationError as error:
        print(error, file=sys.stderr)  # noqa: T201 - the log may not be set up yet
        sys.exit(WRONG_CONFIGURATION)


def _before_a_command(context: click.Context, *_: object) -> None:
    """Read the settings before any `celery -A worker.app` command, and prepare Flower."""
    or_end(lambda: app.settings)
    for name in filter(os.environ.get, UNUSED_VARIABLES):
        click.echo(f"{name} (celery -b) is not used: the queue is at STAMPED_SYNC_REDIS_URL", err=True)
    if context.info_name == FLOWER:
        symbol_by_name("worker.starting:prepare_flower")(app)


# Not the current app: a listener that imports `submit` may be a Celery application of its own.
app = SyncApp("stamped-customer-sync", include=MODULES, set_as_current=False)
app.add_defaults(lambda: celery_settings(app.settings))
# Celery adds this hidden option to each of its commands for this application, and so calls `_before_a_command`.
app.user_options["preload"].add(
    click.Option([f"--{app.main}"], hidden=True, expose_value=False, is_eager=True, callback=_before_a_command)
)
