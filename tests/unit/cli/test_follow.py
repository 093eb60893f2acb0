"""Following jobs to their end, and the table of what came of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from worker.cli.follow import LINES_AT_MOST, Follower, Summary
from worker.cli.job_lines import outcome_as_json
from worker.jobs.catalogue import Failure
from worker.jobs.job import Action, Job, Kind, State
from worker.ledger import Counts, Hold, Record
from worker.ledger.outcome import MISSING, Outcome
from worker.presentation.figures import NO_WORKER, PATIENCE_SECONDS
from worker.presentation.screen import Screen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def customer(customer_id: str = "1") -> Job:
    """A customer job."""
    return Job(Kind.CUSTOMER, 4021, customer_id)


def queued(job: Job, version: int = 1) -> Record:
    """A job that was requested."""
    return Record(job, State.QUEUED, version, 0, 0, None, None, None, None, NOW, NOW, None, 0)


def done(job: Job, action: Action = Action.CREATED, *, version: int = 1, subscription: int = 0) -> Record:
    """A job that is done, and asked for its subscription job at that version."""
    record = replace(queued(job, version), state=State.DONE, settled=version)
    return replace(record, action=action, stamped_id="143491", subscription_version=subscription)


def resting(job: Job, rest: timedelta) -> Record:
    """A job that rests for so long before it is tried again."""
    return replace(queued(job), state=State.WAITING, failure=Failure("stamped-unreachable"), due=NOW + rest)


class FakeLedger:
    """Holds what a test puts in, and changes when time passes."""

    def __init__(self, *records: Record, running: int = 0) -> None:
        self._records = {record.job: record for record in records}
        self._running = running
        self._later: list[Callable[[], None]] = []
        self.now = 0.0
        self.hold: Hold | None = None
        self.looked_at: set[str] = set()

    def put(self, *records: Record) -> None:
        """Change some jobs."""
        self._records.update({record.job: record for record in records})

    def later(self, *records: Record) -> None:
        """Change some jobs with the next pause."""
        self._later.append(lambda: self.put(*records))

    def records(self, jobs: Sequence[Job]) -> list[Record | None]:
        """Many jobs."""
        self.looked_at.update(job.customer_id for job in jobs)
        return [self._records.get(job) for job in jobs]

    def hold_of(self, system_id: int) -> Hold | None:
        """The hold of the one store there is."""
        assert system_id == 4021
        return self.hold

    def counts(self, kind: Kind) -> Counts:
        """How many jobs run."""
        assert kind in Kind
        return Counts(queued=0, sent=1, running=self._running, waiting=0, done=0, failed=0)

    def pause(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
        if self._later:
            self._later.pop(0)()


def followed(ledger: FakeLedger, *jobs: Job, version: int = 1) -> list[list[Outcome]]:
    """What is reported of the jobs, in its order."""
    follower = Follower(ledger, 4021, {job.customer_id: version for job in jobs})
    return list(follower.follow(lambda _: None, clock=lambda: ledger.now, sleep=ledger.pause))


def test_a_customer_without_a_subscription_job_is_one_outcome() -> None:
    """Where nothing is mapped, there is nothing more to wait for."""
    [[outcome]] = followed(FakeLedger(done(customer())), customer())
    assert (outcome.state, outcome.action, outcome.stamped_id) == ("done", "created", "143491")


def test_a_customer_is_reported_with_its_subscription_once_both_are_settled() -> None:
    """The customer's outcome comes first, and not before its subscription's."""
    ledger = FakeLedger(done(customer(), subscription=3), queued(customer().subscription, version=3))
    ledger.later(done(customer().subscription, Action.SUBSCRIBED, version=3))
    [outcomes] = followed(ledger, customer())
    assert [(each.job.kind, each.action) for each in outcomes] == [
        (Kind.CUSTOMER, "created"),
        (Kind.SUBSCRIPTION, "subscribed"),
    ]


def test_an_earlier_run_does_not_count() -> None:
    """What an earlier request came to is not this one's outcome."""
    ledger = FakeLedger(replace(queued(customer(), version=2), settled=1))
    ledger.later(done(customer(), Action.UPDATED, version=2))
    [[outcome]] = followed(ledger, customer(), version=2)
    assert outcome.action == "updated"


def test_a_failed_customer_has_no_subscription_outcome() -> None:
    """The subscription job of an earlier run is not this one's."""
    failed = replace(done(customer(), subscription=1), state=State.FAILED, failure=Failure("email-missing"))
    [outcomes] = followed(FakeLedger(failed, done(customer().subscription)), customer())
    assert [each.state for each in outcomes] == ["failed"]


def test_a_short_rest_is_waited_for() -> None:
    """A retry within a minute is part of the run."""
    ledger = FakeLedger(resting(customer(), timedelta(seconds=60)))
    ledger.later(done(customer()))
    [[outcome]] = followed(ledger, customer())
    assert outcome.state == "done"


def test_a_long_rest_is_reported_with_its_due_time() -> None:
    """Nobody waits for a retry in 20 minutes."""
    [[outcome]] = followed(FakeLedger(resting(customer(), timedelta(minutes=20))), customer())
    assert (outcome.state, outcome_as_json(outcome)["due"]) == ("waiting", "2026-01-01T00:20:00+00:00")


@pytest.mark.parametrize("tried", [{"met": 3}, {"attempt": 4}])
def test_a_job_that_rests_again_and_again_is_reported(tried: dict[str, Any]) -> None:
    """However short each rest is: what is wrong may need the one who waits."""
    record = replace(resting(customer(), timedelta(seconds=8)), **tried)
    [[outcome]] = followed(FakeLedger(record), customer())
    assert (outcome.state, outcome_as_json(outcome)["error"]["code"]) == ("waiting", "stamped-unreachable")


