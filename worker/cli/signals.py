"""Ctrl-C, SIGTERM and SIGHUP, from the first import to the end of a command: one word and an exit code, no traceback.

While modules are imported, a signal ends the process at once: nothing is open yet, and an exception in the middle of an
import can turn into another one, or be lost. While a command runs, the first signal raises Interrupted, so that what
was opened is closed and what is known is printed; the next one ends the process at once. A hang-up that follows is
ignored: a terminal that is closed sends one, and its shell sends another.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NoReturn

from worker.local.stopping import FIRST_OF_SIGNAL, SIGNALS, WORDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import FrameType

SOON_SECONDS: Final = 0.01
SHOW_CURSOR: Final = "\x1b[?25h"
"""A progress bar hides it."""


class Interrupted(KeyboardInterrupt):
    """A signal asks the command to end: code that handles Ctrl-C handles it too."""

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(signal.Signals(number).name)


class Signals:
    """How this process handles its signals.

    A signal that it was started to ignore (nohup, a job in a script's background) stays ignored.
    """

    def __init__(self, numbers: Iterable[signal.Signals] = SIGNALS) -> None:
        self.number: int = 0
        """The signal that has interrupted the command; 0 if none has."""
        self._handled = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]

    def leave_at_once(self) -> None:
        """Let a signal end the process, from now on."""
        self._answer(self._leave)

    def interrupt(self) -> None:
        """Let a signal raise Interrupted, from now on."""
        sys.unraisablehook = self._not_raised
        self._answer(self._raise)

    def ignore(self) -> None:
        """Ignore all signals, once the command has ended."""
        self._answer(signal.SIG_IGN)

    @property
    def word(self) -> str:
        """What is printed about the signal that has interrupted the command."""
        return f"{WORDS[signal.Signals(self.number or signal.SIGINT)]}."

    @property
    def exit_code(self) -> int:
        """The exit code that it means."""
        return FIRST_OF_SIGNAL + (self.number or signal.SIGINT)

    def _answer(self, how: Callable[[int, FrameType | None], object] | signal.Handlers) -> None:
        for number in self._handled:
            signal.signal(number, how)

    def _raise(self, number: int, _: FrameType | None) -> NoReturn:
        self.number = number
        self._answer(self._leave)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        raise Interrupted(number)

    def _leave(self, number: int, _: FrameType | None) -> NoReturn:
        """End at once, by system calls alone, because Python's locks may be held. What Python has buffered is lost."""
        self.number = number
        cursor = SHOW_CURSOR if sys.unraisablehook == self._not_raised and os.isatty(2) else ""
        with suppress(OSError):
            os.write(2, f"{cursor}\n{self.word}\n".encode())
        os._exit(self.exit_code)

    def _not_raised(self, unraisable: sys.UnraisableHookArgs) -> None:
        """Send a signal once more, a moment later, if it arrived in a destructor, where it can interrupt nothing."""
        if not isinstance(error := unraisable.exc_value, KeyboardInterrupt):
            sys.__unraisablehook__(unraisable)
            return
        number = error.number if isinstance(error, Interrupted) else signal.SIGINT
        while True:
            self._answer(self._raise)
            try:
                threading.Timer(SOON_SECONDS, os.kill, (os.getpid(), number)).start()
            except KeyboardInterrupt:  # it was sent before this has ended, where it can interrupt nothing either
                continue
            return
