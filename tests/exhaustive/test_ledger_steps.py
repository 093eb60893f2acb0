"""A script that fails half-way: whichever of its steps Redis refuses, no job is lost for it and none is stuck.

By construction no text from outside can make one fail (see `_row.lua`). This fails each script at each of its steps all
the same, as a right that is missing or a key of another type would, and then lets the workers go on.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import parts
from tests.conftest import VIRTUAL_CLOCK, Clock
from tests.integration.jobs import CALLS, FAILURE, admitted, taken
from worker.jobs.asking import SOMEBODY
from worker.jobs.catalogue import Failure
from worker.jobs.errors import LedgerUnavailable
from worker.jobs.job import Action, Consent, Job, Kind, Next, State
from worker.jobs.progress import Progress, Selection
from worker.jobs.retries import Pause
from worker.ledger import (
    Claim,
    ClaimLost,
    ClaimRefused,
    Ledger,
    Limit,
    Refusal,
    ScriptFailed,
    StoreLimits,
    Throttled,
)
from worker.ledger.memory.event import REQUESTED, Change, EventFilter
from worker.ledger.records import CarryOn
from worker.ledger.scripting import source
from worker.ledger.upkeep import LOSSES_ALLOWED

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis

Operation = Callable[[Ledger, Any], object]
"""What fails, with what was prepared for it."""

DAY_SECONDS = 24 * 60 * 60
STORE = 1
JOB, OTHER = (Job(Kind.CUSTOMER, STORE, number) for number in ("7", "8"))
STORES = {STORE: StoreLimits(concurrent=2, stamped=Limit(100, 10), ipaas=Limit(100, 10))}
OUTAGE = Pause(5, 60)
MOST_STEPS = 300
"""More than any of these scripts has."""
DAY_SECONDS = 24 * 60 * 60

FAILING = """
local steps, fail_at = 0, tonumber(redis.call('GET', 'fail-at') or '0')
local reads = {
  EXISTS = 1, GET = 1, HEXISTS = 1, HGET = 1, HGETALL = 1, HMGET = 1, LLEN = 1, SCARD = 1, SMEMBERS = 1, TIME = 1,
  ZCARD = 1, ZRANGE = 1, ZRANGEBYSCORE = 1, ZSCORE = 1
}
local real = redis
local redis = setmetatable({ call = function(name, ...)
  if not reads[name] then steps = steps + 1 end
  if steps == fail_at and fail_at > 0 then error('injected') end
  return real.call(name, ...)
end }, { __index = real })
"""
"""Fails at the write that a key names, counted from 1. A read that fails leaves what the write before it has left."""


class Failing:
    """A ledger whose next script fails at a step."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self.ledger = Ledger(client, stores=STORES, replaced={"_clock": FAILING + VIRTUAL_CLOCK})

    def run(self, step: int, operation: Callable[[Ledger, Any], object], prepared: object) -> bool:
        """Whether an operation failed at this step."""
        self._client.set("fail-at", step)
        try:
            operation(self.ledger, prepared)
        except (ScriptFailed, LedgerUnavailable):
            return True
        except (ClaimLost, ClaimRefused, Throttled):
            return False
        finally:
            self._client.delete("fail-at")
        return False


def steps(client: redis.Redis, prepare: Callable[[Ledger], Any], operation: Operation) -> Iterator[tuple[int, Ledger]]:
    """Each step at which an operation fails, with the ledger as that leaves it."""
    real, failing = Ledger(client, stores=STORES, replaced={"_clock": VIRTUAL_CLOCK}), Failing(client)
    for step in range(1, MOST_STEPS):
        if keys := client.keys("stamped-sync:*"):
            client.delete(*keys)
        if not failing.run(step, operation, prepare(real)):
            return
        yield step, real
    raise AssertionError("it has more steps than are tried")


# How a ledger comes to where a script fails --------------------------------------------------------------------------


def wait(ledger: Ledger, seconds: float) -> None:
    """Let time pass."""
    ledger._client.incrby("virtual-clock", int(seconds * 1000))  # noqa: SLF001 - its clock is in its Redis


def nothing(_: Ledger) -> None:
    """Nobody has asked for anything."""


