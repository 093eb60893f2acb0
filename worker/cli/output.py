"""Standard output as the commands write to it."""

from __future__ import annotations

import io
import sys
from typing import Any


class OutputLost(Exception):
    """Standard output can't be written: the disk is full, or the reader has gone, as `head` does.

    It is no OSError: click and rich have ways of their own with those.
    """

    def __init__(self, cause: OSError) -> None:
        self.is_reader_gone = isinstance(cause, BrokenPipeError)
        super().__init__(f"standard output: {(cause.strerror or type(cause).__name__).lower()}")


class _Output(io.FileIO):
    """Raises OutputLost once, and then takes everything: nothing more is said when the interpreter ends."""

    _is_lost = False

    def write(self, data: Any, /) -> int:
        if self._is_lost:
            return memoryview(data).nbytes
        try:
            return super().write(data)
        except OSError as error:
            self._is_lost = True
            raise OutputLost(error) from None


def watch_output() -> None:
    """Let what is written to standard output raise OutputLost where it can't be. A closed one stays closed."""
    plain = sys.stdout
    if isinstance(plain, io.TextIOWrapper):
        sys.stdout = io.TextIOWrapper(
            io.BufferedWriter(_Output(plain.fileno(), "w", closefd=False)),
            encoding=plain.encoding,
            errors="replace",  # a sign that this terminal has not is no reason to stop
            line_buffering=plain.line_buffering,
        )
