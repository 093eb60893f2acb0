"""The reconciliation, line by line of the specification's Subscription Handling, with fakes that note every call."""

from __future__ import annotations

from typing import Any

import pytest

from worker.ipaas.customer import Customer
from worker.jobs.errors import (
    StampedCustomerGone,
    StampedReadFailed,
    SubscriptionFailed,
    SubscriptionValueInvalid,
    SyncError,
)
from worker.jobs.job import Action
from worker.mapping.mapping import Mapping
from worker.mapping.rows import SUBSCRIPTION, Row, RowType
from worker.stamped.answers import StampedCustomer, customer_in
from worker.sync.reconcile import Reconciled, reconcile

ID = "150713"
STAMPED_ID = "143491"
HELD = "zoe@store.example"
"""The address that Stamped.io holds, which is not the one that iPaaS.com holds."""


class Apis:
    """Both APIs with one customer; every call is noted in its order, and one of them can be made to fail."""

    def __init__(
        self, present: StampedCustomer | None = None, *, link: str | None = None, newsletter: Any = None
    ) -> None:
        self.calls: list[str] = []
        self.failing: dict[str, SyncError] = {}
        self._present = present or StampedCustomer()
        self._link = link
        self._newsletter = newsletter

    def customer(self, an_id: str) -> Any:
        """The customer in Stamped.io or, by its own id, in iPaaS.com."""
        if an_id == ID:
            self._note("read")
            fields = [{"custom_field_name": "Newsletter", "value": self._newsletter}]
            return Customer.read({"email_address": "zoe@example.com", "custom_fields": fields})
        self._note("read Stamped.io", an_id)
        return self._present

    def link(self, customer_id: str, customer: Customer | None = None) -> str | None:
        """What a look-up finds."""
        assert customer is None
        self._note("look up", customer_id)
        return self._link

    def subscribe(self, email: str) -> None:
        """Subscribe."""
        self._note("subscribe", email)

    def unsubscribe(self, email: str) -> None:
        """Unsubscribe."""
        self._note("unsubscribe", email)

    def _note(self, call: str, what: str = "") -> None:
        self.calls.append(f"{call} {what}".strip())
        if call in self.failing:
            raise self.failing[call]


def mapping(row: Row | None) -> Mapping:
    """The default template, with a row for IsSubscribed where there is one."""
    return Mapping((*Mapping.default().rows, *([row] if row else [])))


def static(value: bool) -> Mapping:
    """IsSubscribed is the same for every customer."""
    return mapping(Row(RowType.STATIC, SUBSCRIPTION, value=value))


FIELD = mapping(Row(RowType.FIELD, SUBSCRIPTION, "CustomFields.Newsletter"))
NOT_MAPPED = mapping(None)
READ = f"read Stamped.io {STAMPED_ID}"


def state(value: bool | None) -> StampedCustomer:
    """The customer in Stamped.io in this state."""
    return StampedCustomer(STAMPED_ID, HELD, value)


def reconciled(apis: Apis, by: Mapping, stamped_id: str | None = STAMPED_ID) -> Reconciled:
    """What the reconciliation comes to."""
    return reconcile(ID, stamped_id, by, apis, apis)


@pytest.mark.parametrize(
    ("desired", "current", "action", "calls"),
    [
        (True, True, Action.UNCHANGED, [READ]),
        (False, False, Action.UNCHANGED, [READ]),
        (True, False, Action.SUBSCRIBED, [READ, f"subscribe {HELD}"]),
        (False, True, Action.UNSUBSCRIBED, [READ, f"unsubscribe {HELD}"]),
        (True, None, Action.SUBSCRIBED, [READ, f"subscribe {HELD}"]),
        (False, None, Action.UNSUBSCRIBED, [READ, f"unsubscribe {HELD}"]),
    ],
)
def test_call_is_made_only_where_the_state_differs(
    desired: bool, current: bool | None, action: Action, calls: list[str]
) -> None:
    """One read tells state and e-mail; the call goes to the address that Stamped.io itself holds."""
    apis = Apis(state(current))
    assert reconciled(apis, static(desired)) == Reconciled(action, STAMPED_ID)
    assert apis.calls == calls


@pytest.mark.parametrize(
    ("desired", "current", "is_new", "action"),
    [
        (True, False, False, Action.UNCHANGED),
        (True, False, True, Action.SUBSCRIBED),
        (True, None, False, Action.UNCHANGED),
        (True, None, True, Action.SUBSCRIBED),
        (False, None, False, Action.UNSUBSCRIBED),
        (False, True, False, Action.UNSUBSCRIBED),
        (False, True, True, Action.UNSUBSCRIBED),
    ],
)
def test_customer_that_unsubscribed_stays_so(desired: bool, current: bool | None, is_new: bool, action: Action) -> None:
    """Where the row does not resubscribe: a state that is not known may be that of somebody who has.

    A new customer is subscribed, and unsubscribing always works.
    """
    row = Row(RowType.STATIC, SUBSCRIPTION, value=desired, resubscribe=False)
    apis = Apis(state(current))
    assert reconcile(ID, STAMPED_ID, mapping(row), apis, apis, is_new=is_new).action is action