def requested(ledger: Ledger) -> None:
    """Both jobs wait."""
    ledger.request_all([JOB, OTHER])


def claimed(ledger: Ledger) -> Claim:
    """The job in this worker's hands, and another one that waits."""
    requested(ledger)
    return ledger.claim(JOB)


def wanted_more(ledger: Ledger) -> Claim:
    """The same, and a trigger has come meanwhile."""
    claim = claimed(ledger)
    ledger.request(JOB)
    return claim


def crowded(ledger: Ledger) -> Claim:
    """The job in this worker's hands, another one on its way, and two more that have no place."""
    claim = claimed(ledger)
    ledger.request_all([Job(Kind.CUSTOMER, STORE, number) for number in ("9", "10")])
    return claim


def urgent(ledger: Ledger) -> Claim:
    """The same, and a person has asked for it meanwhile."""
    claim = claimed(ledger)
    ledger.request(JOB, asker=parts.BY_HAND)
    return claim


def failed(ledger: Ledger) -> None:
    """The job failed, and another one waits."""
    ledger.fail(claimed(ledger), CALLS, FAILURE)


def done(ledger: Ledger) -> None:
    """The job and its subscription are done, and another one waits."""
    ledger.complete(claimed(ledger), CALLS, Action.UPDATED, "1", Next.UNCHANGED)


def due(ledger: Ledger, *, carried: bool = False) -> None:
    """The job rests for a retry that is due by now."""
    ledger.defer(claimed(ledger), CALLS, 1, FAILURE, carried=carried)
    wait(ledger, 1 if carried else 30)


def lost(ledger: Ledger) -> None:
    """The jobs' messages are lost."""
    requested(ledger)
    wait(ledger, 120)


def dead(ledger: Ledger, *, losses: int = 0) -> None:
    """The worker that has the job died, as did others before it."""
    claimed(ledger)
    wait(ledger, 60)
    for _ in range(losses):
        ledger.sweep(Kind.CUSTOMER)
        wait(ledger, 20)
        ledger.sweep(Kind.CUSTOMER)
        ledger.admit(STORE)
        ledger.claim(JOB)
        wait(ledger, 60)


def old(ledger: Ledger) -> None:
    """One job failed and another is done so long ago that both are forgotten."""
    failed(ledger)
    ledger.complete(ledger.claim(OTHER), CALLS, Action.UPDATED, "1")
    wait(ledger, 31 * DAY_SECONDS)


def stepped_back(ledger: Ledger) -> None:
    """Redis' clock went back while the job ran and another one waited."""
    claimed(ledger)
    wait(ledger, -1800)


def held(ledger: Ledger) -> None:
    """The store was held for the job, and its time is over."""
    ledger.hold(claimed(ledger), CALLS, FAILURE, OUTAGE)
    with pytest.raises(ClaimRefused):
        ledger.claim(OTHER)
    wait(ledger, 10)


def probing(ledger: Ledger) -> Claim:
    """The same, and a job proves the store."""
    held(ledger)
    (job,) = admitted(ledger, STORE)
    return ledger.claim(job)


def held_again(ledger: Ledger) -> None:
    """The same, and the store is held again while a message is on its way."""
    requested(ledger)
    ledger.hold(ledger.claim(OTHER), CALLS, FAILURE, OUTAGE)


def idle_hold(ledger: Ledger) -> None:
    """The store was held long ago, and has no job to prove it."""
    probe = probing(ledger)
    ledger.fail(probe, CALLS[:1], FAILURE)
    ledger.admit(STORE)
    wait(ledger, 3600)


def strays(ledger: Ledger) -> None:
    """Both jobs wait, and slots and a place are nobody's."""
    requested(ledger)
    ledger._client.sadd(f"stamped-sync:admitted:{STORE}", "customer:1:97")  # noqa: SLF001 - as a fault would
    for api in ("stamped", "ipaas"):
        ledger._client.zadd(f"stamped-sync:slots:{api}:{STORE}", {"96": "inf", "95": "99999999999999"})  # noqa: SLF001