def held(seconds: float, *, is_over: bool = False) -> Hold:
    """A hold of the store of so many seconds."""
    failure = Failure("ipaas-credentials-refused", http_status=401)
    return Hold(4021, failure, NOW, NOW + timedelta(seconds=seconds), 0 if is_over else seconds)


@pytest.mark.parametrize("hold", [held(60), held(600, is_over=True)])
def test_a_short_hold_or_one_that_is_over_is_waited_for(hold: Hold) -> None:
    """The store may be back within the minute."""
    ledger = FakeLedger(queued(customer()))
    ledger.hold = hold
    ledger.later(done(customer()))
    [[outcome]] = followed(ledger, customer())
    assert outcome.state == "done"


def test_a_long_hold_is_reported_with_its_end_and_its_error() -> None:
    """Nobody waits for a store that refuses the credentials."""
    ledger = FakeLedger(queued(customer()))
    ledger.hold = held(61)
    [[outcome]] = followed(ledger, customer())
    assert (outcome.state, outcome_as_json(outcome)["due"]) == ("waiting", "2026-01-01T00:01:01+00:00")
    assert outcome_as_json(outcome)["error"]["code"] == "ipaas-credentials-refused"


def test_a_hold_is_told_once_when_it_is_seen() -> None:
    """Whoever waits knows why nothing moves."""
    ledger, heard = FakeLedger(queued(customer())), list[str]()
    ledger.hold = held(5)
    for record in (queued(customer()), queued(customer()), done(customer())):
        ledger.later(record)
    follower = Follower(ledger, 4021, {"1": 1})
    list(follower.follow(heard.append, clock=lambda: ledger.now, sleep=ledger.pause))
    assert [text.partition(" since ")[0] for text in heard] == ["Connection 4021 is held"]


def test_a_job_that_the_ledger_forgot_ends_the_wait() -> None:
    """A job that somebody discarded is not waited for for ever."""
    [[outcome]] = followed(FakeLedger(), customer())
    assert outcome.state == "missing"


def test_a_job_that_was_discarded_and_requested_anew_ends_with_its_new_run() -> None:
    """It counts from 1 again, so the version that was asked for first never comes."""
    ledger = FakeLedger(queued(customer(), version=1))
    ledger.later(done(customer(), version=1))
    [[outcome]] = followed(ledger, customer(), version=3)
    assert (outcome.state, outcome.action) == ("done", "created")


def test_jobs_behind_a_page_that_has_not_started_are_not_looked_at() -> None:
    """A million jobs in the queue do not cost a million look-ups a second."""
    jobs = [customer(str(number)) for number in range(1, 1001)]
    ledger = FakeLedger(*map(queued, jobs))
    assert list(Follower(ledger, 4021, {job.customer_id: 1 for job in jobs}).look()) == []
    assert ledger.looked_at == {str(number) for number in range(1, 501)}


@pytest.mark.parametrize(("running", "notes"), [(0, 1), (1, 0)])
def test_a_missing_worker_is_told_once(running: int, notes: int) -> None:
    """Where nothing starts, somebody may have forgotten the worker; where other jobs run, it is busy."""
    ledger, heard = FakeLedger(queued(customer()), running=running), list[str]()
    follower = Follower(ledger, 4021, {"1": 1})

    def pause(seconds: float) -> None:
        ledger.pause(seconds)
        if ledger.now > 3 * PATIENCE_SECONDS:
            ledger.put(done(customer()))

    list(follower.follow(heard.append, clock=lambda: ledger.now, sleep=pause))
    assert heard == [NO_WORKER] * notes


# The table of outcomes ------------------------------------------------------------------------------------------------

DONE = Outcome(Job(Kind.CUSTOMER, 4021, "1"), "done", "created", "143491")


def failed(code: str, state: str = "failed") -> Outcome:
    """A job that is not done."""
    return Outcome(Job(Kind.CUSTOMER, 4021, "2"), state, failure=Failure(code))


def summary(outcomes: Iterable[Outcome]) -> Summary:
    """The summary of these customers."""
    counted = Summary()
    for outcome in outcomes:
        counted.add([outcome])
    return counted


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        ([DONE], 0),
        ([DONE, failed("email-missing")], 1),
        ([failed("stamped-unreachable", "waiting")], 1),
        ([Outcome(DONE.job, MISSING)], 1),
        ([failed("email-missing"), failed("ipaas-credentials-refused")], 2),
        ([failed("host-not-found", "waiting")], 2),
    ],
)
def test_exit_code_tells_whose_turn_it_is(outcomes: list[Outcome], code: int) -> None:
    """0 all done, 1 something is not, 2 the configuration is to blame."""
    assert summary(outcomes).exit_code == code


def test_each_error_is_shown_with_its_cause_and_resolution(capsys: pytest.CaptureFixture[str]) -> None:
    """The operator need not look an error up."""
    summary([DONE, failed("email-missing")]).show(Screen())
    shown = " ".join(capsys.readouterr().out.split())
    assert Failure("email-missing").entry.cause in shown
    assert Failure("email-missing").entry.resolution in shown


@pytest.mark.parametrize(("count", "lines"), [(LINES_AT_MOST, LINES_AT_MOST), (LINES_AT_MOST + 1, 0)])
def test_few_jobs_have_a_line_each(count: int, lines: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Thousands of jobs are counted, not listed."""
    summary([DONE] * count).show(Screen())
    assert capsys.readouterr().out.count("Stamped.io 143491") == lines
