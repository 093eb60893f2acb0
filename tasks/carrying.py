"""Carrying on in a worker: its threads run the jobs that they were granted, each as a task of its own to Celery.

A job that is carried on with has no message. Its events are sent all the same, so that Flower shows it like any other:
with its own id, arguments, state, runtime and page.
"""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from celery.app.trace import trace_task_ret
from celery.concurrency import thread
from celery.concurrency.base import apply_target
from celery.worker import state
from celery.worker.request import Request

from worker.jobs.routes import TASK_OF
from worker.ledger.guard import Slice, current_slice

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import ThreadPoolExecutor

    from worker.jobs.job import Job


class TaskPool(thread.TaskPool):
    """Celery's pool of threads, which carry on."""

    executor: ThreadPoolExecutor

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
        future = self.executor.submit(self._run, target, args, kwargs, callback, accept_callback)
        return thread.ApplyResult(future)  # type: ignore[attr-defined] # its stub is not complete

    def _run(self, target: Any, args: Any, kwargs: Any, callback: Any, accept_callback: Any) -> None:
        settings, first = self.app.settings, callback.__self__
        slice_ = Slice(settings.carry_on_jobs, settings.carry_on_seconds, is_stopping=is_stopping)
        token = current_slice.set(slice_)
        try:
            with _held(first):
                apply_target(target, args, kwargs, callback, accept_callback)
                while claim := slice_.next_claim:
                    _carry_on(first, claim.job)
                    if slice_.next_claim is claim:  # refused before it was taken
                        break
        finally:
            current_slice.reset(token)


class WakeUp(Request):
    """A message that wakes a worker for a job. It is acknowledged when its thread is free again.

    Until then it counts against the prefetch limit: a worker takes no messages for which it has no thread.
    """

    is_held = was_done = False

    def acknowledge(self) -> None:
        """Acknowledge the message, or note it if its thread goes on."""
        self.was_done = True
        if not self.is_held:
            super().acknowledge()


@contextmanager
def _held(message: Request) -> Iterator[None]:
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


def _carry_on(first: Request, job: Job) -> None:
    """Run a job that has been granted; `first` is the task whose message the thread has got."""
    request = _request(first, job)
    headers = request.request_dict
    request.send_event(
        "task-received",
        name=request.name,
        args=request.argsrepr,
        kwargs=request.kwargsrepr,
        root_id=request.root_id,
        parent_id=None,
        retries=0,
        eta=None,
        expires=None,
    )
    target = request.name, request.id, headers, request.body, None, None
    apply_target(trace_task_ret, target, {"app": request.app}, request.on_success, request.on_accepted)


def _request(first: Request, job: Job) -> Request:
    task_id, args = str(uuid.uuid4()), (job.system_id, job.customer_id)
    headers: dict[str, Any] = {"task": TASK_OF[job.kind], "id": task_id, "root_id": task_id, "retries": 0}
    headers |= {"argsrepr": repr(args), "kwargsrepr": "{}"}
    return Request(
        first.message,
        headers=headers,
        body=(args, {}, {}),
        decoded=True,
        app=first.app,
        hostname=first.hostname,
        eventer=first.eventer,
    )
