"""Where each connection stands, in a word and in figures: for the Connections page and `stamped-sync connections`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from worker.jobs.intents import InWords
from worker.jobs.job import Kind
from worker.presentation.times import lasting
from worker.presentation.wording import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.connections import Connection, Connections
    from worker.ledger import Hold, Ledger
    from worker.ledger.memory.events import Tallies
    from worker.ledger.views.figures import Figures, StoreFigures, Use

BEHIND: Final = timedelta(minutes=1)
"""How long a job waits for its turn before its connection counts as behind."""
FULL: Final = 0.9
"""The part of a throttle from which on a backlog waits for it: as the calls are spread, it is never all used."""
_NEVER: Final = datetime.max.replace(tzinfo=UTC)
TEN_MINUTES, HOUR, DAY = timedelta(minutes=10), timedelta(hours=1), timedelta(days=1)


class Standing(InWords):
    """Where a connection stands, and what that means. The first needs somebody's attention most."""

    HELD = "held", "Its API limits the calls, refuses the credentials or does not answer, so its jobs wait."
    PAUSED = "paused", "Somebody has paused it, so its jobs wait until it is resumed."
    BEHIND = "behind", "A job has waited for its turn for more than a minute."
    THROTTLED = "throttled", "Jobs wait for their turn because its throttle is used up."
    DRIFTED = "drifted", "It has jobs, and the configuration that Flower or this command runs by does not name it."
    WELL = "well", "Nothing waits for long."


@dataclass(frozen=True, slots=True)
class StoreRow:
    """One connection."""

    system_id: int
    connection: Connection | None
    """None if it is not configured, or not any more."""
    standing: Standing
    waiting: int
    """How many jobs wait for their turn or rest before they are tried again."""
    oldest: datetime | None
    """Since when the job waits that has waited longest for its turn."""
    under_way: int
    use: Use | None
    hold: Hold | None
    hour: Tallies
    """The ended jobs of the last hour, in steps of ten minutes."""
    day: Tallies
    """Those of the last day, in steps of an hour."""
    day_before: Tallies
    """Those of the day before that."""
    last_done: datetime | None
    """When a job last ended well."""

    @property
    def name(self) -> str:
        """Its name, for whoever shows the system id beside it."""
        return self.connection.title if self.connection else "Not configured"

    @property
    def token_ends(self) -> str:
        """When its iPaaS.com API key ends or ended, in words, as far as its connection says so."""
        expires = self.connection and self.connection.ipaas.expires_at
        if not expires:
            return ""
        return f"{'ended' if expires <= datetime.now(UTC) else 'until'} {expires:%Y-%m-%d}"

    @property
    def throttle(self) -> str:
        """How far its throttle is used."""
        if self.use is None or not self.use.stamped_limit or self.use.stamped_seconds is None:
            return ""
        return f"{self.use.stamped_calls:,} of {self.use.stamped_limit:,} in {self.use.stamped_seconds:,.0f} s"

    @property
    def share(self) -> float:
        """How far its throttle is used, from 0 to 1."""
        if self.use is None or not self.use.stamped_limit:
            return 0.0
        return min(self.use.stamped_calls / self.use.stamped_limit, 1.0)

    def why(self, now: datetime) -> str:
        """Why it stands so, in a few words."""
        if self.hold:
            return ": ".join(filter(None, [self.hold.failure.entry.title, self.hold.failure.detail]))
        if self.standing is Standing.DRIFTED and self.connection is None:
            return f"{counted(self.waiting + self.under_way, 'job')} of a connection that the file does not name"
        if self.oldest and self.standing in {Standing.BEHIND, Standing.THROTTLED}:
            return f"a job has waited {lasting(now - self.oldest)}"
        return ""


def rows_of(ledger: Ledger, connections: Connections) -> list[StoreRow]:
    """Every configured connection, and each other that has jobs which wait: who needs attention most comes first.

    Raises LedgerUnavailable.
    """
    figures, configured = ledger.figures(), {each.system_id: each for each in connections}
    systems = [each for each in {**configured, **figures.unknown} if each in figures.stores]
    hours, days = ledger.events.tallies(systems, HOUR, TEN_MINUTES), ledger.events.tallies(systems, 2 * DAY, HOUR)
    last_done = ledger.last_done()
    rows = [
        _row(figures, figures.stores[each], configured.get(each), (hours[each], days[each], last_done.get(each)))
        for each in systems
    ]
    standings = list(Standing)
    return sorted(rows, key=lambda row: (standings.index(row.standing), row.oldest or _NEVER, -sum(row.hour.failed)))


def _row(
    figures: Figures,
    store: StoreFigures,
    connection: Connection | None,
    past: tuple[Tallies, Tallies, datetime | None],
) -> StoreRow:
    limits = figures.limits.get(store.system_id)
    use = store.use_of(limits) if limits else None
    oldest = min(filter(None, (store.oldest_queued[kind] for kind in Kind)), default=None)
    hour, two_days, last_done = past
    middle = len(two_days.done) // 2
    return StoreRow(
        system_id=store.system_id,
        connection=connection,
        standing=_standing(store.hold, oldest, use, figures.now) if connection or store.hold else Standing.DRIFTED,
        waiting=store.queued + sum(each.waiting for each in store.counts.values()),
        oldest=oldest,
        under_way=store.under_way,
        use=use,
        hold=store.hold,
        hour=hour,
        day=two_days.part(middle, None),
        day_before=two_days.part(0, middle),
        last_done=last_done,
    )


def _standing(hold: Hold | None, oldest: datetime | None, use: Use | None, now: datetime) -> Standing:
    if hold:
        return Standing.PAUSED if hold.is_paused else Standing.HELD
    if oldest and _is_used_up(use):
        return Standing.THROTTLED
    if oldest and now - oldest > BEHIND:
        return Standing.BEHIND
    return Standing.WELL


def _is_used_up(use: Use | None) -> bool:
    """Whether the calls of an API are nearly all that its limit allows."""
    if use is None:
        return False
    limits = (use.stamped_calls, use.stamped_limit), (use.ipaas_calls, use.ipaas_limit)
    return any(limit is not None and calls >= FULL * limit for calls, limit in limits)


def summary(rows: list[StoreRow]) -> Mapping[Standing, int]:
    """How many connections stand how."""
    return {each: sum(row.standing is each for row in rows) for each in Standing}
