"""A ledger that is not whole: evicted or deleted keys, a clock that stepped back, and what an operator sees of it."""

from __future__ import annotations

import re
from dataclasses import asdict
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import VIRTUAL_CLOCK
from tests.integration.jobs import CALLS, FAILURE, admitted, claimed, lose_messages, pushed_by, record_of, taken
from worker.jobs.calls import Api
from worker.jobs.job import Action, Job, Kind, Next, State
from worker.jobs.retries import Pause
from worker.ledger import ClaimRefused, Ledger, LedgerTimes, Limit, StoreLimits, Swept
from worker.ledger.upkeep import JOBS_AT_ONCE

if TYPE_CHECKING:
    import redis

    from tests.conftest import Clock

STORE = 1
WINDOW_SECONDS = 10
LEASE_SECONDS = 45
HALF_AN_HOUR = 30 * 60
DAY_SECONDS = 24 * 60 * 60


def job(number: int, kind: Kind = Kind.CUSTOMER) -> Job:
    """A job of the store."""
    return Job(kind, STORE, str(number))


def make(client: redis.Redis, **times: Any) -> Ledger:
    """A ledger whose store lets two jobs run at a time, and ten calls in ten seconds."""
    stores = {STORE: StoreLimits(concurrent=2, stamped=Limit(100, WINDOW_SECONDS), ipaas=Limit(100, WINDOW_SECONDS))}
    return Ledger(client, LedgerTimes(**times), stores, replaced={"_clock": VIRTUAL_CLOCK})


@pytest.fixture
def store(client: redis.Redis, clock: Clock) -> Ledger:  # noqa: ARG001 - the clock must be there
    """That ledger."""
    return make(client)


def ask(store: Ledger, numbers: range) -> list[Job]:
    """Ask for jobs; those that are sent at once."""
    return pushed_by(store, lambda: store.request_all([job(n) for n in numbers]))


def work_off(store: Ledger, clock: Clock, sent: list[Job], rounds: int = 60) -> list[Job]:
    """Run every job that can be run, and let time pass where none can; those that ended well, in their order."""
    done: list[Job] = []
    for _ in range(rounds):
        while sent:
            each = sent.pop(0)
            try:
                claim = store.claim(each)
            except ClaimRefused:
                continue
            store.complete(claim, CALLS, Action.UPDATED, "1")
            sent += taken(store)
            done.append(each)
        clock.advance(WINDOW_SECONDS / 2)
        for kind in Kind:
            store.sweep(kind)
        store.admit(STORE)
        sent = taken(store)
    return sorted(set(done), key=lambda each: int(each.customer_id))


def is_whole(store: Ledger) -> bool:
    """Whether nothing is left that does not fit together."""
    return store.repair(acts=False).faults == 0


# Rows that are gone --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", [0, 1, 2, 5, 9])
def test_job_whose_row_is_gone_stops_no_other(client: redis.Redis, store: Ledger, clock: Clock, missing: int) -> None:
    """It is taken out of the queue, counted, and gone on from: no slot and no place stays taken for it."""
    sent = ask(store, range(10))
    client.delete(store.key(job(missing)))
    assert work_off(store, clock, sent) == [job(n) for n in range(10) if n != missing]
    assert store.figures().totals["vanished", "customer"] == 1
    slots = [client.zcount(f"stamped-sync:slots:{api}:{STORE}", "inf", "inf") for api in ("stamped", "ipaas")]
    assert (store.figures().stores[STORE].under_way, slots, is_whole(store)) == (0, [0, 0], True)


def test_queue_of_nothing_but_missing_rows_is_emptied(client: redis.Redis, store: Ledger, clock: Clock) -> None:
    """A thousand of them, a part at a time; the one job behind them runs."""
    index = f"stamped-sync:queued:customer:{STORE}"
    client.zadd(index, {f"{STORE}:{number}": number for number in range(1000, 2000)})
    assert work_off(store, clock, ask(store, range(1)), rounds=30) == [job(0)]
    assert client.exists(index) == 0


