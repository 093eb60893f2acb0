"""Small charts, and the words beside them."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from worker.ledger.memory.events import Tallies
from worker.presentation.bars import HEIGHT, LEAST, bars, in_words

RECT = re.compile(r'class="bar-(\w+)" x="(\d+)" y="([\d.]+)" width="\d+" height="([\d.]+)"')


def drawn(tallies: Tallies) -> list[tuple[str, float, float, float]]:
    """Each bar: its name, where it begins, its top and its height."""
    return [(name, *map(float, numbers)) for name, *numbers in RECT.findall(bars(tallies, "in the last hour"))]


def test_what_failed_stands_on_what_was_done() -> None:
    """The highest step fills the height, and what happened at all is seen."""
    done, failed, tiny = drawn(Tallies([500, 0, 0], [500, 0, 1]))
    assert done[:2] == ("done", 0)
    assert failed[0] == "failed"
    assert failed[2] + failed[3] == pytest.approx(done[2], abs=0.1)
    assert done[3] + failed[3] == pytest.approx(HEIGHT - 2, abs=0.2)
    assert (tiny[0], tiny[1], tiny[3]) == ("failed", 10, LEAST)


@pytest.mark.parametrize("tallies", [Tallies([0, 0], [0, 0]), Tallies([], []), Tallies([3], [1])])
def test_it_is_a_picture_with_words_for_whoever_does_not_see_it(tallies: Tallies) -> None:
    """Also of nothing."""
    root = ET.fromstring(bars(tallies, "in the last hour"))  # noqa: S314 - our own
    assert root.attrib["role"] == "img"
    assert root[0].text == f"{in_words(tallies)} in the last hour"


def test_numbers_in_words() -> None:
    """With their thousands."""
    assert in_words(Tallies([1200, 34], [1, 0])) == "1,234 finished, 1 failure"
    assert in_words(Tallies([], [])) == "0 finished, 0 failures"
