"""What was measured, one row for each time, and the middle of the rows that belong together."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Self

from tests.bench.contestants import REFERENCE
from tests.bench.statistics import Spread, ratio, spread

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bench.throughput import Figures


@dataclass(frozen=True)
class Row:
    """What one contestant came to, once."""

    measure: str
    contestant: str
    at: int
    """Milliseconds of latency; of growth, how many jobs or stores there were."""
    round: int
    figures: Figures


@dataclass
class Results:
    """The rows of a run, with what there is to know about it."""

    about: dict[str, Any]
    rows: list[Row] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def add(self, row: Row) -> None:
        """Note a row. CPU time is also noted relative to the bare loop's of the same round, which comes first."""
        loop = self._of(row.measure, REFERENCE.name, 0, row.round)
        if loop and "cpu_ms" in row.figures:
            row.figures["times_loop"] = ratio(row.figures["cpu_ms"], loop.figures["cpu_ms"])
        elif row.contestant == REFERENCE.name:
            row.figures["times_loop"] = 1
        self.rows.append(row)

    def _of(self, measure: str, contestant: str, at: int, number: int) -> Row | None:
        wanted = measure, contestant, at, number
        found = (each for each in self.rows if (each.measure, each.contestant, each.at, each.round) == wanted)
        return next(found, None)

    def spread(self, measure: str, contestant: str, at: int, figure: str) -> Spread | None:
        """The spread of one figure over the rounds; None if it was not measured."""
        wanted = measure, contestant, at
        rows = [each for each in self.rows if (each.measure, each.contestant, each.at) == wanted]
        return spread([each.figures[figure] for each in rows if figure in each.figures])

    def middle(self, measure: str, contestant: str, at: int, figure: str) -> float | None:
        """The median of one figure."""
        found = self.spread(measure, contestant, at, figure)
        return found.middle if found else None

    def places(self, measure: str) -> list[int]:
        """The latencies or numbers at which something was measured."""
        return sorted({each.at for each in self.rows if each.measure == measure})

    def contestants(self, measure: str, at: int) -> list[str]:
        """Who was measured, in the order in which they came."""
        found = (each for each in self.rows if (each.measure, each.at) == (measure, at))
        return list(dict.fromkeys(each.contestant for each in found))

    @classmethod
    def load(cls, path: Path) -> Self:
        """What was written down of a run."""
        saved = json.loads(path.read_text("utf-8"))
        return cls(saved["about"], [Row(**each) for each in saved["rows"]], saved["failures"])

    def save(self, path: Path) -> None:
        """Write everything down, for whoever wants to count again."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1), "utf-8")
