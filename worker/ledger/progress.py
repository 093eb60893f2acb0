"""How far an initialize has come and whom it has met, in Redis: so that it goes on wherever it stopped."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Final

from worker.effects import Effect
from worker.jobs.job import State, pages
from worker.jobs.progress import Known, Progress, ProgressLost, Selection, TakenOver
from worker.ledger import keys
from worker.ledger.records import moment
from worker.ledger.scripting import PROGRESS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from redis.client import Pipeline

    from worker.ledger.scripting import Args, Scripts

LEASE_SECONDS: Final = 60
"""How long whoever is at a catch-up may note nothing, before another goes on: longer than one call."""
LOST: Final = ["lost"]
UNDER_WAY: Final = frozenset({State.QUEUED, State.SENT, State.RUNNING, State.WAITING})
LAST_DIGITS: Final = 4
"""By these the ids are spread over sets, as in `_progress.lua`."""


class ProgressBook:
    """The progress of each connection's initialize, one for each selection of customers.

    All raise LedgerUnavailable when Redis does not answer.
    """

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    def begin(self, system_id: int, selection: Selection, *, restart: bool = False) -> Progress:
        """Go on with an initialize that was interrupted, or begin a new one: always with `restart`.

        Another process that is at it is stopped by that at its next step.
        """
        key = keys.of(keys.INITIALIZE, system_id, selection)
        if restart and (old := self.all_of([system_id], selection)[0]):
            self._forget(key, old)
        answer = self._scripts.run(Effect.BEGIN_INITIALIZE, [uuid.uuid4().hex, int(restart)], keys=[key])
        return _read(system_id, selection, answer)

    def begin_catch_up(self, system_id: int, every_seconds: float) -> Progress | None:
        """Begin a connection's catch-up or go on with it, if one is due and nobody is at it; else None."""
        key = keys.of(keys.INITIALIZE, system_id, Selection.CATCH_UP)
        args: Args = [uuid.uuid4().hex, int(every_seconds * 1000), LEASE_SECONDS * 1000]
        answer = self._scripts.run(Effect.BEGIN_CATCH_UP, args, keys=[key])
        return _read(system_id, Selection.CATCH_UP, answer) if answer else None

    def look(self, progress: Progress, jobs: Mapping[str, str]) -> Known:
        """What is known of customers, each with the key of its job, in one round trip."""
        key = keys.of(keys.INITIALIZE, progress.system_id, progress.selection)

        def ask(trip: Pipeline) -> None:
            self._scripts.ask_now(trip)
            for customer_id, job_key in jobs.items():
                for run in (progress.run, *progress.past):
                    trip.sismember(_ids_like(key, run, customer_id), customer_id)
                trip.hmget(job_key, ["state", "changed_at", "brought_back_at"])

        answers = iter(self._scripts.in_one_trip(ask))
        now = moment(next(answers))
        met, in_hand = set[str](), set[str]()
        for customer_id in jobs:
            if next(answers):
                met.add(customer_id)
            is_of_the_past = 1 in [next(answers) for _ in progress.past]
            if _is_in_hand(progress, now, *next(answers)) or is_of_the_past:
                in_hand.add(customer_id)
        return Known(frozenset(met), frozenset(in_hand))

    def advance(self, progress: Progress, met: Sequence[str] = (), *, ended: bool = False) -> Progress:
        """Note how far it has come, and whom it has met since.

        Raises TakenOver if another process has begun since, and ProgressLost.
        """
        key = keys.of(keys.INITIALIZE, progress.system_id, progress.selection)
        args: Args = [progress.token, progress.position, progress.requested, int(ended), *met]
        answer = self._scripts.run(Effect.ADVANCE_INITIALIZE, args, keys=[key])
        if not answer or answer == LOST:
            raise ProgressLost if answer else TakenOver
        if ended:
            self._forget(key, progress)
        return _read(progress.system_id, progress.selection, answer)

    def all_of(self, system_ids: Sequence[int], selection: Selection) -> list[Progress | None]:
        """The progress of several connections in one round trip; None if nothing has begun yet."""
        hashes = [keys.of(keys.INITIALIZE, system_id, selection) for system_id in system_ids]
        found = json.loads(self._scripts.read(PROGRESS, [], hashes))
        begun = {int(place) - 1: fields for place, fields in found.items()}
        return [
            _read(system_id, selection, begun[place]) if place in begun else None
            for place, system_id in enumerate(system_ids)
        ]

    def _forget(self, key: str, progress: Progress) -> None:
        """Forget whom an initialize has met that has ended: Redis would do so too, but much later."""
        some = pages(f"{key}:{keys.MET}:{progress.run}:{digits}" for digits in _last_digits())
        self._scripts.in_one_trip(lambda trip: [trip.delete(*each) for each in some])


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
    return f"{key}:{keys.MET}:{run}:{customer_id[-LAST_DIGITS:]}"


def _read(system_id: int, selection: Selection, answer: list[str]) -> Progress:
    return _of(system_id, selection, dict(zip(answer[::2], answer[1::2], strict=True)))


def _of(system_id: int, selection: Selection, fields: Mapping[str, str]) -> Progress:
    return Progress(
        system_id=system_id,
        selection=selection,
        token=fields["token"],
        position=fields["position"],
        requested=int(fields["requested"]),
        started_at=moment(fields["started_at"]),
        ended_at=moment(fields.get("ended_at")),
        last_ended_at=moment(fields.get("last_ended_at")),
        last_requested=int(fields.get("last_requested", 0)),
        run=fields.get("run", ""),
        past=tuple(fields[name] for name in ("past", "older") if name in fields),
    )
