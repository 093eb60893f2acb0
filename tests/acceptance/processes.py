"""Looks at the processes that a command of ours has started."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests import parts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


@contextmanager
def started(arguments: list[str], env: dict[str, str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A command of ours that logs to `out` and `err` in the folder; killed at the end where it still runs."""
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        command = parts.console_command(*arguments)
        process = subprocess.Popen(command, env=env, cwd=folder, stdout=out, stderr=err)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def children_of(pid: int) -> dict[int, str]:
    """The commands of a process' children, by their process ids."""
    listed = subprocess.run(["ps", "-Aww", "-o", "pid=,ppid=,args="], capture_output=True, check=True, text=True).stdout  # noqa: S607 - ps is where the system has it
    rows = (line.split(maxsplit=2) for line in listed.splitlines())
    return {int(row[0]): row[2] for row in rows if int(row[1]) == pid and len(row) > len(["pid", "ppid"])}


def alive(pids: Iterable[int]) -> list[int]:
    """Those of the processes that still run."""
    return [pid for pid in pids if _is_alive(pid)]


def _is_alive(pid: int) -> bool:
    """A process that has ended but was not waited for yet counts as ended."""
    state = subprocess.run(["ps", "-o", "state=", "-p", str(pid)], capture_output=True, check=False, text=True).stdout  # noqa: S607 - as above
    return bool(state.strip()) and not state.startswith("Z")


def own_environment(**more: str) -> dict[str, str]:
    """The tester's environment without the settings of any installation, and with these."""
    foreign = ("STAMPED_SYNC_", "SENTRY_", "FLOWER_", "CELERY_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return {**kept, "PYTHONUTF8": "1", "NO_COLOR": "1", **more}