def own_trouble(ledger: Ledger) -> Claim:
    """The job met trouble at a call that works for others."""
    claim = claimed(ledger)
    ledger.hold(claim, CALLS, FAILURE, STRIKES)
    ledger.defer(claim, CALLS, 1, FAILURE, carried=True)
    ledger.complete(ledger.claim(OTHER), CALLS, Action.UPDATED, "1", Next.UNCHANGED)
    wait(ledger, 10)
    return ledger.claim(JOB)


def newcomer(ledger: Ledger) -> Claim:
    """The subscription job of a customer who is new."""
    ledger.complete(claimed(ledger), CALLS, Action.CREATED, "5", Next.SUBSCRIPTION, is_new=True)
    return ledger.claim(JOB.subscription)


def sharing(ledger: Ledger) -> Claim:
    """A customer who shared one, as was seen before."""
    ledger.complete(claimed(ledger), CALLS, Action.CREATED, "1", shared_with="9")
    ledger.request(JOB)
    return ledger.claim(JOB)


# The scripts of jobs -------------------------------------------------------------------------------------------------

STRIKES = Pause(5, 60, 3)
DONE, FAILED = frozenset({State.DONE}), frozenset({State.DONE, State.FAILED})


def hold(pause: Pause) -> Operation:
    """Weigh trouble of the store."""
    return lambda ledger, claim: ledger.hold(claim, CALLS, FAILURE, pause, consent=Consent(is_new=True))


def complete(next_step: Next = Next.NOTHING, **facts: Any) -> Operation:
    """End a job well."""
    return lambda ledger, claim: ledger.complete(claim, CALLS, Action.UPDATED, "1", next_step, **facts)


def defer(ledger: Ledger, claim: Claim, *, carry_on: CarryOn = CarryOn.NOT) -> None:
    """Let a job rest for a retry."""
    ledger.defer(claim, CALLS, 5, FAILURE, carried=True, consent=Consent(is_new=True), carry_on=carry_on)


def fail(ledger: Ledger, claim: Claim, *, carry_on: CarryOn = CarryOn.NOT) -> None:
    """End a job badly."""
    ledger.fail(claim, CALLS, FAILURE, carry_on=carry_on)


def paused(ledger: Ledger) -> None:
    """Both jobs wait until somebody resumes their store."""
    ledger.pause(STORE)
    requested(ledger)


def with_old_events(ledger: Ledger) -> None:
    """Both jobs wait, and what happened to another one is remembered for long enough."""
    run = Job(Kind.CUSTOMER, STORE, "9")
    ledger.request(run)
    ledger.complete(ledger.claim(run), CALLS, Action.UPDATED, "1")
    wait(ledger, 9 * DAY_SECONDS)
    requested(ledger)


def forget_events(ledger: Ledger, _: object) -> None:
    """Forget it."""
    ledger.events.forget(keep_ms=1000, most=10)


def sweep(ledger: Ledger, _: object) -> None:
    """Sweep the customers' jobs."""
    ledger.sweep(Kind.CUSTOMER)


def admit(ledger: Ledger, _: object) -> None:
    """Let jobs run."""
    ledger.admit(STORE)


def claim_it(ledger: Ledger, _: object) -> None:
    """Claim the job."""
    ledger.claim(JOB)


