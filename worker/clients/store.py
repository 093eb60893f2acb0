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

from worker.clients.holds import News
from worker.jobs.errors import ConnectionHeld, LedgerUnavailable, SyncError, ThrottleUsedUp, error_fields
from worker.ledger import Throttled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from worker.connections import Connection
    from worker.http.client import ApiClient, CalledApi
    from worker.ipaas.client import IPaaS
    from worker.stamped.endpoint import StampedEndpoint

log = logging.getLogger(__name__)

GOOD_SECONDS: Final = 10 * 60.0
"""How long what was read is good."""
AGAIN_SECONDS: Final = 60.0
"""How long nobody tries again after a reading that failed."""
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
        on_read: Callable[[Connection, News], None] = lambda _, __: None,
        call_seconds: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`on_read` is called with what was read each time, and with what is new in it.

        `call_seconds` is how long one call takes at most.
        """
        self._given, self._unsaid = connection, connection.unsaid
        self.is_of_file = not self._unsaid
        """Whether the connections file says it all."""
        self.api = connect(connection.endpoint) if self.is_of_file else None
        """The store's API, if so."""
        self._connect = connect
        self._on_read = on_read
        self._call_seconds = call_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._joined = Joined(connection, self.api) if self.api else None
        self._read_at = self._good_until = 0.0
        self._has_failed = False
        """Whether the last reading failed."""
        self.trouble: SyncError | None = None
        """With what it failed, if iPaaS.com was asked."""

    @property
    def is_read(self) -> bool:
        """Whether the store can be called: nothing is left out, or it was read."""
        return self._joined is not None

    @property
    def awaits_news(self) -> bool:
        """Whether it would be news if the subscription could be read."""
        return not self.is_read or self._has_failed

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
        with self._after_others():
            # Not the error that another thread has met: each job makes a call of its own, or it would fail for none.
            return self._joined or self._read(source())

    def read_now(self, source: Callable[[], IPaaS]) -> bool:
        """Read the subscription, although it may not be due. Whether that succeeded."""
        if self.is_of_file:
            return False
        with self._after_others():
            return self._was_just_read or self._try(source())

    def has_other_keys(self, source: Callable[[], IPaaS], refused: CalledApi) -> bool:
        """Whether there are other keys than those that were `refused`; the subscription is read for it."""
        if self.is_of_file:
            return False
        with self._after_others():
            is_same = self._joined is None or refused is self._joined.api
            if is_same and not self._was_just_read:
                self._try(source())
            return self._joined is not None and self._joined.api is not refused

    def is_other(self, api: CalledApi) -> bool:
        """Whether the store is called by another address or with other keys than this, by now."""
        return self._joined is not None and self._joined.api is not api

    @property
    def _was_just_read(self) -> bool:
        return self.is_read and self._clock() < self._read_at + JUST_READ_SECONDS

    def _read_again(self, source: IPaaS, old: Joined) -> Joined:
        """Renew what was read, in one thread; the others go on with the old values meanwhile."""
        if self._lock.acquire(blocking=False):
            try:
                self._try(source)
            finally:
                self._lock.release()
        return self._joined or old

    def _try(self, source: IPaaS) -> bool:
        """Read, or go on with the old values. Raises LedgerUnavailable and ClaimLost: then nothing goes on."""
        if self._joined:
            self._good_until = self._clock() + AGAIN_SECONDS
        self.trouble = None
        try:
            self._read(source)
        except LedgerUnavailable:
            raise
        except (Throttled, ThrottleUsedUp, ConnectionHeld):
            return False  # there is no room for this call now
        except SyncError as error:
            if self._joined and not self._has_failed:
                text = "connection %d: its subscription can't be read again, so what it said before goes on: %s"
                log.warning(text, self._given.system_id, error, extra=error_fields(error))
            self._has_failed, self.trouble = True, error
            return False
        return True

    def _read(self, source: IPaaS) -> Joined:
        connection = self._given.joined(source.subscription(self._unsaid))
        old, endpoint = self._joined, connection.endpoint
        # The same keys keep their client: whoever was refused with it knows that there are no others.
        if old and old.connection.endpoint == endpoint:
            api, news = old.api, News.READABLE if self._has_failed else News.NONE
        else:
            api, news = self._connect(endpoint), News.OTHER if old else News.READABLE
        self._joined = Joined(connection, api)
        self._read_at = self._clock()
        self._good_until = self._read_at + GOOD_SECONDS
        if old:
            self._say(old.connection.endpoint, endpoint)
        self._has_failed = False
        with suppress(LedgerUnavailable):  # a person's preview needs no Redis; a job meets it in its next step
            self._on_read(connection, news)
        return self._joined

    def _say(self, old: StampedEndpoint, new: StampedEndpoint) -> None:
        """Log what is news for a person."""
        system_id = self._given.system_id
        if self._has_failed:
            log.warning("connection %d: its subscription can be read again", system_id)
        if old.store_hash != new.store_hash:
            text = "connection %d: its subscription names another store: store hash %s instead of %s"
            log.warning(text, system_id, new.store_hash, old.store_hash)
        elif old != new:
            log.warning("connection %d: its subscription has other values for Stamped.io", system_id)

    @contextmanager
    def _after_others(self) -> Iterator[None]:
        """After another thread's reading; or beside it, if that takes longer than one call, as a job's lease ends."""
        is_ours = self._lock.acquire(timeout=self._call_seconds)
        try:
            yield
        finally:
            if is_ours:
                self._lock.release()
