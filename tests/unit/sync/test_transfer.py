"""The transfer, line by line of the specification's Integration Flow, with fakes that note every call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from worker.ipaas.client import shown_link
from worker.ipaas.customer import Customer
from worker.jobs.errors import (
    CustomerNotFound,
    CustomerWriteFailed,
    EmailMissing,
    IPaaSReadFailed,
    LinkNotRecorded,
    StampedCustomerGone,
    StampedIdUnknown,
    SyncError,
)
from worker.jobs.job import Action, Consent, Next
from worker.mapping.mapping import Mapped, Mapping
from worker.mapping.rows import SUBSCRIPTION, Row, RowType
from worker.stamped.answers import StampedCustomer
from worker.sync.transfer import Transferred, next_step, transfer

if TYPE_CHECKING:
    from collections.abc import Callable
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

    def __init__(self, *, link: str | None = None, state: bool | None = None, **changes: Any) -> None:
        self.calls: list[str] = []
        self.sent: dict[str, str] = {}
        self.failing: dict[str, SyncError] = {}
        self._customer = Customer.read(ZOE | changes)
        self._link = link
        self._state = state
        self.other: str | None = None
        self.is_known = False

    def customer(self, customer_id: str) -> Customer:
        """The customer."""
        self._note("read", customer_id)
        return self._customer

    def link(self, customer_id: str, customer: Customer | None = None) -> str | None:
        """What the record shows, else what a look-up finds."""
        if customer and (link := shown_link(customer, SYSTEM)):
            return link
        self._note("look up", customer_id)
        return self._link

    def record_link(self, customer_id: str, stamped_id: str) -> None:
        """Record the link."""
        self._note("link", f"{customer_id}={stamped_id}")

    def linked_customer(self, stamped_id: str) -> str | None:
        """Who else is linked to the Stamped.io customer."""
        self._note("look who has", stamped_id)
        return self.other

    def has_nobody(self, email: str) -> bool:
        """Whether nobody has the e-mail address, for certain."""
        assert email == ZOE["email_address"]
        self._note("search")
        return not self.is_known

    def create(self, payload: Fields[str, str], taken: Callable[[], None]) -> StampedCustomer:
        """Create a customer whose id is 143491."""
        self.sent = dict(payload)
        self._note("create")
        taken()
        if error := self.failing.get("search for the id"):
            raise error
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
    assert next_step(Mapped({}, desired), Mapping.default(), current=current) is following


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


# Who unsubscribed, and who shares a customer -------------------------------------------------------------------------


def keeping(value: bool) -> Mapping:
    """A Static row for IsSubscribed that does not resubscribe."""
    return Mapping((*Mapping.default().rows, Row(RowType.STATIC, SUBSCRIPTION, value=value, resubscribe=False)))


@pytest.mark.parametrize(
    ("link", "is_known", "following", "is_new"),
    [
        ("143491", True, Next.KEPT, False),
        (None, True, Next.KEPT, False),
        (None, False, Next.SUBSCRIPTION, True),
    ],
)
@pytest.mark.parametrize("state", [False, None])
def test_customer_that_unsubscribed_stays_so(
    link: str | None, is_known: bool, following: Next, is_new: bool, state: bool | None
) -> None:
    """Linked or found by e-mail; a customer whom the store did not know has not unsubscribed, whatever it starts as."""
    apis = Apis(link=link, state=state)
    apis.is_known = is_known
    outcome = transferred(apis, keeping(value=True))
    assert (outcome.next_step, outcome.is_new) == (following, is_new)


@pytest.mark.parametrize(
    ("failing", "error"),
    [
        ("link", LinkNotRecorded(http_status=503)),
        ("look who has", RuntimeError()),
        ("search for the id", StampedIdUnknown()),
    ],
)
def test_new_customer_is_known_as_such_before_anything_can_go_wrong(failing: str, error: Any) -> None:
    """Once Stamped.io has taken it: the next run finds it there, by e-mail or by its link."""
    apis, consent = Apis(state=False), Consent()
    apis.failing = {failing: error}
    with pytest.raises(type(error)):
        transfer(ID, keeping(value=True), apis, apis, consent, warns_shared=True)
    assert consent.is_new
    for again in (Apis(state=False), Apis(link="143491", state=False)):
        again.is_known = True
        outcome = transfer(ID, keeping(value=True), again, again, consent)
        assert (outcome.next_step, outcome.is_new) == (Next.SUBSCRIPTION, True)
        assert "search" not in again.calls


@pytest.mark.parametrize(("created", "is_new"), [("143491", True), ("9", False), ("", True)])
@pytest.mark.parametrize("link", ["143491", None])
def test_only_whom_an_earlier_run_created_is_new(link: str | None, created: str, is_new: bool) -> None:
    """The address may be another since then, and that of a person who has unsubscribed."""
    apis = Apis(link=link, state=False)
    outcome = transfer(ID, keeping(value=True), apis, apis, Consent(is_new=True, created=created))
    assert outcome.is_new is is_new
    assert outcome.next_step is (Next.SUBSCRIPTION if is_new else Next.KEPT)


@pytest.mark.parametrize(("created", "shared_with"), [("143491", "9"), ("", None)])
def test_who_shares_is_looked_for_once_though_the_answer_to_the_link_was_lost(
    created: str, shared_with: str | None
) -> None:
    """The next run finds the link and updates."""
    apis = Apis(link="143491")
    apis.other = "9"
    outcome = transfer(ID, Mapping.default(), apis, apis, Consent(created=created), warns_shared=True)
    assert (outcome.action, outcome.facts.get("shared_with")) == (Action.UPDATED, shared_with)


def test_customer_who_is_created_as_subscribed_is_not_new() -> None:
    """Nothing has to be done for them, and whoever unsubscribes from now on has done so."""
    apis, consent = Apis(state=True), Consent()
    assert transfer(ID, keeping(value=True), apis, apis, consent).next_step is Next.UNCHANGED
    assert consent == Consent(is_new=False, created="143491")


def test_customer_that_was_not_created_is_not_new() -> None:
    """A create that is refused, or whose answer is lost, proves nothing: the next run searches again."""
    apis, consent = Apis(), Consent()
    apis.failing = {"create": CustomerWriteFailed(http_status=503)}
    with pytest.raises(CustomerWriteFailed):
        transfer(ID, keeping(value=True), apis, apis, consent)
    assert not consent.is_new


def test_unsubscribing_always_works_and_costs_no_search() -> None:
    """Nobody is asked whether the customer is new."""
    apis = Apis(state=True)
    assert transferred(apis, keeping(value=False)).next_step is Next.SUBSCRIPTION
    assert "search" not in apis.calls


def test_usual_mapping_costs_no_search() -> None:
    """A create takes four calls, its link among them."""
    apis = Apis(state=False)
    assert transferred(apis, static(value=True)).next_step is Next.SUBSCRIPTION
    assert len(apis.calls) == 4


@pytest.mark.parametrize(("other", "shared_with"), [(None, None), (ID, None), ("9", "9")])
def test_customer_who_is_shared_is_seen(other: str | None, shared_with: str | None) -> None:
    """Where that is asked for: by one read, which never stands between the create and its link."""
    apis = Apis()
    apis.other = other
    outcome = transfer(ID, Mapping.default(), apis, apis, warns_shared=True)
    assert outcome.shared_with == shared_with
    assert apis.calls[-3:] == ["create", "link 150713=143491", "look who has 143491"]
    assert outcome.facts == {"is_new": False, "shared_with": shared_with}


def test_update_looks_for_nobody_else() -> None:
    """The link is there; what was seen when it was made stays in the ledger."""
    apis = Apis(link="143491")
    outcome = transfer(ID, Mapping.default(), apis, apis, warns_shared=True)
    assert (len(apis.calls), outcome.facts) == (3, {"is_new": False})
