"""The simulation in short: some worlds hold, each switched-off safety is noticed, and a seed replays exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.simulation.broken import SWITCHED_OFF, Safety
from tests.simulation.past import PAST_FAILURES, PastFailure
from tests.simulation.process import UnreliableRedis
from tests.simulation.simulation import simulate

if TYPE_CHECKING:
    from collections.abc import Iterator

SEEDS = range(40)
SEEDS_TO_CATCH = 200
"""Each safety is missed in the first dozens of worlds that are made for it; which ones it is changes with the code."""

# Celery warns of a task's `queue` when it makes the tasks ready, which is at the first use of them.
pytestmark = pytest.mark.filterwarnings("ignore::celery.exceptions.CDeprecationWarning")


@pytest.fixture
def unreliable(redis_url: str) -> Iterator[UnreliableRedis]:
    """The client of the simulated processes."""
    with UnreliableRedis.from_url(redis_url, decode_responses=True) as client:
        assert isinstance(client, UnreliableRedis)
        yield client


def test_nothing_is_violated_in_some_worlds(unreliable: UnreliableRedis) -> None:
    """Whatever goes wrong, and in nearly every world something does: nothing is lost, doubled or stale."""
    outcomes = [simulate(seed, unreliable) for seed in SEEDS]
    assert {outcome.seed: outcome.violations for outcome in outcomes if outcome.violations} == {}
    assert sum(bool(outcome.happened) for outcome in outcomes) >= 0.9 * len(SEEDS)


@pytest.mark.parametrize("past", PAST_FAILURES, ids=lambda past: str(past.seed))
def test_past_failures_stay_past(unreliable: UnreliableRedis, past: PastFailure) -> None:
    """A seed that once found a fault finds none now."""
    assert simulate(past.seed, unreliable).violations == ()


@pytest.mark.parametrize("safety", SWITCHED_OFF, ids=lambda safety: safety.name)
def test_missing_safety_is_noticed(unreliable: UnreliableRedis, safety: Safety) -> None:
    """Without any one of the protocol's safeties the simulation finds what it is there for."""
    outcomes = (simulate(seed, unreliable, safety.without) for seed in range(SEEDS_TO_CATCH))
    assert any(safety.is_caught(outcome) for outcome in outcomes)


def test_seed_replays_exactly(unreliable: UnreliableRedis) -> None:
    """Two runs of one seed are the same, step by step."""
    first: list[str] = []
    second: list[str] = []
    simulate(7, unreliable, trace=first.append)
    simulate(8, unreliable)
    simulate(7, unreliable, trace=second.append)
    assert first
    assert first == second
