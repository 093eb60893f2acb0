"""Commands of ours in a process of their own, forked from one that has everything imported.

To start Python and to import the product takes half a second; to fork takes some milliseconds. What a command finds is
the same: its own arguments, environment, folder, standard streams and module state, and an exit code at its end. Tests
of the start itself (locales, signals, a broken pipe) start the console script: see `tests.parts.console_command`.
"""

from __future__ import annotations

import os
import pkgutil
import subprocess
import sys
import tempfile
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import celery.__main__

import worker.cli

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

FORKING = get_context("forkserver")
FORKING.set_forkserver_preload(
    [
        "tests.forked",
        "tasks",
        "worker.app",
        "worker.monitor.install",
        "kombu.transport.redis",
        *(f"worker.cli.{each.name}" for each in pkgutil.iter_modules(worker.cli.__path__) if each.name != "__main__"),
    ]
)
COMMANDS: dict[str, Callable[[], object]] = {"stamped-sync": worker.cli.main, "celery": celery.__main__.main}
STREAMS = {"stdin": "r", "stdout": "w", "stderr": "w"}
"""In the order of their file descriptors, with the mode of each."""


def run(
    env: dict[str, str], folder: Path, command: Sequence[str], given: bytes = b""
) -> subprocess.CompletedProcess[str]:
    """What a command prints that gets `given` on its standard input, and how it ends."""
    with tempfile.TemporaryDirectory(prefix="stamped-sync-tests-") as streams:
        paths = [Path(streams, name) for name in STREAMS]
        paths[0].write_bytes(given)
        child = FORKING.Process(target=_become, args=(env, folder, list(command), paths))
        child.start()
        try:
            child.join()
        finally:
            child.kill()  # a test that took too long leaves nothing behind
        printed = [path.read_bytes().decode() for path in paths[1:]]
    assert child.exitcode is not None
    return subprocess.CompletedProcess(command, child.exitcode, *printed)


def _become(env: dict[str, str], folder: Path, command: list[str], paths: list[Path]) -> None:
    """Be that command, in the forked process."""
    for descriptor, ((name, mode), path) in enumerate(zip(STREAMS.items(), paths, strict=True)):
        with path.open(f"{mode}b") as file:
            os.dup2(file.fileno(), descriptor)
        setattr(sys, name, os.fdopen(descriptor, mode, encoding="utf-8", closefd=False))
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    sys.argv = [str(word) for word in command]  # a StrEnum is a text to a real process
    COMMANDS[command[0]]()
