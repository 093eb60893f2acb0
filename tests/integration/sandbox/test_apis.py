"""Both APIs of the sandbox over real HTTP, as the contract describes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests

from worker.sandbox.customers import sample_customers
from worker.sandbox.server import RunningSandbox, Sandbox, serve

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS = 30


class Client:
    """Calls both APIs over kept-alive connections, each with its credentials."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._ipaas, self._stamped = requests.Session(), requests.Session()
        self._ipaas.headers["Authorization"] = "Bearer sandbox-token"
        self._stamped.auth = ("sandbox-public", "sandbox-private")

    def ipaas(self, method: str, path: str, **body: object) -> requests.Response:
        """Call iPaaS.com."""
        return self._ipaas.request(method, self._url + path, json=body or None, timeout=SECONDS)

    def stamped(self, method: str, path: str, **body: object) -> requests.Response:
        """Call Stamped.io."""
        url = f"{self._url}/api/v2/270392/{path}"
        return self._stamped.request(method, url, json=body or None, timeout=SECONDS)

    def close(self) -> None:
        """Close the connections."""
        self._ipaas.close()
        self._stamped.close()


@pytest.fixture
def running() -> Iterator[RunningSandbox]:
    """A sandbox with all sample customers."""
    with serve(Sandbox(sample_customers())) as running:
        yield running


@pytest.fixture
def client(running: RunningSandbox) -> Iterator[Client]:
    """A client with the right credentials."""
    client = Client(running.url)
    yield client
    client.close()


def test_a_customer_goes_from_one_api_to_the_other_and_is_linked(client: Client, running: RunningSandbox) -> None:
    """Read, look up, create and link are the four calls of a first transfer."""
    source = client.ipaas("GET", "/customers/v2/Customer/150713?trackingGuid=1").json()
    looked_up = client.ipaas("GET", "/customers/v2/External/LookupExternal/150713/4021/customer").status_code
    written = client.stamped("POST", "dashboard/customers/add", email=source["email_address"], firstName="Zoë").json()
    link = {"table_name": "customer", "system_id": 4021, "external_id": str(written["id"]), "internal_id": "150713"}
    client.ipaas("POST", "/customers/v2/External/UpdateExternalId", **link)
    assert (looked_up, written["firstName"]) == (404, "Zoë")
    assert running.sandbox.links[4021]["150713"] == "143491"
    assert client.ipaas("GET", "/customers/v2/External/LookupExternal/150713/4021/customer").text == '"143491"'


def test_every_customer_is_on_some_page(client: Client) -> None:
    """Pages are read until the last one that the header names."""
    answers = [client.ipaas("GET", f"/customers/v2/Customers?pageNumber={page}") for page in range(1, 6)]
    assert answers[0].headers["X-Pagination"] == '{"current_Page": 1, "total_Pages": 5}'
    assert [customer for answer in answers for customer in answer.json()] == sample_customers()


def test_an_address_with_special_characters_is_found(client: Client) -> None:
    """The search is decoded from the query string."""
    client.stamped("POST", "dashboard/customers/add", email="zoë+a&b@example.com")
    found = client.stamped("GET", "dashboard/customers?search=zo%C3%AB%2Ba%26b%40example.com&page=1").json()
    assert [entry["customer"]["id"] for entry in found["results"]] == [143491]


def test_a_customer_is_found_in_ipaas_by_a_decoded_address(client: Client, running: RunningSandbox) -> None:
    """As Stamped.io's are."""
    running.sandbox.put_customer({"id": "9", "email_address": "zoë+a&b@example.com"})
    found = client.ipaas("GET", "/customers/v2/Customers?action=equals&EmailAddress=zo%C3%AB%2Ba%26b%40example.com")
    assert [each["id"] for each in found.json()] == ["9"]


def test_the_subscription_is_set_and_read(client: Client) -> None:
    """Unsubscribe shows when the customer is read."""
    client.stamped("POST", "dashboard/customers/add", email="zoe@example.com")
    client.stamped("POST", "survey/unsubscribe", email="zoe@example.com")
    assert client.stamped("GET", "dashboard/customers/143491").json()["isSubscribed"] is False


def test_wrong_credentials_are_refused_by_both(running: RunningSandbox) -> None:
    """Both answer 401 with a message."""
    source = requests.get(f"{running.url}/customers/v2/Customer/150713", timeout=SECONDS)
    store = requests.get(f"{running.url}/api/v2/270392/dashboard/customers", auth=("a", "b"), timeout=SECONDS)
    assert [(answer.status_code, "message" in answer.json()) for answer in (source, store)] == [(401, True)] * 2


def test_connections_are_kept_alive(client: Client) -> None:
    """An answer, a refusal and another answer come over one connection."""
    answers = [
        client.ipaas(
            "GET",
            f"/customers/v2/Customer/{known}",
        )
        for known in ("150713", "1", "150713")
    ]
    assert [answer.status_code for answer in answers] == [200, 404, 200]
    assert [answer.headers.get("Connection") for answer in answers] == [None] * 3


def test_the_rate_limit_is_enforced_on_the_wire(client: Client, running: RunningSandbox) -> None:
    """The call over the limit is answered 429 with the seconds to wait."""
    running.sandbox.set_rate_limit("stamped", 2, seconds=3600)
    answers = [client.stamped("GET", "dashboard/customers") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 3600


def test_the_log_has_no_query_string(client: Client, running: RunningSandbox) -> None:
    """It holds the path alone, so that no address gets into it."""
    client.stamped("GET", "dashboard/customers?search=zoe@example.com")
    assert [call.path for call in running.sandbox.calls] == ["/api/v2/270392/dashboard/customers"]
