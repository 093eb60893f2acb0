"""Consent, and customers who share one, as tasks keep them: over retries, throttles and whatever a search answers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tasks import reconcile_subscription, transfer_customer
from tests import parts
from tests.integration.stage import EMAIL, ID, JOB, Run, Stage, at, run, transferred
from worker.app import app
from worker.effects import Effect, Moment
from worker.jobs.job import Action, Job, Kind, State
from worker.ledger import ClaimLost, Ledger, Limit, StoreLimits
from worker.sandbox.faults import Fault
from worker.stamped.client import MOST_PAGES

if TYPE_CHECKING:
    from worker.sandbox.stamped import Store

OTHER = Job(Kind.CUSTOMER, parts.SYSTEM, "9")


def limit_source(stage: Stage, terms: StoreLimits) -> None:
    """Let the store have these terms from now on."""
    ledger = Ledger(stage.client, stores={parts.SYSTEM: terms})
    stage.patch.setitem(app.__dict__, "runtime", replace(app.runtime, ledger=ledger))


# Customers who share one ---------------------------------------------------------------------------------------------


@pytest.fixture
def warning(stage: Stage, redis_url: str) -> Stage:
    """The parts, whose connection looks for customers who share one."""
    parts.write_connections(stage.folder, stage.url, more="warn_shared = true")
    stage.build(redis_url)
    return stage


@pytest.mark.parametrize("calls", [3, 4, 6])
def test_look_at_who_shares_a_customer_never_delays_its_link(warning: Stage, calls: int) -> None:
    """However few calls iPaaS.com allows: one create, its link straight after it, and the job gets to its end."""
    limit_source(warning, StoreLimits(ipaas=Limit(calls, 0.001), looks_for_shared=True))
    transferred(warning)
    for _ in range(5):
        warning.ledger.admit(parts.SYSTEM)
        run(transfer_customer, parts.SYSTEM, ID)
    create = warning.called.index("add")
    assert (warning.called.count("add"), warning.called[create + 1]) == (1, "UpdateExternalId")
    assert warning.record().state is State.DONE


def test_look_at_who_shares_a_customer_has_its_slot_from_the_beginning(warning: Stage) -> None:
    """It is a call that such a job usually makes: a job without room for it does not begin."""
    limit_source(warning, StoreLimits(ipaas=Limit(6, 60), looks_for_shared=True))
    warning.ledger.request(OTHER)
    warning.ledger.request(JOB)
    assert warning.ledger.counts(Kind.CUSTOMER).queued == 1
    assert warning.ledger.claim(OTHER).covered["ipaas"] == 4


def test_connection_that_warns_asks_for_that_slot(warning: Stage) -> None:
    """The connections file says it."""
    transferred(warning)
    assert warning.record().action == Action.CREATED
    assert '"looks": 1' in app.runtime.ledger._limits[parts.SYSTEM].as_json()  # noqa: SLF001 - what the scripts get


# Who is new ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def keeping(stage: Stage, redis_url: str) -> Stage:
    """The parts, whose mapping subscribes nobody again, and a store where everybody starts unsubscribed."""
    parts.write_connections(stage.folder, stage.url, subscription=True)
    row = 'type = "Static"\nvalue = true\ndestination = "IsSubscribed"\nresubscribe = false'
    parts.write_rows(stage.folder / "mapping.toml", row)
    stage.build(redis_url)
    stage.sandbox.deviate("unsubscribed-at-first")
    return stage


def store_of(stage: Stage) -> Store:
    """The one Stamped.io store there is."""
    return stage.sandbox._store  # noqa: SLF001 - what people do in it themselves


def is_subscribed(stage: Stage) -> bool:
    """The state in Stamped.io of the one customer there is."""
    (customer,) = store_of(stage).customers.values()
    return bool(customer["isSubscribed"])


def run_again(stage: Stage, task: Any = transfer_customer) -> Run:
    """Run the job's retry at once, whether it rests or its store is held."""
    stage.ledger.release(parts.SYSTEM)
    for kind in Kind:
        stage.client.hset(stage.ledger.key(Job(kind, parts.SYSTEM, ID)), "due", "0")
    stage.ledger.admit(parts.SYSTEM)
    return run(task, parts.SYSTEM, ID)


@pytest.mark.parametrize("status", [503, 401, 429])
def test_weather_keeps_no_new_customer_from_being_subscribed(keeping: Stage, status: int) -> None:
    """The link call meets trouble, and the run behind it finds the customer that the first one created."""
    keeping.sandbox.add_fault(Fault(path="UpdateExternalId", status=status, times=1))
    transferred(keeping)
    assert run_again(keeping).value["action"] == Action.CREATED
    run(reconcile_subscription, parts.SYSTEM, ID)
    assert is_subscribed(keeping)


