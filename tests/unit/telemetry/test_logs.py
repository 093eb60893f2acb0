"""Log lines: which there are, what stands in them, and in which form."""

from __future__ import annotations

import io
import json
import logging
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

import pytest

from worker.jobs.calls import Api, MadeCall
from worker.jobs.errors import CustomerWriteFailed, EmailMissing, error_fields
from worker.jobs.intents import Intent
from worker.jobs.job import Job, Kind
from worker.telemetry import logs
from worker.telemetry.logs import CELERY_TASKS, NOISY, URL_LOGGER, Attempt, configure, error_help, log_call, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

JOB = Job(Kind.CUSTOMER, 4021, "150713")
ROUTE = "customers/v2/Customer/{id}"
log = logging.getLogger("tests.logs")


@contextmanager
def logged_as(attempt: Attempt) -> Iterator[None]:
    """Run the block as this attempt, as a task does."""
    token = running.set(attempt)
    try:
        yield
    finally:
        running.reset(token)


class Terminal(io.StringIO):
    """A standard error that can be a terminal."""

    def __init__(self, *, is_terminal: bool) -> None:
        super().__init__()
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        """Whether a person looks at it."""
        return self._is_terminal


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """Give logging back as it was."""
    loggers = [logging.getLogger(name) for name in (None, URL_LOGGER, *NOISY)]
    before = [(logger, logger.level, logger.handlers[:], logger.filters[:]) for logger in loggers]
    yield
    for logger, level, handlers, filters in before:
        logger.setLevel(level)
        logger.handlers[:] = handlers
        logger.filters[:] = filters


def configured(
    monkeypatch: pytest.MonkeyPatch,
    log_format: Literal["auto", "json", "text"] = "json",
    level: str = "INFO",
    *,
    is_terminal: bool = False,
) -> Terminal:
    """The standard error of a process whose log is set up so."""
    output = Terminal(is_terminal=is_terminal)
    monkeypatch.setattr("sys.stderr", output)
    configure(log_format, level)
    return output


def lines(output: Terminal) -> list[dict[str, Any]]:
    """The JSON objects of a log."""
    return [json.loads(line) for line in output.getvalue().splitlines()]


@pytest.mark.parametrize(
    ("log_format", "is_terminal", "is_json"),
    [("auto", True, False), ("auto", False, True), ("json", True, True), ("text", False, False)],
)
def test_format_is_text_for_people_and_json_for_machines(
    monkeypatch: pytest.MonkeyPatch, log_format: Literal["auto", "json", "text"], is_terminal: bool, is_json: bool
) -> None:
    """`auto` looks at the terminal; the others are as asked for."""
    output = configured(monkeypatch, log_format, is_terminal=is_terminal)
    log.info("hello")
    assert output.getvalue().startswith("{") is is_json
    assert "hello" in output.getvalue()


def test_json_line_names_time_level_and_logger(monkeypatch: pytest.MonkeyPatch) -> None:
    """And holds what is said besides the message."""
    output = configured(monkeypatch)
    log.warning("careful", extra={"code": "email-missing"})
    (line,) = lines(output)
    assert line.pop("at")
    assert line == {"level": "WARNING", "logger": "tests.logs", "message": "careful", "code": "email-missing"}


def test_json_line_tells_its_time_in_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    """To the millisecond, in the form that every log store reads."""
    output = configured(monkeypatch)
    at = datetime(2026, 1, 31, 8, 30, 0, 7000, tzinfo=UTC).timestamp()
    log.handle(logging.makeLogRecord({"name": "tests.logs", "msg": "hello", "levelno": logging.INFO, "created": at}))
    assert lines(output)[0]["at"] == "2026-01-31T08:30:00.007Z"


def test_failure_is_told_with_its_cause_and_resolution(monkeypatch: pytest.MonkeyPatch) -> None:
    """As fields for machines, as lines of their own for people."""
    error = CustomerWriteFailed("taken", http_status=422)
    entry = error.entry
    output = configured(monkeypatch)
    log.error("failed", extra=error_fields(error) | error_help(error))
    (line,) = lines(output)
    assert (line["code"], line["http_status"]) == (entry.code, 422)
    assert (line["cause"], line["resolution"]) == (entry.cause, entry.resolution)
    output = configured(monkeypatch, "text")
    log.error("failed", extra=error_fields(error) | error_help(error))
    said, *behind = output.getvalue().splitlines()
    assert said.endswith("ERROR   failed")
    assert behind == [f"    Cause: {entry.cause}", f"    Resolution: {entry.resolution}"]


