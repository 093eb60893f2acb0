"""Reports to Sentry: which are sent, how they are grouped, and that they hold no personal data."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
import sentry_sdk
from celery import Celery
from sentry_sdk.integrations.argv import ArgvIntegration
from sentry_sdk.integrations.stdlib import StdlibIntegration
from sentry_sdk.transport import Transport

from worker.config.release import release
from worker.config.settings import Settings
from worker.jobs.errors import ConnectionUnknown, CustomerWriteFailed, InternalError, SyncError, TriggerMalformed
from worker.jobs.job import Job, Kind
from worker.telemetry import sentry, sentry_events
from worker.telemetry.logs import Attempt, running
from worker.telemetry.sentry import check_in, report_refusals, start_sentry
from worker.telemetry.sentry_events import grouped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sentry_sdk.envelope import Envelope

EMAIL = "zoe@example.com"
JOB = Job(Kind.CUSTOMER, 4021, "150713")
DSN = "https://key@sentry.example.com/1"


class Mailbox(Transport):
    """Keeps the events that would be sent."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[Any] = []
        self.check_ins: list[Any] = []

    def capture_envelope(self, envelope: Envelope) -> None:
        """Take an event or a check-in."""
        if event := envelope.get_event():
            self.events.append(event)
        self.check_ins += [item.payload.json for item in envelope.items if item.type == "check_in"]


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    """Sentry as a worker starts it, with a mailbox in place of the network."""
    box, init = Mailbox(), sentry_sdk.init
    monkeypatch.setattr(sentry_events, "release", lambda: "1.2.3")
    monkeypatch.setattr(sentry_sdk, "init", lambda **options: init(**options, transport=box))
    with sentry_sdk.isolation_scope() as scope:
        scope.clear()  # it begins as a copy of the process' own, which tasks in other tests may have tagged
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
    sentry.report(CustomerWriteFailed("taken", http_status=422), JOB, "0a8e")
    (event,) = mailbox.events
    assert event["fingerprint"] == ["customer-write-failed", "4021", "422"]
    assert event["tags"] == {
        "job": "customer 4021/150713",
        "connection": "4021",
        "tracking_guid": "0a8e",
        "outcome": "failed",
        "code": "customer-write-failed",
        "http_status": "422",
    }
    assert (event["release"], event["environment"]) == ("stamped-customer-sync@1.2.3", "staging")


def test_hold_is_an_issue_of_its_own(mailbox: Mailbox) -> None:
    """It is not counted among the jobs that failed with the same error."""
    sentry.report(CustomerWriteFailed(http_status=503), JOB, "0a8e", outcome=sentry.HOLD)
    (event,) = mailbox.events
    assert event["fingerprint"] == ["hold", "customer-write-failed", "4021", "503"]
    assert event["tags"]["outcome"] == "hold began"


def test_error_without_a_status_says_so(mailbox: Mailbox) -> None:
    """A status that there was not is no status."""
    sentry.report(InternalError("KeyError in f:1"), JOB, "0a8e")
    (event,) = mailbox.events
    assert event["fingerprint"] == ["internal-error", "4021", "none"]


def test_whatever_else_a_task_reports_names_its_job(mailbox: Mailbox) -> None:
    """A fault that nobody foresaw is found by its job too."""
    token = running.set(Attempt(JOB, "task-1", "0a8e", debug=False))
    report(RuntimeError("stumbled"))
    running.reset(token)
    (event,) = mailbox.events
    assert event["tags"] == {"job": "customer 4021/150713", "connection": "4021", "tracking_guid": "0a8e"}


def test_refusals_of_a_trigger_are_reported_once_for_each_cause(mailbox: Mailbox) -> None:
    """However many notifications of it are refused."""
    malformed, unknown = TriggerMalformed("`scope` is missing"), ConnectionUnknown("9999")
    report_refusals([("4021", malformed), ("9999", unknown), ("4021", malformed), ("9999", unknown)])
    assert [event["fingerprint"] for event in mailbox.events] == [
        ["trigger-malformed", "4021", "none"],
        ["connection-unknown", "9999", "none"],
    ]


class TestCheckIns:
    """Sentry hears of the tasks of beat's schedule."""

    def test_task_checks_in_with_its_schedule(self, mailbox: Mailbox) -> None:
        """So that Sentry knows what to miss, without anything to be set up there."""
        check_in("retry-failed-subscriptions", 3600)
        (sent,) = mailbox.check_ins
        assert (sent["monitor_slug"], sent["status"]) == ("retry-failed-subscriptions", "ok")
        assert sent["monitor_config"]["schedule"] == {"type": "interval", "value": 60, "unit": "minute"}

    def test_without_a_dsn_nothing_is_sent(self) -> None:
        """The tasks need not know whether Sentry is on."""
        check_in("sweep", 60)


def test_release_of_what_is_not_installed_has_no_name() -> None:
    """A worker that runs from its source starts all the same."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("worker.config.release.PACKAGE", "no-such-package")
        assert release.__wrapped__() == ""


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
def test_command_lines_are_not_noted() -> None:
    """The address of a broker, with its password, can be in one."""
    assert sentry_sdk.get_client().get_integration(ArgvIntegration) is None


@pytest.mark.usefixtures("mailbox")
def test_calls_are_not_noted() -> None:
    """Sentry would add the address of each call to a report, and the query of a search holds an e-mail address."""
    assert sentry_sdk.get_client().get_integration(StdlibIntegration) is None


def test_failed_task_is_one_report(mailbox: Mailbox) -> None:
    """Neither the log line about it nor Celery, which is told to expect it, makes a second one."""
    app = Celery("tests", set_as_current=False)

    @app.task(throws=(SyncError,))
    def fail() -> None:
        error = CustomerWriteFailed("taken", http_status=422)
        logging.getLogger("tasks.jobs").error("customer 4021/150713: failed, %s", error)
        sentry.report(error, JOB, "0a8e")
        raise error

    fail.apply()
    assert [event["fingerprint"][0] for event in mailbox.events] == ["customer-write-failed"]


def test_outage_of_redis_is_no_report_for_each_sweep(mailbox: Mailbox) -> None:
    """Beat complains every few seconds; a worker's line, which comes less and less often, is enough."""
    logging.getLogger("celery.beat").error("Message Error: %s", "no connection")
    logging.getLogger("celery.worker.consumer.consumer").error("consumer: Cannot connect to %s", "redis://:**@here")
    assert [event["logger"] for event in mailbox.events] == ["celery.worker.consumer.consumer"]


def test_other_events_stay_as_they_are() -> None:
    """Only errors of the catalogue are grouped by it."""
    assert grouped({"message": "hello"}, {}) == {"message": "hello"}
    event = grouped({}, {"exc_info": (KeyError, KeyError("x"), None)})
    assert "fingerprint" not in event
