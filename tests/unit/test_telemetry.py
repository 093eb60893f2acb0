"""Reports to Sentry: which are sent, how they are grouped, and that they hold no personal data."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
import sentry_sdk
from celery import Celery
from sentry_sdk.integrations.stdlib import StdlibIntegration
from sentry_sdk.transport import Transport

from worker.errors import CustomerWriteFailed, InternalError
from worker.job import Job, Kind
from worker.settings import Settings
from worker.telemetry import grouped, start_sentry, tag

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sentry_sdk.envelope import Envelope

EMAIL = "zoe@example.com"
DSN = "https://key@sentry.example.com/1"


class Mailbox(Transport):
    """Keeps the events that would be sent."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[Any] = []

    def capture_envelope(self, envelope: Envelope) -> None:
        """Take an event."""
        if event := envelope.get_event():
            self.events.append(event)


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    """Sentry as a worker starts it, with a mailbox in place of the network."""
    box, init = Mailbox(), sentry_sdk.init
    monkeypatch.setattr("worker.telemetry.version", lambda _: "1.2.3")
    monkeypatch.setattr(sentry_sdk, "init", lambda **options: init(**options, transport=box))
    with sentry_sdk.isolation_scope():
        start_sentry(Settings(sentry_dsn=DSN, sentry_environment="staging"))
        yield box
        init()


def report(error: Exception) -> None:
    """Raise an error beside a variable that holds personal data, and report it."""
    email = EMAIL
    try:
        raise error
    except type(error):
        assert email
        sentry_sdk.capture_exception()


def test_without_a_dsn_nothing_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sentry is off unless somebody wants it."""
    started: list[object] = []
    monkeypatch.setattr(sentry_sdk, "init", lambda **options: started.append(options))
    start_sentry(Settings(sentry_dsn=None))
    assert started == []


def test_report_is_grouped_by_code_connection_and_status(mailbox: Mailbox) -> None:
    """One issue in Sentry for one cause, with the tags to search by."""
    tag(Job(Kind.CUSTOMER, 4021, "150713"), "0a8e")
    report(CustomerWriteFailed("taken", http_status=422))
    (event,) = mailbox.events
    assert event["fingerprint"] == ["customer-write-failed", "4021", "422"]
    assert event["tags"] == {
        "job": "customer 4021/150713",
        "connection": "4021",
        "tracking_guid": "0a8e",
        "code": "customer-write-failed",
        "http_status": "422",
    }
    assert (event["release"], event["environment"]) == ("stamped-customer-sync@1.2.3", "staging")


def test_report_holds_no_personal_data(mailbox: Mailbox) -> None:
    """Neither in the error's text nor in the variables around it, and no request body."""
    report(RuntimeError(f"cannot handle {EMAIL}"))
    (event,) = mailbox.events
    text = json.dumps(event)
    assert EMAIL not in text
    assert "cannot handle [masked]" in text
    assert all("vars" not in frame for frame in event["exception"]["values"][0]["stacktrace"]["frames"])


def test_hidden_cause_is_not_reported(mailbox: Mailbox) -> None:
    """An error that was raised in the place of another one, `from None`, comes alone."""
    fields: dict[str, str] = {}
    try:
        try:
            fields[EMAIL]
        except KeyError:
            raise InternalError("KeyError in f:1") from None
    except InternalError:
        sentry_sdk.capture_exception()
    (event,) = mailbox.events
    assert [exception["type"] for exception in event["exception"]["values"]] == ["InternalError"]


@pytest.mark.usefixtures("mailbox")
def test_calls_are_not_noted() -> None:
    """Sentry would add the address of each call to a report, and the query of a search holds an e-mail address."""
    assert sentry_sdk.get_client().get_integration(StdlibIntegration) is None


def test_failed_task_is_one_report(mailbox: Mailbox) -> None:
    """The log line about it is not a second one."""
    app = Celery("tests", set_as_current=False)

    @app.task
    def fail() -> None:
        error = CustomerWriteFailed("taken", http_status=422)
        logging.getLogger("tasks.jobs").error("customer 4021/150713: failed, %s", error)
        raise error

    fail.apply()
    assert [event["fingerprint"][0] for event in mailbox.events] == ["customer-write-failed"]


def test_other_events_stay_as_they_are() -> None:
    """Only errors of the catalogue are grouped by it."""
    assert grouped({"message": "hello"}, {}) == {"message": "hello"}
    event = grouped({}, {"exc_info": (KeyError, KeyError("x"), None)})
    assert "fingerprint" not in event
