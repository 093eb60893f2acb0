"""What Flower's own pages say of tasks: how each ended, why, and when it is tried again, in plain words."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pytest
import requests

from tests import parts
from tests.acceptance.browser import flower
from tests.acceptance.scene import Scene, customer, person, scene
from tests.acceptance.unlucky import PERSONAL_DATA
from tests.integration.html import text_of
from worker.jobs.catalogue import CATALOGUE
from worker.jobs.job import Job, Kind
from worker.jobs.routes import (
    ACCEPT_TRIGGER,
    CATCH_UP,
    RECONCILE_SUBSCRIPTION,
    RETRY_FAILED_SUBSCRIPTIONS,
    SWEEP,
    TRANSFER_CUSTOMER,
    UPKEEP,
)
from worker.ledger import Ledger, Limit, StoreLimits
from worker.sandbox.faults import Fault
from worker.sandbox.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

THROTTLED, UNSUBSCRIBING, CARRYING, REFUSED = range(parts.SYSTEM + 1, parts.SYSTEM + 5)
UNKNOWN: Final = 9999
OTHERS: Final = range(THROTTLED, REFUSED + 1)
GOOD, RESTS, RETRIED, RETRIED_WELL, NO_EMAIL, WRONG, ASKED_AGAIN, GONE = (str(each) for each in range(1, 9))
CARRIED: Final = [str(each) for each in range(11, 19)]
CARRIED_RESTS, CARRIED_WRONG = CARRIED[2], CARRIED[4]
WINDOW_SECONDS: Final = 600
LONG_HOLDS: Final = {
    "STAMPED_SYNC_HOLD_AFTER_ERRORS": "99",
    "STAMPED_SYNC_HOLD_FIRST_SECONDS": "600",
    "STAMPED_SYNC_HOLD_LONGEST_SECONDS": "600",
}
"""A held store stays held while it is looked at; errors of single customers hold none."""
MINUTES: Final = {"Retry-After": "1200"}
Task = dict[str, Any]
"""What Flower's API says of one."""
SECRETS: Final = (parts.TOKEN, parts.PRIVATE_KEY, "wrong-token", "correct-horse")


def people() -> list[dict[str, Any]]:
    """The customers; one of them is linked to a Stamped.io customer that is gone, so that it takes a call more."""
    link = {"system_id": THROTTLED, "external_id": "99999"}
    usual = [person(each, first_name="Zoë") for each in (GOOD, RESTS, RETRIED, RETRIED_WELL, WRONG, ASKED_AGAIN)]
    carried = [person(each) for each in CARRIED]
    return [*usual, *carried, person(NO_EMAIL, email_address=""), person(GONE, external_ids=[link])]


def faults() -> Iterator[Fault]:
    """What the APIs answer for some of them. No refusal is of the whole store."""
    words = {"message": f"{PERSONAL_DATA}: no"}
    for each in (RESTS, CARRIED_RESTS):
        yield Fault(path=f"Customer/{each}$", status=503, headers=MINUTES)
    yield Fault(path=f"Customer/{RETRIED}$", status=503, headers={"Retry-After": "50"})
    yield Fault(path=f"Customer/{RETRIED_WELL}$", status=503, times=1)
    yield Fault(path=f"Customer/{ASKED_AGAIN}$", status=422, times=1, delay_seconds=2)
    for each in (WRONG, CARRIED_WRONG, ASKED_AGAIN):
        yield Fault(path=f"Customer/{each}$", status=422, body=words)


def write_connections(stage: Scene) -> None:
    """A connection for each thing that can keep a job waiting."""
    parts.write_mapping(stage.folder, subscription=False, name="static.toml")
    others = [
        parts.connection(
            stage.url, system_id=THROTTLED, more=f"throttle = {{ limit = 5, seconds = {WINDOW_SECONDS} }}"
        ),
        parts.connection(stage.url, system_id=UNSUBSCRIBING, more='mapping = "static.toml"'),
        parts.connection(
            stage.url, system_id=CARRYING, more="throttle = { limit = 9999, seconds = 1, concurrent = 1 }"
        ),
        parts.connection(stage.url, system_id=REFUSED, token="wrong-token"),
    ]
    parts.write_connections(stage.folder, stage.url, more="\n".join(others))


