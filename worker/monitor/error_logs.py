"""Error Logs: what failed, in groups, with its cause and what to do about it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tornado.web import authenticated

from worker.monitor.page import Page, number_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from worker.ledger import Record, Refusal
    from worker.ledger.views.activity import Group

GROUPS_SHOWN: Final = 50
LATEST_SHOWN: Final = 3
"""How many jobs of a group the page names."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page shows."""

    groups: list[tuple[Group, list[Record]]]
    """The largest groups, each with the last of its jobs."""
    group_count: int
    """How many groups there are, shown or not."""
    job_count: int
    refused: list[list[Refusal]]
    """The refused notifications, in groups of one code, connection and scope, the newest of each group first."""
    refusal_count: int
    """How many notifications were refused, of all connections."""
    refusals_read: int
    """How many of them are counted here: the newest."""
    names: dict[int, str]
    """The connections."""

    @property
    def groups_left_out(self) -> int:
        """How many more groups there are than are shown."""
        return self.group_count - len(self.groups)


class ErrorLogsPage(Page):
    """The failed jobs in groups, then the refused notifications."""

    @authenticated
    async def get(self) -> None:
        """Show them, of one connection if the address names one."""
        system_id, rerun, discarded = map(self._number, ("system", "rerun", "discarded"))
        self.render_page(
            "error-logs.html",
            "error-logs",
            shown=await self.aside(self._read, system_id),
            system_id=system_id,
            rerun=rerun,
            discarded=discarded,
        )

    def _number(self, name: str) -> int | None:
        return number_of(self.get_argument(name, "", escape=False) or "")

    def _read(self, system_id: int | None) -> Shown:
        activity = self.ledger.activity
        groups = [each for each in activity.groups() if system_id in {None, each.system_id}]
        shown = groups[:GROUPS_SHOWN]
        refusals = self.ledger.refusals()
        return Shown(
            groups=list(zip(shown, activity.latest_of(shown, LATEST_SHOWN), strict=True)),
            group_count=len(groups),
            job_count=sum(each.count for each in groups),
            refused=in_groups(each for each in refusals if _concerns(each, system_id)),
            refusal_count=self.ledger.refused().count,
            refusals_read=len(refusals),
            names=self.names,
        )


def in_groups(refusals: Iterable[Refusal]) -> list[list[Refusal]]:
    """The refused notifications by code, connection and scope, the largest group first."""
    groups: defaultdict[tuple[str, str, str], list[Refusal]] = defaultdict(list)
    for each in refusals:
        groups[each.code, each.system_id, each.scope].append(each)
    return sorted(groups.values(), key=len, reverse=True)


def _concerns(refusal: Refusal, system_id: int | None) -> bool:
    return system_id is None or refusal.system_id == str(system_id)
