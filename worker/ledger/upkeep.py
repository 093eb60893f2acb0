"""Upkeep: brings back the jobs that nobody would run, retries, and forgets. The sweep mends by itself what it meets."""

from __future__ import annotations

import json
import random
import uuid
from dataclasses import asdict, dataclass
from functools import cached_property
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from worker.effects import Effect
from worker.jobs.asking import SOMEBODY
from worker.jobs.errors import TriggerOff, WorkerLost
from worker.jobs.job import Kind, pages
from worker.jobs.routes import QUEUE_OF
from worker.ledger import keys
from worker.ledger.keys import PREFIX
from worker.ledger.repairing import Repairing
from worker.ledger.scripting import DUE_STORES, TO_SWEEP

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import redis

    from worker.jobs.asking import Asker
    from worker.jobs.calls import Shape
    from worker.jobs.catalogue import Failure
    from worker.jobs.job import Consent, Job
    from worker.jobs.retries import Pause
    from worker.ledger.hold import Hold
    from worker.ledger.limits import LedgerTimes, StoreLimits
    from worker.ledger.memory.events import Events
    from worker.ledger.records import Refusal
    from worker.ledger.scripting import Args, Scripts

DAY_MS: Final = 24 * 60 * 60 * 1000
LOSSES_ALLOWED: Final = 5
"""How many workers in a row may die on one job before it is failed instead of tried again."""
LOSSES_SPREAD_MS: Final = 2_000
"""How far apart jobs come back whose workers died more than once: the one that kills them then dies alone."""
REFUSALS_KEPT: Final = 10_000
EVENTS: Final = "events"
FORGETS_EVERY_SECONDS: Final = 60
JOBS_AT_ONCE: Final = 50
STORES_AT_ONCE: Final = 10
"""How many jobs, and how many stores, one script of a sweep looks at: it must keep Redis from others for some
milliseconds at most."""
STORES_ADMITTED_AT_ONCE: Final = 100
"""How many stores the pump looks at in one round."""
LOOKED_AT_ONCE: Final = 250
"""How many stores one script looks at that finds those with something to sweep."""
MENDED_AT_ONCE: Final = 100
"""How many stores a sweep looks at in which nothing is due: others each time, if there are more."""


def error_args(failure: Failure) -> tuple[str, str]:
    """An error as the scripts take it: whole, which they pass through unread, and its code."""
    return json.dumps(asdict(failure)), failure.code


def shape_args(shape: Shape) -> tuple[str, str]:
    """The shape of an attempt, as the scripts take it: a short name that is always the same, and the whole."""
    text = json.dumps(shape, separators=(",", ":"))
    return blake2b(text.encode(), digest_size=8).hexdigest(), text


def consent_args(consent: Consent | None) -> tuple[int, str]:
    """What is known of a customer's consent, as the scripts take it: see `note_consent` in `_request.lua`."""
    return (int(consent.is_new), consent.created) if consent else (0, "")


def pause_json(pause: Pause) -> str:
    """How a store is held, as `hold.lua` takes it."""
    ms, longest_ms = int(pause.seconds * 1000), int(pause.longest_seconds * 1000)
    values = {"ms": ms, "longest_ms": longest_ms, "strikes": pause.strikes, "limit": int(pause.is_limit)}
    return json.dumps(values)


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep found."""

    due: int = 0
    dead: int = 0
    lost: int = 0
    failed: tuple[Job, ...] = ()
    """Jobs that lost too many workers in a row."""
    most: int = 0
    """How much of its limit a sweep used, at most: if it reaches that, there may be more."""
    strays: int = 0
    """Places and slots that were nobody's, given back."""
    mended: int = 0
    """Jobs that were noted ahead of Redis' clock, which has stepped back since."""

    def __add__(self, other: Swept) -> Swept:
        """Two sweeps in one."""
        return Swept(
            due=self.due + other.due,
            dead=self.dead + other.dead,
            lost=self.lost + other.lost,
            failed=self.failed + other.failed,
            most=max(self.most, other.most),
            strays=self.strays + other.strays,
            mended=self.mended + other.mended,
        )


