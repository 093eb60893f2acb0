"""iPaaS.com's client over real HTTP: the calls it makes, and what it makes of the answers."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests import parts
from tests.integration.gate import Gate
from tests.integration.raw_server import RawServer, http, serving
from worker.config.settings import Settings
from worker.effects import Effect, Moment
from worker.http.adapter import Pools
from worker.http.client import ApiClient
from worker.ipaas.client import IPaaS
from worker.jobs.calls import Api
from worker.jobs.errors import (
    AnswerUnreadable,
    CustomerNotFound,
    IPaaSCredentialsRefused,
    IPaaSReadFailed,
    IPaaSSystemRefused,
    IPaaSUnreachable,
    LinkNotRecorded,
    SyncError,
)
from worker.jobs.intents import Intent
from worker.ledger import ClaimLost
from worker.runtime import Runtime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from worker.sandbox.server import RunningSandbox

ID = "150713"
GUID = "0a8e4a1c-7d5e-4d0f-9f0a-111111111111"
EMAIL = "zoe@example.com"

CALLS: dict[str, Callable[[IPaaS], object]] = {
    "customer": lambda ipaas: ipaas.customer(ID),
    "link": lambda ipaas: ipaas.link(ID),
    "linked_customer": lambda ipaas: ipaas.linked_customer("143491"),
    "record_link": lambda ipaas: ipaas.record_link(ID, "143491"),
    "subscription_name": lambda ipaas: ipaas.subscription_name(),
    "mapping_collection": lambda ipaas: ipaas.mapping_collection("5120"),
}
ANSWERS: dict[str, object] = {
    "customer": {"id": ID},
    "link": "143491",
    "linked_customer": ID,
    "record_link": {},
    "subscription_name": {"id": 4021, "name": "Acme"},
    "mapping_collection": {"mappings": []},
}
"""What each call is answered with where all is well."""
READS = [name for name in CALLS if name not in {"record_link", "linked_customer"}]
SHOWN = [name for name in READS if name != "subscription_name"]
"""Those that show what iPaaS.com says. What it says of a subscription can hold the keys of its settings."""


def client(url: str, gate: Gate | None = None, effects: list[tuple[Effect, Moment]] | None = None) -> IPaaS:
    """The client of connection 4021."""
    noted = [] if effects is None else effects
    api = ApiClient(
        Api.IPAAS,
        url,
        "Bearer sandbox-token",
        has_codes=True,
        witness=lambda effect, moment: noted.append((effect, moment)),
        pools=Pools(parts.TIMEOUTS),
    )
    return IPaaS(api, gate or Gate(), system_id=4021, tracking_guid=GUID)


@pytest.fixture(name="server")
def _server() -> Iterator[RawServer]:
    """A server of bare bytes."""
    yield from serving()


@pytest.fixture(name="answered")
def _answered(server: RawServer) -> Callable[..., IPaaS]:
    """The client of an API that gives one answer to everything."""

    def answering(body: object, status: int = 200, *headers: str) -> IPaaS:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        server.answer = lambda _: [http(content, f"{status} Status", *headers)]
        return client(server.url)

    return answering


# The calls -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("customer", f"GET /customers/v2/Customer/{ID}"),
        ("link", f"GET /customers/v2/External/LookupExternal/{ID}/4021/customer"),
        ("linked_customer", "GET /customers/v2/External/LookupSpaceport/4021/customer/143491"),
        ("record_link", "POST /customers/v2/External/UpdateExternalId"),
        ("subscription_name", "GET /subscriptions/v2/Subscription/4021"),
        ("mapping_collection", "GET /subscriptions/v2/MappingCollection/5120"),
    ],
)
def test_every_call_carries_the_token_and_the_tracking_id(
    answered: Callable[..., IPaaS], server: RawServer, name: str, line: str
) -> None:
    """The path of the contract, with `trackingGuid` as its only parameter."""
    CALLS[name](answered(ANSWERS[name]))
    (request,) = server.requests
    head = request.decode().splitlines()
    assert head[0] == f"{line}?trackingGuid={GUID} HTTP/1.1"
    assert "Authorization: Bearer sandbox-token" in head


def test_link_is_recorded_with_the_fields_of_the_contract(answered: Callable[..., IPaaS], server: RawServer) -> None:
    """Table, system, both ids and the tracking id."""
    answered({}).record_link(ID, "143491")
    assert json.loads(server.requests[0].splitlines()[-1]) == {
        "table_name": "customer",
        "system_id": 4021,
        "external_id": "143491",
        "internal_id": ID,
        "tracking_guid": GUID,
    }


@pytest.mark.parametrize("name", CALLS)
def test_every_call_passes_the_gate_once(answered: Callable[..., IPaaS], name: str) -> None:
    """As a read, or as the one write that there is."""
    ipaas = answered(ANSWERS[name])
    CALLS[name](ipaas)
    assert isinstance(ipaas.gate, Gate)
    assert ipaas.gate.passed == ["write" if name == "record_link" else "read"]


@pytest.mark.parametrize("name", CALLS)
def test_nothing_is_called_through_a_shut_gate(server: RawServer, name: str) -> None:
    """A job that lost its claim makes no further call."""
    with pytest.raises(ClaimLost):
        CALLS[name](client(server.url, Gate(is_shut=True)))
    assert server.requests == []


def test_recording_a_link_is_a_declared_effect(sandbox: RunningSandbox) -> None:
    """And the only one of this API."""
    effects: list[tuple[Effect, Moment]] = []
    ipaas = client(sandbox.url, effects=effects)
    for call in CALLS.values():
        call(ipaas)
    assert effects == [(Effect.RECORD_LINK, Moment.BEFORE), (Effect.RECORD_LINK, Moment.AFTER)]


# The answers ---------------------------------------------------------------------------------------------------------


def test_customer_is_read_and_linked(sandbox: RunningSandbox) -> None:
    """A link that was recorded is found by the look-up and in the record itself."""
    ipaas = client(sandbox.url)
    assert (ipaas.customer(ID).first_name, ipaas.link(ID)) == ("Zoë", None)
    ipaas.record_link(ID, "143491")
    assert (ipaas.link(ID, ipaas.customer(ID)), ipaas.link(ID)) == ("143491", "143491")


def test_subscription_tells_its_name(sandbox: RunningSandbox) -> None:
    """A cheap proof of the token."""
    assert client(sandbox.url).subscription_name() == "Stamped.io 4021"


@pytest.mark.parametrize("body", [{}, [], b"", "OK", b"OK", {"name": "Whose?"}, {"Id": 7, "name": "Acme"}])
def test_answer_that_is_no_subscription_proves_no_token(answered: Callable[..., IPaaS], body: object) -> None:
    """Whoever answers everything with 200 does."""
    with pytest.raises(AnswerUnreadable):
        answered(body).subscription_name()


@pytest.mark.parametrize("an_id", ["5120", 5120, None])
def test_mapping_collection_is_read_as_it_is(answered: Callable[..., IPaaS], an_id: object) -> None:
    """Whatever its fields say: they are the collection's, not the call's."""
    collection = {"id": an_id, "name": "Customers", "status": "Enabled", "error_filter": "x", "mappings": [None]}
    assert answered(collection).mapping_collection("5120") == collection


def test_id_of_a_mapping_collection_may_be_written_in_either_case(answered: Callable[..., IPaaS]) -> None:
    """A UUID is the same in both."""
    collection = {"id": "0F8FAD5B-D9CB-469F-A165-70867728950E", "mappings": []}
    assert answered(collection).mapping_collection("0f8fad5b-d9cb-469f-a165-70867728950e") == collection


@pytest.mark.parametrize("body", [{}, [], b"", "OK", b"OK", b"5", [{"mappings": []}], {"id": 7, "mappings": []}])
def test_answer_that_is_no_mapping_collection_is_unreadable(answered: Callable[..., IPaaS], body: object) -> None:
    """Nor is another one than the one that was asked for."""
    with pytest.raises(AnswerUnreadable):
        answered(body).mapping_collection("5120")


def test_mapping_collection_that_does_not_exist_is_none(sandbox: RunningSandbox) -> None:
    """It is no trouble of the API's."""
    assert client(sandbox.url).mapping_collection("1") is None


