"""Who may hand over triggers: the tokens of the settings, and those of a file, which is read again when it changes."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Final

from worker.config.faults import ConfigurationError, Fault
from worker.config.listen_tokens import name_of, problems_of, tokens_in
from worker.config.settings import variable
from worker.config.text_file import KILOBYTE, Files, Unreadable, read_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from worker.config.settings import Settings

log = logging.getLogger(__name__)

LONGEST_BYTES: Final = 64 * KILOBYTE
NONE: Final = "no token is set, so nobody could hand over a trigger"
EXAMPLE: Final = "listener:a-long-random-token"


class Senders:
    """Those who have a token. Threads may share it."""

    def __init__(self, settings: Settings) -> None:
        """Read the tokens. Raises ConfigurationError, also if there is none."""
        given = settings.listen_tokens
        self._own = tokens_in(given.get_secret_value()) if given else []
        self._path, self._seconds = settings.listen_tokens_file, settings.reload_seconds
        self._lock = threading.Lock()
        self._files, self._looks_at = Files(), 0.0
        self._tokens: Sequence[str] = self._own
        if self._path:
            self._tokens = [*self._own, *self._read(self._path)]
        elif not given:
            name = variable("listen_tokens")
            raise ConfigurationError([Fault("environment", name, NONE, f"{name}={EXAMPLE}")])

    def name_of(self, authorization: str) -> str | None:
        """Whose token an `Authorization` header holds; None if it holds none that is known."""
        self._look()
        return name_of(authorization, self._tokens)

    def _look(self) -> None:
        """Take a changed file, every few seconds. One with faults is not taken, and the tokens from before go on."""
        if not self._path or time.monotonic() < self._looks_at or not self._lock.acquire(blocking=False):
            return
        try:
            self._looks_at = time.monotonic() + self._seconds
            if self._files.have_changed():
                self._tokens = [*self._own, *self._read(self._path)]
                log.info("the tokens of %s were read again", self._path)
        except ConfigurationError as error:
            log.error("the tokens have a fault and are not taken: %s", error)  # noqa: TRY400 - its text is all of it
        finally:
            self._lock.release()

    def _read(self, path: Path) -> Sequence[str]:
        self._files = files = Files()
        tokens: Sequence[str] = ()
        try:
            tokens = tokens_in(read_text(path, LONGEST_BYTES, files))
            problems = list(problems_of([*self._own, *tokens] if tokens else []))
        except FileNotFoundError:
            problems = ["there is no such file"]
        except Unreadable as error:
            problems = [str(error)]
        if problems:
            raise ConfigurationError(Fault(str(path), "", each, EXAMPLE) for each in problems)
        return tokens
