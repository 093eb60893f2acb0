"""Ends a program in order when it is asked to."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator


WORDS = {signal.SIGINT: "Interrupted", signal.SIGTERM: "Terminated", signal.SIGHUP: "Hung up"}
"""What is said of Ctrl-C, of what service managers send, and of the terminal that was closed."""
SIGNALS = tuple(WORDS)
FIRST_OF_SIGNAL = 128
"""The exit code of a signal is this and its number."""


class Stopped(BaseException):
    """The program was asked to end by one of these signals. No error, so no `except Exception` may catch it."""

    def __init__(self, number: int) -> None:
        self.exit_code = FIRST_OF_SIGNAL + number
        self.word = WORDS[signal.Signals(number)]
        super().__init__(signal.Signals(number).name)


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Raise Stopped in the block when such a signal arrives: what the block has opened is then closed.

    A second Ctrl-C raises KeyboardInterrupt, which hurries the closing; another of the others changes nothing. A signal
    that this process was started to ignore (nohup, a job in a script's background) stays ignored.
    """
    heeded = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, _stop) for number in heeded}
    try:
        yield
    finally:
        for number, disposition in before.items():
            signal.signal(number, disposition)


def _stop(number: int, _: object) -> NoReturn:
    for other in SIGNALS:
        signal.signal(other, signal.default_int_handler if other is signal.SIGINT else signal.SIG_IGN)
    raise Stopped(number)
