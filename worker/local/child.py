"""A child process that ends with its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import deque
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

CODE_ROOT = str(Path(__file__).parents[2])
"""The folder that holds the packages `worker` and `tasks`, installed or not."""
GRACE_SECONDS = 10


@dataclass
class Child:
    """One child process: how it is started, and the process itself once it runs.

    It has a session of its own, so that Ctrl-C reaches only the parent, which then ends its children in order.
    """

    name: str
    command: list[str]
    """The program's absolute path and its arguments."""
    environment: Mapping[str, str] = field(repr=False)
    """It may hold secrets."""
    folder: Path
    """The current folder of the process."""
    log: Path | None = None
    """The file for its output; None is standard error."""
    grace_seconds: float = GRACE_SECONDS
    """How long it may take to end after it was asked to."""
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> None:
        """Start the process. The thread that calls this must live as long as the child: see `worker.local.tied`."""
        tied = [sys.executable, "-m", "worker.local.tied", str(os.getpid()), *self.command]
        with ExitStack() as files:
            output = files.enter_context(self.log.open("ab")) if self.log else sys.stderr.fileno()
            self._process = subprocess.Popen(  # noqa: S603 - the command comes from our own code
                tied,
                env=_with_our_code(self.environment),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def wait_until_ready(self) -> None:
        """Return once the process can be used. Nothing waits for most processes."""

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
        """Ask the process to end, and kill it if it takes too long or the wait is interrupted."""
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


@contextmanager
def running(children: Sequence[Child]) -> Iterator[None]:
    """Start children, the last one first, and end them when the block is left, the first one first.

    Whatever interrupts that, none is left running.
    """
    with ExitStack() as ends:
        for child in reversed(children):
            ends.callback(child.end)
            child.start()
            child.wait_until_ready()
        yield


def ending(exit_code: int | None) -> str:
    """How a process ended, in words."""
    return f"signal {-exit_code}" if exit_code is not None and exit_code < 0 else f"code {exit_code}"


def _with_our_code(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of a process that imports the same code as this one, whatever its current folder is."""
    path = os.pathsep.join(filter(None, [CODE_ROOT, environment.get("PYTHONPATH")]))
    return {**environment, "PYTHONPATH": path}
