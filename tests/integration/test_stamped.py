"""Stamped.io's client over real HTTP: the calls it makes, and what it makes of the answers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.integration.gate import Gate
from tests.integration.raw_server import RawServer, http, serving
from worker.effects import Effect, Moment
from worker.errors import (
    AnswerUnreadable,
    CustomerWriteFailed,
    StampedCredentialsRefused,
    StampedCustomerGone,
    StampedIdUnknown,
    StampedReadFailed,
    StampedUnreachable,
    SubscriptionFailed,
    SyncError,
)
from worker.http import Api
from worker.ledger import ClaimLost
from worker.sandbox.faults import Fault
from worker.stamped import Stamped
from worker.stamped_answers import StampedCustomer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from worker.sandbox.server import RunningSandbox
    from worker.sandbox.shapes import Shape

BASE = "/api/v2/270392"
AUTHORIZATION = "Basic c2FuZGJveC1wdWJsaWM6c2FuZGJveC1wcml2YXRl"
EMAIL = "zoe@example.com"
PAYLOAD = {"email": EMAIL, "firstName": "Zoë", "notes": 'Said "hi",\nthen left'}
ID = "143491"

WRITES: dict[str, Callable[[Stamped], object]] = {
    "create": lambda store: store.create(PAYLOAD),
    "update": lambda store: store.update(ID, PAYLOAD),
    "subscribe": lambda store: store.subscribe(EMAIL),
    "unsubscribe": lambda store: store.unsubscribe(EMAIL),
}
READS: dict[str, Callable[[Stamped], object]] = {
    "customer": lambda store: store.customer(ID),
    "search": lambda store: store.customers_with(EMAIL),
    "prove": lambda store: store.prove(),
}
CALLS = {**WRITES, **READS}
HOSTILE = ["..", "a/b", "1/../2", "1?x=2", "1#x", "%2e%2e", "add", "1\r\nX: y", " ", "1" * 1000, EMAIL, "\uff11"]


def client(url: str, gate: Gate | None = None, effects: list[tuple[Effect, Moment]] | None = None) -> Stamped:
    """The client of a store."""
    noted = [] if effects is None else effects
    api = Api(
        "Stamped.io",
        url + BASE,
        AUTHORIZATION,
        StampedUnreachable,
        witness=lambda effect, moment: noted.append((effect, moment)),
    )
    return Stamped(api, gate or Gate())


@pytest.fixture(name="server")
def _server() -> Iterator[RawServer]:
    """A server of bare bytes."""
    yield from serving()


@pytest.fixture(name="answered")
def _answered(server: RawServer) -> Callable[..., Stamped]:
    """The client of an API that gives these answers, one after the other, and the last one for ever."""

    def answering(*bodies: object, status: int = 200, header: str = "X: y") -> Stamped:
        contents = [body if isinstance(body, bytes) else json.dumps(body).encode() for body in bodies]

        def answer(_: bytes) -> list[bytes]:
            content = contents.pop(0) if len(contents) > 1 else contents[0]
            return [http(content, f"{status} Status", header)]

        server.answer = answer
        return client(server.url)

    return answering


@pytest.fixture(name="store")
def _store(sandbox: RunningSandbox) -> Stamped:
    """The client of the sandbox's store."""
    return client(sandbox.url)


# The calls -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "line", "body"),
    [
        ("create", f"POST {BASE}/dashboard/customers/add", PAYLOAD),
        ("update", f"POST {BASE}/dashboard/customers/{ID}", PAYLOAD),
        ("subscribe", f"POST {BASE}/survey/subscribe", {"email": EMAIL}),
        ("unsubscribe", f"POST {BASE}/survey/unsubscribe", {"email": EMAIL}),
        ("customer", f"GET {BASE}/dashboard/customers/{ID}", None),
        ("search", f"GET {BASE}/dashboard/customers?search=zoe%40example.com&page=1", None),
        ("prove", f"GET {BASE}/dashboard/customers?page=1", None),
    ],
)
def test_every_call_is_the_contracts(
    answered: Callable[..., Stamped], server: RawServer, name: str, line: str, body: object
) -> None:
    """Path, credentials and body."""
    CALLS[name](answered({"id": 143491}))
    (request,) = server.requests
    head = request.decode().splitlines()
    assert head[0] == f"{line} HTTP/1.1"
    assert f"Authorization: {AUTHORIZATION}" in head
    assert (json.loads(head[-1]) if body else None) == body


@pytest.mark.parametrize("name", CALLS)
def test_every_call_passes_the_gate_once(answered: Callable[..., Stamped], name: str) -> None:
    """As a read or as a write."""
    store = answered({"id": 143491})
    CALLS[name](store)
    assert isinstance(store.gate, Gate)
    assert store.gate.passed == ["write" if name in WRITES else "read"]


