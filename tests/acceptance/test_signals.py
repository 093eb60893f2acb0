"""Every error of the catalogue, provoked for real, shows wherever an operator looks, and nothing personal with it."""

from __future__ import annotations

import contextlib
import json
import re
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from tests import parts
from tests.acceptance.scene import ID, ZOE, Scene, customer, person, scene
from tests.acceptance.sentry_endpoint import SentryEndpoint, sentry_endpoint
from tests.acceptance.test_errors import (
    BRIEF,
    FAILED,
    HELD,
    HOLD,
    OTHERS,
    OUTSIDE,
    READ,
    REFUSED,
    RESTING,
    UNLUCKY,
    Way,
    held,
    write_connections,
)
from tests.acceptance.test_privacy import found
from tests.integration.raw_server import serving
from worker.config.release import PACKAGE, release
from worker.jobs.catalogue import CATALOGUE
from worker.jobs.job import Job, Kind, State
from worker.jobs.routes import UPKEEP
from worker.sandbox.faults import Fault
from worker.sandbox.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TALKATIVE = {"STAMPED_SYNC_LOG_LEVEL": "DEBUG", "SENTRY_ENVIRONMENT": "acceptance"}
HELD_AT_ONCE = {
    "STAMPED_SYNC_HOLD_AFTER_ERRORS": "1",
    "STAMPED_SYNC_HOLD_FIRST_SECONDS": str(HOLD.seconds),
}
"""Settings under which one job's trouble holds its store."""

PERSONAL = ("zoe@example.com", "customer1@example.com", "Zoë", "Müller", "Prefers tea")
SECRETS = (parts.TOKEN, parts.PRIVATE_KEY, "sandbox-public", "wrong-token")
ECHO = {"message": f"not accepted: {', '.join(PERSONAL[:1] + PERSONAL[2:])}"}
"""What a refusal says that repeats what the API was sent."""
ECHO_EMAIL = {"message": f"not accepted: {PERSONAL[0]}"}

