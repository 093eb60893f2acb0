"""Medians, spreads and percentiles of a benchmark."""

from __future__ import annotations

import math

import pytest

from tests.bench.statistics import percentile, ratio, rounded, spread


def test_spread_is_the_middle_the_least_and_the_most() -> None:
    """Figures that could not be measured do not count."""
    found = spread([3, 1, math.nan, 2])
    assert found
    assert (found.middle, found.least, found.most, found.count) == (2, 1, 3, 3)
    assert str(found) == "2.00 (1.00–3.00)"


def test_spread_of_one_figure_shows_it_alone() -> None:
    """After a single round there is nothing to spread."""
    assert str(spread([1234.5])) == "1,234"


def test_no_figures_have_no_spread() -> None:
    """What nobody measured is not shown as zero."""
    assert spread([math.nan]) is None


@pytest.mark.parametrize(("percent", "expected"), [(50, 50), (99, 99), (100, 100), (0.5, 1)])
def test_percentile_is_a_value_that_was_measured(percent: float, expected: float) -> None:
    """Of the values 1 to 100, each is its own percentile."""
    assert percentile(range(100, 0, -1), percent) == expected


@pytest.mark.parametrize(
    ("value", "shown"), [(0.0321, "0.03"), (12.34, "12.3"), (99_999.5, "100,000"), (math.nan, "–")]
)
def test_figure_is_shown_with_the_digits_that_count(value: float, shown: str) -> None:
    """More digits than the noise leaves would only seem precise."""
    assert rounded(value) == shown


def test_ratio_to_nothing_is_no_number() -> None:
    """If nothing was done, nothing can be said about its cost."""
    assert math.isnan(ratio(5, 0))
