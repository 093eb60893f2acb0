"""The figures of every store: what they tell, and how many round trips they cost."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests import parts
from tests.conftest import VIRTUAL_CLOCK
from tests.integration.jobs import CALLS, FAILURE, JOB, OTHER
from tests.integration.round_trips import RoundTrips
from tests.parts import SYSTEM
from worker.jobs.calls import Api
from worker.jobs.catalogue import Failure
from worker.jobs.errors import LedgerRefuses
from worker.jobs.job import Job, Kind, State
from worker.jobs.retries import Pause
from worker.ledger import Ledger, Refusal, StoreLimits
from worker.ledger.views.totals import Refusals
from worker.presentation.figures import refusals_in_words, vanished_in_words

if TYPE_CHECKING:
    import redis

TOTALS = "stamped-sync:totals"
MEMBER = f"{SYSTEM}:%s"


def customer(number: int, system_id: int = SYSTEM) -> Job:
    """A customer job."""
    return Job(Kind.CUSTOMER, system_id, str(number))


class Held:
    """A store that is held, with a clock that starts some time ago."""

    def __init__(self, client: redis.Redis, seconds_ago: float) -> None:
        self._client = client
        self.ledger = Ledger(client, stores={SYSTEM: StoreLimits(concurrent=1)}, replaced={"_clock": VIRTUAL_CLOCK})
        self.began = self.at(seconds_ago)
        self.ledger.request(customer(1))
        self.ledger.hold(self.ledger.claim(customer(1)), CALLS, Failure("stamped-credentials-refused"), Pause(9e5, 9e5))

    def at(self, seconds_ago: float) -> datetime:
        """Let it be some time ago."""
        milliseconds = int((time.time() - seconds_ago) * 1000)
        self._client.set("virtual-clock", milliseconds)
        return datetime.fromtimestamp(milliseconds / 1000, UTC)

    @property
    def oldest(self) -> datetime | None:
        """Since when the oldest customer job waits."""
        return self.ledger.figures().stores[SYSTEM].oldest_queued[Kind.CUSTOMER]


@pytest.fixture
def held(client: redis.Redis) -> Held:
    """A store that has been held for three minutes, with the job that met the error at the end of its queue."""
    return Held(client, 181)


# How long the oldest job has waited -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "asked", [{}, {"asker": parts.BY_HAND}, {"debug": True}, {"asker": parts.IN_BACKGROUND}], ids=str
)
def test_nothing_that_is_asked_for_later_makes_the_oldest_younger(held: Held, asked: dict[str, Any]) -> None:
    """A manual sync, a debug job and an initialize wait too, but not for as long."""
    held.at(2)
    held.ledger.request_all([customer(number) for number in range(2, 300)], **asked)
    assert held.oldest == held.began


@pytest.mark.parametrize("asked", [{"asker": parts.BY_HAND}, {"debug": True}, {"asker": parts.IN_BACKGROUND}], ids=str)
def test_job_of_any_lane_can_be_the_oldest(held: Held, asked: dict[str, Any]) -> None:
    """Whatever its place in the queue."""
    long_ago = held.at(3600)
    held.ledger.request_all([customer(7)], **asked)
    held.at(1)
    held.ledger.request_all([customer(number) for number in range(100, 900)], debug=True)
    held.ledger.request_all([customer(number) for number in range(200, 250)])
    assert held.oldest == long_ago


def test_job_of_the_background_that_waits_for_days_is_found(held: Held) -> None:
    """After a day its place is among those of triggers."""
    long_ago = held.at(49 * 3600)
    held.ledger.request_all([customer(7)], asker=parts.IN_BACKGROUND)
    held.at(1)
    held.ledger.request_all([customer(number) for number in range(200, 250)])
    assert held.oldest == long_ago


def test_debug_job_that_was_asked_for_as_a_trigger_keeps_its_time(held: Held) -> None:
    """It goes to the front, but it has waited since it was asked for first."""
    held.at(0)
    held.ledger.request(customer(1), debug=True)
    assert held.oldest == held.began


def test_empty_queue_has_no_oldest_job(ledger: Ledger) -> None:
    """Nor has a store that nobody has asked anything of."""
    assert ledger.figures().oldest_queued(Kind.CUSTOMER) is None


def test_next_retry_is_the_first_of_all_stores(client: redis.Redis) -> None:
    """Not that of the store with the lowest number."""
    ledger = Ledger(client)
    for job, seconds in ((customer(1), 3600), (customer(2, 9000), 60)):
        ledger.request(job)
        ledger.defer(ledger.claim(job), CALLS, seconds, FAILURE, carried=False)
    due = ledger.figures().next_due[Kind.CUSTOMER]
    assert due
    assert due.job == customer(2, 9000)


# What else they tell --------------------------------------------------------------------------------------------------


def test_figures_are_of_each_store(client: redis.Redis) -> None:
    """Its jobs, what is under way, and the calls that count."""
    ledger = Ledger(client)
    ledger.request_all([JOB, OTHER, customer(1, 9000)])
    ledger.complete(ledger.claim(JOB), CALLS, "created", "143491")
    figures = ledger.figures()
    assert figures.by_state(SYSTEM)[State.DONE] == 1
    assert figures.by_state(9000, Kind.CUSTOMER)[State.SENT] == 1
    assert figures.by_state(9000, Kind.SUBSCRIPTION)[State.SENT] == 0
    assert figures.counts(Kind.CUSTOMER) == ledger.counts(Kind.CUSTOMER)
    assert (figures.stores[9000].under_way, figures.stores[9000].calls) == (1, {Api.STAMPED: 1, Api.IPAAS: 0})


def test_configured_store_is_looked_at_though_the_list_of_stores_is_lost(ledger: Ledger, client: redis.Redis) -> None:
    """Redis may have evicted it."""
    ledger.request(JOB)
    client.delete("stamped-sync:systems")
    assert ledger.figures().by_state()[State.SENT] == 1


# What was refused -----------------------------------------------------------------------------------------------------


def refuse(ledger: Ledger, code: str, number: int) -> None:
    """Note a refused notification."""
    ledger.refuse(Refusal(code, "", "6f0c", number, "4021", "customer/created", str(number)))


def test_every_refusal_counts_though_few_are_kept(ledger: Ledger, client: redis.Redis) -> None:
    """The counts only grow; the list has an end."""
    for number in range(4):
        refuse(ledger, "trigger-malformed", number)
    client.hset(TOTALS, mapping={"refused|trigger-malformed": 1000, "refused|trigger-off": 200})
    refused = ledger.refused()
    assert refused == ledger.figures().refusals
    assert (ledger.refused().count, refused.by_code["trigger-off"], refused.listed) == (1200, 200, 4)
    assert refusals_in_words(refused) == "1,200, of which 4 are listed"


def test_refusals_of_an_earlier_release_are_those_that_are_kept(ledger: Ledger, client: redis.Redis) -> None:
    """It did not count them, nor are the counts of a new one less than what is there."""
    for number in range(4):
        refuse(ledger, "trigger-off", number)
    client.hdel(TOTALS, "refused|trigger-off")
    assert (ledger.refused().count, refusals_in_words(ledger.refused())) == (4, "4")
    assert refusals_in_words(Refusals({"trigger-off": 5}, 0)) == "5, none of which is listed any more"
    client.hset(TOTALS, "refused|trigger-off", 1)
    assert ledger.refused().count == 4


# What has vanished ----------------------------------------------------------------------------------------------------


def note(client: redis.Redis, **counts: int) -> None:
    """Put counts into the ledger, as its scripts do."""
    client.hset(TOTALS, mapping={name.replace("_", "|"): count for name, count in counts.items()})


def test_jobs_that_were_born_and_are_nowhere_have_vanished(ledger: Ledger, client: redis.Redis) -> None:
    """Of each kind and store: those that are gone for a reason are not missing."""
    ledger.request_all([JOB, OTHER])
    note(client, born_customer_4021=10, gone_customer_4021=3, born_customer_9000=7, gone_customer_9000=7)
    figures = Ledger(client, stores={SYSTEM: StoreLimits(), 9000: StoreLimits()}).figures()
    presence = figures.stores[SYSTEM].presence[Kind.CUSTOMER]
    assert (presence.expected, presence.present, presence.vanished) == (7, 2, 5)
    assert figures.stores[9000].presence[Kind.CUSTOMER].vanished == 0
    assert vanished_in_words(figures) == "5 jobs of connection 4021 vanished from Redis"


def test_what_scripts_met_without_its_record_has_vanished_too(ledger: Ledger, client: redis.Redis) -> None:
    """They can't tell of which store it was."""
    note(client, vanished_customer=2, vanished_subscription=1)
    figures = ledger.figures()
    assert vanished_in_words(figures) == "3 jobs whose record alone was missing vanished from Redis"


