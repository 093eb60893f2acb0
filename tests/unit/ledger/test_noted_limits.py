"""The limits that subscriptions set: whoever goes by them takes them from where they are noted."""

from __future__ import annotations

import threading

from tests.unit.clock import Clock
from worker.ledger.limits import LOOK_SECONDS, Limit, LimitsAsJson, NotedLimits, StoreLimits

OPEN = frozenset({"limit", "seconds", "concurrent"})
USUAL = StoreLimits(unsaid=OPEN)
OWN = StoreLimits(concurrent=3, stamped=Limit(50, 10))


class Stage:
    """What is noted, and the limits of two connections: 1 leaves all to its subscription, and 2 nothing."""

    def __init__(self, first: StoreLimits = USUAL) -> None:
        self.noted: dict[str, str] = {}
        self.looks = 0
        self.is_away = False
        self.answers = threading.Event()
        self.answers.set()
        self.clock = Clock()
        self.limits = NotedLimits({1: first, 2: OWN}, self._look, self.noted.__setitem__, self.clock)

    def _look(self) -> dict[str, str] | None:
        self.looks += 1
        assert self.answers.wait(10)
        return None if self.is_away else dict(self.noted)

    def another(self) -> NotedLimits:
        """The same in another process."""
        return NotedLimits({1: USUAL, 2: OWN}, self._look, self.noted.__setitem__, self.clock)


def test_limits_are_the_least_until_somebody_has_noted_others() -> None:
    """Nobody may call a store more often than its subscription allows, so one job reads it first."""
    stage = Stage()
    assert (stage.limits[1].concurrent, stage.limits[1].stamped) == (1, Limit(5, 60))
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


def test_a_redis_that_was_emptied_gets_the_limits_again() -> None:
    """From whoever has noted them, also once its configuration has changed."""
    stage, own = Stage(), dict[str, str]()
    before = NotedLimits({1: USUAL}, stage._look, stage.noted.__setitem__, stage.clock, own=own)  # noqa: SLF001 - its own
    before.note(1, StoreLimits(concurrent=4, stamped=Limit(250, 30)))
    after = NotedLimits({1: USUAL, 2: OWN}, stage._look, stage.noted.__setitem__, stage.clock, own=own)  # noqa: SLF001 - as above
    stage.noted.clear()
    assert after[1].concurrent == 4
    assert stage.another()[1].concurrent == 4


def test_what_is_no_longer_open_is_not_noted_again() -> None:
    """Its connection is gone, or its file says it all by now."""
    stage = Stage()
    limits = NotedLimits({1: USUAL, 2: OWN}, stage._look, stage.noted.__setitem__, own={"2": "{}", "3": "{}"})  # noqa: SLF001 - its own
    assert limits[1].concurrent == 1
    assert stage.noted == {}


def test_every_thread_waits_for_the_first_look() -> None:
    """Going by other limits meanwhile could admit too much; later looks hold nobody up."""
    stage = Stage()
    stage.noted["1"] = '{"limit": 250, "seconds": 30, "concurrent": 4}'
    stage.answers.clear()
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(stage.limits[1].concurrent)) for _ in range(3)]
    for each in threads:
        each.start()
    stage.answers.set()
    for each in threads:
        each.join()
    assert (found, stage.looks) == ([4, 4, 4], 1)
    stage.clock.now += LOOK_SECONDS
    stage.answers.clear()
    looks = threading.Thread(target=lambda: stage.limits[1])
    looks.start()
    while stage.looks < 2:
        pass
    assert stage.limits[1].concurrent == 4
    stage.answers.set()
    looks.join()


def test_each_step_gets_the_same_text_until_other_limits_are_noted() -> None:
    """It is made once."""
    stage = Stage()
    texts = LimitsAsJson(stage.limits)
    assert texts[1] is texts[1]
    stage.limits.note(1, StoreLimits(concurrent=4, stamped=Limit(250, 30)))
    assert '"concurrent": 4' in texts[1]
