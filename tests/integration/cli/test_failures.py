"""Failed jobs on the console."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests import parts
from worker.jobs.calls import Api, MadeCall
from worker.jobs.catalogue import Failure
from worker.jobs.job import Action, Job, Kind, State
from worker.ledger import Ledger, Refusal

if TYPE_CHECKING:
    from pathlib import Path

    import redis

FIRST = Job(Kind.CUSTOMER, 4021, "1")
SECOND = Job(Kind.CUSTOMER, 4021, "2")
THIRD = Job(Kind.SUBSCRIPTION, 4021, "2")


@pytest.fixture
def env(redis_url: str, tmp_path: Path) -> dict[str, str]:
    """The environment of an installation."""
    return parts.environment(redis_url, parts.write_connections(tmp_path, "http://127.0.0.1:9"))


@pytest.fixture
def jobs(client: redis.Redis) -> Ledger:
    """A ledger with three failed jobs."""
    ledger = Ledger(client)
    fail(ledger, FIRST, Failure("email-missing"))
    fail(ledger, SECOND, Failure("customer-write-failed", 422, "Name is too long"))
    fail(ledger, THIRD, Failure("subscription-failed", 500))
    return ledger


def fail(ledger: Ledger, job: Job, failure: Failure) -> None:
    """Let a job fail."""
    ledger.request(job)
    ledger.fail(ledger.claim(job), (), failure)


def states(ledger: Ledger) -> list[State | None]:
    """Where the three jobs stand; None for one that is forgotten."""
    return [record.state if record else None for record in ledger.records([FIRST, SECOND, THIRD])]


@pytest.mark.usefixtures("jobs")
def test_list_shows_the_newest_first(env: dict[str, str], tmp_path: Path) -> None:
    """What failed last is most likely what somebody looks for."""
    done = parts.console(env, tmp_path, "failures", "list", "--json")
    shown = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(each["kind"], each["customer_id"], each["error"]["code"]) for each in shown] == [
        ("subscription", "2", "subscription-failed"),
        ("customer", "2", "customer-write-failed"),
        ("customer", "1", "email-missing"),
    ]


@pytest.mark.usefixtures("jobs")
@pytest.mark.parametrize(
    ("options", "count"),
    [
        (["--code", "email-missing"], 1),
        (["--kind", "customer"], 2),
        (["--system", "4021"], 3),
        (["--system", "9"], 0),
        (["--limit", "2"], 2),
    ],
)
def test_list_can_be_narrowed(options: list[str], count: int, env: dict[str, str], tmp_path: Path) -> None:
    """By error, kind, connection and number."""
    done = parts.console(env, tmp_path, "failures", "list", "--json", *options)
    assert len(done.stdout.splitlines()) == count


def test_list_shows_refused_notifications(env: dict[str, str], tmp_path: Path, client: redis.Redis) -> None:
    """What was not accepted is seen where failures are."""
    Ledger(client).refuse(Refusal("scope-unsupported", "", "6f0c", 1, "4021", "customer/deleted", "150713"))
    done = parts.console(env, tmp_path, "failures", "list")
    assert done.returncode == 0
    assert "customer/deleted" in done.stdout
    assert "scope-unsupported" in " ".join(done.stdout.split())


def test_list_finds_a_refused_notification_behind_many_others(
    env: dict[str, str], tmp_path: Path, client: redis.Redis
) -> None:
    """What is asked for is looked for among all that are kept."""
    ledger = Ledger(client)
    ledger.refuse(Refusal("connection-unknown", "", "6f0c", 1, "9", "customer/created", "150713"))
    for position in range(1, 502):
        ledger.refuse(Refusal("scope-unsupported", "", "77aa", position, "4021", "customer/deleted", "150714"))
    done = parts.console(env, tmp_path, "failures", "list", "--code", "connection-unknown", "--json")
    assert [json.loads(line)["customer_id"] for line in done.stdout.splitlines()] == ["150713"]


@pytest.mark.usefixtures("jobs")
def test_show_tells_all_of_a_customers_jobs(env: dict[str, str], tmp_path: Path) -> None:
    """Both kinds, each with its error, cause and resolution."""
    done = parts.console(env, tmp_path, "failures", "show", "2")
    assert done.returncode == 0
    for text in (
        "Customer 4021/2: failed",
        "HTTP 422: Name is too long",
        "Subscription 4021/2: failed",
        "Resolution:",
    ):
        assert text in done.stdout


def test_show_of_an_unknown_job_is_told(env: dict[str, str], tmp_path: Path) -> None:
    """The ledger holds no such job: code 1."""
    done = parts.console(env, tmp_path, "failures", "show", "3")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no job of customer 3" in done.stderr


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["1"], [State.SENT, State.FAILED, State.FAILED]),
        (["--code", "subscription-failed"], [State.FAILED, State.FAILED, State.SENT]),
        (["2", "--kind", "customer"], [State.FAILED, State.SENT, State.FAILED]),
        (["--all"], [State.SENT, State.SENT, State.SENT]),
        (["--system", "9"], [State.FAILED, State.FAILED, State.FAILED]),
    ],
)
def test_rerun_runs_those_that_are_meant(
    options: list[str], expected: list[State], env: dict[str, str], tmp_path: Path, jobs: Ledger
) -> None:
    """Conditions narrow each other."""
    done = parts.console(env, tmp_path, "failures", "rerun", "--yes", *options)
    assert (done.returncode, states(jobs)) == (0, expected)


def test_discard_forgets_those_that_are_meant(env: dict[str, str], tmp_path: Path, jobs: Ledger) -> None:
    """The others stay."""
    done = parts.console(env, tmp_path, "failures", "discard", "--code", "email-missing", "--yes")
    assert (done.returncode, done.stdout) == (0, "1 job forgotten.\n")
    assert states(jobs) == [None, State.FAILED, State.FAILED]


@pytest.mark.parametrize("verb", ["rerun", "retry", "discard"])
def test_nothing_is_done_where_nobody_can_be_asked(
    verb: str, env: dict[str, str], tmp_path: Path, jobs: Ledger
) -> None:
    """Without a terminal, --yes is needed; what would be done is counted all the same."""
    done = parts.console(env, tmp_path, "failures", verb, "--all")
    assert (done.returncode, states(jobs)) == (2, [State.FAILED] * 3)
    assert "--yes" in done.stderr
    assert "1  Customer has no email address (email-missing)" in done.stderr


@pytest.mark.parametrize("verb", ["rerun", "retry", "discard"])
def test_a_selection_is_needed(verb: str, env: dict[str, str], tmp_path: Path, jobs: Ledger) -> None:
    """Everything is only meant when --all says so."""
    done = parts.console(env, tmp_path, "failures", verb, "--yes")
    assert (done.returncode, states(jobs)) == (2, [State.FAILED] * 3)
    assert "--all" in done.stderr


def test_list_tells_why_and_which_notification_was_refused(
    env: dict[str, str], tmp_path: Path, client: redis.Redis
) -> None:
    """Whoever maintains the listener finds the notification, and sees what is wrong with it."""
    for trigger_id, position in (("6f0c", 2), ("", 3), ("", 0), ("stamped.rerun", 0)):
        refusal = Refusal("trigger-malformed", "`id` is missing", trigger_id, position, "4021", "customer/created", "")
        Ledger(client).refuse(refusal)
    shown = parts.console(env, tmp_path, "failures", "list").stdout
    for words in (
        "notification 2 of trigger 6f0c",
        "notification 3 of a trigger without id",
        "message of stamped.rerun",
    ):
        assert f" {words} customer/created 4021\n" in shown
    assert " a trigger that cannot be read " in shown
    assert "(trigger-malformed): `id` is missing" in shown


def test_a_list_of_absurd_length_is_wrong_usage(env: dict[str, str], tmp_path: Path) -> None:
    """Code 2, and no traceback."""
    done = parts.console(env, tmp_path, "failures", "list", "--limit", "9" * 26)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)


def test_show_finds_what_failed_under_a_connection_that_is_gone(
    env: dict[str, str], tmp_path: Path, client: redis.Redis
) -> None:
    """A job stays in the ledger when its connection is taken out of the file."""
    fail(Ledger(client), Job(Kind.CUSTOMER, 9, "1"), Failure("connection-unknown"))
    done = parts.console(env, tmp_path, "failures", "show", "1")
    assert (done.returncode, "Customer 9/1: failed" in done.stdout) == (0, True)


def attempted(client: redis.Redis) -> Ledger:
    """A ledger whose first job failed at its second attempt."""
    ledger = Ledger(client, worker="host/7")
    made = [
        MadeCall(Api.IPAAS, "GET", "customers/v2/Customer/{id}", 200, 12),
        MadeCall(Api.STAMPED, "POST", "x", None, 3),
    ]
    ledger.request(FIRST)
    ledger.defer(ledger.claim(FIRST), made, 0, Failure("stamped-unreachable"), carried=False)
    ledger.request(FIRST, asker=parts.BY_HAND)
    ledger.fail(ledger.claim(FIRST), (), Failure("email-missing"))
    return ledger


def test_show_tells_each_attempt_with_its_calls(env: dict[str, str], tmp_path: Path, client: redis.Redis) -> None:
    """When, how long, by whom, what it called, and what came of it; the newest first."""
    attempted(client)
    shown = parts.console(env, tmp_path, "failures", "show", "1").stdout
    for text in ("2 events, the newest first", "on host/7", "failed in", "waiting in", "(stamped-unreachable)"):
        assert text in shown
    assert "iPaaS.com GET customers/v2/Customer/{id}: 200 in 0.012 s" in shown
    assert "Stamped.io POST x: no answer in 0.003 s" in shown


def test_show_in_json_holds_the_attempts(env: dict[str, str], tmp_path: Path, client: redis.Redis) -> None:
    """A program sees what a person would."""
    attempted(client)
    shown = json.loads(parts.console(env, tmp_path, "failures", "show", "1", "--json").stdout)
    assert [each["outcome"] for each in shown["attempts"]] == ["failed", "waiting"]
    assert shown["attempts"][1]["calls"][0]["http_status"] == 200


def test_show_tells_all_that_the_api_said(env: dict[str, str], tmp_path: Path, client: redis.Redis) -> None:
    """A list is short; whoever looks at one job sees every word."""
    said = "Name is too long. " * 60
    fail(Ledger(client), FIRST, Failure("customer-write-failed", 422, f"{said}The end."))
    shown = " ".join(parts.console(env, tmp_path, "failures", "show", "1").stdout.split())
    listed = parts.console(env, tmp_path, "failures", "list").stdout
    assert f"{said}The end." in shown
    assert "The end." not in listed


def test_show_names_whom_the_stamped_customer_is_shared_with(
    env: dict[str, str], tmp_path: Path, client: redis.Redis
) -> None:
    """Both overwrite each other."""
    ledger = Ledger(client)
    ledger.request(FIRST)
    ledger.complete(ledger.claim(FIRST), (), Action.CREATED, "143491", shared_with="7")
    assert "Shared with" in parts.console(env, tmp_path, "failures", "show", "1").stdout
