"""What Flower is told of a task: its events, as they would be sent."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from billiard.einfo import ExceptionInfo
from celery.exceptions import Reject, Retry

from tasks.coming_again import ComesAgain
from tasks.telling import OLDEST_SECONDS, Told, ToldIfNews, told
from worker.app import app
from worker.jobs.errors import EmailMissing
from worker.jobs.routes import ACCEPT_TRIGGER, RERUN, SWEEP, TRANSFER_CUSTOMER

if TYPE_CHECKING:
    from collections.abc import Mapping

EMAIL = "zoe@example.com"
NOTHING, SOMETHING = {"due": 0, "lost": 0}, {"due": 0, "lost": 3}


@dataclass
class Events:
    """A dispatcher that keeps what it is given."""

    sent: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    enabled: bool = True

    def send(self, type: str, **fields: Any) -> None:  # noqa: A002 - Celery's name
        """Keep an event."""
        self.sent.append((type, fields))

    @property
    def types(self) -> list[str]:
        """What was sent, in its order."""
        return [name for name, _ in self.sent]


def taken(kind: type[Told], events: Events, name: str = SWEEP, args: tuple[Any, ...] = (), **headers: Any) -> Told:
    """A message that a worker has taken."""
    message = SimpleNamespace(delivery_info={}, properties={}, payload=(args, {}, {}))
    sent = {"task": name, "id": "1", "argsrepr": repr(args), "kwargsrepr": "{}"} | headers
    return kind(message, headers=sent, body=(args, {}, {}), decoded=True, app=app, eventer=events)


def raised(error: Exception) -> Exception:
    """The error with a trace, as if it had been raised by a task."""
    with pytest.raises(type(error)) as caught:
        raise error
    return caught.value


def retry(error: Exception | None = None) -> Retry:
    """A retry of Celery's, in some seconds."""
    seconds: Any = 0.5
    return Retry(exc=error, when=seconds)


def run(request: Told, ended: object) -> None:
    """Let it start, and end with a result or an error."""
    request.on_accepted(1, time.monotonic())
    if not isinstance(ended, Exception):
        request.on_success((False, ended, 0.1))
        return
    caught = raised(ended)
    request.on_success((True, ExceptionInfo((type(caught), caught, caught.__traceback__)), 0.1))


def test_scheduled_task_that_found_nothing_to_do_is_not_told() -> None:
    """There are hundreds a day."""
    events = Events()
    run(taken(ToldIfNews, events), NOTHING)
    assert events.types == []


@pytest.mark.parametrize(
    ("ended", "end"),
    [(SOMETHING, "task-succeeded"), (RuntimeError(EMAIL), "task-failed"), (EmailMissing(), "task-failed")],
)
def test_scheduled_task_that_did_something_or_failed_is_told_from_its_beginning(ended: object, end: str) -> None:
    """Else Flower would not know its name."""
    events = Events()
    run(taken(ToldIfNews, events), ended)
    assert events.types == ["task-received", "task-started", end]
    received = events.sent[0][1]
    assert (received["name"], received["args"]) == (SWEEP, "()")
    assert EMAIL not in str(events.sent)


def test_what_is_told_late_is_not_taken_for_a_wrong_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Flower warns of events that are older than some seconds."""
    events, now = Events(), time.time()
    request = taken(ToldIfNews, events)
    monkeypatch.setattr("tasks.telling.time.time", lambda: now + 60)
    run(request, SOMETHING)
    assert all(fields["timestamp"] >= now + 60 - OLDEST_SECONDS for _, fields in events.sent[:2])


def test_retry_of_celerys_reads_retry_until_it_starts() -> None:
    """A worker receives it long before, which would make it read RECEIVED."""
    events = Events()
    request = taken(Told, events, eta="2126-11-27T06:00:00+00:00", retries=1)
    assert events.types == []
    run(request, {"state": "done"})
    assert events.types == ["task-received", "task-started", "task-succeeded"]
    assert events.sent[0][1]["retries"] == 1


@pytest.mark.parametrize(
    ("name", "args", "shown"),
    [
        (TRANSFER_CUSTOMER, (4021, "150713"), "(4021, '150713')"),
        (RERUN, ("customer", 4021, "150713"), "('customer', 4021, '150713')"),
        (SWEEP, (), "()"),
        (TRANSFER_CUSTOMER, (4021, EMAIL), "(…)"),
        (TRANSFER_CUSTOMER, (4021, "Zoë"), "(…)"),
        (ACCEPT_TRIGGER, ({"notifications": []},), "(…)"),
    ],
)
def test_only_ids_are_shown_of_arguments(name: str, args: tuple[Any, ...], shown: str) -> None:
    """Anybody can send a message with anything in it. The same holds for what `inspect` answers."""
    events = Events()
    request = taken(Told, events, name, args)
    assert events.sent[0][1]["args"] == shown
    assert request.info()["args"] == shown


def test_arguments_of_a_sender_that_writes_no_text_are_not_shown() -> None:
    """Its headers can be anything, too."""
    events = Events()
    taken(Told, events, argsrepr=[EMAIL], kwargsrepr={"email": EMAIL})
    assert EMAIL not in str(events.sent)


@pytest.mark.parametrize(
    ("ending", "words"),
    [
        (retry(EmailMissing()), "It is tried again at 20"),
        (retry(), "It is tried again at 20"),
        (Reject(retry(EmailMissing()), requeue=False), "It is tried again at 20"),
        (ComesAgain("customer 4021/1 goes on at its turn."), "Customer 4021/1 goes on at its turn."),
        (EmailMissing(), f"{EmailMissing.entry.title} (email-missing)"),
    ],
)
def test_end_is_told_in_plain_words(ending: Exception, words: str) -> None:
    """Without a trace, and without Python's names."""
    said: Mapping[str, str | None] = told(ending)
    assert said["traceback"] is None
    assert str(said["exception"]).startswith(words)
    assert "Retry" not in str(said["exception"])


def test_fault_is_told_by_its_kind_and_its_places() -> None:
    """Also one that Celery itself meets, outside a job."""
    said = told(raised(KeyError(EMAIL)))
    assert "KeyError in raised:" in str(said["exception"])
    assert str(said["traceback"]).startswith("Traceback (most recent call last):\n  File")
    assert EMAIL not in str(said["exception"])


def test_coming_again_survives_the_way_between_processes() -> None:
    """A pool of processes pickles it."""
    again = ComesAgain("customer 4021/1 goes on at its turn.", EmailMissing().failure)
    made, args = again.__reduce__()
    assert told(made(*args)) == told(again)
