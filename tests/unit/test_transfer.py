"""The transfer, line by line of the specification's Integration Flow, with fakes that note every call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from worker.customer import Customer
from worker.errors import (
    CustomerNotFound,
    CustomerWriteFailed,
    EmailMissing,
    IPaaSReadFailed,
    LinkNotRecorded,
    StampedCustomerGone,
    StampedIdUnknown,
    SyncError,
)
from worker.job import Action, Next
from worker.mapping import Mapped, Mapping
from worker.rows import SUBSCRIPTION, Row, RowType
from worker.stamped_answers import StampedCustomer
from worker.transfer import Transferred, next_step, transfer

if TYPE_CHECKING:
    from collections.abc import Mapping as Fields

ID = "150713"
SYSTEM = 4021
ZOE = {
    "id": ID,
    "customer_number": "C-713",
    "email_address": "zoe@example.com",
    "first_name": "Zoë",
    "last_name": "Müller",
    "comment": "Prefers tea",
}
PAYLOAD = {
    "externalId": "C-713",
    "customerEmail": "zoe@example.com",
    "email": "zoe@example.com",
    "firstName": "Zoë",
    "lastName": "Müller",
    "notes": "Prefers tea",
}


class Apis:
    """Both APIs with one customer; every call is noted in its order, and one of them can be made to fail."""

    system_id = SYSTEM

    def __init__(self, *, link: str | None = None, state: bool | None = None, **changes: Any) -> None:
        self.calls: list[str] = []
        self.sent: dict[str, str] = {}
        self.failing: dict[str, SyncError] = {}
        self._customer = Customer.model_validate(ZOE | changes)
        self._link = link
        self._state = state

    def customer(self, customer_id: str) -> Customer:
        """The customer."""
        self._note("read", customer_id)
        return self._customer

    def link(self, customer_id: str) -> str | None:
        """What a look-up finds."""
        self._note("look up", customer_id)
        return self._link

    def record_link(self, customer_id: str, stamped_id: str) -> None:
        """Record the link."""
        self._note("link", f"{customer_id}={stamped_id}")

    def create(self, payload: Fields[str, str]) -> StampedCustomer:
        """Create a customer whose id is 143491."""
        self.sent = dict(payload)
        self._note("create")
        return StampedCustomer("143491", payload["email"], self._state)

    def update(self, stamped_id: str, payload: Fields[str, str]) -> StampedCustomer:
        """Update a customer; the answer names no id, as a bare answer may not."""
        self.sent = dict(payload)
        self._note("update", stamped_id)
        return StampedCustomer(None, None, self._state)

    def _note(self, call: str, what: str = "") -> None:
        self.calls.append(f"{call} {what}".strip())
        if call in self.failing:
            raise self.failing[call]


def static(value: bool) -> Mapping:
    """The default template with a Static row for IsSubscribed."""
    return Mapping((*Mapping.default().rows, Row(RowType.STATIC, SUBSCRIPTION, value=value)))


def external_ids(*ids: tuple[object, object]) -> list[dict[str, object]]:
    """The external ids of a customer's record, by system."""
    return [{"system_id": system, "external_id": external_id} for system, external_id in ids]


def transferred(apis: Apis, mapping: Mapping | None = None) -> Transferred:
    """What the transfer of the customer comes to."""
    return transfer(ID, mapping or Mapping.default(), apis, apis)


# Create or update ----------------------------------------------------------------------------------------------------


def test_customer_without_a_link_is_created_and_linked() -> None:
    """One read, one look-up, one create, one link, in this order."""
    apis = Apis()
    outcome = transferred(apis)
    assert apis.calls == ["read 150713", "look up 150713", "create", "link 150713=143491"]
    assert (outcome.action, outcome.stamped_id) == (Action.CREATED, "143491")


def test_link_in_the_record_is_updated_without_a_look_up() -> None:
    """One read and one update: the record itself says where the customer is."""
    apis = Apis(external_ids=external_ids((4021, "143491")))
    outcome = transferred(apis)
    assert apis.calls == ["read 150713", "update 143491"]
    assert (outcome.action, outcome.stamped_id) == (Action.UPDATED, "143491")


@pytest.mark.parametrize(
    "shown",
    [
        None,
        [],
        external_ids((9999, "77")),
        external_ids((None, "77")),
        external_ids((4021, None)),
        external_ids((4021, "")),
        external_ids((4021, "DELETED:143491")),
    ],
)
def test_link_that_the_record_does_not_show_is_looked_up(shown: object) -> None:
    """No entry, another system's, an empty or a deleted one: the look-up decides."""
    apis = Apis(link="143491", external_ids=shown)
    assert transferred(apis).action is Action.UPDATED
    assert apis.calls == ["read 150713", "look up 150713", "update 143491"]


def test_deleted_link_beside_a_live_one_does_not_hide_it() -> None:
    """The live one of this system counts, wherever it stands and whether the system is a number or a text."""
    apis = Apis(external_ids=external_ids((9999, "77"), ("4021", "DELETED:1"), ("4021", "143491")))
    transferred(apis)
    assert apis.calls == ["read 150713", "update 143491"]