@dataclass(frozen=True)
class Shown:
    """What Flower shows."""

    url: str

    def tasks(self) -> dict[str, Task]:
        """All tasks, by id."""
        tasks: dict[str, Task] = requests.get(f"{self.url}/api/tasks?limit=10000", timeout=60).json()
        return tasks

    def of(self, customer_id: str, system_id: int = parts.SYSTEM, name: str = TRANSFER_CUSTOMER) -> list[Task]:
        """The tasks of a job, the oldest first."""
        args = f"({system_id}, '{customer_id}')"
        found = [each for each in self.tasks().values() if (each["name"], each["args"]) == (name, args)]
        return sorted(found, key=lambda task: task["received"])

    def only(self, state: str, *about: Any) -> Task:
        """The one task of a job, once it reads this state."""
        (task,) = parts.eventually(lambda: [each for each in self.of(*about) if each["state"] == state])
        assert len(self.of(*about)) == 1
        return task  # type: ignore[no-any-return] # what `eventually` answers is its caller's business

    def page(self, task: Task) -> str:
        """The words on a task's own page."""
        return text_of(requests.get(f"{self.url}/task/{task['uuid']}", timeout=60).text)


def set_off(stage: Scene) -> None:
    """Let everything happen that these tests look at, and wait for the last of it."""
    for fault in faults():
        stage.sandbox.add_fault(fault)
    booking = Ledger(stage.client, stores={THROTTLED: StoreLimits(stamped=Limit(5, WINDOW_SECONDS))})
    assert all(booking.book(THROTTLED, "stamped", 1) for _ in range(4))
    stage.request(*(customer(each) for each in (GOOD, RESTS, RETRIED, RETRIED_WELL, NO_EMAIL, WRONG, ASKED_AGAIN)))
    stage.eventually(lambda: any(call.path.endswith(f"/{ASKED_AGAIN}") for call in stage.sandbox.calls))
    stage.request(customer(ASKED_AGAIN))
    stage.request(customer(GONE, THROTTLED), customer(GOOD, UNSUBSCRIBING), customer(GOOD, REFUSED))
    stage.request(*(customer(each, CARRYING) for each in CARRIED))
    stage.publish(customer(GOOD, UNKNOWN))
    stage.request(customer(GOOD, UNKNOWN))
    stage.submit({"email": PERSONAL_DATA, "name": "Zoë"})
    for name in (SWEEP, CATCH_UP, RETRY_FAILED_SUBSCRIPTIONS):
        stage.celery.send_task(name, queue=UPKEEP)
    stage.eventually(lambda: ran(stage) >= {SWEEP, CATCH_UP, RETRY_FAILED_SUBSCRIPTIONS, ACCEPT_TRIGGER})
    settled = customer(ASKED_AGAIN), Job(Kind.SUBSCRIPTION, UNSUBSCRIBING, GOOD), customer(CARRIED[-1], CARRYING)
    for job in settled:
        stage.settled(job, version=0)


def ran(stage: Scene) -> set[str]:
    """The names of the tasks that the worker has begun."""
    stats = stage.celery.control.inspect(timeout=0.3).stats() or {}
    return {name for each in stats.values() for name in each["total"]}


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    """A Flower that has seen all of it."""
    with (
        parts.valkey() as redis_url,
        scene(redis_url, tmp_path_factory.mktemp("tasks"), Sandbox(people(), systems=(parts.SYSTEM, *OTHERS))) as stage,
    ):
        write_connections(stage)
        with flower(stage) as url, stage.worker(app="tests.acceptance.faulty", **LONG_HOLDS):
            set_off(stage)
            yield Shown(url)


def catalogued(code: str) -> list[str]:
    """What an operator must be told of an error."""
    entry = CATALOGUE[code]
    return [f"{entry.title} ({code})", entry.message.removesuffix("."), entry.cause, entry.resolution]


def check_words(words: str, *expected: str) -> None:
    """All of these stand there, and nothing of Python's."""
    assert [each for each in expected if " ".join(each.split()) not in " ".join(words.split())] == []
    assert [each for each in ("Traceback", "Retry(", "Error(", "None: ") if each in words] == []


@pytest.mark.parametrize(
    ("about", "code"),
    [
        ((NO_EMAIL,), "email-missing"),
        ((WRONG,), "ipaas-read-failed"),
        ((CARRIED_WRONG, CARRYING), "ipaas-read-failed"),
    ],
)
def test_business_error_is_the_catalogues_entry(shown: Shown, about: tuple[Any, ...], code: str) -> None:
    """Title, message, cause and resolution, without a trace: on the task's page, and in Flower's API."""
    task = shown.only("FAILURE", *about)
    assert task["traceback"] is None
    check_words(task["exception"], *catalogued(code))
    check_words(shown.page(task), *catalogued(code), "What happened")


