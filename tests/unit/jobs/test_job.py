"""A job and the ids that name it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.jobs.errors import ConnectionUnknown, CustomerIdInvalid, SyncError, TriggerMalformed
from worker.jobs.job import Job, Kind, customer_id, plain_text


@pytest.mark.parametrize("value", ["150713", 150713, " 150713\n", "1", "9" * 19, 9_999_999_999_999_999_999])
def test_customer_id_is_a_whole_number(value: object) -> None:
    """As text or as a number, of 1 to 19 digits that do not start with 0."""
    assert customer_id(value) == str(value).strip()


@pytest.mark.parametrize(
    "value",
    [
        *("", " ", "-1", "1.5", "1e5", "0x10", "150 713", "15/0713", "../150713", "150713?x=1", "150713\n1"),
        *("0", "0150713", "000150713", 0),
        *("١٥٠٧١٣", "²", "zoe@example.com", "9" * 20),
        *(None, True, False, 1.0, -1, 10**19, [150713], {"id": 150713}, b"150713"),
        pytest.param(10**5000, id="5000 digits"),
    ],
)
def test_anything_else_is_refused_without_being_repeated(value: object) -> None:
    """What is no id can be anything, an e-mail address too, so the error says nothing of it."""
    with pytest.raises(CustomerIdInvalid) as refused:
        customer_id(value)
    assert refused.value.failure.detail == ""


@given(st.one_of(st.integers(), st.text(), st.floats(), st.booleans(), st.none(), st.binary()))
def test_plain_text_never_raises(value: object) -> None:
    """It is a text, whatever it is asked of, and the empty one for what is no text or number."""
    assert plain_text(value) in {"", str(value).strip()}


def test_job_is_named_by_kind_connection_and_customer() -> None:
    """The name that stands in every log line holds ids alone."""
    assert str(Job(Kind.CUSTOMER, 4021, "150713")) == "customer 4021/150713"


def test_subscription_job_is_the_same_customers() -> None:
    """A customer job leads to its subscription job, which is its own."""
    job = Job(Kind.CUSTOMER, 4021, "150713")
    assert job.subscription == Job(Kind.SUBSCRIPTION, 4021, "150713")
    assert job.subscription.subscription == job.subscription


@pytest.mark.parametrize(
    ("named", "error"),
    [
        (("zoe@example.com", 4021, "150713"), TriggerMalformed),
        ((["customer"], 4021, "150713"), TriggerMalformed),
        (("customer", "zoe@example.com", "150713"), ConnectionUnknown),
        (("customer", None, "150713"), ConnectionUnknown),
        (("customer", 4021, "zoe@example.com"), CustomerIdInvalid),
    ],
)
def test_message_that_names_no_job_is_refused_without_being_repeated(
    named: tuple[object, object, object], error: type[SyncError]
) -> None:
    """Whatever a message holds in place of an id goes no further."""
    with pytest.raises(error) as raised:
        Job.read(*named)
    assert "zoe" not in str(raised.value)


def test_message_names_a_job() -> None:
    """Ids may be numbers or texts."""
    assert Job.read("subscription", "4021", 150713) == Job(Kind.SUBSCRIPTION, 4021, "150713")
