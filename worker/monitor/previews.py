"""Previews on the Manual Sync page: some customers, one after the other, for as long as somebody can wait."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from worker.by_hand.previews import Previewer
from worker.by_hand.waiting import NobodyWaits
from worker.jobs.errors import SyncError
from worker.jobs.intents import Intent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.connections import Connection
    from worker.jobs.catalogue import Failure
    from worker.runtime import Runtime
    from worker.sync.preview import Preview

PREVIEWED: Final = 10
"""How many customers are previewed at once: each is read in iPaaS.com and in Stamped.io."""
DEADLINE_SECONDS: Final = 30.0
"""After this time the page shows what was read, whatever is still to be read."""

OF_THE_CUSTOMER: Final = frozenset({Intent.CUSTOMERS, Intent.NOT_YET})
"""What an error of this one customer means; any other error would meet the next customer too."""

LATE: Final = "The {0:.0f} seconds that a preview may take are over. Submit needs no preview."
OTHERS_FIRST: Final = (
    "Other previews took all of the {0:.0f} seconds that one may take. Press Preview again in a moment."
)
NOT_THE_CUSTOMERS: Final = "The error below is not about one customer: the others would meet it too."


@dataclass(frozen=True, slots=True)
class Previewed:
    """What a transfer of one customer would do, or why nobody can know it."""

    customer_id: str
    planned: Preview | None = None
    failure: Failure | None = None
    would_fail: bool = False
    """Whether the transfer would end with the failure. If not, the customer could not be read."""


@dataclass(frozen=True, slots=True)
class Previews:
    """What was found so far."""

    shown: Sequence[Previewed] = ()
    not_read: Sequence[str] = ()
    """The ids of the other customers."""
    why: str = ""
    """Why they were not read."""

    @property
    def total(self) -> int:
        """How many customers were to be previewed."""
        return len(self.shown) + len(self.not_read)

    @property
    def read(self) -> int:
        """For how many of them the page shows what a transfer would do."""
        return sum(each.planned is not None or each.would_fail for each in self.shown)


class Previewing:
    """Previews customers in a thread of its own. What it has found so far can be read meanwhile from another one."""

    def __init__(self, runtime: Runtime, connection: Connection, ids: Sequence[str]) -> None:
        self._previewer = Previewer(runtime, connection)
        self._ids = ids
        self._shown: list[Previewed] = []
        self._has_begun = False
        self.seconds = DEADLINE_SECONDS
        """How long the page waits for all of them."""

    def run(self) -> None:
        """Preview them one by one, until an error comes that is not about one customer, or nobody waits."""
        self._has_begun = True
        for customer_id in self._ids:
            try:
                self._shown.append(Previewed(customer_id, self._previewer.preview(customer_id)))
            except NobodyWaits:
                return
            except SyncError as error:
                would_fail = error.intent in OF_THE_CUSTOMER
                self._shown.append(Previewed(customer_id, failure=error.failure, would_fail=would_fail))
                if not would_fail:
                    return

    def stop(self) -> None:
        """Make no further call of an API."""
        self._previewer.stop()

    def found(self) -> Previews:
        """What was found so far."""
        shown = tuple(self._shown)
        return Previews(shown, self._ids[len(shown) :], self._why(shown))

    def _why(self, shown: Sequence[Previewed]) -> str:
        if not self._has_begun:
            return OTHERS_FIRST.format(self.seconds)
        if shown and shown[-1].failure and not shown[-1].would_fail:
            return NOT_THE_CUSTOMERS
        return LATE.format(self.seconds)
