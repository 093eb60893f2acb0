"""`stamped-sync failures retry` and `discard`: what is done with many failed jobs at once."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import click

from worker.cli.asking import confirmed, yes_option
from worker.cli.ending import jobs_go_on
from worker.cli.exit_codes import ALL_WELL, FAILED
from worker.cli.failed_jobs import Selection
from worker.cli.ids import read_ids
from worker.cli.options import code_option, kind_option, only_system_option
from worker.cli.outcome import titled
from worker.config.settings import load_settings
from worker.jobs.catalogue import Failure
from worker.jobs.job import Job, Kind
from worker.jobs.pages import pages
from worker.presentation.screen import Screen, counted
from worker.runtime import open_ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from worker.ledger import Ledger

ids_argument = click.argument("ids", nargs=-1, metavar="[ID]...")
all_option = click.option("--all", "everything", is_flag=True, help="Every failed job.")


@click.command(name="retry")
@ids_argument
@code_option
@only_system_option
@kind_option
@all_option
@yes_option
def retry(
    ids: Sequence[str], code: str | None, system: int | None, kind: str | None, *, everything: bool, yes: bool
) -> int:
    """Run failed jobs again.

    They start anew, with today's configuration. What is given narrows the choice: an id and a code mean that
    customer's jobs that failed with that code. Counts first and asks.

    \b
    Examples:
      stamped-sync failures retry 150713
      stamped-sync failures retry --code stamped-unreachable --system 4021
      stamped-sync failures retry --all --yes

    Exit codes: 0 requested, or there was nothing to do; 1 you said no; 2 wrong usage or configuration.
    """  # noqa: D301 - click's mark for a paragraph to leave as it is
    from tasks.upkeep import run_again  # noqa: PLC0415 - only a retry needs Celery

    screen, ledger = Screen(), open_ledger(load_settings())
    jobs = _selected(screen, ledger, _selection(screen, ids, code, system, kind), everything=everything)
    with jobs_go_on():
        return _done(screen, jobs, "retry", "requested again", lambda page: len(run_again(page)), yes=yes)


@click.command(name="discard")
@ids_argument
@code_option
@only_system_option
@kind_option
@all_option
@yes_option
def discard(
    ids: Sequence[str], code: str | None, system: int | None, kind: str | None, *, everything: bool, yes: bool
) -> int:
    """Forget failed jobs. Counts first and asks. Nothing changes in iPaaS.com and Stamped.io.

    \b
    Examples:
      stamped-sync failures discard 150713
      stamped-sync failures discard --code customer-not-found --yes

    Exit codes: 0 forgotten, or there was nothing to do; 1 you said no; 2 wrong usage or configuration.
    """  # noqa: D301 - click's mark for a paragraph to leave as it is
    screen, ledger = Screen(), open_ledger(load_settings())
    jobs = _selected(screen, ledger, _selection(screen, ids, code, system, kind), everything=everything)
    return _done(screen, jobs, "discard", "forgotten", ledger.discard_all, yes=yes)


def _selection(screen: Screen, ids: Sequence[str], code: str | None, system: int | None, kind: str | None) -> Selection:
    customer_ids = frozenset(read_ids(ids, [], screen)) if ids else frozenset[str]()
    return Selection(customer_ids, code, system, Kind(kind) if kind else None)


def _selected(screen: Screen, ledger: Ledger, selection: Selection, *, everything: bool) -> list[Job]:
    """The failed jobs that are meant, with their number by error shown. Raises UsageError where nothing is selected."""
    if selection.is_empty and not everything:
        raise click.UsageError("Say which jobs: ids, --code, --system, --kind, or --all.")
    jobs: list[Job] = []
    codes: Counter[str] = Counter()
    for record in selection.jobs(ledger):
        jobs.append(record.job)
        codes[record.failure.code if record.failure else ""] += 1
    for code, count in codes.most_common():
        screen.note(f"{count:>7,}  {titled(Failure(code))}")
    return jobs


def _done(screen: Screen, jobs: list[Job], verb: str, past: str, do: Callable[[list[Job]], int], *, yes: bool) -> int:
    """Ask, then do it a page at a time: the exit code."""
    if not jobs:
        screen.line(f"There is nothing to {verb}.")
        return ALL_WELL
    if not yes and not confirmed(f"{verb.capitalize()} {counted(len(jobs), 'job')}?"):
        return FAILED
    count = 0
    with screen.progress(past.capitalize(), len(jobs)) as show:
        for page in pages(jobs):
            count += do(page)
            show(count)
    screen.line(f"{counted(count, 'job')} {past}.")
    return ALL_WELL
