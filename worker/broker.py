"""Celery's connection to Redis as its queue, which no loss of it and no refusal ends a process for."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

import kombu
from celery.app.amqp import AMQP
from celery.beat import SchedulingError
from kombu.exceptions import KombuError
from kombu.pools import ProducerPool
from kombu.transport import redis, virtual

from worker.ledger import RedisError
from worker.ledger.connection import WRITABLE, WRITABLE_MS, outage
from worker.ledger.connection import Connection as ProvedConnection
from worker.ledger.connection import TlsConnection as ProvedTlsConnection
from worker.ledger.refusals import in_words

if TYPE_CHECKING:
    from collections.abc import Callable

PAUSES: Final[dict[str, Any]] = {"interval_start": 1, "interval_step": 1, "interval_max": 5}
"""Seconds between two tries to connect, unless the caller says otherwise."""
FOREIGN_LOGS: Final = ("celery", "kombu", "flower", "tornado")
WRAPPERS: Final = (KombuError, SchedulingError)
"""The errors in which Celery and kombu wrap one of Redis; any other that came up on the way is a fault of its own."""


class GivenUp(ConnectionError):
    """Somebody still uses a connection that Celery has given up. Why was logged then."""


class NotReady(ConnectionError):
    """Redis answers, but can't hold the queue now: an error of the connection, which is waited for."""


class QoS(redis.QoS):
    """The messages in hand."""

    def ack(self, delivery_tag: str) -> None:
        """Acknowledge a message; if Redis does not take that, let it go all the same.

        It comes again when its time in Redis is over, and the ledger refuses it. Held on to, it would count as in hand
        for ever: a few of them, and the worker takes nothing any more.
        """
        try:
            super().ack(delivery_tag)
        except (RedisError, GivenUp):
            virtual.QoS.ack(self, delivery_tag)
            raise


class Channel(redis.Channel):
    """A channel that is there only if Redis takes writes, and that says so when its connection was given up."""

    QoS = QoS
    connection_class = ProvedConnection
    connection_class_ssl = ProvedTlsConnection

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # A replica, a full memory or a full disk answers a ping, and refuses whatever Celery does next. It would start
        # over at once, many times a second; a connection that can't be made is waited for instead.
        try:
            self.client.set(WRITABLE, "", px=WRITABLE_MS)
        except RedisError:
            transport: Any = self.connection
            transport.cycle.discard(self)
            self._disconnect_pools()  # type: ignore[attr-defined]
            raise

    def _connparams(self, *args: Any, **options: Any) -> Any:
        """Raise GivenUp if there is nothing to connect to.

        When Redis goes away while jobs run, Celery gives the connection up. Whoever still uses a channel of it then, to
        acknowledge a job or to close it once more, met an AttributeError of kombu 5.7, which ends the worker, instead
        of an error of the connection, which Celery expects.
        """
        if getattr(self.connection, "client", None) is None:
            raise GivenUp
        return super()._connparams(*args, **options)  # type: ignore[misc]


class Transport(redis.Transport):
    """Kombu's transport, to which each refusal of Redis is a loss of the connection: Celery makes it anew.

    As kombu has it, a refusal is an error of the channel, which ends the worker.
    """

    Channel = Channel
    connection_errors = (*redis.Transport.connection_errors, RedisError)


class Connection(kombu.Connection):
    """A connection through that transport, which says in our words why it can't be made."""

    before: Callable[[], None] | None = None
    """What is done each time before it is made; it raises NotReady if it must be waited for."""

    def get_transport_cls(self) -> type[Transport]:
        """Ours, whatever kombu's table says; the scheme stays in the URL that Flower and the log show."""
        return Transport

    def _establish_connection(self) -> Any:
        if self.before:
            self.before()
        made = super()._establish_connection()
        outage.ended()
        return made

    def _ensure_connection(  # type: ignore[override] # kombu's own arguments, which are as many
        self, errback: object = None, max_retries: int | None = None, *pauses: float, **options: Any
    ) -> Any:
        """Connect, trying again as often as is asked; what Celery would log of each try (`errback`) is left out."""
        del errback
        given = dict(zip(PAUSES, pauses, strict=False))
        return super()._ensure_connection(_tell, max_retries, **(PAUSES | given | options))


class Queues(AMQP):
    """Celery's queues over such connections, in pools of their own.

    Celery's pools are those of the whole process: a listener's own Celery application would get our limits.
    """

    Connection = Connection

    _producer_pool: ProducerPool | None

    @property
    def producer_pool(self) -> ProducerPool:
        """What messages are sent from."""
        if self._producer_pool is None:
            pool: Any = self.app.connection_for_write().Pool(self.app.conf.broker_pool_limit)
            self._producer_pool = ProducerPool(pool, limit=pool.limit)
        return self._producer_pool


def _tell(error: BaseException, _interval: float = 0) -> None:
    if words := _words_of(error):
        outage.met(words)


def _words_of(error: BaseException) -> str:
    """What Redis does, if an error came from it; empty for any other."""
    met: BaseException | None = error
    while isinstance(met, WRAPPERS):
        met = met.__cause__ or met.__context__
    if isinstance(met, NotReady):
        return str(met)
    return in_words(met) if isinstance(met, RedisError) else ""


class InWords(logging.Filter):
    """Puts our words into what Celery, kombu and Flower log of an error of Redis, and leaves its trace out.

    Redis' own text can hold anything, and a trace for each thread and second says nothing more.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record in place; False if it repeats what was logged."""
        if not record.name.startswith(FOREIGN_LOGS):
            return True
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, GivenUp):
            return False
        if error and (words := _words_of(error)):
            # It comes with a trace for each message, each task that is due or each timer: the reason is enough.
            outage.met(words)
            return False
        if isinstance(record.args, tuple):
            record.args = tuple(_shown(each) for each in record.args)
        return True


def _shown(argument: object) -> object:
    words = _words_of(argument) if isinstance(argument, BaseException) else ""
    return f"Redis {words}" if words else argument
