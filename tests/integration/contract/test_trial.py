"""The trial of what is assumed of Stamped.io's API, on a store that keeps to it and on stores that do not."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from tests import parts
from worker.contract.assumptions import ASSUMPTIONS, Verdict
from worker.contract.subject import MARK, Exchange
from worker.contract.trial import NotTheAddress, Trial
from worker.http.adapter import Pools
from worker.http.client import ApiClient
from worker.jobs.calls import Api
from worker.jobs.errors import StampedCredentialsRefused, StampedReadFailed, StampedUnreachable
from worker.sandbox.faults import Fault

if TYPE_CHECKING:
    from worker.sandbox.deviations import Deviation
    from worker.sandbox.sandbox import Sandbox
    from worker.sandbox.server import RunningSandbox

EMAIL = "test@example.com"
KEYS = [assumption.key for assumption in ASSUMPTIONS]
WRITES = [key for key in KEYS if key.startswith("write.") and key != "write.email"]
ADD, ONE, LIST = "customers/add$", r"customers/\d+$", "dashboard/customers$"
OTHERS = [{"email": f"zoe{number}@example.com", "firstName": f"Zoë{number}", "notes": "tea"} for number in range(60)]


@dataclass
class Stage:
    """A store, and the trials on it."""

    running: RunningSandbox
    calls: list[None] = field(default_factory=list)
    """One for each call that was let through."""

    @property
    def sandbox(self) -> Sandbox:
        """The store."""
        return self.running.sandbox

    def exchange(self, private_key: str = parts.PRIVATE_KEY) -> Exchange:
        """Calls to the store."""
        keys = b64encode(f"sandbox-public:{private_key}".encode()).decode()
        api = ApiClient(Api.STAMPED, f"{self.running.url}/api/v2/270392", f"Basic {keys}", pools=Pools(parts.TIMEOUTS))
        return Exchange(api, lambda: self.calls.append(None))

    def trial(self) -> Trial:
        """A trial that waits for nothing."""
        return Trial(self.exchange(), EMAIL, sleep=lambda _: None)

    def tried(self) -> Trial:
        """A whole trial."""
        if (trial := self.trial()).look():
            trial.run()
        return trial

    def fill(self) -> None:
        """Let the store have other customers."""
        for payload in OTHERS:
            self.exchange().create(payload)

    def deviate(self, deviation: Deviation | None) -> None:
        """Let the store do this otherwise, if anything."""
        if deviation:
            self.sandbox.deviate(deviation)

    def become(self, other: Other) -> None:
        """Let the store be that one."""
        self.deviate(other.deviation)
        for fault in other.faults:
            self.sandbox.add_fault(fault)

    @property
    def others(self) -> list[dict[str, object]]:
        """The other customers, as the store holds them."""
        return [each for each in self.sandbox.stamped_customers.values() if each["email"] != EMAIL]


@pytest.fixture
def stage(sandbox: RunningSandbox) -> Stage:
    """A store that keeps to what is assumed."""
    return Stage(sandbox)


def verdicts(trial: Trial, verdict: Verdict) -> dict[str, str]:
    """What was seen of each assumption with this verdict."""
    return {finding.assumption.key: finding.seen for finding in trial.findings if finding.verdict is verdict}


def test_everything_holds_on_a_store_that_keeps_to_it(stage: Stage) -> None:
    """The test customer is left in it, unsubscribed, and can be known again."""
    trial = stage.tried()
    assert list(verdicts(trial, Verdict.HOLDS)) == KEYS
    [customer] = stage.sandbox.stamped_customers.values()
    assert (trial.subject.ids, trial.survey.state, trial.has_written) == ([str(customer["id"])], False, True)
    assert (customer["isSubscribed"], customer["email"]) == (False, EMAIL)
    assert customer["externalId"].startswith(MARK)
    assert len(stage.calls) == len(stage.sandbox.calls)  # each was let through


@pytest.mark.parametrize("is_subscribed", [True, False])
def test_a_customer_of_an_earlier_trial_is_used_again_and_left_as_it_was(stage: Stage, is_subscribed: bool) -> None:
    """So that one address is enough for as many trials as it takes."""
    stage.tried()
    exchange = stage.exchange()
    exchange.set_subscription("email", EMAIL, wanted=is_subscribed)
    trial = stage.tried()
    [customer] = stage.sandbox.stamped_customers.values()
    assert trial.findings.all_hold
    assert (customer["isSubscribed"], trial.survey.state) == (is_subscribed, is_subscribed)


@dataclass(frozen=True)
class Other:
    """A store that does something otherwise, and what a trial says of it."""

    fails: tuple[str, ...]
    seen: str
    """What is seen, among the rest."""
    deviation: Deviation | None = None
    faults: tuple[Fault, ...] = ()
    unshown: tuple[str, ...] = ()
    """What can't be shown then."""