@pytest.mark.parametrize("name", CALLS)
def test_nothing_is_called_through_a_shut_gate(server: RawServer, name: str) -> None:
    """A job that lost its claim makes no further call."""
    with pytest.raises(ClaimLost):
        CALLS[name](client(server.url, Gate(is_shut=True)))
    assert server.requests == []


@pytest.mark.parametrize(
    ("name", "effect"),
    [
        ("create", Effect.CREATE_CUSTOMER),
        ("update", Effect.UPDATE_CUSTOMER),
        ("subscribe", Effect.SUBSCRIBE),
        ("unsubscribe", Effect.UNSUBSCRIBE),
    ],
)
def test_every_write_is_a_declared_effect(server: RawServer, name: str, effect: Effect) -> None:
    """Seen before and after; one that was cut off has no after."""
    effects: list[tuple[Effect, Moment]] = []
    server.answer = lambda _: [http(b'{"id": 1}')]
    WRITES[name](client(server.url, effects=effects))
    server.answer = lambda _: [b""]
    with pytest.raises(StampedUnreachable):
        WRITES[name](client(server.url, effects=effects))
    assert effects == [(effect, Moment.BEFORE), (effect, Moment.AFTER), (effect, Moment.BEFORE)]


@pytest.mark.parametrize("link", HOSTILE)
def test_hostile_link_never_becomes_another_path(server: RawServer, link: str) -> None:
    """It can be no customer's, so nothing is called: the customer counts as gone, and is created anew."""
    store = client(server.url)
    with pytest.raises(StampedCustomerGone):
        store.update(link, PAYLOAD)
    with pytest.raises(StampedCustomerGone):
        store.customer(link)
    assert server.requests == []


# Creating ------------------------------------------------------------------------------------------------------------


def test_create_of_an_existing_email_is_its_customer(store: Stamped) -> None:
    """Stamped.io de-duplicates by e-mail, so a repeat does no harm."""
    first, second = store.create(PAYLOAD), store.create(PAYLOAD | {"email": EMAIL.upper()})
    assert first.id == second.id == ID


@pytest.mark.parametrize(
    "shape",
    [
        "empty",
        "string",
        "nested-customer",
        "nested-result",
        "nested-data",
        "list-results",
        "list-customers",
        "list-bare",
    ],
)
def test_id_is_found_whatever_shape_the_answer_has(sandbox: RunningSandbox, store: Stamped, shape: Shape) -> None:
    """In the answer to the create or, where it is not there, by one search."""
    sandbox.sandbox.add_fault(Fault(path="customers/add$", shape=shape))
    assert store.create(PAYLOAD).id == ID
    assert len(sandbox.sandbox.calls) <= 2


@pytest.mark.parametrize("given", [None, "", "..", "add", EMAIL, True, 1.5, {"id": 1}])
def test_id_that_can_be_none_is_searched_for(answered: Callable[..., Stamped], given: object) -> None:
    """It is not recorded as a link."""
    assert answered({"id": given}, [{"id": 143491, "email": EMAIL}]).create(PAYLOAD).id == ID


@pytest.mark.parametrize(
    ("found", "stamped_id"),
    [
        ([{"id": 143491, "email": EMAIL}], ID),
        ([{"id": 143491, "email": " ZOE@Example.com"}], ID),
        ([{"id": 1, "email": f"x{EMAIL}"}, {"id": 143491, "email": EMAIL}, {"id": 2, "email": None}], ID),
        ([{"id": 143491, "email": EMAIL}, {"email": EMAIL}], ID),
        ([], None),
        ([{"id": 1, "email": f"x{EMAIL}"}], None),
        ([{"email": EMAIL}], None),
        ([{"id": 1, "email": EMAIL}, {"id": 2, "email": EMAIL.upper()}], None),
        ("OK", None),
        (None, None),
    ],
)
def test_search_takes_the_one_exact_match_and_never_guesses(
    answered: Callable[..., Stamped], found: object, stamped_id: str | None
) -> None:
    """Upper and lower case are alike; none and several are an error that names no address."""
    store = answered("OK", found)
    if stamped_id:
        assert store.create(PAYLOAD).id == stamped_id
    else:
        with pytest.raises(StampedIdUnknown, match=r"customers have the email$"):
            store.create(PAYLOAD)


# Reading -------------------------------------------------------------------------------------------------------------


def test_customer_is_read_with_its_email_and_state(store: Stamped) -> None:
    """What a reconciliation needs."""
    store.create(PAYLOAD)
    assert store.customer(ID) == StampedCustomer(ID, EMAIL, is_subscribed=True)
    store.unsubscribe(EMAIL)
    assert store.customer(ID).is_subscribed is False
    store.subscribe(EMAIL)
    assert store.customer(ID).is_subscribed is True


