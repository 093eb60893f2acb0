"""What a run measures, by its command line."""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.bench.contestants import ALL, REFERENCE, Contestant

if TYPE_CHECKING:
    from collections.abc import Sequence

LATENCIES: Final = (0, 50, 200)
MEASURES: Final = (
    "updates", "creates", "subscriptions", "delays", "bursts", "kills", "bytes", "commands", "waiting", "stores",
)  # fmt: skip
QUICK_MEASURES: Final = ("updates", "delays", "bytes", "commands")
QUICK_NAMES: Final = (
    REFERENCE.name, "loop-requests-20", "ours", "ours-2", "celery-threads", "dramatiq", "dramatiq-2", "taskiq", "saq",
)  # fmt: skip
HELP: Final = """Without arguments everything is measured, which takes hours, and docs/benchmarks.md is written.
--quick measures the usual contestants once, in about two minutes. With any argument the figures are only printed,
unless --write is given too. With --only or --latency updates are measured, unless
--measure says otherwise."""


@dataclass(frozen=True)
class Plan:
    """What a run measures."""

    contestants: tuple[Contestant, ...]
    latencies: tuple[int, ...]
    measures: tuple[str, ...]
    rounds: int
    seconds: float
    is_quick: bool
    is_written: bool
    """Whether it replaces the page."""
    adds: bool = False
    """Whether its figures are added to those of the run before."""

    @property
    def words(self) -> str:
        """The plan in words."""
        kind = "A quick run" if self.is_quick else "A run"
        rounds = "one round" if self.rounds == 1 else f"{self.rounds} rounds"
        return f"{kind} of {rounds}, {self.seconds:g} seconds for each contestant"


def plan(arguments: Sequence[str]) -> Plan:
    """The plan that a command line asks for; ends the process if it is wrong."""
    given = parser().parse_args(arguments)
    names = given.only or (QUICK_NAMES if given.quick else [each.name for each in ALL])
    # The reference comes first in each round: everybody else's CPU time is compared with it.
    chosen = tuple(each for each in ALL if each.name in {*names, REFERENCE.name})
    narrow = ["updates"] if given.only or given.latency else None
    return Plan(
        contestants=chosen,
        latencies=tuple(given.latency or (LATENCIES[:2] if given.quick else LATENCIES)),
        measures=tuple(given.measure or narrow or (QUICK_MEASURES if given.quick else MEASURES)),
        rounds=given.rounds or (1 if given.quick else 5),
        seconds=given.seconds or (1.2 if given.quick else 3),
        is_quick=given.quick,
        is_written=given.write or not arguments,
        adds=given.add,
    )


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        prog="make bench ARGS='…'",
        usage="make bench ARGS='--only ours,dramatiq --latency 0,50'",
        description=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--quick", action="store_true", help="the usual contestants, one short round")
    made.add_argument("--write", action="store_true", help="write docs/benchmarks.md and its chart")
    names = _chosen_from([each.name for each in ALL])
    made.add_argument("--only", type=names, metavar="NAMES", help=f"of {', '.join(each.name for each in ALL)}")
    made.add_argument(
        "--latency", type=_latencies, metavar="MS", help="of the APIs, for example 0,50 (default 0,50,200)"
    )
    made.add_argument("--measure", type=_chosen_from(MEASURES), metavar="NAMES", help=f"of {', '.join(MEASURES)}")
    made.add_argument("--rounds", type=_above_zero, help="how often everything is measured, in turns (default 5)")
    made.add_argument("--seconds", type=_seconds, help="how long each contestant is measured (default 3)")
    made.add_argument("--add", action="store_true", help="add to the figures of the run before, in build/")
    return made


class _chosen_from:  # noqa: N801 - argparse shows the name
    """Names separated by commas, each one of these."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names

    def __call__(self, text: str) -> list[str]:
        chosen = text.split(",")
        if wrong := [each for each in chosen if each not in self._names]:
            raise argparse.ArgumentTypeError(f"{', '.join(wrong)} is none of {', '.join(self._names)}")
        return chosen


def _latencies(text: str) -> list[int]:
    latencies = [_whole(each) for each in text.split(",")]
    if min(latencies) < 0:
        raise argparse.ArgumentTypeError("milliseconds are 0 or more")
    return latencies


def _above_zero(text: str) -> int:
    if (number := _whole(text)) < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number") from None


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0")
    return seconds