@pytest.mark.parametrize("name", ["", "abc", "1", ":", "1:", "1:x:y", "\xff", "2:5"])
@pytest.mark.parametrize("state", State)
def test_what_is_no_job_is_taken_out_of_every_list(
    client: redis.Redis, store: Ledger, clock: Clock, name: str, state: State
) -> None:
    """Whatever it is called: no script fails over it, and jobs go on."""
    client.zadd(f"stamped-sync:{state}:customer:{STORE}", {name: 1})
    client.sadd(f"stamped-sync:admitted:{STORE}", name)
    assert work_off(store, clock, ask(store, range(3)), rounds=6) == [job(0), job(1), job(2)]
    clock.advance(60 * DAY_SECONDS)
    store.sweep(Kind.CUSTOMER)
    assert client.zscore(f"stamped-sync:{state}:customer:{STORE}", name) is None


@pytest.mark.parametrize("state", [State.QUEUED, State.SENT, State.RUNNING, State.WAITING])
def test_place_in_a_list_of_another_state_is_taken_out(
    client: redis.Redis, store: Ledger, clock: Clock, state: State
) -> None:
    """The row says where a job stands."""
    store.complete(claimed(store, job(1)), CALLS, Action.UPDATED, "1")
    client.zadd(f"stamped-sync:{state}:customer:{STORE}", {store.member(job(1)): 1})
    clock.advance(120)
    store.sweep(Kind.CUSTOMER)
    store.admit(STORE)
    assert asdict(store.counts(Kind.CUSTOMER)) == dict.fromkeys(State, 0) | {"done": 1}
    assert ("vanished", "customer") not in store.figures().totals


def test_message_for_a_row_that_is_gone_ends_at_once(client: redis.Redis, store: Ledger) -> None:
    """There is nothing to do for it."""
    (first, *_) = ask(store, range(1))
    client.delete(store.key(first))
    with pytest.raises(ClaimRefused, match="unknown"):
        store.claim(first)


@pytest.mark.parametrize(
    "field", ["slots", "needs", "state", "token", "due", "lease_until", "queued_at", "error", "code"]
)
@pytest.mark.parametrize("value", [None, "", "x", "{", "-1", "\xff"])
def test_row_with_a_damaged_field_harms_no_other(
    client: redis.Redis, store: Ledger, clock: Clock, field: str, value: str | None
) -> None:
    """No script fails over what stands in a row."""
    sent = ask(store, range(4))
    key = store.key(job(0))
    if value is None:
        client.hdel(key, field)
    else:
        client.hset(key, field, value)
    done = work_off(store, clock, sent, rounds=40)
    assert {job(1), job(2), job(3)} <= set(done)


def test_system_that_is_forgotten_is_found_by_its_connection(client: redis.Redis, store: Ledger, clock: Clock) -> None:
    """The set of systems is gone, and 1,360 jobs with it, as long as nobody looks at what is configured."""
    ask(store, range(10))
    lose_messages(store)
    client.delete("stamped-sync:systems")
    clock.advance(60)
    assert store.sweep(Kind.CUSTOMER).lost == 2
    assert store.systems() == [STORE]
    assert store.counts(Kind.CUSTOMER).queued == 10


def test_slots_of_nobody_come_back(client: redis.Redis, store: Ledger, clock: Clock) -> None:
    """However many: a store must not stand still for good."""
    for api in ("stamped", "ipaas"):
        client.zadd(f"stamped-sync:slots:{api}:{STORE}", {f"lost {number}": "inf" for number in range(120)})
    assert ask(store, range(4)) == []
    assert store.sweep(Kind.CUSTOMER).strays == 240
    clock.advance(WINDOW_SECONDS + 1)
    assert len(work_off(store, clock, admitted(store, STORE))) == 4