AT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@dataclass
class Watched:
    """A scene whose logs and Sentry are watched."""

    stage: Scene
    sentry: SentryEndpoint
    _seen: int = 0

    def begin(self) -> None:
        """Forget what happened before."""
        self.stage.clear()
        self.sentry.forget()
        self._seen = len(self._log())

    def _log(self) -> str:
        return self.stage.log.read_text(encoding="utf-8") if self.stage.log.exists() else ""

    @property
    def log(self) -> str:
        """What the workers have logged since."""
        return self._log()[self._seen :]

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The lines of that log that are whole; what Celery greets with is no line of it."""
        whole = self.log.rpartition("\n")[0].splitlines()
        return [json.loads(line) for line in whole if line.startswith("{")]

    def logged(self, code: str, outcome: str) -> dict[str, Any]:
        """The one line that tells of an error and what it came to."""

        def such() -> list[dict[str, Any]]:
            return [each for each in self.lines if (each.get("code"), each.get("outcome")) == (code, outcome)]

        parts.eventually(such)
        (line,) = such()
        return line

    def reported(self, code: str) -> dict[str, Any]:
        """The one event that Sentry got, of all; whatever it is sent later comes to nothing but this."""
        parts.eventually(lambda: self.sentry.coded(code))
        (event,) = self.sentry.events
        assert event["tags"]["code"] == code
        return event

    def shown(self, *arguments: str) -> str:
        """What the command line says."""
        return " ".join(self.stage.console(*arguments).stdout.split())

    def everything_said(self) -> str:
        """All that was logged and sent since."""
        beat = self.stage.folder / "beat.log"
        return "\n".join([self.log, beat.read_text(encoding="utf-8") if beat.exists() else "", *self.sentry.texts])


@contextlib.contextmanager
def watched(redis_url: str, folder: Path, sandbox: Sandbox, **env: str) -> Iterator[Watched]:
    """A scene whose processes report to a Sentry of its own."""
    with sentry_endpoint() as sentry, scene(redis_url, folder, sandbox) as stage:
        stage.env.update(TALKATIVE | {"SENTRY_DSN": sentry.dsn} | env)
        yield Watched(stage, sentry)


@pytest.fixture(scope="module")
def started(valkey_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """A worker and a beat on the connections of the error tests."""
    sandbox = Sandbox([ZOE], systems=(parts.SYSTEM, *OTHERS))
    folder = tmp_path_factory.mktemp("signals")
    with contextlib.contextmanager(serving)() as bare, watched(valkey_url, folder, sandbox, **HELD_AT_ONCE) as built:
        write_connections(built.stage, bare)
        with built.stage.running():
            # One of the connections is held before any job, as its subscription lacks something; that is no test's.
            built.reported("subscription-incomplete")
            yield built


@pytest.fixture
def watch(started: Watched) -> Iterator[Watched]:
    """The same, with nothing in the ledger, the log and Sentry yet; at the end, nothing personal is in either."""
    started.begin()
    yield started
    assert found(started.everything_said(), {*PERSONAL, *SECRETS}) == set()


def echoing(way: Way) -> Way:
    """The same way, for this customer alone, where what is refused is repeated in the answer."""

    def loud(fault: Fault) -> Fault:
        if not fault.status or fault.body:
            return fault
        return fault.model_copy(update={"body": ECHO if "add" in fault.path else ECHO_EMAIL})

    return replace(way, faults=tuple(map(loud, way.faults)), others=0)


def fail(watch: Watched, way: Way) -> Job:
    """Go the way until the job has failed: each retry is due at once."""
    job, stage = way.go(watch.stage), watch.stage
    member = stage.ledger.member(job)
    while stage.stumbled(job).state is State.WAITING:
        stage.client.zadd(f"stamped-sync:waiting:{job.kind}:{job.system_id}", {member: 0}, xx=True)
        time.sleep(0.1)
    return job


@pytest.mark.parametrize("code", [*FAILED, *RESTING])
def test_failed_job_shows_everywhere(watch: Watched, code: str) -> None:
    """In the log, in Sentry, in the metrics' totals, in the groups of Error Logs, and in `failures show`, each once."""
    way = echoing((FAILED | RESTING)[code])
    job = fail(watch, way)
    check_line(watch.logged(code, "failed"), job, code, way.status)
    check_event(watch.reported(code), job, [code, str(job.system_id), str(way.status or "none")])
    assert watch.stage.ledger.figures().totals["attempts", job.kind, "failed", code] == 1
    assert groups(watch) == [(job.kind, job.system_id, code, 1)]
    check_shown(watch, job, code)
    check_run_lines(watch, job)


def check_line(line: dict[str, Any], job: Job, code: str, status: int | None) -> None:
    """The line that a failed run ends with says all that is needed to look for it and to put it right."""
    entry = CATALOGUE[code]
    assert (line["cause"], line["resolution"], line["http_status"]) == (entry.cause, entry.resolution, status)
    assert (line["job"], line["level"], line["seconds"] >= 0) == (str(job), "ERROR", True)
    assert AT.fullmatch(line["at"])


def check_event(event: dict[str, Any], job: Job, fingerprint: list[str]) -> None:
    """What Sentry got is grouped, tagged and named by release."""
    assert event["fingerprint"] == fingerprint
    tags = event["tags"]
    assert (tags["job"], tags["connection"], tags["http_status"]) == (str(job), str(job.system_id), fingerprint[-1])
    assert tags["tracking_guid"]
    assert (event.get("release"), event["environment"]) == (
        f"{PACKAGE}@{release()}" if release() else None,
        "acceptance",
    )


