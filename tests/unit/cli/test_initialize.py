"""The closing lines of `stamped-sync initialize` say no more than is true."""

from __future__ import annotations

import pytest

from worker.cli.initialize import gaps, proof
from worker.sync.place import Place


def ended(**facts: object) -> Place:
    """Where an initialize has ended."""
    return Place(has_ended=True, **{"reading": 3, "last": 9, "is_settled": True} | facts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (ended(reading=1), "iPaaS.com answered the whole list at once."),
        (ended(), "The list was read 3 times; the last reading found nobody new."),
        (ended(found=1), "The list was read 3 times; the last reading found 1 customer more, added meanwhile."),
        (
            ended(is_settled=False, reading=5),
            "The list was read 5 times and changed each time; the last reading found nobody new.",
        ),
        (
            ended(is_settled=False, reading=5, found=1_200),
            "The list was read 5 times and changed each time; the last reading found 1,200 customers more.",
        ),
    ],
)
def test_how_often_the_list_was_read_and_what_the_last_reading_found(place: Place, expected: str) -> None:
    """Whether that proves it, too."""
    assert proof(place) == expected


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (ended(), []),
        (ended(is_settled=False), []),
        (ended(short_of=12), ["iPaaS.com's list ended after page 9 of 12 announced."]),
        (ended(hollow=1), ["1 page of the list held nobody, or the page before over again."]),
        (
            ended(is_settled=False, found=3),
            ["Somebody may have been left out. Run the same again, best while fewer customers are changed."],
        ),
    ],
)
def test_what_leaves_it_open_is_said(place: Place, expected: list[str]) -> None:
    """Nothing where nothing does."""
    assert gaps(place) == expected
