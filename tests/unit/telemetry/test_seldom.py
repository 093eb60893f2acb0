"""What happens often is said once in a while, with how often it has happened."""

from __future__ import annotations

from tests.unit.clock import Clock
from worker.telemetry.seldom import SAID_EVERY_SECONDS, Seldom


def test_the_first_is_said_and_the_next_are_counted_until_it_is_time() -> None:
    """Then all of them are said at once."""
    clock = Clock()
    seldom = Seldom(most=5, now=clock)
    assert [seldom.count("a") for _ in range(4)] == [1, 0, 0, 0]
    assert seldom.count("b") == 1
    clock.now += SAID_EVERY_SECONDS
    assert [seldom.count("a"), seldom.count("a")] == [4, 0]
    clock.now += SAID_EVERY_SECONDS
    assert seldom.count("b") == 1


def test_no_more_than_some_things_are_told_apart() -> None:
    """Whoever makes up new ones fills neither the memory nor the page."""
    seldom = Seldom(most=2, now=Clock())
    assert [seldom.count(number) for number in range(100)] == [1, 1, 1, *([0] * 97)]
    assert seldom.count(0) == 0