def test_however_many_places_are_nobodys_all_come_back(client: redis.Redis, store: Ledger, clock: Clock) -> None:
    """More than one command can name: a part at a time, and the jobs that are really there stay."""
    sent = ask(store, range(2))
    client.sadd(f"stamped-sync:admitted:{STORE}", *(f"customer:{STORE}:{number}" for number in range(100, 10_100)))
    strays = 0
    for _ in range(60):
        clock.advance(0.1)
        strays += store.sweep(Kind.CUSTOMER).strays
    assert strays == 10_000
    assert work_off(store, clock, sent, rounds=1) == [job(0), job(1)]


def test_repair_takes_them_out_at_once(client: redis.Redis, store: Ledger) -> None:
    """As many as a store may ever let run."""
    client.sadd(f"stamped-sync:admitted:{STORE}", *(f"customer:{STORE}:{number}" for number in range(10_000)))
    assert [store.repair(acts=acts).slots for acts in (False, True, False)] == [10_000, 10_000, 0]


def test_slots_of_running_jobs_stay(store: Ledger, clock: Clock) -> None:
    """However long they run, as long as their claims are renewed."""
    claims = [store.claim(each) for each in ask(store, range(2))]
    for _ in range(20):
        clock.advance(LEASE_SECONDS - 1)
        for claim in claims:
            store.renew(claim)
        assert store.sweep(Kind.CUSTOMER).strays == 0
    assert store.figures().stores[STORE].calls[Api.STAMPED] == 2


# Retention -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("days", "now"), [(30, 2), (2, 30), (30, 30)])
def test_failed_job_is_listed_as_long_as_it_is_there(
    client: redis.Redis, store: Ledger, clock: Clock, days: float, now: float
) -> None:
    """Also where the setting was lowered or raised meanwhile: rows, lists and counts go together."""
    before = make(client, failed_days=days)
    before.fail(claimed(before, job(1)), CALLS, FAILURE)
    clock.advance(3 * DAY_SECONDS)
    after = make(client, failed_days=now)
    after.sweep(Kind.CUSTOMER)
    is_there = now > 3
    assert (after.record(job(1)) is not None) is is_there
    assert after.counts(Kind.CUSTOMER).failed == int(is_there)
    assert [group.count for group in after.activity.groups()] == [1] * is_there
    assert is_whole(store)


def test_no_key_expires_by_itself(client: redis.Redis, store: Ledger) -> None:
    """The sweep alone forgets."""
    store.complete(claimed(store, job(1)), CALLS, Action.UPDATED, "1", Next.UNCHANGED)
    store.fail(claimed(store, job(2)), CALLS, FAILURE)
    store.hold(claimed(store, job(3)), CALLS, FAILURE, Pause(60, 60))
    assert {key: client.ttl(key) for key in client.keys("stamped-sync:*") if client.ttl(key) != -1} == {}


def test_forgetting_has_one_budget_for_all_stores(client: redis.Redis, clock: Clock) -> None:
    """A hundred stores with much to forget keep Redis no longer than one."""
    stores = {number: StoreLimits(concurrent=1000, stamped=None) for number in range(1, 101)}
    many = Ledger(client, LedgerTimes(), stores, replaced={"_clock": VIRTUAL_CLOCK})
    for system_id in stores:
        for number in range(3):
            each = Job(Kind.CUSTOMER, system_id, str(number))
            many.complete(claimed(many, each), CALLS, Action.UPDATED, "1")
    clock.advance(8 * DAY_SECONDS)
    left = [many.counts(Kind.CUSTOMER).done]
    while left[-1]:
        many.sweep(Kind.CUSTOMER, limit=6)
        left.append(many.counts(Kind.CUSTOMER).done)
    assert left[:2] == [300, 240]  # ten scripts, of ten stores each
    assert max(before - after for before, after in pairwise(left)) == 60
    assert len(left) <= 20