def test_customer_that_does_not_exist_is_told_apart(sandbox: RunningSandbox) -> None:
    """A 404 on the read of a customer is an error of its own."""
    with pytest.raises(CustomerNotFound) as raised:
        client(sandbox.url).customer("999")
    assert raised.value.failure.http_status == 404


@pytest.mark.parametrize(
    ("body", "status", "linked"),
    [
        ("9", 200, "9"),
        (9, 200, "9"),
        ('"9"', 200, "9"),
        (" 9 ", 200, "9"),
        ({"internal_id": "9"}, 200, None),
        ("DELETED:9", 200, None),
        ("zoe@example.com", 200, None),
        (None, 200, None),
        ({"code": "NFND-1001"}, 404, None),
        ({"message": "no"}, 403, None),
        (b"<html></html>", 200, None),
    ],
)
def test_who_else_is_linked_stops_no_transfer(
    answered: Callable[..., IPaaS], body: object, status: int, linked: str | None
) -> None:
    """It is asked for a warning's sake: whatever iPaaS.com answers, it is an id or nothing."""
    assert answered(body, status).linked_customer("143491") == linked


@pytest.mark.parametrize("is_triggered", [True, False])
def test_customer_that_its_own_trigger_names_may_not_be_there_yet(
    answered: Callable[..., IPaaS], is_triggered: bool
) -> None:
    """A new customer may not be readable at once; a person who asks for one that is not there is told so."""
    ipaas = replace(answered({"code": "NFND-1001"}, 404), is_triggered=is_triggered)
    with pytest.raises(CustomerNotFound) as raised:
        ipaas.customer(ID)
    assert raised.value.intent is (Intent.NOT_YET if is_triggered else Intent.CUSTOMERS)


