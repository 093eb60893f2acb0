"""Carrying on in a worker: its threads run the jobs that they were granted, each as a task of its own to Celery.

A job that is carried on with comes without Celery. Its events are sent all the same, so that Flower shows it like any
other: with its own id, arguments, state, runtime and page.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections import OrderedDict
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from celery.app.trace import trace_task_ret
from celery.concurrency import thread
from celery.concurrency.base import apply_target
from celery.worker import state

from tasks.telling import Told
from worker.jobs.errors import InternalError, error_fields
from worker.jobs.routes import QUEUES, TASK_OF
from worker.ledger.guard import Carrying, carrying

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import ThreadPoolExecutor

    from worker.ledger import Claim

log = logging.getLogger(__name__)

GOES_BACK_SECONDS: Final = 1.0
"""Seconds after which one of a worker's threads goes back to Celery, whatever there is to carry on with."""


class TaskPool(thread.TaskPool):
    """Celery's pool of threads, which carry on."""

    executor: ThreadPoolExecutor

    def __init__(self, *args: Any, **options: Any) -> None:
        """Make the pool."""
        super().__init__(*args, **options)
        self._waiting: OrderedDict[Callable[[], object], None] = OrderedDict()
        self._running: set[Callable[[], object]] = set()
        self._last_came_at = 0.0
        self.eventer: Any = None
        """The consumer's dispatcher of events: it has another after each outage of Redis."""

    def on_apply(
        self,
        target: Any,
        args: Any = None,
        kwargs: Any = None,
        callback: Any = None,
        accept_callback: Any = None,
        **_: Any,
    ) -> Any:
        """Run a task in a thread, and then what that thread was granted."""
        task = partial(apply_target, target, args, kwargs, callback, accept_callback)
        self._waiting[task] = None
        future = self.executor.submit(self._run, task, callback.__self__)
        return thread.ApplyResult(future)  # type: ignore[attr-defined] # its stub is not complete

    def _run(self, task: Callable[[], object], first: Told) -> None:
        self._last_came_at = time.monotonic()
        self._running.add(task)
        self._waiting.pop(task, None)
        settings = self.app.settings
        run = Carrying(settings.carry_on_jobs, settings.carry_on_seconds, is_wanted=self._is_wanted)
        token = carrying.set(run)
        try:
            with _held(first):
                task()
                while claim := run.next_claim:
                    self._carry_on(first, claim)
                    if run.next_claim is claim:  # refused before it was taken
                        break
        except Exception as error:  # noqa: BLE001 - nobody asks for what a thread ends with
            # The job comes back once its lease has run out, and this thread is free for the next one.
            _report(InternalError.of(error))
        finally:
            carrying.reset(token)
            self._running.discard(task)

    def _is_wanted(self) -> bool:
        """Whether a thread must go back to Celery.

        It must if the worker stops, or takes messages from only some of the queues. If all threads are busy, one goes
        back for each task that waits for a thread, so asking takes that task's mark away. One also goes back if none
        has come from Celery for a second: otherwise a queue that only Celery knows would never be read.
        """
        if is_stopping() or not self.active or not self._takes_from_all_queues():
            return True
        if len(self._running) < self.limit:
            return False
        now = time.monotonic()
        if now >= self._last_came_at + GOES_BACK_SECONDS:
            self._last_came_at = now  # so that no other thread goes back for it
            return True
        try:
            self._waiting.popitem(last=False)  # the oldest, which runs next; no other thread goes back for it
        except KeyError:
            return False
        return True

    def _takes_from_all_queues(self) -> bool:
        taken_from = self.app.amqp.queues.consume_from
        return all(queue in taken_from for queue in QUEUES)

    def _carry_on(self, first: Told, claim: Claim) -> None:
        """Run a job that has been granted; `first` is the task whose message the thread has got."""
        request = Carried.of(claim, first, self)
        target = request.name, request.id, request.request_dict, request.body, None, None
        apply_target(trace_task_ret, target, {"app": request.app}, request.on_success, request.on_accepted)


class WakeUp(Told):
    """A message that wakes a worker for a job. It is acknowledged when its thread is free again.

    Until then it counts against the prefetch limit: a worker takes no messages for which it has no thread.
    """

    is_held = was_done = False

    def acknowledge(self) -> None:
        """Acknowledge the message, or note it if its thread goes on."""
        self.was_done = True
        if not self.is_held:
            super().acknowledge()


def _report(fault: InternalError) -> None:
    log.error("a thread met a fault of ours outside of any job: %s", fault, extra=error_fields(fault))


@contextmanager
def _held(message: Told) -> Iterator[None]:
    if not isinstance(message, WakeUp):
        yield
        return
    message.is_held = True
    try:
        yield
    finally:
        message.is_held = False
        if message.was_done:
            message.acknowledge()


def is_stopping() -> bool:
    """Whether the worker is to stop as soon as the jobs that run have ended."""
    ends: tuple[Any, ...] = state.should_stop, state.should_terminate  # an exit code, which can be 0
    return any(each is not None and each is not False for each in ends)


class Carried(Told):
    """A task that runs without having come through Celery.

    Celery tells the tasks that it knows of where to send their events, each time it has reconnected to Redis. This one
    looks by itself.
    """

    def __init__(self, *args: Any, pool: TaskPool, **options: Any) -> None:
        """`pool` runs it, and knows where events go."""
        self.pool = pool
        super().__init__(*args, **options)

    @classmethod
    def of(cls, claim: Claim, first: Told, pool: TaskPool) -> Carried:
        """The task of a job that has been granted to the thread of `first`."""
        job, task_id = claim.job, claim.message_id or str(uuid.uuid4())
        args = job.system_id, job.customer_id
        headers: dict[str, Any] = {"task": TASK_OF[job.kind], "id": task_id, "root_id": task_id, "retries": 0}
        headers |= {"argsrepr": repr(args), "kwargsrepr": "{}"}
        return cls(
            first.message,
            headers=headers,
            body=(args, {}, {}),
            decoded=True,
            app=first.app,
            hostname=first.hostname,
            eventer=first.eventer,
            pool=pool,
        )

    def send_event(self, type: str, **fields: Any) -> None:  # noqa: A002 - Celery's name
        """Send an event by the dispatcher that the consumer has now."""
        self.eventer = self.pool.eventer or self.eventer
        super().send_event(type, **fields)
