"""The demonstration's comparison of the ledger with the sandbox: it sees every way in which they can disagree."""

from __future__ import annotations

import base64
import json
from collections import Counter

import pytest

from worker.demo.audit import Standing, Tally, audit, standing
from worker.jobs.job import Job, Kind, State
from worker.ledger import Counts, Ledger
from worker.mapping.mapping import Mapping
from worker.mapping.rows import Row, RowType
from worker.sandbox.messages import Request
from worker.sandbox.sandbox import Sandbox

SYSTEM = 4021
STAMPED_ID = "143491"
GOOD = {"id": "150713", "first_name": "Zoë", "email_address": "zoe@example.com", "external_ids": []}
WITHOUT_EMAIL = {"id": "150714", "first_name": "Ana", "email_address": " "}
FAILING = Job(Kind.CUSTOMER, SYSTEM, "150714")


@pytest.fixture
def sandbox() -> Sandbox:
    """One customer who was transferred, and one who has no e-mail address."""
    sandbox = Sandbox([GOOD, WITHOUT_EMAIL])
    email = GOOD["email_address"]
    write(sandbox, "dashboard/customers/add", {"email": email, "customerEmail": email, "firstName": "Zoë"})
    link(sandbox, STAMPED_ID)
    return sandbox


@pytest.fixture
def recorded() -> Tally:
    """What the ledger says of them."""
    return Tally(Counter(created=1), failed={FAILING: "email-missing"}, stamped_ids={"150713": STAMPED_ID})


def write(sandbox: Sandbox, path: str, body: dict[str, object]) -> None:
    """Call Stamped.io."""
    keys = base64.b64encode(f"{sandbox.public_key}:{sandbox.private_key}".encode()).decode()
    path = f"/api/v2/{sandbox.store_hash}/{path}"
    assert sandbox.answer(Request("POST", path, {}, f"Basic {keys}", json.dumps(body).encode())).is_success


def link(sandbox: Sandbox, external_id: str) -> None:
    """Link the customer."""
    held = {"system_id": SYSTEM, "external_id": external_id, "internal_id": "150713"}
    sandbox.patch_customer("150713", {"external_ids": [held]})


def mismatches(sandbox: Sandbox, recorded: Tally) -> tuple[str, ...]:
    """What the comparison finds."""
    return audit(sandbox, SYSTEM, Mapping.default(), recorded).mismatches


def test_nothing_is_found_if_all_agrees(sandbox: Sandbox, recorded: Tally) -> None:
    """A customer that must fail and has failed is no mismatch."""
    assert mismatches(sandbox, recorded) == ()


def test_it_counts_what_the_sandbox_holds(sandbox: Sandbox, recorded: Tally) -> None:
    """Customers of Stamped.io, and links."""
    found = audit(sandbox, SYSTEM, Mapping.default(), recorded)
    assert (found.stamped, found.linked) == (1, 1)


def test_a_link_that_was_not_recorded_is_found(sandbox: Sandbox, recorded: Tally) -> None:
    """The customer of Stamped.io is then without one, too."""
    link(sandbox, f"DELETED:{STAMPED_ID}")
    assert mismatches(sandbox, recorded) == (
        f"customer 150713 is linked to None, but the ledger says {STAMPED_ID}",
        f"Stamped.io's customer {STAMPED_ID} has no link",
    )


def test_a_link_to_a_customer_who_is_gone_is_found(sandbox: Sandbox, recorded: Tally) -> None:
    """A link alone is not enough."""
    sandbox.delete_stamped_customer(STAMPED_ID)
    assert mismatches(sandbox, recorded) == (f"Stamped.io's customer {STAMPED_ID} is gone",)


def test_a_customer_whom_nobody_asked_for_is_found(sandbox: Sandbox, recorded: Tally) -> None:
    """A duplicate, for example."""
    write(sandbox, "dashboard/customers/add", {"email": "other@example.com"})
    assert mismatches(sandbox, recorded) == ("Stamped.io's customer 143492 has no link",)


def test_a_value_that_is_not_the_mapped_one_is_found(sandbox: Sandbox, recorded: Tally) -> None:
    """The last change did not arrive."""
    sandbox.patch_customer("150713", {"first_name": "Zoe"})
    assert mismatches(sandbox, recorded) == (f"Stamped.io's customer {STAMPED_ID} does not hold the mapped values",)


def test_a_subscription_that_is_not_the_first_one_is_found(sandbox: Sandbox, recorded: Tally) -> None:
    """It is not mapped here, so it must be as it was."""
    write(sandbox, "survey/unsubscribe", {"email": "zoe@example.com"})
    found = mismatches(sandbox, recorded)
    assert found == (f"Stamped.io's customer {STAMPED_ID} does not have the mapped subscription",)


def test_a_failure_that_should_not_be_is_found(sandbox: Sandbox, recorded: Tally) -> None:
    """The sample data means only its own failures."""
    recorded.failed[Job(Kind.SUBSCRIPTION, SYSTEM, "150713")] = "subscription-failed"
    assert mismatches(sandbox, recorded) == (
        "subscription 4021/150713 should have ended with no error, but ended with subscription-failed",
    )


def test_a_failure_that_should_be_and_is_not_is_found(sandbox: Sandbox, recorded: Tally) -> None:
    """A customer without an e-mail address can't have been transferred."""
    recorded.failed.clear()
    assert mismatches(sandbox, recorded) == (
        "customer 4021/150714 should have ended with email-missing, but ended with no error",
    )


def test_a_subscription_that_must_fail_leaves_its_customer_as_mapped(sandbox: Sandbox, recorded: Tally) -> None:
    """The transfer is done all the same; without the failure, the comparison says so."""
    sandbox.patch_customer("150713", {"custom_fields": [{"custom_field_name": "Newsletter", "value": "perhaps"}]})
    row = Row(RowType.FIELD, "IsSubscribed", source="CustomFields.Newsletter")
    mapping = Mapping((*Mapping.default().rows, row))
    subscription = Job(Kind.SUBSCRIPTION, SYSTEM, "150713")
    assert audit(sandbox, SYSTEM, mapping, recorded).mismatches == (
        f"{subscription} should have ended with subscription-value-invalid, but ended with no error",
    )
    recorded.failed[subscription] = "subscription-value-invalid"
    assert audit(sandbox, SYSTEM, mapping, recorded).mismatches == ()


def test_only_customer_jobs_count_as_failed_customers(recorded: Tally) -> None:
    """A subscription that fails leaves its customer done."""
    recorded.failed[Job(Kind.SUBSCRIPTION, SYSTEM, "150713")] = "subscription-failed"
    assert recorded.customers_failed == 1


class OneInEachState(Ledger):
    """A ledger with one job of each kind in each state, and no Redis."""

    def __init__(self) -> None:
        """Nothing is needed."""

    def counts(self, kind: Kind) -> Counts:
        """One in each state."""
        assert kind in Kind
        return Counts(**dict.fromkeys(State, 1))


def test_a_job_is_open_until_it_is_done_or_failed() -> None:
    """Queued, sent, running and waiting, of both kinds; customers alone count as settled."""
    assert standing(OneInEachState()) == Standing(settled=2, waiting=2, open=8)