@pytest.mark.parametrize(
    ("status", "body"), [(200, {"message": "NFND-1005 no"}), (400, {"code": "NFND-1001"}), (410, {})]
)
def test_customer_that_does_not_exist_is_known_by_its_code_too(
    answered: Callable[..., IPaaS], server: RawServer, status: int, body: object
) -> None:
    """Whatever the status says. Without iPaaS.com's own code, it is asked whether its API is there at all."""
    lists = http(b"[]")
    ipaas = answered(body, status)
    first = server.answer
    server.answer = lambda request: [lists] if b"/Customers?" in request else first(request)
    with pytest.raises(CustomerNotFound):
        ipaas.customer(ID)
    assert len(server.requests) == (2 if status == 410 else 1)


@pytest.mark.parametrize("body", [{"message": "no Route matched with those values"}, b""])
def test_gateway_that_answers_404_to_everything_is_no_missing_customer(
    answered: Callable[..., IPaaS], body: object
) -> None:
    """Every other customer would be missing too."""
    with pytest.raises(IPaaSReadFailed) as raised:
        answered(body, 404).customer(ID)
    assert (raised.value.failure.http_status, raised.value.intent) == (404, Intent.STORES)


@pytest.mark.parametrize("body", [b"", b'"OK"', b"null", b"[]", b'"x"', b"5", b"{}", b'{"message": "later"}'])
def test_answer_that_is_no_customer_is_unreadable(answered: Callable[..., IPaaS], body: bytes) -> None:
    """Nothing of it is repeated; it is tried again, as it would meet any customer."""
    with pytest.raises(AnswerUnreadable) as raised:
        answered(body).customer(ID)
    assert raised.value.failure.detail == "iPaaS.com's answer is not a customer"
    assert raised.value.intent is Intent.STORES


@pytest.mark.parametrize("an_id", ["9", 9, "1507130", f"0{ID}", True, -150713, [ID], {"value": ID}, [], {}])
def test_answer_of_another_customer_is_unreadable(answered: Callable[..., IPaaS], an_id: object) -> None:
    """One customer's data must not be written over another's."""
    with pytest.raises(AnswerUnreadable) as raised:
        answered({"id": an_id, "email_address": EMAIL}).customer(ID)
    assert raised.value.failure.detail == "iPaaS.com's answer is another customer"


@pytest.mark.parametrize("an_id", [ID, int(ID), float(ID), f" {ID} ", None])
def test_answer_of_the_asked_customer_is_read(answered: Callable[..., IPaaS], an_id: object) -> None:
    """However its id is written; it may be missing, as any field may (contract)."""
    assert answered({"id": an_id, "email_address": EMAIL}).customer(ID).email_address == EMAIL


@pytest.mark.parametrize(
    ("more", "hides"),
    [
        ({"customFields": [{"custom_field_name": "News", "value": "yes"}]}, True),
        ({"custom_fields": [{"name": "News", "value": "yes"}]}, True),
        ({"custom_fields": "yes"}, True),
        ({"custom_fields": None}, False),
        ({}, False),
    ],
)
def test_custom_fields_that_can_not_be_read_are_seen(
    answered: Callable[..., IPaaS], more: dict[str, object], hides: bool
) -> None:
    """Whether or not the rest of the record is as usual."""
    assert answered({"id": ID, "email_address": EMAIL, **more}).customer(ID).hides_custom_fields is hides


