"""Takes a changed configuration into a process that goes on: a worker, beat, Flower.

Every few seconds it compares the files, by their content, with what it has read. A configuration without faults is
swapped in whole, and a job that runs ends by the one it began with. One with faults is not taken: the process goes on
by the one before, and says what is wrong. It also notes in Redis what it runs by, so that one that differs is seen.
"""

from __future__ import annotations

import atexit
import logging
import threading
import time
from contextlib import suppress
from itertools import product
from typing import TYPE_CHECKING, Final, Protocol

from worker.clients.holds import OF_LIMITS
from worker.config.faults import ConfigurationError
from worker.config.release import release
from worker.config.text_file import Files
from worker.connections import load_connections
from worker.handover import WORKER, open_ledger
from worker.jobs.calls import Api
from worker.ledger import LedgerUnavailable
from worker.ledger.processes import Process
from worker.presentation.configuration import differences
from worker.sync.triggers import error_of_unknown, judge

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from worker.config.faults import Fault
    from worker.config.settings import Settings
    from worker.connections import Connections
    from worker.ledger import Ledger
    from worker.runtime import Runtime
    from worker.sync.triggers import Verdict

log = logging.getLogger(__name__)

SETTLE_SECONDS: Final = 0.5
"""A file that still changes so long after it was read is being written."""
APIS: Final = tuple(each.key for each in Api)
END_SECONDS: Final = 2.0
"""How long a process that ends waits until it has signed off."""
LONGEST_SECONDS: Final = 10.0
"""How often at least a process notes what it runs by, however seldom it looks for changes."""


class Application(Protocol):
    """What holds the configuration that a process runs by."""

    @property
    def settings(self) -> Settings:
        """The settings, which do not change."""

    @property
    def runtime(self) -> Runtime:
        """What the process runs by now; read at first use. Raises ConfigurationError."""

    def take(self, runtime: Runtime) -> None:
        """Run by another one from now on."""


