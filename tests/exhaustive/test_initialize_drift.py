"""Whoever is on a list all the time is asked for, whatever is inserted into it and deleted from it at every read."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest

from tests.unit.lists import ALL, UNLINKED, Book, Drifting, ignore
from worker.sync.initialize import Step, initialize

WILD, CALM = range(300), range(1_000, 1_300)


@dataclass
class Tally:
    """What became of some lists, by their seeds."""

    left_out: list[int] = field(default_factory=list)
    wrongly_complete: list[int] = field(default_factory=list)
    unproved: list[int] = field(default_factory=list)
    asked_twice: list[int] = field(default_factory=list)

    def note(self, seed: int, listed: Drifting, book: Book, last: Step) -> None:
        """Note one."""
        left_out = listed.always - {*book.ids}
        self.left_out += [seed] * bool(left_out)
        self.wrongly_complete += [seed] * bool(left_out and last.place.is_complete)
        self.unproved += [seed] * (not last.place.is_complete)
        self.asked_twice += [seed] * (len(book.ids) != len({*book.ids}))


def run(seed: int, listed: Drifting, book: Book, *, stops: float = 0) -> Step:
    """Run an initialize to its end, over some stops and starts."""
    chance, progress = random.Random(seed), ALL if seed % 2 else UNLINKED  # noqa: S311 - it must be the same again
    while True:
        for step in initialize(progress, listed, book, ignore, sleep=book.work):
            progress = step.progress
            if step.place.has_ended:
                return step
            if chance.random() < stops:
                break


@pytest.mark.parametrize("stops", [0, 0.1], ids=["in one go", "stopped and started"])
def test_nobody_is_left_out_of_a_list_that_changes_wildly(stops: float) -> None:
    """Lists of one customer a page and more, of which whole pages come and go at a read.

    A list that grows faster than it is read is given up on; then it is not said that nobody was left out.
    """
    tally = Tally()
    for seed in WILD:
        listed, book = Drifting(seed, longest=40, until=400), Book()
        tally.note(seed, listed, book, run(seed, listed, book, stops=stops))
    assert tally == Tally(unproved=tally.unproved)
    assert len(tally.unproved) < len(WILD) / 20


def test_nobody_is_left_out_of_a_list_that_changes_now_and_then() -> None:
    """As lists do in life; nearly all are proved complete."""
    tally = Tally()
    for seed in CALM:
        listed, book = Drifting(seed, is_calm=True), Book()
        tally.note(seed, listed, book, run(seed, listed, book))
    assert tally == Tally(unproved=tally.unproved)
    assert len(tally.unproved) < len(CALM) / 50


def test_one_reading_would_leave_somebody_out() -> None:
    """The lists are such that it takes more."""
    left_out = 0
    for seed in WILD[:50]:
        listed, book = Drifting(seed, longest=40, until=400), Book()
        for step in initialize(ALL, listed, book, ignore, sleep=book.work):
            if step.place.reading > 1:
                break
        left_out += bool(listed.always - {*book.ids})
    assert left_out > 10