def shaped(shape: str, path: str = "", method: str | None = None) -> tuple[Fault, ...]:
    """Answers of another shape."""
    return (Fault.model_validate({"api": "stamped", "shape": shape, "path": path, "method": method}),)


SURVEYS = ("survey.subscribe", "survey.unsubscribe")
JOB = {"data": {"type": "job", "id": "01J9Z"}}
NO_MARKS = ("create.update", "update.sent", "update.others")

STORES = {
    "other names": Other(tuple(WRITES), "`firstName` of the customer is null", "other-names", unshown=NO_MARKS),
    "email elsewhere": Other(("write.email",), "`email` of the customer is null", faults=shaped("no-email")),
    "create empty": Other(("create.answer", "create.id"), "HTTP 200 with no body", faults=shaped("empty", ADD)),
    "create a text": Other(("create.answer", "create.id"), "HTTP 200 with text", faults=shaped("string", ADD)),
    "create a job": Other(
        ("create.id",),
        "it is not the id of the customer",
        faults=(Fault(path=ADD, status=202, body=JOB),),
        unshown=tuple(key for key in KEYS if key not in {"create.answer", "create.id", "error.status", "error.body"}),
    ),
    "duplicate refused": Other(
        ("create.match",),
        "it is answered HTTP 409 with {message: text}",
        "duplicate-refused",
        unshown=("create.update",),
    ),
    "duplicate unchanged": Other(("create.update",), "it is accepted, and `firstName`", "duplicate-unchanged"),
    "duplicate made": Other(
        ("create.match", "create.update", "update.sent"),
        "it makes customer 143492 beside 143491",
        "duplicate-made",
        unshown=("update.others", *SURVEYS),
    ),
    "read in a list": Other(("read.answer",), "[1 of {id: number", faults=shaped("list-bare", ONE, "GET")),
    "ids as text": Other(("read.id",), "it is text", faults=shaped("text-id")),
    "state as text": Other(("read.subscribed",), "it is text", faults=shaped("text-subscription")),
    "no state": Other(
        ("read.subscribed",), "there is none in {id: number", faults=shaped("no-subscription"), unshown=SURVEYS
    ),
    "update ignored": Other(("update.sent",), "stays as it was", "update-ignored"),
    "whole update": Other(("update.others",), "was text and is null", "whole-update"),
    "list elsewhere": Other(
        ("create.answer", "read.answer", "list.answer"), "the customer is in items[]", faults=shaped("list-items")
    ),
    "search finds nothing": Other(
        ("search.finds",),
        "neither page 1 nor page 0",
        faults=(Fault(path=LIST, status=200, body={"results": []}),),
        unshown=("list.answer", "page.first"),
    ),
    "search ignored": Other(("search.only",), "it finds 1", "search-ignored"),
    "page from zero": Other(("page.first",), "page 0 shows the customer, and page 1 does not", "page-from-zero"),
    "page ignored": Other(("page.first",), "page 2 shows what page 1 shows", "page-ignored"),
    "survey by another name": Other(SURVEYS, "with `customerEmail` it is accepted", "survey-by-customer-email"),
    "survey ignored": Other(("survey.unsubscribe",), "stays true", "survey-ignored", unshown=("survey.subscribe",)),
    "survey says no": Other(
        SURVEYS,
        "{success: boolean, message: text}",
        faults=(Fault(path="survey/", status=200, body={"success": False, "message": "try again"}),),
    ),
    "missing is 400": Other(("error.status",), "HTTP 400", faults=(Fault(path="customers/0$", status=400),)),
    "error as text": Other(
        ("error.body",), "HTTP 404 with what is no JSON", faults=(Fault(path="customers/0$", status=404, body="no"),)
    ),
}


