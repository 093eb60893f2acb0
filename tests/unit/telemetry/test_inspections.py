"""Flower's log while no worker answers it."""

from __future__ import annotations

import logging

import pytest

from worker.telemetry.inspections import ASKING, PLAIN, SECONDS, UNANSWERED, Unanswered


@pytest.fixture
def unanswered(caplog: pytest.LogCaptureFixture) -> Unanswered:
    """The filter, at the log level of production."""
    caplog.set_level(logging.INFO)
    return Unanswered()


def record(message: str, *args: object, created: float = 0.0) -> logging.LogRecord:
    """A warning of Flower's."""
    made = logging.LogRecord(ASKING.name, logging.WARNING, "inspector.py", 1, message, args, None)
    made.created = created
    return made


def test_unanswered_questions_are_one_plain_line(unanswered: Unanswered) -> None:
    """It asks four at a time, at its start."""
    asked = [record(UNANSWERED, method) for method in ("stats", "conf", "registered", "active_queues")]
    passed = [each for each in asked if unanswered.filter(each)]
    assert [(each.levelname, each.getMessage()) for each in passed] == [("INFO", PLAIN)]


def test_later_silence_is_told_again(unanswered: Unanswered) -> None:
    """Somebody has opened Workers, and there is none."""
    assert unanswered.filter(record(UNANSWERED, "stats"))
    assert unanswered.filter(record(UNANSWERED, "stats", created=SECONDS + 1))


def test_real_errors_pass(unanswered: Unanswered) -> None:
    """As Flower wrote them."""
    real = record("Inspect method %s failed: %s", "stats", "no Redis")
    assert (unanswered.filter(real), real.levelname) == (True, "WARNING")
