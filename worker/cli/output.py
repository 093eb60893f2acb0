"""Standard output and standard error as the commands write to them."""

from __future__ import annotations

import codecs
import io
import sys
from typing import Any, TextIO

from worker.presentation.signs import Signs


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


class _Aside(io.FileIO):
    """Takes what can't be written too: that nobody hears what is said aside is no reason to stop."""

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError:
            return memoryview(data).nbytes


class _Text(io.TextIOWrapper):
    """Text in the signs that the encoding of a stream has; everything that is printed comes through here."""

    def __init__(self, file: io.FileIO, stream: io.TextIOWrapper) -> None:
        self.signs = Signs.of(stream)
        super().__init__(
            io.BufferedWriter(file),
            # Click takes ASCII for a mistake and writes UTF-8 past it. What comes here is ASCII by then, in either.
            encoding="latin-1" if _is_ascii(stream.encoding) else stream.encoding,
            errors="backslashreplace",
            line_buffering=stream.line_buffering,
        )

    def write(self, text: str, /) -> int:
        return super().write(self.signs.readable(text))


def watch_output() -> None:
    """Write in the signs that each output has; standard output raises OutputLost if it can't be written.

    One that is closed stays closed.
    """
    sys.stdout = _watched(sys.stdout, _Output)
    sys.stderr = _watched(sys.stderr, _Aside)


def _watched(stream: TextIO, kind: type[io.FileIO]) -> TextIO:
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    return _Text(kind(stream.fileno(), "w", closefd=False), stream)


def _is_ascii(encoding: str) -> bool:
    return codecs.lookup(encoding).name == "ascii"