@pytest.mark.parametrize("charset", ["ISO-8859-1", "utf-8", "utf-16"])
def test_customer_is_read_in_the_charset_of_the_answer(answered: Callable[..., IPaaS], charset: str) -> None:
    """José is never written on as something else."""
    body = json.dumps({"id": ID, "first_name": "José"}, ensure_ascii=False).encode(charset)
    header = f"Content-Type: application/json; charset={charset}"
    assert answered(body, 200, header).customer(ID).first_name == "José"


def test_customer_that_cannot_be_decoded_is_unreadable(answered: Callable[..., IPaaS]) -> None:
    """It is never a customer with holes in the name."""
    with pytest.raises(AnswerUnreadable):
        answered(b'{"id": "150713", "first_name": "Jos\xe9"}').customer(ID)


@pytest.mark.parametrize(
    ("answer", "is_recorded"),
    [
        ({}, True),
        ("OK", True),
        (None, True),
        ({"system_id": 4021, "external_id": 143491, "internal_id": ID}, True),
        ({"system_id": "4021", "external_id": "143491", "internal_id": None}, True),
        ({"internal_id": "9"}, False),
        ({"external_id": "1"}, False),
        ({"system_id": 7}, False),
        ({"success": False, "message": "no"}, False),
        ({"message": "VALD-1001 no"}, False),
    ],
)
def test_link_is_recorded_where_the_answer_does_not_say_otherwise(
    answered: Callable[..., IPaaS], answer: object, is_recorded: bool
) -> None:
    """An answer that speaks of another link, or refuses inside a success, is none."""
    ipaas = answered(answer)
    if is_recorded:
        ipaas.record_link(ID, "143491")
    else:
        with pytest.raises(LinkNotRecorded):
            ipaas.record_link(ID, "143491")


@pytest.mark.parametrize(
    ("body", "link"),
    [
        (b'"143491"', "143491"),
        (b'"\\"143491\\""', "143491"),
        (b"143491", "143491"),
        (b"143491.0", "143491"),
        (b'" 143491 "', "143491"),
        (b"c-143491", "c-143491"),
        (b'"DELETED:143491"', None),
        (b"DELETED:143491", None),
        (b'""', None),
        (b'"\\"\\""', None),
        (b"null", None),
        (b"", None),
    ],
)
def test_link_is_read_leniently(answered: Callable[..., IPaaS], body: bytes, link: str | None) -> None:
    """Quoted once, twice or not at all; empty and deleted ones are none."""
    assert answered(body).link(ID) == link


def test_customer_without_a_link_has_none(sandbox: RunningSandbox) -> None:
    """A 404 on the look-up is no error."""
    assert client(sandbox.url).link("999") is None


@pytest.mark.parametrize(
    "body",
    [
        *(b"{}", b"[]", b"true", b'{"external_id": "143491"}', b"1.5", b'"143491', b"[1"),
        *(b"Service Unavailable", b'"Service Unavailable"', b"Unavailable", b'"not found"', b"no healthy upstream 503"),
    ],
)
def test_answer_that_is_no_link_is_unreadable(answered: Callable[..., IPaaS], body: bytes) -> None:
    """It is taken neither for no link nor for a link to nobody: the customer would be created."""
    with pytest.raises(AnswerUnreadable) as raised:
        answered(body).link(ID)
    assert raised.value.intent is Intent.STORES


@pytest.mark.parametrize("name", SHOWN)
@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, IPaaSCredentialsRefused),
        (403, IPaaSCredentialsRefused),
        (400, IPaaSReadFailed),
        (429, IPaaSReadFailed),
        (500, IPaaSReadFailed),
    ],
)
def test_refused_read_has_status_message_and_wish_to_wait(
    answered: Callable[..., IPaaS], name: str, status: int, error: type[SyncError]
) -> None:
    """With e-mail addresses masked."""
    ipaas = answered({"message": f"{EMAIL} is wrong"}, status, "Retry-After: 7")
    with pytest.raises(error) as raised:
        CALLS[name](ipaas)
    failure = raised.value.failure
    assert (failure.http_status, failure.detail, raised.value.retry_after) == (status, "[masked] is wrong", 7)