def test_most_stores_are_told_together(client: redis.Redis) -> None:
    """The worst by their number."""
    note(client, **{f"born_customer_{5000 + number}": number for number in range(1, 9)})
    words = vanished_in_words(Ledger(client, stores=dict.fromkeys(range(5001, 5009), StoreLimits())).figures())
    assert words.startswith("36 jobs vanished from Redis: 8 of connection 5008, 7 of connection 5007")
    assert words.endswith("4 of connection 5004, 6 of others")


@pytest.mark.parametrize("counts", [{}, {"gone_customer_4021": 5}, {"born_customer_4021": 1}])
def test_nothing_is_said_of_a_ledger_that_an_earlier_release_filled(
    ledger: Ledger, client: redis.Redis, counts: dict[str, int]
) -> None:
    """It holds more jobs than it has counted."""
    ledger.request_all([JOB, OTHER])
    client.hdel(TOTALS, *(f"{name}|{kind}|{SYSTEM}" for name in ("born", "gone") for kind in Kind))
    if counts:
        note(client, **counts)
    assert ledger.figures().vanished == 0


def test_last_sweep_is_told_by_redis_clock(client: redis.Redis) -> None:
    """How long ago it began, whatever this machine's clock says; nothing before the first one."""
    ledger = Ledger(client, replaced={"_clock": VIRTUAL_CLOCK})
    began = time.time()
    client.set("virtual-clock", int((began - 90) * 1000))
    assert ledger.figures().seconds_since_sweep is None
    assert ledger.is_due("sweep", 5)
    seconds = ledger.figures().seconds_since_sweep
    assert seconds is not None
    assert 89 < seconds < 91 + time.time() - began  # however long this test takes


