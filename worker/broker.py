"""Celery's connection to Redis as its queue. No process ends because Redis is lost or refuses something."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, Final, cast

import kombu
from celery.app.amqp import AMQP
from celery.beat import SchedulingError
from kombu.exceptions import KombuError
from kombu.pools import ProducerPool
from kombu.transport import redis, virtual

from worker.jobs.routes import TASK_OF
from worker.ledger import RedisError
from worker.ledger.connection import WRITABLE, WRITABLE_MS, outage
from worker.ledger.connection import Connection as ProvedConnection
from worker.ledger.connection import TlsConnection as ProvedTlsConnection
from worker.ledger.redis_errors import in_words

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)

PAUSES: Final[dict[str, Any]] = {"interval_start": 1, "interval_step": 1, "interval_max": 5}
"""Seconds between two attempts to connect, unless the caller says otherwise."""
FOREIGN_LOGS: Final = ("celery", "kombu", "flower", "tornado")
WAKING: Final = frozenset(TASK_OF.values())
"""The tasks whose messages only wake a worker for a job."""
UNREADABLE: Final = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError)
"""What Celery and kombu raise over a message whose parts are not of the types that they expect. A lost connection is
not among them: the message is then given back."""
WRAPPERS: Final = (KombuError, SchedulingError)
"""The errors in which Celery and kombu wrap an error of Redis. An error inside any other one is not looked for."""


class GivenUp(ConnectionError):
    """Code still uses a connection that Celery has given up. The reason was logged when it did."""


class NotReady(ConnectionError):
    """Redis answers, but can't hold the queue now. As this is an error of the connection, Celery tries again later."""


class QoS(redis.QoS):
    """The messages that a worker has taken and not yet acknowledged.

    One that only wakes a worker for a job is kept in memory, which costs Redis nothing: if it is lost with its worker,
    the sweep sends another. Any other may be all there is of what somebody asked for: kombu notes it in Redis too, and
    delivers it again after the visibility timeout.
    """

    _delivered: Any

    def append(self, message: Any, delivery_tag: str) -> None:
        """Keep a message that was taken."""
        _keeper_of(message).append(self, message, delivery_tag)

    def ack(self, delivery_tag: str) -> None:
        """Acknowledge a message; if that fails in Redis, forget the message here all the same.

        Redis delivers it again after the visibility timeout. If it stayed, it would count as unacknowledged for ever,
        and after a few of them the worker would take no more messages.
        """
        try:
            _keeper_of(self._delivered.get(delivery_tag)).ack(self, delivery_tag)
        except (RedisError, GivenUp):
            virtual.QoS.ack(self, delivery_tag)
            raise

    def restore_visible(self, *args: Any, **options: Any) -> None:
        """Deliver again what somebody took long ago and did not acknowledge; not what this worker still holds."""
        held = [tag for tag, message in self._delivered.items() if _keeper_of(message) is redis.QoS]
        if held:
            channel = cast("Channel", self.channel)
            with channel.conn_or_acquire() as client:
                client.zadd(channel.unacked_index_key, dict.fromkeys(held, time.time()), xx=True)
        super().restore_visible(*args, **options)

    def restore_by_tag(self, tag: str, client: Any = None, leftmost: bool = False) -> None:  # noqa: FBT001, FBT002 - kombu's
        """Give a message back to its queue, to be the next one taken; `leftmost` means the last one."""
        message, channel = self._delivered.get(tag), cast("Channel", self.channel)
        if _keeper_of(message) is redis.QoS:
            super().restore_by_tag(tag, client, leftmost)
            return
        with channel.conn_or_acquire(client) as connected:
            channel.give_back(message, connected, leftmost=leftmost)


def _log_dropped(error: Exception) -> None:
    log.error("A queue held something that is not a message; it is dropped: %s", type(error).__name__)


def _keeper_of(message: Any) -> type[virtual.QoS]:
    return virtual.QoS if message is not None and message.headers.get("task") in WAKING else redis.QoS


class Message(virtual.Message):
    """A message that can be kept and given back, and whose task has a name."""

    def __init__(self, *args: Any, **options: Any) -> None:
        """Raises TypeError and KeyError if it can't be kept: its tag is not a text, or it does not say its queue."""
        super().__init__(*args, **options)
        if not isinstance(self.delivery_tag, str):
            raise TypeError("the tag is not a text")
        _ = self.delivery_info["exchange"], self.delivery_info["routing_key"]
        if not isinstance(self.headers.get("task", ""), str):
            self.headers["task"] = "no name of a task"