@pytest.mark.parametrize("shape", ["no-subscription", "text-subscription"])
def test_state_that_is_no_boolean_is_unknown(sandbox: RunningSandbox, store: Stamped, shape: Shape) -> None:
    """In the answers to all three calls that can tell it."""
    sandbox.sandbox.add_fault(Fault(shape=shape))
    read = [store.create(PAYLOAD), store.update(ID, PAYLOAD), store.customer(ID)]
    assert [customer.is_subscribed for customer in read] == [None] * 3


@pytest.mark.parametrize("name", ["update", "customer"])
def test_customer_that_does_not_exist_is_gone(store: Stamped, name: str) -> None:
    """A 404, on the update as on the read."""
    with pytest.raises(StampedCustomerGone) as raised:
        CALLS[name](store)
    assert raised.value.failure.http_status == 404


# Errors --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 401, 403, 408, 422, 429, 500, 503])
@pytest.mark.parametrize("name", WRITES)
def test_refused_write_is_the_specifications_error(answered: Callable[..., Stamped], name: str, status: int) -> None:
    """With the status, Stamped.io's message and its wish to wait; credentials that were refused are in it."""
    store = answered({"message": "no"}, status=status, header="Retry-After: 7")
    with pytest.raises(SyncError) as raised:
        WRITES[name](store)
    expected = SubscriptionFailed if "subscribe" in name else CustomerWriteFailed
    assert (type(raised.value), raised.value.retry_after) == (expected, 7)
    assert raised.value.failure.message == f"{expected.entry.message} HTTP {status}: no"


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, StampedCredentialsRefused),
        (403, StampedCredentialsRefused),
        (400, StampedReadFailed),
        (429, StampedReadFailed),
        (500, StampedReadFailed),
    ],
)
@pytest.mark.parametrize("name", READS)
def test_refused_read_has_an_error_of_its_own(
    answered: Callable[..., Stamped], name: str, status: int, error: type[SyncError]
) -> None:
    """Refused credentials are told apart."""
    with pytest.raises(error) as raised:
        READS[name](answered({"message": f"{EMAIL}!"}, status=status, header="Retry-After: 7"))
    assert (raised.value.failure.detail, raised.value.retry_after) == ("[masked]", 7)


@pytest.mark.parametrize(
    "body",
    [
        {"message": f"Zoë <{EMAIL}> {PAYLOAD['notes']}"},
        {"error": {"message": f"ZOË, {EMAIL.upper()}"}},
        {"errors": [f"Zoë {EMAIL}", PAYLOAD["notes"]]},
        {"errors": {EMAIL: ["is taken"], "Zoë": PAYLOAD["notes"]}},
        {"received": PAYLOAD},
        [PAYLOAD, PAYLOAD],
        f"Zoë {EMAIL}".encode(),
        json.dumps({"received": PAYLOAD}, ensure_ascii=True).encode(),
        f"<html>{PAYLOAD}</html>".encode(),
        f"search={EMAIL.replace('@', '%40')}".encode(),
    ],
)
@pytest.mark.parametrize("name", ["create", "update"])
def test_refusal_repeats_nothing_of_the_customer(answered: Callable[..., Stamped], name: str, body: object) -> None:
    """In whatever shape the error has: no e-mail address, no name, no comment."""
    with pytest.raises(CustomerWriteFailed) as raised:
        WRITES[name](answered(body, status=422))
    shown = f"{raised.value} {raised.value!r}".casefold()
    assert not [text for text in ("zoe@", "zoë", "said", "then left") if text in shown]


def test_unknown_address_is_not_repeated(store: Stamped) -> None:
    """The sandbox names the address that it does not know, as a real API may."""
    with pytest.raises(SubscriptionFailed) as raised:
        store.subscribe(EMAIL)
    assert raised.value.failure.detail == "There is no customer with the email [masked]."


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("shape", ["html", "huge"])
def test_answer_that_is_none_is_unreadable(sandbox: RunningSandbox, store: Stamped, name: str, shape: Shape) -> None:
    """A web page and twenty megabytes are no success."""
    store.create(PAYLOAD)
    sandbox.sandbox.add_fault(Fault(shape=shape))
    with pytest.raises(AnswerUnreadable):
        CALLS[name](store)


@pytest.mark.parametrize("cut", ["before", "after"])
def test_cut_create_can_be_repeated(sandbox: RunningSandbox, store: Stamped, cut: str) -> None:
    """Whether it had its effect or not, the second one ends with the one customer."""
    sandbox.sandbox.add_fault(Fault.model_validate({"cut": cut, "times": 1}))
    with pytest.raises(StampedUnreachable):
        store.create(PAYLOAD)
    assert store.create(PAYLOAD).id == ID
    assert list(sandbox.sandbox.stamped_customers) == [ID]
