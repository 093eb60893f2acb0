"""A small chart of what ended well and badly: inline SVG, in the colours of the page that it stands on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.presentation.wording import counted

if TYPE_CHECKING:
    from worker.ledger.memory.events import Tallies

HEIGHT: Final = 28
STEP: Final = 5
"""In pixels."""
LEAST: Final = 1.5
"""How high a bar is at least that stands for anything."""


def bars(tallies: Tallies, during: str, *, step: int = STEP, height: int = HEIGHT) -> str:
    """One bar for each step of time: what failed stands on what was done. `during`: the time, in words."""
    most, width = max(map(sum, zip(*tallies, strict=True)), default=0), step * len(tallies.done)
    drawn = []
    for place, (done, failed) in enumerate(zip(*tallies, strict=True)):
        base = float(height)
        for name, count in (("done", done), ("failed", failed)):
            if count:
                size = max(count / most * (height - 2), LEAST)
                base -= size
                at = f'x="{place * step}" y="{base:.1f}" width="{step - 1}" height="{size:.1f}"'
                drawn.append(f'<rect class="bar-{name}" {at}/>')
    words = f"{in_words(tallies)} {during}"
    return (
        f'<svg class="bars" role="img" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'preserveAspectRatio="none"><title>{words}</title><path class="bar-base" d="M0 {height - 0.5}H{width}"/>'
        f"{''.join(drawn)}</svg>"
    )


def in_short(tallies: Tallies) -> str:
    """The same, or that there are none."""
    return in_words(tallies) if any(map(sum, tallies)) else "nothing ended"


def in_words(tallies: Tallies) -> str:
    """The numbers of a chart."""
    return f"{sum(tallies.done):,} finished, {counted(sum(tallies.failed), 'failure')}"
