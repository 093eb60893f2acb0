"""Log lines: JSON objects in production, plain text on a terminal, and no personal data in either."""

from __future__ import annotations

import logging
import sys
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, TextIO

from pythonjsonlogger.json import JsonFormatter

from worker.jobs.errors import SyncError, error_fields

if TYPE_CHECKING:
    from worker.jobs.calls import MadeCall
    from worker.jobs.job import Job

calls = logging.getLogger("worker.calls")

CELERY_TASKS = "celery.app.trace"
NOISY = (CELERY_TASKS, "celery.worker.strategy", "celery.beat")
"""Loggers of Celery's that write a line for each message sent, received and finished. Our tasks log their jobs."""

URL_LOGGER = "urllib3"
"""Its lines hold URLs, and their queries hold e-mail addresses, so it is silenced; `log_call` logs the calls."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """The attempt that runs in this thread; every log line has its fields."""

    job: Job
    task_id: str
    tracking_guid: str
    debug: bool
    number: int = 1
    """Which attempt of the job it is, from 1."""
    calls: list[MadeCall] = field(default_factory=list)
    """The API calls made so far."""


running: ContextVar[Attempt | None] = ContextVar("attempt", default=None)
"""The attempt that runs in this thread. Code that sets it also resets it."""


def log_call(call: MadeCall) -> None:
    """Log one API call: at debug level, or as an ordinary line for a job of a `/debug` scope."""
    attempt = running.get()
    level = logging.INFO if attempt and attempt.debug else logging.DEBUG
    details = {"api": call.api, "method": call.method, "route": call.route, "http_status": call.status}
    line = "%s %s %s: %s", call.api, call.method, call.route, call.status or "no answer"
    calls.log(level, *line, extra=details | {"seconds": call.ms / 1000})


def error_help(error: SyncError) -> dict[str, str]:
    """Further fields of a log line about an error, if somebody should act on it."""
    return {"cause": error.entry.cause, "resolution": error.entry.resolution}


class _AttemptFilter(logging.Filter):
    """Adds the attempt's fields to a record."""

    def filter(self, record: logging.LogRecord) -> bool:
        if attempt := running.get():
            record.job = str(attempt.job)
            record.attempt = attempt.number
            record.task_id = attempt.task_id
            record.tracking_guid = attempt.tracking_guid
        return True


class _Brief(logging.Filter):
    """Shortens Celery's line for a failed task: without its copy of the task's arguments and the exception's text.

    An error of the catalogue gets its cause and resolution instead of a trace.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        record.__dict__.pop("data", None)
        if record.exc_info and isinstance(error := record.exc_info[1], SyncError):
            record.exc_info = None
            record.__dict__.update(error_fields(error) | error_help(error))
        return True


class _JsonLines(JsonFormatter):
    """One JSON object per line, with its time in UTC."""

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802 - logging's name
        del datefmt
        return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class _Lines(logging.Formatter):
    """Lines for people to read; a failure is followed by its cause and resolution."""

    def format(self, record: logging.LogRecord) -> str:
        help_lines = {"Cause": getattr(record, "cause", ""), "Resolution": getattr(record, "resolution", "")}
        return "\n".join(
            [super().format(record), *(f"    {name}: {text}" for name, text in help_lines.items() if text)]
        )


class _Output(logging.StreamHandler[TextIO]):
    """Standard error. A thread makes its line by itself, and waits for another one only while that is written."""

    def handle(self, record: logging.LogRecord) -> bool:
        """Write a record that passes the filters."""
        is_shown = bool(self.filter(record))
        if is_shown:
            self.emit(record)
        return is_shown

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        try:
            line = self.format(record) + self.terminator
            self.acquire()
            try:
                self.stream.write(line)
                self.stream.flush()
            finally:
                self.release()
        except Exception:  # noqa: BLE001 - no line of the log ends the program
            self.handleError(record)


def configure(log_format: Literal["auto", "json", "text"], level: str) -> None:
    """Send the process' log to standard error; `auto` means text on a terminal and JSON elsewhere."""
    is_text = log_format == "text" or (log_format == "auto" and sys.stderr.isatty())
    output = _Output(sys.stderr)
    output.addFilter(_AttemptFilter())
    output.setFormatter(_text_lines() if is_text else _json_lines())
    root = logging.getLogger()
    root.handlers[:] = [output]
    root.setLevel(level)
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger(CELERY_TASKS).addFilter(_Brief())
    logging.getLogger(URL_LOGGER).setLevel(logging.CRITICAL)


def _text_lines() -> logging.Formatter:
    return _Lines("%(asctime)s %(levelname)-7s %(message)s", datefmt="%H:%M:%S")


def _json_lines() -> logging.Formatter:
    names = {"asctime": "at", "levelname": "level", "name": "logger"}
    return _JsonLines("%(asctime)s %(levelname)s %(name)s %(message)s", rename_fields=names)
