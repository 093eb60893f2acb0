"""The page of a run, docs/benchmarks.md, and its chart."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.bench.chart import chart
from tests.bench.contestants import ALL
from tests.bench.kills import LATENCY_MS
from tests.bench.statistics import rounded
from tests.bench.tables import COLUMNS, GROWTH, TITLES, after, as_markdown, growth_of, rows_of
from tests.parts import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.contestants import Contestant
    from tests.bench.results import Results

PAGE: Final = ROOT / "docs" / "benchmarks.md"
CHART: Final = ROOT / "docs" / "benchmarks.svg"
HEADINGS: Final = {
    "updates": "Updates: two calls a customer",
    "creates": "Creates: four calls a customer",
    "subscriptions": "Creates with a subscription that differs: this worker alone",
    "delays": "From trigger to done, at half load",
    "bursts": "A burst: 200 customers named five times each",
    "kills": "SIGKILL in the middle",
    "bytes": "Bytes of Redis",
    "commands": "Commands",
    "waiting": "With many jobs that wait",
    "stores": "With many connections",
}
METHOD: Final = Path(__file__).parent / "method.md"


def tables_of(results: Results) -> Iterator[tuple[str, list[list[str]]]]:
    """Every table, with its title."""
    for measure in HEADINGS:
        yield from tables_for(results, measure)


def tables_for(results: Results, measure: str) -> Iterator[tuple[str, list[list[str]]]]:
    """The tables of one measure; none if it was not measured."""
    if measure in GROWTH and results.places(measure):
        yield measure.capitalize(), growth_of(results, measure)
    for latency_ms in results.places(measure) if measure in COLUMNS else ():
        yield f"{measure.capitalize()}, APIs that answer {after(latency_ms)}", rows_of(results, measure, latency_ms)


def write(results: Results) -> None:
    """Write the page and its chart."""
    CHART.write_text(chart(results), "utf-8")
    PAGE.write_text(page(results), "utf-8")


def page(results: Results) -> str:
    """The page."""
    parts = ["# Benchmarks", introduction(results.about), f"![Updates a second]({CHART.name})"]
    for measure, heading in HEADINGS.items():
        tables = [*tables_for(results, measure)]
        if not tables:
            continue
        parts.append(f"## {heading}")
        for title, rows in tables:
            parts += [f"### {title}"] if len(tables) > 1 else []
            parts.append(as_markdown(rows))
        if measure in {"updates", "creates"}:
            lines = [ahead(results, measure, latency_ms) for latency_ms in results.places(measure)]
            parts.append("\n".join(filter(None, lines)))
    parts += [missing(results), METHOD.read_text("utf-8")]
    return "\n\n".join(filter(None, parts))


def introduction(about: dict[str, Any]) -> str:
    """What ran, where and when."""
    packages = ", ".join(f"{name} {number}" for name, number in sorted(about["packages"].items()))
    load = f"load average {about['load_at_first']:.1f} at first and {about['load_at_last']:.1f} at last"
    when = f"on {about['began'][:10]} in {about['minutes']:.0f} minutes, at commit {about['commit']}"
    machine = f"{about['cpu']}, {about['cores']} cores that others use too, {about['memory_gb']} GB, {about['system']}"
    lines = [
        f"{about['plan']}, which `make bench` wrote to this page {when}.",
        "Figures are medians, with the least and the most in parentheses.",
        f"Of them, {about['added']}." if "added" in about else "",
        "",
        f"{machine}, {load}.",
        f"Python {about['python']}, Valkey {about['valkey']}, {packages}.",
        f"The fake APIs answer {about['capacity']:,} calls a second.",
    ]
    return "\n".join(lines)


def ahead(results: Results, measure: str, latency_ms: int) -> str:
    """Which peers do more a second than this worker with as many processes, and what they lose when they are killed."""
    lines = []
    for ours in (each for each in ALL if each.is_ours):
        own = results.middle(measure, ours.name, latency_ms, "per_second")
        if own is None:
            continue
        peers = (each for each in ALL if each.kind == "peer" and is_alike(each, ours))
        faster = [
            f"{each.title} ({rounded(rate)} a second{losses(results, each)})"
            for each in peers
            if (rate := results.middle(measure, each.name, latency_ms, "per_second")) and rate > own
        ]
        who = "; ".join(faster) or "nobody"
        lines.append(f"- {after(latency_ms).capitalize()}, ahead of {ours.title} ({rounded(own)} a second): {who}.")
    return "\n".join(lines)


def is_alike(peer: Contestant, ours: Contestant) -> bool:
    """Whether a peer has as many processes; with more than two, it counts beside both."""
    return peer.processes == ours.processes or peer.processes > 2


def losses(results: Results, peer: Contestant) -> str:
    """What a peer lost when it was killed."""
    lost, jobs = (results.middle("kills", peer.name, LATENCY_MS, figure) for figure in ("lost", "jobs"))
    return "" if lost is None else f", lost {lost:.0f} of {jobs:.0f} when killed"


def missing(results: Results) -> str:
    """What a run has left out, and who failed."""
    measured = {row.measure for row in results.rows}
    left_out = [heading for measure, heading in HEADINGS.items() if measure not in measured]
    unmeasured = [TITLES[each.name] for each in ALL if each.name not in {row.contestant for row in results.rows}]
    lines = ["## What this run left out"]
    lines += [f"- {each}" for each in left_out]
    lines += [f"- {', '.join(unmeasured)}"] if unmeasured else []
    lines += [f"- Failed: {failure.splitlines()[0]}" for failure in results.failures]
    return "\n".join([lines[0], "", *lines[1:]]) if lines[1:] else ""