def check_run_lines(watch: Watched, job: Job) -> None:
    """Every line of a run names its job, its attempt, its task and its tracking id, and the last one its outcome."""
    record = watch.stage.ledger.record(job)
    assert record
    lines = [line for line in watch.lines if line.get("job") == str(job)]
    of_runs = [line for line in lines if line["logger"] in {"tasks.jobs", "worker.outcomes"}]
    # A retry of Celery's keeps its task id; an attempt that the sweep brings back has another.
    runs = {(line["task_id"], line["attempt"]): line for line in of_runs}
    assert len({line["attempt"] for line in lines}) == len(runs) == record.attempt
    assert {line["tracking_guid"] for line in lines} == {record.tracking_guid}
    assert all(line["outcome"] and line["seconds"] >= 0 for line in runs.values())


def check_shown(watch: Watched, job: Job, code: str) -> None:
    """The command line says what happened, why, and what to do."""
    shown = watch.shown("failures", "show", job.customer_id, "--system", str(job.system_id), "--kind", job.kind)
    entry = CATALOGUE[code]
    assert all(text in shown for text in (code, entry.title, entry.cause, entry.resolution))


def groups(watch: Watched) -> list[tuple[Kind, int, str, int]]:
    """The groups of failed jobs, as Error Logs shows them."""
    return [(each.kind, each.system_id, each.code, each.count) for each in watch.stage.ledger.activity.groups()]


@pytest.mark.parametrize("code", HELD)
def test_hold_shows_once(watch: Watched, code: str) -> None:
    """However many probes meet it, log and Sentry tell that it began, once.

    No job fails with it, so Error Logs has no group: it is among the holds, and in the history of each job it met.
    """
    way = echoing(HELD[code])
    job, system = way.go(watch.stage), way.system_id
    began = held(watch.stage, system)
    watch.stage.eventually(lambda: held(watch.stage, system).until > began.until + HOLD)  # a probe has met it too
    check_line(watch.logged(code, "hold began"), job, code, way.status)
    check_event(watch.reported(code), job, ["hold", code, str(system), str(way.status or "none")])
    own = way.own or code
    assert watch.stage.ledger.figures().totals["attempts", job.kind, "held", own] > 1
    assert groups(watch) == []
    assert own in watch.shown("failures", "show", ID, "--system", str(system), "--kind", job.kind)
    assert code in watch.shown("holds", "list")


@pytest.mark.parametrize("code", REFUSED)
def test_refused_notification_shows(watch: Watched, code: str) -> None:
    """In the log, in Sentry, among the refusals that the metrics count, and in `failures list`.

    There is no job, so no group of failed jobs either. A trigger that somebody switched off is none of Sentry's matter.
    """
    watch.stage.submit(REFUSED[code])
    line = watch.logged(code, "refused")
    assert (line["cause"], line["resolution"]) == (CATALOGUE[code].cause, CATALOGUE[code].resolution)
    assert watch.stage.ledger.refused().count == 1
    assert code in watch.shown("failures", "list")
    if code == "trigger-off":
        watch.stage.submit(REFUSED["connection-unknown"])
        code = "connection-unknown"
    assert watch.reported(code)["fingerprint"][0] == code


def test_bad_days_of_a_worker_show_too(tmp_path: Path) -> None:
    """A fault of the software, and workers that die again and again: whoever sweeps tells that for them."""
    linked = {"external_ids": [{"system_id": parts.SYSTEM, "external_id": "143491"}]}
    sandbox = Sandbox([person("1", first_name="Zoë"), person("2", **linked)])
    with parts.valkey() as redis_url, watched(redis_url, tmp_path, sandbox, **BRIEF) as watch:
        stage, jobs = watch.stage, dict(zip(UNLUCKY, (customer("1"), customer("2")), strict=True))
        with (
            parts.process(["-m", "tests.acceptance.unlucky"], stage.env, stage.log),
            parts.beat_process(stage.env, tmp_path / "beat.log"),
        ):
            for code, job in jobs.items():
                stage.request(job)
                check_line({"seconds": 0} | watch.logged(code, "failed"), job, code, None)
                check_event(watch.reported(code), job, [code, str(parts.SYSTEM), "none"])
                watch.sentry.forget()
                check_shown(watch, job, code)
        outcomes = [("failed", code) for code in UNLUCKY]
        totals = stage.ledger.figures().totals
        assert [totals["attempts", Kind.CUSTOMER, *outcome] for outcome in outcomes] == [1, 1]
        assert groups(watch) == [(Kind.CUSTOMER, parts.SYSTEM, code, 1) for code in UNLUCKY]
        assert found(watch.everything_said(), {*PERSONAL, *SECRETS}) == set()


