"""The figures in words, for the command line and the pages; and whether no worker seems to run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.jobs.job import Kind
from worker.ledger.views.totals import met_without_row
from worker.presentation.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from worker.ledger import Counts
    from worker.ledger.views.figures import Figures
    from worker.ledger.views.totals import Refusals

STORES_NAMED: Final = 5
VANISHED_HELP: Final = (
    "Redis evicted them to free memory, or somebody deleted them. Set its maxmemory-policy to noeviction and give it "
    "enough memory; then bring the connection's customers over again with `stamped-sync initialize`."
)

PATIENCE_SECONDS: Final = 15
"""How long none of the jobs that somebody waits for may start before `seems_idle` is asked."""
NO_WORKER: Final = (
    "No job starts: no worker seems to run. Start one in a terminal of its own with `stamped-sync up`, "
    "or with `celery -A worker.app worker` and, once, `celery -A worker.app beat`."
)


def refusals_in_words(refusals: Refusals) -> str:
    """How many notifications were refused, and how many of them can still be read."""
    if refusals.listed == refusals.count:
        return f"{refusals.count:,}"
    if not refusals.listed:
        return f"{refusals.count:,}, none of which is listed any more"
    are = "is" if refusals.listed == 1 else "are"
    return f"{refusals.count:,}, of which {refusals.listed:,} {are} listed"


def unknown_in_words(figures: Figures) -> list[str]:
    """Which connections are not configured though jobs of theirs wait, the most first, with what to do."""
    counts = sorted(((count, system_id) for system_id, count in figures.unknown.items()), reverse=True)
    words = [
        f"Connection {system_id} is not configured, and {counted(count, 'job')} of it {waits(count)}. "
        f"Put it back into the connections file; `stamped-sync failures discard --system {system_id}` forgets them."
        for count, system_id in counts[:STORES_NAMED]
    ]
    if others := counts[STORES_NAMED:]:
        jobs = sum(count for count, _ in others)
        words.append(f"{counted(len(others), 'more connection')} are not configured, with {counted(jobs, 'job')}.")
    return words


def waits(count: int) -> str:
    """The verb that fits a number of jobs."""
    return "waits" if count == 1 else "wait"


def vanished_in_words(figures: Figures) -> str:
    """How many jobs have vanished from Redis, and whose; for figures that count at least one."""
    whose = _whose(figures)
    if len(whose) == 1:
        return f"{counted(figures.vanished, 'job')} {whose[0][1]} vanished from Redis"
    return (
        f"{counted(figures.vanished, 'job')} vanished from Redis: {', '.join(f'{count:,} {of}' for count, of in whose)}"
    )


def _whose(figures: Figures) -> list[tuple[int, str]]:
    """How many jobs each store has lost, the most first, and for how many only the record was missing."""
    counts = {each.system_id: sum(kind.vanished for kind in each.presence.values()) for each in figures.stores.values()}
    most = sorted(((count, system_id) for system_id, count in counts.items() if count), reverse=True)
    said = [(count, f"of connection {system_id}") for count, system_id in most[:STORES_NAMED]]
    others = sum(count for count, _ in most[STORES_NAMED:])
    half = sum(met_without_row(figures.totals, kind) for kind in Kind)
    more = [(others, "of others"), (half, "whose record alone was missing")]
    return [*said, *(each for each in more if each[0])]


def seems_idle(counts: Iterable[Counts]) -> bool:
    """Whether no worker seems to run, by the counts of each kind of job: there are messages, and no job is running."""
    found = list(counts)
    return any(each.sent for each in found) and not any(each.running for each in found)
