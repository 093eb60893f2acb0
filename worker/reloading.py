"""Takes a changed configuration into a process that goes on: a worker, beat, Flower.

Every few seconds it compares the files, by their content, with what it has read. A configuration without faults is
swapped in whole, and a job that runs ends by the one it began with. One with faults is not taken: the process goes on
by the one before, and says what is wrong. It also notes in Redis what it runs by, so that one that differs is seen.
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Final, Protocol

from worker.config.faults import ConfigurationError
from worker.config.text_file import Files
from worker.connections import load_connections
from worker.handover import WORKER, open_ledger
from worker.ledger import LedgerUnavailable
from worker.ledger.processes import Process
from worker.presentation.configuration import differences

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.config.faults import Fault
    from worker.config.settings import Settings
    from worker.connections import Connections
    from worker.ledger import Hold, Ledger
    from worker.runtime import Runtime

log = logging.getLogger(__name__)

SETTLE_SECONDS: Final = 0.1
"""A file that has changed may not be written to its end yet."""
OF_LIMITS: Final = frozenset({"stamped-calls-limited", "ipaas-calls-limited"})
"""Holds that no other key or address ends."""


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
        self._ledger: Ledger | None = None
        self._looks_at = 0.0
        self.faults: tuple[Fault, ...] = ()
        """What is wrong in the files as they stand now."""
        self.processes: Sequence[Process] = ()
        """All processes that ran when this one last noted what it runs by."""

    def watch(self, role: str, stopping: threading.Event) -> None:
        """Look, and note what this process runs by, every few seconds until it stops."""
        while True:
            try:
                self.look()
                self.note(role)
            except LedgerUnavailable:
                pass  # it has said so, and goes on by itself
            except Exception as error:  # noqa: BLE001 - without this thread, no change would be seen any more
                log.error("the reloader met %s and goes on", type(error).__name__)  # noqa: TRY400 - its text can hold anything
            if stopping.wait(self._application.settings.reload_seconds):
                return

    def begin(self, role: str) -> None:
        """Watch in a thread of its own for as long as the process lives."""
        threading.Thread(target=self.watch, args=[role, threading.Event()], name="reloader", daemon=True).start()

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

    def note(self, role: str) -> None:
        """Note in Redis what this process runs by. Raises LedgerUnavailable."""
        try:
            fingerprint = self._application.runtime.connections.fingerprint
        except ConfigurationError:  # it never had any; `look` has found the faults
            fingerprint = ""
        faults, seconds = tuple(map(str, self.faults)), self._application.settings.reload_seconds
        self.processes = self.ledger.processes.note(Process(WORKER, role, release(), fingerprint, faults, seconds))

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
        if not (self._files or runtime.files).have_changed():
            return False
        time.sleep(SETTLE_SECONDS)
        self._files = files = Files()
        try:
            connections = load_connections(runtime.settings.connections, files=files)
        finally:
            is_being_written = files.have_changed()
        if is_being_written:
            return False
        self._mend()
        if connections.fingerprint == runtime.connections.fingerprint:
            return False
        self._application.take(runtime.reconfigured(connections, files))
        log.info("configuration %s: %s", connections.fingerprint, differences(runtime.connections, connections))
        self._end_holds(runtime.connections, connections)
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

    def _end_holds(self, old: Connections, new: Connections) -> None:
        """End the hold of each store that is called in another way now: what held it may be mended."""
        called_otherwise = [each.system_id for each in new if _is_called_otherwise(each.system_id, old, new)]
        with suppress(LedgerUnavailable):
            ledger = self._application.runtime.ledger
            for hold in ledger.holds() if called_otherwise else ():
                if hold.system_id in called_otherwise and _may_be_over(hold):
                    ledger.release(hold.system_id)
                    log.warning("connection %d: no longer held, as its address or keys have changed", hold.system_id)


def _is_called_otherwise(system_id: int, old: Connections, new: Connections) -> bool:
    before, now = old.get(system_id), new.get(system_id)
    return bool(before and now and (before.ipaas, before.stamped) != (now.ipaas, now.stamped))


def _may_be_over(hold: Hold) -> bool:
    return hold.code not in OF_LIMITS


def release() -> str:
    """The release of this software."""
    try:
        return version("stamped-customer-sync")
    except PackageNotFoundError:
        return "unknown"