OPERATIONS: dict[str, tuple[Callable[[Ledger], Any], Operation, frozenset[State | None]]] = {
    "request": (nothing, lambda ledger, _: ledger.request_all([JOB, OTHER]), DONE),
    "request by hand": (due, lambda ledger, _: ledger.request(JOB, asker=parts.BY_HAND, debug=True), DONE),
    "request of a failed job": (failed, lambda ledger, _: ledger.request(JOB), FAILED),
    "request of a done job": (done, lambda ledger, _: ledger.request(JOB), DONE),
    "claim": (requested, claim_it, DONE),
    "claim of a retry": (lambda ledger: due(ledger, carried=True), claim_it, DONE),
    "claim while held": (held_again, claim_it, DONE),
    "renew": (claimed, lambda ledger, claim: ledger.renew(claim, extra_call="stamped"), DONE),
    "renew before a subscription": (newcomer, lambda ledger, claim: ledger.renew(claim, writes=True), DONE),
    "complete": (claimed, complete(Next.SUBSCRIPTION), DONE),
    "complete of one wanted again": (wanted_more, complete(Next.SUBSCRIPTION), DONE),
    "complete of a new one": (claimed, complete(Next.SUBSCRIPTION, is_new=True, shared_with="9"), DONE),
    "complete of one who shares no more": (sharing, complete(Next.KEPT, shared_with=None), DONE),
    "complete of one as mapped": (claimed, complete(Next.UNCHANGED), DONE),
    "complete of a subscription": (newcomer, complete(), DONE),
    "complete of a probe": (probing, complete(Next.SUBSCRIPTION), DONE),
    "complete and carry on": (crowded, complete(Next.SUBSCRIPTION, carry_on=CarryOn.STORE), DONE),
    "complete as mapped and carry on": (crowded, complete(Next.UNCHANGED, carry_on=CarryOn.STORE), DONE),
    "defer and carry on": (crowded, partial(defer, carry_on=CarryOn.STORE), DONE),
    "fail and carry on": (crowded, partial(fail, carry_on=CarryOn.STORE), FAILED),
    "complete and take a message": (crowded, complete(Next.SUBSCRIPTION, carry_on=CarryOn.OTHERS), DONE),
    "defer and take a message": (crowded, partial(defer, carry_on=CarryOn.OTHERS), DONE),
    "fail and take a message": (crowded, partial(fail, carry_on=CarryOn.OTHERS), FAILED),
    "defer": (claimed, defer, DONE),
    "defer of one asked for by hand": (urgent, defer, DONE),
    "hold": (claimed, hold(OUTAGE), DONE),
    "hold again": (probing, hold(OUTAGE), DONE),
    "hold that rests": (claimed, hold(STRIKES), DONE),
    "hold of one's own trouble": (own_trouble, hold(STRIKES), DONE),
    "put back": (claimed, lambda ledger, claim: ledger.put_back(claim, CALLS, consent=Consent(is_new=True)), DONE),
    "fail": (claimed, fail, FAILED),
    "fail of one wanted again": (wanted_more, fail, DONE),
    "discard": (failed, lambda ledger, _: ledger.discard_all([JOB]), frozenset({None, State.DONE})),
    "sweep": (requested, sweep, DONE),
    "sweep of a retry": (due, sweep, DONE),
    "sweep of lost messages": (lost, sweep, DONE),
    "sweep of a dead worker": (dead, sweep, DONE),
    "sweep of two dead workers": (lambda ledger: dead(ledger, losses=1), sweep, DONE),
    "sweep of many dead workers": (lambda ledger: dead(ledger, losses=LOSSES_ALLOWED), sweep, FAILED),
    "sweep of old jobs": (old, sweep, frozenset({None})),
    "sweep of strays": (strays, sweep, DONE),
    "sweep of an idle hold": (idle_hold, sweep, FAILED),
    "sweep after a step back": (stepped_back, sweep, DONE),
    "admit": (requested, admit, DONE),
    "admit after a hold": (held, admit, DONE),
    "book": (requested, lambda ledger, _: ledger.book(STORE, "ipaas", 20), DONE),
    "hold a store": (requested, lambda ledger, _: ledger.hold_store(STORE, "ipaas", FAILURE, OUTAGE), DONE),
    "hold a store again": (held_again, lambda ledger, _: ledger.hold_store(STORE, "ipaas", FAILURE, OUTAGE), DONE),
    "release": (held, lambda ledger, _: ledger.release(STORE), DONE),
    "resume": (paused, lambda ledger, _: ledger.resume(STORE), DONE),
    "note a change": (requested, lambda ledger, _: ledger.events.note(Change(REQUESTED, SOMEBODY, STORE)), DONE),
    "forget events": (with_old_events, forget_events, DONE),
    "retry failed": (failed, lambda ledger, _: ledger.retry_failed(Kind.CUSTOMER, 7), FAILED),
    "repair": (strays, lambda ledger, _: ledger.repair(acts=True), DONE),
}
"""What is done before, the operation that fails, and how the jobs may end."""
ASKED_AGAIN = {"request", "discard", "resume"}
"""What whoever got no answer asks for once more, as nothing else would do it."""


