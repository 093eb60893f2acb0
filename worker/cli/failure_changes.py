"""`stamped-sync failures rerun` and `discard`: what a person does with many failed jobs at once."""

from __future__ import annotations

from collections import Counter
from copy import copy
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, TypedDict, Unpack

import click

from worker.cli.drift import Read, differing
from worker.cli.ending import ALL_WELL, FAILED, jobs_go_on
from worker.cli.ids import read_ids
from worker.cli.options import code_option, confirmed, kind_option, only_system_option, yes_option
from worker.cli.person import person
from worker.config.settings import load_settings
from worker.handover import open_ledger, run_all
from worker.jobs.asking import Asker, Source
from worker.jobs.catalogue import Failure
from worker.jobs.job import Job, Kind, State, pages
from worker.ledger.views.activity import Filter
from worker.presentation.screen import Screen
from worker.presentation.wording import counted
from worker.telemetry.masking import masked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from worker.ledger import Ledger, Record


LONGEST_REASON: Final = 200
WAITING: Final = (State.QUEUED, State.WAITING)
UNKNOWN_WAITING: Final = "waiting, of a connection that is not configured"


class Choice(TypedDict):
    """Which failed jobs are meant, by whatever is given, and whether to go on without asking."""

    ids: Sequence[str]
    code: str | None
    system: int | None
    kind: str | None
    everything: bool
    yes: bool


def choice_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The argument and the options that make up a Choice."""
    for option in (
        yes_option,
        click.option("--all", "everything", is_flag=True, help="Every failed job."),
        kind_option,
        only_system_option,
        code_option,
        click.argument("ids", nargs=-1, metavar="[ID]..."),
    ):
        command = option(command)
    return command


@click.command(name="rerun")
@choice_options
def rerun(**choice: Unpack[Choice]) -> int:
    """Run failed jobs again.

    They start from the beginning, with today's configuration. Each option narrows the choice: an id and a code mean
    that customer's jobs that failed with that code. Shows how many jobs there are, and asks.

    \b
    Examples:
      stamped-sync failures rerun 150713
      stamped-sync failures rerun --code stamped-unreachable --system 4021
      stamped-sync failures rerun --all --yes

    Exit codes: 0 requested, or there was nothing to do; 1 you said no; 2 wrong usage or configuration.
    """  # noqa: D301 - click's mark for a paragraph to leave as it is
    with jobs_go_on():
        asker = Asker(Source.RERUN, person())
        return _change("rerun", "requested again", lambda ledger, page: len(run_all(page, ledger, asker)), choice)


rerun_by_its_old_name = copy(rerun)
rerun_by_its_old_name.hidden = True


@click.command(name="discard")
@choice_options
@click.option("--reason", default="", metavar="TEXT", help="Why: `stamped-sync activity` shows it.")
def discard(reason: str, **choice: Unpack[Choice]) -> int:
    """Forget failed jobs. Shows how many there are, and asks. Nothing changes in iPaaS.com or Stamped.io.

    With --system of a connection that is not configured any more, it also forgets its jobs that wait.

    \b
    Examples:
      stamped-sync failures discard 150713
      stamped-sync failures discard --code customer-not-found --yes
      stamped-sync failures discard --system 5000

    Exit codes: 0 forgotten, or there was nothing to do; 1 you said no; 2 wrong usage or configuration.
    """  # noqa: D301 - click's mark for a paragraph to leave as it is
    if len(reason) > LONGEST_REASON:
        raise click.UsageError(f"The reason has more than {LONGEST_REASON} characters.")
    system, read = choice["system"], Read.of(load_settings())
    is_gone = not read.faults and system is not None and read.connections.get(system) is None
    if is_gone and (found := differing(open_ledger(load_settings()), read.connections)):
        raise click.UsageError(f"{' '.join(found)} Whether its connection is gone is not sure: nothing is forgotten.")

    def forget(ledger: Ledger, page: list[Job]) -> int:
        return ledger.discard_all(page, Asker(Source.PERSON, person()), masked(reason), waiting=is_gone)

    return _change("discard", "forgotten", forget, choice, WAITING if is_gone else ())


def _change(
    verb: str, past: str, change: Callable[[Ledger, list[Job]], int], choice: Choice, others: Sequence[State] = ()
) -> int:
    """Ask, then change the jobs that have failed, or are in one of the `others`, a page at a time: the exit code."""
    screen, settings = Screen(), load_settings()
    ledger = open_ledger(settings, Read.of(settings).connections)  # also if they have faults: workers send the jobs
    jobs = _shown(screen, chain(*(_chosen(screen, ledger, choice, state) for state in (State.FAILED, *others))))
    if not jobs:
        screen.line(f"There is nothing to {verb}.")
        return ALL_WELL
    if not choice["yes"] and not confirmed(f"{verb.capitalize()} {counted(len(jobs), 'job')}?"):
        return FAILED
    count = 0
    with screen.progress(past.capitalize(), len(jobs)) as show:
        for page in pages(jobs):
            count += change(ledger, page)
            show(count)
    screen.line(f"{counted(count, 'job')} {past}.")
    return ALL_WELL


def _chosen(screen: Screen, ledger: Ledger, choice: Choice, state: State) -> Iterator[Record]:
    """The jobs in a state that are meant, newest first; if customers are named, customer by customer.

    Raises UsageError if nothing is chosen, and CustomerIdInvalid.
    """
    kind = Kind(choice["kind"]) if choice["kind"] else None
    wanted = Filter(choice["system"], kind, state, choice["code"] or "")
    if not choice["ids"] and not choice["everything"] and wanted == Filter(state=state):
        raise click.UsageError("Say which jobs: ids, --code, --system, --kind, or --all.")
    for customer_id in sorted(read_ids(choice["ids"], [], screen)) if choice["ids"] else [""]:
        for page in ledger.activity.pages(replace(wanted, customer_id=customer_id)):
            yield from page


def _shown(screen: Screen, records: Iterator[Record]) -> list[Job]:
    """Show how many jobs there are with each error: the jobs."""
    jobs: list[Job] = []
    codes: Counter[str] = Counter()
    for record in records:
        jobs.append(record.job)
        codes[record.failure.code if record.failure and record.state is State.FAILED else ""] += 1
    for code, count in codes.most_common():
        screen.note(f"{count:>7,}  {Failure(code).headline if code else UNKNOWN_WAITING}")
    return jobs
