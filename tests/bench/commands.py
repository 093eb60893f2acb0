"""What the commands of this worker cost: the CPU time of a whole process."""

from __future__ import annotations

import os
import subprocess
import time
from typing import TYPE_CHECKING, Final

from tests.bench.contestants import BIN, OURS
from tests.bench.stage import UPDATES, stage

if TYPE_CHECKING:
    from tests.bench.fake_apis import FakeApis
    from tests.bench.stage import Stage
    from tests.bench.throughput import Figures

TRIGGER: Final = """{"id": "6f0c", "attempt": 0, "notifications": [
    {"id": "1000001", "destination": "4021", "scope": "customer/updated", "tracking_guid": "0a8e5f3c"}]}"""
COMMANDS: Final = {
    "stamped-sync --help": ("--help",),
    "stamped-sync status": ("status",),
    "stamped-sync sync": ("sync", "1000001"),
    "stamped-sync trigger": ("trigger", "trigger.json"),
}


def commands(apis: FakeApis, name: str) -> Figures:
    """Run one command in an environment with one store."""
    with stage(apis, OURS, UPDATES) as made:
        (made.folder / "trigger.json").write_text(TRIGGER, "utf-8")
        run(made, *COMMANDS[name])  # the first one compiles and caches
        return run(made, *COMMANDS[name])


def run(made: Stage, *arguments: str) -> Figures:
    """Run `stamped-sync` with these arguments; its time and its CPU time."""
    began = time.monotonic()
    child = subprocess.Popen(
        [str(BIN / "stamped-sync"), *arguments],
        env=made.env, cwd=made.folder, stdout=subprocess.DEVNULL, stderr=made.log.open("ab"),
    )  # fmt: skip
    _, status, used = os.wait4(child.pid, 0)
    seconds = time.monotonic() - began
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise made.failed(f"{' '.join(arguments)} ended with {child.returncode}")
    return {"seconds": seconds, "cpu_seconds": used.ru_utime + used.ru_stime}