@pytest.mark.parametrize("name", STORES)
def test_what_a_store_does_otherwise_is_found(stage: Stage, name: str) -> None:
    """That, and nothing else; with what was seen."""
    store = STORES[name]
    stage.become(store)
    trial = stage.tried()
    failed, unshown = verdicts(trial, Verdict.FAILS), verdicts(trial, Verdict.OPEN)
    assert (set(failed), set(unshown)) == (set(store.fails), set(store.unshown))
    assert store.seen in "\n".join(failed.values())
    assert all(unshown.values())


def test_every_assumption_can_be_found_not_to_hold() -> None:
    """One that is added without a store that breaks it fails the suite."""
    assert {key for store in STORES.values() for key in store.fails} == set(KEYS)


@pytest.mark.parametrize(
    "name", [name for name in STORES if name not in {"survey ignored", "survey says no", "duplicate made"}]
)
def test_the_test_customer_is_left_unsubscribed_whatever_the_store_does(stage: Stage, name: str) -> None:
    """Wherever there is a call that can do it."""
    stage.become(STORES[name])
    stage.tried()
    assert [each["isSubscribed"] for each in stage.sandbox.stamped_customers.values()] in ([False], [])


def test_a_busy_store_shows_nothing(stage: Stage) -> None:
    """A status that passes is no proof of anything."""
    for path in (r"POST customers/\d+", "GET customers/0", "POST survey/subscribe"):
        method, where = path.split()
        stage.sandbox.add_fault(Fault(api="stamped", method=method, path=f"{where}$", status=503))
    trial = stage.tried()
    assert verdicts(trial, Verdict.FAILS) == {}
    unshown = {"update.sent", "update.others", "error.status", "survey.subscribe"}
    assert set(verdicts(trial, Verdict.OPEN)) == unshown


def test_a_store_may_take_its_time_to_show_what_was_written(stage: Stage) -> None:
    """The trial looks again before it says no."""
    trial = stage.trial()
    assert trial.look()
    stage.sandbox.add_fault(Fault(path=LIST, times=2, status=200, body={"results": []}))
    stage.sandbox.add_fault(Fault(path=ONE, method="GET", times=2, status=404))
    trial.run()
    assert trial.findings.all_hold


# Other customers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("deviation", [None, "page-from-zero", "search-ignored", "page-ignored"])
def test_an_address_that_somebody_has_is_refused(stage: Stage, deviation: Deviation | None) -> None:
    """Wherever the list shows it; nothing is written."""
    stage.fill()
    stage.exchange().create({"email": EMAIL.upper(), "firstName": "Somebody"})
    stage.deviate(deviation)
    stage.sandbox.forget_calls()
    with pytest.raises(NotTheAddress):
        stage.trial().look()
    assert {call.method for call in stage.sandbox.calls} == {"GET"}


NOTHING_TRIED = "no search finds an address that the list shows, or the list shows none"


@pytest.mark.parametrize("others", [0, 60])
@pytest.mark.parametrize(
    ("deviations", "seen"),
    [
        (("list-without-emails",), "the list does not show its customers' addresses"),
        (("list-masks-emails",), "the list does not show its customers' addresses"),
        (("search-by-name",), NOTHING_TRIED),
        (("search-by-name", "list-without-emails"), NOTHING_TRIED),
        (("search-by-name", "list-masks-emails"), NOTHING_TRIED),
    ],
)
def test_an_address_that_somebody_has_and_no_list_shows_is_left_alone(
    stage: Stage, deviations: tuple[Deviation, ...], seen: str, others: int
) -> None:
    """That nobody is shown to have it is no proof: nothing is written."""
    for payload in OTHERS[:others]:
        stage.exchange().create(payload)
    stage.exchange().create({"email": EMAIL, "firstName": "Somebody"})
    before = stage.sandbox.stamped_customers
    stage.sandbox.deviate(*deviations)
    stage.sandbox.forget_calls()
    trial = stage.tried()
    assert (trial.has_written, stage.sandbox.stamped_customers) == (False, before)
    assert {call.method for call in stage.sandbox.calls} == {"GET"}
    assert verdicts(trial, Verdict.FAILS) == {"search.finds": seen}
    assert seen in trial.findings.because


