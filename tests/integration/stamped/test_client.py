"""Stamped.io's client over real HTTP: the calls it makes, and what it makes of the answers."""

from __future__ import annotations

import json
from itertools import count
from typing import TYPE_CHECKING

import pytest

from tests import parts
from tests.integration.gate import Gate
from tests.integration.raw_server import RawServer, http, serving
from worker.effects import Effect, Moment
from worker.http.adapter import Pools
from worker.http.client import ApiClient
from worker.jobs.calls import Api
from worker.jobs.errors import (
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
from worker.jobs.intents import Intent
from worker.ledger import ClaimLost
from worker.sandbox.faults import Fault
from worker.stamped.answers import StampedCustomer
from worker.stamped.client import MOST_PAGES, Stamped

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
OF_LISTS = ("search", "prove")
HOSTILE = ["..", "a/b", "1/../2", "1?x=2", "1#x", "%2e%2e", "add", "1\r\nX: y", " ", "1" * 1000, EMAIL, "\uff11"]


def client(url: str, gate: Gate | None = None, effects: list[tuple[Effect, Moment]] | None = None) -> Stamped:
    """The client of a store."""
    noted = [] if effects is None else effects
    api = ApiClient(
        Api.STAMPED,
        url + BASE,
        AUTHORIZATION,
        witness=lambda effect, moment: noted.append((effect, moment)),
        pools=Pools(parts.TIMEOUTS),
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
    CALLS[name](answered([] if name in OF_LISTS else {"id": 143491}))
    (request,) = server.requests
    head = request.decode().splitlines()
    assert head[0] == f"{line} HTTP/1.1"
    assert f"Authorization: {AUTHORIZATION}" in head
    assert (json.loads(head[-1]) if body else None) == body


@pytest.mark.parametrize("name", CALLS)
def test_every_call_passes_the_gate_once(answered: Callable[..., Stamped], name: str) -> None:
    """As a read or as a write."""
    store = answered([] if name in OF_LISTS else {"id": 143491})
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
    server.answer = lambda _: [http(b'{"id": 143491}')]
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


@pytest.mark.parametrize("given", [None, "", "..", "add", EMAIL, True, 1.5, {"id": 1}, "01J9Z", "c-143491"])
def test_id_that_can_be_none_is_searched_for(answered: Callable[..., Stamped], given: object) -> None:
    """It is not recorded as a link: an id alone may be a background job's, too, unless it is a number."""
    assert answered({"id": given}, [{"id": 143491, "email": EMAIL}]).create(PAYLOAD).id == ID


@pytest.mark.parametrize(
    "answer",
    [
        {"data": {"type": "job", "id": "01J9Z"}},
        {"data": {"type": "job", "id": 777}},
        {"type": "import", "id": 777},
        {"id": 777, "email": "other@example.com"},
        {"id": 777, "email": "strasse@example.com"},
    ],
)
def test_id_of_something_else_is_searched_for(answered: Callable[..., Stamped], answer: object) -> None:
    """A background job, and another customer, are not the one that was created."""
    found = [{"id": 143491, "email": "straße@example.com"}]
    assert answered(answer, found).create({"email": "straße@example.com"}).id == ID


@pytest.mark.parametrize("answer", [{"id": "c-1", "email": EMAIL.upper()}, {"id": 1}, {"customerId": "1"}])
def test_id_that_is_believed_costs_no_search(
    answered: Callable[..., Stamped], server: RawServer, answer: object
) -> None:
    """Beside its own e-mail address, whatever it looks like; alone where it is a number."""
    assert answered(answer).create(PAYLOAD).id in {"c-1", "1"}
    assert len(server.requests) == 1


def test_create_that_is_only_taken_down_is_looked_for(server: RawServer) -> None:
    """The id in a 202 is a background job's; the search shows the customer, or not yet."""
    statuses = iter(["202 Accepted", "200 OK", "202 Accepted", "200 OK"])
    bodies = iter([{"data": {"id": 7}}, [], {"data": {"id": 7}}, [{"id": 143491, "email": EMAIL}]])
    server.answer = lambda _: [http(json.dumps(next(bodies, [])).encode(), next(statuses, "200 OK"))]
    store = client(server.url)
    with pytest.raises(StampedIdUnknown) as raised:
        store.create(PAYLOAD)
    assert raised.value.intent is Intent.NOT_YET
    assert store.create(PAYLOAD).id == ID


def test_match_is_found_on_a_later_page(answered: Callable[..., Stamped], server: RawServer) -> None:
    """Others whose addresses are alike may come first."""
    pages = [[{"id": page * 10 + n, "email": f"x{page}{n}{EMAIL}"} for n in range(3)] for page in range(1, 4)]
    store = answered("OK", *pages, [{"id": 143491, "email": EMAIL}], [])
    assert store.create(PAYLOAD).id == ID
    assert [request.split(b"page=")[1][:1] for request in server.requests[1:]] == [b"1", b"2", b"3", b"4", b"5"]


def test_second_match_on_a_later_page_is_no_guess(answered: Callable[..., Stamped]) -> None:
    """Two customers have the address: neither is taken, and no time will help."""
    store = answered("OK", [{"id": 1, "email": EMAIL}], [{"id": 2, "email": EMAIL}], [])
    with pytest.raises(StampedIdUnknown, match="2 customers have the email") as raised:
        store.create(PAYLOAD)
    assert raised.value.intent is Intent.CUSTOMERS


@pytest.mark.parametrize(("answer", "calls"), [({"results": [], "totalPages": 1}, 1), ([{"id": 5, "email": EMAIL}], 2)])
def test_search_ends(answered: Callable[..., Stamped], server: RawServer, answer: object, calls: int) -> None:
    """With an empty page, the last page that is announced, or a page that only repeats others."""
    answered(answer).customers_with(EMAIL)
    assert len(server.requests) == calls


def test_search_is_bounded(server: RawServer) -> None:
    """A store with endless matches does not hold a job for ever."""
    numbers = count(1)
    server.answer = lambda _: [http(json.dumps([{"id": next(numbers), "email": "x@example.com"}]).encode())]
    assert client(server.url).customers_with(EMAIL) == []
    assert len(server.requests) == MOST_PAGES
    assert not client(server.url).has_nobody(EMAIL)


OTHERS = [{"id": 1, "email": f"a{EMAIL}"}, {"id": 2, "email": f"b{EMAIL}"}]


@pytest.mark.parametrize(
    ("pages", "has_nobody", "calls"),
    [
        ([[]], True, 1),
        ([{"results": [], "totalPages": 0}], True, 1),
        ([{"results": OTHERS, "totalPages": 1}], True, 1),
        ([OTHERS, []], True, 2),
        ([[*OTHERS, {"id": 3, "email": EMAIL}], []], False, 1),
        ([{"results": [{"id": 3, "email": EMAIL}], "totalPages": 9}], False, 1),
        ([OTHERS, [{"id": 3, "email": EMAIL}]], False, 2),
        ([OTHERS, OTHERS], False, 2),
        ([{"results": OTHERS, "totalPages": 3}, {"results": [], "totalPages": 3}], False, 2),
    ],
)
def test_nobody_is_only_said_of_a_search_that_came_to_its_end(
    answered: Callable[..., Stamped], server: RawServer, pages: list[object], has_nobody: bool, calls: int
) -> None:
    """The first exact match ends it; a page that repeats another, or is missing, shows that it can't be trusted."""
    assert answered(*pages).has_nobody(EMAIL) is has_nobody
    assert len(server.requests) == calls


@pytest.mark.parametrize(
    ("email", "other"), [("straße@example.com", "strasse@example.com"), ("ZOË@example.com", "zoë@example.com")]
)
def test_other_mailbox_is_another_customer(answered: Callable[..., Stamped], email: str, other: str) -> None:
    """However alike the two look."""
    assert answered([{"id": 1, "email": other}]).customers_with(email) == []
    assert len(answered([{"id": 1, "email": email}]).customers_with(email)) == 1


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


@pytest.mark.parametrize(
    "answer", ["OK", None, b"", {}, {"message": "search is off"}, {"items": []}, {"Results": []}, {"results": None}]
)
def test_search_that_is_no_list_says_nothing_of_anybody(answered: Callable[..., Stamped], answer: object) -> None:
    """Not that nobody has the address."""
    for name in OF_LISTS:
        with pytest.raises(AnswerUnreadable, match="the answer is not a list of customers") as raised:
            CALLS[name](answered(answer))
        assert raised.value.intent is Intent.STORES


# The answered record is the asked one --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["update", "customer"])
@pytest.mark.parametrize(
    "answer",
    [
        {"id": 9, "email": EMAIL},
        {"customer": {"id": "9"}},
        {"customerId": 9},
        [{"id": 9}],
        {"results": [{"customer": {"id": 9}}]},
        *({"id": an_id, "email": EMAIL} for an_id in ("#9", 9.5, {"value": 9}, True, [9])),
    ],
)
def test_answer_of_another_customer_is_unreadable(answered: Callable[..., Stamped], name: str, answer: object) -> None:
    """Its subscription state is another person's."""
    with pytest.raises(AnswerUnreadable) as raised:
        CALLS[name](answered(answer))
    assert (raised.value.failure.detail, raised.value.intent) == ("the answer is about another customer", Intent.STORES)


def test_write_that_is_answered_with_anothers_address_is_unreadable(answered: Callable[..., Stamped]) -> None:
    """Unless the id says that it is the customer, whose address Stamped.io may keep."""
    answered({"id": 143491, "email": "old@example.com"}).update(ID, PAYLOAD)
    with pytest.raises(AnswerUnreadable, match="the answer is about another customer"):
        answered({"email": "zz@example.com", "isSubscribed": False}).update(ID, PAYLOAD)


@pytest.mark.parametrize("answer", [{"id": 143491}, {"id": "143491"}, {"id": 143491.0}])
def test_answer_that_names_the_customer_is_taken(answered: Callable[..., Stamped], answer: object) -> None:
    """In whatever way its id is written."""
    store = answered(answer)
    assert (store.customer(ID).id, store.update(ID, PAYLOAD).id) == (ID, ID)


@pytest.mark.parametrize("answer", [b"", {}, None, [], "OK", {"message": "hello"}, {"email": EMAIL}])
def test_answer_that_names_nobody_is_enough_for_a_write_alone(answered: Callable[..., Stamped], answer: object) -> None:
    """Of a read it may be somebody else, who would be unsubscribed."""
    CALLS["update"](answered(answer))
    with pytest.raises(AnswerUnreadable, match="the answer is not a customer") as raised:
        CALLS["customer"](answered(answer))
    assert raised.value.intent is Intent.STORES


# Taken down for later ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shown", "is_done"),
    [
        ({"id": 143491, **PAYLOAD}, True),
        ({"id": 143491}, True),
        ({"id": 143491, **PAYLOAD, "email": " Zoe@Example.com"}, True),
        ({"id": 143491, **PAYLOAD, "externalId": 12345}, True),
        ({"id": 143491, **PAYLOAD, "firstName": "Zoe"}, False),
        ({"id": 143491, **PAYLOAD, "externalId": 12346}, False),
    ],
)
def test_update_that_is_only_taken_down_is_read_back(server: RawServer, shown: object, is_done: bool) -> None:
    """It is done once the customer shows it, in whatever spelling, and tried again until then."""
    answers = iter([http(b"", "202 Accepted"), http(json.dumps(shown).encode())])
    server.answer = lambda _: [next(answers)]
    store, payload = client(server.url), {**PAYLOAD, "externalId": "12345"}
    if is_done:
        store.update(ID, payload)
    else:
        with pytest.raises(CustomerWriteFailed) as raised:
            store.update(ID, payload)
        assert raised.value.intent is Intent.NOT_YET


@pytest.mark.parametrize("name", ["subscribe", "unsubscribe"])
def test_subscription_that_is_only_taken_down_is_looked_at_again(answered: Callable[..., Stamped], name: str) -> None:
    """The retry reads the state first."""
    with pytest.raises(SubscriptionFailed) as raised:
        CALLS[name](answered({}, status=202))
    assert raised.value.intent is Intent.NOT_YET


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


@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize(
    "answer", [{"success": False, "message": "try again"}, {"data": {"success": "false", "error": "try again"}}]
)
@pytest.mark.parametrize("status", [200, 201])
def test_refusal_inside_a_success_is_the_apis_refusal(
    answered: Callable[..., Stamped], name: str, answer: object, status: int
) -> None:
    """In its words: a person who said no must not stay subscribed and be shown as done."""
    with pytest.raises(SubscriptionFailed if "subscribe" in name else CustomerWriteFailed) as raised:
        CALLS[name](answered(answer, status=status))
    failure = raised.value.failure
    assert (failure.http_status, failure.detail, raised.value.intent) == (status, "try again", Intent.CUSTOMERS)


@pytest.mark.parametrize("name", ["create", "search", "prove"])
def test_store_that_is_not_there_is_no_missing_customer(answered: Callable[..., Stamped], name: str) -> None:
    """With a wrong store hash every customer would be refused so."""
    with pytest.raises(SyncError) as raised:
        CALLS[name](answered({"message": "There is no such store."}, status=404))
    assert raised.value.intent is Intent.STORES


def test_customer_is_gone_only_where_its_store_is_there(answered: Callable[..., Stamped]) -> None:
    """A 404 to everything says nothing of one customer."""
    with pytest.raises(StampedReadFailed) as raised:
        answered({"message": "There is no such store."}, status=404).customer(ID)
    assert raised.value.intent is Intent.STORES


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("status", [200, 403, 404, 503])
def test_web_page_is_the_stores_whatever_its_status(answered: Callable[..., Stamped], name: str, status: int) -> None:
    """No customer is gone, and none is refused, by a page for people."""
    with pytest.raises(SyncError) as raised:
        CALLS[name](answered(b"<html><title>Down for maintenance</title></html>", status=status))
    assert not isinstance(raised.value, StampedCustomerGone)
    assert raised.value.intent is Intent.STORES
    assert raised.value.failure.detail == "a web page: Down for maintenance"


@pytest.mark.parametrize("status", [401, 422, 503])
def test_half_an_emoji_in_an_error_is_told(answered: Callable[..., Stamped], status: int) -> None:
    """What is told can be written anywhere."""
    with pytest.raises(CustomerWriteFailed) as raised:
        answered(rb'{"message": "first name is too long: \ud83d"}', status=status).create(PAYLOAD)
    assert raised.value.failure.detail.encode().decode() == "first name is too long:  "


@pytest.mark.parametrize("status", [400, 401, 403, 408, 422, 429, 500, 503])
@pytest.mark.parametrize("name", WRITES)
def test_refused_write_is_the_specifications_error(answered: Callable[..., Stamped], name: str, status: int) -> None:
    """With the status, Stamped.io's message and its wish to wait; credentials that were refused are in it."""
    store = answered({"message": "no"}, status=status, header="Retry-After: 7")
    with pytest.raises(SyncError) as raised:
        WRITES[name](store)
    expected = SubscriptionFailed if "subscribe" in name else CustomerWriteFailed
    assert (type(raised.value), raised.value.retry_after) == (expected, 7)
    assert raised.value.failure.message == f"{expected.entry.message.removesuffix('.')}: HTTP {status}: no"


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
    assert (raised.value.failure.detail.rstrip("!"), raised.value.retry_after) == ("[masked]", 7)


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
        rb'{"message": "Zo\\u00eb, ZOE%40EXAMPLE.COM, O&#x27;Zo&euml;"}',
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
    assert raised.value.failure.detail == "There is no customer with the email [masked]"


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


@pytest.mark.parametrize("secret", ["hidden-private-key", AUTHORIZATION.removeprefix("Basic ")])
def test_login_that_is_repeated_reaches_nobody(server: RawServer, secret: str) -> None:
    """The private key, or the header that it is sent in."""
    server.answer = lambda _: [http(json.dumps({"message": f"{secret} is wrong"}).encode(), "401 Unauthorized")]
    private_key = "hidden-private-key"
    api = ApiClient(Api.STAMPED, server.url + BASE, AUTHORIZATION, pools=Pools(parts.TIMEOUTS), secrets=[private_key])
    with pytest.raises(SyncError) as raised:
        Stamped(api, Gate()).customer("1")
    assert (secret in str(raised.value), "is wrong" in str(raised.value)) == (False, True)