@pytest.mark.parametrize("about", [(RESTS,), (RETRIED,), (CARRIED_RESTS, CARRYING)])
def test_attempt_that_rests_reads_retry_and_says_until_when(shown: Shown, about: tuple[Any, ...]) -> None:
    """Whether the ledger brings it back, or Celery, whose message a worker has received already."""
    task = shown.only("RETRY", *about)
    assert (task["result"], task["traceback"]) == (None, None)
    check_words(shown.page(task), "is tried again at 20", " UTC.", *catalogued("ipaas-read-failed"))


def test_attempt_of_a_held_store_says_why_the_store_is_held(shown: Shown) -> None:
    """And not what this one customer could do about it."""
    task = shown.only("RETRY", GOOD, REFUSED)
    sentence = f"Customer {REFUSED}/{GOOD} waits, because connection {REFUSED} is held until"
    check_words(shown.page(task), sentence, *catalogued("ipaas-credentials-refused"))


def test_attempt_that_the_throttle_puts_back_says_so(shown: Shown) -> None:
    """Without an error: nothing is wrong."""
    task = shown.only("RETRY", GONE, THROTTLED)
    sentence = f"Customer {THROTTLED}/{GONE} goes on as soon as the throttle of connection {THROTTLED} has room"
    check_words(shown.page(task), sentence)


def test_attempt_that_another_worker_must_make_says_so(shown: Shown) -> None:
    """Its connection is not in this worker's file."""
    tasks = parts.eventually(lambda: [each for each in shown.of(GOOD, UNKNOWN) if each["state"] == "RETRY"])
    check_words(shown.page(tasks[-1]), f"waits for a worker that knows connection {UNKNOWN}; this one does not.")


def test_attempt_whose_job_was_requested_meanwhile_says_so(shown: Shown) -> None:
    """The job goes on, and ends as another task."""
    put_back, failed = parts.eventually(lambda: len(tasks := shown.of(ASKED_AGAIN)) > 1 and tasks)
    assert (put_back["state"], failed["state"]) == ("RETRY", "FAILURE")
    check_words(shown.page(put_back), "goes on at its turn, because it was requested while this attempt ran.")


def test_success_after_a_retry_shows_no_error(shown: Shown) -> None:
    """What an earlier attempt met is over."""
    task = shown.only("SUCCESS", RETRIED_WELL)
    assert (task["retries"], task["exception"], task["traceback"]) == (1, None, None)


def test_jobs_that_are_carried_on_with_read_as_any_other(shown: Shown) -> None:
    """One rests, one fails and the others succeed, of one message."""
    states = {each: [task["state"] for task in shown.of(each, CARRYING)] for each in CARRIED}
    bad = {CARRIED_RESTS: ["RETRY"], CARRIED_WRONG: ["FAILURE"]}
    assert states == {each: ["SUCCESS"] for each in CARRIED} | bad


def test_fault_of_the_software_keeps_its_trace(shown: Shown) -> None:
    """With the places that its authors need, and nothing of its text."""
    task = shown.only("FAILURE", GOOD, UNSUBSCRIBING, RECONCILE_SUBSCRIPTION)
    assert [each for each in ("in unsubscribe", "in break_down") if each not in task["traceback"]] == []
    words = [*catalogued("internal-error"), "RuntimeError in break_down:", "Traceback (most recent call last):"]
    page = " ".join(shown.page(task).split())
    assert [each for each in words if " ".join(each.split()) not in page] == []


def test_schedule_does_not_fill_the_list(shown: Shown) -> None:
    """A sweep and a catch-up that found nothing to do are not in it; one of the schedule that failed is."""
    failed = parts.eventually(lambda: [each for each in shown.tasks().values() if each["state"] == "FAILURE"])
    names = {each["name"] for each in shown.tasks().values()}
    assert names == {TRANSFER_CUSTOMER, RECONCILE_SUBSCRIPTION, ACCEPT_TRIGGER, RETRY_FAILED_SUBSCRIPTIONS}
    (task,) = [each for each in failed if each["name"] == RETRY_FAILED_SUBSCRIPTIONS]
    assert task["received"] <= task["started"] <= task["failed"]
    assert CATALOGUE["internal-error"].title in task["exception"]
    assert "in retry_failed" in task["traceback"]


def test_nothing_personal_and_no_secret_is_shown(shown: Shown) -> None:
    """Neither what an API wrote, nor what the sender of a message wrote, nor what an exception holds."""
    tasks = shown.tasks()
    pages = [shown.page(task) for task in tasks.values()]
    everything = json.dumps([tasks, pages], ensure_ascii=False)
    assert [each for each in (PERSONAL_DATA, "@example.com", "Zoë", *SECRETS) if each in everything] == []
    assert {each["args"] for each in tasks.values() if each["name"] == ACCEPT_TRIGGER} == {"(…)"}
