"""The page of a benchmark, from rows that were made up."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from tests.bench.chart import chart
from tests.bench.contestants import ALL, OURS, REFERENCE
from tests.bench.fake_apis import Line
from tests.bench.kills import LATENCY_MS, counted
from tests.bench.report import page
from tests.bench.results import Results, Row
from tests.bench.tables import growth_of, rows_of

if TYPE_CHECKING:
    from pathlib import Path

ABOUT = {
    "plan": "A run of 2 rounds, 3 seconds for each contestant",
    "began": "2026-11-26T12:00+00:00",
    "minutes": 12.3,
    "commit": "abc1234",
    "cpu": "A processor",
    "cores": 2,
    "memory_gb": 24,
    "system": "Linux 6",
    "load_at_first": 1.0,
    "load_at_last": 2.0,
    "python": "3.11.7",
    "valkey": "9.1",
    "packages": {"celery": "5.7.0"},
    "capacity": 50_000,
}


def results() -> Results:
    """Two rounds of three contestants, of whom one peer is ahead and loses some."""
    made = Results(ABOUT)
    for number, slower in ((1, 1), (2, 2)):
        made.add(Row("updates", REFERENCE.name, 0, number, {"per_second": 500 / slower, "cpu_ms": 2.0 * slower}))
        made.add(Row("updates", OURS.name, 0, number, {"per_second": 400 / slower, "cpu_ms": 3.0 * slower}))
        made.add(Row("updates", "taskiq", 0, number, {"per_second": 800 / slower, "cpu_ms": 1.0 * slower}))
    made.add(Row("kills", "taskiq", LATENCY_MS, 1, {"jobs": 600, "lost": 97, "doubled": 0}))
    return made


def test_cpu_time_is_compared_with_the_loop_of_the_same_round() -> None:
    """A slow round makes everybody slow, and the ratio stays what it is."""
    found = results().spread("updates", OURS.name, 0, "times_loop")
    assert found
    assert (found.least, found.most) == (1.5, 1.5)


def test_table_has_a_row_for_each_contestant_and_a_mark_for_what_is_not_known() -> None:
    """The loop has no queue, so it has no round trips."""
    heading, loop, ours, peer = rows_of(results(), "updates", 0)
    assert loop[0] == REFERENCE.title
    assert loop[heading.index("round trips")] == "–"
    assert ours[1] == "300 (200–400)"
    assert peer[1] == "600 (400–800)"


def test_page_says_who_is_ahead_and_what_they_lose() -> None:
    """A faster peer is named, beside its losses."""
    assert "taskiq (list) + aiohttp, 1 × 20 (600 a second, lost 97 of 600 when killed)" in page(results())


def test_page_says_what_was_left_out() -> None:
    """A quick run is no whole run."""
    left_out = page(results()).partition("## What this run left out")[2]
    assert "With many connections" in left_out
    assert "RQ, pool of 20" in left_out


def test_chart_is_an_svg_with_a_bar_for_each_contestant_in_each_panel() -> None:
    """The updates a second and the CPU time each have a panel here."""
    drawn = ET.fromstring(chart(results()))  # noqa: S314 - the run has drawn it itself
    assert len(drawn.findall("{http://www.w3.org/2000/svg}rect")) == 2 * 3
    assert "prefers-color-scheme: dark" in chart(results())


def test_growth_has_a_row_for_each_size_and_a_column_for_each_script() -> None:
    """The scripts come from what Redis saw, so their names are not known beforehand."""
    made = Results(ABOUT)
    for size in (1_000, 1_000_000):
        made.add(Row("waiting", OURS.name, size, 1, {"cpu_ms": 5.0, "script claim": 0.16}))
    heading, *rows = growth_of(made, "waiting")
    assert heading[-1] == "claim ms"
    assert [row[0] for row in rows] == ["1,000", "1,000,000"]


def test_lost_is_who_was_never_written_and_doubled_who_was_written_again() -> None:
    """One was written once, one twice and one never."""
    lines = [Line(1, 1, 1, 5, 5), Line(2, 2, 2, 5, 6), Line(3, 0, 0, 0, 0)]
    assert (counted(lines)["lost"], counted(lines)["doubled"]) == (1, 1)


def test_every_contestant_has_a_name_of_its_own() -> None:
    """`--only` chooses them by their names."""
    assert len({each.name for each in ALL}) == len(ALL)


def test_figures_that_were_written_down_are_those_that_are_added_to(tmp_path: Path) -> None:
    """A run of hours can be ended, and gone on with another day."""
    results = Results({"plan": "a run"}, failures=["kills, 20: no answer"])
    results.add(Row("updates", "ours", 0, 1, {"per_second": 900.0}))
    results.save(tmp_path / "saved.json")
    assert Results.load(tmp_path / "saved.json") == results
