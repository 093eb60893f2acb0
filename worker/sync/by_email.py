"""Finds the customers of iPaaS.com that have an e-mail address, for whoever knows the address instead of the id."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from worker.jobs.errors import AnswerUnreadable
from worker.stamped.email_address import is_same_mailbox

if TYPE_CHECKING:
    from worker.sync.ports import Findable


@dataclass(frozen=True, slots=True)
class Found:
    """The ids of those who have an address, each once."""

    ids: tuple[str, ...]
    has_more: bool = False
    """Whether there are others, who are not named."""

    @property
    def only(self) -> str | None:
        """The id if exactly one customer has the address."""
        return self.ids[0] if len(self.ids) == 1 and not self.has_more else None


def find(email: str, source: Findable) -> Found:
    """Who has an address. Raises AnswerUnreadable, and what the search raises.

    Only customers whose own record shows the address count, whatever iPaaS.com says. If it answers somebody else too,
    it has not searched for the address, and what it leaves out proves nothing.
    """
    matches = source.customers_with(email)
    if any(not is_same_mailbox(each.email, email) for each in matches.customers):
        raise AnswerUnreadable("iPaaS.com answers a search by e-mail with customers who have another address")
    if matches.has_more and not matches.customers:
        raise AnswerUnreadable("iPaaS.com answers a search by e-mail with an empty page, and says that more follow")
    return Found(tuple(dict.fromkeys(each.id for each in matches.customers)), matches.has_more)