@pytest.mark.parametrize(
    ("code", "error", "intent"),
    [
        ("AUTH-1001", IPaaSCredentialsRefused, Intent.STORES),
        ("AUTZ-1001", IPaaSCredentialsRefused, Intent.STORES),
        ("VALD-1017", IPaaSSystemRefused, Intent.STORES),
        ("VALD-1001", IPaaSReadFailed, Intent.CUSTOMERS),
        ("INTL-1000", IPaaSReadFailed, Intent.STORES),
    ],
)
@pytest.mark.parametrize("status", [200, 400, 500])
def test_code_says_what_a_refusal_means(
    answered: Callable[..., IPaaS], code: str, error: type[SyncError], intent: Intent, status: int
) -> None:
    """Wherever it stands, to any read; it is shown with the message and the link to the help."""
    body = {"message": f"{code} no", "help_link": "https://help.ipaas.com/x"}
    for name in SHOWN:
        with pytest.raises(error) as raised:
            CALLS[name](answered(body, status))
        assert raised.value.intent is intent
        assert raised.value.failure.detail == f"{code} no (https://help.ipaas.com/x)"


@pytest.mark.parametrize("status", [200, 400, 401, 500])
def test_of_a_refused_subscription_the_code_alone_is_shown(answered: Callable[..., IPaaS], status: int) -> None:
    """And it is no customer's fault."""
    with pytest.raises(SyncError) as raised:
        answered({"message": "VALD-1001 the key is hunter2", "key": "hunter2"}, status).subscription_name()
    assert (raised.value.failure.detail, raised.value.intent) == ("VALD-1001", Intent.STORES)


@pytest.mark.parametrize(
    ("status", "intent"),
    [
        *((status, Intent.STORES) for status in (401, 403, 429, 503)),
        (400, Intent.CUSTOMERS),
        (404, Intent.STORES),  # it names no record in its path: nothing is there
    ],
)
def test_refused_link_is_the_links_error(answered: Callable[..., IPaaS], status: int, intent: Intent) -> None:
    """Whatever the status: the customer is in Stamped.io by then, and the operator must hear that."""
    with pytest.raises(LinkNotRecorded) as raised:
        answered({"message": f"{EMAIL} is wrong"}, status, "Retry-After: 7").record_link(ID, "143491")
    failure = raised.value.failure
    assert (failure.http_status, failure.detail, raised.value.retry_after) == (status, "[masked] is wrong", 7)
    assert raised.value.intent is intent


def test_refusal_repeats_nothing_of_the_customer_that_was_read(
    answered: Callable[..., IPaaS], server: RawServer
) -> None:
    """Not even where the call was for something else."""
    ipaas = answered({"id": ID, "first_name": "Zoë", "comment": "Prefers tea over coffee"})
    ipaas.customer(ID)
    server.answer = lambda _: [http(rb'{"message": "Zo\u00eb: Prefers tea over cof..."}', "400 Bad")]
    with pytest.raises(LinkNotRecorded) as raised:
        ipaas.record_link(ID, "143491")
    assert raised.value.failure.detail == "[masked]: [masked]..."


def test_link_that_was_cut_off_is_the_links_error_and_tried_again(server: RawServer) -> None:
    """Whether it was recorded is not known."""
    server.answer = lambda _: [b""]
    with pytest.raises(LinkNotRecorded) as raised:
        client(server.url).record_link(ID, "143491")
    assert raised.value.intent is Intent.STORES


@pytest.mark.parametrize("name", READS)
def test_read_that_was_cut_off_is_an_outage(server: RawServer, name: str) -> None:
    """It may pass."""
    server.answer = lambda _: [b""]
    with pytest.raises(IPaaSUnreachable):
        CALLS[name](client(server.url))


@pytest.mark.parametrize("name", [*READS, "record_link"])
def test_web_page_is_never_an_answer(answered: Callable[..., IPaaS], name: str) -> None:
    """Not even to the call that records a link."""
    with pytest.raises(LinkNotRecorded if name == "record_link" else AnswerUnreadable) as raised:
        CALLS[name](answered(b"<html></html>"))
    assert (raised.value.failure.http_status, raised.value.intent) == (200, Intent.STORES)


def test_link_on_a_host_that_is_not_found_is_the_links_error() -> None:
    """The customer is in Stamped.io by then."""
    with pytest.raises(LinkNotRecorded) as raised:
        client("http://no-such-host.invalid").record_link(ID, "143491")
    assert raised.value.failure.detail == "no-such-host.invalid cannot be resolved"


