"""The proofs' own measures: they find what they are there to find."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import parts
from tests.proofs.result import percentile
from tests.proofs.throttle import most_in_a_window, share_used
from tests.proofs.truth import compare, expected, person
from worker.sandbox.sandbox import Sandbox

if TYPE_CHECKING:
    from worker.sandbox.ipaas import Source
    from worker.sandbox.stamped import Store


@pytest.fixture
def sandbox() -> Sandbox:
    """Two customers that were carried over as they are."""
    sandbox = Sandbox([person(1), person(2, subscribed=False)])
    for customer_id in ("1", "2"):
        transfer(sandbox, customer_id)
    return sandbox


def transfer(sandbox: Sandbox, customer_id: str) -> None:
    """Do what a transfer and its reconciliation do."""
    fields = expected(sandbox.customers[customer_id])
    made = store(sandbox).add(fields)
    store(sandbox).subscribe(made["email"], is_subscribed=fields["isSubscribed"])
    source(sandbox).record_link(parts.SYSTEM, customer_id, str(made["id"]))


def store(sandbox: Sandbox) -> Store:
    """The Stamped.io store of a sandbox."""
    return sandbox._store  # noqa: SLF001 - there is no way in but calls


def source(sandbox: Sandbox) -> Source:
    """The iPaaS.com of a sandbox."""
    return sandbox._source  # noqa: SLF001 - as above


def test_sides_that_are_the_same_compare_clean(sandbox: Sandbox) -> None:
    """Nothing is lost, duplicated or stale."""
    assert compare(sandbox, ["1", "2"]).is_clean


def test_customer_that_never_arrived_is_lost(sandbox: Sandbox) -> None:
    """So is one whose link leads nowhere."""
    sandbox.put_customer(person(3))
    sandbox.delete_stamped_customer(sandbox.links[parts.SYSTEM]["2"])
    assert compare(sandbox, ["1", "2", "3"]).lost == ["2", "3"]


def test_customer_that_no_link_leads_to_is_a_duplicate(sandbox: Sandbox) -> None:
    """A second record for one customer is found by its missing link."""
    second = store(sandbox).add({"email": "c1.new@example.com"})
    assert compare(sandbox, ["1", "2"]).duplicated == [str(second["id"])]


@pytest.mark.parametrize("change", [{"comment": "new"}, {"custom_fields": [{"value": "no"}]}, {"first_name": "new"}])
def test_customer_that_differs_is_stale(sandbox: Sandbox, change: dict[str, object]) -> None:
    """In any field that is mapped, the subscription among them."""
    sandbox.patch_customer("1", change)
    assert compare(sandbox, ["1", "2"]).stale == ["1"]


def test_worst_window_is_found_wherever_it_begins() -> None:
    """Two bursts on both sides of a full ten seconds are one window's."""
    assert most_in_a_window([0.0, 9.0, 9.5, 10.0, 11.0, 18.9], 10) == 5


def test_share_used_counts_whole_windows_alone() -> None:
    """60 calls of the 200 that two windows allow."""
    assert share_used([at / 3 for at in range(75)], 10) == pytest.approx(0.3)


def test_percentile_is_a_value_that_was_measured() -> None:
    """The 99th percentile of few values is the highest."""
    assert [percentile([3, 1, 2], percent) for percent in (0, 50, 99)] == [1, 2, 3]
