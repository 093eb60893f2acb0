"""What is said of a configuration that has changed, and of processes that differ."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests import parts
from worker.connections import Connections, load_connections
from worker.ledger.processes import Process
from worker.presentation.configuration import agreement, differences, drift, others

if TYPE_CHECKING:
    from pathlib import Path

WORKER = Process("a/1", "worker", "1.0", "3f9a12")
BEAT = Process("a/2", "beat", "1.0", "3f9a12")
FAULT = "connections.toml: connection 1, nam: 'nam' is not a known key"


def read(folder: Path, *connections: str) -> Connections:
    """The connections of a file."""
    path = folder / "connections.toml"
    path.write_text("\n".join(connections), encoding="utf-8")
    return load_connections(path, {})


def test_differences_are_named(tmp_path: Path) -> None:
    """By connection and by the keys of the file, without any value."""
    url = "http://127.0.0.1:9"
    old = read(tmp_path, parts.connection(url), parts.connection(url, system_id=2), parts.connection(url, system_id=3))
    new = read(
        tmp_path,
        parts.connection(url, token="another", more="throttle = { limit = 5 }"),
        parts.connection(url, system_id=2),
        parts.connection(url, system_id=4),
    )
    assert differences(old, new) == (
        "connection 4 Sandbox 4 is new, connection 3 Sandbox 3 is gone, and its jobs wait, "
        "connection 4021 Sandbox 4021 has another key, address or throttle of iPaaS.com and another throttle"
    )
    assert old.fingerprint != new.fingerprint


def test_many_differences_are_counted(tmp_path: Path) -> None:
    """A sentence names ten connections at most."""
    url = "http://127.0.0.1:9"
    one = read(tmp_path, parts.connection(url))
    many = read(tmp_path, parts.connection(url), *(parts.connection(url, system_id=each) for each in range(1, 31)))
    assert differences(one, many).endswith("connection 10 Sandbox 10 is new, and 20 more")


def test_comment_alone_is_no_difference(tmp_path: Path) -> None:
    """Though the file is another one."""
    url = "http://127.0.0.1:9"
    assert differences(read(tmp_path, parts.connection(url)), read(tmp_path, "# mine", parts.connection(url))) == (
        "the same connections"
    )


@pytest.mark.parametrize(
    ("processes", "fingerprint", "said"),
    [
        ([], "3f9a12", []),
        ([WORKER, BEAT], "3f9a12", []),
        ([WORKER, BEAT], "", []),
        (
            [WORKER, Process("b/9", "worker", "1.0", "77aa01")],
            "",
            ["Configurations differ: worker a/1 runs by 3f9a12, worker b/9 runs by 77aa01."],
        ),
        (
            [WORKER, BEAT],
            "77aa01",
            ["Configurations differ: the connections file is 77aa01, worker a/1, beat a/2 run by 3f9a12."],
        ),
        (
            [Process("c/1", "flower", "1.0", "", (FAULT,)), WORKER],
            "3f9a12",
            ["The files have faults, so flower c/1 goes by none:", FAULT],
        ),
        (
            [Process("c/1", "flower", "1.0", ""), WORKER],
            "3f9a12",
            ["Configurations differ: the connections file is 3f9a12, flower c/1 runs by no configuration yet."],
        ),
        (
            [WORKER, Process("a/3", "worker", "2.0", "3f9a12")],
            "3f9a12",
            ["Releases differ: worker a/1 is 1.0, worker a/3 is 2.0."],
        ),
    ],
)
def test_drift_names_who_runs_by_what(processes: list[Process], fingerprint: str, said: list[str]) -> None:
    """Nothing is said where all agree."""
    assert [each.removesuffix(" Give all machines the same files.") for each in drift(processes, fingerprint)] == said


def test_another_release_is_no_other_configuration() -> None:
    """An initialize goes on during an upgrade."""
    assert others([WORKER, Process("a/3", "worker", "2.0", "3f9a12")], "3f9a12") == []


def test_agreement_is_one_fact() -> None:
    """Also where nobody runs."""
    assert agreement([WORKER, BEAT], "3f9a12") == "3f9a12, by which 2 processes run"
    assert agreement([], "3f9a12") == "3f9a12; no worker, beat or Flower runs by it"


def test_change_that_was_made_a_moment_ago_is_told_as_such() -> None:
    """All processes run by one configuration, and only the files are another."""
    fleet = [replace(each, interval_seconds=5) for each in (WORKER, BEAT)]
    (said,) = drift(fleet, "77aa01")
    assert said.endswith(" 3f9a12. A change is taken within 5 s; if this lasts, give all machines the same files.")
    (said,) = drift([*fleet, replace(WORKER, name="b/9", fingerprint="77aa01")], "77aa01")
    assert said.endswith(" run by 3f9a12. Give all machines the same files.")