@pytest.mark.parametrize(("status", "ends"), [(429, True), (401, True), (503, False), (422, False)])
def test_customer_is_new_until_it_may_have_been_subscribed(keeping: Stage, status: int, ends: bool) -> None:
    """A refusal before anything was done is none; behind any other, whoever is unsubscribed may have ended it."""
    keeping.sandbox.add_fault(Fault(path="survey/subscribe", status=status, times=1))
    transferred(keeping)
    run(reconcile_subscription, parts.SYSTEM, ID)
    if status == 422:
        keeping.ledger.retry_failed(Kind.SUBSCRIPTION, 7)
    run_again(keeping, reconcile_subscription)
    assert keeping.record(JOB.subscription).state is State.DONE
    assert is_subscribed(keeping) is ends


def test_whoever_unsubscribes_behind_a_lost_answer_stays_so(keeping: Stage, redis_url: str) -> None:
    """Subscribed, the worker dies, and the person unsubscribes before the job is run again."""

    def unsubscribe() -> None:
        store_of(keeping).subscribe(EMAIL, is_subscribed=False)
        raise ClaimLost

    transferred(keeping)
    keeping.build(redis_url, at(Effect.SUBSCRIBE, Moment.AFTER, unsubscribe))
    run(reconcile_subscription, parts.SYSTEM, ID)
    keeping.build(redis_url)
    keeping.client.zadd(f"stamped-sync:running:subscription:{parts.SYSTEM}", {f"{parts.SYSTEM}:{ID}": 1})
    keeping.ledger.sweep(Kind.SUBSCRIPTION)
    assert run_again(keeping, reconcile_subscription).value["action"] == Action.UNCHANGED
    assert not is_subscribed(keeping)


def test_subscription_of_a_new_customer_costs_no_round_trip_more(keeping: Stage, redis_url: str) -> None:
    """The flag is taken back in the check of the claim that each write makes."""
    effects: list[Effect] = []
    transferred(keeping)
    keeping.build(redis_url, lambda effect, moment: effects.append(effect) if moment is Moment.BEFORE else None)
    run(reconcile_subscription, parts.SYSTEM, ID)
    assert effects == [Effect.CLAIM, Effect.RENEW, Effect.SUBSCRIBE, Effect.COMPLETE]


@pytest.mark.parametrize("deviation", ["search-ignored", "page-ignored"])
def test_search_without_an_end_makes_nobody_new(keeping: Stage, deviation: Any) -> None:
    """It may have hidden the customer, who then stays as Stamped.io made it."""
    keeping.sandbox.deviate("unsubscribed-at-first", deviation)
    store = store_of(keeping)
    for number in range(50 * (MOST_PAGES + 1)):
        store.add({"email": f"{'x' if deviation == 'search-ignored' else ''}{number}{EMAIL}"})
    transferred(keeping)
    assert (keeping.record(JOB.subscription).action, keeping.called[-2:]) == (
        Action.UNCHANGED,
        ["add", "UpdateExternalId"],
    )


@pytest.mark.parametrize("warns", [False, True])
@pytest.mark.parametrize("is_known", [False, True])
def test_create_costs_one_search(keeping: Stage, redis_url: str, is_known: bool, warns: bool) -> None:
    """As the documents say: it ends with the first page that shows the customer. Looking who shares it is one call."""
    if warns:
        path = keeping.folder / "connections.toml"
        path.write_text(f"{path.read_text(encoding='utf-8')}\nwarn_shared = true", encoding="utf-8")
        keeping.build(redis_url)
    for address in [EMAIL] * is_known + [f"{number}{EMAIL}" for number in range(120 * is_known)]:
        store_of(keeping).add({"email": address})
    transferred(keeping)
    look = [next(iter(store_of(keeping).customers))] * warns
    assert keeping.called == [ID, "customer", "customers", "add", "UpdateExternalId", *look]


# What can't be read ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("custom_fields", "state", "stays"),
    [
        ({"Newsletter": "yes"}, State.FAILED, True),
        ([{"custom_field_name": ["Newsletter"], "value": "yes"}], State.FAILED, True),
        (
            [{"custom_field_name": "Newsletter", "value": "yes"}, {"custom_field_name": "newsletter", "value": "no"}],
            State.FAILED,
            True,
        ),
        (None, State.DONE, False),
        ([{"custom_field_name": "NEWSLETTER ", "value": "no"}], State.DONE, False),
    ],
)
def test_nobody_is_unsubscribed_by_a_default_that_stands_in_for_what_can_not_be_read(
    stage: Stage, redis_url: str, custom_fields: object, state: State, stays: bool
) -> None:
    """The customer is transferred, the subscription job fails with what to do, and the subscription stays."""
    parts.write_connections(stage.folder, stage.url, subscription=True)
    row = 'type = "Field"\nsource = "CustomFields.Newsletter"\ndestination = "IsSubscribed"\ndefault = false'
    parts.write_rows(stage.folder / "mapping.toml", row)
    stage.build(redis_url)
    stage.sandbox.patch_customer(ID, {"custom_fields": custom_fields})
    transferred(stage)
    store_of(stage).subscribe(EMAIL, is_subscribed=True)
    run(reconcile_subscription, parts.SYSTEM, ID)
    assert (stage.record().state, stage.record(JOB.subscription).state) == (State.DONE, state)
    assert is_subscribed(stage) is stays
