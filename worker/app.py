"""The Celery application: `celery -A worker.app worker`, `beat` and `flower`.

Celery distributes, runs, retries and shows; the ledger is the truth (docs/decisions/0001-the-ledger-is-the-truth.md).
"""

from __future__ import annotations

import logging
import os
import sys
from contextlib import nullcontext
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import click
from celery import Celery
from celery.app.log import Logging
from kombu import Queue
from kombu.exceptions import OperationalError
from kombu.utils.imports import symbol_by_name

from worker.broker import InWords
from worker.config.faults import ConfigurationError
from worker.config.redis_url import RedisUrl
from worker.config.settings import Settings, load_settings
from worker.effects import Effect, nobody, witnessed
from worker.jobs import routes
from worker.runtime import Runtime
from worker.telemetry import logs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from kombu.connection import ConnectionPool

    from worker.broker import Connection
    from worker.ledger import Message

log = logging.getLogger(__name__)

FLOWER = "flower"
FOR_EVER = 0
UNHEEDED = ("CELERY_BROKER_URL", "CELERY_BROKER_READ_URL", "CELERY_BROKER_WRITE_URL")
"""Where Celery would look for the queue: another application's, as likely as not."""
WRONG_CONFIGURATION = 2
Done = TypeVar("Done")
VISIBILITY_TIMEOUT_SECONDS = 5 * 60
"""How long Redis keeps an unacknowledged message back: longer than any countdown (60 s) and any task, or it comes
twice, which is harmless but wasteful; short enough that a trigger in the hands of a killed worker comes back soon."""
SPARE_BROKER_CONNECTIONS = 10
CATCH_UP = {"catch up": {"task": routes.CATCH_UP, "schedule": 2 * 60, "options": {"queue": routes.UPKEEP}}}
"""A piece of the catch-ups that are due. The ledger notes which are: a call that comes late, or twice, does no harm."""


class AppLogging(Logging):
    """Logs as `worker.telemetry.logs` does, in the processes of this application alone."""

    def setup_logging_subsystem(self, *_: object, **__: object) -> None:
        """Set the log up, which Celery asks for once in a process."""
        set_up_log(app.settings)