@pytest.mark.parametrize("value", [None, "false", "true", 0, 1, "", [], {}])
def test_state_that_is_no_boolean_is_unknown_and_never_false(value: object) -> None:
    """A store that writes its state as text, a number or null is asked to unsubscribe all the same."""
    apis = Apis(customer_in({"id": 143491, "email": HELD, "isSubscribed": value}))
    assert reconciled(apis, static(value=False)).action is Action.UNSUBSCRIBED


def test_not_mapped_calls_nothing() -> None:
    """The existing state is left unchanged, without a look at it."""
    apis = Apis(state(value=True))
    assert reconciled(apis, NOT_MAPPED) == Reconciled(Action.UNCHANGED, STAMPED_ID)
    assert apis.calls == []


def test_static_value_does_not_read_the_customer() -> None:
    """The mapping alone decides, so iPaaS.com is not asked."""
    apis = Apis(state(value=True))
    reconciled(apis, static(value=True))
    assert "read" not in apis.calls


@pytest.mark.parametrize(
    ("value", "current", "calls"),
    [
        ("yes", False, ["read", READ, f"subscribe {HELD}"]),
        (True, False, ["read", READ, f"subscribe {HELD}"]),
        ("0", True, ["read", READ, f"unsubscribe {HELD}"]),
        ("no", False, ["read", READ]),
        ("", True, ["read"]),
        (None, True, ["read"]),
    ],
)
def test_field_is_read_afresh(value: object, current: bool, calls: list[str]) -> None:
    """A field's value of today decides; an empty one leaves the state as it is."""
    apis = Apis(state(current), newsletter=value)
    reconciled(apis, FIELD)
    assert apis.calls == calls


def test_field_that_is_neither_true_nor_false_changes_nothing() -> None:
    """It is an error of its own, before Stamped.io is asked anything."""
    apis = Apis(state(value=True), newsletter="perhaps")
    with pytest.raises(SubscriptionValueInvalid):
        reconciled(apis, FIELD)
    assert apis.calls == ["read"]


def test_customer_whose_id_is_not_known_is_looked_up() -> None:
    """A job that was run by hand, or before the transfer, finds the customer by its link and remembers it."""
    apis = Apis(state(value=False), link=STAMPED_ID)
    assert reconciled(apis, static(value=True), stamped_id=None) == Reconciled(Action.SUBSCRIBED, STAMPED_ID)
    assert apis.calls == ["look up 150713", READ, f"subscribe {HELD}"]


def test_customer_without_a_link_is_gone() -> None:
    """Nothing is guessed by e-mail."""
    apis = Apis(state(value=False))
    with pytest.raises(StampedCustomerGone):
        reconciled(apis, static(value=True), stamped_id=None)
    assert apis.calls == ["look up 150713"]


@pytest.mark.parametrize("error", [StampedCustomerGone(http_status=404), StampedReadFailed(http_status=500)])
def test_customer_that_cannot_be_read_is_not_changed(error: SyncError) -> None:
    """Without its state and e-mail there is no call to make."""
    apis = Apis()
    apis.failing = {"read Stamped.io": error}
    with pytest.raises(type(error)):
        reconciled(apis, static(value=True))
    assert apis.calls == [READ]


def test_customer_without_an_email_is_not_changed() -> None:
    """The calls identify a customer by e-mail alone, and iPaaS.com's is not taken instead."""
    apis = Apis(StampedCustomer(STAMPED_ID, None, is_subscribed=False))
    with pytest.raises(SubscriptionFailed):
        reconciled(apis, static(value=True))
    assert apis.calls == [READ]


def test_state_that_is_as_mapped_needs_no_email() -> None:
    """There is nothing to call."""
    apis = Apis(StampedCustomer(STAMPED_ID, None, is_subscribed=True))
    assert reconciled(apis, static(value=True)).action is Action.UNCHANGED


@pytest.mark.parametrize(("desired", "call"), [(True, "subscribe"), (False, "unsubscribe")])
def test_refused_call_is_the_specifications_second_error(desired: bool, call: str) -> None:
    """It comes out as it is, with its status and Stamped.io's message."""
    apis = Apis(state(not desired))
    apis.failing = {call: SubscriptionFailed("no such customer", http_status=404)}
    with pytest.raises(SubscriptionFailed) as raised:
        reconciled(apis, static(desired))
    message = raised.value.failure.message
    assert message.startswith("An error occurred running the call to subscribe/unsubscribe: ")
    assert message.endswith("HTTP 404: no such customer")