def test_redis_that_goes_away_shows_where_no_ledger_is_needed(tmp_path: Path) -> None:
    """In the log, in Sentry and in what the command line says; what is read from the ledger can't show it."""
    code = "redis-unavailable"
    with contextlib.ExitStack() as redis, contextlib.ExitStack() as worker:
        redis_url = redis.enter_context(parts.valkey())
        watch = worker.enter_context(watched(redis_url, tmp_path, Sandbox([ZOE])))
        stage, job = watch.stage, customer()
        process = worker.enter_context(stage.worker())
        worker.callback(process.kill)
        stage.sandbox.add_fault(Fault(path=READ, delay_seconds=1))
        stage.request(job)
        stage.eventually(stage.calls)
        redis.close()
        check_line(watch.logged(code, "broken off"), job, code, None)
        parts.eventually(lambda: watch.sentry.coded(code))
        (event,) = watch.sentry.coded(code)
        check_event(event, job, [code, str(parts.SYSTEM), "none"])
        ended = stage.console("failures", "list")
        assert (ended.returncode, CATALOGUE[code].title in ended.stderr) == (2, True)
        assert found(watch.everything_said(), {*PERSONAL, *SECRETS}) == set()


def test_redis_that_refuses_is_told_as_what_it_is(tmp_path: Path) -> None:
    """With the reason and what to do, in the log, in Sentry and on the command line."""
    code, reason = "redis-refuses", "it has reached its maxmemory and takes no writes (OOM): raise maxmemory"
    with parts.valkey() as redis_url, contextlib.ExitStack() as worker:
        watch = worker.enter_context(watched(redis_url, tmp_path, Sandbox([ZOE])))
        stage, job = watch.stage, customer()
        process = worker.enter_context(stage.worker())
        worker.callback(process.kill)
        stage.sandbox.add_fault(Fault(path=READ, delay_seconds=1))
        stage.request(job)
        stage.eventually(stage.calls)
        stage.client.config_set("maxmemory", 1)
        line = watch.logged(code, "broken off")
        check_line(line, job, code, None)
        assert reason in line["message"]
        parts.eventually(lambda: watch.sentry.coded(code))
        (event,) = watch.sentry.coded(code)
        check_event(event, job, [code, str(parts.SYSTEM), "none"])
        ended = stage.console("sync", ID)
        assert ended.returncode == 2
        assert f"Redis refuses at {redis_url}: {reason}" in ended.stderr
        assert found(watch.everything_said(), {*PERSONAL, *SECRETS}) == set()


def test_every_code_is_shown_to_be_seen() -> None:
    """An error that is added to the catalogue without a test of its signals fails the suite."""
    assert {*FAILED, *RESTING, *HELD, *REFUSED, *UNLUCKY, *OUTSIDE} == set(CATALOGUE)


def test_schedule_of_beat_checks_in(watch: Watched) -> None:
    """Sentry hears of each task of the schedule that was run, and learns how often to expect it."""
    watch.stage.celery.send_task("stamped.retry_failed_subscriptions", queue=UPKEEP)
    monitors = {"sweep": 1, "retry-failed-subscriptions": 60}
    parts.eventually(lambda: {each["monitor_slug"] for each in watch.sentry.check_ins} == set(monitors))
    for each in watch.sentry.check_ins:
        assert each["status"] == "ok"
        schedule = {"type": "interval", "value": monitors[each["monitor_slug"]], "unit": "minute"}
        assert each["monitor_config"]["schedule"] == schedule
