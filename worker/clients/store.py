"""The Stamped.io store of one connection: what the connections file leaves out is read from the subscription.

It is read when it is first needed, by whoever needs it: a job, whose attempt then shows the call, or a preview.
What was read is good for ten minutes. If it can't be read again, the old values go on. They are kept in memory alone.
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from worker.jobs.errors import LedgerUnavailable, SyncError, error_fields
from worker.ledger import Throttled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from worker.connections import Connection
    from worker.http.client import ApiClient
    from worker.ipaas.client import IPaaS
    from worker.stamped.endpoint import StampedEndpoint

log = logging.getLogger(__name__)

GOOD_SECONDS: Final = 10 * 60.0
"""How long what was read is good."""
AGAIN_SECONDS: Final = 60.0
"""How long the old values go on before somebody tries again to read new ones."""
JUST_READ_SECONDS: Final = 2.0
"""What was read so short a time ago is not read again for refused keys: many jobs can meet them at once."""


@dataclass(frozen=True, slots=True)
class Joined:
    """A connection that lacks nothing, and its store's API."""

    connection: Connection
    api: ApiClient


class Store:
    """The store of one connection."""

    def __init__(
        self,
        connection: Connection,
        connect: Callable[[StampedEndpoint], ApiClient],
        *,
        joined: Callable[[Connection], None] = lambda _: None,
        renewed: Callable[[], None] = lambda: None,
        call_seconds: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`joined` is called with what was read each time, and `renewed` if it has other keys than before.

        `call_seconds` is how long one call takes at most.
        """
        self._given, self._unsaid = connection, connection.unsaid
        self.is_of_file = not self._unsaid
        """Whether the connections file says it all."""
        self.api = connect(connection.endpoint) if self.is_of_file else None
        """The store's API, if so."""
        self._connect = connect
        self._tell_joined, self._tell_renewed = joined, renewed
        self._call_seconds = call_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._joined = Joined(connection, self.api) if self.api else None
        self._read_at = self._good_until = 0.0
        self._is_old = False

    @property
    def is_due(self) -> bool:
        """Whether the subscription is to be read: for the first time, or again."""
        return not self.is_of_file and self._clock() >= self._good_until

    def get(self, source: Callable[[], IPaaS]) -> Joined:
        """The store as it is to be called now. `source` reads the subscription, if that is needed.

        Raises what reading raises, as long as nothing was read yet.
        """
        if self._joined and (self.is_of_file or not self.is_due):
            return self._joined
        if self._joined:
            return self._read_again(source(), self._joined)
        with self._one_at_a_time():
            # Not the error that another thread has met: each job makes a call of its own, or it would fail for none.
            return self._joined or self._read(source())

    def reread(self, source: Callable[[], IPaaS], refused: ApiClient | None = None) -> bool:
        """Read the subscription again at once, as the store has refused a key: whether there is another one now.

        Without the client that was `refused`, whichever there is now.
        """
        if self.is_of_file:
            return False
        with self._one_at_a_time():
            is_same = self._joined is None or refused in (None, self._joined.api)
            if is_same and self._clock() >= self._read_at + JUST_READ_SECONDS:
                self._try(source())
            return self._joined is not None and self._joined.api is not refused

    def _read_again(self, source: IPaaS, old: Joined) -> Joined:
        """Renew what was read, in one thread; the others go on with the old values meanwhile."""
        if self._lock.acquire(blocking=False):
            try:
                self._try(source)
            finally:
                self._lock.release()
        return self._joined or old

    def _try(self, source: IPaaS) -> None:
        """Read, or go on with the old values. Raises LedgerUnavailable and ClaimLost: then nothing goes on."""
        self._good_until = self._clock() + AGAIN_SECONDS
        try:
            self._read(source)
        except LedgerUnavailable:
            raise
        except Throttled:
            pass  # there is no room for this call now
        except SyncError as error:
            if not self._is_old:
                text = "connection %d: its subscription can't be read again, so what it said before goes on: %s"
                log.warning(text, self._given.system_id, error, extra=error_fields(error))
            self._is_old = True

    def _read(self, source: IPaaS) -> Joined:
        connection = self._given.joined(source.subscription(self._unsaid))
        old, endpoint = self._joined, connection.endpoint
        is_same = old is not None and old.connection.endpoint == endpoint
        # The same keys keep their client: whoever was refused with it knows that there are no others.
        api = old.api if old and is_same else self._connect(endpoint)
        self._joined = Joined(connection, api)
        self._read_at = self._clock()
        self._good_until = self._read_at + GOOD_SECONDS
        if self._is_old:
            log.warning("connection %d: its subscription can be read again", self._given.system_id)
            self._is_old = False
        with suppress(LedgerUnavailable):  # a person's preview needs no Redis; a job meets it in its next step
            self._tell_joined(connection)
            if old and not is_same:
                log.warning("connection %d: its subscription has other values for Stamped.io", self._given.system_id)
                self._tell_renewed()
        return self._joined

    @contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        """Wait for another thread's reading, but no longer than one call takes: a job's lease ends some time."""
        is_ours = self._lock.acquire(timeout=self._call_seconds)
        try:
            yield
        finally:
            if is_ours:
                self._lock.release()