def test_many_jobs_are_admitted_a_part_at_a_time(client: redis.Redis, clock: Clock) -> None:  # noqa: ARG001
    """A store that lets thousands run at a time does not keep Redis until they are all sent."""
    wide = Ledger(client, stores={STORE: StoreLimits(concurrent=0)}, replaced={"_clock": VIRTUAL_CLOCK})
    wide.request_all([job(number) for number in range(250)])
    wide = Ledger(
        client, stores={STORE: StoreLimits(concurrent=5000, stamped=None)}, replaced={"_clock": VIRTUAL_CLOCK}
    )
    assert [(wide.admit(STORE), len(taken(wide))) for _ in range(3)] == [(0, 100), (0, 100), (None, 50)]


MOST_COMMANDS = 5000
"""What one script may ask of Redis: it takes some milliseconds."""
BOUNDED = f"""
local commands, real = 0, redis
local redis = setmetatable({{ call = function(...)
  commands = commands + 1
  if commands > {MOST_COMMANDS} then error('too many commands') end
  return real.call(...)
end }}, {{ __index = real }})
"""
"""Fails a script that asks for more."""


def die(many: Ledger, clock: Clock) -> None:
    """Let the workers die that run twelve jobs of each store."""
    for system_id in range(1, 61):
        jobs = [Job(Kind.CUSTOMER, system_id, str(number)) for number in range(12)]
        many.request_all(jobs)
        for each in jobs:
            many.claim(each)
    clock.advance(2 * LEASE_SECONDS)


def finish(many: Ledger, clock: Clock) -> None:
    """Let twelve jobs of each store be done so long ago that they are to be forgotten."""
    for system_id in range(1, 61):
        for number in range(12):
            many.complete(claimed(many, Job(Kind.CUSTOMER, system_id, str(number))), CALLS, Action.UPDATED, "1")
    clock.advance(8 * DAY_SECONDS)


def lose_slots(client: redis.Redis) -> None:
    """Leave hundreds of slots of each store to nobody."""
    for system_id in range(1, 61):
        for api in ("stamped", "ipaas"):
            client.zadd(f"stamped-sync:slots:{api}:{system_id}", {f"lost {number}": "inf" for number in range(300)})


@pytest.mark.parametrize("what", ["dead", "done", "slots", "step back"])
def test_no_script_of_a_sweep_holds_redis_for_long(client: redis.Redis, clock: Clock, what: str) -> None:
    """However much there is to mend, of however many stores: it is mended a part at a time."""
    limits = StoreLimits(concurrent=1000, stamped=Limit(9000, 1), ipaas=Limit(9000, 1))
    pieces = {"_clock": BOUNDED + VIRTUAL_CLOCK}
    many = Ledger(client, LedgerTimes(), dict.fromkeys(range(1, 61), limits), replaced=pieces)
    {"dead": die, "done": finish, "step back": die, "slots": lambda *_: lose_slots(client)}[what](many, clock)
    if what == "step back":
        clock.advance(-HALF_AN_HOUR)
    swept = Swept()
    for _ in range(120):
        found = many.sweep(Kind.CUSTOMER)
        swept += found
        if found.most < JOBS_AT_ONCE:
            break
    assert (swept.dead, swept.strays, swept.mended) == {
        "dead": (720, 0, 0),
        "done": (0, 0, 0),
        "slots": (0, 36_000, 0),
        "step back": (0, 0, 720),
    }[what]
    assert many.counts(Kind.CUSTOMER).done == 0


# A clock that steps back ---------------------------------------------------------------------------------------------


def test_store_goes_on_within_a_window_after_a_step_back(store: Ledger, clock: Clock) -> None:
    """Half an hour, with jobs in every state: none stands still until the clock has caught up."""
    first, _ = [store.claim(each) for each in ask(store, range(8))]
    store.defer(first, CALLS, 20, FAILURE, carried=False)
    clock.advance(-HALF_AN_HOUR)
    assert work_off(store, clock, [], rounds=30) == [job(n) for n in range(8)]


