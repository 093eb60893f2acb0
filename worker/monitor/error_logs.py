"""Error Logs: what failed, in groups, with its cause and what to do about it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tornado.web import authenticated

from worker.monitor.page import Page
from worker.presentation.messages import sub_groups

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from worker.ledger import Hold, Refusal
    from worker.ledger.views.activity import Group
    from worker.presentation.messages import SubGroup

NUMBERS: Final = ("system", "rerun", "discarded", "dismissed")
"""What the address can give: the connection, and how many jobs or notifications were changed a moment ago."""
GROUPS_SHOWN: Final = 50
SAMPLED: Final = 50
"""How many jobs of a group the page looks at: the newest."""
MESSAGES_SHOWN: Final = 3
"""How many messages of a group the page shows: the most frequent."""
NEWEST_SHOWN: Final = 5
"""How many of the newest refused notifications of a group the page shows."""
FAULTS_SHOWN: Final = 10
"""How many different faults of the notifications of a group."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page shows."""

    holds: list[Hold]
    """Of the chosen connection, or of all."""
    groups: list[tuple[Group, Sequence[SubGroup], int]]
    """The largest groups, each with what the API said most to the newest of its jobs, and how many of them were looked
    at; 0 if that were all."""
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
    doubt: str
    """Why nothing can be of the chosen connection; empty if something can."""

    @property
    def groups_left_out(self) -> int:
        """How many more groups there are than are shown."""
        return self.group_count - len(self.groups)


class ErrorLogsPage(Page):
    """The failed jobs in groups, then the refused notifications."""

    @authenticated
    async def get(self) -> None:
        """Show them, of one connection if the address names one."""
        address = self.address(*NUMBERS)
        system_id, rerun, discarded, dismissed = map(address.count, NUMBERS)
        self.render_page(
            "error-logs.html",
            "error-logs",
            shown=(shown := await self.aside(self._read, system_id)),
            faults=address.faults,
            doubts=list(filter(None, [shown.doubt])),
            newest_of=newest_of,
            system_id=system_id,
            rerun=rerun,
            discarded=discarded,
            dismissed=dismissed,
        )

    def _read(self, system_id: int | None) -> Shown:
        activity = self.ledger.activity
        groups = [each for each in activity.groups() if system_id in {None, each.system_id}]
        shown = groups[:GROUPS_SHOWN]
        refusals = self.ledger.refusals()
        return Shown(
            holds=[hold for hold in self.ledger.holds() if system_id in {None, hold.system_id}],
            groups=[
                (group, sub_groups(records)[:MESSAGES_SHOWN], SAMPLED if group.count > SAMPLED else 0)
                for group, records in zip(shown, activity.latest_of(shown, SAMPLED), strict=True)
            ],
            group_count=len(groups),
            job_count=sum(each.count for each in groups),
            refused=in_groups(each for each in refusals if _concerns(each, system_id)),
            refusal_count=self.ledger.refused().count,
            refusals_read=len(refusals),
            names=self.names,
            doubt=self.unknown_system(system_id),
        )


def in_groups(refusals: Iterable[Refusal]) -> list[list[Refusal]]:
    """The refused notifications by code, connection and scope, the largest group first."""
    groups: defaultdict[tuple[str, str, str], list[Refusal]] = defaultdict(list)
    for each in refusals:
        groups[each.code, each.system_id, each.scope].append(each)
    return sorted(groups.values(), key=len, reverse=True)


def newest_of(group: Sequence[Refusal]) -> list[Refusal]:
    """The newest refusals of a group, and the newest with each fault, so that a frequent fault hides no other."""
    first: dict[str, int] = {}
    for number, each in enumerate(group):
        first.setdefault(each.detail, number)
    shown = {*range(min(NEWEST_SHOWN, len(group))), *list(first.values())[:FAULTS_SHOWN]}
    return [group[number] for number in sorted(shown)]


def _concerns(refusal: Refusal, system_id: int | None) -> bool:
    return system_id is None or refusal.system_id == str(system_id)
