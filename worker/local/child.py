"""A child process that ends with its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import deque
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

CODE_ROOT = str(Path(__file__).parents[2])
"""The folder that holds the packages `worker` and `tasks`, installed or not."""


@dataclass
class Child:
    """One child process: how it is started, and the process once it is.

    It has a session of its own, so that Ctrl-C reaches the parent alone, which then ends its children in order.
    """

    name: str
    command: list[str]
    """The program's absolute path and its arguments."""
    environment: Mapping[str, str] = field(repr=False)
    """It may hold secrets."""
    folder: Path
    """The current folder of the process."""
    log: Path | None = None
    """The file that gets its output; standard error without one."""
    grace_seconds: float = 10
    """How long it may take to end when it is asked to."""
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> None:
        """Start the process. The thread that does it must last as long as the child: the kernel watches that one."""
        tied = [sys.executable, "-m", "worker.local.tied", str(os.getpid()), *self.command]
        with ExitStack() as files:
            output = files.enter_context(self.log.open("ab")) if self.log else sys.stderr.fileno()
            self._process = subprocess.Popen(  # noqa: S603 - the command comes from our own code
                tied,
                env=with_our_code(self.environment),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def exit_code(self) -> int | None:
        """How the process ended; None while it runs, and before it was started."""
        return self._process.poll() if self._process else None

    @property
    def is_running(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    def ask_to_end(self) -> None:
        """Send SIGTERM: a worker then finishes its running jobs and takes no more."""
        if self._process and self.is_running:
            self._process.send_signal(signal.SIGTERM)

    def end(self) -> None:
        """Ask the process to end, and kill it if it does not, or where the wait is interrupted."""
        if self._process is None:
            return
        self.ask_to_end()
        try:
            self._process.wait(self.grace_seconds)
        except subprocess.TimeoutExpired:
            pass
        finally:
            self._process.kill()
            self._process.wait()

    def last_lines(self, count: int = 20) -> str:
        """The end of its log file."""
        if self.log is None or not self.log.is_file():
            return ""
        with self.log.open(encoding="utf-8", errors="replace") as lines:
            return "".join(deque(lines, maxlen=count))


def end_in_order(children: Iterable[Child]) -> None:
    """End children one after the other; whatever interrupts that, none is left running."""
    with ExitStack() as others:
        for child in reversed(list(children)):
            others.callback(child.end)


def ending(exit_code: int | None) -> str:
    """How a process ended, in words."""
    return f"signal {-exit_code}" if exit_code is not None and exit_code < 0 else f"code {exit_code}"


def with_our_code(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of a process that imports what this process imports, wherever it runs."""
    path = os.pathsep.join(filter(None, [CODE_ROOT, environment.get("PYTHONPATH")]))
    return {**environment, "PYTHONPATH": path}
