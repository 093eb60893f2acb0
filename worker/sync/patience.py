"""Repeats a failing call for some minutes, if that can help, so that what runs for hours survives a short outage."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from worker.jobs.errors import SyncError
from worker.jobs.intents import NEEDS_A_PERSON
from worker.jobs.retries import Schedule, retry

if TYPE_CHECKING:
    from collections.abc import Callable

    Resting = Callable[[SyncError, float], None]
    """Rests after an error for a number of seconds, before the call is made again."""

PATIENCE = Schedule(fast=9, slow_minutes=())
"""How often a call is made again: for some minutes in all, without the long rests of a job."""

Answer = TypeVar("Answer")


def patiently(call: Callable[[], Answer], resting: Resting) -> Answer:
    """What a call answers. Raises its error if waiting can't help, or has not helped for some minutes."""
    attempt = 0
    while True:
        try:
            return call()
        except SyncError as error:
            pause = None if error.trouble in NEEDS_A_PERSON else retry(error, attempt, PATIENCE)
            if pause is None:
                raise
            resting(error, pause.seconds)
        attempt += 1
