"""Who may hand over triggers: the tokens of the settings, and those of a file, which is read again when it changes."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Final

from worker.config.faults import ConfigurationError, Fault
from worker.config.listen_tokens import Tokens, problems_of, tokens_in
from worker.config.settings import variable
from worker.config.text_file import KILOBYTE, Files, Unreadable, read_text

if TYPE_CHECKING:
    from pathlib import Path

    from worker.config.settings import Settings

log = logging.getLogger(__name__)

LONGEST_BYTES: Final = 64 * KILOBYTE
NONE: Final = "no token is set, so nobody could hand over a trigger"
EXAMPLE: Final = "listener:…"
SETTLE_SECONDS: Final = 0.5
"""A file that still changes so long after it was read is being written."""


class Senders:
    """Those who have a token."""

    def __init__(self, settings: Settings) -> None:
        """Read the tokens. Raises ConfigurationError, also if there is none."""
        given = settings.listen_tokens
        self._own = tokens_in(given.get_secret_value()) if given else []
        self._path, self._seconds = settings.listen_tokens_file, settings.reload_seconds
        self._files = Files()
        self.faults: tuple[Fault, ...] = ()
        """What is wrong in the file as it stands now; the tokens from before go on."""
        self._known = Tokens([*self._own, *(self._read(self._path) if self._path else [])])
        if not self._known:
            name = variable("listen_tokens")
            raise ConfigurationError([Fault("environment", name, NONE, f"{name}={EXAMPLE}")])

    def name_of(self, authorization: str) -> str | None:
        """Whose token an `Authorization` header holds; None if it holds none that is known."""
        return self._known.name_of(authorization)

    def watch(self) -> None:
        """Look for changes of the file, in a thread of its own for as long as the process lives."""
        if self._path:
            threading.Thread(target=self._watch, args=[self._path], name="tokens", daemon=True).start()

    def _watch(self, path: Path) -> None:
        is_settled = True
        while True:
            time.sleep(self._seconds)
            if not is_settled or self.faults or self._files.have_changed():
                is_settled = self._take(path)

    def _take(self, path: Path) -> bool:
        """Take the file as it is; False if it is being written, as half of it could be half a token.

        A file without a token lets nobody in.
        """
        found: list[str] = []
        faults: tuple[Fault, ...] = ()
        try:
            found = self._read(path)
        except ConfigurationError as error:
            faults = error.faults
        time.sleep(SETTLE_SECONDS)
        if self._files.have_changed():
            return False
        if not faults:
            self._known = Tokens([*self._own, *found])
            log.warning("the tokens of %s were read again: it has %d", path, len(found))
        elif faults != self.faults:
            for each in faults:
                log.error("the tokens have a fault and are not taken: %s", each)
        self.faults = faults
        return True

    def _read(self, path: Path) -> list[str]:
        self._files = files = Files()
        tokens: list[str] = []
        try:
            tokens = tokens_in(read_text(path, LONGEST_BYTES, files))
            problems = list(problems_of([*self._own, *tokens]))
        except FileNotFoundError:
            problems = ["there is no such file"]
        except Unreadable as error:
            problems = [str(error)]
        if problems:
            raise ConfigurationError(Fault(str(path), "", each, EXAMPLE) for each in problems)
        return tokens
