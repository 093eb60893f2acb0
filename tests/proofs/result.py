"""What a proof comes to: what was measured, and what was not as it must be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass
class Result:
    """The report of one proof."""

    title: str
    lines: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)

    def say(self, line: str) -> None:
        """Note a figure."""
        self.lines.append(line)

    def must(self, holds: bool, otherwise: str) -> None:
        """Note a violation where something does not hold."""
        if not holds:
            self.violations.append(otherwise)


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that so many percent of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]
