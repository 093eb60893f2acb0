"""`stamped-sync sync`."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

import click

from worker.cli.ending import ALL_WELL, jobs_go_on
from worker.cli.follow import Follower, Summary
from worker.cli.ids import LIST_OF_IDS, read_customers, refuse_faults
from worker.cli.job_lines import outcome_as_json
from worker.cli.options import chosen, json_option, system_option
from worker.cli.person import person
from worker.handover import opened, run_all
from worker.jobs.asking import Asker, Source
from worker.jobs.job import Job, Kind, pages
from worker.ledger.outcome import Outcome
from worker.presentation.ids import NOTHING_LOOKED_UP
from worker.presentation.screen import Screen
from worker.presentation.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from worker.ledger import Ledger
    from worker.presentation.ids import Checked


@click.command()
@click.argument("ids", nargs=-1, metavar="ID...")
@system_option
@click.option(
    "--file",
    "-f",
    "files",
    type=LIST_OF_IDS,
    multiple=True,
    metavar="F",
    help="Read ids from a list or a CSV file; - is standard input.",
)
@click.option("--wait", is_flag=True, help="Wait until every job has ended, and show what came of it.")
@json_option
@click.option("--debug", is_flag=True, help="Go to the front, and log each API call.")
def command(
    ids: Sequence[str], system: int | None, files: Sequence[TextIO], *, wait: bool, as_json: bool, debug: bool
) -> int:
    """Manual Sync: transfer customers by their iPaaS.com Customer IDs.

    Ids come from arguments, from files, or from standard input if neither is given: one or more on a line, separated
    by blanks or commas; a line that begins with # is a comment. A list whose first line is a header is read as CSV,
    with commas, semicolons or tabs: one column is named id (or customer_id), and the others are ignored. There is no
    limit on how many ids, and each is requested once; duplicates are counted.

    In place of an id, an e-mail address is looked up in iPaaS.com, if exactly one customer has it; 100 at most. Whoever
    may list this machine's processes sees the arguments of a command: give addresses in a file or on standard input.

    If anything in what was given names nobody, or several customers, every such fault is shown and nothing is
    requested.

    The jobs are in the ledger when the command ends, and a worker carries them out. With --wait, a job that rests
    longer than a minute before it is tried again is reported as waiting. Interrupting the command loses nothing.

    \b
    Examples:
      stamped-sync sync 150713 --wait
      stamped-sync sync --system 4021 --file ids.txt --wait
      stamped-sync sync --file customers.csv --wait --json > outcomes.jsonl
      stamped-sync sync --wait < addresses.txt

    Exit codes: 0 all well, 1 a job failed or waits, 2 wrong usage, or the configuration made a job fail, 130
    interrupted.
    """  # noqa: D301 - click's mark for a paragraph to leave as it is
    screen = Screen(as_json=as_json)
    _, connections, ledger = opened()
    system_id = chosen(connections, system).system_id
    customer_ids = _ids(screen, read_customers(ids, files), system_id)
    with jobs_go_on():
        requested = _requested(screen, ledger, system_id, customer_ids, debug=debug)
        if wait:
            versions = {job.customer_id: version for page in requested for job, version in page.items()}
            return _wait(screen, Follower(ledger, system_id, versions), len(versions), as_json=as_json)
        for page in requested:
            if as_json:
                _print_states(screen, ledger, list(page))
    if not as_json:
        screen.line(
            f"{counted(len(customer_ids), 'customer')} requested. --wait, or `stamped-sync status`, shows more."
        )
    return ALL_WELL


def _ids(screen: Screen, given: Checked, system_id: int) -> list[str]:
    """The ids of those who are named, once nothing is wrong. Raises what a look-up and `refuse_faults` raise."""
    found = NOTHING_LOOKED_UP
    if emails := given.to_look_up:
        # Ids alone must not wait for HTTP.
        from worker.cli.emails import look_up  # noqa: PLC0415

        found = look_up(screen, emails, system_id)
    refuse_faults(screen, given, found)
    ids = given.ids(found)
    if dropped := given.dropped(ids):
        screen.note(f"{counted(dropped, 'duplicate')} dropped.")
    return ids


def _requested(
    screen: Screen, ledger: Ledger, system_id: int, customer_ids: Sequence[str], *, debug: bool
) -> Iterator[dict[Job, int]]:
    """Put the jobs into the ledger, a page at a time: the version of each."""
    done, total, asker = 0, len(customer_ids), Asker(Source.MANUAL_SYNC, person())
    try:
        with screen.progress("Requested", total) as show:
            for page in pages(customer_ids):
                yield run_all([Job(Kind.CUSTOMER, system_id, each) for each in page], ledger, asker, debug=debug)
                done += len(page)
                show(done)
    except KeyboardInterrupt:
        screen.note(f"{done:,} of {total:,} customers were requested for certain. Run the same again for the others.")
        raise


def _print_states(screen: Screen, ledger: Ledger, jobs: list[Job]) -> None:
    for job, record in zip(jobs, ledger.records(jobs), strict=True):
        screen.json(outcome_as_json(Outcome.of(job, record)))


def _wait(screen: Screen, follower: Follower, total: int, *, as_json: bool) -> int:
    """Follow the jobs to their end and show what came of them: the exit code."""
    summary = Summary()
    try:
        with screen.progress("Transferred", total) as show:
            for outcomes in follower.follow(screen.note):
                summary.add(outcomes)
                show(summary.customers)
                for outcome in outcomes if as_json else ():
                    screen.json(outcome_as_json(outcome))
    except KeyboardInterrupt:
        screen.note(f"{follower.remaining:,} of {total:,} customers have not ended; `stamped-sync status` shows more.")
        raise
    if not as_json:
        summary.show(screen)
    return summary.exit_code