class SyncApp(Celery):
    """The Celery application with what its tasks work on.

    It shares nothing with another application in the same process: neither the way to connect nor the pools, and its
    connections go by the one rule for Redis URLs (`worker.config.redis_url`), whatever CELERY_BROKER_URL says.
    """

    log_cls = "worker.app:AppLogging"
    amqp_cls = "worker.broker:Queues"
    before_taking: Callable[[], None] | None = None
    """What a worker does each time before it connects to take messages."""

    @cached_property
    def settings(self) -> Settings:
        """The settings, read at first use. Raises ConfigurationError."""
        return load_settings()

    @cached_property
    def redis(self) -> RedisUrl:
        """Where the queue is. Read once: a worker outlives a file of certificates that is missing for a moment."""
        return self.settings.redis

    @cached_property
    def runtime(self) -> Runtime:
        """The configuration, the ledger and the API clients, built at first use. Raises ConfigurationError."""
        return Runtime.build()

    @cached_property
    def Worker(self) -> Any:  # noqa: N802 - Celery's name
        """What `celery worker` runs."""
        return self.subclass_with_self("worker.starting:Worker")  # type: ignore[arg-type] # a class, or its name

    @cached_property
    def Beat(self) -> Any:  # noqa: N802 - as above
        """What `celery beat` runs."""
        return self.subclass_with_self("worker.starting:Beat")  # type: ignore[arg-type] # as above

    def wake(self, messages: Iterable[Message]) -> None:
        """Send messages that are owed, each of which wakes a worker for a job that is in the ledger.

        If the queue can't be reached, the sweeper sends them later.
        """
        witness = self.runtime.witness
        for message in messages:
            job, kind = message.job, message.job.kind
            queue = routes.queue_of(kind, to_front=message.to_front)
            try:
                with nullcontext() if witness is nobody else witnessed(witness, Effect.PUBLISH):
                    self.send_task(routes.TASK_OF[kind], args=(job.system_id, job.customer_id), queue=queue)
            except OperationalError:
                log.warning("%s: the queue takes no message now; the sweeper will send it", job)
                return

    _pool: ConnectionPool | None

    @property
    def pool(self) -> ConnectionPool:  # type: ignore[override] # it is not one of producers, whatever its stub says
        """The connections that messages are sent over."""
        if self._pool is None:
            self._ensure_after_fork()  # type: ignore[attr-defined]
            self._pool = self.connection_for_write().Pool(self.conf.broker_pool_limit)
        return self._pool

    def connection(self, hostname: str | None = None, **options: Any) -> Connection:  # type: ignore[override]
        """A connection as Flower's thread for Celery's events uses it: it waits for Redis as long as it takes.

        Flower itself would wait twice as long after each failure, and so be blind for as long as an outage lasted.
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
        """Connect to another URL than the configured one only where the caller names it."""
        own = self.redis
        there = RedisUrl.read(url or self.conf["broker_url"])
        there = own if there.plain == own.plain else there
        manner = there.manner
        if connect_retries_timeout is not None:
            manner["connect_retries_timeout"] = connect_retries_timeout
        made: Connection = super()._connection(  # type: ignore[misc]
            there.plain, ssl=there.tls, transport_options=manner, **options
        )
        return made


def celery_settings(settings: Settings) -> dict[str, Any]:
    """Celery's configuration; each value that is not Celery's default has its reason in docs/decisions."""
    return {
        "broker_url": settings.redis.plain,
        "broker_use_ssl": settings.redis.tls,
        "broker_transport_options": {
            "visibility_timeout": VISIBILITY_TIMEOUT_SECONDS,
            "max_connections": settings.concurrency + SPARE_BROKER_CONNECTIONS,
            "socket_keepalive": True,
            **settings.redis.manner,
        },
        "broker_pool_limit": settings.concurrency + SPARE_BROKER_CONNECTIONS,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "task_queues": [Queue(name, routing_key=name) for name in routes.QUEUES],
        "task_default_queue": routes.UPKEEP,
        "task_routes": routes.ROUTES,
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
            "retry failed subscriptions": {
                "task": routes.RETRY_FAILED_SUBSCRIPTIONS,
                "schedule": settings.subscription_retry_minutes * 60,
                "options": {"queue": routes.UPKEEP},
            },
        }
        | (CATCH_UP if settings.catch_up_hours else {}),
    }


def set_up_log(settings: Settings) -> None:
    """Send the process' log to standard error, as the settings say."""
    logs.configure(settings.log_format, settings.log_level)
    for output in logging.getLogger().handlers:
        output.addFilter(InWords())
    load_settings()  # once more: what they warn of goes into the log that there is now


def or_end(act: Callable[[], Done]) -> Done:
    """Do something that needs a right configuration; without one the process ends, with every fault named."""
    try:
        return act()
    except ConfigurationError as error:
        print(error, file=sys.stderr)  # noqa: T201 - the log may not be set up yet
        sys.exit(WRONG_CONFIGURATION)


def _before_a_command(context: click.Context, *_: object) -> None:
    """Read the settings before a command of Celery's on this application, and prepare Flower."""
    or_end(lambda: app.settings)
    for name in filter(os.environ.get, UNHEEDED):
        click.echo(f"{name} (celery -b) is not heeded: the queue is where STAMPED_SYNC_REDIS_URL says", err=True)
    if context.info_name == FLOWER:
        symbol_by_name("worker.starting:prepare_flower")(app)


# Not the current app: a listener that imports `submit` may be a Celery application of its own.
app = SyncApp("stamped-customer-sync", include=["tasks", "tasks.sweeper"], set_as_current=False)
app.add_defaults(lambda: celery_settings(app.settings))
# Celery adds this option to each of its commands, for this application alone, and asks it for its value.
app.user_options["preload"].add(
    click.Option([f"--{app.main}"], hidden=True, expose_value=False, is_eager=True, callback=_before_a_command)
)
