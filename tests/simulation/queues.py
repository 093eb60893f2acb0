"""The queues: first in, first out, in the lists that Celery's broker keeps in Redis; messages get lost and repeated."""

from __future__ import annotations

import json
from base64 import b64decode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kombu.exceptions import OperationalError

from tests.simulation.chance import Fault
from worker.app import VISIBILITY_TIMEOUT_SECONDS
from worker.broker import WAKING
from worker.jobs.routes import CUSTOMERS, QUEUE_OF, SUBSCRIPTIONS, TASK_OF, UPKEEP

if TYPE_CHECKING:
    from collections.abc import Iterable

    import redis

    from tests.simulation.stage import Stage

VISIBILITY_MS = VISIBILITY_TIMEOUT_SECONDS * 1000
LONGEST_DELAY_SECONDS = 90
ALL = (CUSTOMERS, SUBSCRIPTIONS, UPKEEP)
LENGTHS = "local n = {} for i, key in ipairs(KEYS) do n[i] = redis.call('LLEN', key) end return n"
QUEUE_OF_TASK = {TASK_OF[kind]: queue for kind, queue in QUEUE_OF.items()}


@dataclass(frozen=True, order=True)
class Delayed:
    """A message on its way: a retry with its countdown, or one that a killed worker had not acknowledged."""

    due_ms: int
    number: int
    queue: str
    text: str


class Queues:
    """What publishes messages in Celery's place, and hands them to workers."""

    def __init__(self, client: redis.Redis, stage: Stage) -> None:
        self._client = client
        self._stage = stage
        self._delayed: list[Delayed] = []
        self._number = 0

    def publish(
        self,
        name: str,
        args: Iterable[object] = (),
        kwargs: object = None,
        *,
        queue: str | None = None,
        countdown: float | None = None,
        retries: int = 0,
        **_: object,
    ) -> None:
        """Stand in for Celery's `send_task`. Raises OperationalError; the message may have landed all the same."""
        assert not kwargs
        if queue is None:
            queue = QUEUE_OF_TASK.get(name, UPKEEP)
        text = json.dumps({"task": name, "args": list(args), "retries": retries})
        if self._stage.actor and self._stage.chance.strikes(Fault.QUEUE_SILENT):
            landed = self._stage.chance.random.random() < 1 / 2
            self._stage.note(f"can't publish {text}{', which lands' if landed else ''}")
            if landed:
                self._put(queue, text)
            raise OperationalError
        self._stage.note(f"publishes {text} to {queue}" + (f", due in {countdown:.1f} s" if countdown else ""))
        if countdown:
            self._delay(queue, text, int(countdown * 1000))
        else:
            self._put(queue, text)

    def take(self, queue: str) -> dict[str, Any] | None:
        """The oldest message of a queue that has one; None where it gets lost or is late."""
        text: Any = self._client.rpop(queue)
        chance = self._stage.chance
        match chance.first(Fault.MESSAGE_LOST, Fault.MESSAGE_DELAYED, Fault.MESSAGE_REPEATED):
            case Fault.MESSAGE_LOST:
                self._stage.note(f"loses {text}")
                return None
            case Fault.MESSAGE_DELAYED:
                self._stage.note(f"delays {text}")
                self._delay(queue, text, 1000 * chance.random.randint(1, LONGEST_DELAY_SECONDS))
                return None
            case Fault.MESSAGE_REPEATED:
                self._delay(queue, text, chance.random.randint(0, 1000 * LONGEST_DELAY_SECONDS))
        return {"queue": queue, "text": text, **_read(text)}

    def not_acknowledged(self, message: dict[str, Any]) -> None:
        """A worker died with a message. A wake-up is gone; another comes back, if the worker had written it down."""
        if message["task"] not in WAKING and self._stage.chance.random.random() < 1 / 2:
            self._delay(message["queue"], message["text"], VISIBILITY_MS)

    def deliver_delayed(self) -> None:
        """Put the messages whose time has come where they are taken next, as the broker does."""
        now = self._stage.clock.now_ms
        due = sorted(each for each in self._delayed if each.due_ms <= now)
        for each in due:
            self._delayed.remove(each)
            self._client.rpush(each.queue, each.text)

    @property
    def next_due_ms(self) -> int | None:
        """When the next message that is on its way arrives."""
        return min((each.due_ms for each in self._delayed), default=None)

    @property
    def lengths(self) -> dict[str, int]:
        """How many messages wait in each queue; the ledger's scripts push them, too."""
        lengths: Any = self._client.eval(LENGTHS, len(ALL), *ALL)
        return dict(zip(ALL, lengths, strict=True))

    def _put(self, queue: str, text: str) -> None:
        self._client.lpush(queue, text)

    def _delay(self, queue: str, text: str, milliseconds: int) -> None:
        self._number += 1
        self._delayed.append(Delayed(self._stage.clock.now_ms + milliseconds, self._number, queue, text))


def _read(text: str) -> dict[str, Any]:
    """The task, the arguments and the retries of a message: one of Celery's form, or one of `publish`."""
    message: dict[str, Any] = json.loads(text)
    if "headers" not in message:
        return message
    return {
        "task": message["headers"]["task"],
        "args": json.loads(b64decode(message["body"]))[0],
        "retries": message["headers"]["retries"],
    }
