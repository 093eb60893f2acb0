"""iPaaS.com's client over real HTTP: the calls it makes, and what it makes of the answers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.integration.gate import Gate
from tests.integration.raw_server import RawServer, http, serving
from worker.effects import Effect, Moment
from worker.errors import (
    AnswerUnreadable,
    CustomerNotFound,
    IPaaSCredentialsRefused,
    IPaaSReadFailed,
    IPaaSUnreachable,
    LinkNotRecorded,
    SyncError,
)
from worker.http import Api
from worker.ipaas import IPaaS
from worker.ledger import ClaimLost

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from worker.sandbox.server import RunningSandbox

ID = "150713"
GUID = "0a8e4a1c-7d5e-4d0f-9f0a-111111111111"
EMAIL = "zoe@example.com"

CALLS: dict[str, Callable[[IPaaS], object]] = {
    "customer": lambda ipaas: ipaas.customer(ID),
    "link": lambda ipaas: ipaas.link(ID),
    "record_link": lambda ipaas: ipaas.record_link(ID, "143491"),
    "subscription_name": lambda ipaas: ipaas.subscription_name(),
}
READS = [name for name in CALLS if name != "record_link"]


def client(url: str, gate: Gate | None = None, effects: list[tuple[Effect, Moment]] | None = None) -> IPaaS:
    """The client of connection 4021."""
    noted = [] if effects is None else effects
    api = Api(
        "iPaaS.com",
        url,
        "Bearer sandbox-token",
        IPaaSUnreachable,
        witness=lambda effect, moment: noted.append((effect, moment)),
    )
    return IPaaS(api, 4021, GUID, gate or Gate())


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
        ("record_link", "POST /customers/v2/External/UpdateExternalId"),
        ("subscription_name", "GET /subscriptions/v2/Subscription/4021"),
    ],
)
def test_every_call_carries_the_token_and_the_tracking_id(
    answered: Callable[..., IPaaS], server: RawServer, name: str, line: str
) -> None:
    """The path of the contract, with `trackingGuid` as its only parameter."""
    server.answer = lambda _: [http(b"{}")]
    CALLS[name](answered({} if name != "link" else "143491"))
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
    ipaas = answered({} if name != "link" else None)
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
    assert (ipaas.customer(ID).link(4021), ipaas.link(ID)) == ("143491", "143491")


def test_subscription_tells_its_name(sandbox: RunningSandbox) -> None:
    """A cheap proof of the token."""
    assert client(sandbox.url).subscription_name() == "Stamped.io 4021"


def test_customer_that_does_not_exist_is_told_apart(sandbox: RunningSandbox) -> None:
    """A 404 on the read of a customer is an error of its own."""
    with pytest.raises(CustomerNotFound) as raised:
        client(sandbox.url).customer("999")
    assert raised.value.failure.http_status == 404


@pytest.mark.parametrize("body", [b"", b"OK", b"null", b"[]", b'"x"', b"5"])
def test_answer_that_is_no_customer_is_unreadable(answered: Callable[..., IPaaS], body: bytes) -> None:
    """Nothing of it is repeated."""
    with pytest.raises(AnswerUnreadable) as raised:
        answered(body).customer(ID)
    assert raised.value.failure.detail == "iPaaS.com's answer is not a customer"


@pytest.mark.parametrize(
    ("body", "link"),
    [
        (b'"143491"', "143491"),
        (b'"\\"143491\\""', "143491"),
        (b"143491", "143491"),
        (b'" 143491 "', "143491"),
        (b'"143491', "143491"),
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


@pytest.mark.parametrize("body", [b"{}", b"[]", b"true", b'{"external_id": "143491"}', b"1.5"])
def test_answer_that_is_no_link_is_unreadable(answered: Callable[..., IPaaS], body: bytes) -> None:
    """It is not taken for a customer without a link, which would be created."""
    with pytest.raises(AnswerUnreadable):
        answered(body).link(ID)


@pytest.mark.parametrize("name", READS)
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
    ipaas = answered({"code": "VALD-1001", "message": f"{EMAIL} is wrong"}, status, "Retry-After: 7")
    with pytest.raises(error) as raised:
        CALLS[name](ipaas)
    failure = raised.value.failure
    assert (failure.http_status, failure.detail, raised.value.retry_after) == (status, "[masked] is wrong", 7)


@pytest.mark.parametrize(
    ("status", "is_transient"), [(401, False), (403, False), (404, False), (429, True), (503, True)]
)
def test_refused_link_is_the_links_error(answered: Callable[..., IPaaS], status: int, is_transient: bool) -> None:
    """Whatever the status: the customer is in Stamped.io by then, and the operator must hear that."""
    with pytest.raises(LinkNotRecorded) as raised:
        answered({"message": f"{EMAIL} is wrong"}, status, "Retry-After: 7").record_link(ID, "143491")
    failure = raised.value.failure
    assert (failure.http_status, failure.detail, raised.value.retry_after) == (status, "[masked] is wrong", 7)
    assert raised.value.is_transient is is_transient


def test_link_that_was_cut_off_is_the_links_error_and_tried_again(server: RawServer) -> None:
    """Whether it was recorded is not known."""
    server.answer = lambda _: [b""]
    with pytest.raises(LinkNotRecorded) as raised:
        client(server.url).record_link(ID, "143491")
    assert raised.value.is_transient
    assert raised.value.__suppress_context__


@pytest.mark.parametrize("name", READS)
def test_read_that_was_cut_off_is_an_outage(server: RawServer, name: str) -> None:
    """It may pass."""
    server.answer = lambda _: [b""]
    with pytest.raises(IPaaSUnreachable):
        CALLS[name](client(server.url))


@pytest.mark.parametrize("name", CALLS)
def test_web_page_is_never_an_answer(answered: Callable[..., IPaaS], name: str) -> None:
    """Not even to the call that records a link."""
    with pytest.raises(LinkNotRecorded if name == "record_link" else AnswerUnreadable) as raised:
        CALLS[name](answered(b"<html></html>"))
    assert (raised.value.failure.http_status, raised.value.is_transient) == (200, False)


def test_link_on_a_host_that_is_not_found_is_the_links_error() -> None:
    """The customer is in Stamped.io by then."""
    with pytest.raises(LinkNotRecorded) as raised:
        client("http://no-such-host.invalid").record_link(ID, "143491")
    assert raised.value.failure.detail == "no-such-host.invalid cannot be resolved"