def test_attempt_tells_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which attempt of its job a line belongs to."""
    output = configured(monkeypatch)
    with logged_as(Attempt(JOB, "task-1", "0a8e", debug=False, number=3)):
        log.info("again")
    assert lines(output)[0]["attempt"] == 3


def test_line_is_of_the_attempt_it_belongs_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """Job, task and tracking id stand in every line of an attempt and in none outside it."""
    output = configured(monkeypatch)
    with logged_as(Attempt(JOB, "task-1", "0a8e", debug=False)):
        log.info("inside")
    log.info("outside")
    inside, outside = lines(output)
    assert (inside["job"], inside["task_id"], inside["tracking_guid"]) == ("customer 4021/150713", "task-1", "0a8e")
    assert not {"job", "task_id", "tracking_guid"} & set(outside)


def test_attempts_in_an_attempt_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """The outer one comes back when the inner one ends, even badly."""
    output = configured(monkeypatch)
    with logged_as(Attempt(JOB, "outer", "", debug=False)):
        with pytest.raises(RuntimeError), logged_as(Attempt(JOB.subscription, "inner", "", debug=False)):
            raise RuntimeError
        log.info("after")
    assert lines(output)[0]["task_id"] == "outer"


@pytest.mark.parametrize(
    ("level", "debug", "is_logged"),
    [("INFO", False, False), ("INFO", True, True), ("DEBUG", False, True), ("WARNING", True, False)],
)
def test_calls_are_logged_for_debug_jobs(
    monkeypatch: pytest.MonkeyPatch, level: str, debug: bool, is_logged: bool
) -> None:
    """A job of a `/debug` scope tells each call; any other does at debug level alone."""
    output = configured(monkeypatch, level=level)
    with logged_as(Attempt(JOB, "task-1", "0a8e", debug)):
        log_call(MadeCall(Api.IPAAS, "GET", ROUTE, 200, 123))
    assert bool(output.getvalue()) is is_logged


def test_call_outside_a_job_is_logged_at_debug_level(monkeypatch: pytest.MonkeyPatch) -> None:
    """A check's calls, for example."""
    output = configured(monkeypatch, level="DEBUG")
    log_call(MadeCall(Api.IPAAS, "GET", ROUTE, 200, 100))
    assert lines(output)[0]["level"] == "DEBUG"


@pytest.mark.parametrize(("status", "shown"), [(200, "200"), (503, "503"), (None, "no answer")])
def test_call_is_told_by_its_route(monkeypatch: pytest.MonkeyPatch, status: int | None, shown: str) -> None:
    """The route as it is declared: neither an id nor a query is in it."""
    output = configured(monkeypatch, level="DEBUG")
    log_call(MadeCall(Api.STAMPED, "POST", ROUTE, status, 123, Intent.STORES))
    (line,) = lines(output)
    assert line["message"] == f"Stamped.io POST {ROUTE}: {shown}"
    assert (line["http_status"], line["seconds"]) == (status, 0.123)


@pytest.mark.parametrize("name", NOISY)
def test_celery_does_not_repeat_what_the_tasks_say(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Its own line for each message is left out, its warnings are not."""
    output = configured(monkeypatch)
    logging.getLogger(name).info("Task succeeded")
    logging.getLogger(name).warning("Task lost")
    assert [line["message"] for line in lines(output)] == ["Task lost"]


def raised(error: Exception) -> tuple[type[Exception], Exception, TracebackType | None]:
    """An error as the log gets it."""
    try:
        raise error
    except type(error) as caught:
        return type(caught), caught, caught.__traceback__


def test_celery_tells_an_error_of_the_catalogue_by_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its trace says nothing that the code does not; the cause and the resolution take its place."""
    output = configured(monkeypatch)
    logging.getLogger(CELERY_TASKS).error("Task failed", exc_info=raised(EmailMissing()))
    (line,) = lines(output)
    entry = EmailMissing.entry
    assert (line["code"], line["cause"], line["resolution"]) == (entry.code, entry.cause, entry.resolution)
    assert "exc_info" not in line


def test_celery_does_not_copy_what_a_task_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of any other error its trace is told, without the arguments and the text beside it."""
    output = configured(monkeypatch)
    given = {"data": {"args": "[4021, '150713']"}}
    logging.getLogger(CELERY_TASKS).error("Task failed", exc_info=raised(KeyError("place")), extra=given)
    (line,) = lines(output)
    assert "KeyError" in line["exc_info"]
    assert "data" not in line


@pytest.mark.parametrize("name", ["urllib3.connectionpool", "urllib3.connection"])
def test_addresses_of_calls_are_never_logged(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The HTTP library tells whole addresses, at debug level and in its warnings; a search has an e-mail in it."""
    output = configured(monkeypatch, level="DEBUG")
    for say in (logging.getLogger(name).debug, logging.getLogger(name).warning):
        say("GET /customers?search=zoe%40example.com")
    assert output.getvalue() == ""


def test_configuring_again_replaces(monkeypatch: pytest.MonkeyPatch) -> None:
    """No line comes twice."""
    configured(monkeypatch)
    output = configured(monkeypatch)
    log.info("once")
    assert len(lines(output)) == 1
    assert logs.calls.isEnabledFor(logging.INFO)
