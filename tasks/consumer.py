"""What a worker does with what stands in its queues and no task takes: anybody can send it anything."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from celery.worker.consumer import Consumer as CelerysConsumer

from tasks.unknown import UnknownTasks
from worker.broker import UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.app import SyncApp

log = logging.getLogger(__name__)


class Consumer(CelerysConsumer):
    """A consumer that no message can end: Celery would push it back for the next worker."""

    app: SyncApp
    connection_errors: tuple[type[Exception], ...]
    event_dispatcher: Any

    def __init__(self, *args: Any, **options: Any) -> None:
        """Begin with nothing noted."""
        super().__init__(*args, **options)
        self._unknown = UnknownTasks(lambda: self.app.reloader.ledger)

    def create_task_handler(self, *args: Any) -> Callable[[Any], None]:
        """Celery's handler of messages; one that it can't handle is dropped, and logged without what is in it."""
        take = super().create_task_handler(*args)

        def take_or_drop(message: Any) -> None:
            try:
                take(message)
            except UNREADABLE as error:
                self._drop(message, f"its headers are not those of a task: {type(error).__name__}")

        return take_or_drop

    # Celery's own lines for these four repeat the whole message, in which there can be anything.

    def on_unknown_task(self, body: Any, message: Any, exc: Exception) -> None:
        """Drop a message that asks for a task that there is not; an operator sees it, and Flower shows it as failed."""
        del body, exc
        error = self._unknown.add(str(message.headers.get("task") or message.payload["task"]))
        self._reject(message)
        task_id = message.headers.get("id")
        if self.event_dispatcher and isinstance(task_id, str):
            words = f"{error.failure.headline}: {error.failure.whole_message}"
            self.event_dispatcher.send("task-failed", uuid=task_id, exception=words)

    def on_unknown_message(self, body: Any, message: Any) -> None:
        """Drop what asks for no task."""
        del body
        self._drop(message, "it asks for no task")

    def on_invalid_task(self, body: Any, message: Any, exc: Exception) -> None:
        """Drop what is no message of a task."""
        del body
        self._drop(message, f"it is none that a task takes: {type(exc).__name__}")

    def on_decode_error(self, message: Any, exc: Exception) -> None:
        """Drop what can't be decoded."""
        self._drop(message, f"it can't be decoded: {type(exc).__name__}")

    def _drop(self, message: Any, why: str) -> None:
        log.error("A message is dropped, as %s", why)
        self._reject(message)

    def _reject(self, message: Any) -> None:
        if not message.acknowledged:
            message.reject_log_error(log, self.connection_errors)