def is_at_rest(ledger: Ledger) -> bool:
    """Whether nothing is left to do."""
    counts = [ledger.counts(kind) for kind in Kind]
    return not any(each.queued + each.sent + each.running + each.waiting for each in counts)


def go_on(ledger: Ledger) -> None:
    """Let a worker do what there is to do."""
    for _ in range(40):
        wait(ledger, 30)
        for kind in Kind:
            ledger.sweep(kind)
        ledger.admit(STORE)
        sent = taken(ledger)
        while sent:
            try:
                claim = ledger.claim(sent.pop())
            except ClaimRefused:
                continue
            hand_over = Next.SUBSCRIPTION if claim.job.kind is Kind.CUSTOMER else Next.NOTHING
            ledger.complete(claim, CALLS, Action.UPDATED, "1", hand_over)
            sent += taken(ledger)
        if is_at_rest(ledger):
            return
    raise AssertionError("it never comes to rest")


@pytest.mark.parametrize("name", OPERATIONS)
def test_script_that_fails_at_any_step_leaves_no_job_behind(client: redis.Redis, clock: Clock, name: str) -> None:  # noqa: ARG001 - the clock must be there
    """Every job ends in the end, as does its subscription, and everything fits together: nothing is lost or stuck."""
    prepare, operation, ends = OPERATIONS[name]
    for step, ledger in steps(client, prepare, operation):
        if name in ASKED_AGAIN:
            operation(ledger, None)
        go_on(ledger)
        records = [ledger.record(job) for job in (JOB, OTHER)]
        assert (step, {record.state if record else None for record in records} - ends) == (step, set())
        for job, record in zip((JOB, OTHER), records, strict=True):
            follows = ledger.record(job.subscription)
            is_open = bool(record and record.state is State.DONE and not (follows and follows.state is State.DONE))
            assert (step, str(job), is_open) == (step, str(job), False)
        slots = [client.zcount(f"stamped-sync:slots:{api}:{STORE}", "inf", "inf") for api in ("stamped", "ipaas")]
        assert (step, slots, ledger.figures().stores[STORE].under_way) == (step, [0, 0], 0)
        assert (step, ledger.repair(acts=False).faults) == (step, 0)
        remembered = [event.job for event in ledger.events.page(EventFilter(), size=100).events]
        assert (step, ends == frozenset({None}) or JOB in remembered) == (step, True)


# Those of no job -----------------------------------------------------------------------------------------------------


def test_refusal_that_fails_half_way_is_noted_by_the_next_try(client: redis.Redis, clock: Clock) -> None:  # noqa: ARG001 - the clock must be there
    """Once, as whoever got no answer sends the trigger again."""
    refusal = Refusal("scope-unsupported", "", "6f0c", 1, "1", "customer/deleted", "7")
    for step, ledger in steps(client, nothing, lambda ledger, _: ledger.refuse(refusal)):
        ledger.refuse(refusal)
        assert (step, len(ledger.refusals())) == (step, 1)


def test_what_is_due_stays_due_where_noting_that_fails(client: redis.Redis, clock: Clock) -> None:  # noqa: ARG001 - the clock must be there
    """Somebody else does it."""
    for step, ledger in steps(client, nothing, lambda ledger, _: ledger.is_due("sweep", 5)):
        assert (step, ledger.is_due("sweep", 5), ledger.is_due("sweep", 5)) == (step, True, False)


def begun(ledger: Ledger) -> Progress:
    """An initialize that has come some way, behind one that has ended."""
    ledger.progress.advance(ledger.progress.begin(STORE, Selection.ALL), ["1", "2"], ended=True)
    progress = replace(ledger.progress.begin(STORE, Selection.ALL), position="there", requested=5)
    return ledger.progress.advance(progress, ["3"])


INITIALIZES: dict[str, tuple[Callable[[Ledger], Any], Operation]] = {
    "begin": (nothing, lambda ledger, _: ledger.progress.begin(STORE, Selection.ALL)),
    "begin anew": (begun, lambda ledger, _: ledger.progress.begin(STORE, Selection.ALL, restart=True)),
    "go on": (begun, lambda ledger, _: ledger.progress.begin(STORE, Selection.ALL)),
    "advance": (begun, lambda ledger, progress: ledger.progress.advance(progress, ["4", "5"])),
    "end": (begun, lambda ledger, progress: ledger.progress.advance(progress, ["4", "5"], ended=True)),
}