def test_what_else_lies_at_a_queue_is_told_as_such(ledger: Ledger, client: redis.Redis) -> None:
    """It is another software's, and no fault of ours."""
    client.set("customers", "a text")
    with pytest.raises(LedgerRefuses, match="the data of another software"):
        ledger.figures()


# What they cost -------------------------------------------------------------------------------------------------------


def filled(client: redis.Redis, stores: int) -> list[int]:
    """Stores, each with a job in every lane and one that has failed."""
    systems = list(range(5000, 5000 + stores))
    ledger = Ledger(client, stores={system_id: StoreLimits(concurrent=1) for system_id in systems})
    for system_id in systems:
        ledger.request_all([customer(1, system_id), customer(2, system_id)])
        ledger.fail(ledger.claim(customer(1, system_id)), CALLS, FAILURE)
        ledger.request_all([customer(3, system_id)], debug=True)
        ledger.request_all([customer(4, system_id)], asker=parts.IN_BACKGROUND)
    return systems


@pytest.mark.parametrize(("stores", "trips_needed"), [(1, 2), (50, 2), (51, 3)])
def test_figures_cost_a_round_trip_for_each_fifty_stores_and_one_more(
    redis_url: str, client: redis.Redis, stores: int, trips_needed: int
) -> None:
    """Counted on the wire."""
    systems = filled(client, stores)
    trips = RoundTrips(redis_url)
    assert (
        trips.of(lambda: Ledger(trips.client, stores=dict.fromkeys(systems, StoreLimits())).figures()) == trips_needed
    )


def test_groups_and_their_last_jobs_cost_as_little(redis_url: str, client: redis.Redis) -> None:
    """Of a hundred stores."""
    filled(client, 100)
    trips = RoundTrips(redis_url)
    activity = Ledger(trips.client).activity
    groups: list[Any] = activity.groups()
    assert (len(groups), trips.of(activity.groups)) == (100, 2)
    latest = activity.latest_of(groups, 3)
    assert [[record.job.customer_id for record in each] for each in latest] == [["1"]] * 100
    assert trips.of(lambda: activity.latest_of(groups, 3)) == 2


def test_hold_is_told_with_its_time(held: Held) -> None:
    """As `holds` tells it."""
    (hold,) = held.ledger.figures().holds
    assert hold == held.ledger.holds()[0]
    assert hold.until - hold.since == timedelta(seconds=9e5)
    assert held.ledger.hold_for(SYSTEM, "stamped") == hold
    assert held.ledger.hold_for(SYSTEM, "ipaas") is None


def test_figures_look_at_few_jobs_however_many_debug_jobs_wait(client: redis.Redis) -> None:
    """The metrics need no login, so whoever asks for them must not keep Redis busy."""
    systems = filled(client, 2)
    ledger = Ledger(client, stores={system_id: StoreLimits(concurrent=1) for system_id in systems})
    for system_id in systems:
        ledger.request_all([customer(number, system_id) for number in range(10, 500)], debug=True)
    before = client.info("commandstats").get("cmdstat_hget", {"calls": 0})["calls"]
    ledger.figures()
    assert client.info("commandstats")["cmdstat_hget"]["calls"] - before < 50