def test_both_writes_send_the_mapped_values() -> None:
    """The specification's table, on create and on update alike."""
    for apis in (Apis(), Apis(link="143491")):
        transferred(apis)
        assert apis.sent == PAYLOAD


def test_unmapped_and_empty_values_are_left_out() -> None:
    """Nothing is ever sent empty, and a blank name is told of."""
    apis = Apis(link="143491", first_name="  ", last_name=None, comment="", company="Acme")
    outcome = transferred(apis)
    assert apis.sent == {name: PAYLOAD[name] for name in ("externalId", "customerEmail", "email")}
    assert [warning.split()[0] for warning in outcome.warnings] == ["FirstName", "LastName"]


# What can go wrong ---------------------------------------------------------------------------------------------------


def test_linked_customer_that_is_gone_is_created_and_linked_anew() -> None:
    """A 404 on the update heals itself."""
    apis = Apis(external_ids=external_ids((4021, "111")))
    apis.failing = {"update": StampedCustomerGone(http_status=404)}
    outcome = transferred(apis)
    assert apis.calls == ["read 150713", "update 111", "create", "link 150713=143491"]
    assert (outcome.action, outcome.stamped_id) == (Action.CREATED, "143491")


@pytest.mark.parametrize(
    ("failing", "error", "calls"),
    [
        ("read", CustomerNotFound(http_status=404), ["read 150713"]),
        ("look up", IPaaSReadFailed(http_status=500), ["read 150713", "look up 150713"]),
        ("create", CustomerWriteFailed(http_status=422), ["read 150713", "look up 150713", "create"]),
        ("create", StampedIdUnknown(), ["read 150713", "look up 150713", "create"]),
        ("link", LinkNotRecorded(http_status=500), ["read 150713", "look up 150713", "create", "link 150713=143491"]),
    ],
)
def test_error_ends_the_transfer_where_it_happens(failing: str, error: SyncError, calls: list[str]) -> None:
    """Nothing is called behind it, and it comes out as it is."""
    apis = Apis()
    apis.failing = {failing: error}
    with pytest.raises(type(error)) as raised:
        transferred(apis)
    assert raised.value is error
    assert apis.calls == calls


def test_refused_update_is_no_reason_to_create() -> None:
    """Only a 404 is; any other error of the update is the transfer's."""
    apis = Apis(link="143491")
    apis.failing = {"update": CustomerWriteFailed(http_status=422)}
    with pytest.raises(CustomerWriteFailed):
        transferred(apis)
    assert apis.calls[-1] == "update 143491"


@pytest.mark.parametrize("email", [None, "", " \t"])
def test_customer_without_an_email_is_not_sent(email: str | None) -> None:
    """The e-mail is required: nothing is looked up and nothing written."""
    apis = Apis(email_address=email)
    with pytest.raises(EmailMissing):
        transferred(apis)
    assert apis.calls == ["read 150713"]


# Whether a subscription job follows ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("desired", "current", "following"),
    [
        (None, None, Next.NOTHING),
        (None, True, Next.NOTHING),
        (None, False, Next.NOTHING),
        (True, True, Next.UNCHANGED),
        (False, False, Next.UNCHANGED),
        (True, False, Next.SUBSCRIPTION),
        (False, True, Next.SUBSCRIPTION),
        (True, None, Next.SUBSCRIPTION),
        (False, None, Next.SUBSCRIPTION),
    ],
)
def test_subscription_job_follows_only_where_it_is_needed(
    desired: bool | None, current: bool | None, following: Next
) -> None:
    """Not mapped, nothing; the same, noted; different or unknown, a job."""
    assert next_step(Mapped({}, desired), current=current) is following


@pytest.mark.parametrize("state", [True, False, None])
def test_value_that_is_not_clear_leaves_the_transfer_well(state: bool | None) -> None:
    """The customer is created and linked; its subscription job follows, and fails with that as its own error."""
    apis = Apis(state=state, custom_fields=[{"custom_field_name": "Newsletter", "value": "perhaps"}])
    row = Row(RowType.FIELD, SUBSCRIPTION, "CustomFields.Newsletter")
    outcome = transferred(apis, Mapping((*Mapping.default().rows, row)))
    assert (outcome.action, outcome.next_step, outcome.warnings) == (Action.CREATED, Next.SUBSCRIPTION, ())
    assert apis.calls[-1] == "link 150713=143491"


@pytest.mark.parametrize("link", [None, "143491"])
@pytest.mark.parametrize(("state", "following"), [(True, Next.UNCHANGED), (None, Next.SUBSCRIPTION)])
def test_state_is_taken_from_the_answer_to_the_write(link: str | None, state: bool | None, following: Next) -> None:
    """On create and on update alike; the transfer itself reads and sets no subscription."""
    apis = Apis(link=link, state=state)
    assert transferred(apis, static(value=True)).next_step is following
    assert len(apis.calls) == (3 if link else 4)


def test_state_of_a_customer_that_is_gone_is_forgotten() -> None:
    """What counts after self-healing is the answer to the create."""
    apis = Apis(link="111", state=False)
    apis.failing = {"update": StampedCustomerGone()}
    assert transferred(apis, static(value=False)).next_step is Next.UNCHANGED
