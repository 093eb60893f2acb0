"""The watch over child processes: whichever dies is started again, after a pause that grows."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from worker.local.child import Child
from worker.local.watch import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, STEADY_SECONDS, Watch


class FakeChild(Child):
    """A child without a process; it runs until a test says how it ended."""

    def __init__(self) -> None:
        super().__init__("worker", [], {}, Path())
        self.code: int | None = None
        self.starts = 0

    @property
    def exit_code(self) -> int | None:
        """How it ended; None while it runs."""
        return self.code

    def start(self) -> None:
        """Run again."""
        self.code = None
        self.starts += 1


@dataclass
class Scene:
    """A watched child, and a clock that is moved by hand."""

    child: FakeChild = field(default_factory=FakeChild)
    now: float = 0
    reports: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.watch = Watch([self.child], self.reports.append, clock=lambda: self.now)

    def die(self, code: int = 1) -> None:
        """Let the child end, and be seen."""
        self.child.code = code
        self.watch.look()

    def pass_time(self, seconds: float) -> None:
        """Let time pass, then look."""
        self.now += seconds
        self.watch.look()

    def pause(self) -> float:
        """Let the child end and start again; the pause between the two."""
        self.die()
        before = self.now
        while self.child.exit_code is not None:
            self.pass_time(FIRST_PAUSE_SECONDS)
        return self.now - before


@pytest.fixture
def scene() -> Scene:
    """A child that has just been started."""
    return Scene()


def test_a_child_that_runs_is_left_alone(scene: Scene) -> None:
    """Nothing is started and nothing told."""
    scene.pass_time(1000)
    assert (scene.child.starts, scene.reports) == (0, [])


def test_a_child_that_died_starts_again_once_its_pause_is_over(scene: Scene) -> None:
    """Not at once, and only once."""
    scene.die()
    starts = [scene.child.starts]
    scene.pass_time(FIRST_PAUSE_SECONDS)
    starts.append(scene.child.starts)
    scene.pass_time(FIRST_PAUSE_SECONDS)
    assert [*starts, scene.child.starts] == [0, 1, 1]


def test_the_pause_doubles_up_to_the_longest(scene: Scene) -> None:
    """A child that dies again and again costs less and less."""
    pauses = [scene.pause() for _ in range(8)]
    assert pauses[:3] == [FIRST_PAUSE_SECONDS, 2 * FIRST_PAUSE_SECONDS, 4 * FIRST_PAUSE_SECONDS]
    assert pauses[-1] == LONGEST_PAUSE_SECONDS


def test_the_pause_is_the_first_one_again_after_a_steady_run(scene: Scene) -> None:
    """A death today is not held against a child tomorrow."""
    for _ in range(4):
        scene.pause()
    scene.pass_time(STEADY_SECONDS)
    assert scene.pause() == FIRST_PAUSE_SECONDS


@pytest.mark.parametrize(("code", "words"), [(2, "code 2"), (-9, "signal 9")])
def test_a_death_is_told_once_with_its_cause(scene: Scene, code: int, words: str) -> None:
    """Who, how, and when it starts again."""
    scene.die(code)
    scene.watch.look()
    assert scene.reports == [f"worker ended with {words}; it starts again in 1 s"]
