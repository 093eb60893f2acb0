"""Tables, as text on a screen and in Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.bench.contestants import ALL, OURS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.bench.results import Results

TITLES: Final = {each.name: each.title for each in ALL}
THROUGHPUT: Final = {
    "per_second": "a second",
    "cpu_ms": "CPU ms",
    "times_loop": "× loop",
    "redis_ms": "Redis CPU ms",
    "trips": "round trips",
    "commands": "Redis commands",
    "memory_mb": "memory MB",
    "start_seconds": "start s",
    "api_share": "APIs' core",
}
"""The columns of a table about throughput: the figure of each, and its heading."""
DELAYS: Final = {"rate": "asked a second", "p50_ms": "p50 ms", "p99_ms": "p99 ms"}
BURSTS: Final = {"seconds": "seconds", "writes": "writes to Stamped.io", "p50_ms": "p50 ms", "p99_ms": "p99 ms"}
KILLS: Final = {"jobs": "customers", "kills": "kills", "lost": "lost", "doubled": "written twice", "seconds": "seconds"}
BYTES: Final = {"waiting_bytes": "bytes a waiting job", "finished_bytes": "bytes a finished job"}
COMMANDS: Final = {"cpu_seconds": "CPU s", "seconds": "s"}
COLUMNS: Final = {
    "updates": THROUGHPUT,
    "creates": THROUGHPUT,
    "subscriptions": THROUGHPUT,
    "delays": DELAYS,
    "bursts": BURSTS,
    "kills": KILLS,
    "bytes": BYTES,
    "commands": COMMANDS,
}
WAITING: Final = {
    "cpu_ms": "CPU ms an update",
    "redis_ms": "Redis CPU ms",
    "trips": "round trips",
    "status_seconds": "`status` s",
    "activity_ms": "Activity ms",
}
STORES: Final = WAITING | {
    "idle_cpu_percent": "idle: CPU %",
    "idle_redis_percent": "Redis CPU %",
    "idle_trips": "round trips a second",
    "idle_commands": "commands a second",
}
GROWTH: Final = {"waiting": ("jobs that wait", WAITING), "stores": ("connections", STORES)}
"""Tables with a row for each size: the heading of the sizes, and the columns."""
SCRIPT: Final = "script "


def after(latency_ms: int) -> str:
    """A latency in words."""
    return f"after {latency_ms} ms" if latency_ms else "at once"


def rows_of(results: Results, measure: str, latency_ms: int) -> list[list[str]]:
    """A table's heading, and a row for each contestant."""
    columns = COLUMNS[measure]
    rows = [["", *columns.values()]]
    for name in results.contestants(measure, latency_ms):
        found = (results.spread(measure, name, latency_ms, figure) for figure in columns)
        rows.append([TITLES.get(name, name), *(str(each) if each else "–" for each in found)])
    return rows


def growth_of(results: Results, measure: str) -> list[list[str]]:
    """The heading, and a row for each size; the scripts that were seen get a column each."""
    heading, columns = GROWTH[measure]
    seen = {figure for row in results.rows if row.measure == measure for figure in row.figures}
    scripts = {name: f"{name.removeprefix(SCRIPT)} ms" for name in sorted(seen) if name.startswith(SCRIPT)}
    columns = {**columns, **scripts}
    rows = [[heading, *columns.values()]]
    for size in results.places(measure):
        found = (results.spread(measure, OURS.name, size, figure) for figure in columns)
        rows.append([f"{size:,}", *(str(each) if each else "–" for each in found)])
    return rows


def as_text(rows: Sequence[Sequence[str]]) -> str:
    """A table in columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in rows
    )


def as_markdown(rows: Sequence[Sequence[str]]) -> str:
    """The same in Markdown, with this worker's rows in bold."""
    first, *others = rows
    return "\n".join(
        [_line(first), _line(["---", *["---:"] * (len(first) - 1)]), *(_line(_marked(row)) for row in others)]
    )


def _marked(row: Sequence[str]) -> list[str]:
    return [f"**{cell}**" for cell in row] if row[0].startswith("this worker") else list(row)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
