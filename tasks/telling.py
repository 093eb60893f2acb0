"""What Flower is told of a task: in plain words how it ended, and nothing of a task that found nothing to do.

Celery would send an error's representation and Python's trace, which say nothing to an operator, and the arguments as
their sender wrote them, which can hold anything.
"""

from __future__ import annotations

import re
import time
from datetime import datetime
from traceback import format_tb
from typing import TYPE_CHECKING, Any, Final

from billiard.einfo import ExceptionWithTraceback  # type: ignore[attr-defined] # its stub is not complete
from celery.exceptions import Reject
from celery.exceptions import Retry as CelerysRetry
from celery.worker.request import Request

from tasks.coming_again import ComesAgain, after, tried_again
from worker.jobs.errors import InternalError, SyncError
from worker.jobs.intents import Intent

if TYPE_CHECKING:
    from worker.jobs.catalogue import Failure

IDS: Final = re.compile(
    r"[(\[{](?:'(?:\d{1,20}|customer|subscription|kind|system_id|customer_id)'|\d{1,20}|[,: ]){0,20}[)\]}]"
)
"""Arguments that are ids alone. Only these are shown, because anybody can send a message."""
NOT_SHOWN: Final = "(…)"
BEGUN: Final = frozenset({"task-received", "task-started"})
TROUBLE: Final = frozenset({"task-failed", "task-retried"})
OLDEST_SECONDS: Final = 10.0
"""How old an event may be that is sent later: Flower takes an older one for a sign of a wrong clock, and warns."""


class Told(Request):
    """A message of which Flower is told in plain words. Its task has `send_events` off, so Celery itself says nothing.

    One that is tried again by Celery was received before, and is shown as RETRY until it starts.
    """

    _argsrepr: object
    _kwargsrepr: object
    ending: BaseException | None = None
    was_received = False

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._argsrepr, self._kwargsrepr = _shown(self._argsrepr), _shown(self._kwargsrepr)
        if self.eta is None:
            self.tell_received()

    def tell_received(self) -> None:
        """Say that it is here, once."""
        if self.was_received:
            return
        self.was_received, expires = True, self.request_dict.get("expires") and self.expires
        self.send_event(
            "task-received",
            name=self.name,
            args=self.argsrepr,
            kwargs=self.kwargsrepr,
            root_id=self.root_id,
            parent_id=self.parent_id,
            retries=self.request_dict.get("retries", 0),
            eta=self.eta and self.eta.isoformat(),
            expires=expires and expires.isoformat(),
        )

    def on_accepted(self, pid: Any, time_accepted: float) -> None:
        """Say that it has started."""
        self.tell_received()
        super().on_accepted(pid, time_accepted)

    def on_failure(self, exc_info: Any, *args: Any, **options: Any) -> Any:
        """Say how it ended, if not well."""
        error = exc_info.exception
        self.ending = error.exc if isinstance(error, ExceptionWithTraceback) else error
        return super().on_failure(exc_info, *args, **options)

    def send_event(self, type: str, **fields: Any) -> None:  # noqa: A002 - Celery's name
        """Send an event, in our words; an end that is good takes back what an earlier attempt met."""
        if type in TROUBLE and self.ending is not None:
            fields |= told(self.ending)
        elif type == "task-succeeded":
            fields |= {"exception": None, "traceback": None}
        if self.eventer and self.eventer.enabled:
            self.eventer.send(type, uuid=self.id, **fields)

    def info(self, safe: bool = False) -> Any:  # noqa: FBT001, FBT002 - Celery's
        """What the worker says of it if Flower inspects it."""
        del safe
        return super().info(safe=True)


class ToldIfNews(Told):
    """A message of the schedule: Flower is told of it once it has ended, and only if it did something or failed.

    There are hundreds a day, and they would fill Flower's list, in which people look for their customers.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        self._begun: list[tuple[str, dict[str, Any]]] = []
        super().__init__(*args, **options)

    def send_event(self, type: str, **fields: Any) -> None:  # noqa: A002 - Celery's name
        """Keep how it began until it has ended."""
        if type in BEGUN:
            self._begun.append((type, fields | {"timestamp": time.time()}))
            return
        if type == "task-succeeded" and not any(fields["result"].values()):
            return
        oldest = time.time() - OLDEST_SECONDS
        while self._begun:
            name, first = self._begun.pop(0)
            super().send_event(name, **first | {"timestamp": max(first["timestamp"], oldest)})
        super().send_event(type, **fields)


def told(ending: BaseException) -> dict[str, str | None]:
    """What Flower shows of an attempt that did not end well.

    Only a fault of the software has a trace: its places, without the error's text, which can hold anything.
    """
    again: Any = ending.args[0] if isinstance(ending, Reject) else ending  # of a retry that could not be sent
    if isinstance(again, CelerysRetry):
        return {"exception": _of_retry(again), "traceback": None}
    error = ending if isinstance(ending, SyncError) or not isinstance(ending, Exception) else InternalError.of(ending)
    if not isinstance(error, SyncError):
        return {"exception": type(error).__name__, "traceback": None}
    trace = "".join(["Traceback (most recent call last):\n", *format_tb(error.__traceback__)])
    return {"exception": in_words(error.failure), "traceback": trace if error.intent is Intent.OURS else None}


def in_words(failure: Failure) -> str:
    """An error with what to do about it, a line for each of the catalogue's texts."""
    entry = failure.entry
    return "\n".join([failure.headline, failure.message, f"Cause: {entry.cause}", f"Resolution: {entry.resolution}"])


def _of_retry(again: CelerysRetry) -> str:
    when: Any = again.when
    if isinstance(again, ComesAgain):
        sentence, failure = str(again), again.failure
    else:
        due = when if isinstance(when, datetime) or when is None else after(when)
        sentence, failure = f"It {tried_again(due)}", again.exc.failure if isinstance(again.exc, SyncError) else None
    sentence = sentence[:1].upper() + sentence[1:]
    return "\n".join([sentence, in_words(failure)] if failure else [sentence])


def _shown(arguments: object) -> str:
    """Arguments as their sender wrote them, if they are ids alone."""
    text = str(arguments)
    return text if not text or IDS.fullmatch(text) else NOT_SHOWN
