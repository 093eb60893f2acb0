"""The ledger's scripts as they are sent to Redis."""

from __future__ import annotations

from importlib.resources import files

import pytest

from worker.ledger.scripting import source

SCRIPTS = files("worker.ledger") / "scripts"
OPERATIONS = sorted(
    file.name.removesuffix(".lua")
    for file in SCRIPTS.iterdir()
    if file.name.endswith(".lua") and not file.name.startswith("_")
)


def test_pieces_stand_in_front_of_the_script_in_their_order() -> None:
    """The clock comes before the job's functions, which use it, and both before the operation."""
    text = source("claim")
    places = [text.index(part) for part in ("function now_ms", "function move", "Take a job for one worker")]
    assert places == sorted(places)


def test_piece_can_be_replaced() -> None:
    """A test puts its own clock in the place of Redis'."""
    text = source("claim", {"_clock": "local function now_ms() return 7 end"})
    assert "return 7 end" in text
    assert "'TIME'" not in text


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_script_has_a_header(name: str) -> None:
    """What it does, what it includes if anything, its keys, its arguments and its answer."""
    lines = (SCRIPTS / f"{name}.lua").read_text(encoding="utf-8").splitlines()
    header = lines[: next(number for number, line in enumerate(lines) if not line.startswith("--"))]
    starts = [line.removeprefix("-- ").split(" ")[0] for line in header]
    assert header[0].endswith(".")
    parts = [start for start in starts if start in {"include:", "KEYS", "ARGV", "Answer"}]
    assert parts in (["include:", "KEYS", "ARGV", "Answer"], ["KEYS", "ARGV", "Answer"])


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_script_tells_the_time_by_redis_alone(name: str) -> None:
    """No operation looks at another clock than the one it includes, if it needs any."""
    text = source(name)
    assert text.count("'TIME'") == text.count("local function now_ms()") <= 1
    assert "os." not in text
