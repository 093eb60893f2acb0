"""What a transfer would do."""

from __future__ import annotations

import pytest

from worker.ipaas.customer import Customer, CustomField
from worker.jobs.errors import EmailMissing, StampedCustomerGone
from worker.mapping.mapping import Mapping
from worker.mapping.rows import Row, RowType
from worker.presentation.preview import follow_up_in_words
from worker.stamped.answers import StampedCustomer
from worker.sync.preview import FollowUp, Preview, Write, preview

ZOE = Customer(id="150713", first_name="Zoë", email_address="zoe@example.com")
NO_LINK = None
ANSWERED = Mapping((*Mapping.default().rows, Row(RowType.FIELD, "IsSubscribed", source="CustomFields.Newsletter")))
"""The default template with IsSubscribed mapped from the customer's own answer."""


class FakeSource:
    """iPaaS.com with one customer."""

    system_id = 4021

    def __init__(self, customer: Customer, link: str | None) -> None:
        self._customer, self._link = customer, link

    def customer(self, customer_id: str) -> Customer:
        """The customer."""
        assert customer_id == "150713"
        return self._customer

    def link(self, customer_id: str, customer: Customer | None = None) -> str | None:
        """The link."""
        assert (customer_id, customer) == ("150713", self._customer)
        return self._link


class FakeStore:
    """Stamped.io; it can only be read."""

    def __init__(self, *customers: StampedCustomer) -> None:
        self._customers = customers

    def customer(self, stamped_id: str) -> StampedCustomer:
        """One customer."""
        for customer in self._customers:
            if customer.id == stamped_id:
                return customer
        raise StampedCustomerGone(http_status=404)

    def customers_with(self, email: str) -> list[StampedCustomer]:
        """Those with this e-mail."""
        return [customer for customer in self._customers if customer.email == email]


def subscribing(value: bool) -> Mapping:
    """The default template with IsSubscribed mapped."""
    return Mapping((*Mapping.default().rows, Row(RowType.STATIC, "IsSubscribed", value=value)))


def planned(
    *stamped: StampedCustomer, link: str | None = NO_LINK, mapping: Mapping | None = None, customer: Customer = ZOE
) -> Preview:
    """The preview of one customer."""
    return preview("150713", mapping or Mapping.default(), FakeSource(customer, link), FakeStore(*stamped))


def zoe(stamped_id: str = "143491", *, is_subscribed: bool | None = True) -> StampedCustomer:
    """The customer in Stamped.io."""
    return StampedCustomer(stamped_id, "zoe@example.com", is_subscribed)


def test_a_linked_customer_would_be_updated() -> None:
    """The link leads to the customer."""
    found = planned(zoe(), link="143491")
    assert (found.write, found.stamped_id) == (Write.UPDATE, "143491")


def test_an_unlinked_customer_would_be_created() -> None:
    """Nobody in Stamped.io has the e-mail."""
    found = planned()
    assert (found.write, found.stamped_id, found.matches) == (Write.CREATE, None, 0)


def test_a_create_that_would_update_an_existing_customer_is_told() -> None:
    """Stamped.io de-duplicates by e-mail."""
    found = planned(zoe("7"))
    assert (found.write, found.stamped_id, found.matches) == (Write.CREATE, "7", 1)


def test_which_of_several_matches_is_not_guessed() -> None:
    """Stamped.io decides which customer a create updates."""
    found = planned(zoe("7"), zoe("8"))
    assert (found.stamped_id, found.matches) == (None, 2)


def test_a_link_whose_customer_is_gone_is_told() -> None:
    """Such a customer would be created anew."""
    found = planned(link="143491")
    assert (found.write, found.gone_id) == (Write.CREATE, "143491")


def test_empty_recommended_rows_are_told() -> None:
    """The last name is missing."""
    assert planned().warnings == ("LastName is recommended and its source LastName is empty",)


def test_a_customer_that_cannot_be_mapped_is_the_error_of_its_transfer() -> None:
    """Without an e-mail there is nothing to preview."""
    with pytest.raises(EmailMissing):
        planned(customer=Customer(id="150713"))


@pytest.mark.parametrize(
    ("desired", "current", "expected"),
    [
        (True, True, FollowUp.UNCHANGED),
        (True, False, FollowUp.SUBSCRIBE),
        (False, True, FollowUp.UNSUBSCRIBE),
        (False, None, FollowUp.UNSUBSCRIBE),
    ],
)
def test_the_subscription_is_changed_only_where_it_differs(
    desired: bool, current: bool | None, expected: FollowUp
) -> None:
    """The same rule as the transfer's."""
    found = planned(zoe(is_subscribed=current), link="143491", mapping=subscribing(desired))
    assert (found.subscription, found.is_subscribed) == (expected, current)


@pytest.mark.parametrize(
    ("stamped", "expected", "words"),
    [
        ([], FollowUp.SUBSCRIBE, "would subscribe, unless Stamped.io creates the customer so"),
        ([zoe(is_subscribed=True)], FollowUp.UNCHANGED, "as mapped already (now subscribed)"),
        ([zoe(is_subscribed=False)], FollowUp.KEPT, "left unsubscribed: the customer has unsubscribed, and"),
        ([zoe(is_subscribed=None)], FollowUp.KEPT, "left as it is: the customer may have unsubscribed, and"),
        ([zoe("7"), zoe("8")], FollowUp.KEPT, "left as it is: the customer may have unsubscribed, and"),
    ],
)
def test_whoever_may_have_unsubscribed_would_not_be_subscribed_again(
    stamped: list[StampedCustomer], expected: FollowUp, words: str
) -> None:
    """Where the row does not resubscribe; a new customer would be."""
    row = Row(RowType.STATIC, "IsSubscribed", value=True, resubscribe=False)
    found = planned(*stamped, mapping=Mapping((*Mapping.default().rows, row)))
    assert found.subscription is expected
    assert follow_up_in_words(found).startswith(words)


def test_a_subscription_that_is_not_mapped_is_left_alone() -> None:
    """The default template does not map it."""
    assert planned(zoe(), link="143491").subscription is FollowUp.NOT_MAPPED


def test_a_mapped_field_that_is_empty_leaves_the_subscription_alone() -> None:
    """A customer who never answered is neither subscribed nor unsubscribed."""
    assert planned(zoe(), link="143491", mapping=ANSWERED).subscription is FollowUp.SOURCE_EMPTY


def test_a_subscription_that_would_fail_is_told_beside_what_would_be_sent() -> None:
    """The customer is transferred all the same."""
    unclear = CustomField(custom_field_name="Newsletter", value="perhaps")
    customer = ZOE.model_copy(update={"custom_fields": [unclear]})
    found = planned(zoe(), link="143491", mapping=ANSWERED, customer=customer)
    assert (found.write, found.payload["email"]) == (Write.UPDATE, "zoe@example.com")
    assert found.subscription is FollowUp.FAIL
    assert found.subscription_failure
    assert found.subscription_failure.code == "subscription-value-invalid"