@pytest.mark.parametrize("has_others", [False, True])
def test_a_page_0_that_fails_is_no_reason_to_stop(stage: Stage, has_others: bool) -> None:
    """Where pages count from 1 there is none."""
    if has_others:
        stage.fill()
    stage.sandbox.deviate("page-zero-fails")
    assert stage.tried().findings.all_hold


def test_a_search_for_nobody_may_be_answered_404(stage: Stage) -> None:
    """That the store hash is wrong is said only if the whole list is answered so too."""
    stage.fill()
    stage.sandbox.deviate("nobody-is-missing")
    trial = stage.tried()
    assert trial.has_written
    assert set(verdicts(trial, Verdict.FAILS)) == {"search.only"}


@pytest.mark.parametrize("deviation", ["search-ignored", "duplicate-made", "other-names", "page-from-zero"])
def test_no_other_customer_is_ever_touched(stage: Stage, deviation: Deviation) -> None:
    """Whatever the store does otherwise; and nothing of theirs is in what was seen."""
    stage.fill()
    before = stage.others
    stage.sandbox.deviate(deviation)
    trial = stage.tried()
    assert trial.has_written
    assert stage.others == before
    seen = "\n".join(finding.seen for finding in trial.findings)
    assert not [word for word in ("zoe", "Zoë", "tea") if word in seen]


def test_nothing_is_written_where_the_list_cannot_tell_who_has_the_address(stage: Stage) -> None:
    """As when it is neither searched nor paged."""
    stage.fill()
    stage.sandbox.deviate("search-ignored", "page-ignored")
    stage.sandbox.forget_calls()
    trial = stage.tried()
    assert not trial.has_written
    assert {call.method for call in stage.sandbox.calls} == {"GET"}
    assert verdicts(trial, Verdict.FAILS) == {"search.finds": "every page of the list is the same"}
    assert set(verdicts(trial, Verdict.OPEN).values()) == {trial.findings.because}


def test_an_id_that_is_another_customers_is_never_written_to(stage: Stage) -> None:
    """A create may answer with the id of something else."""
    stage.fill()
    before = stage.others
    other = before[0]["id"]
    stage.sandbox.add_fault(Fault(path=ADD, status=200, body={"id": other}))
    trial = stage.tried()
    assert (stage.others, trial.subject.ids) == (before, [])
    assert "create.id" in verdicts(trial, Verdict.FAILS)


# What ends a trial ----------------------------------------------------------------------------------------------------


def test_refused_credentials_end_it(stage: Stage) -> None:
    """They say nothing of the API."""
    with pytest.raises(StampedCredentialsRefused):
        Trial(stage.exchange("wrong"), EMAIL).look()


@pytest.mark.parametrize("status", [404, 429, 503])
def test_a_list_that_cannot_be_read_ends_it(stage: Stage, status: int) -> None:
    """Before anything is written."""
    stage.sandbox.add_fault(Fault(path=LIST, status=status))
    with pytest.raises(StampedReadFailed):
        stage.trial().look()


@pytest.mark.parametrize("path", [ADD, ONE, "survey/subscribe", "survey/unsubscribe"])
def test_a_connection_that_is_cut_leaves_the_customer_unsubscribed(stage: Stage, path: str) -> None:
    """What was found out until then is kept."""
    stage.sandbox.add_fault(Fault(path=path, method="POST", times=1, cut="after"))
    trial = stage.trial()
    assert trial.look()
    with pytest.raises(StampedUnreachable):
        trial.run()
    [customer] = stage.sandbox.stamped_customers.values()
    assert customer["isSubscribed"] is False
    assert "error.status" in verdicts(trial, Verdict.HOLDS)