class Channel(redis.Channel):
    """A channel that opens only if Redis accepts writes, and that raises GivenUp once its connection is given up."""

    QoS = QoS
    Message = Message
    connection_class = ProvedConnection
    connection_class_ssl = ProvedTlsConnection

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # A Redis that is a replica, or whose memory or disk is full, answers a ping and refuses whatever Celery does
        # next. Celery would reconnect many times a second; if the connection fails here, it waits between attempts.
        try:
            self.client.set(WRITABLE, "", px=WRITABLE_MS)
        except RedisError:
            transport: Any = self.connection
            transport.cycle.discard(self)
            self._disconnect_pools()  # type: ignore[attr-defined]
            raise

    def _brpop_read(self, **options: Any) -> Any:
        """Take what Redis has answered, unless it is not JSON: that is dropped."""
        try:
            return super()._brpop_read(**options)  # type: ignore[misc]
        except UNREADABLE as error:
            _log_dropped(error)
            # Should it have been Redis' answer that could not be read, the next one would be read from its middle.
            self.client.connection.disconnect()
            return True

    def give_back(self, message: Any, client: Any, *, leftmost: bool) -> None:
        """Push a message that is not noted in Redis back onto its queue. Raises RedisError."""
        place = message.delivery_info
        self._do_restore_message(  # type: ignore[attr-defined]
            message.serializable(), place["exchange"], place["routing_key"], client, leftmost
        )

    def _connparams(self, *args: Any, **options: Any) -> Any:
        """Raise GivenUp if there is nothing to connect to.

        If Redis goes away while jobs run, Celery gives the connection up. Code that then still uses one of its
        channels, to acknowledge a job or to close it again, would meet an AttributeError in kombu 5.7, which ends the
        worker. GivenUp is an error of the connection, which Celery expects.
        """
        if getattr(self.connection, "client", None) is None:
            raise GivenUp
        return super()._connparams(*args, **options)  # type: ignore[misc]


class Transport(redis.Transport):
    """Kombu's transport, but it treats each refusal of Redis as a lost connection, so that Celery reconnects.

    In kombu, a refusal is an error of the channel, which ends the worker.
    """

    Channel = Channel
    connection_errors = (*redis.Transport.connection_errors, RedisError)

    def _deliver(self, message: Any, queue: Any) -> None:
        """Hand a message to the consumer, or a broadcast to whom it is for. What can't be read is dropped."""
        try:
            super()._deliver(message, queue)
        except UNREADABLE as error:
            _log_dropped(error)


class Connection(kombu.Connection):
    """A connection through that transport. If it can't be made, the reason is logged in our words."""

    before: Callable[[], None] | None = None
    """Called each time before it connects; raises NotReady if it must wait."""

    def get_transport_cls(self) -> type[Transport]:
        """Our transport, whatever kombu's table says; the URL in Flower and in the log keeps its scheme."""
        return Transport

    def _establish_connection(self) -> Any:
        if self.before:
            self.before()
        connection = super()._establish_connection()
        outage.ended()
        return connection

    def _ensure_connection(  # type: ignore[override] # kombu's own arguments, in its order
        self, errback: object = None, max_retries: int | None = None, *pauses: float, **options: Any
    ) -> Any:
        """Connect, with as many retries as are asked for; Celery's own log line for each (`errback`) is left out."""
        del errback
        given = dict(zip(PAUSES, pauses, strict=False))
        return super()._ensure_connection(_log_outage, max_retries, **(PAUSES | given | options))


class Queues(AMQP):
    """Celery's queues over such connections, in pools of this application alone.

    Celery's pools are shared by the whole process, so a listener's own Celery application would get our limits.
    """

    Connection = Connection

    _producer_pool: ProducerPool | None

    @property
    def producer_pool(self) -> ProducerPool:
        """The pool of producers that send messages."""
        if self._producer_pool is None:
            pool: Any = self.app.connection_for_write().Pool(self.app.conf.broker_pool_limit)
            self._producer_pool = ProducerPool(pool, limit=pool.limit)
        return self._producer_pool


def _log_outage(error: BaseException, _interval: float = 0) -> None:
    if words := _words_of(error):
        outage.met(words)


def _words_of(error: BaseException) -> str:
    """In our words, what Redis did to cause an error; empty if the error did not come from Redis."""
    met: BaseException | None = error
    while isinstance(met, WRAPPERS):
        met = met.__cause__ or met.__context__
    if isinstance(met, NotReady):
        return str(met)
    return in_words(met) if isinstance(met, RedisError) else ""


class InWords(logging.Filter):
    """Replaces an error of Redis in the lines of Celery, kombu and Flower by our words, and leaves out its trace.

    Redis' own text can hold anything, and a trace per thread and second adds nothing.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record in place; False drops a record that repeats what has been logged."""
        if not record.name.startswith(FOREIGN_LOGS):
            return True
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, GivenUp):
            return False
        if error and (words := _words_of(error)):
            # Such lines come with a trace for each message, due task or timer; one line with the reason is enough.
            outage.met(words)
            return False
        if isinstance(record.args, tuple):
            record.args = tuple(_shown(each) for each in record.args)
        return True


def _shown(argument: object) -> object:
    words = _words_of(argument) if isinstance(argument, BaseException) else ""
    return f"Redis {words}" if words else argument