class Reloader:
    """Looks for changes of one process' configuration. Threads may share it."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._lock = threading.Lock()
        self._files: Files | None = None
        self._is_settled = True
        """Whether those were not being written when they were last read."""
        self._ledger: Ledger | None = None
        self._looks_at = 0.0
        self._holds_to_end: set[tuple[int, str]] = set()
        """By system id and API: those that may be over since the configuration was changed."""
        self.faults: tuple[Fault, ...] = ()
        """What is wrong in the files as they stand now."""
        self.processes: Sequence[Process] = ()
        """All processes that ran when this one last noted what it runs by."""

    def watch(self, role: str, stopping: threading.Event) -> None:
        """Look, and note what this process runs by, every few seconds until it stops."""
        with suppress(ConfigurationError):  # a hold may be of keys from before this process was started
            self._holds_to_end.update(product((each.system_id for each in self._application.runtime.connections), APIS))
        while True:
            try:
                self.look_if_due()
                self.end_holds()
                self.note(role)
            except LedgerUnavailable:
                pass  # it has said so, and goes on by itself
            except Exception as error:  # noqa: BLE001 - without this thread, no change would be seen any more
                log.error("the reloader met %s and goes on", type(error).__name__)  # noqa: TRY400 - its text can hold anything
            if stopping.wait(min(self._application.settings.reload_seconds, LONGEST_SECONDS)):
                break
        self._end(role)

    def begin(self, role: str) -> None:
        """Watch in a thread of its own for as long as the process lives, and sign off as it ends."""
        stopping = threading.Event()
        thread = threading.Thread(target=self.watch, args=[role, stopping], name="reloader", daemon=True)

        def end() -> None:
            stopping.set()
            thread.join(END_SECONDS)

        atexit.register(end)
        thread.start()

    def look_if_due(self) -> None:
        """The same as `look`, every few seconds: of a process in which nobody watches, such as a listener's own."""
        if time.monotonic() >= self._looks_at:
            self.look()

    def look(self) -> bool:
        """Take the configuration as it stands now, if it has changed and has no fault. Whether another is in force."""
        with self._lock:
            self._looks_at = time.monotonic() + self._application.settings.reload_seconds
            try:
                return self._look()
            except ConfigurationError as error:
                self._refuse(error.faults)
                return False

    def workers_differ(self) -> bool:
        """Whether a worker ran by another configuration than others when this process last asked."""
        return len({each.fingerprint for each in self.processes if each.role == "worker"}) > 1

    def note(self, role: str) -> None:
        """Note in Redis what this process runs by. Raises LedgerUnavailable."""
        try:
            fingerprint = self._application.runtime.connections.fingerprint
        except ConfigurationError:  # it never had any; `look` has found the faults
            fingerprint = ""
        faults = tuple(map(str, self.faults))
        seconds = min(self._application.settings.reload_seconds, LONGEST_SECONDS)
        process = Process(WORKER, role, release() or "unknown", fingerprint, faults, seconds)
        self.processes = self.ledger.processes.note(process)

    def _end(self, role: str) -> None:
        """Note that this process has ended, so that nobody waits for it."""
        with suppress(LedgerUnavailable):
            self.ledger.processes.end(Process(WORKER, role, "", ""))

    @property
    def ledger(self) -> Ledger:
        """The ledger; it knows no limits of any store as long as there has been no configuration without faults."""
        try:
            return self._application.runtime.ledger
        except ConfigurationError:
            self._ledger = self._ledger or open_ledger(self._application.settings)
            return self._ledger

    def _look(self) -> bool:
        runtime = self._application.runtime  # read now, if it could not be before
        if self._files is None:
            self._mend()
        if self._is_settled and not (self._files or runtime.files).have_changed():
            return False
        self._files, self._is_settled = (files := Files()), False
        try:
            connections = load_connections(runtime.settings.connections, files=files)
        except ConfigurationError:
            if _is_being_written(files):  # its faults may be over at the next look
                return False
            self._is_settled = True
            raise
        if _is_being_written(files):
            return False
        self._is_settled = True
        self._mend()
        if connections.fingerprint == runtime.connections.fingerprint:
            return False
        self._application.take(runtime.reconfigured(connections, files))
        log.info("configuration %s: %s", connections.fingerprint, differences(runtime.connections, connections))
        self._holds_to_end.update(_called_otherwise(runtime.connections, connections))
        return True

    def _refuse(self, faults: tuple[Fault, ...]) -> None:
        """Say once what is wrong."""
        if faults != self.faults:
            self.faults = faults
            for each in faults:
                log.error("the configuration has a fault and is not taken: %s", each)

    def _mend(self) -> None:
        if self.faults:
            log.warning("the configuration has no fault any more")
            self.faults = ()

    def judge(self, trigger: object) -> list[Verdict]:
        """What becomes of a trigger by the files as they stand: a connection may have been added a moment ago."""
        self.look_if_due()
        verdicts = judge(trigger, self._application.runtime.connections)
        if error_of_unknown(verdicts):
            self.look()
            verdicts = judge(trigger, self._application.runtime.connections)
        return verdicts

    def end_holds(self) -> None:
        """End the holds by an API that is called in another way now: what held the store may be mended.

        Not those that began by the present configuration, in a process that took it before this one.
        """
        with self._lock:
            to_end = frozenset(self._holds_to_end)
        if not to_end:
            return
        runtime, go_on = self._application.runtime, set()
        for hold in runtime.ledger.held():
            is_old = hold.fingerprint != runtime.connections.fingerprint and hold.code not in OF_LIMITS
            if not is_old or (place := (hold.system_id, hold.api)) not in to_end:
                continue
            if runtime.ledger.end(hold):
                why = "its address or keys have changed" if runtime.connections.get(hold.system_id) else "it is gone"
                log.warning("connection %d: no longer held, as %s", hold.system_id, why)
            else:
                go_on.add(place)
        with self._lock:
            self._holds_to_end -= to_end - go_on


def _is_being_written(files: Files) -> bool:
    time.sleep(SETTLE_SECONDS)
    return files.have_changed()


def _called_otherwise(old: Connections, new: Connections) -> Iterator[tuple[int, str]]:
    """The connections of which an API is called with other keys, by another address or not any more; and that API."""
    gone = [each.system_id for each in old if new.get(each.system_id) is None]
    yield from product(gone, APIS)
    for now in new:
        before = old.get(now.system_id)
        if before and (now.ipaas.is_called_otherwise(before.ipaas) or now.unsaid != before.unsaid):
            yield now.system_id, Api.IPAAS.key
        if before and now.stamped != before.stamped:
            yield now.system_id, Api.STAMPED.key
