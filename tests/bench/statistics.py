"""What many figures come to."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Spread:
    """The middle of some figures, and the smallest and largest of them."""

    middle: float
    least: float
    most: float
    count: int

    def __str__(self) -> str:
        if self.count == 1:
            return rounded(self.middle)
        return f"{rounded(self.middle)} ({rounded(self.least)}–{rounded(self.most)})"


def spread(values: Sequence[float]) -> Spread | None:
    """The spread of the figures; None if there is none."""
    real = [value for value in values if not math.isnan(value)]
    return Spread(median(real), min(real), max(real), len(real)) if real else None


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least this percentage of the values does not exceed; NaN of no values."""
    if not values:
        return math.nan
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def rounded(value: float) -> str:
    """A figure with three digits that count, and none behind the point from 100 on."""
    if math.isnan(value):
        return "–"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    digits = 1 if abs(value) >= 10 else 2
    return f"{value:.{digits}f}"


def ratio(part: float, whole: float) -> float:
    """One divided by the other; NaN if there is nothing to divide by."""
    return part / whole if whole else math.nan
