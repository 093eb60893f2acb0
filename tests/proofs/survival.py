"""Survival: one worker, beat and Flower go through all that Redis goes through, say why, and finish every job."""

from __future__ import annotations

import contextlib
import json
import re
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import requests

from tests import parts
from tests.proofs.processes import REDIS, Restartable, beat, flower, worker
from tests.proofs.result import Result
from tests.proofs.stage import Stage, customers, stage
from tests.proofs.troubles import TROUBLES, Trouble
from tests.proofs.truth import compare, failed_by_code, person
from worker.jobs.job import Job, Kind
from worker.local.ports import free_port
from worker.sandbox.faults import Fault
from worker.sandbox.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

AT_WORK: Final = 6
"""How many customers are done when a trouble begins."""
ANSWER_SECONDS: Final = 0.1
SUCCEEDED: Final = re.compile(r'^flower_events_total\{.*type="task-succeeded".*\} (\S+)$', re.MULTILINE)
LOGIN: Final = ("operator", "secret")
MOST_LINES: Final = 40
"""Lines at error level of one process for one trouble: one for each job in hand, and some for each connection."""


@dataclass(frozen=True)
class Meeting:
    """A trouble that processes meet at work, or when they are started."""

    trouble: Trouble
    at_start: bool = False

    def __str__(self) -> str:
        return f"{self.trouble.name}{', at the start' if self.at_start else ''}"


@dataclass
class Survivors:
    """The processes, and what they logged of each trouble."""

    made: Stage
    port: int
    processes: list[Restartable]
    read: dict[Path, int] = field(default_factory=dict)
    """How far each log was read."""

    @property
    def pids(self) -> list[int]:
        """Who is at work."""
        return [each.child.pid for each in self.processes]

    def is_alive(self) -> bool:
        """Whether all of them run."""
        return all(each.child.poll() is None for each in self.processes)

    def start(self) -> None:
        """Start all of them."""
        for each in self.processes:
            each.start()

    def stop(self) -> None:
        """Stop all of them."""
        for each in self.processes:
            each.stop()

    def lines(self) -> list[dict[str, Any]]:
        """What was logged since the last look; a line that is not JSON is a traceback's, or a banner's."""
        found = []
        for each in self.processes:
            text = each.log.read_text(encoding="utf-8", errors="replace")
            new, self.read[each.log] = text[self.read.get(each.log, 0) :], len(text)
            found += [{"process": each.log.stem, **_read(line)} for line in new.splitlines()]
        return found

    def says(self, words: str) -> bool:
        """Whether every process has said so since the last look."""
        logs = [(each.log, self.read.get(each.log, 0)) for each in self.processes]
        return all(words in log.read_text(encoding="utf-8")[start:] for log, start in logs)

    def events(self) -> int:
        """How many events of jobs that ended Flower has seen since it was started; they come over Redis."""
        with contextlib.suppress(requests.RequestException):
            text = requests.get(f"http://127.0.0.1:{self.port}/metrics", auth=LOGIN, timeout=20).text
            return sum(int(float(count)) for count in SUCCEEDED.findall(text))
        return 0

    def inspects_the_worker(self) -> bool:
        """Whether the worker answers what Flower asks it."""
        with contextlib.suppress(requests.RequestException):
            url = f"http://127.0.0.1:{self.port}/api/workers?refresh=true"
            return "celery@" in requests.get(url, auth=LOGIN, timeout=20).text
        return False


def _read(line: str) -> dict[str, Any]:
    with contextlib.suppress(ValueError):
        if isinstance(found := json.loads(line), dict):
            return {"message": "", **found}
    return {"message": line}


def at_work() -> list[Meeting]:
    """Every trouble, under load."""
    return [Meeting(each) for each in TROUBLES]


def at_start() -> list[Meeting]:
    """Every trouble in which processes can be started."""
    return [Meeting(each, at_start=True) for each in TROUBLES if each.by_start]


def prove(
    folder: Path,
    server: str = REDIS,
    *,
    seconds: float = 10,
    each: int = 60,
    meetings: Sequence[Meeting] = (*at_work(), *at_start()),
) -> Result:
    """Bring one trouble after the other, with so many customers each, all but one of whom are asked for before it."""
    result = Result(f"What Redis goes through, {server}, {seconds:g} s each")
    count = len(meetings) * each
    sandbox = Sandbox([person(number) for number in range(1, count + 1)])
    sandbox.add_fault(Fault(delay_seconds=ANSWER_SECONDS))
    with stage(folder, sandbox, server, STAMPED_SYNC_LOG_FORMAT="json") as made, survivors(made) as run:
        jobs = iter(customers(count))
        parts.eventually(run.inspects_the_worker)
        for met in meetings:
            _go_through(run, met, seconds, list(islice(jobs, each)), result)
        failed = failed_by_code(made.ledger)
        left = run.made.rest()
    sides = compare(sandbox, map(str, range(1, count + 1)))
    result.say(f"{count:,} customers: {sides}, jobs left {left}, failed {dict(failed) or 'none'}")
    result.must(sides.is_clean, f"{sides}: {sides.lost[:3]} {sides.duplicated[:3]} {sides.stale[:3]}")
    result.must(not left and not failed, f"jobs left {left}, failed {dict(failed)}")
    return result


def _go_through(run: Survivors, met: Meeting, seconds: float, jobs: list[Job], result: Result) -> None:
    if met.at_start:
        run.stop()
    done = run.made.ledger.counts(Kind.CUSTOMER).done
    lost, last, *others = jobs
    run.made.ledger.request(lost)  # without a message: only a sweep can find it, which beat asks for
    run.made.request(others)
    if not met.at_start:
        parts.eventually(lambda: run.made.ledger.counts(Kind.CUSTOMER).done >= done + AT_WORK)
    run.lines()
    pids = run.pids
    with met.trouble.bring(run.made.server, seconds):
        if met.at_start:
            run.start()
            pids = run.pids
            parts.eventually(lambda: run.says(met.trouble.words))
    left = run.made.rest()
    result.must(not left, f"{met}: {left} jobs left")
    seen = run.events()
    run.made.request([last])
    sees = parts.eventually(lambda: run.events() > seen and run.inspects_the_worker())
    result.must(run.is_alive() and run.pids == pids and sees, f"{met}: a process has ended")
    _judge(run.lines(), met, result)


def _judge(lines: list[dict[str, Any]], met: Meeting, result: Result) -> None:
    """What was logged of a trouble: its reason in few lines, and no trace."""
    words = met.trouble.words
    logged = [line for line in lines if words and words in line["message"]]
    errors = [line for line in lines if line.get("level") in {"ERROR", "CRITICAL"}]
    traces = [line for line in lines if "exc_info" in line or "Traceback" in line["message"]]
    result.say(f"{met}: {len(errors)} lines of errors, {len(logged)} that say why, {len(traces)} traces")
    result.must(bool(logged) or not words, f"{met}: nobody said that Redis {words}")
    result.must(not traces, f"{met}: a trace: {traces[:1]}")
    result.must(len(errors) <= MOST_LINES, f"{met}: {len(errors)} lines of errors")


@contextlib.contextmanager
def survivors(made: Stage) -> Iterator[Survivors]:
    """A worker, a beat and a Flower at work on a stage."""
    port = free_port()
    processes = [
        worker(made.env, made.folder, "worker"),
        beat(made.env, made.folder),
        flower(made.env, made.folder, port, ":".join(LOGIN)),
    ]
    with contextlib.ExitStack() as stack:
        for each in processes:
            stack.enter_context(each.running())
        yield Survivors(made, port, processes)
