"""Ends a program in order when a signal asks it to."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator


WORDS = {signal.SIGINT: "Interrupted", signal.SIGTERM: "Terminated", signal.SIGHUP: "Hung up"}
"""The words for Ctrl-C, for the signal of service managers, and for a closed terminal."""
SIGNALS = tuple(WORDS)
FIRST_OF_SIGNAL = 128
"""The exit code after a signal is this plus the signal's number."""


class Stopped(BaseException):
    """One of these signals asked the program to end. It is not an error: no `except Exception` may catch it."""

    def __init__(self, number: int) -> None:
        self.exit_code = FIRST_OF_SIGNAL + number
        self.word = WORDS[signal.Signals(number)]
        super().__init__(signal.Signals(number).name)


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Raise Stopped in the block when such a signal arrives, so that whatever the block has opened is closed.

    A Ctrl-C after that raises KeyboardInterrupt, which hurries the closing; any other signal after that is ignored. A
    signal that this process was started to ignore (by nohup, or in the background of a script) stays ignored.
    """
    used = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, _stop) for number in used}
    try:
        yield
    finally:
        for number, disposition in before.items():
            signal.signal(number, disposition)


def _stop(number: int, _: object) -> NoReturn:
    for other in SIGNALS:
        signal.signal(other, signal.default_int_handler if other is signal.SIGINT else signal.SIG_IGN)
    raise Stopped(number)
