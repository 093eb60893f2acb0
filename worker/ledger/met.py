"""Whom an initialize has met: what it knows of the customers of a list, before it asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.jobs.job import State
from worker.jobs.pages import pages
from worker.jobs.progress import Known, Selection
from worker.ledger.records import moment
from worker.ledger.scripting import available

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from worker.jobs.progress import Progress
    from worker.ledger.scripting import Scripts

UNDER_WAY: Final = frozenset({State.QUEUED, State.SENT, State.RUNNING, State.WAITING})
LAST_DIGITS: Final = 4
"""By these the ids are spread over sets, as in `_progress.lua`."""


class Met:
    """Looks customers up for an initialize. All raise LedgerUnavailable when Redis does not answer."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    def look(self, key: str, progress: Progress, jobs: Mapping[str, str]) -> Known:
        """What is known of customers, each with the key of its job, in one round trip; `key` is the progress'."""
        pipeline = self._scripts.pipeline()
        self._scripts.ask_now(pipeline)
        for customer_id, job_key in jobs.items():
            pipeline.sismember(_ids_like(key, progress.run, customer_id), customer_id)
            for run in progress.past:
                pipeline.sismember(_ids_like(key, run, customer_id), customer_id)
            pipeline.hmget(job_key, "state", "changed_at", "brought_back_at")
        with available():
            answers = iter(pipeline.execute())
        now = moment(next(answers))
        met, in_hand = set[str](), set[str]()
        for customer_id in jobs:
            if next(answers):
                met.add(customer_id)
            is_of_the_past = 1 in [next(answers) for _ in progress.past]
            if _is_in_hand(progress, now, *next(answers)) or is_of_the_past:
                in_hand.add(customer_id)
        return Known(frozenset(met), frozenset(in_hand))

    def forget(self, key: str, progress: Progress) -> None:
        """Forget whom an initialize has met that has ended: Redis would do so too, but much later."""
        pipeline = self._scripts.pipeline()
        for some in pages(f"{key}:met:{progress.run}:{digits}" for digits in _last_digits()):
            pipeline.delete(*some)
        with available():
            pipeline.execute()


def _is_in_hand(
    progress: Progress, now: datetime | None, state: str | None, changed_at: str | None, brought_back_at: str | None
) -> bool:
    """Whether a customer's job makes another one needless: it is under way, or has changed since the beginning."""
    if state is None:
        return False
    if state in UNDER_WAY or (state == State.FAILED and progress.selection is Selection.CATCH_UP):
        return True
    # What was noted while Redis' clock was ahead, and is later than now or was moved to now by a sweep, may be older
    # than the beginning.
    began, changed = progress.started_at, moment(changed_at)
    is_known = changed_at != brought_back_at and None not in (began, changed, now)
    return is_known and began <= changed <= now  # type: ignore[operator]


def _last_digits() -> Iterator[str]:
    """Every ending that an id can have."""
    for length in range(1, LAST_DIGITS + 1):
        yield from (f"{number:0{length}}" for number in range(10**length))


def _ids_like(key: str, run: str, customer_id: str) -> str:
    return f"{key}:met:{run}:{customer_id[-LAST_DIGITS:]}"