def test_hold_is_no_longer_after_a_step_back(store: Ledger, clock: Clock) -> None:
    """It ends when it was meant to."""
    store.hold(claimed(store, job(1)), CALLS, FAILURE, Pause(60, 60))
    clock.advance(-HALF_AN_HOUR)
    store.sweep(Kind.CUSTOMER)
    clock.advance(61)
    assert admitted(store, STORE) == [job(1)]


def test_retry_rests_as_long_as_it_was_meant_to(store: Ledger, clock: Clock) -> None:
    """No shorter and no longer."""
    store.defer(claimed(store, job(1)), CALLS, 120, FAILURE, carried=False)
    clock.advance(-HALF_AN_HOUR)
    assert store.sweep(Kind.CUSTOMER).mended == 1
    clock.advance(119)
    assert store.sweep(Kind.CUSTOMER).due == 0
    clock.advance(2)
    assert store.sweep(Kind.CUSTOMER).due == 1


def test_step_back_floods_nobody(store: Ledger, clock: Clock) -> None:
    """Messages that were sent before the step are not lost for it."""
    sent = ask(store, range(2))
    store.claim(sent[0])
    clock.advance(-HALF_AN_HOUR)
    assert [store.sweep(Kind.CUSTOMER).lost for _ in range(3)] == [0, 0, 0]


def test_what_is_done_every_so_often_is_due_after_a_step_back(store: Ledger, clock: Clock) -> None:
    """A time that has not come yet was never noted."""
    assert [store.is_due("sweep", 5), store.is_due("sweep", 5)] == [True, False]
    clock.advance(5)
    assert [store.is_due("sweep", 5), store.is_due("sweep", 5)] == [True, False]
    clock.advance(-HALF_AN_HOUR)
    assert [store.is_due("sweep", 5), store.is_due("sweep", 5)] == [True, False]


# Repair --------------------------------------------------------------------------------------------------------------


def messy(client: redis.Redis, store: Ledger) -> None:
    """Jobs in every state, none of which is in a list, and lists, places and slots that are nobody's."""
    store.complete(claimed(store, job(1)), CALLS, Action.UPDATED, "1", Next.SUBSCRIPTION)
    store.fail(claimed(store, job(2)), CALLS, FAILURE)
    store.defer(claimed(store, job(3)), CALLS, 120, FAILURE, carried=False)
    ask(store, range(4, 9))
    for key in client.scan_iter("stamped-sync:*:customer:*"):
        if not re.match("stamped-sync:(job|history):", key):
            client.delete(key)
    client.zadd(f"stamped-sync:done:customer:{STORE}", {f"{STORE}:99": 1, "x": 1})
    client.zadd(f"stamped-sync:code:customer:{STORE}:email-missing", {f"{STORE}:98": 1})
    client.sadd(f"stamped-sync:admitted:{STORE}", "customer:1:97")
    client.zadd(f"stamped-sync:slots:stamped:{STORE}", {"96": "inf"})


def test_repair_shows_first_and_changes_nothing(client: redis.Redis, store: Ledger) -> None:
    """Whoever looks twice sees the same."""
    messy(client, store)
    first = store.repair(acts=False)
    assert (first.rows, first.unplaced, first.places, first.slots) == (9, 8, 3, 2)
    assert store.repair(acts=False) == first


def test_repair_puts_back_every_job_and_takes_out_the_rest(client: redis.Redis, store: Ledger, clock: Clock) -> None:
    """All jobs are run again, listed and counted as their rows say."""
    messy(client, store)
    assert store.repair(acts=True).faults == 13
    assert is_whole(store)
    counts = store.counts(Kind.CUSTOMER)
    assert (counts.done, counts.failed, counts.waiting, counts.queued + counts.sent) == (1, 1, 1, 5)
    assert [group.count for group in store.activity.groups()] == [1]
    clock.advance(300)
    done = work_off(store, clock, [])
    assert {each.customer_id for each in done} == {"1", "3", "4", "5", "6", "7", "8"}
    assert record_of(store, job(2)).state is State.FAILED