class Upkeep(Repairing):
    """What is done to many jobs, by a schedule or by an operator. All raise LedgerUnavailable."""

    def __init__(
        self, client: redis.Redis, scripts: Scripts, times: LedgerTimes, limits: Mapping[int, StoreLimits]
    ) -> None:
        super().__init__(client, limits)
        self._scripts = scripts
        self._lease_ms = int(times.lease_seconds * 1000)
        self._lost_after_ms = int(times.lost_after_seconds * 1000)
        self._keep_done_ms = int(times.done_days * DAY_MS)
        self._keep_failed_ms = int(times.failed_days * DAY_MS)
        self._events_kept = times.events
        self._left_alone = 0

    @cached_property
    def events(self) -> Events:
        """What has happened."""
        from worker.ledger.memory.events import Events  # noqa: PLC0415 - whoever hands jobs over need not wait for it

        return Events(self._client, self._scripts)

    def forget_events(self) -> None:
        """Forget events that are old or too many, a part each minute, however often and by whomever this is called."""
        if self.is_due(EVENTS, FORGETS_EVERY_SECONDS):
            self.events.forget(self._keep_done_ms, self._events_kept)

    def is_due(self, name: str, every_seconds: float) -> bool:
        """Whether something that any worker does every so often is due; whoever gets True does it."""
        return bool(self._scripts.run(Effect.IS_DUE, [name, int(every_seconds * 1000)], keys=[keys.DONE_AT]))

    def pause(self, system_id: int, asker: Asker = SOMEBODY, reason: str = "") -> bool:
        """Let the jobs of a store wait until somebody resumes it; False if it is paused already."""
        noted = json.dumps({"user": asker.user, "reason": reason})
        return bool(self._scripts.run(Effect.PAUSE, [PREFIX, system_id, noted, str(asker), json.dumps(reason)]))

    def resume(self, system_id: int, asker: Asker = SOMEBODY) -> bool:
        """Let the jobs of a paused store go on; False if it is not paused."""
        return bool(self._scripts.run(Effect.RESUME, [PREFIX, system_id, str(asker)]))

    def release(self, system_id: int, asker: Asker = SOMEBODY) -> bool:
        """End the hold of a store, whichever it is; False if it is not held."""
        return self._release(system_id, asker=str(asker))

    def end(self, hold: Hold) -> bool:
        """End this hold; False if it is another one by now, or lasts longer, or an API has asked for a pause."""
        return self._release(hold.system_id, hold.until_ms, hold.code)

    def _release(self, system_id: int, until_ms: int | str = "", code: str = "", asker: str = "") -> bool:
        return bool(self._scripts.run(Effect.RELEASE, [PREFIX, system_id, until_ms, code, asker]))

    def admit(self, system_id: int) -> float | None:
        """Let jobs of a store run that may.

        Answers the seconds until it is worth asking again; None if time alone lets no job run.
        """
        return _shortest(self._scripts.run_for_stores(Effect.ADMIT, [system_id]))

    def admit_due(self) -> float | None:
        """Let jobs run that may only because time has passed, of whichever stores; answers as `admit` does.

        Those of a store that is not configured here are left to workers that know it: see `leave.lua`.
        """
        args: Args = [STORES_ADMITTED_AT_ONCE + self._left_alone]
        due, wait_ms = self._scripts.read(DUE_STORES, args, keys=[keys.DUE])
        systems = [each for each in map(int, due) if each in self._limits]
        self._left_alone = len(due) - len(systems)  # they are due next time, too, and must not hide others
        return _shortest([wait_ms, *(self._scripts.run_for_stores(Effect.ADMIT, systems) if systems else ())])

    def sweep(self, kind: Kind, limit: int = JOBS_AT_ONCE) -> Swept:
        """Bring the jobs of a kind back that nobody would run, of some stores at a time; `admit` sends them.

        At most `limit` jobs of those stores, and their number in `Swept.most` says whether there may be more.
        """
        swept = self._sweep(kind, limit, [])
        for systems in pages(self._to_sweep(kind), STORES_AT_ONCE):
            swept += self._sweep(kind, limit, systems)
        return swept

    def _to_sweep(self, kind: Kind) -> list[int]:
        """The stores with something to sweep, and as many as may be of those where places or slots may be nobody's."""
        due, others, known = list[int](), list[int](), set(self.systems())
        for is_known, systems in ((1, known), (0, self._limits.keys() - known)):
            for page in pages(sorted(systems), LOOKED_AT_ONCE):
                times = self._lost_after_ms, self._keep_failed_ms, self._keep_done_ms
                args: Args = [PREFIX, kind, is_known, *times, *page]
                found_due, found_others = self._scripts.read(TO_SWEEP, args, keys=[QUEUE_OF[kind]])
                due += map(int, found_due)
                others += map(int, found_others)
        if len(others) > MENDED_AT_ONCE:
            others = random.sample(others, MENDED_AT_ONCE)
        return sorted([*due, *others])

    def _sweep(self, kind: Kind, limit: int, systems: Sequence[int]) -> Swept:
        limits = f"[{','.join(map(self._scripts.limits_of, systems))}]"
        args: Args = [
            *(PREFIX, kind, limits, limit, self._lost_after_ms, LOSSES_ALLOWED),
            *error_args(WorkerLost().failure),
            *(self._keep_failed_ms, self._keep_done_ms, LOSSES_SPREAD_MS, self._lease_ms),
            *systems,
        ]
        due, dead, lost, failed, used, strays, mended = self._scripts.run(Effect.SWEEP, args, keys=[QUEUE_OF[kind]])
        jobs = tuple(keys.job_of(kind, member) for member in failed)
        return Swept(due, dead, lost, jobs, most=used, strays=strays, mended=mended)

    def retry_failed(self, kind: Kind, for_days: float) -> int:
        """Reopen the failed jobs of a kind whose first failure is no older than that; `admit` sends them. How many."""
        return sum(self._retry_failed(kind, for_days, system_id) for system_id in self.systems())

    def discard_all(
        self, jobs: Sequence[Job], asker: Asker = SOMEBODY, reason: str = "", *, code: str = "", waiting: bool = False
    ) -> int:
        """Forget those of many jobs that are failed, or also those `waiting`, in one round trip; how many that were.

        `code`: only those that have failed with it.
        """
        args: Args = [int(waiting), str(asker), json.dumps(reason), code]
        return sum(map(int, self._scripts.run_all(Effect.DISCARD, [(job, args) for job in jobs])))

    def acknowledge(self, kind: Kind, system_id: int, code: str, asker: Asker, text: str) -> None:
        """Note that somebody knows of a group of failed jobs, and what they say of it."""
        noted = json.dumps({"user": asker.user, "text": text})
        args: Args = [PREFIX, kind, system_id, code, noted, str(asker), json.dumps(text)]
        self._scripts.run(Effect.ACKNOWLEDGE, args)

    def withdraw(self, kind: Kind, system_id: int, code: str, asker: Asker) -> bool:
        """Withdraw such a note; False if there is none."""
        return bool(self._scripts.run(Effect.ACKNOWLEDGE, [PREFIX, kind, system_id, code, "", str(asker), '""']))

    def dismiss(self, refusals: Sequence[Refusal], asker: Asker) -> int:
        """Forget refused notifications of one code and connection that somebody has read; how many there were."""
        count = 0
        for page in pages(refusals):
            words = json.dumps(f"{len(page):,} notifications")
            about = page[0].system_id if page[0].system_id.isdecimal() else "", page[0].code
            args: Args = [PREFIX, *about, str(asker), words, *(each.kept_as for each in page)]
            count += int(self._scripts.run(Effect.DISMISS, args, keys=keys.REFUSAL_LISTS))
        return count

    def refuse(self, refusal: Refusal) -> None:
        """Note a notification that was not accepted; those of switched-off triggers never push the others out."""
        noted = {name: value for name, value in asdict(refusal).items() if name not in {"at", "kept_as"}}
        if not (refusal.trigger_id and refusal.position):  # nothing tells two of them apart, and none is the other
            noted["id"] = uuid.uuid4().hex
        kept_in = keys.SWITCHED_OFF if refusal.code == TriggerOff.entry.code else keys.REFUSALS
        self._scripts.run(Effect.REFUSE, [json.dumps(noted), REFUSALS_KEPT, refusal.code], keys=[kept_in, keys.TOTALS])

    def _retry_failed(self, kind: Kind, for_days: float, system_id: int) -> int:
        skipped, count = 0, 0
        while True:
            args: Args = [PREFIX, kind, JOBS_AT_ONCE, int(for_days * DAY_MS), skipped, system_id]
            still_failed, retried, stray = map(int, self._scripts.run(Effect.RETRY_FAILED, args))
            skipped += still_failed
            count += retried
            if still_failed + retried + stray < JOBS_AT_ONCE:
                return count


def _shortest(waits_ms: Iterable[int]) -> float | None:
    """The shortest of the waits that scripts answer, in seconds; those below 0 are none."""
    return min((each / 1000 for each in waits_ms if each >= 0), default=None)
