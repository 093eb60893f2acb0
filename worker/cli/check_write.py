"""`stamped-sync check --write`: shows on a real store whether what is assumed of Stamped.io's API holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from worker.cli.ending import ALL_WELL, FAILED
from worker.cli.options import chosen, confirmed, require_somebody
from worker.contract.assumptions import ASSUMPTIONS, Verdict
from worker.contract.subject import ADDRESS, Exchange
from worker.contract.trial import NotTheAddress, Trial
from worker.jobs.calls import Api
from worker.jobs.errors import SyncError
from worker.ledger.guard import ByHand
from worker.presentation.screen import Screen

if TYPE_CHECKING:
    from worker.connections import Connection
    from worker.contract.assumptions import Findings, Judgement
    from worker.runtime import Runtime

STATES: Final = {True: "yes", False: "no", None: "cannot be read"}


def check_by_writing(runtime: Runtime, system: int | None, email: str, *, yes: bool, as_json: bool) -> int:
    """Try everything on a test customer and show what holds: the exit code."""
    if not ADDRESS.fullmatch(email):
        raise click.BadParameter("must be a plain e-mail address, such as test@example.com.", param_hint="--email")
    if email != email.lower():
        raise click.BadParameter("must be in lower case: Stamped.io may tell capitals apart.", param_hint="--email")
    screen, connection = Screen(as_json=as_json), chosen(runtime.connections, system)
    question = f"Write {email} as a test customer to Stamped.io, for {connection.label}?"
    if not yes:
        require_somebody(question)
    connection = runtime.whole(connection.system_id)
    question = _question(connection, email)
    gate = ByHand(runtime.ledger, connection.system_id, runtime.timeouts.call, api=Api.STAMPED)
    trial = Trial(Exchange(runtime.store(connection.system_id).api, gate.before_read), email)
    ended: Exception | None = None
    if _can_write(screen, trial):
        if not yes:
            screen.note("Stamped.io may send the customer e-mails, and has no call to delete it again.")
        if not yes and not confirmed(question):
            return FAILED
        ended = _carried_out(screen, trial)
    if not gate.is_counted:
        screen.note("Redis does not answer: these calls did not count in the connection's throttle.")
    (_print if as_json else _show)(screen, trial, connection)
    if ended:
        raise ended
    return ALL_WELL if trial.findings.all_hold else FAILED


def _question(connection: Connection, email: str) -> str:
    store = f"store {connection.stamped.store_hash} of {connection.label}"
    return f"Write {email} as a test customer to Stamped.io, {store}?"


def _can_write(screen: Screen, trial: Trial) -> bool:
    email = trial.subject.email
    try:
        with screen.busy(f"Looking for {email} in Stamped.io"):
            return trial.look()
    except NotTheAddress:
        raise click.BadParameter(
            f"Stamped.io has a customer {email} whom this command has not made, and who is left alone. Give an address "
            "that nobody has there.",
            param_hint="--email",
        ) from None


def _carried_out(screen: Screen, trial: Trial) -> Exception | None:
    """Carry the trial out: what broke it off, if anything did."""
    email = trial.subject.email
    try:
        with screen.busy(f"Writing {email} and reading it back"):
            trial.run()
    except SyncError as error:
        trial.findings.because = "the trial was broken off before it"
        return error
    except KeyboardInterrupt:
        screen.note(f"{email} may be in Stamped.io now. Run the same again: it goes on with the same customer.")
        raise
    return None


# What is shown of it --------------------------------------------------------------------------------------------------


def _show(screen: Screen, trial: Trial, connection: Connection) -> None:
    findings = trial.findings
    screen.heading(f"{connection.label}: what the worker assumes of Stamped.io's API")
    for finding in findings:
        _show_finding(screen, finding, has_reason=finding.seen != findings.because)
    screen.section(_counted(findings))
    if any(finding.seen == findings.because for finding in findings):
        screen.prose(f"What has no reason beside it could not be shown because {findings.because}.")
    if findings.count(Verdict.FAILS):
        screen.prose("Correct what does not hold at the place beside it, and run the same again.")
    if trial.has_written:
        _show_customer(screen, trial)


def _show_finding(screen: Screen, finding: Judgement, *, has_reason: bool) -> None:
    assumption, verdict = finding.assumption, finding.verdict
    shown = f"{assumption.says} ({assumption.place})"
    if verdict is Verdict.HOLDS:
        screen.mark(shown, is_good=True)
    elif verdict is Verdict.OPEN:
        screen.mark(f"{shown}: {verdict}", is_good=None)
        if has_reason:
            screen.prose(f"Because: {finding.seen}", indent=4)
    else:
        screen.mark(f"{assumption.says}: {verdict}", is_good=False)
        screen.prose(f"Seen: {finding.seen}", indent=4)
        screen.prose(f"Correct it at {assumption.place}", indent=4)


def _counted(findings: Findings) -> str:
    fail, unshown = findings.count(Verdict.FAILS), findings.count(Verdict.OPEN)
    fails = f"{fail} {'does' if fail == 1 else 'do'} not hold" if fail else ""
    others = [fails, f"{unshown} could not be shown" if unshown else ""]
    holds = f"{findings.count(Verdict.HOLDS)} of {len(ASSUMPTIONS)} assumptions hold"
    return f"{', '.join(filter(None, [holds, *others]))}."


def _show_customer(screen: Screen, trial: Trial) -> None:
    email = trial.subject.email
    screen.line()
    if not trial.subject.ids:
        screen.line(f"It is not known whether Stamped.io has the test customer {email} now.")
        return
    is_as_it_should_be = trial.survey.state in {trial.survey.wanted, None}
    state = STATES[trial.survey.state] + ("" if is_as_it_should_be else ", which no call could change")
    screen.heading("The test customer stays in Stamped.io, which has no call to delete it:")
    screen.facts({"E-mail address": email, "Stamped.io id": ", ".join(trial.subject.ids), "Subscribed": state})


def _print(screen: Screen, trial: Trial, connection: Connection) -> None:
    findings, system = trial.findings, {"system_id": connection.system_id}
    for finding in findings:
        assumption = {"assumption": finding.assumption.key, "says": finding.assumption.says}
        seen = {"verdict": finding.verdict, "seen": finding.seen or None, "place": finding.assumption.place}
        screen.json(system | assumption | seen)
    customer = {"email": trial.subject.email, "stamped_ids": trial.subject.ids, "is_subscribed": trial.survey.state}
    screen.json(system | {"test_customer": customer if trial.has_written else None})
