"""The chart of a run, as an SVG that reads well on a light and on a dark page."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Final

from tests.bench.contestants import ALL
from tests.bench.kills import LATENCY_MS
from tests.bench.statistics import rounded
from tests.bench.tables import after

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.bench.results import Results

WIDTH, LABELS, VALUES, ROW, BAR, TITLE, GAP = 820, 270, 190, 21, 13, 40, 12
STYLE: Final = """
  text { font: 12px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #24292f }
  .title { font-size: 14px; font-weight: 600 }
  .value { fill: #57606a }
  .ours { font-weight: 600 }
  rect { fill: #afb8c1 } rect.ours { fill: #0969da } rect.floor { fill: #dfe3e8 }
  line { stroke: #d0d7de }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .value { fill: #9198a1 }
    rect { fill: #59636e } rect.ours { fill: #4493f8 } rect.floor { fill: #343b44 }
    line { stroke: #3d444d }
  }
"""


@dataclass(frozen=True)
class Bar:
    """One contestant's bar."""

    label: str
    value: float
    kind: str
    note: str = ""


@dataclass(frozen=True)
class Panel:
    """Bars that can be compared."""

    title: str
    bars: Sequence[Bar]

    @property
    def height(self) -> int:
        """How much room it takes."""
        return TITLE + ROW * len(self.bars) + GAP


def chart(results: Results) -> str:
    """The chart: updates a second at each latency, and their CPU time."""
    return svg([*_rates(results), *_costs(results)])


def _rates(results: Results) -> list[Panel]:
    return [
        Panel(
            f"Updates a second, APIs that answer {after(latency_ms)}",
            sorted(_bars(results, latency_ms, "per_second"), key=lambda bar: -bar.value),
        )
        for latency_ms in results.places("updates")
        if len(results.contestants("updates", latency_ms)) > 1
    ]


def _costs(results: Results) -> list[Panel]:
    bars = sorted(_bars(results, 0, "cpu_ms"), key=lambda bar: bar.value)
    return [Panel("Milliseconds of CPU an update, APIs that answer at once", bars)] if bars else []


def _bars(results: Results, latency_ms: int, figure: str) -> list[Bar]:
    return [
        Bar(each.title, value, each.kind, _lost(results, each.name))
        for each in ALL
        if (value := results.middle("updates", each.name, latency_ms, figure)) is not None
    ]


def _lost(results: Results, name: str) -> str:
    lost, jobs = (results.middle("kills", name, LATENCY_MS, figure) for figure in ("lost", "jobs"))
    return f"lost {lost:.0f} of {jobs:.0f} when killed" if lost and jobs else ""


def svg(panels: Sequence[Panel]) -> str:
    """The panels below each other."""
    height, parts = GAP, []
    for panel in panels:
        parts.append(_panel(panel, height))
        height += panel.height
    size = f'width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
    body = "\n".join(parts)
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">\n<style>{STYLE}</style>\n{body}\n</svg>\n'


def _panel(panel: Panel, top: int) -> str:
    most = max((bar.value for bar in panel.bars), default=1) or 1
    lines = [f'<text class="title" x="{GAP}" y="{top + 22}">{escape(panel.title)}</text>']
    lines += (_bar(bar, most, top + TITLE + place * ROW) for place, bar in enumerate(panel.bars))
    bottom = top + TITLE + ROW * len(panel.bars)
    lines.append(f'<line x1="{LABELS}" y1="{top + TITLE - 4}" x2="{LABELS}" y2="{bottom}"/>')
    return "\n".join(lines)


def _bar(bar: Bar, most: float, top: int) -> str:
    length = max(1.0, bar.value / most * (WIDTH - LABELS - VALUES))
    label = f'<text class="{bar.kind}" x="{LABELS - 8}" y="{top + 11}" text-anchor="end">{escape(bar.label)}</text>'
    drawn = f'<rect class="{bar.kind}" x="{LABELS}" y="{top}" width="{length:.1f}" height="{BAR}" rx="2"/>'
    value = f"{rounded(bar.value)}{'  ·  ' if bar.note else ''}{bar.note}"
    return f'{label}{drawn}<text class="value" x="{LABELS + length + 6:.1f}" y="{top + 11}">{escape(value)}</text>'
