"""The limits that subscriptions set: whoever goes by them takes them from where they are noted."""

from __future__ import annotations

from tests.unit.clock import Clock
from worker.ledger.limits import LOOK_SECONDS, Limit, NotedLimits, StoreLimits

OPEN = frozenset({"limit", "seconds", "concurrent"})
USUAL = StoreLimits(unsaid=OPEN)
OWN = StoreLimits(concurrent=3, stamped=Limit(50, 10))


class Stage:
    """What is noted, and the limits of two connections: 1 leaves all to its subscription, and 2 nothing."""

    def __init__(self, first: StoreLimits = USUAL) -> None:
        self.noted: dict[str, str] = {}
        self.looks = 0
        self.is_away = False
        self.clock = Clock()
        self.limits = NotedLimits({1: first, 2: OWN}, self._look, self.noted.__setitem__, self.clock)

    def _look(self) -> dict[str, str] | None:
        self.looks += 1
        return None if self.is_away else dict(self.noted)

    def another(self) -> NotedLimits:
        """The same in another process."""
        return NotedLimits({1: USUAL, 2: OWN}, self._look, self.noted.__setitem__, self.clock)


def test_limits_are_the_usual_ones_until_somebody_has_noted_others() -> None:
    """And then those, in every process."""
    stage = Stage()
    assert stage.limits[1] == USUAL
    stage.another().note(1, StoreLimits(concurrent=4, stamped=Limit(250, 30)))
    stage.clock.now += LOOK_SECONDS
    assert (stage.limits[1].concurrent, stage.limits[1].stamped) == (4, Limit(250, 30))


def test_what_the_file_says_is_not_changed() -> None:
    """Key by key; and nothing is looked up for a connection whose file says it all."""
    stage = Stage(StoreLimits(stamped=Limit(100, 60), unsaid=frozenset({"seconds"})))
    stage.another().note(1, StoreLimits(concurrent=4, stamped=Limit(250, 30)))
    assert (stage.limits[1].concurrent, stage.limits[1].stamped) == (10, Limit(100, 30))
    looks = stage.looks
    assert (stage.limits[2], stage.looks) == (OWN, looks)


def test_it_looks_only_now_and_then() -> None:
    """Each step of the ledger asks for the limits."""
    stage = Stage()
    for _ in range(100):
        assert stage.limits[1] is stage.limits[1]
    assert stage.looks == 1


def test_the_old_limits_go_on_while_redis_is_away() -> None:
    """The step that needs them says so."""
    stage = Stage()
    stage.limits.note(1, StoreLimits(concurrent=4, stamped=Limit(250, 30)))
    assert stage.limits[1].concurrent == 4
    stage.is_away = True
    stage.clock.now += LOOK_SECONDS
    assert stage.limits[1].concurrent == 4


def test_it_is_a_mapping_of_every_connection() -> None:
    """For whoever reads where all stores stand."""
    limits = Stage().limits
    assert (list(limits), len(limits), limits.get(9), limits.keys() - {2}) == ([1, 2], 2, None, {1})