@pytest.mark.parametrize("name", INITIALIZES)
def test_initialize_goes_on_where_a_script_failed(client: redis.Redis, clock: Clock, name: str) -> None:  # noqa: ARG001 - the clock must be there
    """Its progress can be read, taken up and noted; with whom it has met until then."""
    prepare, operation = INITIALIZES[name]
    for step, ledger in steps(client, prepare, operation):
        (left,) = ledger.progress.all_of([STORE], Selection.ALL)
        progress = ledger.progress.begin(STORE, Selection.ALL)
        if name in {"advance", "go on"}:
            known = ledger.progress.look(progress, {"3": ledger.key(Job(Kind.CUSTOMER, STORE, "3"))})
            assert (step, left and left.position, progress.position, set(known.met)) == (step, "there", "there", {"3"})
        ended = ledger.progress.advance(replace(progress, position="further"), ["6"], ended=True)
        assert (step, ended.position, ended.ended_at is not None) == (step, "further", True)


def test_catch_up_goes_on_where_a_script_failed(client: redis.Redis, clock: Clock) -> None:  # noqa: ARG001 - the clock must be there
    """Once the lease of whoever began it is over; with a memory of whom it asks for."""

    def seen(ledger: Ledger) -> None:
        ledger.progress.begin_catch_up(STORE, 100)
        wait(ledger, 101)

    for step, ledger in steps(client, seen, lambda ledger, _: ledger.progress.begin_catch_up(STORE, 100)):
        ledger.progress.all_of([STORE], Selection.CATCH_UP)
        found = ledger.progress.begin_catch_up(STORE, 100)
        for _ in range(3 if found is None else 0):
            wait(ledger, 61)
            found = found or ledger.progress.begin_catch_up(STORE, 100)
        assert (step, bool(found and found.past and found.run)) == (step, True)


# Texts from outside --------------------------------------------------------------------------------------------------


def test_no_script_decodes_what_came_from_outside() -> None:
    """JSON is decoded of the configuration and of the list of calls alone, both of which are ours."""
    for name in (
        "claim",
        "complete",
        "defer",
        "fail",
        "hold",
        "put_back",
        "renew",
        "request",
        "sweep",
        "admit",
        "refuse",
    ):
        decoded = re.findall(r"cjson\.decode\(([^)]*)\)", source(name))
        assert set(decoded) <= {"json"}, name


OUTSIDE = st.one_of(
    st.text(),
    st.sampled_from(
        [
            "\ud83d",
            "\udc00\ud83d",
            "\x00",
            '"',
            "\\",
            '"}',
            "]]",
            "%s %d %q",
            "\N{PILE OF POO}",
            "x" * 5000,
            "[[",
            "\x1b[",
        ]
    ),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(detail=OUTSIDE, code=st.sampled_from(["customer-write-failed", "answer-unreadable"]))
def test_no_text_from_outside_stops_a_script(client: redis.Redis, detail: str, code: str) -> None:
    """Whatever an API said: the job rests, is held, fails and is read again, with every word of it."""
    client.flushdb()
    ledger = Ledger(client, stores=STORES)
    failure = Failure(code, 422, detail)
    ledger.request(JOB)
    ledger.defer(ledger.claim(JOB), CALLS, 0, failure, carried=False)
    ledger.request(JOB, asker=parts.BY_HAND)
    ledger.hold(ledger.claim(JOB), CALLS, failure, OUTAGE, failure)
    assert [hold.failure for hold in ledger.holds()] == [failure]
    ledger.release(STORE)
    ledger.admit(STORE)
    ledger.fail(ledger.claim(JOB), CALLS, failure)
    record = ledger.record(JOB)
    assert record
    assert record.failure == failure
    assert [attempt.failure for attempt in ledger.events.life_of(JOB)] == [failure] * 3
    assert ledger.discard_all([JOB])
