"""What the tasks do where an error is the whole store's: the store is held, and no job is at fault."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tasks import transfer_customer
from tests import parts
from tests.integration.jobs import admitted
from tests.integration.stage import CREATE, EMAIL, ID, JOB, Stage, run, transferred
from worker.jobs.errors import IPaaSCredentialsRefused, StampedCredentialsRefused, SyncError
from worker.jobs.job import Job, Kind, State


def reports_of(stage: Stage) -> list[tuple[str, Job]]:
    """The code and the job of what goes to Sentry from now on, besides the errors that end a task."""
    reports: list[tuple[str, Job]] = []

    def report(error: SyncError, job: Job, _: str, *, outcome: str = "failed") -> None:
        assert outcome == "hold began"
        reports.append((error.entry.code, job))

    stage.patch.setattr("worker.telemetry.sentry.report", report)
    return reports


def told_of_holds(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """The lines on holds in the log."""
    return [vars(line) for line in caplog.records if getattr(line, "outcome", "").startswith("hold ")]


def probe(stage: Stage) -> str:
    """Run the job once more, once the hold has run out; the state that its task comes to."""
    stage.client.hset(f"stamped-sync:hold:{parts.SYSTEM}", "until", "0")
    assert admitted(stage.ledger) == [JOB]
    return run(transfer_customer, parts.SYSTEM, ID).state


def test_too_many_calls_hold_the_store_for_as_long_as_it_asks(stage: Stage) -> None:
    """The job waits in its store's queue, without a message, and has used up no attempt."""
    stage.refuse(429, Retry_After="120")
    ended = transferred(stage)
    assert (ended.state, ended.value.failure.code) == ("RETRY", "stamped-calls-limited")
    assert (stage.record().state, stage.record().attempt, stage.queued) == (State.QUEUED, 0, {})
    (hold,) = stage.ledger.holds()
    assert (hold.system_id, hold.code) == (parts.SYSTEM, "stamped-calls-limited")
    assert hold.until - hold.since == timedelta(seconds=120)


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize(
    ("path", "error"), [(f"Customer/{ID}$", IPaaSCredentialsRefused), (CREATE, StampedCredentialsRefused)]
)
def test_refused_credentials_are_told_once(
    stage: Stage, caplog: pytest.LogCaptureFixture, path: str, error: type[SyncError], status: int
) -> None:
    """In the log and to Sentry, with what to do about it: as what they are, whichever call met them."""
    reported = reports_of(stage)
    stage.refuse(status, path)
    assert [transferred(stage).state, probe(stage), probe(stage)] == ["RETRY"] * 3
    (line,) = told_of_holds(caplog)
    entry = error.entry
    assert (line["levelname"], line["outcome"], line["http_status"]) == ("ERROR", "hold began", status)
    assert (line["code"], line["resolution"]) == (entry.code, entry.resolution)
    assert reported == [(entry.code, JOB)]
    assert (stage.record().state, stage.record().attempt) == (State.QUEUED, 0)
    assert EMAIL not in caplog.text


def test_end_of_a_hold_is_told_once(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """By the first job that gets through; the next ones say nothing of it."""
    stage.refuse(401)
    transferred(stage)
    stage.sandbox.clear_faults()
    assert [probe(stage), transferred(stage).state] == ["SUCCESS"] * 2
    assert [(line["levelname"], line["outcome"]) for line in told_of_holds(caplog)] == [
        ("ERROR", "hold began"),
        ("WARNING", "hold ended"),
    ]
    assert stage.ledger.holds() == []


def test_outage_that_several_jobs_met_holds_the_store(stage: Stage) -> None:
    """The first ones rest, at no cost; the one that holds the store waits for its turn again."""
    stage.refuse(503, "Customer/")
    jobs = [Job(Kind.CUSTOMER, JOB.system_id, customer_id) for customer_id in ("1", "2", "3")]
    stage.ledger.request_all(jobs)
    states = [run(transfer_customer, job.system_id, job.customer_id).state for job in jobs]
    assert states == ["RETRY"] * 3
    assert [record and record.attempt for record in stage.ledger.records(jobs)] == [0, 0, 0]
    assert [hold.code for hold in stage.ledger.holds()] == ["ipaas-unavailable"]


def test_outage_of_one_job_alone_holds_no_store(stage: Stage) -> None:
    """However often it is tried: others may get through."""
    stage.refuse(503)
    states = []
    for _ in range(4):
        states.append(transferred(stage).state)
        stage.client.hset(stage.ledger.key(JOB), "due", "0")
    assert (states, stage.ledger.holds()) == (["RETRY"] * 4, [])


def test_error_of_the_job_itself_holds_no_store(stage: Stage) -> None:
    """Whatever it is that the store won't have of this customer, it may have others."""
    reported = reports_of(stage)
    stage.refuse(422)
    assert [transferred(stage).state for _ in range(4)] == ["FAILURE"] * 4
    assert (stage.ledger.holds(), reported) == ([], [])


def test_call_that_the_throttle_does_not_cover_waits(stage: Stage) -> None:
    """A customer that is gone from the store takes a call more than usual: its job waits for a slot, unharmed."""
    transferred(stage)
    stage.sandbox.delete_stamped_customer("143491")
    stage.sandbox.forget_calls()
    stage.limit(2)
    ended = transferred(stage)
    sentence = f"{JOB} goes on as soon as the throttle of connection {parts.SYSTEM} has room for another call."
    assert (ended.state, str(ended.value)) == ("RETRY", sentence)
    assert (stage.record().state, stage.record().attempt, stage.queued) == (State.QUEUED, 0, {})
    assert "add" not in stage.called