@pytest.mark.parametrize("client_id", ["0a1b2c", ""])
def test_a_client_id_is_sent_as_a_header(server: RawServer, tmp_path: Path, client_id: str) -> None:
    """If the connection has one (contract: C that the newer SDK sends the company's)."""
    text = parts.connection(server.url)
    if client_id:
        text = text.replace(' token = "', f' client_id = "{client_id}", token = "')
    (tmp_path / "connections.toml").write_text(text, encoding="utf-8")
    runtime = Runtime.build(Settings(redis_url="redis://127.0.0.1:1/0", connections=tmp_path / "connections.toml"))
    server.answer = lambda _: [http(b'{"id": 4021, "name": "Acme"}')]
    runtime.source(parts.SYSTEM, GUID).subscription_name()
    sent = [line for line in server.requests[0].lower().splitlines() if line.startswith(b"x-client-id")]
    assert sent == ([f"x-client-id: {client_id}".encode()] if client_id else [])


# A search by e-mail ---------------------------------------------------------------------------------------------------

ODD = "zo\u00eb+a&b@m\u00fcnchen.example"
FOUND = [{"id": ID, "email_address": EMAIL}]


@pytest.mark.parametrize(
    ("email", "query"), [(EMAIL, "zoe%40example.com"), (ODD, "zo%C3%AB%2Ba%26b%40m%C3%BCnchen.example")]
)
def test_search_is_that_of_the_contract(
    answered: Callable[..., IPaaS], server: RawServer, email: str, query: str
) -> None:
    """The address is escaped. The search belongs to no transfer, so it has no tracking id."""
    answered([]).customers_with(email)
    (request,) = server.requests
    assert request.decode().splitlines()[0] == (
        f"GET /customers/v2/Customers?action=equals&EmailAddress={query} HTTP/1.1"
    )


def test_search_passes_the_gate_as_a_read(answered: Callable[..., IPaaS], server: RawServer) -> None:
    """Once, and nothing is asked through a shut one."""
    ipaas = answered(FOUND)
    ipaas.customers_with(EMAIL)
    assert isinstance(ipaas.gate, Gate)
    assert ipaas.gate.passed == ["read"]
    with pytest.raises(ClaimLost):
        client(server.url, Gate(is_shut=True)).customers_with(EMAIL)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("body", "status"), [([], 200), (b"", 204), ({"code": "NFND-1001"}, 404), ({"message": "NFND-1001: no"}, 400)]
)
def test_search_that_finds_nobody_is_no_error(answered: Callable[..., IPaaS], body: object, status: int) -> None:
    """However iPaaS.com says it."""
    assert answered(body, status).customers_with(EMAIL).customers == ()


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        (b"", 404, IPaaSReadFailed),
        ({"message": "no Route matched with those values"}, 404, IPaaSReadFailed),
        ({"message": "no"}, 401, IPaaSCredentialsRefused),
        ({"message": "VALD-1017"}, 400, IPaaSSystemRefused),
        ({"message": "away"}, 503, IPaaSReadFailed),
        (b"<html></html>", 200, AnswerUnreadable),
        (b"", 200, AnswerUnreadable),
        ({"id": ID, "email_address": EMAIL}, 200, AnswerUnreadable),
        ([ID], 200, AnswerUnreadable),
    ],
)
def test_search_that_is_not_answered_never_means_nobody(
    answered: Callable[..., IPaaS], body: object, status: int, error: type[SyncError]
) -> None:
    """It is the error that any read ends with, and it would meet any address."""
    with pytest.raises(error) as raised:
        answered(body, status).customers_with(EMAIL)
    assert raised.value.intent is Intent.STORES


@pytest.mark.parametrize("echo", [EMAIL, EMAIL.upper(), "zoe%40example.com", "zoe (at) example.com: zoe@example.com"])
def test_address_is_masked_in_what_is_said_of_a_search(answered: Callable[..., IPaaS], echo: str) -> None:
    """An API repeats what it was asked."""
    with pytest.raises(IPaaSReadFailed) as raised:
        answered({"code": "VALD-1004", "message": f"EmailAddress {echo} is not valid"}, 400).customers_with(EMAIL)
    assert raised.value.intent is Intent.CUSTOMERS
    assert "@" not in str(raised.value)
    assert "%40" not in str(raised.value)


def test_search_over_the_sandbox_finds_its_customer(sandbox: RunningSandbox) -> None:
    """With everything that an address can hold."""
    sandbox.sandbox.put_customer({"id": "9", "email_address": ODD})
    [found] = client(sandbox.url).customers_with(ODD).customers
    assert (found.id, found.email) == ("9", ODD)
